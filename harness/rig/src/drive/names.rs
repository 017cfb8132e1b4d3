//! Which handle is which attribute of the scenario.

use crate::central::{Characteristic, Database, Uuid};
use crate::link::Report;
use conformance::observation::{BoardEvent, Found};
use conformance::scenario::{self, BondLevel, CharacteristicRef, DescriptorRef, Device};

const CCCD: Uuid = Uuid::short(0x2902);
const DEVICE_NAME: Uuid = Uuid::short(0x2A00);
const CLIENT_SUPPORTED_FEATURES: Uuid = Uuid::short(0x2B29);

/// The scenario's characteristics as discovery found them.
#[derive(Default)]
pub(super) struct Names {
    entries: Vec<Entry>,
    /// Value handles as the board reports them, where discovery has shown none.
    pub(super) reported: Vec<(u16, String)>,
    /// Value handle of the GAP service's Device Name.
    pub(super) device_name: Option<u16>,
    /// Value handle of the GATT service's Client Supported Features.
    pub(super) client_features: Option<u16>,
}

struct Entry {
    of: CharacteristicRef,
    name: String,
    value_handle: u16,
    cccd: Option<u16>,
    /// In the scenario's order.
    descriptors: Vec<Option<u16>>,
}

impl Names {
    /// Matches by UUID, services first; equal UUIDs by their order.
    pub(super) fn resolve(device: &Device, database: &Database) -> Self {
        let mut services: Vec<_> = database.services.iter().collect();
        let mut entries = Vec::new();
        for (service_at, wanted) in device.services.iter().enumerate() {
            let Some(found) = take(&mut services, &wanted.uuid, |service| service.uuid) else { continue };
            let mut characteristics: Vec<_> = found.characteristics.iter().collect();
            for (at, wanted) in wanted.characteristics.iter().enumerate() {
                let Some(found) = take(&mut characteristics, &wanted.uuid, |it| it.uuid) else { continue };
                let of = CharacteristicRef { service: service_at, characteristic: at };
                entries.push(entry(of, wanted, found));
            }
        }
        Self {
            entries,
            reported: Vec::new(),
            device_name: database.value_handle(DEVICE_NAME),
            client_features: database.value_handle(CLIENT_SUPPORTED_FEATURES),
        }
    }

    /// The characteristic's value handle.
    pub(super) fn value_handle(&self, of: CharacteristicRef) -> Option<u16> {
        Some(self.entry(of)?.value_handle)
    }

    /// The descriptor's handle.
    pub(super) fn descriptor(&self, of: CharacteristicRef, which: DescriptorRef) -> Option<u16> {
        let entry = self.entry(of)?;
        match which {
            DescriptorRef::Cccd => entry.cccd,
            DescriptorRef::Named(at) => entry.descriptors.get(at).copied().flatten(),
        }
    }

    /// True when this is the handle of a CCCD.
    pub(super) fn is_cccd(&self, handle: u16) -> bool {
        self.entries.iter().any(|entry| entry.cccd == Some(handle))
    }

    /// The name of the characteristic with this value handle, or the handle.
    pub(super) fn name(&self, value_handle: u16) -> String {
        let known = self.entries.iter().find(|entry| entry.value_handle == value_handle);
        known.map_or_else(|| format!("0x{value_handle:04X}"), |entry| entry.name.clone())
    }

    /// The name of the characteristic that the board means by this handle.
    fn board_name(&self, value_handle: u16) -> String {
        let known = self.reported.iter().find(|(handle, _)| *handle == value_handle);
        known.map_or_else(|| self.name(value_handle), |(_, name)| name.clone())
    }

    /// A report with its handle as a name.
    pub(super) fn event(&self, report: Report) -> BoardEvent {
        match report {
            Report::Connected => BoardEvent::Connected,
            Report::Disconnected { .. } => BoardEvent::Disconnected,
            Report::Handler { handle, event, value } => {
                BoardEvent::Handler { target: self.board_name(handle), event, value }
            }
            Report::HandlerError { handle, message } => {
                BoardEvent::HandlerError { target: self.board_name(handle), message }
            }
            Report::Log(line) => BoardEvent::Log(line),
            Report::Encrypted { authenticated, key_size } => {
                let level = if authenticated { BondLevel::Authenticated } else { BondLevel::Unauthenticated };
                BoardEvent::Encrypted { level, key_size }
            }
            Report::Passkey(_) => BoardEvent::PasskeyShown,
            Report::Paired => BoardEvent::Paired,
            Report::PairingFailed => BoardEvent::PairingFailed,
            Report::Confirmed { handle } => BoardEvent::Confirmed { target: self.board_name(handle) },
            Report::IndicationTimeout { handle } => {
                BoardEvent::IndicationTimeout { target: self.board_name(handle) }
            }
        }
    }

    fn entry(&self, of: CharacteristicRef) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.of == of)
    }
}

fn entry(of: CharacteristicRef, wanted: &scenario::Characteristic, found: &Characteristic) -> Entry {
    let mut descriptors: Vec<_> = found.descriptors.iter().collect();
    let cccd = descriptors.iter().position(|it| it.uuid == CCCD).map(|at| descriptors.remove(at).handle);
    let named = wanted.descriptors.iter();
    let handles = named.map(|wanted| take(&mut descriptors, &wanted.uuid, |it| it.uuid).map(|it| it.handle));
    Entry {
        of,
        name: wanted.name.clone(),
        value_handle: found.value_handle,
        cccd,
        descriptors: handles.collect(),
    }
}

/// Takes the first of `from` with this UUID.
fn take<'a, T>(from: &mut Vec<&'a T>, uuid: &scenario::Uuid, of: impl Fn(&T) -> Uuid) -> Option<&'a T> {
    let wanted = Uuid::from_bytes(&uuid.0)?;
    let at = from.iter().position(|candidate| of(candidate) == wanted)?;
    Some(from.remove(at))
}

/// The lines of a discovery, in handle order.
pub(super) fn found(database: &Database) -> Vec<Found> {
    let mut lines = Vec::new();
    for service in &database.services {
        lines.push(Found::Service { uuid: service.uuid.as_bytes().to_vec(), primary: service.primary });
        let includes = service.includes.iter();
        lines.extend(includes.map(|include| Found::Include { uuid: include.uuid.as_bytes().to_vec() }));
        for characteristic in &service.characteristics {
            lines.push(Found::Characteristic {
                uuid: characteristic.uuid.as_bytes().to_vec(),
                properties: characteristic.properties,
            });
            let descriptors = characteristic.descriptors.iter();
            lines.extend(descriptors.map(|it| Found::Descriptor { uuid: it.uuid.as_bytes().to_vec() }));
        }
    }
    lines
}
