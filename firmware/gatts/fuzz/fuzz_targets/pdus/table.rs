//! Arbitrary tables, possible and impossible ones.

use gatts::{
    Access, CharacteristicConfig, Config, DescriptorConfig, ExtendedProperties, Permissions, Properties,
    ServiceConfig, ServiceTable, Uuid,
};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::shape::{Bytes, Few, Length, Rare};

/// Limits of the server, and how its first client begins.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Setup {
    caching: bool,
    writable_device_name: bool,
    max_mtu: Length,
    push_queue: u8,
    prepare_queue: u8,
    prepare_bytes: u16,
    /// What the first client begins with: its MTU, its features, its CCCDs.
    pub(crate) mtu: Length,
    pub(crate) features: u8,
    pub(crate) cccd: u8,
}

/// Connections that are served; a third one is not.
pub(crate) const CLIENTS: usize = 2;
pub(crate) const BONDS: usize = 3;

impl Setup {
    pub(crate) fn config(&self) -> Config {
        Config {
            caching: self.caching,
            writable_device_name: self.writable_device_name,
            max_mtu: self.max_mtu.0,
            push_queue: usize::from(self.push_queue % 8),
            prepare_queue: usize::from(self.prepare_queue % 8),
            prepare_bytes: usize::from(self.prepare_bytes % 2_048),
            max_connections: CLIENTS,
            max_bonds: BONDS,
            ..Config::default()
        }
    }
}

/// A UUID in any form: nearly always one that the profile or the tables here use.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct AnyUuid {
    known: u8,
    long: bool,
    other: Rare<OtherUuid>,
}

#[derive(Debug, Clone, Arbitrary)]
enum OtherUuid {
    Short(u16),
    Int(u64),
    Bytes(Bytes),
}

const KNOWN: [u16; 20] = [
    0xA000, 0xA001, 0xA002, 0x2800, 0x2801, 0x2802, 0x2803, 0x2900, 0x2901, 0x2902, 0x2903, 0x2904, 0x2905,
    0x2A00, 0x2A01, 0x2A05, 0x2B29, 0x2B2A, 0x1800, 0x1801,
];

impl AnyUuid {
    pub(crate) fn uuid(&self) -> Result<Uuid, gatts::Error> {
        let known = Uuid::from_u16(KNOWN[usize::from(self.known) % KNOWN.len()]);
        match &self.other.0 {
            Some(OtherUuid::Short(short)) => Ok(Uuid::from_u16(*short)),
            Some(OtherUuid::Int(int)) => Uuid::from_int(*int),
            Some(OtherUuid::Bytes(bytes)) => Uuid::from_bytes(&bytes.0),
            None if self.long => Uuid::from_bytes(&known.to_le_bytes_128()),
            None => Ok(known),
        }
    }

    /// As it stands in a PDU, wrong lengths included.
    pub(crate) fn in_pdu(&self) -> Vec<u8> {
        match self.uuid() {
            Ok(uuid) => uuid.as_le_bytes().to_vec(),
            Err(_) => vec![0x28; 3],
        }
    }
}

/// Open, unless something is demanded.
#[derive(Debug, Clone, Arbitrary)]
struct AnyAccess(Rare<Demands>);

#[derive(Debug, Clone, Arbitrary)]
struct Demands {
    never: bool,
    encrypted: bool,
    authenticated: bool,
    authorised: bool,
    key_size: Rare<u8>,
}

impl AnyAccess {
    fn access(&self) -> Access {
        let Some(demands) = &self.0.0 else { return Access::OPEN };
        let mut access = if demands.never { Access::NONE } else { Access::OPEN };
        if demands.encrypted {
            access = access.encrypted();
        }
        if demands.authenticated {
            access = access.authenticated();
        }
        if demands.authorised {
            access = access.authorised();
        }
        match demands.key_size.0 {
            Some(size) => access.key_size(size % 17),
            None => access,
        }
    }
}

