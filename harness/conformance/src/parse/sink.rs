//! Where mistakes are collected, so that one run reports all of them.

use crate::diagnostic::{Code, Diagnostic, Excerpt};
use crate::scenario::Place;

/// No file reports more mistakes than this.
const MAX_DIAGNOSTICS: usize = 100;
/// Names longer than this are cut in messages, and have no near neighbour.
const MAX_NAME: usize = 40;
/// The beginning of a known name is near to it from this many characters on.
const SHORTEST_BEGINNING: usize = 4;

/// Where something stands and how long it is, in characters; 0 if it has no text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) place: Place,
    pub(crate) length: u32,
}

impl Mark {
    /// The file's beginning.
    pub(crate) const START: Self = Self { place: Place { line: 1, column: 1 }, length: 1 };

    /// Line and column count from 1.
    pub(crate) fn new(line: u32, column: u32, length: u32) -> Self {
        Self { place: Place { line: line.max(1), column: column.max(1) }, length }
    }
}

/// The mistakes of one file.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    diagnostics: Vec<Diagnostic>,
    /// Reports so far, those of mistakes that are known already among them.
    reports: usize,
    more: Option<Place>,
}

impl Sink {
    pub(crate) fn report(
        &mut self,
        code: Code,
        mark: Mark,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.reports += 1;
        let (place, message) = (mark.place, message.into());
        // A step in a loop makes the same mistake each time.
        let is_same =
            |known: &Diagnostic| known.place == place && known.code == code && known.message == message;
        if self.diagnostics.iter().any(is_same) {
            return;
        }
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.more.get_or_insert(place);
            return;
        }
        let (length, hint) = (mark.length.max(1), hint.into());
        self.diagnostics.push(Diagnostic { code, place, length, message, hint, excerpt: None });
    }

    /// Takes over the mistakes of another file that this one uses, with their lines.
    pub(crate) fn take_over(&mut self, other: Sink, file: &str, text: &str) {
        self.reports += other.reports;
        let lines: Vec<&str> = text.lines().collect();
        for diagnostic in other.into_diagnostics() {
            let at = usize::try_from(diagnostic.place.line).unwrap_or(usize::MAX).saturating_sub(1);
            let line = lines.get(at).copied().unwrap_or_default().to_owned();
            let excerpt = Some(Excerpt { file: file.to_owned(), line });
            self.diagnostics.push(Diagnostic { excerpt, ..diagnostic });
        }
    }

    /// Reports a name that is none of `known`, with the nearest one or the list of them.
    pub(crate) fn report_unknown<'k>(
        &mut self,
        code: Code,
        mark: Mark,
        message: impl Into<String>,
        name: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.reports += 1;
            self.more.get_or_insert(mark.place);
            return;
        }
        self.report(code, mark, message, hint_for(name, known));
    }

    /// How often a mistake has been reported so far.
    pub(crate) fn count(&self) -> usize {
        self.reports
    }

    /// True when nothing was reported.
    pub(crate) fn is_clean(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// All mistakes in the order of the file.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|diagnostic| {
            let Place { line, column } = diagnostic.place;
            (diagnostic.excerpt.is_some(), line, column)
        });
        if let Some(place) = self.more {
            self.diagnostics.push(Diagnostic {
                code: Code::TooMany,
                place,
                length: 1,
                message: format!("there are more than {MAX_DIAGNOSTICS} mistakes; the others are not shown"),
                hint: "mend the ones above first".to_owned(),
                excerpt: None,
            });
        }
        self.diagnostics
    }

    /// Words as alternatives: "`a`, `b` or `c`".
    pub(crate) fn alternatives(words: &[&str]) -> String {
        let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        match quoted.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// A name for a message: cut if it is long.
    pub(crate) fn short(name: &str) -> String {
        match name.char_indices().nth(MAX_NAME) {
            Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
            None => name.to_owned(),
        }
    }
}

/// The nearest of the known names, or all of them (as many as fit a line).
fn hint_for<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    if let Some(nearest) = nearest(name, known.clone()) {
        return format!("did you mean `{nearest}`?");
    }
    const SHOWN: usize = 32;
    let mut names: Vec<String> = known.clone().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if known.count() > SHOWN {
        names.push("…".to_owned());
    }
    match names.as_slice() {
        [] => "there is none to choose from".to_owned(),
        [one] => format!("only {one} is known here"),
        _ => format!("one of {}", names.join(", ")),
    }
}

/// Near means: one edit in three characters, at least one, transpositions counted as one; or the
/// name's beginning. Capitals make no difference.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = name.to_lowercase().replace('_', "-");
    let distance = |other: &str| strsim::damerau_levenshtein(&name, &other.to_lowercase().replace('_', "-"));
    let is_beginning =
        |other: &str| name.len() >= SHORTEST_BEGINNING && other.to_lowercase().starts_with(&name);
    let is_near = |distance: usize, other: &str| distance <= (other.len().max(name.len()) / 3).max(1);
    known
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| is_near(*distance, candidate) || is_beginning(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
