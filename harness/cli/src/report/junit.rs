//! Results as JUnit XML, in the form that the strict schema of Jenkins accepts (its `junit-10.xsd`,
//! which follows Maven Surefire): one test suite a theme, one test case a scenario.
//!
//! A failure of the device is a `failure`, a fault of the bench an `error`: those who read the file
//! keep them apart as the exit codes do.

use std::io::{self, Write};

use conformance::report::{Outcome, RunEvent, Summary};
use conformance::verdict::Verdict;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::style::visible;
use super::{Reporter, details};

/// Collects the run and writes it once.
#[derive(Debug, Default)]
pub struct JunitReport {
    wall_us: u64,
    /// Themes in the order in which they first came.
    suites: Vec<Suite>,
}

#[derive(Debug)]
struct Suite {
    name: String,
    outcomes: Vec<Outcome>,
}

/// Suite of scenarios that stand in no theme's folder.
const NO_THEME: &str = "scenarios";

impl Reporter for JunitReport {
    fn event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { .. } => {}
            RunEvent::Finished(outcome) => self.take(outcome),
            RunEvent::Ended(summary) => self.wall_us = summary.wall_us,
        }
    }
}

impl JunitReport {
    fn take(&mut self, outcome: &Outcome) {
        let name = outcome.id.rsplit_once('/').map_or(NO_THEME, |(theme, _)| theme);
        match self.suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.outcomes.push(outcome.clone()),
            None => self.suites.push(Suite { name: name.to_owned(), outcomes: vec![outcome.clone()] }),
        }
    }

    /// Writes the document.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut writer = Writer::new_with_indent(out, b' ', 2);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let mut all = Summary { wall_us: self.wall_us, ..Summary::default() };
        self.suites.iter().flat_map(|suite| &suite.outcomes).for_each(|outcome| all.count(&outcome.verdict));
        // The schema knows no `skipped` here, only at each suite.
        let attributes = counts("gattest", &all).into_iter().filter(|(name, _)| *name != "skipped");
        let element = with(writer.create_element("testsuites"), attributes);
        element.write_inner_content(|writer| self.suites.iter().try_for_each(|suite| suite.write(writer)))?;
        writer.into_inner().write_all(b"\n")
    }
}

impl Suite {
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let mut summary = Summary::default();
        for outcome in &self.outcomes {
            summary.wall_us = summary.wall_us.saturating_add(outcome.wall_us);
            summary.count(&outcome.verdict);
        }
        let element = with(writer.create_element("testsuite"), counts(&self.name, &summary));
        element.write_inner_content(|writer| {
            self.outcomes.iter().try_for_each(|outcome| test_case(writer, &self.name, outcome))
        })?;
        Ok(())
    }
}

/// Schema name and content of what stands inside a test case; nothing for a pass.
struct Trouble {
    element: &'static str,
    kind: &'static str,
    message: String,
}

fn trouble(verdict: &Verdict) -> Option<Trouble> {
    let (element, kind, message) = match verdict {
        Verdict::Pass => return None,
        Verdict::Fail(mismatch) if mismatch.missing_trace => {
            ("failure", "no-expected-trace", &mismatch.summary)
        }
        Verdict::Fail(mismatch) => ("failure", "mismatch", &mismatch.summary),
        Verdict::Inconclusive(fault) => ("error", "inconclusive", &fault.cause),
        // The schema has no word for it: what is skipped does not fail a build either.
        Verdict::ExpectedFailure(_, xfail) => ("skipped", "known-failure", &xfail.reason),
        Verdict::Skipped(reason) => ("skipped", "skipped", reason),
    };
    Some(Trouble { element, kind, message: message.clone() })
}

/// A class of its own for each theme, so that viewers which split names at dots fold them.
fn test_case<W: Write>(writer: &mut Writer<W>, suite: &str, outcome: &Outcome) -> io::Result<()> {
    let name = outcome.id.rsplit_once('/').map_or(outcome.id.as_str(), |(_, name)| name);
    let attributes = [
        ("name", name.to_owned()),
        ("classname", format!("gattest.{}", suite.replace('/', "."))),
        ("time", seconds(outcome.wall_us)),
    ];
    let element = with(writer.create_element("testcase"), attributes);
    let Some(Trouble { element: tag, kind, message }) = trouble(&outcome.verdict) else {
        element.write_empty()?;
        return Ok(());
    };
    element.write_inner_content(|writer| {
        let attributes = [("message", message.replace('\n', " ")), ("type", kind.to_owned())];
        let element = with(writer.create_element(tag), attributes);
        if matches!(outcome.verdict, Verdict::Skipped(_) | Verdict::ExpectedFailure(..)) {
            element.write_empty()?;
        } else {
            let text = anstream::adapter::strip_str(&details(outcome)).to_string();
            element.write_text_content(BytesText::new(&allowed(&text)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn counts(name: &str, summary: &Summary) -> [(&'static str, String); 6] {
    [
        ("name", name.to_owned()),
        ("tests", summary.total().to_string()),
        ("failures", summary.failed.to_string()),
        ("errors", summary.inconclusive.to_string()),
        ("skipped", (summary.skipped + summary.expected_failures).to_string()),
        ("time", seconds(summary.wall_us)),
    ]
}

fn with<'a, W>(
    mut element: quick_xml::writer::ElementWriter<'a, W>,
    attributes: impl IntoIterator<Item = (&'static str, String)>,
) -> quick_xml::writer::ElementWriter<'a, W> {
    for (name, value) in attributes {
        element = element.with_attribute((name, allowed(&value).as_str()));
    }
    element
}

/// Seconds with three decimals, all that the schema allows.
fn seconds(us: u64) -> String {
    let ms = us.saturating_add(500) / 1_000;
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// Text without the characters that XML 1.0 cannot hold even escaped: they are written out.
fn allowed(text: &str) -> String {
    visible(text).replace('\u{FFFE}', "\\u{fffe}").replace('\u{FFFF}', "\\u{ffff}")
}
