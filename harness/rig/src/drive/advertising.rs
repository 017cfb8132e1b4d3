//! What the device advertises.

use super::{Driver, Stop};
use crate::central::{Address, Central, Choice, Heard, Target};
use crate::fault::Fault;
use conformance::observation::{CentralEvent, StepObservation};
use conformance::plan::{ABSENCE_WINDOW_MS, ADVERTISEMENT_WINDOW_MS};
use conformance::scenario::{AdvertisementExpect, External};
use embassy_time::Duration;

/// A device that advertises every 1.28 s, the slowest of usual ones, is seen several times.
pub(super) const SCAN_DEADLINE: Duration = Duration::from_secs(5);

impl<C: Central> Driver<'_, C> {
    /// Scans until the device advertises what it should, or for as long as it must not.
    pub(super) async fn expect_advertisement(
        &mut self,
        expect: &AdvertisementExpect,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        // Of an external device there must be one alone, however it shows first.
        self.address().await?;
        let window_ms = if expect.present { ADVERTISEMENT_WINDOW_MS } else { ABSENCE_WINDOW_MS };
        let window = Duration::from_millis(u64::from(window_ms));
        let watched = self.central().watch(self.target(), window, |fields| expect.fits(fields));
        let (fields, fits) = watched.await?;
        self.heard |= fields.is_some();
        // What is advertised although it does not fit shows a present one's mistake, and proves an absent
        // one's absence.
        match fields.filter(|_| expect.present || fits) {
            Some(fields) => seen.central.push(CentralEvent::Advertised(fields)),
            None => self.silent(seen)?,
        }
        Ok(())
    }

    /// The device was not heard: its own doing, where it is certain that it would have been.
    pub(super) fn silent(&self, seen: &mut StepObservation) -> Result<(), Fault> {
        if self.heard || self.setup.certain_radio {
            seen.central.push(CentralEvent::Nothing);
            return Ok(());
        }
        Err(self.not_heard())
    }

    /// No connection could be made. Without a word from the device it may as well be switched off.
    pub(super) fn not_connectable(&self, seen: &mut StepObservation) -> Stop {
        if self.link.is_none() && !self.setup.certain_radio {
            return Stop::Rig(self.not_heard());
        }
        self.silent(seen).map_or_else(Stop::Rig, |()| Stop::Noted)
    }

    fn not_heard(&self) -> Fault {
        let device = match (&self.address, &self.plan.device.external) {
            (Some(address), _) => crate::hex::address(&address.bytes),
            (None, Some(external)) => described(external),
            (None, None) => "the device".to_owned(),
        };
        let others = match (self.address, self.around.as_slice()) {
            (Some(_), _) => String::new(),
            (None, []) => "; nothing else was heard either".to_owned(),
            (None, around) => format!("; heard were {}", listed(around)),
        };
        Fault::new(
            format!("{device} was not seen advertising in {} s{others}", SCAN_DEADLINE.as_secs()),
            "see that the device is switched on, in reach, and connected to nobody else, then run again",
        )
    }

    /// Whom to look for.
    fn target(&self) -> Target {
        match (&self.address, &self.plan.device.external) {
            (None, Some(external)) => Target::External(external.clone()),
            (address, _) => Target::Address(address.map(|address| address.bytes).unwrap_or_default()),
        }
    }

    /// The device's address; an external device is looked for once. `None`: it does not show.
    pub(super) async fn address(&mut self) -> Result<Option<Address>, Fault> {
        if self.address.is_some() {
            return Ok(self.address);
        }
        let target = self.target();
        match self.central().choose(target, SCAN_DEADLINE).await? {
            Choice::One(address) => self.address = Some(address),
            Choice::None(around) => self.around = around,
            Choice::Several(devices) => {
                let external = self.plan.device.external.as_ref().map_or_else(String::new, described);
                return Err(Fault::new(
                    format!("{external} is more than one device: {}", listed(&devices)),
                    "switch the others off, or say in the scenario which one it is with `address:`",
                ));
            }
        }
        Ok(self.address)
    }
}

/// An external device as the scenario names it.
fn described(external: &External) -> String {
    match external {
        External::Address(address) => crate::hex::address(address),
        External::Name(name) => format!("the device named {name:?}"),
        External::Service(uuid) => format!("the device with service {uuid}"),
    }
}

/// Devices as a message lists them: not more than a person reads.
fn listed(devices: &[Heard]) -> String {
    const SHOWN: usize = 8;
    let one = |heard: &Heard| {
        let address = crate::hex::address(&heard.address.bytes);
        heard
            .name
            .as_ref()
            .map_or_else(|| format!("{address} (no name)"), |name| format!("{address} {name:?}"))
    };
    let mut text = devices.iter().take(SHOWN).map(one).collect::<Vec<_>>().join(", ");
    if devices.len() > SHOWN {
        text.push_str(&format!(" and {} more", devices.len() - SHOWN));
    }
    text
}
