//! `gattest run --repeat N`: the same scenarios under many seeds.
//!
//! The seed draws the phases of connection events, which packets are lost, the order of ready tasks
//! and how the serial link cuts its bytes. Nothing that a scenario sees may depend on it, so N runs
//! must give N identical traces.

use std::collections::HashMap;
use std::mem::discriminant;

use conformance::report::{Outcome as Ended, RunEvent, Summary};
use conformance::verdict::Verdict;
use indicatif::ProgressBar;
use rig::run::{Job, Options};

use super::run::shuffle;
use super::{Outcome, count, id_width, print};
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::{closing_line, details, marked};

/// Different ends of one scenario that are told apart; further ones are only counted.
const KINDS_MAX: usize = 4;

/// Scenarios of which the different ends are shown; a defect often shows in many.
const SHOWN_MAX: usize = 5;

/// How the runs of one scenario ended, in the order in which different ends first came.
#[derive(Debug, Default)]
struct Tally {
    runs: u32,
    kinds: Vec<Kind>,
}

/// Runs that ended alike: the same verdict and the same trace.
#[derive(Debug)]
struct Kind {
    runs: u32,
    first_seed: u64,
    ended: Ended,
}

impl Tally {
    fn add(&mut self, seed: u64, ended: Ended) {
        self.runs += 1;
        let alike = |kind: &&mut Kind| {
            discriminant(&kind.ended.verdict) == discriminant(&ended.verdict)
                && kind.ended.trace == ended.trace
        };
        if let Some(kind) = self.kinds.iter_mut().find(alike) {
            kind.runs += 1;
        } else if self.kinds.len() < KINDS_MAX {
            self.kinds.push(Kind { runs: 1, first_seed: seed, ended });
        }
    }

    /// The most runs with one trace.
    fn identical(&self) -> u32 {
        self.kinds.iter().map(|kind| kind.runs).max().unwrap_or(0)
    }

    /// The bench cannot run it, under no seed.
    fn is_skipped(&self) -> bool {
        self.kinds.iter().all(|kind| matches!(kind.ended.verdict, Verdict::Skipped(_)))
    }

    fn is_steady_pass(&self) -> bool {
        self.kinds.first().is_some_and(|kind| kind.runs == self.runs && is_as_it_should(&kind.ended.verdict))
    }

    /// The end that says most: one that is no pass, if there is one.
    fn worst(&self) -> Option<&Kind> {
        let troubled = self.kinds.iter().find(|kind| !is_as_it_should(&kind.ended.verdict));
        troubled.or_else(|| self.kinds.first())
    }
}

fn is_as_it_should(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::ExpectedFailure(..))
}

pub(super) fn execute(args: &RunArgs, options: &Options, mut jobs: Vec<Job>, times: u32) -> Outcome {
    let first = args.bench.seed;
    if first.checked_add(u64::from(times.saturating_sub(1))).is_none() {
        let most = u64::MAX - first + 1;
        return Err(format!(
            "there are no {times} seeds from {first} on: seeds end at {}; write --repeat {most}, or a smaller --seed",
            u64::MAX
        )
        .into());
    }
    let width = id_width(&jobs);
    let ids: Vec<String> = jobs.iter().map(|job| job.scenario.id.clone()).collect();
    let mut tallies: HashMap<String, Tally> = HashMap::new();
    let mut total = Summary::default();
    // It hides itself where standard error is no terminal.
    let progress = ProgressBar::new(u64::from(times));
    let mut last = first;
    for offset in 0..times {
        last = first.saturating_add(u64::from(offset));
        if args.shuffle {
            shuffle(&mut jobs, last);
        }
        let options = Options { seed: last, ..options.clone() };
        let (summary, _) = rig::run::run(&jobs, &options, &mut |event| {
            if let RunEvent::Finished(ended) = event {
                tallies.entry(ended.id.clone()).or_default().add(last, ended);
            }
        });
        add(&mut total, &summary);
        progress.inc(1);
        if args.fail_fast && summary.failed > 0 {
            break;
        }
    }
    progress.finish_and_clear();

    let ran = || ids.iter().filter_map(|id| tallies.get(id));
    for (number, tally) in ran().filter(|tally| !tally.is_skipped() && !tally.is_steady_pass()).enumerate() {
        print(&headline(tally, width));
        if number < SHOWN_MAX {
            print(&ends(tally));
        }
    }
    let steady = ran().filter(|tally| tally.is_steady_pass()).count();
    let seeds = format!("seeds {first} to {last}");
    let runs = count(usize::try_from(times).unwrap_or(usize::MAX), "run");
    let skipped = ran().filter(|tally| tally.is_skipped()).count();
    print(&format!(
        "{steady} of {} passed in each of {runs}, with identical traces\n",
        count(ids.len().saturating_sub(skipped), "scenario")
    ));
    let asked = ids.len().saturating_mul(usize::try_from(times).unwrap_or(usize::MAX));
    print(&closing_line(&total, asked.saturating_sub(total.total()), &seeds));
    Ok(match Exit::of(&total) {
        Exit::Pass if ran().any(|tally| tally.identical() < tally.runs) => Exit::Fail,
        exit => exit,
    })
}

