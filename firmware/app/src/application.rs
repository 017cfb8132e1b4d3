//! The running application: its Bluetooth object and what the harness can name.

use crate::bonds::MAX_BONDS;
use crate::delay::Delay;
use crate::interpreter::{Built, Means};
use crate::outbox::Console;
use crate::{MAX_MTU, interpreter, lopy};
use alloc::string::{String, ToString};
use gatts::{Bluetooth, Characteristic, Config};
use wire::{CharRef, Device};

/// An application, started.
pub(crate) struct Application {
    pub(crate) bluetooth: Bluetooth,
    built: Built,
}

impl Application {
    /// No application: nothing is advertised, nothing served but GAP and GATT.
    pub(crate) fn idle() -> Self {
        Self { bluetooth: Bluetooth::new(config("gattest", 1)), built: Built::default() }
    }

    /// Builds what the harness asks for.
    ///
    /// # Errors
    /// In words, when a table is impossible; nothing of it is left then.
    pub(crate) fn start(device: &Device, console: &Console, delay: &Delay) -> Result<Self, String> {
        match device {
            Device::Lopy => {
                let bluetooth = Bluetooth::new(config("LoPy", 1));
                let [chr1, chr2] = lopy::start(&bluetooth, console).map_err(|error| error.to_string())?;
                let built = Built::of(alloc::vec![alloc::vec![chr1], alloc::vec![chr2]]);
                Ok(Self { bluetooth, built })
            }
            Device::Table(table) => {
                let clients = usize::from(table.clients).clamp(1, crate::MAX_CLIENTS);
                let bluetooth = Bluetooth::new(Config {
                    caching: table.caching,
                    appearance: table.appearance,
                    writable_device_name: table.writable_name,
                    ..config(&table.name, clients)
                });
                let (console, delay) = (console.clone(), delay.clone());
                let means = Means { bluetooth: bluetooth.clone(), console, delay };
                let built = interpreter::build(table, &means)?;
                Ok(Self { bluetooth, built })
            }
        }
    }

    /// A characteristic by its place in the table.
    pub(crate) fn characteristic(&self, at: CharRef) -> Option<&Characteristic> {
        self.built.characteristics().get(usize::from(at.service))?.get(usize::from(at.characteristic))
    }

    /// What the table has been built to.
    pub(crate) fn built(&self) -> &Built {
        &self.built
    }

    /// The same, to add to it.
    pub(crate) fn built_mut(&mut self) -> &mut Built {
        &mut self.built
    }
}

fn config(name: &str, clients: usize) -> Config {
    Config {
        device_name: name.to_string(),
        max_mtu: MAX_MTU,
        max_connections: clients,
        max_bonds: MAX_BONDS,
        ..Config::default()
    }
}
