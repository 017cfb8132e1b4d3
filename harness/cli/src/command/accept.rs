//! `gattest run --accept`: new and changed expected traces are shown and written.
//!
//! A trace says what came, not what is right. So only that of a scenario whose written expectations
//! all hold is taken, and it is shown first, to be read against the requirements.

use conformance::report::{Outcome as Ended, RunEvent, Summary};
use conformance::trace::Trace;
use conformance::verdict::{DiffLine, Mismatch, Verdict};
use rig::run::Job;
use similar::{ChangeTag, TextDiff};

use super::run::{Prepared, options};
use super::{Outcome, about, print};
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::{closing_line, details, diff};
use crate::traces;

pub(super) fn execute(args: &RunArgs, prepared: &[Prepared]) -> Outcome {
    // Without an expected trace, a scenario whose expectations hold ends as "no trace yet".
    let jobs: Vec<Job> = prepared.iter().map(|one| Job { expected: None, ..one.job.clone() }).collect();
    let mut ended: Vec<Ended> = Vec::with_capacity(jobs.len());
    let mut summary = Summary::default();
    rig::run::run(&jobs, &options(args, args.seed), &mut |event| match event {
        RunEvent::Finished(outcome) => ended.push(outcome),
        RunEvent::Ended(counts) => summary.wall_us = counts.wall_us,
        RunEvent::Started { .. } => {}
    });
    for one in prepared {
        let Some(outcome) = ended.iter().find(|outcome| outcome.id == one.job.scenario.id) else { continue };
        take(one, outcome, &mut summary)?;
    }
    print(&format!("\n{}", closing_line(&summary, &format!("seed {}", args.seed))));
    Ok(Exit::of(&summary))
}

fn take(one: &Prepared, outcome: &Ended, summary: &mut Summary) -> Result<(), Box<dyn std::error::Error>> {
    match &outcome.verdict {
        Verdict::Fail(Mismatch { missing_trace: true, .. }) => {
            summary.passed += 1;
            let old = one.job.expected.as_deref();
            if old.map(Trace::parse) != Some(Trace::parse(&outcome.trace)) {
                traces::write(&one.trace, &outcome.trace).map_err(about(&one.trace, "write"))?;
                let kind = if old.is_some() { "changed" } else { "new" };
                let lines = difference(old.unwrap_or(""), &outcome.trace);
                print(&format!("{kind}  {}: {}\n{}\n", outcome.id, outcome.name, diff(&lines)));
            }
        }
        Verdict::Pass => summary.passed += 1,
        Verdict::Fail(_) => {
            summary.failed += 1;
            print(&format!("{}\n", details(outcome)));
        }
        Verdict::Inconclusive(_) => {
            summary.inconclusive += 1;
            print(&format!("{}\n", details(outcome)));
        }
        Verdict::Skipped(_) => summary.skipped += 1,
    }
    Ok(())
}

fn difference(old: &str, new: &str) -> Vec<DiffLine> {
    let line = |change: similar::Change<&str>| {
        let text = change.value().trim_end().to_owned();
        match change.tag() {
            ChangeTag::Equal => DiffLine::Same(text),
            ChangeTag::Delete => DiffLine::Missing(text),
            ChangeTag::Insert => DiffLine::Extra(text),
        }
    };
    TextDiff::from_lines(old, new).iter_all_changes().map(line).collect()
}
