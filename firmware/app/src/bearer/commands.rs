//! How many HCI commands the controller takes: the host and the bearer both send some.

use super::Bearer;
use bt_hci_transport::Transport;
use core::future::poll_fn;
use core::task::Poll;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::MutexGuard;
use embassy_sync::waitqueue::MultiWakerRegistration;

/// Tasks of the host that may wait to write a command.
const WRITERS: usize = 4;

/// The controller's word on commands (Core Vol 4 Part E 4.4).
pub(super) struct Commands {
    /// So many more it takes now.
    left: u8,
    /// The host waits here until it takes one.
    wakers: MultiWakerRegistration<WRITERS>,
}

impl Commands {
    /// The first command may be sent at once.
    pub(super) fn new() -> Self {
        Self { left: 1, wakers: MultiWakerRegistration::new() }
    }

    /// Counts a command that is about to be sent. False, and nothing may be sent, if there is no room.
    pub(super) fn take(&mut self) -> bool {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// The controller says how many it takes now.
    pub(super) fn set(&mut self, left: u8) {
        self.left = left;
        self.wakers.wake();
    }
}

impl<T: Transport> Bearer<T> {
    /// Waits until the controller takes a command and nobody else writes; the command is counted then.
    pub(super) async fn command_turn(&self) -> MutexGuard<'_, NoopRawMutex, ()> {
        loop {
            poll_fn(|cx| {
                let commands = &mut self.state.borrow_mut().commands;
                if commands.left > 0 {
                    return Poll::Ready(());
                }
                commands.wakers.register(cx.waker());
                Poll::Pending
            })
            .await;
            let turn = self.writing.lock().await;
            // Another may have been first.
            if self.state.borrow_mut().commands.take() {
                return turn;
            }
        }
    }
}
