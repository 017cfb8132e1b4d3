//! Recordings of the radio, asked for from another thread.

use air::{Air, Capture};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// A board that runs does what it is told within a poll; this is for machines that are very busy.
const TAKE_DEADLINE: Duration = Duration::from_secs(5);

enum Order {
    Start,
    Take(mpsc::Sender<Capture>),
}

/// Records the HCI packets of all controllers on a board's radio. Clones mean the same recorder.
#[derive(Clone)]
pub struct Recorder(Arc<Channel<CriticalSectionRawMutex, Order, 4>>);

impl Default for Recorder {
    fn default() -> Self {
        Self(Arc::new(Channel::new()))
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Starts recording; what was recorded before is dropped.
    pub fn start(&self) {
        // Full is it only when nobody runs the board any more.
        let _nobody_records = self.0.try_send(Order::Start);
    }

    /// Stops recording and gives what was recorded; nothing when the board does not run.
    #[must_use]
    pub fn take(&self) -> Option<Capture> {
        let (give, given) = mpsc::channel();
        self.0.try_send(Order::Take(give)).ok()?;
        given.recv_timeout(TAKE_DEADLINE).ok()
    }

    /// Carries the orders out, on the bench's own thread. Never ends.
    pub(super) async fn serve(&self, air: &Air) {
        loop {
            match self.0.receive().await {
                Order::Start => air.capture(),
                Order::Take(give) => {
                    let _nobody_waits = give.send(air.take_capture());
                }
            }
        }
    }
}
