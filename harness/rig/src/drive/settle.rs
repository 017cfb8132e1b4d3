//! Fences: when the queue of pushes is complete, and when every indication has been confirmed.

use super::{Driver, Stop};
use crate::central::Failure;
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use conformance::observation::{CentralEvent, StepObservation};
use std::convert::Infallible;

/// Indications that one step may cause, one after the other.
const INDICATION_LIMIT: usize = 256;
/// Answered by every server with an Error Response, should it show no Device Name.
const NO_HANDLE: u16 = 0xFFFF;

impl<T> Driver<'_, T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// After a step: what it caused to be pushed and confirmed belongs to it, not to the next.
    pub(super) async fn settle(&mut self, last: bool, seen: &mut StepObservation) -> Result<(), Stop> {
        if self.connected && (self.indicating || last) {
            let unasked = self.complete_pushes(false).await?;
            note_unasked(unasked, seen);
        }
        Ok(())
    }

    /// Waits until everything that the device has queued has arrived, and gives the PDUs that nobody
    /// asked for. Each confirmation may release a further indication.
    pub(super) async fn complete_pushes(&self, after_read: bool) -> Result<Vec<Vec<u8>>, Stop> {
        let mut unasked = Vec::new();
        for _ in 0..INDICATION_LIMIT {
            let before = self.central.indications();
            unasked.extend(self.fence(after_read).await?);
            let now = self.central.indications();
            if now != before || self.indicating {
                let expected = self.confirmations.wrapping_add(now);
                self.link.wait_received(0x1E, expected).await?;
            }
            if now == before {
                break;
            }
        }
        Ok(unasked)
    }

    /// One request that has no effect on the device. `after_read`: a Read Response may be under way
    /// that must not be taken for the fence's own.
    async fn fence(&self, after_read: bool) -> Result<Vec<Vec<u8>>, Stop> {
        let handle = self.names.device_name.unwrap_or(NO_HANDLE);
        let [low, high] = handle.to_le_bytes();
        let request: &[u8] = if after_read { &[0x04, low, high, low, high] } else { &[0x0A, low, high] };
        self.central.fence(request).await.map_err(|failure| match failure {
            Failure::NoResponse => Stop::NoResponse,
            Failure::Gone(reason) => Stop::Gone(reason),
            Failure::Rig(fault) => Stop::Rig(fault),
            // A fence takes any response.
            Failure::Att(_) | Failure::Malformed(_) => Stop::NoResponse,
        })
    }

    /// Everything in the queue of pushes, as events of this step.
    pub(super) fn take_pushes(&self, seen: &mut StepObservation) {
        let pushes = self.central.take_pushes().into_iter();
        seen.central.extend(pushes.map(|pushed| CentralEvent::Pushed {
            push: pushed.push,
            target: self.names.name(pushed.handle),
            value: pushed.value,
        }));
    }
}

/// Responses without a request are a breach, wherever they show.
pub(super) fn note_unasked(unasked: Vec<Vec<u8>>, seen: &mut StepObservation) {
    let words = unasked.iter().map(|pdu| format!("an unasked PDU {}", crate::hex::spaced(pdu)));
    seen.central.extend(words.map(CentralEvent::Malformed));
}
