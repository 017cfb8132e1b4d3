//! Calls of the device's API.

use super::{ApiValue, Callback, CharacteristicRef, ClientValue, Uuid};

/// An object with event flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// The Bluetooth object.
    Bluetooth,
    /// A characteristic.
    Characteristic(CharacteristicRef),
}

/// A call of the device's API.
#[derive(Debug, Clone, PartialEq)]
pub enum BoardAction {
    /// `events()`: reads and clears.
    Events {
        /// Whose.
        of: EventSource,
        /// The flags that must come, if given.
        expect: Option<u16>,
    },
    /// `value()`.
    Value {
        /// Whose.
        target: CharacteristicRef,
        /// The value that must come, if given.
        expect: Option<ClientValue>,
    },
    /// `value(v)`.
    Set {
        /// Whose.
        target: CharacteristicRef,
        /// The new value.
        value: ApiValue,
        /// True when the API must refuse it (VAL-3, VAL-7).
        refused: bool,
    },
    /// `callback(trigger, handler, arg)`; `None` removes it (CB-7).
    Callback {
        /// Whose.
        target: CharacteristicRef,
        /// The new callback.
        callback: Option<Callback>,
    },
    /// `advertise(on)`.
    Advertise {
        /// On or off.
        on: bool,
    },
    /// `disconnect_client()`; complete when both ends have reported.
    DisconnectClient,
    /// Starts or stops a service (SRV-3).
    Serve {
        /// Index into [`super::Device::services`].
        service: usize,
        /// Start or stop.
        on: bool,
    },
    /// Adds the service to the running table.
    AddService {
        /// Index into [`super::Device::services`]; its entry says what to add.
        service: usize,
        /// True when the API must refuse it.
        refused: bool,
    },
    /// `set_advertisement(..)`.
    SetAdvertisement {
        /// The new payloads.
        advertisement: Advertisement,
        /// True when the API must refuse it (GAP-1).
        refused: bool,
    },
}

/// What is advertised (GAP-1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advertisement {
    /// Complete local name.
    pub name: Option<String>,
    /// Service UUID, in the scan response.
    pub service_uuid: Option<Uuid>,
    /// Manufacturer data, company identifier included.
    pub manufacturer_data: Option<Vec<u8>>,
    /// Data of the service; it needs the UUID.
    pub service_data: Option<Vec<u8>>,
}
