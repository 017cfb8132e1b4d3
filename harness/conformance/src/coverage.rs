//! Which requirement has which evidence: lists of ids, and the scenarios that name them in `covers`.

use std::collections::{BTreeMap, HashSet};

use crate::parse::sink::nearest;
use crate::scenario::Scenario;

/// One id of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The id, as `covers` names it.
    pub id: String,
    /// What it asks for.
    pub purpose: String,
    /// What shows it besides scenarios.
    pub evidence: Evidence,
}

/// What shows a requirement besides scenarios.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing: scenarios must.
    Scenarios,
    /// A test in the source tree.
    Test {
        /// Its file, counted from the folder that holds the scenario folder.
        file: String,
        /// Its name.
        name: String,
    },
    /// There is nothing to show: why the requirement does not apply to the device.
    DoesNotApply(String),
}

/// A line of a list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongLine {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what to write.
    pub message: String,
}

/// Reads a list of ids: a table with tabs between its columns. The first line names the columns; `id` and
/// `purpose` must be there, `evidence` may be, others are left aside. Lines that begin with `#` are comments.
///
/// `evidence` is empty where scenarios must show the row, or `test FILE::NAME`, or `does not apply: REASON`.
///
/// # Errors
///
/// The first line that is wrong: a column that is missing, an id that stands twice, an evidence of no kind.
pub fn read(text: &str) -> Result<Vec<Row>, WrongLine> {
    let mut lines =
        (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    let Some((number, header)) = lines.next() else {
        return Err(wrong(
            1,
            "the list is empty; its first line names the columns: `id`, `purpose`, `evidence`",
        ));
    };
    let columns: Vec<&str> = header.split('\t').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name);
    let missing = |name| wrong(number, format!("no column `{name}`; columns are separated by tabs"));
    let id = column("id").ok_or_else(|| missing("id"))?;
    let purpose = column("purpose").ok_or_else(|| missing("purpose"))?;
    let evidence = column("evidence");
    let mut ids = HashSet::new();
    let mut rows = Vec::new();
    for (number, line) in lines {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        if cells.len() > columns.len() || cell(id).is_empty() {
            let message = format!("{} cells for {} columns, or no id", cells.len(), columns.len());
            return Err(wrong(number, message));
        }
        if !ids.insert(cell(id)) {
            return Err(wrong(number, format!("`{}` stands twice; keep one of them", cell(id))));
        }
        let evidence = read_evidence(evidence.map_or("", cell)).map_err(|message| wrong(number, message))?;
        rows.push(Row { id: cell(id).to_owned(), purpose: cell(purpose).to_owned(), evidence });
    }
    Ok(rows)
}

fn wrong(line: usize, message: impl Into<String>) -> WrongLine {
    WrongLine { line, message: message.into() }
}

fn read_evidence(text: &str) -> Result<Evidence, &'static str> {
    if text.is_empty() {
        return Ok(Evidence::Scenarios);
    }
    let reason = text.strip_prefix("does not apply:").map(str::trim).filter(|reason| !reason.is_empty());
    let test = text.strip_prefix("test ").and_then(|test| test.trim().split_once("::"));
    match (reason, test) {
        (Some(reason), _) => Ok(Evidence::DoesNotApply(reason.to_owned())),
        (None, Some((file, name))) => Ok(Evidence::Test { file: file.to_owned(), name: name.to_owned() }),
        (None, None) => Err("evidence is `test FILE::NAME` or `does not apply: REASON`"),
    }
}

/// What shows one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The row.
    pub row: &'a Row,
    /// Ids of the scenarios that cover it.
    pub scenarios: Vec<&'a str>,
    /// Ids of those that are known to fail: they tell that the device does not do it, so they are no evidence.
    pub known_failures: Vec<&'a str>,
}

impl Shown<'_> {
    /// True if something shows the row, or it does not apply.
    #[must_use]
    pub fn has_evidence(&self) -> bool {
        !self.scenarios.is_empty() || self.row.evidence != Evidence::Scenarios
    }
}

/// An id in `covers` that no list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownId<'a> {
    /// The scenario's file.
    pub file: &'a str,
    /// The id.
    pub id: &'a str,
    /// A known one that is spelled nearly so.
    pub nearest: Option<&'a str>,
}

