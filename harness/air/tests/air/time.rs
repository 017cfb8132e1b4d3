//! The clock and the executor.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use air::{Air, Stalled};
use embassy_futures::join::{join, join_array};
use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_time::{Duration, Instant, Timer, with_timeout};

#[test]
fn a_timer_ends_at_its_deadline_to_the_microsecond() {
    let air = Air::new(1);
    let ended = air.run(
        async {
            Timer::after(Duration::from_micros(1)).await;
            let first = Instant::now().as_micros();
            Timer::after(Duration::from_secs(30)).await;
            (first, Instant::now().as_micros())
        },
        &mut [],
    );
    assert_eq!(ended, Ok((1, 30_000_001)));
    assert_eq!(air.now(), 30_000_001);
    assert_eq!(Instant::now().as_micros(), 0, "outside of a run");
}

#[test]
fn a_thousand_timers_of_thirty_seconds_cost_no_real_time() {
    let air = Air::new(1);
    let begin = std::time::Instant::now();
    let run = air.run(
        async {
            for _ in 0..1000 {
                Timer::after(Duration::from_secs(30)).await;
            }
        },
        &mut [],
    );
    assert_eq!(run, Ok(()));
    assert_eq!(air.now(), 30_000_000_000);
    // Loosely: 100 us each, in a debug build on a busy machine.
    assert!(begin.elapsed() < std::time::Duration::from_millis(100), "{:?}", begin.elapsed());
}

#[test]
fn a_million_timeouts_that_never_strike_leave_nothing_behind() {
    let air = Air::new(1);
    let channel = Channel::<NoopRawMutex, u32, 1>::new();
    let mut echo = pin!(async {
        loop {
            let value = channel.receive().await;
            Timer::after(Duration::from_micros(15)).await;
            channel.send(value).await;
            yield_now().await;
        }
    });
    let run = air.run(
        async {
            for round in 0..100_000 {
                let late =
                    with_timeout(Duration::from_secs(30), Timer::after(Duration::from_micros(15))).await;
                assert!(late.is_ok(), "round {round}");
            }
        },
        &mut [echo.as_mut()],
    );
    assert_eq!(run, Ok(()));
    assert_eq!(air.now(), 1_500_000);
}

#[test]
fn timers_of_one_task_each_end_in_their_own_time() {
    let air = Air::new(3);
    let order = RefCell::new(Vec::new());
    let timer = |ms: u64| {
        let order = &order;
        async move {
            Timer::after(Duration::from_millis(ms)).await;
            order.borrow_mut().push((ms, Instant::now().as_millis()));
        }
    };
    air.run(join_array([30, 10, 20, 10].map(timer)), &mut []).unwrap();
    assert_eq!(*order.borrow(), [(10, 10), (10, 10), (20, 20), (30, 30)]);
}

#[test]
fn a_dead_bench_says_so() {
    let air = Air::new(1);
    let mut idle = pin!(std::future::pending());
    let run = air.run(
        async {
            Timer::after(Duration::from_micros(5)).await;
            std::future::pending::<()>().await;
        },
        &mut [idle.as_mut()],
    );
    assert_eq!(run, Err(Stalled::Dead { at_us: 5 }));
}

#[test]
fn the_time_limit_holds() {
    let air = Air::new(1);
    air.set_time_limit(1_000_000);
    let forever = || async {
        loop {
            Timer::after(Duration::from_millis(300)).await;
        }
    };
    assert_eq!(air.run::<()>(forever(), &mut []), Err(Stalled::TimeLimit { limit_us: 1_000_000 }));
    assert_eq!(air.now(), 900_000);
}

#[test]
fn tasks_that_wake_only_themselves_do_not_hold_the_time() {
    let air = Air::new(1);
    let mut spinning = pin!(async {
        loop {
            yield_now().await;
        }
    });
    let run = air.run(Timer::after(Duration::from_secs(1)), &mut [spinning.as_mut()]);
    assert_eq!((run, air.now()), (Ok(()), 1_000_000));
    let mut spinning = pin!(async {
        loop {
            yield_now().await;
        }
    });
    let run = air.run(std::future::pending::<()>(), &mut [spinning.as_mut()]);
    assert_eq!(run, Err(Stalled::Livelock { at_us: 1_000_000 }), "nothing to jump to");
}

