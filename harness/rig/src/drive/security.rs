//! Steps that make links secure: a bond at both ends, and encryption with it.

use super::{Driver, OTHER_END_DEADLINE, Stop, note};
use crate::central::{Central, Encryption, Failure, Keys, Paired};
use crate::fault::Fault;
use crate::link::Report;
use conformance::observation::{BoardEvent, CentralEvent, StepObservation};
use conformance::scenario::{Action, Bond, BondLevel, Pair};
use wire::Call;

/// Connection Terminated due to MIC Failure (Core Vol 1 Part F 2.61).
const MIC_FAILURE: u8 = 0x3D;

/// Passkeys have six decimal digits (Core Vol 3 Part H 2.3.5.3).
const PASSKEYS: u32 = 1_000_000;

fn no_passkey() -> Fault {
    Fault::new(
        "the device wants its passkey, and there is no board that says which it shows",
        "make the device pair without one (no display, no keys), or leave `pair` out",
    )
}

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

    /// The client is paired when both ends have said so.
    pub(super) async fn pair(&mut self, pair: Pair, seen: &mut StepObservation) -> Result<(), Stop> {
        let seed = self.keys.u64(..);
        let link = self.link;
        let passkey = async || {
            let Some(link) = link else { return Err(no_passkey()) };
            let shown = |report: &Report| match report {
                Report::Passkey(shown) => Some(*shown),
                _ => None,
            };
            let shown = link.find_report(OTHER_END_DEADLINE, "report of the passkey", shown).await?;
            Ok(if pair == Pair::WrongPasskey { (shown + 1) % PASSKEYS } else { shown })
        };
        match self.central().pair(seed, passkey).await {
            Ok(Paired::Yes) => {}
            Ok(Paired::No) => {
                seen.central.push(CentralEvent::NotPaired);
                return Ok(());
            }
            Ok(Paired::Unsure(words)) => return self.unpaired(words, seen).await,
            Err(failure) => return note(failure, seen),
        }
        if let Some(link) = self.link {
            let paired = |report: &Report| *report == Report::Paired;
            link.wait_report(OTHER_END_DEADLINE, "report of the pairing", paired).await?;
        }
        seen.central.push(CentralEvent::Paired);
        self.own_mut().indicating = true;
        Ok(())
    }

    /// Only the board's word shows that the device had a part in a failure that an operating system tells of. What
    /// becomes of the link behind it is the system's affair: no step can follow.
    async fn unpaired(&self, words: String, seen: &mut StepObservation) -> Result<(), Stop> {
        self.barrier().await?;
        let failed = |report: &Report| *report == Report::PairingFailed;
        let is_known = self.link.is_some_and(|link| link.count_reports(failed) > 0);
        seen.central.push(match is_known {
            true => CentralEvent::NotPaired,
            false => CentralEvent::HiddenError(words),
        });
        Err(Stop::Noted)
    }

    /// The link is encrypted when both ends have said so.
    pub(super) async fn encrypt(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        if let Some(report) = self.own_mut().encrypted_early.take() {
            seen.board.push(report);
            seen.central.push(CentralEvent::Encrypted);
            self.own_mut().indicating = true;
            return Ok(());
        }
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

    /// A central that encrypts a new link by itself does so in the step that connects; its report belongs to the step
    /// that asks for it, as with any other central.
    pub(super) async fn await_own_encryption(&self) -> Result<(), Stop> {
        let Some(link) = self.link.filter(|_| self.central().encrypts_by_itself()) else { return Ok(()) };
        let encrypted = |report: &Report| matches!(report, Report::Encrypted { .. });
        Ok(link.wait_report(OTHER_END_DEADLINE, "report of the encryption", encrypted).await?)
    }

    /// Takes that report out of the step that has connected.
    pub(super) fn keep_own_encryption(&mut self, action: &Action, seen: &mut StepObservation) {
        let is_connecting = matches!(action, Action::Connect | Action::Reconnect);
        if !is_connecting || !self.central().encrypts_by_itself() {
            return;
        }
        let is_it = |event: &BoardEvent| matches!(event, BoardEvent::Encrypted { .. });
        let early = seen.board.iter().position(is_it).map(|at| seen.board.remove(at));
        self.own_mut().encrypted_early = early;
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
