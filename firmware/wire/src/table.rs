//! Device tables and callback rules: a new device needs no new image.

use alloc::string::String;
use alloc::vec::Vec;
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

/// A whole device. GAP and GATT services are not listed: every board has them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Schema)]
pub struct Table {
    /// Name to advertise.
    pub name: String,
    /// What to advertise besides the name.
    pub advertisement: Advertisement,
    /// Clients served at the same time; 0 counts as 1.
    pub clients: u8,
    /// The GATT service has Service Changed, Client Supported Features and Database Hash.
    pub caching: bool,
    /// Value of the Appearance characteristic (Assigned Numbers 2.6).
    pub appearance: u16,
    /// Clients may write the device name (Core Vol 3 Part C 12.1).
    pub writable_name: bool,
    /// How clients may pair.
    pub pairing: Pairing,
    /// The Bluetooth object's callback, registered at start.
    pub callback: Option<Callback>,
    /// In table order.
    pub services: Vec<Service>,
}

/// How clients may pair with the board. What it agrees to, it also bonds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Schema)]
pub enum Pairing {
    /// Not at all.
    #[default]
    No,
    /// The board has neither display nor keys (Core Vol 3 Part H 2.3.2: NoInputNoOutput).
    JustWorks,
    /// The board shows six digits for the client to type (DisplayOnly).
    Passkey,
}

/// What is advertised.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Schema)]
pub struct Advertisement {
    /// Complete local name.
    pub name: Option<String>,
    /// UUID of a service.
    pub service_uuid: Option<Uuid>,
    /// Manufacturer data, company identifier included.
    pub manufacturer_data: Option<Vec<u8>>,
    /// Data of that service.
    pub service_data: Option<Vec<u8>>,
}

/// A UUID in the device API's two forms (SRV-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Uuid {
    /// Given as an integer.
    Int(u32),
    /// Given as bytes, least significant first. The board refuses a length other than 16.
    Bytes(Vec<u8>),
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Service {
    /// Its UUID.
    pub uuid: Uuid,
    /// Primary or secondary.
    pub primary: bool,
    /// Fixed handle of the declaration.
    pub handle: Option<u16>,
    /// Positions of included services in [`Table::services`].
    pub includes: Vec<u16>,
    /// In table order.
    pub characteristics: Vec<Characteristic>,
}

/// A characteristic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Characteristic {
    /// Its UUID.
    pub uuid: Uuid,
    /// Fixed handle of the declaration.
    pub handle: Option<u16>,
    /// Fixed handle of the CCCD.
    pub cccd_handle: Option<u16>,
    /// Characteristic Properties (Core Vol 3 Part G 3.3.1.1).
    pub properties: u8,
    /// What reading the value needs.
    pub read: Access,
    /// What writing the value needs.
    pub write: Access,
    /// What writing the CCCD needs.
    pub subscribe: Access,
    /// Which lengths the value may have.
    pub length: Length,
    /// Initial value.
    pub value: ApiValue,
    /// Besides the CCCD.
    pub descriptors: Vec<Descriptor>,
    /// Registered at start.
    pub callback: Option<Callback>,
}

/// A descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Descriptor {
    /// Its UUID.
    pub uuid: Uuid,
    /// What reading needs.
    pub read: Access,
    /// What writing needs.
    pub write: Access,
    /// Initial value.
    pub value: Vec<u8>,
    /// Which lengths the value may have.
    pub length: Length,
    /// Fixed handle.
    pub handle: Option<u16>,
}

/// Which lengths a value may have, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Length {
    /// At most so many.
    UpTo(u16),
    /// Always so many.
    Fixed(u16),
}

/// What one direction of access needs; the number is the least key size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Access {
    /// Not permitted.
    Never,
    /// Nothing.
    Open,
    /// An encrypted link.
    Encrypted(u8),
    /// An encrypted link with an authenticated key.
    Authenticated(u8),
    /// The application's authorisation, which it does not give.
    Authorised,
}

/// A value as the device's API takes it: the board turns it into bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum ApiValue {
    /// `value(5)`.
    Int(i64),
    /// `value("hello")`.
    Text(String),
    /// `value(b"hello")`.
    Bytes(Vec<u8>),
}

/// A characteristic by its position in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct CharRef {
    /// Position in [`Table::services`].
    pub service: u16,
    /// Position in [`Service::characteristics`].
    pub characteristic: u16,
}

/// A callback as rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Callback {
    /// Trigger bits, as in the API.
    pub on: u16,
    /// The handler first calls `events()`, and guards go by the flags that came.
    pub reads_events: bool,
    /// The counter's first value; each call adds one before the guards are judged.
    pub counter: i64,
    /// The handler's argument, if given.
    pub arg: Option<String>,
    /// The first whose guard holds is carried out; none: return nothing.
    pub rules: Vec<Rule>,
}

/// Guard and actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Rule {
    /// Only for one of these event bits.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum RuleAction {
    /// Print a line; `{value}` (stored), `{written}` (by this call), `{counter}`, `{arg}` and `{events}` are filled in.
    Log(String),
    /// Return a value.
    Reply(ApiValue),
    /// Return the counter.
    ReplyCounter,
    /// Return an ATT error.
    Reject(u8),
    /// Set a characteristic's value.
    Set(CharRef, ApiValue),
    /// Push a characteristic's stored value again.
    Notify(CharRef),
    /// Let the answer wait for this many milliseconds.
    Delay(u32),
    /// `disconnect_client()`.
    Disconnect,
}
