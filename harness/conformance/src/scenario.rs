//! What a scenario file says, after parsing: names resolved, values encoded, places kept.

/// One scenario file.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The file's path as the user gave it, with `/` between folders: shown in messages.
    pub file: String,
    /// Stable identifier: the path below the scenario folder, without `.yaml` (`lopy/chr1-counts`).
    /// Names the expected trace and the test.
    pub id: String,
    /// One sentence that says what the device must do.
    pub name: String,
    /// Requirement ids of requirements.md and of the SIG suite that this scenario shows.
    pub covers: Vec<String>,
    /// Free words to select by.
    pub tags: Vec<String>,
    /// What the bench must be able to do.
    pub needs: Vec<Need>,
    /// The device under test.
    pub device: Device,
    /// In order; the first is usually `connect`.
    pub steps: Vec<Step>,
}

/// What not every central can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// PDUs of the scenario's own making, exact error codes, handles (`raw-att`).
    RawAtt,
    /// A control link to the board: board-side steps and events (`board`).
    Board,
}

/// Where something stands in its file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column in characters.
    pub column: u32,
}

/// The device under test, as data. A built-in application has the same description, so that
/// names can be looked up; it is only not sent to the board.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Set when the board runs an application of its own instead of `services`.
    pub builtin: Option<Builtin>,
    /// Name advertised.
    pub name: String,
    /// In table order, GAP and GATT not among them.
    pub services: Vec<Service>,
}

/// Applications compiled into the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// The example of requirements.md.
    Lopy,
}

/// A UUID as bytes, least significant first: 2 or 16 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(pub Vec<u8>);

/// A service of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The scenario's own name for it.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Primary or secondary.
    pub primary: bool,
    /// A fixed handle for the declaration, if the scenario demands one.
    pub handle: Option<u16>,
    /// Indices into [`Device::services`] of included services, all before this one.
    pub includes: Vec<usize>,
    /// In table order.
    pub characteristics: Vec<Characteristic>,
}

/// A characteristic of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Characteristic {
    /// Unique in the device.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// A fixed handle for the declaration.
    pub handle: Option<u16>,
    /// Characteristic Properties bit field (Core Vol 3 Part G 3.3.1.1).
    pub properties: u8,
    /// What reading its value needs.
    pub read: Access,
    /// What writing its value needs.
    pub write: Access,
    /// Longest value in bytes, 1 to 512.
    pub max_len: u16,
    /// Initial value, as given to the API.
    pub value: ApiValue,
    /// Besides the CCCD, which comes by itself with NOTIFY or INDICATE.
    pub descriptors: Vec<Descriptor>,
    /// The callback registered at start, if any.
    pub callback: Option<Callback>,
}

/// A descriptor of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor {
    /// Unique in its characteristic.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// What reading needs.
    pub read: Access,
    /// What writing needs.
    pub write: Access,
    /// Initial value.
    pub value: Vec<u8>,
    /// Longest value in bytes, 1 to 512.
    pub max_len: u16,
}

/// What one direction of access needs (Core Vol 3 Part F 3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Not permitted at all.
    Never,
    /// Nothing.
    Open,
    /// An encrypted link with a key of at least this many bytes (7 to 16).
    Encrypted(u8),
    /// Likewise, with a key from an authenticated pairing.
    Authenticated(u8),
    /// Refused with 0x08 by the application.
    Authorised,
}

/// A value as written against the device's API: the *device* turns it into bytes (VAL-3 to VAL-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiValue {
    /// `value(5)`.
    Int(i64),
    /// `value("hello")`.
    Text(String),
    /// `value(b"..")`.
    Bytes(Vec<u8>),
}

/// A callback given as rules; the first rule whose guard holds decides, after `count`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Callback {
    /// Trigger bits: 0x08 read, 0x10 write, 0x80 subscribe.
    pub on: u16,
    /// The counter's first value; each call adds one before the guards are judged.
    pub counter: i64,
    /// What the handler receives as its argument, if anything (CB-5, CB-6).
    pub arg: Option<String>,
    /// Tried in order; none holding means: return nothing.
    pub rules: Vec<Rule>,
}

/// One rule of a callback.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// Only for these event bits, if given (judged by CB-14's argument).
    pub event: Option<u16>,
    /// Only while the counter is at least this.
    pub counter_min: Option<i64>,
    /// Only while the counter is at most this.
    pub counter_max: Option<i64>,
    /// Only when the stored value is this.
    pub value: Option<Vec<u8>>,
    /// In order.
    pub actions: Vec<RuleAction>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleAction {
    /// Print a line; `{value}`, `{counter}`, `{arg}` and `{events}` are filled in (`{events}` reads and clears the flags).
    Log(String),
    /// Return this value to the reader.
    Reply(ApiValue),
    /// Return the counter to the reader, as an integer.
    ReplyCounter,
    /// Answer with an ATT error code (CB-15).
    Reject(u8),
    /// `characteristic.value(v)` on the named characteristic (service index, characteristic index).
    Set {
        /// Which characteristic.
        target: CharacteristicRef,
        /// The new value.
        value: ApiValue,
    },
}

/// A characteristic of [`Device::services`], by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CharacteristicRef {
    /// Index into [`Device::services`].
    pub service: usize,
    /// Index into [`Service::characteristics`].
    pub characteristic: usize,
}

/// One step: what to do and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where the step begins.
    pub place: Place,
    /// The step in one short line, as the trace and messages show it (`read chr1`).
    pub label: String,
    /// What to do.
    pub action: Action,
}

