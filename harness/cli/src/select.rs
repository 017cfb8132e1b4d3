//! Which scenario files a command line means, and what stands in them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use conformance::diagnostic::Diagnostic;
use conformance::parse;
use conformance::plan::{Plan, plan};
use conformance::scenario::Scenario;
use walkdir::{DirEntry, WalkDir};

use crate::report::visible;
use crate::text_file;

/// Longest scenario file in bytes: what the parser takes.
const SCENARIO_LIMIT_BYTES: u64 = conformance::parse::MAX_BYTES as u64;

/// One scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its path as the user gave it, with `/` between folders: for messages.
    pub file: String,
    /// Where to read it, absolute.
    pub path: PathBuf,
    /// The scenario folder that its id counts from, absolute.
    pub root: PathBuf,
    /// The path below the root, without `.yaml`, with `/` between folders.
    pub id: String,
}

/// What a command line means.
#[derive(Debug, Default)]
pub struct Found {
    /// Files that look like scenarios.
    pub selected: Vec<Selected>,
    /// What cannot be one, and would otherwise be left out in silence.
    pub wrong: Vec<WrongFile>,
}

impl Found {
    /// True if there is neither a scenario nor anything wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.selected.is_empty() && self.wrong.is_empty()
    }
}

/// A scenario, ready to run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Where it came from.
    pub selected: Selected,
    /// What it says.
    pub scenario: Scenario,
    /// What to do.
    pub plan: Plan,
}

/// A path on the command line that names no scenario.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// It does not exist, or cannot be read.
    #[error("failed to read {path}: {source}")]
    Unreadable {
        /// As given.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is not a scenario file.
    #[error("{0} {NOT_YAML}")]
    NotYaml(String),
    /// Two files have one id, so their expected traces would be one.
    #[error("{first} and {second} are both called `{id}`: run them one after the other")]
    SameId {
        /// The id.
        id: String,
        /// As given.
        first: String,
        /// As given.
        second: String,
    },
}

const RENAME: &str = "rename it, or move it away";

/// What to do about a file that could not be read.
fn hint_for(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::FileTooLarge => "split it into several scenarios",
        ErrorKind::InvalidData => "save it as UTF-8",
        ErrorKind::PermissionDenied => "give yourself the right to read it",
        ErrorKind::NotFound => "mend the link, or delete it",
        _ => "move it away",
    }
}

const NOT_YAML: &str = "is not a scenario: the file's name must end in .yaml";

/// A file that cannot be run.
#[derive(Debug)]
pub struct WrongFile {
    /// As the user gave it.
    pub file: String,
    /// Where it stands, absolute.
    pub path: PathBuf,
    /// Why.
    pub fault: FileFault,
}

/// Why a file cannot be run.
#[derive(Debug)]
pub enum FileFault {
    /// It was not read.
    Unread {
        /// One sentence with the file's name.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// It has mistakes.
    Mistakes {
        /// Its text, for excerpts.
        text: String,
        /// All of them, never none.
        diagnostics: Vec<Diagnostic>,
    },
}

impl WrongFile {
    fn unread(file: &Path, path: PathBuf, why: &impl ToString, hint: &'static str) -> Self {
        let file = visible(&slashes(file)).into_owned();
        let fault = FileFault::Unread { message: format!("{file}: {}", why.to_string()), hint };
        Self { file, path, fault }
    }

