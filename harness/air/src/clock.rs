//! The virtual clock, and the `embassy-time` driver that reads it.
//!
//! The driver is one for the process, so the clock it means is the one of the thread: [`Entered`] puts it in place for
//! the length of a run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use embassy_time_driver::Driver;

const _: () = assert!(embassy_time_driver::TICK_HZ == 1_000_000, "the virtual clock ticks in microseconds");

/// One bench's time in microseconds, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now: Cell<u64>,
    timers: RefCell<TimerQueue>,
    /// Counts the packets that crossed between hosts and controllers: the sign that a bench makes progress.
    packets_moved: Cell<u64>,
    /// It follows the wall clock while its bench runs.
    real_time: bool,
}

impl Clock {
    pub(crate) fn new(real_time: bool) -> Self {
        Self { real_time, ..Self::default() }
    }

    pub(crate) fn is_in_real_time(&self) -> bool {
        self.real_time
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Moves the time to `at`, never back, and wakes whose deadline has come.
    pub(crate) fn advance(&self, at: u64) {
        self.now.set(self.now.get().max(at));
        // Each waker runs outside of the borrow: it may belong to a combinator with code of its own.
        loop {
            let due = self.timers.borrow_mut().pop_due(self.now.get());
            let Some(waker) = due else { return };
            waker.wake();
        }
    }

    /// The earliest deadline of a timer.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.timers.borrow().next
    }

    pub(crate) fn forget_timers(&self) {
        let forgotten = self.timers.take();
        drop(forgotten);
    }

    pub(crate) fn packet_moved(&self) {
        self.packets_moved.set(self.packets_moved.get().wrapping_add(1));
    }

    pub(crate) fn packets_moved(&self) -> u64 {
        self.packets_moved.get()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        if at <= self.now.get() {
            waker.wake_by_ref();
        } else {
            self.timers.borrow_mut().schedule(at, waker);
        }
    }
}

/// The earliest deadline of each waker.
///
/// One entry for each waker is enough: a task that is woken polls its timers, and each one that is not over asks again.
/// So a request that sets its 30 s timeout a million times costs one entry and no growth.
#[derive(Debug, Default)]
struct TimerQueue {
    entries: Vec<(u64, Waker)>,
    next: Option<u64>,
}

impl TimerQueue {
    fn schedule(&mut self, at: u64, waker: &Waker) {
        match self.entries.iter_mut().find(|(_, known)| known.will_wake(waker)) {
            Some((deadline, _)) if *deadline <= at => return,
            Some((deadline, _)) => *deadline = at,
            None => self.entries.push((at, waker.clone())),
        }
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    fn pop_due(&mut self, now: u64) -> Option<Waker> {
        if self.next? > now {
            return None;
        }
        let due = self.entries.iter().position(|(deadline, _)| *deadline <= now);
        let waker = due.map(|index| self.entries.swap_remove(index).1);
        self.next = self.entries.iter().map(|(deadline, _)| *deadline).min();
        waker
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Clock>>> = const { RefCell::new(None) };
}

/// While it lives, the thread's `embassy-time` is the given clock; then the one before it comes back.
pub(crate) struct Entered {
    before: Option<Rc<Clock>>,
}

impl Entered {
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        Self { before: CURRENT.with(|current| current.replace(Some(clock))) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        // Not there any more only when the thread itself ends, and then nobody asks for the time.
        let ended = CURRENT.try_with(|current| current.replace(before));
        drop(ended);
    }
}

struct VirtualTime;

impl Driver for VirtualTime {
    fn now(&self) -> u64 {
        CURRENT.try_with(|current| current.borrow().as_ref().map_or(0, |clock| clock.now())).unwrap_or(0)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // Outside of a run there is no clock, and so no moment at which to wake.
        let clock = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten();
        if let Some(clock) = clock {
            clock.schedule_wake(at, waker);
        }
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: VirtualTime = VirtualTime);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_waker_has_one_entry_and_wakes_at_its_earliest_deadline() {
        let clock = Clock::default();
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let (waker_1, waker_2) = (Waker::from(first.clone()), Waker::from(second.clone()));
        for at in [30, 20, 25, 40] {
            clock.schedule_wake(at, &waker_1);
        }
        clock.schedule_wake(22, &waker_2);
        assert_eq!(clock.timers.borrow().entries.len(), 2);
        assert_eq!(clock.next_deadline(), Some(20));
        clock.advance(19);
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
        clock.advance(20);
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (1, 0));
        assert_eq!(clock.next_deadline(), Some(22));
        clock.advance(100);
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (1, 1));
        assert_eq!(clock.next_deadline(), None);
    }

    #[test]
    fn a_deadline_that_has_passed_wakes_at_once_and_time_never_goes_back() {
        let clock = Clock::default();
        clock.advance(50);
        clock.advance(10);
        assert_eq!(clock.now(), 50);
        let count = Arc::new(Count::default());
        clock.schedule_wake(50, &Waker::from(count.clone()));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(clock.next_deadline(), None);
    }

    #[test]
    fn the_thread_gets_its_former_clock_back_even_after_a_panic() {
        let outer = Rc::new(Clock::default());
        outer.advance(7);
        let entered = Entered::new(outer.clone());
        let result = std::panic::catch_unwind(|| {
            let inner = Rc::new(Clock::default());
            inner.advance(9);
            let _entered = Entered::new(inner);
            assert_eq!(embassy_time_driver::now(), 9);
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(result.is_err());
        assert_eq!(embassy_time_driver::now(), 7);
        drop(entered);
        assert_eq!(embassy_time_driver::now(), 0);
    }
}
