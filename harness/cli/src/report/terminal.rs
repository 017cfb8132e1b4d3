//! The run as a person reads it: one line a scenario as they end, what went wrong at the end, and a
//! closing line.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write};
use std::path::Path;
use std::time::Duration;

use conformance::report::{Outcome, RunEvent, Summary};
use conformance::verdict::{DiffLine, FaultStep, Mismatch, RigFault, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Reporter;
use super::style::{self, BAD, GOOD, QUIET, UNSURE, visible};

/// Lines of console text that are shown with a fault.
const CONSOLE_LINES: usize = 20;
/// Lines of a difference that are shown around each changed one.
const CONTEXT_LINES: usize = 3;

/// Writes results to `W` and shows progress on standard error if that is a terminal.
pub struct Terminal<W> {
    out: W,
    id_width: usize,
    progress: ProgressBar,
    troubles: Vec<Outcome>,
    /// How many scenarios were skipped, by reason.
    skips: BTreeMap<String, usize>,
    total: usize,
    seeds: String,
    order: &'static str,
    /// Options that a command must repeat to mean the same expected traces.
    traces: String,
    reader_is_gone: bool,
}

impl<W: Write> Terminal<W> {
    /// `id_width` is the length in characters of the longest id.
    pub fn new(out: W, id_width: usize) -> Self {
        Self {
            out,
            id_width,
            progress: ProgressBar::hidden(),
            troubles: Vec::new(),
            skips: BTreeMap::new(),
            total: 0,
            seeds: String::new(),
            order: "",
            traces: String::new(),
            reader_is_gone: false,
        }
    }

    /// Says at the end that the order was drawn from the seed.
    #[must_use]
    pub fn shuffled(mut self) -> Self {
        self.order = ", shuffled";
        self
    }

    /// Says which folder of expected traces was asked for.
    #[must_use]
    pub fn with_traces(mut self, folder: &Path) -> Self {
        self.traces = format!("--traces {} ", folder.display());
        self
    }

    /// Where the results went.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }

    /// True once something could not be written.
    #[must_use]
    pub fn reader_is_gone(&self) -> bool {
        self.reader_is_gone
    }

    /// Results that cannot be written any more (`gattest run | head`) do not change the verdict,
    /// which is the exit code.
    fn print(&mut self, text: &str) {
        let out = &mut self.out;
        let written = self.progress.suspend(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        self.reader_is_gone |= written.is_err();
    }

    fn started(&mut self, total: usize, seed: u64) {
        self.total = total;
        self.seeds = format!("seed {seed}{}", self.order);
        if std::io::stderr().is_terminal() {
            let template = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}");
            self.progress = ProgressBar::with_draw_target(
                Some(u64::try_from(total).unwrap_or(u64::MAX)),
                ProgressDrawTarget::stderr_with_hz(10),
            );
            if let Ok(template) = template {
                self.progress.set_style(template);
            }
            self.progress.enable_steady_tick(Duration::from_millis(200));
        }
    }

    fn finished(&mut self, outcome: &Outcome) {
        self.print(&result_line(outcome, self.id_width));
        self.progress.inc(1);
        if matches!(outcome.verdict, Verdict::Fail(_) | Verdict::Inconclusive(_)) {
            self.troubles.push(outcome.clone());
        }
        if let Verdict::Skipped(reason) = &outcome.verdict {
            *self.skips.entry(reason.clone()).or_default() += 1;
        }
    }

    fn ended(&mut self, summary: &Summary) {
        self.progress.finish_and_clear();
        let mut text = String::new();
        for trouble in std::mem::take(&mut self.troubles) {
            text.push('\n');
            text.push_str(&details_with(&trouble, &self.traces));
        }
        text.push('\n');
        text.push_str(&skipped_lines(&self.skips));
        let not_run = self.total.saturating_sub(summary.total());
        text.push_str(&closing_line(summary, not_run, &self.seeds));
        self.print(&text);
    }
}

impl<W: Write> Reporter for Terminal<W> {
    fn event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { total, seed } => self.started(*total, *seed),
            RunEvent::Finished(outcome) => self.finished(outcome),
            RunEvent::Ended(summary) => self.ended(summary),
        }
    }
}

/// `203 skipped: needs board: there is no control link to this device`; the line of a single one says it already.
fn skipped_lines(skips: &BTreeMap<String, usize>) -> String {
    let several = skips.iter().filter(|(_, count)| **count > 1);
    several.map(|(reason, count)| format!("{QUIET}{count} skipped: {}{QUIET:#}\n", visible(reason))).collect()
}

