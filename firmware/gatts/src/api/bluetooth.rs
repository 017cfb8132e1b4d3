//! The Bluetooth object.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{CharacteristicConfig, Config, Service, ServiceConfig};
use crate::advertise::Advertisement;
use crate::error::Error;
use crate::events::Events;
use crate::handler::BluetoothCallback;
use crate::permissions::Properties;
use crate::server::Server;
use crate::shared::Shared;
use crate::table::ServiceDefinition;
use crate::uuid::Uuid;

const GAP_SERVICE: Uuid = Uuid::from_u16(0x1800);
const GATT_SERVICE: Uuid = Uuid::from_u16(0x1801);
const DEVICE_NAME: Uuid = Uuid::from_u16(0x2A00);
const APPEARANCE: Uuid = Uuid::from_u16(0x2A01);

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
    /// A server with the GAP service (device name, appearance) at handles 1 to 5, the GATT service at 6,
    /// and nothing else.
    pub fn new(config: Config) -> Self {
        let bluetooth = Self { shared: Rc::new(Shared::new(config)) };
        // Six attributes always fit into an empty table.
        let _ = bluetooth.add_standard_services();
        bluetooth
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
        gap.characteristic(read_only(DEVICE_NAME).value(name))?;
        gap.characteristic(read_only(APPEARANCE).value(&config.appearance.to_le_bytes()))?;
        self.service(ServiceConfig::new(GATT_SERVICE))?;
        Ok(())
    }

    /// Adds a service behind those that are there.
    ///
    /// # Errors
    /// [`Error::ClientConnected`] while a client is connected; a fixed handle that is not free; no handle
    /// left; an included service of another server. The table stays as it was.
    pub fn service(&self, config: ServiceConfig) -> Result<Service, Error> {
        if !self.shared.clients.borrow().is_empty() {
            return Err(Error::ClientConnected);
        }
        if config.includes.iter().any(|service| !Rc::ptr_eq(&service.shared, &self.shared)) {
            return Err(Error::ForeignService);
        }
        let index = self.shared.table.borrow_mut().add_service(ServiceDefinition {
            uuid: config.uuid,
            primary: config.primary,
            handle: config.handle,
            includes: config.includes.iter().map(|service| service.index).collect(),
            characteristics: Vec::new(),
        })?;
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
