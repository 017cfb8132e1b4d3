//! The executor: polls what is ready in an order drawn from the seed, and lets the clock jump when nothing is. In real
//! time it waits for the wall clock in the place of jumping, and for other threads to wake a task.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crate::bench::Bench;
use crate::clock::Entered;
use crate::wall::WallClock;

/// Passes in a row in which tasks only woke themselves, and no packet moved, before the clock jumps all the same.
/// (A host that waits for its own initialisation by waking itself would otherwise hold the time still for ever.)
const IDLE_PASSES: u32 = 64;

/// Passes at one and the same moment before the bench is called dead.
const PASSES_AT_ONE_MOMENT: u32 = 1 << 22;

/// Why a run ended before its main future did. Times are in microseconds since the bench's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stalled {
    /// Nothing is ready, and neither a timer nor the radio will ever make anything ready.
    #[error("the bench is dead at {at_us} us: nothing is ready and no deadline is set")]
    Dead {
        /// When.
        at_us: u64,
    },
    /// The next deadline lies beyond the limit that [`crate::Air::set_time_limit`] set.
    #[error("the bench reached its limit of {limit_us} us")]
    TimeLimit {
        /// The limit.
        limit_us: u64,
    },
    /// The tasks wake each other without end while the time stands still.
    #[error("the bench spins at {at_us} us: its tasks wake each other and the time stands still")]
    Livelock {
        /// When.
        at_us: u64,
    },
    /// `run` was called from inside of a run of the same bench.
    #[error("the bench runs already")]
    Nested,
}

/// Which tasks are ready: one bit each.
struct ReadySet {
    words: Box<[AtomicU64]>,
}

impl ReadySet {
    /// All of `count` tasks are ready.
    fn full(count: usize) -> Self {
        let bits_in = |word: usize| match count.saturating_sub(word * 64) {
            rest @ 0..64 => (1 << rest) - 1,
            _ => u64::MAX,
        };
        Self { words: (0..count.div_ceil(64)).map(|word| AtomicU64::new(bits_in(word))).collect() }
    }

    fn is_set(&self, task: usize) -> bool {
        let word = self.words.get(task / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (task % 64)) != 0)
    }

    fn count(&self) -> u32 {
        self.words.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
    }

    /// Moves the ready tasks into `order`, lowest first.
    fn take(&self, order: &mut Vec<usize>) {
        order.clear();
        for (index, word) in self.words.iter().enumerate() {
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, Ordering::Acquire);
            while bits != 0 {
                order.push(index * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }
}

struct TaskWaker {
    ready: Arc<ReadySet>,
    task: usize,
    /// The bench's thread, which may be parked; none in virtual time.
    thread: Option<Thread>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let bit = 1 << (self.task % 64);
        if let Some(word) = self.ready.words.get(self.task / 64)
            && word.load(Ordering::Relaxed) & bit == 0
        {
            word.fetch_or(bit, Ordering::Release);
            if let Some(thread) = &self.thread {
                thread.unpark();
            }
        }
    }
}

/// Marks the bench as running, and cleans up after it on every way out.
struct Running<'a> {
    bench: &'a Bench,
    _entered: Entered,
}

impl<'a> Running<'a> {
    fn new(bench: &'a Bench) -> Option<Self> {
        let running = bench.running.replace(true);
        (!running).then(|| Self { bench, _entered: Entered::new(bench.clock.clone()) })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.bench.running.set(false);
        // Their wakers belong to this run.
        self.bench.clock.forget_timers();
    }
}

