//! `gattest coverage`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use conformance::coverage::{Evidence, Row, Shown, UnknownId, matrix, read};
use conformance::scenario::Scenario;
use serde::Serialize;

use super::{ERROR, Outcome, about, count, fitted, nothing_below, print, say, show_mistakes, shown};
use crate::args::CoverageArgs;
use crate::exit::Exit;
use crate::report::visible;
use crate::{select, text_file};

/// Longest list of ids in bytes.
const LIST_LIMIT_BYTES: u64 = 1 << 20;
/// Longest source file in which a test is looked for, in bytes.
const SOURCE_LIMIT_BYTES: u64 = 1 << 20;

pub(super) fn execute(args: &CoverageArgs) -> Outcome {
    // Results of an earlier call must not be taken for this one's, however this one ends.
    let file = |path: &PathBuf| File::create(path).map_err(about(path, "write"));
    let json = args.json.as_ref().map(file).transpose()?;
    let found = select::select(&args.paths)?;
    if found.is_empty() {
        return Ok(nothing_below(&args.paths));
    }
    let root = root(&args.paths)?;
    let lists = lists(args, &root)?;
    let (loaded, wrong) = select::load(found);
    if !wrong.is_empty() {
        let mistakes = show_mistakes(wrong.iter());
        say(&format!("{ERROR}error:{ERROR:#} {mistakes}; nothing was counted\n"));
        return Ok(Exit::Usage);
    }
    let mut scenarios: Vec<Scenario> = loaded.into_iter().map(|one| one.scenario).collect();
    // Lists of ids are about one device: what another one shows is no evidence for a board of ours.
    if scenarios.iter().any(|scenario| scenario.device.external.is_none()) {
        scenarios.retain(|scenario| scenario.device.external.is_none());
    }
    let rows: Vec<Row> = lists.iter().flat_map(|(_, rows)| rows.iter().cloned()).collect();
    let (shown, unknown) = matrix(&rows, &scenarios);
    let missing_tests = missing_tests(&rows, root.parent().unwrap_or(&root));
    print(&text(&lists, &shown));
    complain(&unknown, &missing_tests);
    let report = Report::new(&shown, &unknown, &missing_tests);
    if let (Some(mut file), Some(path)) = (json, &args.json) {
        let text = serde_json::to_string_pretty(&report)? + "\n";
        file.write_all(text.as_bytes()).map_err(about(path, "write"))?;
    }
    Ok(if report.complete { Exit::Pass } else { Exit::Fail })
}

/// The scenario folder that the first path belongs to.
fn root(paths: &[PathBuf]) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let first = paths.first().map_or(Path::new("scenarios"), PathBuf::as_path);
    let absolute = fs::canonicalize(first).map_err(about(first, "read"))?;
    Ok(select::root_of(&absolute))
}

type List = (PathBuf, Vec<Row>);

/// The lists of ids. One id stands in one of them.
fn lists(args: &CoverageArgs, root: &Path) -> Result<Vec<List>, Box<dyn std::error::Error>> {
    let folder = root.join("coverage");
    let files = if args.ids.is_empty() { lists_in(&folder) } else { args.ids.clone() };
    if files.is_empty() {
        let folder = shown(&folder);
        return Err(format!("no list of ids: name one with --ids, or put a .tsv file into {folder}").into());
    }
    let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut lists = Vec::new();
    for file in files {
        let text = text_file::read(&file, LIST_LIMIT_BYTES).map_err(about(&file, "read"))?;
        let rows =
            read(&text).map_err(|wrong| format!("{}:{}: {}", shown(&file), wrong.line, wrong.message))?;
        for row in &rows {
            if let Some(other) = first.insert(row.id.clone(), file.clone()) {
                let (id, one, other) = (visible(&row.id), shown(&other), shown(&file));
                return Err(format!("`{id}` stands in {one} and in {other}: keep one of them").into());
            }
        }
        lists.push((file, rows));
    }
    Ok(lists)
}

/// The lists in a folder, by name; none if there is no such folder.
fn lists_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_list = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tsv");
    let mut files: Vec<PathBuf> = entries.filter(is_list).collect();
    files.sort();
    files
}

/// Rows whose test is not where they say.
fn missing_tests<'a>(rows: &'a [Row], top: &Path) -> Vec<&'a Row> {
    let is_missing = |row: &&Row| match &row.evidence {
        Evidence::Test { file, name } => !text_file::read(&top.join(file), SOURCE_LIMIT_BYTES)
            .is_ok_and(|source| source.contains(&format!("fn {name}("))),
        Evidence::Scenarios | Evidence::DoesNotApply(_) => false,
    };
    rows.iter().filter(is_missing).collect()
}