/// `pass  lopy/chr1-counts     123.5 ms virtual    0.4 ms`
fn result_line(outcome: &Outcome, id_width: usize) -> String {
    let tail = match &outcome.verdict {
        Verdict::Skipped(reason) => format!("{QUIET}{}{QUIET:#}", visible(reason)),
        Verdict::Inconclusive(RigFault { step: Some(step), .. }) => {
            format!("{UNSURE}inconclusive at step {}{UNSURE:#}", step.index + 1)
        }
        Verdict::Inconclusive(RigFault { step: None, .. }) => format!("{UNSURE}inconclusive{UNSURE:#}"),
        Verdict::ExpectedFailure(_, xfail) => {
            format!("{QUIET}known failure: {}{QUIET:#}", visible(&xfail.reason))
        }
        Verdict::Pass | Verdict::Fail(_) => {
            let wall = style::duration(outcome.wall_us);
            match outcome.bench_us {
                // A bench in real time has no other.
                0 => format!("{wall:>9}"),
                bench => format!("{:>9} virtual {wall:>9}", style::duration(bench)),
            }
        }
    };
    marked(outcome, id_width, &tail)
}

/// A line with the verdict's mark, the id and something behind them.
pub(crate) fn marked(outcome: &Outcome, id_width: usize, tail: &str) -> String {
    let (mark, colour) = style::mark(&outcome.verdict);
    format!("{colour}{mark}{colour:#}  {:id_width$}  {tail}\n", outcome.id)
}

/// What a person needs to know about a scenario that did not pass.
#[must_use]
pub fn details(outcome: &Outcome) -> String {
    details_with(outcome, "")
}

/// As [`details`]; `options` are put into the command that keeps a new trace.
fn details_with(outcome: &Outcome, options: &str) -> String {
    let (word, colour) = style::verdict(&outcome.verdict);
    let mut text = format!("{colour}{word}{colour:#}  {}: {}\n", outcome.id, visible(&outcome.name));
    match &outcome.verdict {
        Verdict::Fail(mismatch) => text.push_str(&mismatch_details(outcome, mismatch, options)),
        Verdict::Inconclusive(fault) => text.push_str(&fault_details(outcome, fault)),
        Verdict::ExpectedFailure(mismatch, _) => text.push_str(&mismatch_details(outcome, mismatch, options)),
        Verdict::Pass | Verdict::Skipped(_) => {}
    }
    text
}

fn mismatch_details(outcome: &Outcome, mismatch: &Mismatch, options: &str) -> String {
    let place = mismatch.place;
    let step =
        step_label(outcome, mismatch.step).map(|label| format!("  step {}: {label}", mismatch.step + 1));
    let step = step.filter(|_| !mismatch.diff.is_empty());
    let mut text = format!(
        "  {}:{}:{}{}\n  {BAD}{}{BAD:#}\n",
        outcome.file,
        place.line,
        place.column,
        step.unwrap_or_default(),
        visible(&mismatch.summary)
    );
    if mismatch.missing_trace {
        text.push('\n');
        outcome.trace.lines().for_each(|line| text.push_str(&format!("    {}\n", visible(line))));
        text.push_str("\n  read each line, then keep it with: gattest run --accept ");
        text.push_str(options);
        text.push_str(&outcome.file);
        text.push('\n');
    } else if !mismatch.diff.is_empty() {
        text.push_str(&format!("\n  {BAD}- expected{BAD:#}  {GOOD}+ came{GOOD:#}\n"));
        text.push_str(&diff(&mismatch.diff));
    }
    text
}

fn fault_details(outcome: &Outcome, fault: &RigFault) -> String {
    let place = fault.step.as_ref().map(|FaultStep { index, place, label }| {
        format!(":{}:{}  step {}: {}", place.line, place.column, index + 1, visible(label))
    });
    format!(
        "  {}{}\n  {UNSURE}{}{UNSURE:#}\n  what to do: {}\n",
        outcome.file,
        place.unwrap_or_default(),
        visible(&fault.cause),
        visible(&fault.cure)
    ) + &console(&outcome.console)
}

/// The end of what a board said besides frames.
fn console(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = lines.get(lines.len().saturating_sub(CONSOLE_LINES)..).unwrap_or_default();
    let head = if shown.is_empty() { "" } else { "\n  the board's console ends with\n" };
    shown.iter().fold(head.to_owned(), |text, line| text + &format!("    {}\n", visible(line)))
}

/// A step's label: each step begins with one line without indent.
fn step_label(outcome: &Outcome, step: usize) -> Option<&str> {
    outcome.trace.lines().filter(|line| !line.starts_with(' ')).nth(step)
}

