//! Whether a run is what the scenario and its expected trace ask for.

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::expectation::{Broken, Judge, Judgement};
use crate::observation::StepObservation;
use crate::plan::Plan;
use crate::scenario::Place;
use crate::trace::{Trace, TraceLine};
use crate::verdict::{DiffLine, Mismatch, RigFault, Verdict};

/// Above this many lines on either side, lines are compared one by one between the common
/// beginning and the common end: a shortest difference takes time that grows with their product.
const DIFF_LINES: usize = 2_000;

/// Judges a run: first the expectations written in the scenario, step by step, then the trace
/// against the expected text, if there is one.
///
/// [`Verdict::Pass`] needs an observation for every step, every expectation held, and an expected
/// trace that is the observed one. A run that ended early, or a step about which the bench reported
/// nothing, is [`Verdict::Inconclusive`] unless an expectation broke before.
#[must_use]
pub fn compare(plan: &Plan, observations: &[StepObservation], expected: Option<&str>) -> Verdict {
    let unordered = || (0..).zip(observations).filter(|(_, seen)| seen.is_unordered).map(|(step, _)| step);
    let in_order = |trace: Trace| unordered().fold(trace, Trace::without_order_of);
    let observed = in_order(Trace::build(plan, observations));
    let expected = expected.map(|text| in_order(Trace::parse(text)));
    let mut judge = Judge::new(plan);
    for (step, (planned, seen)) in plan.steps.iter().zip(observations).enumerate() {
        match judge.step(&planned.step, seen) {
            Judgement::Held => {}
            Judgement::Broken(broken) => {
                return Verdict::Fail(expectation_mismatch(plan, step, broken, &observed, expected.as_ref()));
            }
            Judgement::Undecided => return undecided(plan, step),
            Judgement::Hidden(words) => return hidden(plan, step, &words),
        }
    }
    if observations.len() != plan.steps.len() {
        return incomplete(plan, observations.len());
    }
    let Some(expected) = expected else {
        return Verdict::Fail(Mismatch {
            step: 0,
            place: place_of(plan, 0),
            summary: "there is no expected trace yet".to_owned(),
            diff: observed.lines.iter().map(|line| DiffLine::Extra(line.text.clone())).collect(),
            missing_trace: true,
        });
    };
    let differences = differences(&expected.lines, &observed.lines);
    match first_difference(&differences) {
        None => Verdict::Pass,
        Some(first) => Verdict::Fail(trace_mismatch(plan, first, &differences)),
    }
}

fn undecided(plan: &Plan, step: usize) -> Verdict {
    let step = plan.fault_step(step);
    let label = step.as_ref().map_or("", |step| step.label.as_str());
    Verdict::Inconclusive(RigFault {
        cause: format!("the bench reported no result for `{label}`"),
        cure: "run the scenario again; if it stays, the central has a fault".to_owned(),
        step,
    })
}

/// An error without its code is no evidence: for the device only if it was to refuse so, against it only if not.
fn hidden(plan: &Plan, step: usize, words: &str) -> Verdict {
    let step = plan.fault_step(step);
    let label = step.as_ref().map_or("", |step| step.label.as_str());
    Verdict::Inconclusive(RigFault {
        cause: format!("`{label}` failed, and the operating system hides the ATT error: {words}"),
        cure: "run the scenario with an adapter: --central att:... sees the error".to_owned(),
        step,
    })
}

fn incomplete(plan: &Plan, observed: usize) -> Verdict {
    Verdict::Inconclusive(RigFault {
        step: plan.fault_step(observed),
        cause: format!("the bench reported {observed} of {} steps", plan.steps.len()),
        cure: "run the scenario again; if it stays, the bench has a fault".to_owned(),
    })
}

/// The place of a step; of the last one for anything beyond.
fn place_of(plan: &Plan, step: usize) -> Place {
    plan.steps.get(step).or_else(|| plan.steps.last()).map(|planned| planned.step.place).unwrap_or_default()
}

fn expectation_mismatch(
    plan: &Plan,
    step: usize,
    broken: Broken,
    observed: &Trace,
    expected: Option<&Trace>,
) -> Mismatch {
    let against_expected = expected.map(|expected| differences(&expected.lines, &observed.lines));
    let differences = match against_expected {
        Some(differences) if first_difference(&differences).is_some() => differences,
        // The expected trace is wrong in the same way, or there is none: show what the step asked for.
        _ => differences(&as_asked(observed, step, &broken), &observed.lines),
    };
    Mismatch {
        step,
        place: place_of(plan, step),
        summary: broken.summary,
        diff: differences.into_iter().map(|difference| difference.line).collect(),
        missing_trace: false,
    }
}

