//! Runs scenarios, several at a time, each on a bench of its own.

#[cfg(unix)]
use crate::adapter::CentralSpec;
#[cfg(unix)]
use crate::attach::SharedBoard;
use crate::bench::{self, ABLE, BenchOptions, BenchRun};
use crate::drive::skip_reason;
use crate::line::LinkFault;
#[cfg(unix)]
use crate::real::AdapterBench;
use air::Capture;
use conformance::compare::compare;
use conformance::plan::Plan;
use conformance::report::{Outcome, RunEvent, Summary};
use conformance::scenario::Scenario;
use conformance::trace::Trace;
use conformance::verdict::Verdict;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

/// A scenario to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The file's contents.
    pub scenario: Scenario,
    /// Its plan.
    pub plan: Plan,
    /// The expected trace's text, if there is one.
    pub expected: Option<String>,
}

/// How to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The centrals, for boards and external devices; none: the virtual bench.
    #[cfg(unix)]
    pub centrals: Vec<CentralSpec>,
    /// The board, where there are adapters.
    #[cfg(unix)]
    pub board: Option<SharedBoard>,
    /// Draws everything that a run leaves open. Each scenario's seed comes from this and its id alone.
    pub seed: u64,
    /// Benches side by side; 0 counts as 1, and with adapters there is one.
    pub jobs: usize,
    /// Probability of the loss of a radio packet, in thousandths.
    pub loss_per_mille: u16,
    /// Records HCI packets.
    pub capture: bool,
    /// Starts no further scenario after the first failure.
    pub fail_fast: bool,
    /// Damages one frame of the control link in each scenario.
    pub fault: Option<LinkFault>,
}

/// Where scenarios run, one after the other.
pub(crate) enum Bench {
    Virtual,
    #[cfg(unix)]
    Adapters(AdapterBench),
}

impl Bench {
    fn new(options: &Options) -> Self {
        #[cfg(unix)]
        if !options.centrals.is_empty() {
            return Self::Adapters(AdapterBench::new(&options.centrals, options.board.clone()));
        }
        let _ = options;
        Self::Virtual
    }

    /// How many there may be side by side.
    fn count(&self, options: &Options, jobs: usize) -> usize {
        match self {
            Self::Virtual => options.jobs.clamp(1, jobs.max(1)),
            #[cfg(unix)]
            Self::Adapters(_) => 1,
        }
    }

    /// Why a plan cannot run here.
    fn skip_reason(&self, plan: &Plan) -> Option<String> {
        match self {
            Self::Virtual => skip_reason(plan, &ABLE).or_else(|| elsewhere(plan)),
            #[cfg(unix)]
            Self::Adapters(bench) => skip_reason(plan, bench.able()).or_else(|| bench.skip_reason(plan)),
        }
    }

    fn run_plan(&mut self, plan: &Plan, options: BenchOptions<'_>) -> BenchRun {
        match self {
            Self::Virtual => bench::run_plan(plan, options),
            #[cfg(unix)]
            Self::Adapters(bench) => bench.run_plan(plan, options),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            #[cfg(unix)]
            centrals: Vec::new(),
            #[cfg(unix)]
            board: None,
            seed: 1,
            jobs: 1,
            loss_per_mille: 0,
            capture: false,
            fail_fast: false,
            fault: None,
        }
    }
}

/// Runs the jobs and tells `sink` what happens. Events of scenarios come as these end; the captures
/// are in the order of the jobs.
pub fn run(jobs: &[Job], options: &Options, sink: &mut dyn FnMut(RunEvent)) -> (Summary, Vec<Capture>) {
    let began = Instant::now();
    sink(RunEvent::Started { total: jobs.len(), seed: options.seed });
    let mut summary = Summary::default();
    let mut captures: Vec<Option<Capture>> = jobs.iter().map(|_| None).collect();
    let stop = AtomicBool::new(false);
    let work = |bench: &mut Bench, index: usize| {
        let job = jobs.get(index).filter(|_| !stop.load(Ordering::Relaxed))?;
        let ended = run_job(job, options, bench, &[]);
        if options.fail_fast && matches!(ended.outcome.verdict, Verdict::Fail(_)) {
            stop.store(true, Ordering::Relaxed);
        }
        Some(ended)
    };
    side_by_side(options, jobs.len(), work, |index, ended: Ended| {
        summary.count(&ended.outcome.verdict);
        if let Some(slot) = captures.get_mut(index) {
            *slot = ended.capture;
        }
        sink(RunEvent::Finished(ended.outcome));
    });
    summary.wall_us = micros(began);
    sink(RunEvent::Ended(summary));
    (summary, captures.into_iter().flatten().collect())
}

