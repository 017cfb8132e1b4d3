//! Attributes: what a handle stands for, and the state behind it.

use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

use crate::error::{AttError, Error};
use crate::events::Events;
use crate::handler::{CharacteristicCallback, WriteRule};
use crate::permissions::{Access, Permissions, Properties, Security};
use crate::uuid::Uuid;
use crate::value::check_length;

/// Attribute types that the profile itself defines (Core Vol 3 Part G 3.4).
pub(crate) mod types {
    use crate::uuid::Uuid;

    pub(crate) const PRIMARY_SERVICE: Uuid = Uuid::from_u16(0x2800);
    pub(crate) const SECONDARY_SERVICE: Uuid = Uuid::from_u16(0x2801);
    pub(crate) const INCLUDE: Uuid = Uuid::from_u16(0x2802);
    pub(crate) const CHARACTERISTIC: Uuid = Uuid::from_u16(0x2803);
    pub(crate) const USER_DESCRIPTION: Uuid = Uuid::from_u16(0x2901);
    pub(crate) const CCCD: Uuid = Uuid::from_u16(0x2902);
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
    pub(crate) kind: Kind,
}

/// What the attribute is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A service, include or characteristic declaration: its value follows from the table.
    Declaration(Rc<[u8]>),
    Value(Rc<CharacteristicState>),
    Cccd(Rc<CharacteristicState>),
    Descriptor(Rc<DescriptorState>),
}

impl Kind {
    fn permissions(&self) -> Permissions {
        match self {
            Self::Declaration(_) => Permissions::READ_ONLY,
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

    /// The stored value. `bits` gives this client's CCCD bits of the characteristic value at a handle.
    pub(crate) fn stored(&self, bits: impl FnOnce(u16) -> u8) -> Rc<[u8]> {
        match self {
            Self::Declaration(value) => Rc::clone(value),
            Self::Value(characteristic) => characteristic.value(),
            Self::Cccd(characteristic) => Rc::from([bits(characteristic.handle.get()), 0]),
            Self::Descriptor(descriptor) => Rc::clone(&descriptor.value.borrow()),
        }
    }
}

/// A characteristic value, with what belongs to it.
pub(crate) struct CharacteristicState {
    pub(crate) uuid: Uuid,
    pub(crate) properties: Properties,
    pub(crate) permissions: Permissions,
    pub(crate) subscribe_access: Access,
    pub(crate) max_len: usize,
    /// Handle of the value; 0 until the table has placed it.
    pub(crate) handle: Cell<u16>,
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
        check_length(length, self.max_len)
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
    pub(crate) max_len: usize,
    pub(crate) value: RefCell<Rc<[u8]>>,
}