/// The observed trace with the line of the broken expectation as it should have been.
fn as_asked(observed: &Trace, step: usize, broken: &Broken) -> Vec<TraceLine> {
    let came = broken.came.as_ref().map(|line| format!("  {line}"));
    let mut wanted = broken.wanted.as_ref().map(|line| TraceLine { step, text: format!("  {line}") });
    let mut lines = Vec::with_capacity(observed.lines.len() + 1);
    let mut replaced = false;
    for line in &observed.lines {
        if line.step > step {
            lines.extend(wanted.take());
        }
        if !replaced && line.step == step && Some(&line.text) == came.as_ref() {
            replaced = true;
            lines.extend(wanted.take());
        } else {
            lines.push(line.clone());
        }
    }
    lines.extend(wanted);
    lines
}

/// A line of a difference with the step that it belongs to on its own side.
struct Difference {
    step: usize,
    line: DiffLine,
}

fn first_difference(differences: &[Difference]) -> Option<usize> {
    differences.iter().position(|difference| !matches!(difference.line, DiffLine::Same(_)))
}

fn differences(expected: &[TraceLine], observed: &[TraceLine]) -> Vec<Difference> {
    let (before, after) = common_ends(expected, observed);
    let middle = |lines: &[TraceLine]| -> Vec<TraceLine> {
        lines.get(before..lines.len() - after).unwrap_or_default().to_vec()
    };
    let (old, new) = (middle(expected), middle(observed));
    let same = |lines: &[TraceLine]| -> Vec<Difference> { lines.iter().map(same_line).collect() };
    let mut all = same(observed.get(..before).unwrap_or_default());
    all.extend(diff_middle(&old, &new));
    all.extend(same(observed.get(observed.len() - after..).unwrap_or_default()));
    all
}

/// How many lines are the same at the beginning, and then at the end.
fn common_ends(expected: &[TraceLine], observed: &[TraceLine]) -> (usize, usize) {
    let same = |(a, b): &(&TraceLine, &TraceLine)| a.text == b.text;
    let before = expected.iter().zip(observed).take_while(same).count();
    let rest = expected.len().min(observed.len()) - before;
    let after = expected.iter().rev().zip(observed.iter().rev()).take(rest).take_while(same).count();
    (before, after)
}

fn diff_middle(old: &[TraceLine], new: &[TraceLine]) -> Vec<Difference> {
    let missing =
        |line: &TraceLine| Difference { step: line.step, line: DiffLine::Missing(line.text.clone()) };
    let extra = |line: &TraceLine| Difference { step: line.step, line: DiffLine::Extra(line.text.clone()) };
    if old.len().max(new.len()) > DIFF_LINES {
        return old.iter().map(missing).chain(new.iter().map(extra)).collect();
    }
    let texts = |lines: &[TraceLine]| -> Vec<String> { lines.iter().map(|line| line.text.clone()).collect() };
    let mut all = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &texts(old), &texts(new)) {
        let (tag, old_range, new_range) = operation.as_tag_tuple();
        let (old, new) = (old.get(old_range).unwrap_or_default(), new.get(new_range).unwrap_or_default());
        if tag == DiffTag::Equal {
            all.extend(new.iter().map(same_line));
        } else {
            all.extend(old.iter().map(missing));
            all.extend(new.iter().map(extra));
        }
    }
    all
}

fn same_line(line: &TraceLine) -> Difference {
    Difference { step: line.step, line: DiffLine::Same(line.text.clone()) }
}

fn trace_mismatch(plan: &Plan, first: usize, differences: &[Difference]) -> Mismatch {
    // The run's own step number is the scenario's; the expected trace's is so only up to here.
    let step = differences.get(first).map_or(0, |difference| difference.step);
    let step = step.min(plan.steps.len().saturating_sub(1));
    let label = plan.steps.get(step).map_or("", |planned| planned.step.label.as_str());
    let block = || differences.iter().skip(first).take_while(|it| !matches!(it.line, DiffLine::Same(_)));
    let missing = block().find_map(|it| match &it.line {
        DiffLine::Missing(text) => Some(text.trim_start()),
        _ => None,
    });
    let extra = block().find_map(|it| match &it.line {
        DiffLine::Extra(text) => Some(text.trim_start()),
        _ => None,
    });
    let summary = match (missing, extra) {
        (Some(missing), Some(extra)) => {
            format!("`{label}` gave `{extra}`, the expected trace has `{missing}`")
        }
        (Some(missing), None) => format!("`{label}` lacks `{missing}` of the expected trace"),
        (None, Some(extra)) => format!("`{label}` gave `{extra}`, which the expected trace does not have"),
        (None, None) => format!("`{label}` differs from the expected trace"),
    };
    Mismatch {
        step,
        place: place_of(plan, step),
        summary,
        diff: differences.iter().map(|difference| difference.line.clone()).collect(),
        missing_trace: false,
    }
}