/// What lacks evidence first, then each list, then the sum.
fn text(lists: &[List], all: &[Shown<'_>]) -> String {
    let width = all.iter().map(|shown| shown.row.id.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    let bare: Vec<&Shown<'_>> = all.iter().filter(|shown| !shown.has_evidence()).collect();
    if !bare.is_empty() {
        lines.push("without evidence".to_owned());
        lines.extend(bare.iter().map(|shown| format!("  {:width$}  {}", shown.row.id, want(shown))));
        lines.push(String::new());
    }
    let mut rest = all;
    for (file, rows) in lists {
        let (these, others) = rest.split_at_checked(rows.len()).unwrap_or((rest, &[]));
        rest = others;
        let name =
            file.file_name().map_or_else(|| file.display().to_string(), |name| name.display().to_string());
        lines.push(format!("{name}, {}", count(rows.len(), "id")));
        let with = these.iter().filter(|shown| shown.has_evidence());
        lines.extend(with.map(|shown| format!("  {:width$}  {}", shown.row.id, have(shown))));
        lines.push(String::new());
    }
    lines.push(sum(all));
    fitted(lines.iter().map(|line| visible(line).into_owned()))
}

/// What the row asks for, and which scenarios say that the device does not do it.
fn want(shown: &Shown<'_>) -> String {
    match shown.known_failures.as_slice() {
        [] => shown.row.purpose.clone(),
        failures => format!("{} (known to fail: {})", shown.row.purpose, failures.join(" ")),
    }
}

fn have(shown: &Shown<'_>) -> String {
    let mut parts = vec![shown.scenarios.join(" ")];
    parts.push(match &shown.row.evidence {
        Evidence::Scenarios => String::new(),
        Evidence::Test { file, name } => format!("test {file}::{name}"),
        Evidence::DoesNotApply(reason) => format!("does not apply: {reason}"),
    });
    if !shown.known_failures.is_empty() {
        parts.push(format!("(known to fail: {})", shown.known_failures.join(" ")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn sum(all: &[Shown<'_>]) -> String {
    let number = |holds: &dyn Fn(&Shown<'_>) -> bool| all.iter().filter(|shown| holds(shown)).count();
    let by_scenarios = number(&|shown| !shown.scenarios.is_empty());
    let otherwise = |shown: &Shown<'_>, wanted: fn(&Evidence) -> bool| {
        shown.scenarios.is_empty() && wanted(&shown.row.evidence)
    };
    let by_tests = number(&|shown| otherwise(shown, |evidence| matches!(evidence, Evidence::Test { .. })));
    let exempt = number(&|shown| otherwise(shown, |evidence| matches!(evidence, Evidence::DoesNotApply(_))));
    let without = number(&|shown| !shown.has_evidence());
    format!(
        "{}: {by_scenarios} shown by scenarios, {by_tests} by tests, {exempt} do not apply, {without} without evidence",
        count(all.len(), "id"),
    )
}

fn complain(unknown: &[UnknownId<'_>], missing_tests: &[&Row]) {
    for UnknownId { file, id, nearest } in unknown {
        let help = match nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "correct it, or add it to a list".to_owned(),
        };
        say(&format!("{ERROR}error:{ERROR:#} {file} covers {id}, which no list has\n  = help: {help}\n"));
    }
    for row in missing_tests {
        let Evidence::Test { file, name } = &row.evidence else { continue };
        say(&format!("{ERROR}error:{ERROR:#} {}: there is no `fn {name}` in {file}\n", visible(&row.id)));
        say("  = help: correct file and name of the test in the list\n");
    }
}

/// The matrix for machines.
#[derive(Serialize)]
struct Report<'a> {
    complete: bool,
    ids: Vec<Entry<'a>>,
    unknown: Vec<Unknown<'a>>,
    missing_tests: Vec<&'a str>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    purpose: &'a str,
    has_evidence: bool,
    scenarios: &'a [&'a str],
    known_failures: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    does_not_apply: Option<&'a str>,
}

#[derive(Serialize)]
struct Unknown<'a> {
    file: &'a str,
    id: &'a str,
    nearest: Option<&'a str>,
}

impl<'a> Report<'a> {
    fn new(shown: &'a [Shown<'a>], unknown: &[UnknownId<'a>], missing_tests: &[&'a Row]) -> Self {
        Self {
            complete: shown.iter().all(Shown::has_evidence) && unknown.is_empty() && missing_tests.is_empty(),
            ids: shown.iter().map(Entry::new).collect(),
            unknown: unknown
                .iter()
                .map(|&UnknownId { file, id, nearest }| Unknown { file, id, nearest })
                .collect(),
            missing_tests: missing_tests.iter().map(|row| row.id.as_str()).collect(),
        }
    }
}

impl<'a> Entry<'a> {
    fn new(shown: &'a Shown<'a>) -> Self {
        let (test, does_not_apply) = match &shown.row.evidence {
            Evidence::Scenarios => (None, None),
            Evidence::Test { file, name } => (Some(format!("{file}::{name}")), None),
            Evidence::DoesNotApply(reason) => (None, Some(reason.as_str())),
        };
        Self {
            id: &shown.row.id,
            purpose: &shown.row.purpose,
            has_evidence: shown.has_evidence(),
            scenarios: &shown.scenarios,
            known_failures: &shown.known_failures,
            test,
            does_not_apply,
        }
    }
}
