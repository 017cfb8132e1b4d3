//! Descriptions of a server, its services, characteristics and descriptors.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{DescriptorConfig, ExtendedProperties, Service};
use crate::client::DEFAULT_MTU;
use crate::error::Error;
use crate::permissions::{Access, Permissions, Properties};
use crate::uuid::Uuid;
use crate::value::{Limit, MAX_VALUE_LEN, Value};

/// Name and limits of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Value of the Device Name characteristic; cut at 248 bytes (Core Vol 3 Part C 12.1).
    pub device_name: String,
    /// Value of the Appearance characteristic (Assigned Numbers 2.6); 0 is unknown.
    pub appearance: u16,
    /// TX power that is advertised, in dBm.
    pub tx_power_dbm: i8,
    /// Longest ATT PDU that the transport can receive, in bytes; at least 23. 517 holds any write.
    pub max_mtu: u16,
    /// Clients served at the same time.
    pub max_connections: usize,
    /// Values that may wait to be pushed to one client.
    pub push_queue: usize,
    /// Prepared writes that may wait for one client's Execute Write. A value of 512 bytes takes 29 of them
    /// at the smallest MTU.
    pub prepare_queue: usize,
    /// Bytes in all those prepared writes together.
    pub prepare_bytes: usize,
    /// Bonded clients that are remembered.
    pub max_bonds: usize,
    /// Whether clients may write the device name (Core Vol 3 Part C 12.1).
    pub writable_device_name: bool,
    /// Whether the GATT service tells clients of changes of the table: it then has Service Changed at
    /// handles 7 to 9, Client Supported Features at 10 and 11 and Database Hash at 12 and 13. Without them
    /// the service is empty, which suits only a table that never changes once a client has seen it (Core
    /// Vol 3 Part G 7).
    pub caching: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            device_name: String::from("gatts"),
            appearance: 0,
            tx_power_dbm: 0,
            max_mtu: 517,
            max_connections: 1,
            push_queue: 8,
            prepare_queue: 64,
            prepare_bytes: 2_048,
            max_bonds: 8,
            writable_device_name: false,
            caching: false,
        }
    }
}

impl Config {
    /// Server Rx MTU (Core Vol 3 Part F 3.4.2.2).
    pub(crate) fn rx_mtu(&self) -> u16 {
        self.max_mtu.max(DEFAULT_MTU)
    }
}

/// Describes a service; a primary one, unless said otherwise.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    pub(super) uuid: Result<Uuid, Error>,
    pub(super) primary: bool,
    pub(super) handle: Option<u16>,
    pub(super) includes: Vec<Service>,
}

impl ServiceConfig {
    /// A primary service. The UUID is one, or bytes or an integer to make one of; an error in it comes out
    /// when the service is created.
    pub fn new(uuid: impl TryInto<Uuid, Error: Into<Error>>) -> Self {
        Self { uuid: uuid_from(uuid), primary: true, handle: None, includes: Vec::new() }
    }

    /// Makes it a secondary service.
    #[must_use]
    pub fn secondary(mut self) -> Self {
        self.primary = false;
        self
    }

    /// Fixes the handle of the declaration. It must be above those of all services so far; handles left
    /// out stay free.
    #[must_use]
    pub fn handle(mut self, handle: u16) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Includes an earlier service.
    #[must_use]
    pub fn include(mut self, service: &Service) -> Self {
        self.includes.push(service.clone());
        self
    }
}

/// Describes a characteristic. A CCCD is made wherever the properties have NOTIFY or INDICATE, right behind
/// the value.
#[derive(Debug, Clone)]
pub struct CharacteristicConfig {
    pub(super) uuid: Result<Uuid, Error>,
    pub(super) properties: Properties,
    pub(super) permissions: Permissions,
    pub(super) subscribe_access: Access,
    pub(super) value: Result<Vec<u8>, Error>,
    pub(super) limit: Limit,
    pub(super) handle: Option<u16>,
    pub(super) cccd_handle: Option<u16>,
    pub(super) descriptors: Vec<DescriptorConfig>,
}

impl CharacteristicConfig {
    /// READ, WRITE and NOTIFY, one zero byte, open to everybody. The UUID is one, or bytes or an integer to
    /// make one of; an error in it comes out when the characteristic is created.
    pub fn new(uuid: impl TryInto<Uuid, Error: Into<Error>>) -> Self {
        Self {
            uuid: uuid_from(uuid),
            properties: Properties::READ | Properties::WRITE | Properties::NOTIFY,
            permissions: Permissions::default(),
            subscribe_access: Access::OPEN,
            value: Ok(vec![0]),
            limit: Limit::LONGEST,
            handle: None,
            cccd_handle: None,
            descriptors: Vec::new(),
        }
    }

    /// The properties. Without READ the value cannot be read, and without WRITE and WRITE_WITHOUT_RESPONSE not
    /// be written, whatever the permissions say. AUTHENTICATED_SIGNED_WRITES permits signed commands, and over
    /// an encrypted link, which needs no signature, any write (Core Vol 3 Part C 10.4.2).
    /// EXTENDED_PROPERTIES needs its descriptor: see [`CharacteristicConfig::extended_properties`].
    #[must_use]
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// The value at first. An error in it comes out when the characteristic is created.
    #[must_use]
    pub fn value<'a>(mut self, value: impl Into<Value<'a>>) -> Self {
        self.value = value.into().encode();
        self
    }

    /// What reading and writing the value demand.
    #[must_use]
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// What writing the CCCD demands.
    #[must_use]
    pub fn subscribe_access(mut self, access: Access) -> Self {
        self.subscribe_access = access;
        self
    }

    /// Longest value, in bytes; 512 at most and by default.
    #[must_use]
    pub fn max_len(mut self, bytes: u16) -> Self {
        self.limit = Limit { max: at_most_longest(bytes), fixed: false };
        self
    }

    /// The length that each value has, in bytes; 512 at most. A client's shorter write replaces the first
    /// octets and leaves the rest (Core Vol 3 Part F 3.4.5.1).
    #[must_use]
    pub fn fixed_len(mut self, bytes: u16) -> Self {
        self.limit = Limit::fixed(at_most_longest(bytes));
        self
    }

    /// Sets the property EXTENDED_PROPERTIES and adds the descriptor that goes with it (Core Vol 3 Part G
    /// 3.3.3.1).
    #[must_use]
    pub fn extended_properties(mut self, extended: ExtendedProperties) -> Self {
        self.properties |= Properties::EXTENDED_PROPERTIES;
        self.descriptors.push(DescriptorConfig::extended_properties(extended));
        self
    }

    /// Fixes the handle of the declaration; the value has the next one.
    #[must_use]
    pub fn handle(mut self, handle: u16) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Fixes the handle of the CCCD.
    #[must_use]
    pub fn cccd_handle(mut self, handle: u16) -> Self {
        self.cccd_handle = Some(handle);
        self
    }

    /// Adds a descriptor.
    #[must_use]
    pub fn descriptor(mut self, descriptor: DescriptorConfig) -> Self {
        self.descriptors.push(descriptor);
        self
    }
}

/// The outcome of giving a UUID in any form.
pub(super) fn uuid_from(uuid: impl TryInto<Uuid, Error: Into<Error>>) -> Result<Uuid, Error> {
    uuid.try_into().map_err(Into::into)
}

/// A length limited to the longest that there is.
pub(super) fn at_most_longest(bytes: u16) -> usize {
    usize::from(bytes).min(MAX_VALUE_LEN)
}
