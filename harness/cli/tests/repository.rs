//! Rules of this repository that no compiler holds.
#![expect(clippy::expect_used, reason = "a test that lacks what it needs says so and stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};
use walkdir::WalkDir;

const LINES_MAX: usize = 600;

/// Everything that may stand at the top, besides hidden files and what cargo builds.
const TOP: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "ci",
    "firmware",
    "fixtures",
    "harness",
    "scenarios",
    "target",
];

/// Which of our crates each may use, at run time and in tests.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("gatts", &[]),
    ("wire", &[]),
    ("app", &["gatts", "wire"]),
    ("conformance", &[]),
    ("defects", &["wire"]),
    ("air", &[]),
    ("board", &["air", "app", "wire"]),
    ("rig", &["air", "board", "conformance", "wire"]),
    ("fixtures", &[]),
    ("gattest", &["conformance", "defects", "fixtures", "rig"]),
];

/// Files that may look at the wall clock: to report how long something took, never to decide; the one clock of benches
/// that run in real time; and the deadline of what is started before there is a bench.
const WALL_CLOCK: [&str; 4] = [
    "harness/air/src/wall.rs",
    "harness/rig/src/measure.rs",
    "harness/rig/src/run.rs",
    "harness/rig/src/virtual_board.rs",
];

/// The one file with a reason for it: an address family that no library knows.
const UNSAFE: &str = "harness/rig/src/adapter/user_channel.rs";

fn metadata() -> Metadata {
    let manifest = fixtures::repository().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("the workspace's metadata")
}

/// Paths below the top, with `/`, of all files with this extension in these folders.
fn files(folders: &[&str], extension: &str) -> Vec<String> {
    let top = fixtures::repository();
    let mut found = Vec::new();
    for folder in folders {
        let shown = |entry: &walkdir::DirEntry| entry.file_name() != "target";
        for entry in WalkDir::new(top.join(folder)).sort_by_file_name().into_iter().filter_entry(shown) {
            let path = entry.expect("a readable folder").into_path();
            if path.extension().is_some_and(|it| it == extension) {
                found.push(relative(&path, &top));
            }
        }
    }
    assert!(!found.is_empty(), "no .{extension} file in {folders:?}");
    found
}

fn relative(path: &Path, top: &Path) -> String {
    path.strip_prefix(top).expect("a path below the top").to_string_lossy().replace('\\', "/")
}

fn text(file: &str) -> String {
    fs::read_to_string(fixtures::repository().join(file)).expect("a readable file")
}

/// Lines of code that hold one of `words`, comments left out.
fn lines_with(files: &[String], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in text(file).lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, known, "a crate without a rule, or a rule without a crate");
    for (name, may_use) in MAY_USE {
        let package = metadata.packages.iter().find(|package| package.name == name).expect("checked above");
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            assert!(!ours.contains(used) || may_use.contains(&used), "{name} may not use {used}");
        }
    }
}

#[test]
fn firmware_uses_nothing_of_the_harness() {
    let metadata = metadata();
    let harness: BTreeSet<&str> = metadata
        .packages
        .iter()
        .filter(|package| package.manifest_path.as_str().contains("/harness/"))
        .map(|package| package.name.as_str())
        .collect();
    assert!(harness.contains("rig"));
    // Read as text, so that the chip binaries outside of this workspace are held to it too.
    for manifest in files(&["firmware"], "toml") {
        for line in text(&manifest).lines() {
            let name = line.split(['=', '.', ' ']).next().unwrap_or("");
            assert!(!harness.contains(name) && !line.contains("harness/"), "{manifest}: {line}");
        }
    }
}

#[test]
fn no_image_for_a_chip_can_be_wrong_on_purpose() {
    // The feature is nobody's default, and of all that uses `app` the virtual board alone asks for it.
    for (manifest, asks) in
        [("firmware/esp32/Cargo.toml", false), ("harness/board/Cargo.toml", true), ("Cargo.toml", false)]
    {
        let text = text(manifest);
        let mut app = text.lines().filter(|line| line.starts_with("app = "));
        assert!(app.all(|line| line.contains("\"mutants\"") == asks), "{manifest}");
        assert!(asks || lines_with(&[manifest.to_owned()], &["app/mutants"]).is_empty(), "{manifest}");
    }
    assert!(lines_with(&["firmware/app/Cargo.toml".to_owned()], &["default = "]).is_empty());
}