/// Each row with what shows it, in the order of `rows`, and the ids in `covers` that are none of them.
#[must_use]
pub fn matrix<'a>(rows: &'a [Row], scenarios: &'a [Scenario]) -> (Vec<Shown<'a>>, Vec<UnknownId<'a>>) {
    let mut shown: Vec<Shown<'a>> =
        rows.iter().map(|row| Shown { row, scenarios: Vec::new(), known_failures: Vec::new() }).collect();
    let places: BTreeMap<&str, usize> =
        rows.iter().enumerate().map(|(at, row)| (row.id.as_str(), at)).collect();
    let mut unknown = Vec::new();
    for scenario in scenarios {
        for id in &scenario.covers {
            let Some(shown) = places.get(id.as_str()).and_then(|at| shown.get_mut(*at)) else {
                let nearest = nearest(id, places.keys().copied());
                unknown.push(UnknownId { file: &scenario.file, id, nearest });
                continue;
            };
            match scenario.xfail {
                None => shown.scenarios.push(&scenario.id),
                Some(_) => shown.known_failures.push(&scenario.id),
            }
        }
    }
    (shown, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
# A comment
id\tlane\tpurpose\tevidence
EX-1\tapi\tit answers
EX-2\tapi\tit counts\t

EX-3\traw\tit does not crash\ttest tests/a.rs::it_does_not_crash
EX-4\tbredr\tit speaks BR/EDR\tdoes not apply: no such radio
";

    fn scenario(id: &str, covers: &str, more: &str) -> Scenario {
        let text = format!("name: x\ncovers: [{covers}]\n{more}device: lopy\nsteps: [connect]\n");
        crate::parse::parse(&format!("{id}.yaml"), id, &text).expect("a scenario")
    }

    #[test]
    fn a_list_names_ids_and_what_shows_them() {
        let rows = read(LIST).expect("a list");
        assert_eq!(
            rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
            ["EX-1", "EX-2", "EX-3", "EX-4"]
        );
        assert_eq!((rows[0].purpose.as_str(), &rows[1].evidence), ("it answers", &Evidence::Scenarios));
        let test = Evidence::Test { file: "tests/a.rs".to_owned(), name: "it_does_not_crash".to_owned() };
        assert_eq!(rows[2].evidence, test);
        assert_eq!(rows[3].evidence, Evidence::DoesNotApply("no such radio".to_owned()));
    }

    #[test]
    fn a_wrong_list_says_where() {
        for (text, line) in [
            ("", 1),
            ("# nothing\n", 1),
            ("id\twhat\n", 1),
            ("purpose\tevidence\n", 1),
            ("id\tpurpose\nA-1\tx\n# y\nA-1\tz\n", 4),
            ("id\tpurpose\nA-1\tx\ty\n", 2),
            ("id\tpurpose\n\tx\n", 2),
            ("id\tpurpose\tevidence\nA-1\tx\ttests/a.rs::a\n", 2),
            ("id\tpurpose\tevidence\nA-1\tx\ttest tests/a.rs\n", 2),
            ("id\tpurpose\tevidence\nA-1\tx\tdoes not apply:\n", 2),
        ] {
            assert_eq!(read(text).expect_err(text).line, line, "{text:?}");
        }
    }

    #[test]
    fn a_row_is_shown_by_scenarios_that_pass() {
        let rows = read(LIST).expect("a list");
        let scenarios = [
            scenario("a", "EX-1", ""),
            scenario("b", "EX-1, EX-9", ""),
            scenario("c", "EX-2", "xfail: {reason: not yet}\n"),
        ];
        let (shown, unknown) = matrix(&rows, &scenarios);
        assert_eq!(shown[0].scenarios, ["a", "b"]);
        assert_eq!((shown[1].scenarios.len(), &shown[1].known_failures), (0, &vec!["c"]));
        let has: Vec<bool> = shown.iter().map(Shown::has_evidence).collect();
        assert_eq!(has, [true, false, true, true]);
        assert_eq!(unknown, [UnknownId { file: "b.yaml", id: "EX-9", nearest: Some("EX-1") }]);
    }

    #[test]
    fn the_nearest_id_is_offered() {
        let rows = read("id\tpurpose\nGATT/SR/GAR/BI-04-C\tx\nGATT/SR/GAR/BV-05-C\ty\n").expect("a list");
        let scenarios = [scenario("a", "GATT/SR/GAR/BV-04-C, QQ-77", "")];
        let (_, unknown) = matrix(&rows, &scenarios);
        assert_eq!(unknown[0].nearest, Some("GATT/SR/GAR/BI-04-C"));
        assert_eq!(unknown[1].nearest, None);
    }
}
