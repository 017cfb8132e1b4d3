//! Services.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;

use super::{Characteristic, CharacteristicConfig, DescriptorConfig};
use crate::attribute::{CharacteristicState, DescriptorState, types};
use crate::error::Error;
use crate::events::Events;
use crate::shared::Shared;
use crate::table::CharacteristicDefinition;
use crate::value::check_length;

/// A service in the table. A cheap handle: clones are the same service.
#[derive(Clone)]
pub struct Service {
    pub(super) shared: Rc<Shared>,
    pub(super) index: usize,
}

impl Service {
    pub(super) fn new(shared: &Rc<Shared>, index: usize) -> Self {
        Self { shared: Rc::clone(shared), index }
    }

    /// Adds a characteristic at the end of this service. Services behind it move up, and their handles
    /// change with that.
    ///
    /// # Errors
    /// [`Error::ClientConnected`] while a client is connected; an error in a value; a fixed handle that is
    /// not free; no handle left. The table stays as it was.
    pub fn characteristic(&self, config: CharacteristicConfig) -> Result<Characteristic, Error> {
        if !self.shared.clients.borrow().is_empty() {
            return Err(Error::ClientConnected);
        }
        let value = config.value?;
        let max_len = usize::from(config.max_len);
        check_length(value.len(), max_len)?;
        let mut descriptors = Vec::new();
        for descriptor in config.descriptors {
            descriptors.push((descriptor.handle, Rc::new(descriptor_state(descriptor)?)));
        }
        let state = Rc::new(CharacteristicState {
            uuid: config.uuid,
            properties: config.properties,
            permissions: config.permissions.within(config.properties),
            subscribe_access: config.subscribe_access,
            max_len,
            handle: Cell::new(0),
            value: RefCell::new(value.into()),
            events: Cell::new(Events::empty()),
            callback: RefCell::default(),
            write_rule: RefCell::default(),
        });
        let definition = CharacteristicDefinition {
            state: Rc::clone(&state),
            handle: config.handle,
            cccd_handle: config.cccd_handle,
            descriptors,
        };
        self.shared.table.borrow_mut().add_characteristic(self.index, definition)?;
        Ok(Characteristic::new(&self.shared, &state))
    }

    /// Handle of the service declaration.
    pub fn handle(&self) -> u16 {
        self.range().0
    }

    /// Handle of the last attribute of this service.
    pub fn end_handle(&self) -> u16 {
        self.range().1
    }

    fn range(&self) -> (u16, u16) {
        self.shared.table.borrow().range_of(self.index).unwrap_or_default()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.range();
        write!(f, "Service({first:#06x} to {last:#06x})")
    }
}

fn descriptor_state(config: DescriptorConfig) -> Result<DescriptorState, Error> {
    if config.uuid == types::CCCD {
        return Err(Error::DescriptorReserved(config.uuid));
    }
    let value = config.value?;
    let max_len = usize::from(config.max_len);
    check_length(value.len(), max_len)?;
    let value = RefCell::new(value.into());
    Ok(DescriptorState { uuid: config.uuid, permissions: config.permissions, max_len, value })
}