#[test]
fn tasks_that_wake_each_other_for_ever_are_stopped() {
    let air = Air::new(1);
    let (there, back) = (Channel::<NoopRawMutex, (), 1>::new(), Channel::<NoopRawMutex, (), 1>::new());
    let bounce = async |from: &Channel<NoopRawMutex, (), 1>, to: &Channel<NoopRawMutex, (), 1>| {
        loop {
            from.receive().await;
            to.send(()).await;
        }
    };
    there.try_send(()).unwrap();
    let mut other = pin!(bounce(&there, &back));
    let run: Result<(), _> = air.run(bounce(&back, &there), &mut [other.as_mut()]);
    assert_eq!(run, Err(Stalled::Livelock { at_us: 0 }));
}

#[test]
fn a_run_inside_of_a_run_of_the_same_bench_is_refused_and_of_another_is_fine() {
    let (outer, inner) = (Air::new(1), Air::new(2));
    let run = outer.run(
        async {
            Timer::after(Duration::from_micros(7)).await;
            let nested = outer.run(async {}, &mut []);
            let other = inner.run(Timer::after(Duration::from_secs(1)), &mut []);
            (nested, other, Instant::now().as_micros())
        },
        &mut [],
    );
    assert_eq!(run, Ok((Err(Stalled::Nested), Ok(()), 7)));
}

#[test]
fn a_panic_in_a_task_leaves_the_bench_usable() {
    let air = Air::new(1);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        air.run::<()>(async { std::panic::resume_unwind(Box::new("broken")) }, &mut [])
    }));
    assert!(panicked.is_err());
    assert_eq!(Instant::now().as_micros(), 0);
    assert_eq!(air.run(Timer::after(Duration::from_micros(3)), &mut []), Ok(()));
}

/// The order in which ten tasks are polled in ten passes.
fn poll_order(seed: u64, tasks: usize) -> Vec<usize> {
    let air = Air::new(seed);
    let order = Rc::new(RefCell::new(Vec::new()));
    let task = |index: usize| {
        let order = order.clone();
        Box::pin(async move {
            for _ in 0..10 {
                order.borrow_mut().push(index);
                yield_now().await;
            }
        })
    };
    let mut futures: Vec<_> = (0..tasks).map(task).collect();
    let mut pinned: Vec<_> =
        futures.iter_mut().map(|f| f.as_mut() as std::pin::Pin<&mut dyn Future<Output = ()>>).collect();
    air.run(Timer::after(Duration::from_secs(1)), &mut pinned).unwrap();
    order.take()
}

#[test]
fn the_seed_draws_the_order_of_ready_tasks() {
    assert_eq!(poll_order(1, 10), poll_order(1, 10));
    assert_ne!(poll_order(1, 10), poll_order(2, 10));
}

#[test]
fn more_tasks_than_bits_in_a_word_are_all_polled() {
    let order = poll_order(5, 200);
    assert_eq!(order.len(), 2000);
    for task in 0..200 {
        assert_eq!(order.iter().filter(|polled| **polled == task).count(), 10);
    }
}

#[test]
fn a_finished_task_is_not_polled_again() {
    let air = Air::new(1);
    let polls = Cell::new(0);
    let mut task = pin!(poll_fn(|context| {
        polls.set(polls.get() + 1);
        context.waker().wake_by_ref();
        Poll::Ready(())
    }));
    air.run(join(Timer::after_secs(1), Timer::after_secs(2)), &mut [task.as_mut()]).unwrap();
    assert_eq!(polls.get(), 1);
}

#[test]
fn random_streams_depend_on_seed_and_purpose_alone() {
    let draw = |seed, purpose| Air::new(seed).rng(purpose).u64(..);
    assert_eq!(draw(1, "a"), draw(1, "a"));
    assert_ne!(draw(1, "a"), draw(1, "b"));
    assert_ne!(draw(1, "a"), draw(2, "a"));
    let air = Air::new(1);
    air.rng("b").u64(..);
    assert_eq!(air.rng("a").u64(..), draw(1, "a"));
}
