//! Tables of the control link as descriptions of the server. What is impossible in them, the server says.

use super::value;
use crate::api::Service;
use gatts::{
    Access, CharacteristicConfig, DescriptorConfig, Permissions, Properties, ServiceConfig, ServiceTable,
};
use wire::Length;

/// A service of a table that is loaded as a whole.
pub(super) fn service(service: &wire::Service) -> ServiceTable {
    let table = ServiceTable::new(config(service));
    let table = service.includes.iter().fold(table, |table, &at| table.include(usize::from(at)));
    with_characteristics(table, service)
}

/// A service that includes others that are there already, by position.
///
/// # Errors
/// The position of an included service that is not there.
pub(super) fn added_service(
    service: &wire::Service,
    before: &[Option<Service>],
) -> Result<ServiceTable, u16> {
    let mut config = config(service);
    for &at in &service.includes {
        let included = before.get(usize::from(at)).and_then(Option::as_ref).ok_or(at)?;
        config = config.include(included);
    }
    Ok(with_characteristics(ServiceTable::new(config), service))
}

fn config(service: &wire::Service) -> ServiceConfig {
    let mut config = match &service.uuid {
        wire::Uuid::Int(number) => ServiceConfig::new(u64::from(*number)),
        wire::Uuid::Bytes(bytes) => ServiceConfig::new(bytes.as_slice()),
    };
    if !service.primary {
        config = config.secondary();
    }
    match service.handle {
        Some(handle) => config.handle(handle),
        None => config,
    }
}

fn with_characteristics(table: ServiceTable, service: &wire::Service) -> ServiceTable {
    service.characteristics.iter().fold(table, |table, one| table.characteristic(characteristic(one)))
}

fn characteristic(described: &wire::Characteristic) -> CharacteristicConfig {
    let config = match &described.uuid {
        wire::Uuid::Int(number) => CharacteristicConfig::new(u64::from(*number)),
        wire::Uuid::Bytes(bytes) => CharacteristicConfig::new(bytes.as_slice()),
    };
    let mut config = config
        .properties(Properties::from_bits_retain(described.properties))
        .permissions(Permissions { read: access(described.read), write: access(described.write) })
        .subscribe_access(access(described.subscribe))
        .value(value(&described.value));
    config = match described.length {
        Length::UpTo(bytes) => config.max_len(bytes),
        Length::Fixed(bytes) => config.fixed_len(bytes),
    };
    if let Some(handle) = described.handle {
        config = config.handle(handle);
    }
    if let Some(handle) = described.cccd_handle {
        config = config.cccd_handle(handle);
    }
    described.descriptors.iter().fold(config, |config, one| config.descriptor(descriptor(one)))
}

fn descriptor(described: &wire::Descriptor) -> DescriptorConfig {
    let config = match &described.uuid {
        wire::Uuid::Int(number) => DescriptorConfig::new(u64::from(*number)),
        wire::Uuid::Bytes(bytes) => DescriptorConfig::new(bytes.as_slice()),
    };
    let config = config
        .permissions(Permissions { read: access(described.read), write: access(described.write) })
        .value(described.value.as_slice());
    let config = match described.length {
        Length::UpTo(bytes) => config.max_len(bytes),
        Length::Fixed(bytes) => config.fixed_len(bytes),
    };
    match described.handle {
        Some(handle) => config.handle(handle),
        None => config,
    }
}

fn access(access: wire::Access) -> Access {
    match access {
        wire::Access::Never => Access::NONE,
        wire::Access::Open => Access::OPEN,
        wire::Access::Encrypted(key_size) => Access::OPEN.encrypted().key_size(key_size),
        wire::Access::Authenticated(key_size) => Access::OPEN.authenticated().key_size(key_size),
        wire::Access::Authorised => Access::OPEN.authorised(),
    }
}
