//! Steps of the client.

use super::{BoardAction, CharacteristicRef, Place, Uuid};

/// One step: what to do and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where the step begins.
    pub place: Place,
    /// The step in one short line, as the trace and messages show it (`read chr1`).
    pub label: String,
    /// Which client does it: 0 is the one without a name, the others stand in
    /// [`super::Scenario::centrals`].
    pub central: usize,
    /// What to do.
    pub action: Action,
    /// All that the board must have reported during the step, in the trace's own words without
    /// `board: `; answers to board steps are not among them.
    pub reports: Option<Vec<String>>,
    /// The name under which the value that is read is kept for later steps.
    pub save: Option<String>,
}

/// A value that a client writes or expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientValue {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What an earlier step has saved under this name.
    Saved(String),
}

impl From<Vec<u8>> for ClientValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// What the client must see of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Success, any value; the trace holds it.
    Success,
    /// Success with exactly this value.
    Value(ClientValue),
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
    /// ATT_SIGNED_WRITE_CMD, signed with the bond's key (Core Vol 3 Part G 4.9.2).
    Signed,
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
    /// The client ends the connection and connects again.
    Reconnect,
    /// The device ends the connection, in this step or in the one before.
    ExpectDisconnection,
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
        /// What to write.
        value: ClientValue,
        /// With or without response.
        mode: WriteMode,
        /// [`Expect::Success`] or an error; always success for a command.
        expect: Expect,
    },
    /// Prepare Write Requests for the parts of one value, then Execute Write (Core Vol 3 Part G 4.9.4).
    WriteLong {
        /// What to write to.
        target: CharacteristicRef,
        /// What to write.
        value: ClientValue,
        /// [`Expect::Success`] or an error.
        expect: Expect,
    },
    /// Prepared writes of several values that are executed as one; each echo is compared, and one that
    /// differs cancels them all (Core Vol 3 Part G 4.9.5).
    WriteReliable {
        /// Where and what, in order.
        writes: Vec<(CharacteristicRef, ClientValue)>,
        /// [`Expect::Success`] or an error.
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
        /// What to write.
        value: ClientValue,
        /// What must come.
        expect: Expect,
    },
    /// Write the CCCD.
    Subscribe {
        /// Whose CCCD.
        target: CharacteristicRef,
        /// Bits to set: 1 notifications, 2 indications, 3 both, 0 unsubscribes.
        bits: u16,
        /// False: the client leaves indications of this characteristic unconfirmed.
        confirm: bool,
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
        value: Option<ClientValue>,
    },
    /// The device advertises, or does not: by active scanning.
    ExpectAdvertisement(AdvertisementExpect),
    /// One key and identity at both ends.
    Bond(Bond),
    /// The client pairs, and bonds.
    Pair(Pair),
    /// The client starts encryption with the bond's key.
    Encrypt,
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
    /// Requests sent without waiting for one another, each with its exact response, in order.
    Pipelined(Vec<Exchange>),
    /// Something said to the board over its control link.
    Board(BoardAction),
}

/// A request and its response, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What to send.
    pub send: Vec<u8>,
    /// The exact response.
    pub expect: Vec<u8>,
}

/// A descriptor of a characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptorRef {
    /// The client characteristic configuration descriptor.
    Cccd,
    /// Index into [`super::Characteristic::descriptors`].
    Named(usize),
}

/// What must be advertised; fields that are not given may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertisementExpect {
    /// Complete local name.
    pub name: Option<String>,
    /// Among the complete list of service UUIDs.
    pub service_uuid: Option<Uuid>,
    /// Manufacturer data, company identifier included.
    pub manufacturer_data: Option<Vec<u8>>,
    /// Data of the service, without its UUID.
    pub service_data: Option<Vec<u8>>,
    /// Flags (Core Supplement Part A 1.3).
    pub flags: Option<u8>,
    /// TX power in dBm.
    pub tx_power: Option<i8>,
    /// False: nothing that has all these fields may be advertised.
    pub present: bool,
}

/// What comes of pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// The link is encrypted with the key of a new bond. A passkey that the board shows is typed.
    Complete,
    /// It fails: the client types another passkey than the one that the board shows.
    WrongPasskey,
    /// It fails: the device does not pair.
    Refused,
}

/// A bond, made without pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    /// What the key is worth.
    pub level: BondLevel,
    /// Length of the encryption key in bytes, 7 to 16 (Core Vol 3 Part H 2.3.4).
    pub key_size: u8,
    /// Connection Signature Resolving Key, least significant byte first, for signed writes.
    pub csrk: Option<[u8; 16]>,
}

/// What a bond's key is worth (Core Vol 3 Part C 10.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BondLevel {
    /// Made without protection against a man in the middle.
    Unauthenticated,
    /// Made with it.
    Authenticated,
}
