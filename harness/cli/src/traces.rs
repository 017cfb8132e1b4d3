//! Files of expected traces, in insta's format, so that `cargo insta review` works on them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::select::slashes;
use crate::text_file;

/// What insta names as the maker of a snapshot: the test that asserts them. Written always, so that
/// a file is the same whichever tool accepted it.
const SOURCE: &str = "harness/cli/tests/scenarios.rs";

/// Longest file of an expected trace in bytes: far above what a scenario can observe.
const TRACE_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Where the expected traces of a scenario folder stand by default: in `fixtures/traces` beside it
/// if there is such a folder, else in `traces` inside it.
#[must_use]
pub fn default_folder(root: &Path) -> PathBuf {
    let beside = root.parent().map(|parent| parent.join("fixtures").join("traces"));
    beside.filter(|folder| folder.is_dir()).unwrap_or_else(|| root.join("traces"))
}

/// The file of one scenario: `lopy/chr1-counts` is `<folder>/lopy/chr1-counts.snap`.
#[must_use]
pub fn file(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.snap"))
}

/// The expected trace in a file; `None` if there is no such file.
///
/// # Errors
///
/// The file cannot be read, or has no snapshot header.
pub fn read(file: &Path) -> io::Result<Option<String>> {
    let text = match text_file::read(file, TRACE_LIMIT_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match body(&text) {
        Some(body) => Ok(Some(body)),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no snapshot header (two lines of `---`) at its top",
        )),
    }
}

/// Writes an expected trace and makes its folders. The file is replaced as a whole.
///
/// # Errors
///
/// The file cannot be written.
pub fn write(file: &Path, trace: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = file.with_extension("snap.tmp");
    fs::write(&unfinished, format!("---\nsource: {SOURCE}\n---\n{}\n", trace.trim_end()))?;
    fs::rename(&unfinished, file)
}

/// The ids of all expected traces in a folder below `theme` (empty: of all), sorted; none where there
/// is no such folder.
#[must_use]
pub fn ids(folder: &Path, theme: &Path) -> Vec<String> {
    let walk = WalkDir::new(folder.join(theme)).sort_by_file_name().into_iter().filter_map(Result::ok);
    let id = |path: &Path| Some(slashes(&path.strip_prefix(folder).ok()?.with_extension("")));
    walk.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "snap"))
        .filter_map(|entry| id(entry.path()))
        .collect()
}

/// What follows the header, each line ending with a line feed.
fn body(text: &str) -> Option<String> {
    let mut lines = text.lines();
    if lines.next()? != "---" {
        return None;
    }
    lines.find(|line| *line == "---")?;
    let mut body: String = lines.flat_map(|line| [line, "\n"]).collect();
    body.truncate(body.trim_end().len());
    body.push('\n');
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "connect\n  connected\nread chr1\n  value 05\n";

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = file(folder.path(), "lopy/chr1");
        assert_eq!(read(&file).expect("no error"), None);
        write(&file, TRACE).expect("a written file");
        assert_eq!(read(&file).expect("a read file").as_deref(), Some(TRACE));
        assert!(file.ends_with("lopy/chr1.snap"));
    }

    #[test]
    fn other_headers_and_line_ends_are_read_as_well() {
        let text = "---\r\nsource: x\r\nexpression: y\r\n---\r\nconnect\r\n  connected\r\nread chr1\r\n  value 05\r\n";
        assert_eq!(body(text).as_deref(), Some(TRACE));
    }

    #[test]
    fn a_file_without_a_header_is_no_trace() {
        assert_eq!(body(TRACE), None);
        assert_eq!(body("---\nsource: x\nconnect\n"), None);
    }

    #[test]
    fn traces_stand_beside_the_scenarios_or_among_them() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("scenarios");
        assert_eq!(default_folder(&root), root.join("traces"));
        fs::create_dir_all(folder.path().join("fixtures/traces")).expect("folders");
        assert_eq!(default_folder(&root), folder.path().join("fixtures/traces"));
    }
}
