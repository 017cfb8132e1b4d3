//! `gattest run --accept`: new and changed expected traces are shown and written.
//!
//! A trace says what came, not what is right. So only that of a scenario whose written expectations
//! all hold is taken, and it is shown first, to be read against the requirements.

use conformance::report::{Outcome as Ended, RunEvent, Summary};
use conformance::trace::Trace;
use conformance::verdict::{DiffLine, Mismatch, Verdict};
use rig::run::{Job, Options};
use similar::{ChangeTag, TextDiff};

use super::{Outcome, Prepared, about, print, shown};
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::{closing_line, details, diff, visible};
use crate::traces;

pub(super) fn execute(args: &RunArgs, options: &Options, prepared: &[Prepared]) -> Outcome {
    // Without an expected trace, a scenario whose expectations hold ends as "no trace yet". What a known
    // failure does now is wrong, so that its trace is only compared, as in any run.
    let accepted = |job: &Job| Job {
        expected: job.expected.clone().filter(|_| job.scenario.xfail.is_some()),
        ..job.clone()
    };
    let jobs: Vec<Job> = prepared.iter().map(|one| accepted(&one.job)).collect();
    let mut ended: Vec<Ended> = Vec::with_capacity(jobs.len());
    let mut summary = Summary::default();
    rig::run::run(&jobs, options, &mut |event| match event {
        RunEvent::Finished(outcome) => ended.push(outcome),
        RunEvent::Ended(counts) => summary.wall_us = counts.wall_us,
        RunEvent::Started { .. } => {}
    });
    for one in prepared {
        let Some(outcome) = ended.iter().find(|outcome| outcome.id == one.job.scenario.id) else { continue };
        take(one, outcome, &mut summary)?;
    }
    print(&closing_line(&summary, 0, &format!("seed {}", args.bench.seed)));
    Ok(Exit::of(&summary))
}

fn take(one: &Prepared, outcome: &Ended, summary: &mut Summary) -> Result<(), Box<dyn std::error::Error>> {
    let Verdict::Fail(Mismatch { missing_trace: true, .. }) = &outcome.verdict else {
        summary.count(&outcome.verdict);
        match &outcome.verdict {
            Verdict::Fail(_) | Verdict::Inconclusive(_) => print(&format!("{}\n", details(outcome))),
            Verdict::ExpectedFailure(_, xfail) => {
                let (name, reason) = (visible(&outcome.name), visible(&xfail.reason));
                print(&format!(
                    "known failure  {}: {name}\n  {reason}\n  what comes now is wrong: it was not accepted\n\n",
                    outcome.id
                ));
            }
            Verdict::Pass | Verdict::Skipped(_) => {}
        }
        return Ok(());
    };
    summary.passed += 1;
    let old = one.job.expected.as_deref();
    if old.map(Trace::parse) != Some(Trace::parse(&outcome.trace)) {
        traces::write(&one.trace, &outcome.trace).map_err(about(&one.trace, "write"))?;
        let kind = if old.is_some() { "changed" } else { "new" };
        let lines = diff(&difference(old.unwrap_or(""), &outcome.trace));
        let name = visible(&outcome.name);
        print(&format!("{kind}  {}: {name}\n{lines}\nwrote {}\n\n", outcome.id, shown(&one.trace)));
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
