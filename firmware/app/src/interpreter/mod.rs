//! Device tables: builds services and characteristics from data, and callbacks from rules.

mod rules;

pub(crate) use rules::{set_bluetooth_callback, set_callback};

use crate::delay::Delay;
use crate::outbox::Console;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use gatts::{
    Access, Advertisement, Bluetooth, Characteristic, CharacteristicConfig, DescriptorConfig, Error,
    Permissions, Properties, Service, ServiceConfig, Uuid, Value,
};
use wire::{ApiValue, Table};

/// What rules reach besides the table.
#[derive(Clone)]
pub(crate) struct Means {
    /// Ends connections.
    pub(crate) bluetooth: Bluetooth,
    /// Takes log lines.
    pub(crate) console: Console,
    /// Lets answers wait.
    pub(crate) delay: Delay,
}

/// Services and characteristics by position. A position may be empty: a service can be added behind one
/// that is not there.
#[derive(Default)]
pub(crate) struct Built {
    services: Vec<Option<Service>>,
    characteristics: Vec<Vec<Characteristic>>,
}

impl Built {
    /// Characteristics alone, for an application that adds no services.
    pub(crate) fn of(characteristics: Vec<Vec<Characteristic>>) -> Self {
        Self { services: Vec::new(), characteristics }
    }

    /// Characteristics by service and position.
    pub(crate) fn characteristics(&self) -> &[Vec<Characteristic>] {
        &self.characteristics
    }

    /// A service by position.
    pub(crate) fn service(&self, position: usize) -> Option<&Service> {
        self.services.get(position)?.as_ref()
    }

    /// Adds a service at `position`, behind those that are there, and registers its callbacks.
    ///
    /// # Errors
    /// In words, naming the characteristic by position. What was added before the mistake stays.
    pub(crate) fn add(
        &mut self,
        position: usize,
        service: &wire::Service,
        means: &Means,
    ) -> Result<(), String> {
        self.put(position, service, means)?;
        self.set_callbacks(position, service, means);
        Ok(())
    }

    fn put(&mut self, position: usize, service: &wire::Service, means: &Means) -> Result<(), String> {
        let in_service = |error: Error| format!("service {position}: {error}");
        let built = build_service(&means.bluetooth, service, &self.services).map_err(in_service)?;
        if self.services.len() <= position {
            self.services.resize(position + 1, None);
            self.characteristics.resize_with(position + 1, Vec::new);
        }
        for (at, described) in service.characteristics.iter().enumerate() {
            let in_characteristic =
                |error: Error| format!("service {position}, characteristic {at}: {error}");
            let characteristic = build_characteristic(&built, described).map_err(in_characteristic)?;
            if let Some(list) = self.characteristics.get_mut(position) {
                list.push(characteristic);
            }
        }
        if let Some(place) = self.services.get_mut(position) {
            *place = Some(built);
        }
        Ok(())
    }

    fn set_callbacks(&self, position: usize, service: &wire::Service, means: &Means) {
        let built = self.characteristics.get(position).into_iter().flatten();
        for (characteristic, described) in built.zip(&service.characteristics) {
            set_callback(characteristic, described.callback.as_ref(), &self.characteristics, means);
        }
    }
}

/// Builds what the table says, and starts advertising.
///
/// # Errors
/// In words, naming the service and characteristic by position. Nothing is advertised then.
pub(crate) fn build(table: &Table, means: &Means) -> Result<Built, String> {
    let mut built = Built::default();
    for (position, service) in table.services.iter().enumerate() {
        built.put(position, service, means)?;
    }
    for (position, service) in table.services.iter().enumerate() {
        built.set_callbacks(position, service, means);
    }
    if let Some(callback) = &table.callback {
        set_bluetooth_callback(callback, built.characteristics(), means);
    }
    let name = Some(table.advertisement.name.as_deref().unwrap_or(&table.name));
    advertise(&means.bluetooth, &table.advertisement, name).map_err(|error| error.to_string())?;
    means.bluetooth.advertise(true);
    Ok(built)
}

/// Sets what is advertised, under this name.
///
/// # Errors
/// What the API says, or an impossible UUID.
pub(crate) fn advertise(
    bluetooth: &Bluetooth,
    advertisement: &wire::Advertisement,
    name: Option<&str>,
) -> Result<(), Error> {
    let service_uuid = advertisement.service_uuid.as_ref().map(uuid).transpose()?;
    bluetooth.set_advertisement(Advertisement {
        name,
        manufacturer_data: advertisement.manufacturer_data.as_deref(),
        service_data: advertisement.service_data.as_deref(),
        service_uuid,
    })
}

fn build_service(
    bluetooth: &Bluetooth,
    service: &wire::Service,
    before: &[Option<Service>],
) -> Result<Service, Error> {
    let mut config = ServiceConfig::new(uuid(&service.uuid)?);
    if !service.primary {
        config = config.secondary();
    }
    if let Some(handle) = service.handle {
        config = config.handle(handle);
    }
    for included in service.includes.iter().filter_map(|&at| before.get(usize::from(at))?.as_ref()) {
        config = config.include(included);
    }
    bluetooth.service(config)
}

fn build_characteristic(
    service: &Service,
    described: &wire::Characteristic,
) -> Result<Characteristic, Error> {
    let mut config = CharacteristicConfig::new(uuid(&described.uuid)?)
        .properties(Properties::from_bits_retain(described.properties))
        .permissions(Permissions { read: access(described.read), write: access(described.write) })
        .max_len(described.max_len)
        .value(value(&described.value));
    if let Some(handle) = described.handle {
        config = config.handle(handle);
    }
    for descriptor in &described.descriptors {
        config = config.descriptor(
            DescriptorConfig::new(uuid(&descriptor.uuid)?)
                .permissions(Permissions { read: access(descriptor.read), write: access(descriptor.write) })
                .max_len(descriptor.max_len)
                .value(descriptor.value.as_slice()),
        );
    }
    service.characteristic(config)
}

fn uuid(uuid: &wire::Uuid) -> Result<Uuid, Error> {
    match uuid {
        wire::Uuid::Int(number) => Uuid::from_int(u64::from(*number)),
        wire::Uuid::Bytes(bytes) => Uuid::from_bytes(bytes),
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

/// A value in the API's own form.
pub(crate) fn value(value: &ApiValue) -> Value<'_> {
    match value {
        ApiValue::Int(number) => Value::Int(*number),
        ApiValue::Text(text) => Value::Text(text),
        ApiValue::Bytes(bytes) => Value::Bytes(bytes),
    }
}