/// What [`crate::Air::run`] does.
pub(crate) fn run<T>(
    bench: &Bench,
    main: impl Future<Output = T>,
    tasks: &mut [Pin<&mut dyn Future<Output = ()>>],
) -> Result<T, Stalled> {
    let _running = Running::new(bench).ok_or(Stalled::Nested)?;
    let mut main = pin!(main);
    let ready = Arc::new(ReadySet::full(tasks.len() + 1));
    let wall = bench.clock.is_in_real_time().then(|| WallClock::start(bench.clock.now()));
    let thread = wall.is_some().then(std::thread::current);
    let wakers: Vec<Waker> = (0..=tasks.len())
        .map(|task| Waker::from(Arc::new(TaskWaker { ready: ready.clone(), task, thread: thread.clone() })))
        .collect();
    let mut done = vec![false; tasks.len()];
    let mut order = Vec::with_capacity(wakers.len());
    let mut pace = Pace::default();
    loop {
        if let Some(wall) = &wall {
            follow(bench, wall)?;
        }
        ready.take(&mut order);
        if order.is_empty() {
            match &wall {
                Some(wall) => park(bench, wall),
                None => pace.jump(bench)?,
            }
            continue;
        }
        if order.len() > 1 {
            bench.order.borrow_mut().shuffle(&mut order);
        }
        let moved = bench.clock.packets_moved();
        let mut woke_itself = 0;
        for &task in &order {
            let Some(waker) = wakers.get(task) else { continue };
            let context = &mut Context::from_waker(waker);
            // Task 0 is the main future.
            let Some(index) = task.checked_sub(1) else {
                if let Poll::Ready(output) = main.as_mut().poll(context) {
                    return Ok(output);
                }
                woke_itself += u32::from(ready.is_set(task));
                continue;
            };
            let (Some(future), Some(done)) = (tasks.get_mut(index), done.get_mut(index)) else { continue };
            if !*done {
                *done = future.as_mut().poll(context).is_ready();
                woke_itself += u32::from(ready.is_set(task));
            }
        }
        let progress = moved != bench.clock.packets_moved() || woke_itself != ready.count();
        if wall.is_none() {
            pace.pass(bench, progress)?;
        }
    }
}

/// In real time, lets pass what has passed on the wall clock: up to the next deadline, so that each comes at its own
/// moment however late this thread is.
#[cold]
fn follow(bench: &Bench, wall: &WallClock) -> Result<(), Stalled> {
    let now = wall.now_us();
    let limit_us = bench.time_limit_us.get();
    match next_deadline(bench).filter(|deadline| *deadline <= now) {
        Some(deadline) => jump_to(bench, deadline),
        None if now > limit_us => Err(Stalled::TimeLimit { limit_us }),
        None => {
            bench.clock.advance(now);
            Ok(())
        }
    }
}

/// In real time, when nothing is ready.
#[cold]
fn park(bench: &Bench, wall: &WallClock) {
    let limit_us = bench.time_limit_us.get().saturating_add(1);
    wall.park_until(next_deadline(bench).map_or(limit_us, |deadline| deadline.min(limit_us)));
}

/// Sees to it that virtual time moves on.
#[derive(Default)]
struct Pace {
    idle_passes: u32,
    passes: u32,
}

impl Pace {
    /// After one pass over the ready tasks.
    fn pass(&mut self, bench: &Bench, progress: bool) -> Result<(), Stalled> {
        self.passes += 1;
        self.idle_passes = if progress { 0 } else { self.idle_passes + 1 };
        let at_us = bench.clock.now();
        if self.passes >= PASSES_AT_ONE_MOMENT {
            return Err(Stalled::Livelock { at_us });
        }
        if self.idle_passes < IDLE_PASSES {
            return Ok(());
        }
        match self.jump(bench) {
            Err(Stalled::Dead { .. }) => Err(Stalled::Livelock { at_us }),
            jumped => jumped,
        }
    }

    /// To the next deadline of a timer or of the radio.
    fn jump(&mut self, bench: &Bench) -> Result<(), Stalled> {
        let now = bench.clock.now();
        let next = next_deadline(bench).ok_or(Stalled::Dead { at_us: now })?;
        if next > now {
            self.passes = 0;
        }
        self.idle_passes = 0;
        jump_to(bench, next)
    }
}

/// Of a timer or of the radio.
#[inline]
fn next_deadline(bench: &Bench) -> Option<u64> {
    [bench.clock.next_deadline(), bench.radio.borrow().next_deadline()].into_iter().flatten().min()
}

#[inline]
fn jump_to(bench: &Bench, deadline: u64) -> Result<(), Stalled> {
    let limit_us = bench.time_limit_us.get();
    if deadline > limit_us {
        return Err(Stalled::TimeLimit { limit_us });
    }
    bench.clock.advance(deadline);
    bench.radio.borrow_mut().run_due();
    Ok(())
}
