//! Each `console` block of README.md is run and compared. Times differ from run to run and are left
//! out of the comparison, and so is the space that aligns them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::calls::{folder, gattest};
use regex::Regex;

/// How README.md calls the command; other lines with a `$` stand for an editor.
pub(crate) const CALL: &str = "cargo run --release -- ";

/// The blocks: each is a list of commands and what they print.
fn transcripts(readme: &str) -> Vec<Vec<(String, String)>> {
    let blocks = readme.split("```console\n").skip(1);
    let block = |block: &str| {
        let (body, _) = block.split_once("```\n").expect("a closed block");
        let commands = body.strip_prefix("$ ").expect("a command").split("\n$ ");
        let command = |text: &str| {
            let (command, printed) = text.split_once('\n').unwrap_or((text, ""));
            (command.to_owned(), printed.trim_end().to_owned())
        };
        commands.map(command).collect()
    };
    blocks.map(block).collect()
}

fn run(here: &Path, command: &str) -> Output {
    match command.strip_prefix(CALL) {
        Some(arguments) => gattest(here, &arguments.split(' ').collect::<Vec<_>>()),
        None => Command::new("sh").args(["-c", command]).current_dir(here).output().expect("a shell"),
    }
}

pub(crate) fn without_times(text: &str) -> String {
    let times = Regex::new(r" +[0-9]+\.[0-9]+ m?s(?-u:\b)").expect("a pattern");
    times.replace_all(text, " <time>").into_owned()
}

#[test]
fn what_the_readme_shows_is_what_comes() {
    let readme = fs::read_to_string(fixtures::repository().join("README.md")).expect("README.md");
    let transcripts = transcripts(&readme);
    assert_eq!(transcripts.len(), 4, "the README's transcripts");
    // What writes files gets a folder of its own, shaped as this repository is; later blocks go on there.
    let own = folder(&[("fixtures/traces/x", "")]);
    let mut here = fixtures::repository();
    for (command, expected) in transcripts.into_iter().flatten() {
        if command.starts_with(&format!("{CALL}new ")) {
            here = own.path().to_path_buf();
        }
        assert!(here == own.path() || command.starts_with(CALL), "`{command}` is not for this repository");
        let output = run(&here, &command);
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        let (came, expected) = (without_times(printed.trim_end()), without_times(&expected));
        assert_eq!(came, expected, "`{command}`:\n{printed}");
    }
}

#[test]
fn the_scenario_in_the_readme_is_one() {
    let readme = fs::read_to_string(fixtures::repository().join("README.md")).expect("README.md");
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```\n").next());
    let here = folder(&[("scenarios/a.yaml", block.expect("a YAML block"))]);
    let output = gattest(here.path(), &["run", "--accept"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(gattest(here.path(), &["run"]).status.code(), Some(0));
}

#[test]
fn only_times_are_left_out() {
    assert_eq!(without_times("a   1.2 ms virtual   30.0 s\n"), "a <time> virtual <time>\n");
    assert_eq!(without_times("3 passed in 0.12 s (seed 1)"), "3 passed in <time> (seed 1)");
}