    /// The messages for all of its mistakes, one after the other; `colour` asks for ANSI styles.
    pub fn messages(&self, colour: bool) -> Vec<String> {
        match &self.fault {
            FileFault::Unread { message, hint } => vec![format!("error: {message}\n  = help: {hint}\n")],
            FileFault::Mistakes { text, diagnostics } => {
                diagnostics.iter().map(|one| one.render(&self.file, text, colour)).collect()
            }
        }
    }
}

/// All scenario files that `paths` mean, each once, in the order of the paths and sorted within.
///
/// A folder means every `.yaml` file below it; hidden files and folders are left out, and links are
/// followed. Ids count from the nearest folder called `scenarios` around the file, so that a scenario
/// has the same id and the same expected trace whether it is run alone, with all others or from a folder
/// above; where there is none, they count from the given folder, or from the given file's folder.
///
/// # Errors
///
/// The first path that cannot be read or names something else, or two files with one id.
pub fn select(paths: &[PathBuf]) -> Result<Found, SelectError> {
    let mut found = Found::default();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for given in paths {
        let metadata = fs::metadata(given).map_err(|source| unreadable(given, source))?;
        let absolute = absolute(given).map_err(|source| unreadable(given, source))?;
        let root = root_of(&absolute);
        if !metadata.is_dir() {
            if given.extension().is_none_or(|extension| extension != "yaml") {
                return Err(SelectError::NotYaml(slashes(given)));
            }
            take(&mut found, &mut by_id, selected(given, absolute, root))?;
            continue;
        }
        for file in files(given, &absolute, &mut found.wrong) {
            let path = file.strip_prefix(given).map_or_else(|_| file.clone(), |below| absolute.join(below));
            if slashes(&file).contains(char::is_control) {
                found.wrong.push(WrongFile::unread(
                    &file,
                    path,
                    &"its name holds control characters",
                    RENAME,
                ));
            } else {
                let root = named_root(&path).unwrap_or(&root).to_path_buf();
                take(&mut found, &mut by_id, selected(&file, path, root))?;
            }
        }
    }
    Ok(found)
}

fn selected(file: &Path, path: PathBuf, root: PathBuf) -> Selected {
    let below = path.strip_prefix(&root).unwrap_or(&path).with_extension("");
    Selected { file: slashes(file), id: slashes(&below), path, root }
}

fn take(found: &mut Found, by_id: &mut BTreeMap<String, usize>, new: Selected) -> Result<(), SelectError> {
    match by_id.get(&new.id).and_then(|at| found.selected.get(*at)) {
        None => {
            by_id.insert(new.id.clone(), found.selected.len());
            found.selected.push(new);
            Ok(())
        }
        Some(same) if same.path == new.path => Ok(()),
        Some(other) => Err(SelectError::SameId { id: new.id, first: other.file.clone(), second: new.file }),
    }
}

/// Reads and parses every file. Wrong ones come sorted by name.
#[must_use]
pub fn load(found: Found) -> (Vec<Loaded>, Vec<WrongFile>) {
    let mut loaded = Vec::with_capacity(found.selected.len());
    let mut wrong = found.wrong;
    for selected in found.selected {
        match load_one(selected) {
            Ok(one) => loaded.extend(one),
            Err(file) => wrong.push(*file),
        }
    }
    wrong.sort_by(|one, other| one.file.cmp(&other.file));
    (loaded, wrong)
}

/// Reads and parses one file; nothing for a device table, which scenarios name and which is none itself.
///
/// # Errors
///
/// All of its mistakes.
pub fn load_one(selected: Selected) -> Result<Option<Loaded>, Box<WrongFile>> {
    let Selected { file, path, id, .. } = &selected;
    let text = match text_file::read(path, SCENARIO_LIMIT_BYTES) {
        Ok(text) => text,
        Err(error) => {
            let wrong = WrongFile::unread(Path::new(file), path.clone(), &error, hint_for(error.kind()));
            return Err(Box::new(wrong));
        }
    };
    let beside = |name: &str| {
        text_file::read(&path.with_file_name(name), SCENARIO_LIMIT_BYTES).map_err(|error| error.to_string())
    };
    let read = match parse::is_device_table(&text) {
        true => parse::check_device_table(&text).map(|()| None),
        false => parse::parse_with(file, id, &text, &beside).and_then(fitting).map(Some),
    };
    match read {
        Ok(scenario) => Ok(scenario.map(|scenario| Loaded { plan: plan(&scenario), selected, scenario })),
        Err(diagnostics) => {
            let (file, path) = (selected.file, selected.path);
            Err(Box::new(WrongFile { file, path, fault: FileFault::Mistakes { text, diagnostics } }))
        }
    }
}

/// The scenario, if the control link has room for what it says.
fn fitting(scenario: Scenario) -> Result<Scenario, Vec<Diagnostic>> {
    match rig::limits::check(&scenario) {
        mistakes if mistakes.is_empty() => Ok(scenario),
        mistakes => Err(mistakes),
    }
}

fn unreadable(path: &Path, source: io::Error) -> SelectError {
    SelectError::Unreadable { path: slashes(path), source }
}

/// The path from the top, links in it resolved except for the file itself: a link to a scenario is
/// called as the link is.
fn absolute(given: &Path) -> io::Result<PathBuf> {
    if given.is_dir() {
        return fs::canonicalize(given);
    }
    let name = given.file_name().map(Path::new).unwrap_or(given);
    match given.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(folder) => Ok(fs::canonicalize(folder)?.join(name)),
        None => Ok(fs::canonicalize(".")?.join(name)),
    }
}

