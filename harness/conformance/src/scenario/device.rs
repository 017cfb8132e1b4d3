//! The device under test, as data.

use super::{Advertisement, BondLevel};
use std::fmt;

/// The device under test, as data. A built-in application and an external device have the same
/// description, so that names can be looked up; it is only not sent to the board.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Set when the board runs an application of its own instead of `services`.
    pub builtin: Option<Builtin>,
    /// Set when the device is not a board of ours: there is no control link to it.
    pub external: Option<External>,
    /// Name advertised.
    pub name: String,
    /// What is advertised besides the name, from the start.
    pub advertisement: Advertisement,
    /// Clients that are served at the same time (GAP-6).
    pub clients: u8,
    /// The GATT service tells clients of changes of the table (Core Vol 3 Part G 7.1 to 7.3).
    pub caching: bool,
    /// Value of the Appearance characteristic (Assigned Numbers 2.6).
    pub appearance: u16,
    /// Clients may write the device name (Core Vol 3 Part C 12.1).
    pub writable_name: bool,
    /// How clients may pair; `None`: not at all, or for an external device as it likes.
    pub pairing: Option<Pairing>,
    /// The Bluetooth object's callback, registered at start, if any.
    pub callback: Option<Callback>,
    /// In table order, GAP and GATT not among them; with [`Self::caching`] then what clients see of GATT,
    /// and last what steps add.
    pub services: Vec<Service>,
}

impl Default for Device {
    /// A table without services, for one client at a time.
    fn default() -> Self {
        Self {
            builtin: None,
            external: None,
            name: String::new(),
            advertisement: Advertisement::default(),
            clients: 1,
            caching: false,
            appearance: 0,
            writable_name: false,
            pairing: None,
            callback: None,
            services: Vec::new(),
        }
    }
}

/// How clients may pair with a board (Core Vol 3 Part H 2.3.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// The board has neither display nor keys.
    JustWorks,
    /// The board shows a passkey for the client to type.
    Passkey,
}

impl Pairing {
    /// What the key is worth that comes of it (Core Vol 3 Part H 2.3.5.1).
    #[must_use]
    pub fn level(self) -> BondLevel {
        match self {
            Self::JustWorks => BondLevel::Unauthenticated,
            Self::Passkey => BondLevel::Authenticated,
        }
    }
}

/// How an external device is recognised by what it advertises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum External {
    /// Its address, least significant byte first.
    Address([u8; 6]),
    /// Its complete local name.
    Name(String),
    /// A service UUID among those that it lists.
    Service(Uuid),
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

/// As traces show it: `0x04D2` where there is a 16-bit form, else the canonical text.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::spelling::uuid(&self.0))
    }
}

/// A service of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The scenario's own name for it.
    pub name: String,
    /// True when a step adds it: it is not there at the start.
    pub added: bool,
    /// True when the device has it by itself: no table makes it, and the application does not reach it.
    pub system: bool,
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
    /// A fixed handle for the CCCD.
    pub cccd_handle: Option<u16>,
    /// Characteristic Properties bit field (Core Vol 3 Part G 3.3.1.1).
    pub properties: u8,
    /// What reading its value needs.
    pub read: Access,
    /// What writing its value needs.
    pub write: Access,
    /// What writing its CCCD needs.
    pub subscribe: Access,
    /// Which lengths its value may have.
    pub length: Length,
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
    /// Which lengths its value may have.
    pub length: Length,
    /// A fixed handle.
    pub handle: Option<u16>,
}

/// Which lengths a value may have, in bytes, 1 to 512.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// At most so many.
    UpTo(u16),
    /// Always so many: a client's shorter write leaves the rest (Core Vol 3 Part F 3.4.5.1).
    Fixed(u16),
}

impl Length {
    /// That of any attribute (Core Vol 3 Part F 3.2.9).
    pub const ANY: Self = Self::UpTo(512);

    /// The most bytes.
    #[must_use]
    pub fn max(self) -> u16 {
        let (Self::UpTo(bytes) | Self::Fixed(bytes)) = self;
        bytes
    }
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
    /// Trigger bits: 0x08 read, 0x10 write, 0x80 subscribe; of the Bluetooth object 0x02 connected,
    /// 0x04 disconnected.
    pub on: u16,
    /// The handler first calls `events()`, and its guards go by the flags that came, not by CB-14's
    /// argument.
    pub reads_events: bool,
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
    /// Only for these event bits, if given: judged by CB-14's argument, or by the flags where
    /// [`Callback::reads_events`] is set.
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
    /// Print a line; `{value}` (stored), `{written}` (by this call), `{counter}`, `{arg}` and `{events}` are filled in (`{events}` reads and clears the flags).
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
    /// Push the stored value of this characteristic again, to whoever has subscribed.
    Notify(CharacteristicRef),
    /// The answer waits for this many milliseconds; other connections go on.
    Delay {
        /// How long.
        ms: u32,
    },
    /// `disconnect_client()`; what answers this request leaves first.
    Disconnect,
}

/// A characteristic of [`Device::services`], by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CharacteristicRef {
    /// Index into [`Device::services`].
    pub service: usize,
    /// Index into [`Service::characteristics`].
    pub characteristic: usize,
}

impl Device {
    /// The characteristic at that position, if there is one.
    #[must_use]
    pub fn characteristic(&self, at: CharacteristicRef) -> Option<&Characteristic> {
        self.services.get(at.service)?.characteristics.get(at.characteristic)
    }

    /// The characteristics with their positions, in table order.
    pub fn characteristics(&self) -> impl Iterator<Item = (CharacteristicRef, &Characteristic)> {
        self.services.iter().enumerate().flat_map(|(service, entry)| {
            let all = entry.characteristics.iter().enumerate();
            all.map(move |(characteristic, entry)| (CharacteristicRef { service, characteristic }, entry))
        })
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
