//! `gattest new`.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::{Outcome, about, print};
use crate::args::NewArgs;
use crate::exit::Exit;
use crate::select::slashes;

/// Where new scenarios go; the default of every other command.
const FOLDER: &str = "scenarios";
const START: &str = include_str!("new.yaml");

pub(super) fn execute(args: &NewArgs) -> Outcome {
    let name = &args.name;
    if let Some(hint) = wrong_name(name) {
        return Err(format!("`{name}` is no name for a scenario: {hint}").into());
    }
    let path = Path::new(FOLDER).join(format!("{name}.yaml"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(about(folder, "make"))?;
    }
    // Never replaces a file, not even one that appears at this moment.
    let mut file = fs::File::create_new(&path).map_err(about(&path, "write"))?;
    file.write_all(START.as_bytes()).map_err(about(&path, "write"))?;
    print(&next_steps(&slashes(&path)));
    Ok(Exit::Pass)
}

fn next_steps(file: &str) -> String {
    format!(
        "wrote {file}\n\
         \n\
         Say in it what the device must do, then:\n  \
           gattest check {file}          finds mistakes\n  \
           gattest run {file}            shows the trace\n  \
           gattest run --accept {file}   keeps the trace as the expected one\n"
    )
}

/// Why this cannot be the name of a file in the scenario folder and its expected trace.
fn wrong_name(name: &str) -> Option<&'static str> {
    let is_word = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.ends_with(".yaml") || name.starts_with("scenarios/") {
        Some("leave `scenarios/` and `.yaml` out")
    } else if name.split('/').all(is_word) {
        None
    } else {
        Some("use letters, digits, `-` and `_`, and `/` behind a theme, as in `lopy/reads-twice`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_scenario_folder() {
        for good in ["a", "lopy/chr1-counts", "a/b_2/c"] {
            assert_eq!(wrong_name(good), None, "{good}");
        }
        for wrong in [
            "", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".a", "-a", "a b", "a\n", "\u{e9}", "a.yaml",
        ] {
            assert!(wrong_name(wrong).is_some(), "{wrong}");
        }
        assert_eq!(wrong_name("scenarios/a"), Some("leave `scenarios/` and `.yaml` out"));
    }

    #[test]
    fn the_starting_file_is_a_scenario() {
        let scenario = conformance::parse::parse("a.yaml", "a", START).expect("no mistakes");
        assert!(!scenario.steps.is_empty());
    }
}
