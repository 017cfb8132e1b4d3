//! Descriptions of a server, its services, characteristics and descriptors.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::Service;
use crate::attribute::types;
use crate::client::DEFAULT_MTU;
use crate::error::Error;
use crate::permissions::{Access, Permissions, Properties};
use crate::uuid::Uuid;
use crate::value::{MAX_VALUE_LEN, Value};

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
    pub(super) uuid: Uuid,
    pub(super) primary: bool,
    pub(super) handle: Option<u16>,
    pub(super) includes: Vec<Service>,
}

impl ServiceConfig {
    /// A primary service.
    pub fn new(uuid: Uuid) -> Self {
        Self { uuid, primary: true, handle: None, includes: Vec::new() }
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
    pub(super) uuid: Uuid,
    pub(super) properties: Properties,
    pub(super) permissions: Permissions,
    pub(super) subscribe_access: Access,
    pub(super) value: Result<Vec<u8>, Error>,
    pub(super) max_len: u16,
    pub(super) handle: Option<u16>,
    pub(super) cccd_handle: Option<u16>,
    pub(super) descriptors: Vec<DescriptorConfig>,
}

impl CharacteristicConfig {
    /// READ, WRITE and NOTIFY, one zero byte, open to everybody.
    pub fn new(uuid: Uuid) -> Self {
        Self {
            uuid,
            properties: Properties::READ | Properties::WRITE | Properties::NOTIFY,
            permissions: Permissions::default(),
            subscribe_access: Access::OPEN,
            value: Ok(vec![0]),
            max_len: longest(),
            handle: None,
            cccd_handle: None,
            descriptors: Vec::new(),
        }
    }

    /// The properties. Without READ the value cannot be read; without WRITE and WRITE_WITHOUT_RESPONSE it
    /// cannot be written, whatever the permissions say.
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
        self.max_len = bytes.min(longest());
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

/// Describes a descriptor other than the CCCD: readable by everybody, writable by nobody, empty at first.
#[derive(Debug, Clone)]
pub struct DescriptorConfig {
    pub(super) uuid: Uuid,
    pub(super) permissions: Permissions,
    pub(super) value: Result<Vec<u8>, Error>,
    pub(super) max_len: u16,
    pub(super) handle: Option<u16>,
}

impl DescriptorConfig {
    /// An empty descriptor that can be read.
    pub fn new(uuid: Uuid) -> Self {
        let permissions = Permissions::READ_ONLY;
        Self { uuid, permissions, value: Ok(Vec::new()), max_len: longest(), handle: None }
    }

    /// A Characteristic User Description (Core Vol 3 Part G 3.3.3.2).
    pub fn user_description(text: &str) -> Self {
        Self::new(types::USER_DESCRIPTION).value(text)
    }

    /// The value at first. An error in it comes out when the characteristic is created.
    #[must_use]
    pub fn value<'a>(mut self, value: impl Into<Value<'a>>) -> Self {
        self.value = value.into().encode();
        self
    }

    /// What reading and writing demand.
    #[must_use]
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Longest value, in bytes; 512 at most and by default.
    #[must_use]
    pub fn max_len(mut self, bytes: u16) -> Self {
        self.max_len = bytes.min(longest());
        self
    }

    /// Fixes the handle.
    #[must_use]
    pub fn handle(mut self, handle: u16) -> Self {
        self.handle = Some(handle);
        self
    }
}

fn longest() -> u16 {
    u16::try_from(MAX_VALUE_LEN).unwrap_or(u16::MAX)
}
