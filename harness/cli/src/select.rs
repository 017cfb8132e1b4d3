//! Which scenario files a command line means, and what stands in them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use conformance::diagnostic::Diagnostic;
use conformance::plan::{Plan, plan};
use conformance::scenario::Scenario;
use walkdir::WalkDir;

/// Files above this are refused by the parser, so no more than this and one byte is read.
const READ_LIMIT: u64 = 1024 * 1024 + 1;

/// One scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its path as the user gave it, with `/` between folders: for messages.
    pub file: String,
    /// Where to read it.
    pub path: PathBuf,
    /// The scenario folder that its id counts from, absolute.
    pub root: PathBuf,
    /// The path below the root, without `.yaml`, with `/` between folders.
    pub id: String,
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
    #[error("{0} is not a scenario: the file's name must end in .yaml")]
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

/// A file with mistakes.
#[derive(Debug)]
pub struct WrongFile {
    /// As the user gave it.
    pub file: String,
    /// Its text, for excerpts.
    pub text: String,
    /// All of its mistakes.
    pub diagnostics: Vec<Diagnostic>,
}

/// All scenario files that `paths` mean, each once, in the order of the paths and sorted within.
///
/// A folder means every `.yaml` file below it; hidden files and folders are left out. Ids count
/// from the nearest folder called `scenarios` around the path, so that a scenario has the same id
/// and the same expected trace whether it is run alone or with all others; where there is none,
/// they count from the given folder, or from the given file's folder.
///
/// # Errors
///
/// The first path that cannot be read or names something else, or two files with one id.
pub fn select(paths: &[PathBuf]) -> Result<Vec<Selected>, SelectError> {
    let mut all: Vec<Selected> = Vec::new();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for given in paths {
        let absolute = fs::canonicalize(given).map_err(|source| unreadable(given, source))?;
        let root = root_of(&absolute);
        for file in files(given)? {
            let path = fs::canonicalize(&file).map_err(|source| unreadable(&file, source))?;
            let below = path.strip_prefix(&root).unwrap_or(&path).with_extension("");
            let selected = Selected { file: slashes(&file), path, root: root.clone(), id: slashes(&below) };
            match by_id.get(&selected.id).and_then(|at| all.get(*at)) {
                None => {
                    by_id.insert(selected.id.clone(), all.len());
                    all.push(selected);
                }
                Some(same) if same.path == selected.path => {}
                Some(other) => {
                    let (first, second) = (other.file.clone(), selected.file);
                    return Err(SelectError::SameId { id: selected.id, first, second });
                }
            }
        }
    }
    Ok(all)
}

/// Reads and parses every file.
///
/// # Errors
///
/// Every wrong file with all of its mistakes, so that one look is enough.
pub fn load(selected: Vec<Selected>) -> Result<Vec<Loaded>, LoadError> {
    let mut loaded = Vec::with_capacity(selected.len());
    let mut wrong = Vec::new();
    for selected in selected {
        let text = read(&selected.path).map_err(|source| unreadable(Path::new(&selected.file), source))?;
        match conformance::parse::parse(&selected.file, &selected.id, &text) {
            Ok(scenario) => loaded.push(Loaded { plan: plan(&scenario), selected, scenario }),
            Err(diagnostics) => wrong.push(WrongFile { file: selected.file, text, diagnostics }),
        }
    }
    if wrong.is_empty() { Ok(loaded) } else { Err(LoadError::Wrong(wrong)) }
}

/// Why nothing can be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file could not be read.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// Files with mistakes.
    #[error("{} scenario file(s) with mistakes", .0.len())]
    Wrong(Vec<WrongFile>),
}

fn unreadable(path: &Path, source: io::Error) -> SelectError {
    SelectError::Unreadable { path: slashes(path), source }
}

/// The nearest folder called `scenarios`, else the folder itself, else the file's folder.
fn root_of(absolute: &Path) -> PathBuf {
    let folder = if absolute.is_dir() { Some(absolute) } else { absolute.parent() };
    let named =
        absolute.ancestors().find(|at| at.file_name().is_some_and(|name| name == "scenarios") && at.is_dir());
    named.or(folder).unwrap_or(absolute).to_path_buf()
}

/// The scenario files at one path. Links are followed where the user names one, not below: a loop
/// of links cannot hold the walk up.
fn files(given: &Path) -> Result<Vec<PathBuf>, SelectError> {
    let metadata = fs::metadata(given).map_err(|source| unreadable(given, source))?;
    if !metadata.is_dir() {
        let scenario = metadata.is_file() && given.extension().is_some_and(|extension| extension == "yaml");
        return if scenario {
            Ok(vec![given.to_path_buf()])
        } else {
            Err(SelectError::NotYaml(slashes(given)))
        };
    }
    let mut found = Vec::new();
    let shown = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    for entry in WalkDir::new(given).sort_by_file_name().into_iter().filter_entry(shown) {
        let entry = entry.map_err(|error| unreadable(given, error.into()))?;
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") if entry.file_type().is_file() => found.push(path.to_path_buf()),
            // Left out in silence, it would be a scenario that never runs.
            Some("yml") => return Err(SelectError::NotYaml(slashes(path))),
            _ => {}
        }
    }
    Ok(found)
}

/// A file's text. What is not UTF-8 shows as replacement characters, which the parser refuses
/// wherever they matter.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(READ_LIMIT).read_to_end(&mut bytes)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if error.as_bytes().len() as u64 == READ_LIMIT => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(error) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the file is not UTF-8: {}", error.utf8_error()),
        )),
    }
}

/// A path with `/` between its parts on every system.
fn slashes(path: &Path) -> String {
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
        select(paths).expect("a selection").into_iter().map(|selected| selected.id).collect()
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
        assert!(matches!(select(&[folder.path().join("mine")]), Err(SelectError::NotYaml(_))));
        assert!(matches!(select(&[folder.path().join("b.txt")]), Err(SelectError::NotYaml(_))));
        assert!(matches!(select(&[folder.path().join("none")]), Err(SelectError::Unreadable { .. })));
    }
}
