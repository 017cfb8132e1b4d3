//! Wrong devices as data: the right one, and what is done otherwise around its server.
//!
//! Only images built to be wrong on purpose can read this. For every other image [`crate::Start::mutant`]
//! is bytes that it refuses.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A wrong device. Without deviations it is the right one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mutant {
    /// All of them hold at once, in order.
    pub deviations: Vec<Deviation>,
}

impl Mutant {
    /// As [`crate::Start::mutant`] carries it; never empty.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Writing into memory cannot fail.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The other way round; `None` for bytes of another version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// One thing done otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deviation {
    /// A PDU from the client, and what comes of it.
    Exchange(When, Vec<Act>),
    /// A PDU that the server sends of its own accord, by opcode (0x1B, 0x1D or 0x23) and by what its handle names.
    Push(u8, Option<Target>, Vec<PushAct>),
    /// What the link is taken for.
    Link(LinkAct),
    /// A client has connected.
    Connected(Vec<Act>),
    /// What `events()` gives.
    Flags(Flags),
    /// What a handler does for these events; connection events are the Bluetooth object's.
    Handler(u16, HandlerAct),
    /// How callbacks are registered.
    Registration(Registration),
    /// How values are taken from the application.
    Value(ValueAct),
    /// What setting a value does besides.
    Set(SetAct),
    /// A line that holds the first text: with it replaced by the second, or not printed at all.
    Log(String, Option<String>),
    /// What GAP does.
    Gap(GapAct),
    /// The table that is built.
    Table(TableEdit),
    /// What a new start or a new connection does to the application.
    Life(Life),
    /// The 30 s of an indication pass so many times as fast; 0: never.
    Clock(u8),
}

/// Which PDUs of a client are meant. All conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct When {
    /// First byte; none: any.
    pub opcodes: Vec<u8>,
    /// Further conditions on the PDU.
    pub tests: Vec<Test>,
    /// What the handle behind the opcode names.
    pub target: Option<Target>,
    /// What the right server answers. With acts that come before that, this must be left out.
    pub answer: Option<Answered>,
    /// So many first ones of a connection are dealt with as they should be.
    pub skip: u16,
}

/// A condition on a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Test {
    /// The byte at this place is this.
    Is(u16, u8),
    /// There is a byte at this place, and it is another.
    IsNot(u16, u8),
    /// At least so many bytes.
    AtLeast(u16),
    /// At most so many bytes.
    AtMost(u16),
}

/// What a handle names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A characteristic's value.
    Value,
    /// A CCCD.
    Cccd,
    /// Any other attribute, or none.
    Other,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answered {
    /// An Error Response with this code; 0: with any.
    Error(u8),
    /// A response that is no Error Response.
    Well,
    /// A response of its opcode alone.
    Empty,
    /// None.
    Nothing,
}

/// A change of bytes. Places that are not there are left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// This byte becomes that.
    Set(u16, u8),
    /// This is added to the byte, modulo 256.
    Add(u16, u8),
    /// So many bytes are taken off the end.
    Cut(u16),
    /// At most so many bytes stay.
    Keep(u16),
    /// These bytes follow.
    Append(Vec<u8>),
    /// The bytes from this place on stand in reverse.
    ReverseFrom(u16),
    /// An item of a list response is left out; a list without items is the error 0x0A.
    DropItem(Item),
    /// An item of a list response comes twice.
    RepeatItem(Item),
    /// The items of a list response are in the opposite order.
    ReverseItems,
}

/// An item of a list response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// The first.
    First,
    /// The last.
    Last,
}

/// A part of a PDU that is put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Opcode of the client's PDU.
    Opcode,
    /// Its first handle.
    Handle,
    /// Its bytes from this place on.
    Rest(u16),
    /// The stored value of the characteristic that its handle, or the handle of the CCCD, belongs to.
    Stored,
    /// The handle of that characteristic's value.
    ValueHandle,
}

/// What is done about a PDU. Those up to [`Act::Hold`] come before the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// The server gets it changed.
    Request(Edit),
    /// The server gets this first, and its answer goes nowhere.
    Before(Vec<Part>),
    /// The server never gets it.
    Unseen,
    /// It waits until the next one has been dealt with.
    Hold,
    /// The answer is changed.
    Answer(Edit),
    /// This is the answer; nothing: there is none.
    Reply(Vec<Part>),
    /// The server gets this afterwards, and its answer goes nowhere.
    After(Vec<Part>),
    /// The same, and neither handlers nor flags nor the trace take notice.
    Quietly(Vec<Part>),
    /// The PDU, changed so, goes to the server again, as long as that answers the same error.
    Retry(Edit),
    /// A further PDU follows.
    Send(Vec<Part>),
    /// The answer comes twice.
    Twice,
    /// The answer waits for so many milliseconds.
    Late(u32),
    /// The answer is that to the same PDU before.
    Stale,
    /// What is to be pushed leaves before the answer.
    PushFirst,
    /// The bytes from this place on become the stored value, whatever the server said.
    Store(u16),
    /// These event flags are set as well.
    Flag(u16),
    /// The PDU is kept for [`Act::Replay`].
    Remember,
    /// The server quietly gets everything that was remembered.
    Replay,
    /// Each CCCD is quietly set to this.
    Subscribe(u8),
    /// The link counts as bonded, encrypted, authenticated and authorised.
    Trust,
    /// The connection is ended.
    Disconnect,
}

