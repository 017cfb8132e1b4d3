//! How a handler lets its answer wait.

use alloc::rc::Rc;
use core::cell::Cell;

/// Shared by the rules, which ask, and the bearer, which holds the connection back: handlers themselves
/// never wait, so that other connections go on.
#[derive(Clone, Default)]
pub(crate) struct Delay(Rc<Cell<u32>>);

impl Delay {
    /// Lets the answer to the request that is being handled wait longer.
    pub(crate) fn add(&self, ms: u32) {
        self.0.set(self.0.get().saturating_add(ms));
    }

    /// Takes what was asked for, in milliseconds.
    pub(crate) fn take(&self) -> u32 {
        self.0.take()
    }
}
