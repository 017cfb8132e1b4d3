//! The running application: its Bluetooth object and the characteristics that the harness can name.

use crate::outbox::Console;
use crate::{MAX_MTU, interpreter, lopy};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use gatts::{Bluetooth, Characteristic, Config};
use wire::{CharRef, Device};

/// An application, started.
pub(crate) struct Application {
    pub(crate) bluetooth: Bluetooth,
    /// By service and position, as in the device's table.
    characteristics: Vec<Vec<Characteristic>>,
}

impl Application {
    /// No application: nothing is advertised, nothing served but GAP and GATT.
    pub(crate) fn idle() -> Self {
        Self { bluetooth: bluetooth("gattest"), characteristics: Vec::new() }
    }

    /// Builds what the harness asks for.
    ///
    /// # Errors
    /// In words, when a table is impossible; nothing of it is left then.
    pub(crate) fn start(device: &Device, console: &Console) -> Result<Self, String> {
        match device {
            Device::Lopy => {
                let bluetooth = bluetooth("LoPy");
                let [chr1, chr2] = lopy::start(&bluetooth, console).map_err(|error| error.to_string())?;
                Ok(Self { bluetooth, characteristics: alloc::vec![alloc::vec![chr1], alloc::vec![chr2]] })
            }
            Device::Table(table) => {
                let bluetooth = bluetooth(&table.name);
                let characteristics = interpreter::build(&bluetooth, table, console)?;
                Ok(Self { bluetooth, characteristics })
            }
        }
    }

    /// A characteristic by its place in the table.
    pub(crate) fn characteristic(&self, at: CharRef) -> Option<&Characteristic> {
        self.characteristics.get(usize::from(at.service))?.get(usize::from(at.characteristic))
    }

    /// The same for [`crate::interpreter`].
    pub(crate) fn characteristics(&self) -> &[Vec<Characteristic>] {
        &self.characteristics
    }
}

fn bluetooth(name: &str) -> Bluetooth {
    Bluetooth::new(Config { device_name: name.to_string(), max_mtu: MAX_MTU, ..Config::default() })
}
