//! The Bluetooth object.

use alloc::rc::Rc;
use alloc::vec;
use core::cell::RefCell;

use super::load::{characteristic_definition, service_definition};
use super::service::announce;
use super::{CharacteristicConfig, Config, Service, ServiceConfig};
use crate::advertise::Advertisement;
use crate::attribute::{CharacteristicState, Role};
use crate::error::Error;
use crate::events::Events;
use crate::handler::BluetoothCallback;
use crate::permissions::Properties;
use crate::server::Server;
use crate::shared::Shared;
use crate::uuid::Uuid;

const GAP_SERVICE: Uuid = Uuid::from_u16(0x1800);
const GATT_SERVICE: Uuid = Uuid::from_u16(0x1801);
const DEVICE_NAME: Uuid = Uuid::from_u16(0x2A00);
const APPEARANCE: Uuid = Uuid::from_u16(0x2A01);
const SERVICE_CHANGED: Uuid = Uuid::from_u16(0x2A05);
const CLIENT_SUPPORTED_FEATURES: Uuid = Uuid::from_u16(0x2B29);
const DATABASE_HASH: Uuid = Uuid::from_u16(0x2B2A);

/// Longest device name, in bytes (Core Vol 3 Part C 12.1).
const MAX_NAME_LEN: usize = 248;

/// A GATT server as its application sees it. A cheap handle: clones are the same server.
///
/// A handler that holds a clone keeps the server alive until [`Server::shut_down`].
#[derive(Clone)]
pub struct Bluetooth {
    shared: Rc<Shared>,
}

impl Bluetooth {
    /// A server with the GAP service (device name, appearance) at handles 1 to 5, the GATT service from 6
    /// on, and nothing else.
    pub fn new(config: Config) -> Self {
        let bluetooth = Self { shared: Rc::new(Shared::new(config)) };
        // A few attributes always fit into an empty table.
        let _ = bluetooth.add_standard_services();
        bluetooth
    }

    pub(super) fn shared(&self) -> &Rc<Shared> {
        &self.shared
    }

    pub(crate) fn new_handle(shared: &Rc<Shared>) -> Self {
        Self { shared: Rc::clone(shared) }
    }

    fn add_standard_services(&self) -> Result<(), Error> {
        let config = &self.shared.config;
        let name_end = config.device_name.floor_char_boundary(MAX_NAME_LEN);
        let name = config.device_name.get(..name_end).unwrap_or_default();
        let read_only = |uuid| CharacteristicConfig::new(uuid).properties(Properties::READ);
        let gap = self.service(ServiceConfig::new(GAP_SERVICE))?;
        let mut name_config = read_only(DEVICE_NAME).value(name).max_len(248);
        if config.writable_device_name {
            name_config = name_config.properties(Properties::READ | Properties::WRITE);
        }
        gap.characteristic(name_config)?;
        gap.characteristic(read_only(APPEARANCE).value(&config.appearance.to_le_bytes()))?;
        let gatt = self.service(ServiceConfig::new(GATT_SERVICE))?;
        if config.caching {
            self.add_caching(&gatt)?;
        }
        Ok(())
    }

    /// The characteristics of Core Vol 3 Part G 7.1 to 7.3.
    fn add_caching(&self, gatt: &Service) -> Result<(), Error> {
        let describe = |uuid, properties| CharacteristicConfig::new(uuid).properties(properties);
        let changed = describe(SERVICE_CHANGED, Properties::INDICATE).value(&[0; 4]).fixed_len(4);
        let changed = self.standard(gatt, Role::Application, changed)?;
        self.shared.service_changed.replace(Some(changed));
        let read_write = Properties::READ | Properties::WRITE;
        self.standard(gatt, Role::ClientFeatures, describe(CLIENT_SUPPORTED_FEATURES, read_write))?;
        self.standard(gatt, Role::DatabaseHash, describe(DATABASE_HASH, Properties::READ))?;
        Ok(())
    }

    /// Adds a characteristic that the server itself gives its value.
    fn standard(
        &self,
        service: &Service,
        role: Role,
        config: CharacteristicConfig,
    ) -> Result<Rc<CharacteristicState>, Error> {
        let made = characteristic_definition(&self.shared, config);
        let mut definition = made.map_err(|(_, error)| error)?;
        if let Some(state) = Rc::get_mut(&mut definition.state) {
            state.role = role;
        }
        let state = Rc::clone(&definition.state);
        self.shared.table.borrow_mut().add_characteristic(service.index, definition)?;
        Ok(state)
    }

    /// Adds a service behind those that are there. Clients are told (see [`Config::caching`]).
    ///
    /// # Errors
    /// An error in the UUID; a fixed handle that is not free; no handle left; an included service of another
    /// server. The table stays as it was.
    pub fn service(&self, config: ServiceConfig) -> Result<Service, Error> {
        let definition = service_definition(&self.shared, config)?;
        let index = self.shared.table.borrow().service_count();
        let added = self.shared.table.borrow_mut().add_services(vec![definition]);
        announce(&self.shared, added.map_err(|refused| refused.error)?);
        Ok(Service::new(&self.shared, index))
    }

    /// Sets what is advertised and what answers scans.
    ///
    /// # Errors
    /// [`Error::AdvertisementTooLong`] names the field with which a payload is over 31 bytes;
    /// [`Error::ServiceDataWithoutUuid`]. The old payloads stay.
    pub fn set_advertisement(&self, advertisement: Advertisement<'_>) -> Result<(), Error> {
        let (adv_data, scan_response) = advertisement.encode(self.shared.config.tx_power_dbm)?;
        {
            let mut gap = self.shared.gap.borrow_mut();
            gap.adv_data = adv_data;
            gap.scan_response = scan_response;
        }
        self.shared.wake();
        Ok(())
    }

    /// Starts or stops advertising. It pauses while there is no room for another client.
    pub fn advertise(&self, on: bool) {
        self.shared.gap.borrow_mut().advertise = on;
        self.shared.wake();
    }

    /// Runs `handler` at each event in `trigger` (connection, disconnection), in place of any earlier
    /// handler. With an empty `trigger` the callback is removed.
    pub fn callback(&self, trigger: Events, handler: impl FnMut(&Bluetooth, Events) + 'static) {
        let callback = BluetoothCallback { trigger, handler: Rc::new(RefCell::new(handler)) };
        let callback = Some(callback).filter(|callback| !callback.trigger.is_empty());
        // The old one is dropped after the borrow: dropping it may run code of the application.
        drop(self.shared.callback.replace(callback));
    }

    /// Removes the callback.
    pub fn remove_callback(&self) {
        drop(self.shared.callback.replace(None));
    }

    /// The events since the last call, which clears them.
    pub fn events(&self) -> Events {
        self.shared.events.take()
    }

    /// Asks the transport to end every connection. Clients are served until it reports that they have gone.
    pub fn disconnect_client(&self) {
        let connected = self.shared.clients.borrow().iter().map(|client| client.conn).collect();
        self.shared.gap.borrow_mut().disconnect = connected;
        self.shared.wake();
    }

    /// The transport's side of this server.
    pub fn server(&self) -> Server {
        Server::new(Rc::clone(&self.shared))
    }
}
