//! `gattest run --seeds COUNT`: the same scenarios under many seeds.
//!
//! The seed draws the phases of connection events, which packets are lost, the order of ready tasks
//! and how the serial link cuts its bytes. Nothing that a scenario sees may depend on it.

use conformance::report::{Outcome as Ended, RunEvent, Summary};
use conformance::verdict::Verdict;
use indicatif::ProgressBar;
use rig::run::Job;

use super::print;
use super::run::{Prepared, options};
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::{closing_line, details};

/// Troubles that are shown in full; a defect often shows under every seed.
const SHOWN_TROUBLES: usize = 5;

pub(super) fn execute(args: &RunArgs, prepared: Vec<Prepared>, count: u32) -> Exit {
    let jobs: Vec<Job> = prepared.into_iter().map(|one| one.job).collect();
    let mut total = Summary::default();
    let mut troubles = 0;
    // It hides itself where standard error is no terminal.
    let progress = ProgressBar::new(u64::from(count));
    for offset in 0..count {
        let seed = args.seed.wrapping_add(u64::from(offset));
        let mut ended: Vec<Ended> = Vec::new();
        let (summary, _) = rig::run::run(&jobs, &options(args, seed), &mut |event| {
            if let RunEvent::Finished(outcome) = event {
                ended.push(outcome);
            }
        });
        add(&mut total, &summary);
        for outcome in
            ended.iter().filter(|one| matches!(one.verdict, Verdict::Fail(_) | Verdict::Inconclusive(_)))
        {
            troubles += 1;
            if troubles <= SHOWN_TROUBLES {
                progress.suspend(|| print(&format!("seed {seed}: {}\n", details(outcome))));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if troubles > SHOWN_TROUBLES {
        print(&format!("... and {} more\n", troubles - SHOWN_TROUBLES));
    }
    let last = args.seed.wrapping_add(u64::from(count - 1));
    print(&closing_line(&total, &format!("seeds {} to {last}", args.seed)));
    Exit::of(&total)
}

fn add(total: &mut Summary, summary: &Summary) {
    total.passed += summary.passed;
    total.failed += summary.failed;
    total.inconclusive += summary.inconclusive;
    total.skipped += summary.skipped;
    total.wall_us = total.wall_us.saturating_add(summary.wall_us);
}
