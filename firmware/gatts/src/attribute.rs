//! Attributes: what a handle stands for, and the state behind it.

use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

use crate::error::{AttError, Error};
use crate::events::Events;
use crate::handler::{CharacteristicCallback, WriteRule};
use crate::permissions::{Access, Permissions, Properties, Security};
use crate::uuid::Uuid;
use crate::value::Limit;

/// Attribute types that the profile itself defines (Core Vol 3 Part G 3.4).
pub(crate) mod types {
    use crate::uuid::Uuid;

    pub(crate) const PRIMARY_SERVICE: Uuid = Uuid::from_u16(0x2800);
    pub(crate) const SECONDARY_SERVICE: Uuid = Uuid::from_u16(0x2801);
    pub(crate) const INCLUDE: Uuid = Uuid::from_u16(0x2802);
    pub(crate) const CHARACTERISTIC: Uuid = Uuid::from_u16(0x2803);
    pub(crate) const EXTENDED_PROPERTIES: Uuid = Uuid::from_u16(0x2900);
    pub(crate) const USER_DESCRIPTION: Uuid = Uuid::from_u16(0x2901);
    pub(crate) const CCCD: Uuid = Uuid::from_u16(0x2902);
    pub(crate) const SERVER_CONFIGURATION: Uuid = Uuid::from_u16(0x2903);
    pub(crate) const PRESENTATION_FORMAT: Uuid = Uuid::from_u16(0x2904);
    pub(crate) const AGGREGATE_FORMAT: Uuid = Uuid::from_u16(0x2905);
}

/// CCCD bits (Core Vol 3 Part G 3.3.3.3).
pub(crate) mod cccd {
    pub(crate) const NOTIFY: u8 = 0x01;
    pub(crate) const INDICATE: u8 = 0x02;
}

/// One row of the table.
pub(crate) struct Attribute {
    pub(crate) handle: u16,
    pub(crate) uuid: Uuid,
    /// Last handle of the group that a service or characteristic declaration opens, else its own handle.
    pub(crate) group_end: u16,
    /// It belongs to a stopped service, or includes one: it keeps its handle, and no client sees it.
    pub(crate) hidden: bool,
    pub(crate) kind: Kind,
}

/// What the attribute is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A service, include or characteristic declaration: its value follows from the table.
    Declaration(Rc<[u8]>),
    Value(Rc<CharacteristicState>),
    /// Value of Client Supported Features: one for each client.
    ClientFeatures,
    /// Value of Database Hash: it follows from the table.
    DatabaseHash,
    Cccd(Rc<CharacteristicState>),
    Descriptor(Rc<DescriptorState>),
}

impl Kind {
    fn permissions(&self) -> Permissions {
        match self {
            Self::Declaration(_) | Self::DatabaseHash => Permissions::READ_ONLY,
            Self::ClientFeatures => Permissions::default(),
            Self::Value(characteristic) => characteristic.permissions,
            // A CCCD is always readable (Core Vol 3 Part G 3.3.3.3, Table 3.10).
            Self::Cccd(characteristic) => {
                Permissions { read: Access::OPEN, write: characteristic.subscribe_access }
            }
            Self::Descriptor(descriptor) => descriptor.permissions,
        }
    }

    pub(crate) fn check_read(&self, link: Security) -> Result<(), AttError> {
        self.permissions().check_read(link)
    }

    pub(crate) fn check_write(&self, link: Security) -> Result<(), AttError> {
        self.permissions().check_write(link)
    }

    /// The stored value, as this client reads it.
    pub(crate) fn stored(&self, client: &impl ClientView) -> Rc<[u8]> {
        match self {
            Self::Declaration(value) => Rc::clone(value),
            Self::Value(characteristic) => characteristic.value(),
            Self::ClientFeatures => Rc::from([client.features()]),
            Self::DatabaseHash => Rc::from(client.database_hash()),
            Self::Cccd(characteristic) => Rc::from([client.cccd_bits(characteristic), 0]),
            Self::Descriptor(descriptor) => Rc::clone(&descriptor.value.borrow()),
        }
    }