/// What is done about a notification or indication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PushAct {
    /// It is changed.
    Edit(Edit),
    /// It is not sent.
    Drop,
    /// It is sent twice.
    Twice,
    /// It has the whole stored value, whatever the MTU.
    Whole,
    /// It has the value of the one before.
    Stale,
    /// It counts as confirmed at once.
    Confirmed,
}

/// What is made of a link's security.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkAct {
    /// Every key counts as 16 bytes long.
    LongKeys,
    /// Every key counts as authenticated.
    Authenticated,
    /// Encryption is not noticed.
    NeverEncrypted,
    /// Bonds are not noticed.
    NeverBonded,
    /// Of a bonded client nothing is remembered.
    Forgotten,
    /// The bond that pairing gives is not kept.
    BondDropped,
    /// Another passkey is shown than the one that counts.
    OtherPasskey,
}

/// What `events()` does otherwise with these bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flags {
    /// They stay set.
    Keep(u16),
    /// They are never given.
    Lose(u16),
    /// The first is given as the second.
    Rename(u16, u16),
    /// Of several, only the lowest is given.
    One,
    /// They are set only where a handler ran for them.
    Unhandled(u16),
    /// They are set after the handler.
    Late(u16),
    /// A disconnection clears them.
    EndWithConnection,
    /// All characteristics have the same.
    Shared,
}

/// What becomes of a handler's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandlerAct {
    /// It does not run.
    Skip,
    /// It runs twice.
    Twice,
    /// Its answer is dropped.
    ReplyDropped,
    /// Its answer is stored.
    ReplyStored,
    /// Its answer is kept to so many bytes.
    ReplyKeep(u16),
    /// An answer of a multiple of 256 bytes is empty.
    ReplyModulo,
    /// Its answer has its bytes in reverse.
    ReplyReversed,
    /// Its answer, whatever it runs for, answers the next read.
    ReplyLater,
    /// Returning nothing answers with the stored value as it was before.
    StoredBefore,
    /// `value()` in it gives the value before the write.
    OldValue,
    /// It is told the value before the write.
    ToldOldValue,
    /// An ATT error that it answers with is not given to the client.
    NoReject,
}

/// How callbacks are registered otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Registration {
    /// Where any of the first bits is a trigger, the second are too.
    Add(u16, u16),
    /// These triggers are left out.
    Remove(u16),
    /// Where there is a callback already, it stays.
    FirstStays,
    /// A callback is never removed.
    NotRemoved,
}

/// How values of the application are taken otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueAct {
    /// Integers are little-endian.
    LittleEndian,
    /// Integers have so many bytes, 1 to 8.
    Width(u8),
    /// Integers out of range are taken modulo 2^32.
    Wrap,
    /// Texts end with a zero byte.
    Terminated,
    /// Texts have a byte for each character.
    Latin1,
    /// Values end at the first zero byte that is not their first.
    UntilZero,
    /// Values have at most so many bytes, the rest is cut.
    Limit(u16),
    /// What is over the limit is cut.
    CutAtLimit,
    /// What `value()` gives is the value before.
    Stale,
}

/// What setting a value does otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetAct {
    /// Nothing.
    Ignore,
    /// It notifies every client.
    ToAll,
    /// It counts as a client's write: flag and handler.
    AsWrite,
    /// It closes the snapshots of long reads.
    ClosesSnapshots,
}

/// What GAP does otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GapAct {
    /// This field of the advertisement is left out.
    DropField(u8),
    /// This field of the advertisement has its bytes in reverse.
    ReverseField(u8),
    /// The first byte of this field of the advertisement is another.
    SetField(u8, u8),
    /// The scan response is empty.
    NoScanResponse,
    /// What was set first stays.
    FirstStays,
    /// A field that is too long is left out.
    DropTooLong,
    /// `advertise(false)` does nothing.
    Stays,
    /// `advertise(true)` does nothing after the first time.
    Never,
    /// A disconnection does not start it again.
    NotResumed,
    /// So many clients are served.
    Clients(u8),
    /// `disconnect_client()` does nothing.
    KeepsClients,
}

/// What is built otherwise than the table says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableEdit {
    /// These property bits are toggled.
    Properties(u8),
    /// Permissions: what is never allowed to be read is open.
    ReadNever,
    /// What is never allowed to be written is open.
    WriteNever,
    /// Security is not asked for.
    Open,
    /// Clients pair in the second way where it should be the first.
    Pairing(crate::Pairing, crate::Pairing),
    /// UUIDs have their bytes in reverse.
    ReverseUuids,
    /// Secondary services are primary.
    AllPrimary,
    /// No service includes another.
    NoIncludes,
    /// The last descriptor is missing.
    DropDescriptor,
    /// The last characteristic of each service is missing.
    DropCharacteristic,
    /// Fixed handles are not kept.
    NoHandles,
    /// Limits of values are wider by so many bytes.
    Longer(u16),
    /// Callbacks get this argument instead of their own.
    Argument(Option<String>),
    /// Counters begin at this.
    Counter(i64),
    /// Values are empty.
    NoValues,
    /// Integers are little-endian.
    LittleEndian,
    /// Integers have so many bytes, 1 to 8.
    Width(u8),
}

/// What a new start or a new connection does otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// A start leaves everything as it is.
    NeverRestarts,
    /// A start keeps the values.
    KeepsValues,
    /// Callbacks and their counters begin anew with each connection.
    CountersEnd,
    /// Services that are stopped stay.
    NothingStops,
}