/// What the client must see of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Success, any value; the trace holds it.
    Success,
    /// Success with exactly this value.
    Value(Vec<u8>),
    /// An Error Response with this code.
    Error(u8),
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// ATT_WRITE_REQ.
    Request,
    /// ATT_WRITE_CMD.
    Command,
}

/// Notification or indication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// ATT_HANDLE_VALUE_NTF, CCCD bit 0.
    Notification,
    /// ATT_HANDLE_VALUE_IND, CCCD bit 1.
    Indication,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Connect to the device by the address that `Start` gave it.
    Connect,
    /// The client ends the connection.
    Disconnect,
    /// The application starts anew: `Start` again, same address (GAP-9).
    Restart,
    /// Discover everything and put it in the trace.
    Discover,
    /// Exchange MTU.
    Mtu {
        /// The client's receive MTU, 23 to 517.
        size: u16,
        /// The MTU that must result.
        expect: Option<u16>,
    },
    /// One ATT_READ_REQ.
    Read {
        /// What to read.
        target: CharacteristicRef,
        /// What must come.
        expect: Expect,
    },
    /// ATT_READ_REQ, then ATT_READ_BLOB_REQ until a short part.
    ReadLong {
        /// What to read.
        target: CharacteristicRef,
        /// What must come in the end.
        expect: Expect,
    },
    /// Write a value.
    Write {
        /// What to write to.
        target: CharacteristicRef,
        /// The bytes.
        value: Vec<u8>,
        /// With or without response.
        mode: WriteMode,
        /// [`Expect::Success`] or an error; always success for a command.
        expect: Expect,
    },
    /// Read a descriptor by name.
    ReadDescriptor {
        /// Its characteristic.
        target: CharacteristicRef,
        /// Which of its descriptors.
        descriptor: DescriptorRef,
        /// What must come.
        expect: Expect,
    },
    /// Write a descriptor by name.
    WriteDescriptor {
        /// Its characteristic.
        target: CharacteristicRef,
        /// Which of its descriptors.
        descriptor: DescriptorRef,
        /// The bytes.
        value: Vec<u8>,
        /// What must come.
        expect: Expect,
    },
    /// Write the CCCD.
    Subscribe {
        /// Whose CCCD.
        target: CharacteristicRef,
        /// Bits to set: 1 notifications, 2 indications, 3 both, 0 unsubscribes.
        bits: u16,
        /// Success or an error.
        expect: Expect,
    },
    /// A notification or indication that has come or will come before the deadline.
    Expect {
        /// Which kind.
        push: Push,
        /// From which characteristic.
        target: CharacteristicRef,
        /// With exactly these bytes, if given.
        value: Option<Vec<u8>>,
    },
    /// Nothing may come from the device for this long.
    Quiet {
        /// Length of the window in milliseconds.
        ms: u32,
    },
    /// A PDU as bytes; `expect` `None` means that nothing may answer it.
    Att {
        /// What to send.
        send: Vec<u8>,
        /// The exact response.
        expect: Option<Vec<u8>>,
    },
    /// Something said to the board over its control link.
    Board(BoardAction),
}

/// A descriptor of a characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptorRef {
    /// The client characteristic configuration descriptor.
    Cccd,
    /// Index into [`Characteristic::descriptors`].
    Named(usize),
}

/// An object with event flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// The Bluetooth object.
    Bluetooth,
    /// A characteristic.
    Characteristic(CharacteristicRef),
}

/// A call of the device's API.
#[derive(Debug, Clone, PartialEq)]
pub enum BoardAction {
    /// `events()`: reads and clears.
    Events {
        /// Whose.
        of: EventSource,
        /// The flags that must come, if given.
        expect: Option<u16>,
    },
    /// `value()`.
    Value {
        /// Whose.
        target: CharacteristicRef,
        /// The bytes that must come, if given.
        expect: Option<Vec<u8>>,
    },
    /// `value(v)`.
    Set {
        /// Whose.
        target: CharacteristicRef,
        /// The new value.
        value: ApiValue,
        /// True when the API must refuse it (VAL-3, VAL-7).
        refused: bool,
    },
    /// `callback(trigger, handler, arg)`; `None` removes it (CB-7).
    Callback {
        /// Whose.
        target: CharacteristicRef,
        /// The new callback.
        callback: Option<Callback>,
    },
    /// `advertise(on)`.
    Advertise {
        /// On or off.
        on: bool,
    },
    /// `disconnect_client()`; complete when both ends have reported.
    DisconnectClient,
}

impl Device {
    /// The characteristic at that position, if there is one.
    #[must_use]
    pub fn characteristic(&self, at: CharacteristicRef) -> Option<&Characteristic> {
        self.services.get(at.service)?.characteristics.get(at.characteristic)
    }

    /// Its name; empty if there is no such characteristic.
    #[must_use]
    pub fn name_of(&self, at: CharacteristicRef) -> &str {
        self.characteristic(at).map_or("", |characteristic| &characteristic.name)
    }
}

impl Characteristic {
    /// True when NOTIFY is among its properties.
    #[must_use]
    pub fn can_notify(&self) -> bool {
        self.properties & 0x10 != 0
    }

    /// True when INDICATE is among its properties.
    #[must_use]
    pub fn can_indicate(&self) -> bool {
        self.properties & 0x20 != 0
    }
}
