//! Each `console` block of README.md is run and compared. Times differ from run to run and are left
//! out of the comparison, and so is the space that aligns them.

use std::fs;

use crate::calls::{folder, gattest};
use regex::Regex;

/// How README.md calls the command.
const CALL: &str = "$ cargo run --release -- ";

/// The blocks: each is a list of commands with their arguments and what they print.
fn transcripts(readme: &str) -> Vec<Vec<(String, String)>> {
    let next = format!("\n{CALL}");
    let blocks = readme.split("```console\n").skip(1);
    let block = |block: &str| {
        let (body, _) = block.split_once("```\n").expect("a closed block");
        let commands = body.strip_prefix(CALL).expect("a call of the command").split(&next);
        let command = |text: &str| {
            let (arguments, printed) = text.split_once('\n').expect("a command line");
            (arguments.to_owned(), printed.trim_end().to_owned())
        };
        commands.map(command).collect()
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
    assert_eq!(transcripts.len(), 3, "the README's transcripts");
    for transcript in transcripts {
        // What writes files gets a folder of its own, shaped as this repository is.
        let own = folder(&[("fixtures/traces/x", "")]);
        let writes = transcript.iter().any(|(command, _)| command.starts_with("new "));
        let here = if writes { own.path().to_path_buf() } else { fixtures::repository() };
        for (command, expected) in transcript {
            let output = gattest(&here, &command.split(' ').collect::<Vec<_>>());
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8(printed).expect("UTF-8");
            let (came, expected) = (without_times(printed.trim_end()), without_times(&expected));
            assert_eq!(came, expected, "`gattest {command}`:\n{printed}");
        }
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
