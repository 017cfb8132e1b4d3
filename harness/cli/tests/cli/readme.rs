//! Each `console` block of README.md is run and compared. Times differ from run to run and are left
//! out of the comparison, and so is the space that aligns them.

use std::fs;

use crate::calls::{folder, gattest};
use regex::Regex;

/// How README.md calls the command.
const CALL: &str = "$ cargo run --release -- ";

/// The blocks: the command's arguments, and what it prints.
fn transcripts(readme: &str) -> Vec<(String, String)> {
    let blocks = readme.split("```console\n").skip(1);
    let block = |block: &str| {
        let (body, _) = block.split_once("```\n").expect("a closed block");
        let (command, printed) = body.split_once('\n').expect("a command line");
        let arguments = command.strip_prefix(CALL).expect("a call of the command");
        (arguments.to_owned(), printed.to_owned())
    };
    blocks.map(block).collect()
}

fn without_times(text: &str) -> String {
    let times = Regex::new(r" +[0-9]+\.[0-9]+ m?s(?-u:\b)").expect("a pattern");
    times.replace_all(text, " <time>").into_owned()
}

#[test]
fn what_the_readme_shows_is_what_comes() {
    let readme = fs::read_to_string(fixtures::repository().join("README.md")).expect("README.md");
    let transcripts = transcripts(&readme);
    assert_eq!(transcripts.len(), 2, "the README's transcripts");
    for (command, expected) in transcripts {
        let arguments: Vec<&str> = command.split(' ').collect();
        let output = gattest(&fixtures::repository(), &arguments);
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8(printed).expect("UTF-8");
        assert_eq!(without_times(&printed), without_times(&expected), "`gattest {command}`:\n{printed}");
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