/// A value, and the lengths that it may have.
#[derive(Debug, Clone, Arbitrary)]
struct AnyValue {
    at_first: Bytes,
    /// This much above its first length, or, rarely, any length.
    spare: Length,
    max: Rare<Length>,
    fixed: bool,
}

impl AnyValue {
    fn max(&self) -> u16 {
        let length = u16::try_from(self.at_first.0.len()).unwrap_or(u16::MAX);
        self.max.0.map_or(length.saturating_add(self.spare.0), |any| any.0)
    }
}

#[derive(Debug, Clone, Arbitrary)]
struct Descriptor {
    uuid: AnyUuid,
    permissions: [AnyAccess; 2],
    value: AnyValue,
    handle: Rare<u8>,
}

impl Descriptor {
    fn config(&self) -> DescriptorConfig {
        let config = match self.uuid.uuid() {
            Ok(uuid) => DescriptorConfig::new(uuid),
            Err(_) => DescriptorConfig::new(&b"short"[..]),
        };
        let [read, write] = self.permissions.each_ref().map(AnyAccess::access);
        let config = config.value(&self.value.at_first.0).permissions(Permissions { read, write });
        let config = match self.value.fixed {
            true => config.fixed_len(self.value.at_first.0.len() as u16),
            false => config.max_len(self.value.max()),
        };
        match self.handle.0 {
            Some(handle) => config.handle(handle.into()),
            None => config,
        }
    }
}

/// A characteristic.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Characteristic {
    uuid: AnyUuid,
    properties: Rare<u8>,
    permissions: [AnyAccess; 2],
    subscribe: AnyAccess,
    value: Rare<AnyValue>,
    handle: Rare<u8>,
    cccd_handle: Rare<u8>,
    descriptors: Few<Descriptor, 2>,
}

impl Characteristic {
    pub(crate) fn config(&self) -> CharacteristicConfig {
        let mut config = match self.uuid.uuid() {
            Ok(uuid) => CharacteristicConfig::new(uuid),
            Err(_) => CharacteristicConfig::new(u64::MAX),
        };
        let most = Properties::READ | Properties::WRITE | Properties::NOTIFY | Properties::INDICATE;
        let properties = self.properties.0.map_or(most, Properties::from_bits_retain);
        let [read, write] = self.permissions.each_ref().map(AnyAccess::access);
        config = config.properties(properties).permissions(Permissions { read, write });
        config = config.subscribe_access(self.subscribe.access());
        if let Some(value) = &self.value.0 {
            config = config.value(&value.at_first.0);
            config = match value.fixed {
                true => config.fixed_len(value.at_first.0.len() as u16),
                false => config.max_len(value.max()),
            };
        }
        if let Some(handle) = self.handle.0 {
            config = config.handle(handle.into());
        }
        if let Some(handle) = self.cccd_handle.0 {
            config = config.cccd_handle(handle.into());
        }
        if properties.contains(Properties::EXTENDED_PROPERTIES) {
            config = config.extended_properties(ExtendedProperties::RELIABLE_WRITE);
        }
        self.descriptors.0.iter().fold(config, |config, one| config.descriptor(one.config()))
    }
}

/// A service with what belongs to it.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Service {
    uuid: AnyUuid,
    secondary: bool,
    handle: Rare<u8>,
    includes: Rare<u8>,
    characteristics: Few<Characteristic, 4>,
}

impl Service {
    pub(crate) fn table(&self) -> ServiceTable {
        let mut config = match self.uuid.uuid() {
            Ok(uuid) => ServiceConfig::new(uuid),
            Err(_) => ServiceConfig::new(&b"short"[..]),
        };
        if self.secondary {
            config = config.secondary();
        }
        if let Some(handle) = self.handle.0 {
            config = config.handle(handle.into());
        }
        let mut table = ServiceTable::new(config);
        if let Some(position) = self.includes.0 {
            table = table.include(usize::from(position % 5));
        }
        let holding = |table: ServiceTable, one: &Characteristic| table.characteristic(one.config());
        self.characteristics.0.iter().fold(table, holding)
    }
}