    /// Which lengths the value may have.
    pub(crate) fn limit(&self) -> Limit {
        match self {
            Self::Declaration(value) => Limit::fixed(value.len()),
            Self::Value(characteristic) => characteristic.limit,
            Self::ClientFeatures => Limit::LONGEST,
            Self::DatabaseHash => Limit::fixed(16),
            Self::Cccd(_) => Limit::fixed(2),
            Self::Descriptor(descriptor) => descriptor.limit,
        }
    }

    /// Whether both are the same attribute, and not only alike.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Declaration(one), Self::Declaration(other)) => Rc::ptr_eq(one, other),
            (Self::Value(one), Self::Value(other)) | (Self::Cccd(one), Self::Cccd(other)) => {
                Rc::ptr_eq(one, other)
            }
            (Self::Descriptor(one), Self::Descriptor(other)) => Rc::ptr_eq(one, other),
            (Self::ClientFeatures, Self::ClientFeatures) | (Self::DatabaseHash, Self::DatabaseHash) => true,
            _ => false,
        }
    }
}

/// The values that are not stored with the attribute.
pub(crate) trait ClientView {
    /// The client's CCCD bits of a characteristic.
    fn cccd_bits(&self, characteristic: &CharacteristicState) -> u8;
    /// Its Client Supported Features.
    fn features(&self) -> u8;
    /// Of the present table.
    fn database_hash(&self) -> [u8; 16];
}

/// Who gives a characteristic its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Application,
    ClientFeatures,
    DatabaseHash,
}

/// A characteristic value, with what belongs to it.
pub(crate) struct CharacteristicState {
    /// No other characteristic of this server has, or had, the same.
    pub(crate) id: u32,
    pub(crate) role: Role,
    pub(crate) uuid: Uuid,
    pub(crate) properties: Properties,
    pub(crate) permissions: Permissions,
    /// What a signed write demands; it is possible only with the property for it.
    pub(crate) signed_write: Access,
    pub(crate) subscribe_access: Access,
    pub(crate) limit: Limit,
    /// Handle of the value; 0 until the table has placed it.
    pub(crate) handle: Cell<u16>,
    /// Its service has been stopped.
    pub(crate) stopped: Cell<bool>,
    pub(crate) value: RefCell<Rc<[u8]>>,
    pub(crate) events: Cell<Events>,
    pub(crate) callback: RefCell<Option<CharacteristicCallback>>,
    pub(crate) write_rule: RefCell<Option<WriteRule>>,
}

impl CharacteristicState {
    pub(crate) fn value(&self) -> Rc<[u8]> {
        Rc::clone(&self.value.borrow())
    }

    pub(crate) fn store(&self, value: Rc<[u8]>) {
        self.value.replace(value);
    }

    pub(crate) fn check_length(&self, length: usize) -> Result<(), Error> {
        self.limit.check_whole(length)
    }

    pub(crate) fn flag(&self, event: Events) {
        self.events.set(self.events.get() | event);
    }

    /// Whether a handler would run for this event.
    pub(crate) fn is_triggered_by(&self, event: Events) -> bool {
        self.callback.borrow().as_ref().is_some_and(|callback| callback.trigger.contains(event))
    }

    /// The CCCD bits that the properties allow.
    pub(crate) fn allowed_cccd_bits(&self) -> u8 {
        let notify = if self.properties.contains(Properties::NOTIFY) { cccd::NOTIFY } else { 0 };
        let indicate = if self.properties.contains(Properties::INDICATE) { cccd::INDICATE } else { 0 };
        notify | indicate
    }
}

/// A descriptor other than the CCCD.
pub(crate) struct DescriptorState {
    pub(crate) uuid: Uuid,
    pub(crate) permissions: Permissions,
    pub(crate) limit: Limit,
    pub(crate) value: RefCell<Rc<[u8]>>,
}
