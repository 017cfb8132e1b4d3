//! The server as the application sees it: that of `gatts`, or on boards that can be wrong on purpose the same
//! with deviations around it.

#[cfg(feature = "mutants")]
pub(crate) use crate::mutants::{Bluetooth, Characteristic, Loaded, Plan, Server, Service, right};
#[cfg(not(feature = "mutants"))]
pub(crate) use plain::{Bluetooth, Characteristic, Loaded, Plan, Server, Service, right};

#[cfg(not(feature = "mutants"))]
mod plain {
    pub(crate) use gatts::{Bluetooth, Characteristic, Loaded, Server, Service};

    use crate::delay::Delay;
    use crate::outbox::Console;
    use alloc::borrow::Cow;
    use alloc::string::{String, ToString};
    use wire::{Device, Start};

    /// A server's API, as it should be.
    pub(crate) fn right(config: gatts::Config) -> Bluetooth {
        Bluetooth::new(config)
    }

    /// How an application is to be built: as it should be.
    pub(crate) struct Plan;

    impl Plan {
        /// The plan for a start.
        ///
        /// # Errors
        /// In words, where the start asks for a device that is wrong on purpose.
        pub(crate) fn new(start: &Start, _: &Console, _: &Delay) -> Result<Self, String> {
            if start.mutant.is_empty() {
                return Ok(Self);
            }
            Err("this image holds no wrong devices: run them on the virtual board".to_string())
        }

        /// The server's API.
        pub(crate) fn bluetooth(&self, config: gatts::Config) -> Bluetooth {
            right(config)
        }

        /// What is to be built.
        pub(crate) fn device<'d>(&self, device: &'d Device) -> Cow<'d, Device> {
            Cow::Borrowed(device)
        }

        /// Where the application prints.
        pub(crate) fn console(&self, console: &Console) -> Console {
            console.clone()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::outbox::Outbox;
        use alloc::vec;

        #[test]
        fn a_start_that_asks_for_a_wrong_device_is_refused() {
            let console = Console::new(Outbox::new());
            let right = Start { device: Device::Lopy, address: [0; 6], seed: 0, mutant: vec![] };
            assert!(Plan::new(&right, &console, &Delay::default()).is_ok());
            let wrong = Start { mutant: vec![0], ..right };
            let refusal = Plan::new(&wrong, &console, &Delay::default()).err().unwrap();
            assert!(refusal.contains("virtual board"), "{refusal}");
        }
    }
}
