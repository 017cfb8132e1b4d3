//! The bench: one seed, one clock, one radio.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

#[cfg(unix)]
use crate::capture::Recorder;
use crate::capture::{Adapter, Capture, Tape};
use crate::clock::Clock;
use crate::controller::{Controller, ControllerConfig};
use crate::executor::{self, Stalled};
#[cfg(unix)]
use crate::h4::{Remote, RemoteController};
use crate::radio::{Fate, Radio, Transmission};

/// The virtual time a bench may take unless told otherwise: one day.
const TIME_LIMIT_US: u64 = 24 * 60 * 60 * 1_000_000;

/// What the handles share.
pub(crate) struct Bench {
    seed: u64,
    pub(crate) clock: Rc<Clock>,
    pub(crate) radio: Rc<RefCell<Radio>>,
    /// Draws the order in which ready tasks are polled.
    pub(crate) order: RefCell<fastrand::Rng>,
    pub(crate) running: Cell<bool>,
    pub(crate) time_limit_us: Cell<u64>,
    tape: Rc<Tape>,
    /// Names of the controllers outside of the bench, for captures.
    remotes: RefCell<Vec<String>>,
}

/// One bench: one thread, one clock, one seed. A cheap handle; clones mean the same bench.
#[derive(Clone)]
pub struct Air {
    bench: Rc<Bench>,
}

impl Air {
    /// A bench at time 0, without controllers, whose every choice is drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::build(seed, false)
    }

    /// The same in real time: while the bench runs, its clock goes as the wall clock does, and a task may wait for
    /// another thread. Outside of a run its time stands still.
    ///
    /// The seed still draws all that it draws in virtual time; what depends on the wall clock does not repeat. There is
    /// no time limit at first, and [`Stalled::TimeLimit`] is the only way for a run to stall: what is idle may yet be
    /// woken from outside.
    pub fn real_time(seed: u64) -> Self {
        Self::build(seed, true)
    }

    fn build(seed: u64, real_time: bool) -> Self {
        let clock = Rc::new(Clock::new(real_time));
        let tape = Rc::new(Tape::default());
        let radio = Radio::new(clock.clone(), tape.clone(), seed);
        Self {
            bench: Rc::new(Bench {
                seed,
                clock,
                radio: Rc::new(RefCell::new(radio)),
                order: RefCell::new(stream(seed, "order of ready tasks")),
                running: Cell::new(false),
                time_limit_us: Cell::new(if real_time { u64::MAX } else { TIME_LIMIT_US }),
                tape,
                remotes: RefCell::default(),
            }),
        }
    }

    /// Microseconds of the bench's time since its start.
    pub fn now(&self) -> u64 {
        self.bench.clock.now()
    }

    /// A stream of random numbers that depends on the seed and `purpose` alone: the same each time it is asked for,
    /// and independent of the streams for other purposes.
    pub fn rng(&self, purpose: &str) -> fastrand::Rng {
        // The prefix keeps it apart from the streams that the bench uses itself.
        stream(self.bench.seed, &format!("user: {purpose}"))
    }

    /// Adds a controller to the bench. It lives as long as the bench does.
    pub fn controller(&self, config: ControllerConfig) -> Controller {
        let index = self.bench.radio.borrow_mut().add_station(config);
        Controller::new(self.bench.radio.clone(), index)
    }

    /// From now on each transmission is lost with this probability in thousandths; above 1000 counts as 1000.
    /// At 1000 all devices are out of each other's reach.
    /// It holds for all pairs of controllers both ways, and takes the place of all rates set before.
    pub fn set_loss(&self, per_mille: u16) {
        self.bench.radio.borrow_mut().set_loss(per_mille.min(1000));
    }

    /// From now on what `from` sends to `to` is lost with this probability in thousandths; above 1000 counts as 1000.
    /// The other direction and other pairs stay as they are.
    pub fn set_loss_between(&self, from: &Controller, to: &Controller, per_mille: u16) {
        let (from, to) = (from.index(), to.index());
        self.bench.radio.borrow_mut().set_loss_between(from, to, per_mille.min(1000));
    }

    /// From now on `fault` decides about each transmission, before the rates of loss do. It takes the place of the rule
    /// before it. Transmissions are asked about in the order of their happening, so the same seed gives the same ones.
    ///
    /// The rule runs in the midst of the radio's work: it must not use this bench or its controllers.
    pub fn set_fault(&self, fault: impl FnMut(Transmission) -> Fate + 'static) {
        self.bench.radio.borrow_mut().set_fault(Some(Box::new(fault)));
    }

    /// No rule decides any more; the rates of loss stay.
    pub fn clear_fault(&self) {
        self.bench.radio.borrow_mut().set_fault(None);
    }

    /// The bench's time in microseconds since its start that no run may pass; in virtual time 24 hours at first.
    pub fn set_time_limit(&self, limit_us: u64) {
        self.bench.time_limit_us.set(limit_us);
    }

    /// Starts recording the HCI packets of all controllers; what was recorded before is dropped.
    pub fn capture(&self) {
        self.bench.tape.start();
    }

    /// Stops recording, and gives what has been recorded since [`Air::capture`].
    pub fn take_capture(&self) -> Capture {
        let mut adapters = self.bench.radio.borrow().adapters();
        let remotes = self.bench.remotes.borrow();
        // What its address is, its host has asked it: that stands among the packets.
        adapters.extend(remotes.iter().map(|name| Adapter { name: name.clone(), address: [0; 6] }));
        self.bench.tape.take(adapters)
    }

    /// A host's way to a controller outside of this bench, whose packets are recorded under `name`. The bench must run
    /// in real time, and have all its own controllers already.
    #[cfg(unix)]
    pub fn host_of<'a>(&self, controller: &'a RemoteController, name: &str) -> Remote<'a> {
        let mut remotes = self.bench.remotes.borrow_mut();
        let index = self.bench.radio.borrow().adapters().len() + remotes.len();
        remotes.push(name.to_owned());
        let controller_index = u16::try_from(index).unwrap_or(u16::MAX);
        let (clock, tape) = (self.bench.clock.clone(), self.bench.tape.clone());
        Remote::new(controller, Recorder { clock, tape, controller: controller_index })
    }

    /// Polls `main` and `tasks` until `main` is done. Ready tasks are polled in an order drawn from the seed. When
    /// nothing is ready, the clock jumps to the next deadline of the radio or of an `embassy-time` timer; in real time
    /// the thread is parked until then, or until another thread wakes a task.
    ///
    /// It may be called again, with the same tasks or others: each run polls everything once at its start.
    ///
    /// # Errors
    /// [`Stalled`] when `main` can never be done, or not within the time limit. It never hangs, as long as each single
    /// poll returns.
    pub fn run<T>(
        &self,
        main: impl Future<Output = T>,
        tasks: &mut [Pin<&mut dyn Future<Output = ()>>],
    ) -> Result<T, Stalled> {
        executor::run(&self.bench, main, tasks)
    }
}

/// The stream of random numbers for one purpose: the seed, mixed with the purpose's FNV-1a hash.
pub(crate) fn stream(seed: u64, purpose: &str) -> fastrand::Rng {
    let hash = purpose.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    // The first draw spreads the seed over all bits, so that near seeds and near names give unlike streams.
    fastrand::Rng::with_seed(fastrand::Rng::with_seed(seed).u64(..) ^ hash)
}
