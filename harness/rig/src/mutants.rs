//! Tries scenarios on devices that are wrong on purpose: each such device must fail one of them.

use crate::run::{Bench, Job, Options, run_job, side_by_side, timed};
use conformance::verdict::Verdict;

/// A wrong device to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// How it is wrong, as [`wire::Start::mutant`].
    pub mutant: Vec<u8>,
    /// Indices of the jobs to try it on, the most promising first.
    pub order: Vec<usize>,
}

/// How a wrong device did in one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encounter {
    /// Index of the job.
    pub job: usize,
    /// How that ended.
    pub end: End,
    /// The device did something wrong in it.
    pub has_deviated: bool,
}

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It failed: the device is told from the right one. What differs, in one sentence.
    Caught(String),
    /// It did not notice.
    Passed,
    /// The bench blames itself, for this reason.
    Inconclusive(String),
}

/// Tries each suspect on its jobs, and tells `sink` what came of it, by the suspect's index. Unless `whole`,
/// the first scenario that fails ends a trial. Gives the wall time in microseconds.
pub fn run(
    jobs: &[Job],
    suspects: &[Suspect],
    options: &Options,
    whole: bool,
    sink: &mut dyn FnMut(usize, Vec<Encounter>),
) -> u64 {
    let work =
        |bench: &mut Bench, index: usize| Some(trial(jobs, suspects.get(index)?, options, bench, whole));
    timed(|| side_by_side(options, suspects.len(), work, sink))
}

fn trial(
    jobs: &[Job],
    suspect: &Suspect,
    options: &Options,
    bench: &mut Bench,
    whole: bool,
) -> Vec<Encounter> {
    let mut encounters = Vec::new();
    for &job in &suspect.order {
        let Some(found) = jobs.get(job) else { continue };
        let ended = run_job(found, options, bench, &suspect.mutant);
        let end = match ended.outcome.verdict {
            Verdict::Fail(mismatch) => End::Caught(mismatch.summary),
            Verdict::Inconclusive(fault) => End::Inconclusive(fault.cause),
            Verdict::Pass | Verdict::ExpectedFailure(..) | Verdict::Skipped(_) => End::Passed,
        };
        let is_caught = matches!(end, End::Caught(_));
        encounters.push(Encounter { job, end, has_deviated: ended.has_deviated });
        if is_caught && !whole {
            break;
        }
    }
    encounters
}
