//! The virtual bench: radio, board, link and central in one thread, for one scenario.

use crate::central::AttCentral;
use crate::drive::{Driven, Setup, drive};
use crate::fault::Fault;
use crate::line::{FaultyLine, LinkFault};
use crate::link::BoardLink;
use air::{Air, Capture, Controller, ControllerConfig, HostError};
use board::VirtualBoard;
use conformance::plan::Plan;
use conformance::scenario::Need;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};

/// What the virtual bench can do: everything.
pub const ABLE: [Need; 4] = [Need::RawAtt, Need::Board, Need::Encryption, Need::Pairing];

/// A plan is run again when the radio alone ended it, but not without end.
const ATTEMPTS: u64 = 20;
/// The same where an attempt takes its time, and the loss is not of our making.
pub(crate) const ATTEMPTS_ON_AIR: u64 = 3;

/// For faults that only this project's own code can have.
const REPORT: &str = "report it, with the scenario and the seed";

/// How a bench is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BenchOptions<'a> {
    /// Draws everything that a bench leaves open.
    pub seed: u64,
    /// Probability of the loss of a radio packet, in thousandths.
    pub loss_per_mille: u16,
    /// Records the HCI packets of both controllers.
    pub capture: bool,
    /// Damages one frame on its way from the board.
    pub fault: Option<LinkFault>,
    /// How the device is to be wrong on purpose, as [`wire::Start::mutant`]; empty: not at all.
    pub mutant: &'a [u8],
}

/// What came of a plan on a bench.
#[derive(Debug, Default)]
pub struct BenchRun {
    /// What was seen.
    pub driven: Driven,
    /// The recording, if one was wanted.
    pub capture: Option<Capture>,
    /// Virtual time from the bench's start to the end of the plan, in microseconds.
    pub bench_us: u64,
    /// What the board sent besides frames.
    pub console: String,
    /// The device, wrong on purpose, has done something wrong.
    pub has_deviated: bool,
}

/// Runs `plan` on a bench of its own. A panic in it is a fault of the bench.
#[must_use]
pub fn run_plan(plan: &Plan, options: BenchOptions<'_>) -> BenchRun {
    let mut run = BenchRun::default();
    for attempt in 0..ATTEMPTS {
        // The first attempt keeps the seed; another seed is another fate on the radio.
        let options = BenchOptions { seed: options.seed.wrapping_add(attempt << 32), ..options };
        run = guarded(|| run_once(plan, options));
        if !run.driven.retry {
            break;
        }
    }
    run
}

/// A panic ends one bench, not the process.
pub(crate) fn guarded(work: impl FnOnce() -> BenchRun) -> BenchRun {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let cause = format!("the bench panicked: {}", panic_message(panic.as_ref()));
        BenchRun { driven: failed(Fault::new(cause, REPORT)), ..BenchRun::default() }
    })
}

fn run_once(plan: &Plan, options: BenchOptions<'_>) -> BenchRun {
    let (result, after) = on_bench(options, 1 + plan.centrals.len(), async |seed, link, centrals| {
        let setup = Setup { seed, certain_radio: true, address: None, mutant: options.mutant };
        drive(plan, Some(link), centrals, setup).await
    });
    let mut driven = result.unwrap_or_else(failed);
    if let Some(fault) = after.host_fault {
        driven.fault.get_or_insert(fault.at(None));
    }
    let Aftermath { capture, bench_us, console, has_deviated, .. } = after;
    BenchRun { driven, capture, bench_us, console, has_deviated }
}

/// What is left of a bench.
pub(crate) struct Aftermath {
    capture: Option<Capture>,
    bench_us: u64,
    console: String,
    has_deviated: bool,
    /// What one of the hosts did against the HCI.
    pub(crate) host_fault: Option<Fault>,
}

/// Builds a bench with so many centrals and runs `work` on it, with a seed that is drawn from the
/// bench's.
pub(crate) fn on_bench<R>(
    options: BenchOptions<'_>,
    centrals: usize,
    work: impl AsyncFnOnce(u64, &BoardLink, &[AttCentral<Controller>]) -> R,
) -> (Result<R, Fault>, Aftermath) {
    let air = Air::new(options.seed);
    air.set_loss(options.loss_per_mille);
    if options.capture {
        air.capture();
    }
    let board_radio = controller(&air, "board");
    let radios: Vec<Controller> = (0..centrals).map(|at| controller(&air, &central_name(at))).collect();
    let board = VirtualBoard::new(&air, board_radio.clone());
    let centrals: Vec<_> = radios.iter().map(|radio| AttCentral::new(radio.clone())).collect();
    let link = BoardLink::new();
    let seed = air.rng("scenario").u64(..);
    let result = {
        let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
        let mut line = pin!(link.run(FaultyLine::new(board.serial(), options.fault)));
        let mut readers: Vec<_> = centrals.iter().map(|central| Box::pin(central.run())).collect();
        let mut tasks: Vec<Pin<&mut dyn Future<Output = ()>>> =
            vec![pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut()];
        for reader in &mut readers {
            tasks.push(reader.as_mut());
        }
        air.run(work(seed, &link, &centrals), &mut tasks)
    };
    let fault = |(whose, radio): (&str, &Controller)| {
        let cause = format!("the {whose}'s host broke the HCI: {}", host_error(radio)?);
        Some(Fault::new(cause, REPORT))
    };
    let hosts = radios.iter().map(|radio| ("central", radio));
    let aftermath = Aftermath {
        capture: options.capture.then(|| air.take_capture()),
        bench_us: air.now(),
        console: link.console(),
        has_deviated: link.has_deviated(),
        host_fault: [("board", &board_radio)].into_iter().chain(hosts).find_map(fault),
    };
    (result.map_err(|stalled| Fault::new(stalled.to_string(), REPORT)), aftermath)
}

fn controller(air: &Air, name: &str) -> Controller {
    air.controller(ControllerConfig { name: name.to_owned(), ..ControllerConfig::default() })
}

/// The first has the name that it has on benches with one.
fn central_name(at: usize) -> String {
    if at == 0 { "central".to_owned() } else { format!("central {}", at + 1) }
}

pub(crate) fn failed(fault: Fault) -> Driven {
    Driven { fault: Some(fault.at(None)), ..Driven::default() }
}

/// The first thing that a host did wrong. A packet for a link that has just ended is none: the host
/// has not read of the end yet.
fn host_error(radio: &Controller) -> Option<HostError> {
    let errors = radio.host_errors();
    errors.first.into_iter().find(|error| !matches!(error, HostError::UnknownHandle(_)))
}

/// What a panic said.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_fault_of_the_bench() {
        let run = guarded(|| panic!("out of {}", "luck"));
        let fault = run.driven.fault.unwrap();
        assert_eq!(fault.cause, "the bench panicked: out of luck");
        assert!(run.driven.observations.is_empty());
    }

    #[test]
    fn a_bench_that_waits_for_nothing_is_a_fault() {
        let (result, _) = on_bench(BenchOptions::default(), 1, async |_, _, _| {
            std::future::pending::<()>().await;
        });
        let fault = result.unwrap_err();
        assert!(fault.cause.contains("nothing is ready"), "{fault}");
        assert_eq!(fault.cure, REPORT);
    }
}
