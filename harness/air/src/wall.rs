//! The wall clock, for benches that run in real time. Nothing else in this crate looks at it.

use std::thread;
use std::time::{Duration, Instant};

/// The wall clock during one run, as microseconds of the bench's own time.
#[derive(Debug)]
pub(crate) struct WallClock {
    began: Instant,
    began_us: u64,
}

impl WallClock {
    /// The bench's time goes on from `now_us`: it stood still since its last run.
    pub(crate) fn start(now_us: u64) -> Self {
        Self { began: Instant::now(), began_us: now_us }
    }

    pub(crate) fn now_us(&self) -> u64 {
        let passed = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.began_us.saturating_add(passed)
    }

    /// Parks this thread until `deadline_us`, or until somebody unparks it.
    pub(crate) fn park_until(&self, deadline_us: u64) {
        thread::park_timeout(Duration::from_micros(deadline_us.saturating_sub(self.now_us())));
    }
}