/// The scenario folder around an absolute path: the nearest one called `scenarios`, else the folder
/// itself, else the file's folder.
#[must_use]
pub fn root_of(absolute: &Path) -> PathBuf {
    let folder = if absolute.is_dir() { Some(absolute) } else { absolute.parent() };
    named_root(absolute).or(folder).unwrap_or(absolute).to_path_buf()
}

/// The nearest folder called `scenarios` around an absolute path.
fn named_root(absolute: &Path) -> Option<&Path> {
    absolute.ancestors().find(|at| at.file_name().is_some_and(|name| name == "scenarios") && at.is_dir())
}

/// The scenario files below a folder. A loop of links, a link to nowhere or a folder that may not be
/// read is a wrong file among the others.
fn files(given: &Path, absolute: &Path, wrong: &mut Vec<WrongFile>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let shown = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.path());
    let walk = WalkDir::new(given).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(shown) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let file = error.path().unwrap_or(given).to_path_buf();
                // Editors leave links to nowhere, with hidden names, beside what they have open.
                if !is_hidden(&file) || file == given {
                    let path = file.strip_prefix(given).map_or_else(|_| file.clone(), |at| absolute.join(at));
                    let kind = error.io_error().map_or(ErrorKind::NotFound, io::Error::kind);
                    wrong.push(WrongFile::unread(&file, path, &walk_fault(&error), hint_for(kind)));
                }
                continue;
            }
        };
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") if !entry.file_type().is_dir() => found.push(path.to_path_buf()),
            // Left out in silence, it would be a scenario that never runs.
            Some("yml") => {
                let message = format!("{} {NOT_YAML}", slashes(path));
                let fault = FileFault::Unread { message, hint: RENAME };
                wrong.push(WrongFile { file: slashes(path), path: path.to_path_buf(), fault });
            }
            _ => {}
        }
    }
    found
}

fn walk_fault(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(folder), _) => format!("it is a link back to {}, so it has no end", slashes(folder)),
        (None, Some(error)) => error.to_string(),
        (None, None) => error.to_string(),
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A path with `/` between its parts on every system.
#[must_use]
pub fn slashes(path: &Path) -> String {
    let mut text = String::new();
    for part in path.components() {
        match part {
            Component::RootDir => text.push('/'),
            part => {
                if !text.is_empty() && !text.ends_with('/') {
                    text.push('/');
                }
                text.push_str(&part.as_os_str().to_string_lossy());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, "name: x\n").expect("a file");
        }
        folder
    }

    fn ids(paths: &[PathBuf]) -> Vec<String> {
        select(paths).expect("a selection").selected.into_iter().map(|selected| selected.id).collect()
    }

    #[test]
    fn a_scenario_has_one_id_however_it_is_named() {
        let folder = tree(&[
            "scenarios/lopy/b.yaml",
            "scenarios/lopy/a.yaml",
            "scenarios/top.yaml",
            "scenarios/.x.yaml",
        ]);
        let root = folder.path().join("scenarios");
        assert_eq!(ids(std::slice::from_ref(&root)), ["lopy/a", "lopy/b", "top"]);
        assert_eq!(ids(&[root.join("lopy")]), ["lopy/a", "lopy/b"]);
        assert_eq!(ids(&[root.join("lopy/b.yaml"), root.clone()]), ["lopy/b", "lopy/a", "top"]);
    }

    #[test]
    fn elsewhere_ids_count_from_the_given_folder() {
        let folder = tree(&["mine/x/a.yaml"]);
        assert_eq!(ids(&[folder.path().join("mine")]), ["x/a"]);
        assert_eq!(ids(&[folder.path().join("mine/x/a.yaml")]), ["a"]);
    }

    #[test]
    fn two_files_with_one_id_are_refused() {
        let folder = tree(&["one/a.yaml", "two/a.yaml"]);
        let error = select(&[folder.path().join("one"), folder.path().join("two")]).expect_err("the same id");
        assert!(matches!(error, SelectError::SameId { id, .. } if id == "a"));
    }

    #[test]
    fn a_file_that_would_never_run_is_an_error() {
        let folder = tree(&["mine/a.yml", "b.txt"]);
        let found = select(&[folder.path().join("mine")]).expect("a selection");
        assert!(found.selected.is_empty());
        assert!(
            found.wrong[0].messages(false)[0].starts_with("error: ")
                && found.wrong[0].messages(false)[0].contains(
                    "a.yml is not a scenario: the file's name must end in .yaml\n  = help: rename it"
                )
        );
        assert!(matches!(select(&[folder.path().join("b.txt")]), Err(SelectError::NotYaml(_))));
        assert!(matches!(select(&[folder.path().join("none")]), Err(SelectError::Unreadable { .. })));
    }
}
