//! When the queue of pushes is complete, and when every indication has been confirmed.
//!
//! A board with a control link says by its barrier that all it had to send has been acknowledged: that
//! touches nothing on the device. What an adapter has acknowledged may still be on its way to its host. Any other device is asked something (a *fence*); a request closes the
//! read snapshot of this client, so there a long read by raw PDUs must not be interrupted.

use super::{Client, Driver, Stop};
use crate::central::{Central, Failure};
use conformance::observation::{CentralEvent, StepObservation};

/// Indications that one step may cause, one after the other.
const INDICATION_LIMIT: usize = 256;
/// Opcode of a Handle Value Confirmation.
pub(super) const CONFIRMATION: u8 = 0x1E;

impl<C: Central> Driver<'_, C> {
    /// After a step: what it caused to be pushed and confirmed belongs to it, not to the next.
    pub(super) async fn settle(&mut self, last: bool, seen: &mut StepObservation) -> Result<(), Stop> {
        let is_due = |client: &Client<'_, C>| client.connected && (client.indicating || last);
        let due: Vec<usize> = self.clients().filter(|(_, it)| is_due(it)).map(|(who, _)| who).collect();
        for who in due {
            match self.complete_pushes(who, false).await {
                Ok(unasked) => self.note_unasked(who, unasked, seen),
                // Another client's end is looked at after the barrier.
                Err(Stop::Gone(_)) if who != self.who => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Waits until everything that the device has queued for a client has arrived, and gives the PDUs
    /// that nobody asked for. Each confirmation may release a further indication.
    pub(super) async fn complete_pushes(&self, who: usize, after_read: bool) -> Result<Vec<Vec<u8>>, Stop> {
        let client = self.client(who);
        let mut unasked = Vec::new();
        for _ in 0..INDICATION_LIMIT {
            let before = client.central.indications();
            match self.link {
                Some(link) => {
                    link.barrier(self.is_answered()).await?;
                    if !self.setup.certain_radio {
                        client.central.catch_up().await?;
                    }
                    if let Some(reason) = client.central.gone() {
                        return Err(Stop::Gone(reason));
                    }
                    unasked.extend(client.central.take_unasked());
                }
                None => unasked.extend(self.fence(who, after_read).await?),
            }
            let now = client.central.indications();
            if let Some(link) = self.link
                && (now != before || client.indicating)
            {
                let confirmed = self.confirmed(None);
                link.wait_received(CONFIRMATION, self.confirmations.wrapping_add(confirmed)).await?;
            }
            if now == before {
                break;
            }
        }
        Ok(unasked)
    }

    /// Confirmations that clients have sent on their present connections, one of them left out.
    pub(super) fn confirmed(&self, without: Option<usize>) -> u32 {
        let counted = self.clients().filter(|(who, _)| Some(*who) != without);
        counted.fold(0, |sum, (_, client)| sum.wrapping_add(client.central.confirmed()))
    }

    /// As [`Self::complete_pushes`], for the step's own client if it is connected.
    pub(super) async fn complete_own(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        if self.own().connected {
            let unasked = self.complete_pushes(self.who, false).await?;
            self.note_unasked(self.who, unasked, seen);
        }
        Ok(())
    }

    /// The same for every client that is connected.
    pub(super) async fn complete_all(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        let connected: Vec<usize> =
            self.clients().filter(|(_, client)| client.connected).map(|(who, _)| who).collect();
        for who in connected {
            match self.complete_pushes(who, false).await {
                Ok(unasked) => self.note_unasked(who, unasked, seen),
                Err(Stop::Gone(_)) if who != self.who => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// One request that changes no value, flag or count. `after_read`: a Read Response may be under way that
    /// must not be taken for the fence's own.
    async fn fence(&self, who: usize, after_read: bool) -> Result<Vec<Vec<u8>>, Stop> {
        let central = self.client(who).central;
        central.fence(self.names.device_name, after_read).await.map_err(|failure| match failure {
            Failure::NoResponse => Stop::NoResponse,
            Failure::Gone(reason) => Stop::Gone(reason),
            Failure::Rig(fault) => Stop::Rig(fault),
            // A fence takes any response.
            Failure::Att(_) | Failure::Hidden(_) | Failure::Malformed(_) => Stop::NoResponse,
        })
    }

    /// Everything in the queues of pushes, as events of this step.
    pub(super) fn take_pushes(&self, seen: &mut StepObservation) {
        for (who, client) in self.clients() {
            for pushed in client.central.take_pushes() {
                let target = self.names.name(pushed.handle);
                let event = CentralEvent::Pushed { push: pushed.push, target, value: pushed.value };
                self.note_of(who, event, seen);
            }
        }
    }

    /// Responses without a request are a breach, wherever they show.
    pub(super) fn note_unasked(&self, who: usize, unasked: Vec<Vec<u8>>, seen: &mut StepObservation) {
        for pdu in unasked {
            let words = format!("an unasked PDU {}", crate::hex::spaced(&pdu));
            self.note_of(who, CentralEvent::Malformed(words), seen);
        }
    }
}
