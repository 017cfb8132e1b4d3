//! The running application: its Bluetooth object and what the harness can name.

use crate::api::{Bluetooth, Characteristic, Plan};
use crate::bonds::MAX_BONDS;
use crate::delay::Delay;
use crate::interpreter::{Built, Means};
use crate::outbox::Console;
use crate::{MAX_MTU, interpreter, lopy};
use alloc::string::{String, ToString};
use gatts::Config;
use wire::{CharRef, Device, Pairing, Start, Table};

/// An application, started.
pub(crate) struct Application {
    pub(crate) bluetooth: Bluetooth,
    /// How clients may pair.
    pub(crate) pairing: Pairing,
    built: Built,
}

impl Application {
    /// No application: nothing is advertised, nothing served but GAP and GATT.
    pub(crate) fn idle() -> Self {
        Self {
            bluetooth: crate::api::right(config("gattest", 1)),
            pairing: Pairing::No,
            built: Built::default(),
        }
    }

    /// Builds what the harness asks for.
    ///
    /// # Errors
    /// In words, when a table is impossible; nothing of it is left then.
    pub(crate) fn start(start: &Start, console: &Console, delay: &Delay) -> Result<Self, String> {
        let plan = Plan::new(start, console, delay)?;
        let console = plan.console(console);
        match &*plan.device(&start.device) {
            Device::Lopy => Self::lopy(&plan, &console),
            Device::Table(table) => Self::table(&plan, table, console, delay),
        }
    }

    fn lopy(plan: &Plan, console: &Console) -> Result<Self, String> {
        let bluetooth = plan.bluetooth(config("LoPy", 1));
        let [chr1, chr2] = lopy::start(&bluetooth, console).map_err(|error| error.to_string())?;
        #[cfg(feature = "mutants")]
        {
            let (chr1, chr2, console) = (chr1.clone(), chr2.clone(), console.clone());
            bluetooth.registers_again(move || lopy::register(&chr1, &chr2, &console));
        }
        let built = Built::of(alloc::vec![alloc::vec![chr1], alloc::vec![chr2]]);
        Ok(Self { bluetooth, pairing: Pairing::No, built })
    }

    fn table(plan: &Plan, table: &Table, console: Console, delay: &Delay) -> Result<Self, String> {
        if table.pairing != Pairing::No && !cfg!(feature = "pairing") {
            return Err("this image cannot pair: build it with the feature `pairing`".to_string());
        }
        let clients = usize::from(table.clients).clamp(1, crate::MAX_CLIENTS);
        let bluetooth = plan.bluetooth(Config {
            caching: table.caching,
            appearance: table.appearance,
            writable_device_name: table.writable_name,
            ..config(&table.name, clients)
        });
        let means = Means { bluetooth: bluetooth.clone(), console, delay: delay.clone() };
        let built = interpreter::build(table, &means)?;
        #[cfg(feature = "mutants")]
        {
            let (table, built, means) = (table.clone(), built.clone(), means);
            let own = means.bluetooth.clone();
            own.registers_again(move || interpreter::register(&table, &built, &means));
        }
        Ok(Self { bluetooth, pairing: table.pairing, built })
    }

    /// Takes over from `old` what a device that is wrong on purpose keeps; true if that goes on instead.
    #[cfg(feature = "mutants")]
    pub(crate) fn leaves_in_charge(&self, old: &Self) -> bool {
        let parts = |of: &Self| (of.bluetooth.clone(), of.built.characteristics().to_vec());
        let ((old, old_table), (new, new_table)) = (parts(old), parts(self));
        crate::mutants::inherit((&old, &old_table), (&new, &new_table))
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
