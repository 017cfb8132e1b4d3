//! What the device advertises.

use super::{Driver, Stop};
use crate::central::{Address, Target};
use crate::fault::Fault;
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use conformance::observation::{CentralEvent, StepObservation};
use conformance::plan::{ABSENCE_WINDOW_MS, ADVERTISEMENT_WINDOW_MS};
use conformance::scenario::AdvertisementExpect;
use embassy_time::Duration;
use std::convert::Infallible;

/// A device that advertises every 1.28 s, the slowest of usual ones, is seen several times.
pub(super) const SCAN_DEADLINE: Duration = Duration::from_secs(5);

impl<T> Driver<'_, T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Scans until the device advertises what it should, or for as long as it must not.
    pub(super) async fn expect_advertisement(
        &mut self,
        expect: &AdvertisementExpect,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
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
    pub(super) fn silent(&self, seen: &mut StepObservation) -> Result<(), Stop> {
        if self.heard || self.setup.certain_radio {
            seen.central.push(CentralEvent::Nothing);
            return Ok(());
        }
        let device = match &self.address {
            Some(address) => crate::hex::address(&address.bytes),
            None => "the external device".to_owned(),
        };
        Err(Stop::Rig(Fault::new(
            format!("{device} was not seen advertising"),
            "check the antennas, and that the adapter can scan, then run again",
        )))
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
        if self.address.is_none() {
            self.address = self.central().find(self.target(), SCAN_DEADLINE).await?;
        }
        Ok(self.address)
    }
}
