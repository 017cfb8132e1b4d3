//! Services.

use alloc::rc::Rc;
use core::fmt;

use super::load::characteristic_definition;
use super::{Characteristic, CharacteristicConfig};
use crate::caching::{HandleRange, table_changed};
use crate::error::Error;
use crate::shared::Shared;

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
    /// change with that; clients are told (see [`crate::Config::caching`]).
    ///
    /// # Errors
    /// An error in a UUID or a value; a CCCD that is out of place; a fixed handle that is not free; no
    /// handle left. The table stays as it was.
    pub fn characteristic(&self, config: CharacteristicConfig) -> Result<Characteristic, Error> {
        let definition = characteristic_definition(&self.shared, config).map_err(|(_, error)| error)?;
        let state = Rc::clone(&definition.state);
        let changed = self.shared.table.borrow_mut().add_characteristic(self.index, definition)?;
        // Of a service that is stopped, clients see nothing.
        state.stopped.set(self.is_stopped());
        announce(&self.shared, Some(changed));
        Ok(Characteristic::new(&self.shared, &state))
    }

    /// Takes the service out of sight: it cannot be discovered, and its handles answer 0x01. They stay its
    /// own, and so do values, callbacks and subscriptions; what waits to be pushed is dropped. Clients are
    /// told (see [`crate::Config::caching`]). A service that is stopped already is left alone.
    pub fn stop(&self) {
        self.set_stopped(true);
    }

    /// Brings a stopped service back, at the same handles.
    pub fn start(&self) {
        self.set_stopped(false);
    }

    /// Whether the service has been stopped.
    pub fn is_stopped(&self) -> bool {
        self.shared.table.borrow().is_stopped(self.index)
    }

    fn set_stopped(&self, stopped: bool) {
        let changed = self.shared.table.borrow_mut().set_stopped(self.index, stopped);
        for client in self.shared.clients.borrow_mut().iter_mut() {
            client.pushes.retain(|push| !push.characteristic.stopped.get());
        }
        announce(&self.shared, changed);
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

/// Tells the clients which handles have changed.
pub(super) fn announce(shared: &Shared, changed: Option<HandleRange>) {
    if let Some(range) = changed {
        table_changed(shared, range);
    }
}