#[test]
fn there_is_exactly_one_binary() {
    let metadata = metadata();
    let binaries: Vec<&str> = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_bin())
        .map(|target| target.name.as_str())
        .collect();
    assert_eq!(binaries, ["gattest"]);
}

#[test]
fn each_scenario_has_a_trace_and_each_trace_a_scenario() {
    let names = |folder: &str, extension: &str| -> BTreeSet<String> {
        let cut = |file: String| {
            let below = file.strip_prefix(folder)?.strip_prefix('/')?;
            Some(below.strip_suffix(extension)?.trim_end_matches('.').to_owned())
        };
        files(&[folder], extension).into_iter().filter_map(cut).collect()
    };
    let (mut scenarios, traces) = (names("scenarios", "yaml"), names("fixtures/traces", "snap"));
    scenarios.retain(|id| !conformance::parse::is_device_table(&text(&format!("scenarios/{id}.yaml"))));
    let orphans: Vec<_> = traces.difference(&scenarios).cloned().collect();
    // What a known failure does now is wrong: there may be no trace of it yet.
    scenarios
        .retain(|id| !text(&format!("scenarios/{id}.yaml")).lines().any(|line| line.starts_with("xfail:")));
    let missing: Vec<_> = scenarios.difference(&traces).collect();
    assert!(missing.is_empty(), "without a trace (`gattest run` shows it, `--accept` keeps it): {missing:?}");
    assert!(
        orphans.is_empty(),
        "traces that no scenario uses (delete them from fixtures/traces): {orphans:?}"
    );
}

#[test]
fn no_source_file_is_longer_than_a_person_reads() {
    for file in files(&["firmware", "harness", "fixtures"], "rs") {
        let lines = text(&file).lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines, at most {LINES_MAX}");
    }
}

#[test]
fn nothing_sleeps() {
    // Spelled so that this file does not hold it.
    let word = ["sle", "ep("].concat();
    assert_eq!(lines_with(&files(&["firmware", "harness"], "rs"), &[&word]), Vec::<String>::new());
}

#[test]
fn the_wall_clock_is_read_where_it_is_named() {
    let sources = files(&["firmware", "harness"], "rs");
    let (allowed, elsewhere): (Vec<String>, Vec<String>) = sources
        .into_iter()
        .filter(|file| file.contains("/src/"))
        .partition(|file| WALL_CLOCK.contains(&file.as_str()));
    assert_eq!(allowed, WALL_CLOCK, "a file is gone: take it off the list");
    // `embassy_time` has an `Instant` as well: that is the bench's own clock. A duration is no clock.
    let harmless = |line: &String| line.contains("std::time::Duration") && !line.contains("Instant");
    let mut found = lines_with(&elsewhere, &["std::time", "core::time", "SystemTime"]);
    found.retain(|line| !harmless(line));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn unsafe_code_stands_where_it_is_named() {
    // Spelled so that this file does not hold it. The workspace's lints refuse it anywhere without a reason.
    let words = [["uns", "afe {"].concat(), ["uns", "afe impl"].concat(), ["uns", "afe fn"].concat()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for line in lines_with(&files(&["firmware", "harness", "fixtures"], "rs"), &words) {
        assert!(line.starts_with(UNSAFE), "{line}");
    }
    assert!(text(UNSAFE).contains("// SAFETY: "));
}

#[test]
fn the_top_holds_only_what_is_known() {
    let entries = fs::read_dir(fixtures::repository()).expect("the top folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let unknown: Vec<String> =
        names.filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str())).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn both_licences_are_there() {
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let path: PathBuf = fixtures::repository().join(file);
        assert!(path.is_file(), "{file} is missing");
    }
}
