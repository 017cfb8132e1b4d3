//! Results as JSON, for machines.

use conformance::report::{Outcome, RunEvent, Summary};
use conformance::scenario::Place;
use conformance::verdict::{DiffLine, Mismatch, RigFault, Verdict};
use serde::Serialize;

use super::Reporter;

/// A run as one JSON object. Scenarios stand in the order in which their ends were reported.
#[derive(Debug, Default, Serialize)]
pub struct JsonReport {
    passed: usize,
    failed: usize,
    expected_failures: usize,
    inconclusive: usize,
    skipped: usize,
    seed: u64,
    wall_us: u64,
    scenarios: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    name: String,
    file: String,
    verdict: &'static str,
    /// Why it was inconclusive or skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What differed.
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<Difference>,
    /// Where the step of the mismatch or of the fault stands in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Position>,
    bench_us: u64,
    wall_us: u64,
    /// The observed trace, line by line.
    trace: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Reason {
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Difference {
    step: usize,
    summary: String,
    missing_trace: bool,
    /// Each line with its mark: a space for both, `-` for expected only, `+` for observed only.
    diff: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Position {
    line: u32,
    column: u32,
}

impl JsonReport {
    /// The report as indented JSON with a line end.
    ///
    /// # Errors
    ///
    /// None that is known; the serialiser can return one.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    fn count(&mut self, summary: &Summary) {
        self.passed = summary.passed;
        self.failed = summary.failed;
        self.expected_failures = summary.expected_failures;
        self.inconclusive = summary.inconclusive;
        self.skipped = summary.skipped;
        self.wall_us = summary.wall_us;
    }
}

impl Reporter for JsonReport {
    fn event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { seed, .. } => self.seed = *seed,
            RunEvent::Finished(outcome) => self.scenarios.push(entry(outcome)),
            RunEvent::Ended(summary) => self.count(summary),
        }
    }
}

fn entry(outcome: &Outcome) -> Entry {
    let (verdict, reason, mismatch, place) = match &outcome.verdict {
        Verdict::Pass => ("pass", None, None, None),
        Verdict::Fail(mismatch) => ("fail", None, Some(difference(mismatch)), Some(position(mismatch.place))),
        Verdict::ExpectedFailure(mismatch, xfail) => {
            let reason = Reason { cause: xfail.reason.clone(), cure: None, step: None };
            ("expected-failure", Some(reason), Some(difference(mismatch)), Some(position(mismatch.place)))
        }
        Verdict::Inconclusive(fault) => {
            let place = fault.step.as_ref().map(|step| position(step.place));
            ("inconclusive", Some(reason(fault)), None, place)
        }
        Verdict::Skipped(why) => {
            ("skipped", Some(Reason { cause: why.clone(), cure: None, step: None }), None, None)
        }
    };
    Entry {
        id: outcome.id.clone(),
        name: outcome.name.clone(),
        file: outcome.file.clone(),
        verdict,
        reason,
        mismatch,
        place,
        bench_us: outcome.bench_us,
        wall_us: outcome.wall_us,
        trace: outcome.trace.lines().map(str::to_owned).collect(),
    }
}

fn reason(fault: &RigFault) -> Reason {
    let step = fault.step.as_ref().map(|step| step.index);
    Reason { cause: fault.cause.clone(), cure: Some(fault.cure.clone()), step }
}

fn difference(mismatch: &Mismatch) -> Difference {
    let line = |line: &DiffLine| match line {
        DiffLine::Same(text) => format!(" {text}"),
        DiffLine::Missing(text) => format!("-{text}"),
        DiffLine::Extra(text) => format!("+{text}"),
    };
    Difference {
        step: mismatch.step,
        summary: mismatch.summary.clone(),
        missing_trace: mismatch.missing_trace,
        diff: mismatch.diff.iter().map(line).collect(),
    }
}

fn position(place: Place) -> Position {
    Position { line: place.line, column: place.column }
}
