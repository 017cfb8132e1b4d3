//! Steps that make links secure: a bond at both ends, and encryption with it.

use super::{Driver, OTHER_END_DEADLINE, Stop, note};
use crate::central::{Central, Encryption, Failure, Keys};
use crate::link::Report;
use conformance::observation::{CentralEvent, StepObservation};
use conformance::scenario::{Bond, BondLevel};
use wire::Call;

/// Connection Terminated due to MIC Failure (Core Vol 1 Part F 2.61).
const MIC_FAILURE: u8 = 0x3D;

impl<C: Central> Driver<'_, C> {
    /// One key, identity and signing key at both ends. The central has them only once the board does.
    pub(super) async fn bond(&mut self, bond: &Bond, seen: &mut StepObservation) -> Result<(), Stop> {
        let ltk = self.long_term_key(bond.key_size);
        let identity = self.central().identity()?;
        let call = Call::Bond(wire::Bond {
            address: identity.bytes,
            random: identity.random,
            ltk,
            key_size: bond.key_size,
            authenticated: bond.level == BondLevel::Authenticated,
            csrk: bond.csrk,
        });
        self.call(call, seen).await?;
        Ok(self.central().set_keys(Keys::new(ltk, bond.csrk))?)
    }

    /// A key of so many bytes, least significant first: those above are zero (Core Vol 3 Part H 2.4.4.1).
    fn long_term_key(&mut self, key_size: u8) -> [u8; 16] {
        let mut key = [0; 16];
        self.keys.fill(&mut key);
        key.iter_mut().skip(usize::from(key_size)).for_each(|byte| *byte = 0);
        key
    }

    /// The link is encrypted when both ends have said so.
    pub(super) async fn encrypt(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        match self.central().encrypt().await {
            Ok(Encryption::On) => {}
            Ok(Encryption::Refused(code)) => {
                seen.central.push(CentralEvent::NotEncrypted(code));
                return Ok(());
            }
            Err(Failure::Gone(reason)) => return self.ended_by_keys(reason, seen).await,
            Err(failure) => return note(failure, seen),
        }
        if let Some(link) = self.link {
            let encrypted = |report: &Report| matches!(report, Report::Encrypted { .. });
            link.wait_report(OTHER_END_DEADLINE, "report of the encryption", encrypted).await?;
        }
        seen.central.push(CentralEvent::Encrypted);
        // Subscriptions of a bonded client come back with the encryption: indications may follow.
        self.own_mut().indicating = true;
        Ok(())
    }

    /// The link has ended instead. If the device could not read what was encrypted with the key that it took,
    /// it leaves without a word (Core Vol 6 Part B 5.1.3.1), and only the board's report tells that from a radio
    /// that failed.
    async fn ended_by_keys(&self, reason: u8, seen: &mut StepObservation) -> Result<(), Stop> {
        let Some(link) = self.link else { return Err(Stop::Gone(reason)) };
        link.wait_report(OTHER_END_DEADLINE, "report of the disconnection", super::is_disconnected).await?;
        let by_keys = |report: &Report| *report == Report::Disconnected { reason: MIC_FAILURE };
        if link.count_reports(by_keys) == 0 {
            return Err(Stop::Gone(reason));
        }
        seen.central.push(CentralEvent::NotEncrypted(MIC_FAILURE));
        Err(Stop::Noted)
    }
}