/// Works on numbers from 0 on, `tasks` of them, with as many benches side by side as there may be. Each works until
/// `work` has nothing more to do; results are given away as they come.
pub(crate) fn side_by_side<R: Send>(
    options: &Options,
    tasks: usize,
    work: impl Fn(&mut Bench, usize) -> Option<R> + Sync,
    mut take: impl FnMut(usize, R),
) {
    let next = AtomicUsize::new(0);
    let (results, finished) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..Bench::new(options).count(options, tasks) {
            let results = results.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                let mut bench = Bench::new(options);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(result) = work(&mut bench, index) else { break };
                    if results.send((index, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        for (index, result) in finished {
            take(index, result);
        }
    });
}

/// How a job ended.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) capture: Option<Capture>,
    /// The device, wrong on purpose, has done something wrong.
    pub(crate) has_deviated: bool,
}

/// Runs one scenario on a device that is wrong as `mutant` says ([`wire::Start::mutant`]).
pub(crate) fn run_job(job: &Job, options: &Options, bench: &mut Bench, mutant: &[u8]) -> Ended {
    let began = Instant::now();
    let mut run = BenchRun::default();
    let mut trace = String::new();
    let verdict = match bench.skip_reason(&job.plan) {
        Some(reason) => Verdict::Skipped(reason),
        None => {
            run = bench.run_plan(
                &job.plan,
                BenchOptions {
                    seed: scenario_seed(options.seed, &job.scenario.id),
                    loss_per_mille: options.loss_per_mille,
                    capture: options.capture,
                    fault: options.fault,
                    mutant,
                },
            );
            trace = Trace::build(&job.plan, &run.driven.observations).text();
            judge(job, &run)
        }
    };
    let outcome = Outcome {
        id: job.scenario.id.clone(),
        name: job.scenario.name.clone(),
        file: job.scenario.file.clone(),
        verdict,
        trace,
        console: std::mem::take(&mut run.console),
        wall_us: micros(began),
        bench_us: run.bench_us,
    };
    Ended { outcome, capture: run.capture, has_deviated: run.has_deviated }
}

/// The virtual bench has its own device, and no other.
fn elsewhere(plan: &Plan) -> Option<String> {
    plan.device.external.as_ref().map(|_| {
        "needs an adapter: its device is an external one; name yours with --central, as in --central att:hci0"
            .to_owned()
    })
}

/// A fault of the bench comes before anything that was seen.
fn judge(job: &Job, run: &BenchRun) -> Verdict {
    let verdict = match &run.driven.fault {
        Some(fault) => Verdict::Inconclusive(fault.clone()),
        None => compare(&job.plan, &run.driven.observations, job.expected.as_deref()),
    };
    verdict.with_xfail(job.scenario.xfail.as_ref())
}

/// FNV-1a of the id, mixed with the run's seed: neither position nor thread enters.
fn scenario_seed(seed: u64, id: &str) -> u64 {
    let hash = id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    fastrand::Rng::with_seed(seed ^ hash).u64(..)
}

/// Wall time of `work` in microseconds.
pub(crate) fn timed(work: impl FnOnce()) -> u64 {
    let began = Instant::now();
    work();
    micros(began)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_has_a_seed_of_its_own() {
        assert_ne!(scenario_seed(1, "lopy/chr1"), scenario_seed(1, "lopy/chr2"));
        assert_ne!(scenario_seed(1, "lopy/chr1"), scenario_seed(2, "lopy/chr1"));
        assert_eq!(scenario_seed(1, "lopy/chr1"), scenario_seed(1, "lopy/chr1"));
    }

    #[test]
    fn nothing_to_run_ends_at_once() {
        let mut events = Vec::new();
        let (summary, captures) = run(&[], &Options::default(), &mut |event| events.push(event));
        assert_eq!((summary.passed, captures.len()), (0, 0));
        assert!(matches!(events[..], [RunEvent::Started { total: 0, seed: 1 }, RunEvent::Ended(_)]));
    }
}