/// `FAIL  lopy/chr1-counts  18 of 20 traces identical`
fn headline(tally: &Tally, width: usize) -> String {
    let tail = format!("{} of {} traces identical", tally.identical(), tally.runs);
    tally.worst().map_or_else(String::new, |worst| marked(&worst.ended, width, &tail))
}

/// What the different ends look like.
fn ends(tally: &Tally) -> String {
    let mut text = String::new();
    for kind in &tally.kinds {
        let runs = count(usize::try_from(kind.runs).unwrap_or(usize::MAX), "run");
        text.push_str(&format!("\n{runs}, first under seed {}:\n{}", kind.first_seed, details(&kind.ended)));
    }
    let known: u32 = tally.kinds.iter().map(|kind| kind.runs).sum();
    if known < tally.runs {
        text.push_str(&format!("\n... and {} more that ended otherwise\n", tally.runs - known));
    }
    text.push('\n');
    text
}

fn add(total: &mut Summary, summary: &Summary) {
    total.passed += summary.passed;
    total.failed += summary.failed;
    total.expected_failures += summary.expected_failures;
    total.inconclusive += summary.inconclusive;
    total.skipped += summary.skipped;
    total.wall_us = total.wall_us.saturating_add(summary.wall_us);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::outcome;

    fn ended(verdict: Verdict, trace: &str) -> Ended {
        Ended { trace: trace.to_owned(), ..outcome("a", verdict) }
    }

    fn fault() -> Verdict {
        Verdict::Inconclusive(conformance::verdict::RigFault {
            step: None,
            cause: "a damaged frame".to_owned(),
            cure: "check the cable".to_owned(),
        })
    }

    #[test]
    fn equal_passes_are_steady() {
        let mut tally = Tally::default();
        (1..=3).for_each(|seed| tally.add(seed, ended(Verdict::Pass, "connect\n")));
        assert!(tally.is_steady_pass());
        assert_eq!((tally.identical(), tally.runs), (3, 3));
    }

    #[test]
    fn one_different_end_is_shown_with_its_seed() {
        let mut tally = Tally::default();
        for seed in 1..=5 {
            tally.add(seed, if seed == 4 { ended(fault(), "") } else { ended(Verdict::Pass, "connect\n") });
        }
        assert!(!tally.is_steady_pass());
        let text = anstream::adapter::strip_str(&(headline(&tally, 3) + &ends(&tally))).to_string();
        insta::assert_snapshot!(text, @"
        ????  a    4 of 5 traces identical

        4 runs, first under seed 1:
        pass  a: a does what it should

        1 run, first under seed 4:
        inconclusive  a: a does what it should
          scenarios/a.yaml
          a damaged frame
          what to do: check the cable
        ");
    }

    #[test]
    fn no_more_kinds_are_kept_than_are_shown() {
        let mut tally = Tally::default();
        (0..100).for_each(|seed| tally.add(seed, ended(Verdict::Pass, &format!("{seed}\n"))));
        assert_eq!((tally.kinds.len(), tally.identical(), tally.runs), (KINDS_MAX, 1, 100));
        assert!(ends(&tally).ends_with("\n... and 96 more that ended otherwise\n\n"));
    }
}
