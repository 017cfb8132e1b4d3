//! What the rig saw, step by step. Names are resolved, times and addresses are gone.

/// All that was seen during one step, up to its barrier.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepObservation {
    /// What the board reported, in the order of its sequence numbers.
    pub board: Vec<BoardEvent>,
    /// What the step's own central saw, in order.
    pub central: Vec<CentralEvent>,
    /// What other centrals saw meanwhile, by central and then in order.
    pub others: Vec<Seen>,
    /// The order in which attributes were found says nothing: the operating system's library does not tell it.
    pub is_unordered: bool,
}

/// What another central saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which one, as [`crate::scenario::Step::central`] counts.
    pub central: usize,
    /// What.
    pub event: CentralEvent,
}

/// Something that the board reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardEvent {
    /// A client connected.
    Connected,
    /// A client disconnected.
    Disconnected,
    /// A handler ran.
    Handler {
        /// The characteristic's name, or its handle as `0x002A` when the scenario has no name for it.
        target: String,
        /// Event bits (0x08 read, 0x10 write, 0x80 subscribe).
        event: u16,
        /// For a write, what was written.
        value: Vec<u8>,
    },
    /// What a handler returned was unusable (CB-8).
    HandlerError {
        /// The characteristic's name.
        target: String,
        /// The device's own words.
        message: String,
    },
    /// A line that the application printed.
    Log(String),
    /// The link was encrypted with the bond's key, for the first time or anew.
    Encrypted {
        /// What the key is worth.
        level: crate::scenario::BondLevel,
        /// Size of the key in bytes.
        key_size: u8,
    },
    /// The board shows a passkey. Which one, differs from run to run.
    PasskeyShown,
    /// A pairing is complete.
    Paired,
    /// A pairing has failed.
    PairingFailed,
    /// An indication was confirmed.
    Confirmed {
        /// The characteristic's name.
        target: String,
    },
    /// An indication was not confirmed within 30 s.
    IndicationTimeout {
        /// The characteristic's name.
        target: String,
    },
    /// Answer to an API call: flags.
    Events(u16),
    /// Answer to an API call: bytes.
    Value(Vec<u8>),
    /// Answer to an API call: done.
    Done,
    /// Answer to an API call: refused, in the device's own words.
    Refused(String),
}

/// Something that the central saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CentralEvent {
    /// The link is up, at both ends.
    Connected,
    /// The link is down, at both ends.
    Disconnected,
    /// A value, whole.
    Value(Vec<u8>),
    /// A write was accepted.
    Written,
    /// A write command was sent.
    Sent,
    /// The client is paired with the device, and the link encrypted, at both ends.
    Paired,
    /// Pairing has failed. Why, an operating system does not tell.
    NotPaired,
    /// The link is encrypted, at both ends.
    Encrypted,
    /// The device refused to encrypt the link, or did so with another key: the HCI error code (Core Vol 1 Part F 1.3).
    NotEncrypted(u8),
    /// An Error Response, by code.
    Error(u8),
    /// An error whose code the operating system keeps to itself, in its words: neither right nor wrong.
    HiddenError(String),
    /// The MTU that resulted.
    Mtu(u16),
    /// A notification or indication.
    Pushed {
        /// Which kind.
        push: crate::scenario::Push,
        /// The characteristic's name, or its handle as `0x002A`.
        target: String,
        /// The bytes.
        value: Vec<u8>,
    },
    /// A response PDU in a raw step.
    Pdu(Vec<u8>),
    /// Nothing came within the step's window.
    Nothing,
    /// A request got no response within 30 s (Core Vol 3 Part F 3.3.3), though the board was alive.
    NoResponse,
    /// A response, or a PDU that nobody asked for, that breaks the specification, in words.
    Malformed(String),
    /// Discovery does not show an attribute that the device's table has: its name.
    Missing(String),
    /// The device advertises this.
    Advertised(Vec<AdField>),
    /// A discovered attribute group, one line each, in handle order.
    Found(Found),
}

/// One field of what a device advertises, in its advertisements or its scan responses (Core Supplement
/// Part A 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdField {
    /// Flags.
    Flags(u8),
    /// Complete local name.
    Name(String),
    /// TX power in dBm.
    TxPower(i8),
    /// A service UUID as bytes, least significant first.
    ServiceUuid(Vec<u8>),
    /// Data of a service.
    ServiceData {
        /// Its UUID as bytes, least significant first.
        uuid: Vec<u8>,
        /// The data behind it.
        data: Vec<u8>,
    },
    /// Manufacturer data, company identifier included.
    ManufacturerData(Vec<u8>),
    /// Any other.
    Other {
        /// Its AD type.
        kind: u8,
        /// Its content.
        data: Vec<u8>,
    },
}

/// One line of a discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A service declaration.
    Service {
        /// Bytes, least significant first.
        uuid: Vec<u8>,
        /// Primary or secondary.
        primary: bool,
    },
    /// An included service.
    Include {
        /// Its UUID.
        uuid: Vec<u8>,
    },
    /// A characteristic declaration.
    Characteristic {
        /// Bytes, least significant first.
        uuid: Vec<u8>,
        /// Property bits.
        properties: u8,
    },
    /// A descriptor.
    Descriptor {
        /// Bytes, least significant first.
        uuid: Vec<u8>,
    },
}
