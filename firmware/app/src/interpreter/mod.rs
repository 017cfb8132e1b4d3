//! Device tables: builds services and characteristics from data, and callbacks from rules.

mod describe;
mod rules;

pub(crate) use rules::{set_bluetooth_callback, set_callback};

use crate::api::{Bluetooth, Characteristic, Loaded, Service};
use crate::delay::Delay;
use crate::outbox::Console;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use gatts::{Advertisement, Error, Place, TableError, Uuid, Value};
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
#[derive(Clone, Default)]
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
    /// In words, naming the attribute by position. Nothing of the service has been added then.
    pub(crate) fn add(
        &mut self,
        position: usize,
        service: &wire::Service,
        means: &Means,
    ) -> Result<(), String> {
        let described = describe::added_service(service, &self.services)
            .map_err(|missing| format!("service {position}: there is no service {missing} to include"))?;
        let loaded = means.bluetooth.load(vec![described]).map_err(|refused| at(position, &refused))?;
        self.put(position, loaded);
        self.set_callbacks(position, service, means);
        Ok(())
    }

    /// Takes what has been loaded, from a position on.
    fn put(&mut self, first: usize, loaded: Vec<Loaded>) {
        let end = first + loaded.len();
        if self.services.len() < end {
            self.services.resize(end, None);
            self.characteristics.resize_with(end, Vec::new);
        }
        let places = self.services.iter_mut().zip(&mut self.characteristics).skip(first);
        for ((service, characteristics), loaded) in places.zip(loaded) {
            *service = Some(loaded.service);
            *characteristics = loaded.characteristics;
        }
    }

    fn set_callbacks(&self, position: usize, service: &wire::Service, means: &Means) {
        let built = self.characteristics.get(position).into_iter().flatten();
        for (characteristic, described) in built.zip(&service.characteristics) {
            set_callback(characteristic, described.callback.as_ref(), &self.characteristics, means);
        }
    }
}

/// What is wrong with a table whose first service is at `first`.
fn at(first: usize, refused: &TableError) -> String {
    let place = Place { service: first + refused.place.service, ..refused.place };
    format!("{place}: {}", refused.error)
}

/// Builds what the table says, and starts advertising.
///
/// # Errors
/// In words, naming the attribute by position. Nothing is loaded or advertised then.
pub(crate) fn build(table: &Table, means: &Means) -> Result<Built, String> {
    let described = table.services.iter().map(describe::service).collect();
    let mut built = Built::default();
    built.put(0, means.bluetooth.load(described).map_err(|refused| at(0, &refused))?);
    register(table, &built, means);
    if let Some(callback) = &table.callback {
        set_bluetooth_callback(callback, built.characteristics(), means);
    }
    let name = Some(table.advertisement.name.as_deref().unwrap_or(&table.name));
    advertise(&means.bluetooth, &table.advertisement, name).map_err(|error| error.to_string())?;
    means.bluetooth.advertise(true);
    Ok(built)
}

/// Registers the callbacks of all characteristics, their counters afresh.
pub(crate) fn register(table: &Table, built: &Built, means: &Means) {
    for (position, service) in table.services.iter().enumerate() {
        built.set_callbacks(position, service, means);
    }
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

fn uuid(uuid: &wire::Uuid) -> Result<Uuid, Error> {
    match uuid {
        wire::Uuid::Int(number) => Uuid::from_int(u64::from(*number)),
        wire::Uuid::Bytes(bytes) => Uuid::from_bytes(bytes),
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