/// A difference with a few common lines around each change.
pub(crate) fn diff(lines: &[DiffLine]) -> String {
    let changed: Vec<bool> = lines.iter().map(|line| !matches!(line, DiffLine::Same(_))).collect();
    let near = |at: usize| {
        let from = at.saturating_sub(CONTEXT_LINES);
        changed.iter().skip(from).take(at - from + CONTEXT_LINES + 1).any(|changed| *changed)
    };
    let mut text = String::new();
    let mut skipping = false;
    for (at, line) in lines.iter().enumerate() {
        if !near(at) {
            if !skipping {
                text.push_str(&format!("  {QUIET}  ...{QUIET:#}\n"));
            }
            skipping = true;
            continue;
        }
        skipping = false;
        text.push_str(&match line {
            DiffLine::Same(line) => format!("    {}\n", visible(line)),
            DiffLine::Missing(line) => format!("  {BAD}- {}{BAD:#}\n", visible(line)),
            DiffLine::Extra(line) => format!("  {GOOD}+ {}{GOOD:#}\n", visible(line)),
        });
    }
    text
}

/// `19 passed, 0 failed, 0 inconclusive, 0 skipped in 0.12 s (seed 1)`; `not_run` is how many a run
/// that ended early left out.
pub(crate) fn closing_line(summary: &Summary, not_run: usize, seeds: &str) -> String {
    let Summary { passed, failed, expected_failures, inconclusive, skipped, wall_us } = *summary;
    let colour = match (failed, inconclusive, passed) {
        (1.., _, _) => BAD,
        (0, 1.., _) | (0, 0, 0) => UNSURE,
        _ => GOOD,
    };
    let time = style::seconds(wall_us);
    let not_run = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
    let known =
        if expected_failures > 0 { format!(", {expected_failures} known to fail") } else { String::new() };
    format!(
        "{colour}{passed} passed, {failed} failed{known}, {inconclusive} inconclusive, {skipped} skipped{not_run}{colour:#} in {time} ({seeds})\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::outcome;
    use super::*;
    use conformance::scenario::Place;

    fn report(verdicts: Vec<(&str, Verdict)>) -> String {
        let width = verdicts.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
        let mut terminal = Terminal::new(anstream::StripStream::new(Vec::new()), width);
        terminal.event(&RunEvent::Started { total: verdicts.len(), seed: 7 });
        for (id, verdict) in verdicts {
            terminal.event(&RunEvent::Finished(outcome(id, verdict)));
        }
        terminal.event(&RunEvent::Ended(Summary {
            passed: 1,
            failed: 1,
            inconclusive: 1,
            skipped: 1,
            wall_us: 120_000,
            ..Summary::default()
        }));
        String::from_utf8(terminal.into_inner().into_inner()).expect("UTF-8")
    }

    #[test]
    fn results_are_aligned_and_the_troubles_come_last() {
        let mismatch = Mismatch {
            step: 1,
            place: Place { line: 6, column: 5 },
            summary: "chr1 answered 05, expected 06".to_owned(),
            diff: vec![
                DiffLine::Same("connect".to_owned()),
                DiffLine::Same("  connected".to_owned()),
                DiffLine::Same("read chr1".to_owned()),
                DiffLine::Missing("  value 06".to_owned()),
                DiffLine::Extra("  value 05".to_owned()),
                DiffLine::Same("disconnect".to_owned()),
            ],
            missing_trace: false,
        };
        let fault = RigFault {
            step: Some(FaultStep {
                index: 1,
                place: Place { line: 6, column: 5 },
                label: "read chr1".to_owned(),
            }),
            cause: "a damaged frame came from the board".to_owned(),
            cure: "check the cable".to_owned(),
        };
        let text = report(vec![
            ("lopy/a", Verdict::Pass),
            ("lopy/longer", Verdict::Fail(mismatch)),
            ("b", Verdict::Inconclusive(fault)),
            ("c", Verdict::Skipped("needs raw-att".to_owned())),
        ]);
        insta::assert_snapshot!(text, @"
        pass  lopy/a        123.5 ms virtual    0.4 ms
        FAIL  lopy/longer   123.5 ms virtual    0.4 ms
        ????  b            inconclusive at step 2
        skip  c            needs raw-att

        FAIL  lopy/longer: lopy/longer does what it should
          scenarios/lopy/longer.yaml:6:5  step 2: read chr1
          chr1 answered 05, expected 06

          - expected  + came
            connect
              connected
            read chr1
          -   value 06
          +   value 05
            disconnect

        inconclusive  b: b does what it should
          scenarios/b.yaml:6:5  step 2: read chr1
          a damaged frame came from the board
          what to do: check the cable

        1 passed, 1 failed, 1 inconclusive, 1 skipped in 0.12 s (seed 7)
        ");
    }

    #[test]
    fn far_common_lines_are_left_out() {
        let mut lines: Vec<DiffLine> = (0..20).map(|n| DiffLine::Same(format!("line {n}"))).collect();
        lines.insert(10, DiffLine::Extra("new".to_owned()));
        let text = anstream::adapter::strip_str(&diff(&lines)).to_string();
        insta::assert_snapshot!(text, @r"
          ...
          line 7
          line 8
          line 9
        + new
          line 10
          line 11
          line 12
          ...
        ");
    }
}
