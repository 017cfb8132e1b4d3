//! What runs, in which order, how often, and when it ends early.

use std::io::pipe;
use std::process::{Command, Stdio};

use crate::calls::{GOOD, folder, gattest, shown};

fn tagged(name: &str, covers: &str, tags: &str) -> String {
    GOOD.replace("a read gives the stored value", name)
        .replace("covers: [VAL-2]", &format!("covers: [{covers}]\ntags: [{tags}]"))
}

fn three() -> tempfile::TempDir {
    folder(&[
        ("scenarios/lopy/one.yaml", &tagged("The first", "EX-2", "quick")),
        ("scenarios/lopy/two.yaml", &tagged("The second", "EX-22", "quick, slow")),
        ("scenarios/other.yaml", &tagged("The third", "GATT/SR/GAR/BV-01-C, EX-2", "slow")),
    ])
}

fn ids(out: &str) -> Vec<&str> {
    out.lines().filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn text_tags_and_requirements_select() {
    let here = three();
    for (options, expected) in [
        (&[] as &[&str], &["lopy/one", "lopy/two", "other"] as &[&str]),
        (&["--filter", "LOPY/"], &["lopy/one", "lopy/two"]),
        (&["--filter", "third"], &["other"]),
        (&["--filter", "first", "--filter", "third"], &["lopy/one", "other"]),
        (&["--tag", "slow"], &["lopy/two", "other"]),
        (&["--tag", "slow", "--tag", "quick"], &["lopy/one", "lopy/two", "other"]),
        (&["--covers", "EX-2"], &["lopy/one", "other"]),
        (&["--covers", "GATT/SR/GAR/BV-01-C"], &["other"]),
        (&["--tag", "slow", "--filter", "lopy"], &["lopy/two"]),
        (&["scenarios/lopy", "--tag", "slow"], &["lopy/two"]),
        // From a folder above, the ids are the same.
        (&["."], &["lopy/one", "lopy/two", "other"]),
    ] {
        let (code, out, err) = shown(&gattest(here.path(), &[&["list"], options].concat()));
        assert_eq!((code, ids(&out)), (Some(0), expected.to_vec()), "{options:?} {err}");
    }
    let (code, out, _) = shown(&gattest(here.path(), &["list", "--tags"]));
    assert_eq!((code, out.as_str()), (Some(0), "quick  2\nslow   2\n"));
}

#[test]
fn a_selection_of_nothing_says_what_was_asked_for() {
    let here = three();
    for command in ["run", "list"] {
        let (code, out, err) =
            shown(&gattest(here.path(), &[command, "--tag", "slow", "--filter", "no such"]));
        assert_eq!((code, out.as_str()), (Some(4), ""));
        assert_eq!(err, "nothing selected: none of 3 scenarios fits --filter 'no such' --tag slow\n");
    }
}

#[test]
fn a_word_in_a_paths_place_is_told_where_it_belongs() {
    let (code, _, err) = shown(&gattest(three().path(), &["run", "third"]));
    assert_eq!(code, Some(2));
    assert!(err.ends_with("(os error 2); to select by text, write --filter third\n"), "{err}");
}

#[test]
fn only_what_is_selected_runs_and_is_accepted() {
    let here = three();
    let (code, out, _) = shown(&gattest(here.path(), &["run", "--accept", "--filter", "lopy"]));
    assert_eq!(code, Some(0), "{out}");
    assert!(here.path().join("scenarios/traces/lopy/two.snap").is_file());
    assert!(!here.path().join("scenarios/traces/other.snap").exists());
    let (code, out, _) = shown(&gattest(here.path(), &["run", "--covers", "EX-22"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("\n1 passed, 0 failed, "), "{out}");
}

#[test]
fn failing_fast_leaves_the_rest_out_and_says_so() {
    let wrong = GOOD.replace("expect: 5", "expect: 6");
    let files: Vec<String> = (0..40).map(|n| format!("scenarios/s{n:02}.yaml")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), wrong.as_str())).collect();
    let here = folder(&files);
    let (code, out, _) = shown(&gattest(here.path(), &["run", "--fail-fast", "--jobs", "1"]));
    assert_eq!(code, Some(1));
    assert!(out.contains("\n0 passed, 1 failed, 0 inconclusive, 0 skipped, 39 not run in "), "{out}");
    let (code, out, _) =
        shown(&gattest(here.path(), &["run", "--fail-fast", "--jobs", "1", "--repeat", "3"]));
    assert_eq!(code, Some(1));
    assert!(out.contains("\n0 passed, 1 failed, 0 inconclusive, 0 skipped, 119 not run in "), "{out}");
    assert!(out.ends_with("(seeds 1 to 1)\n"), "{out}");
}

#[test]
fn the_order_is_drawn_from_the_seed() {
    let files: Vec<String> = (0..20).map(|n| format!("scenarios/s{n:02}.yaml")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), GOOD)).collect();
    let here = folder(&files);
    gattest(here.path(), &["run", "--accept"]);
    let order = |seed: &str| {
        let (code, out, _) = shown(&gattest(here.path(), &["run", "--shuffle", "--seed", seed]));
        assert_eq!(code, Some(0));
        assert!(out.ends_with(&format!("(seed {seed}, shuffled)\n")), "{out}");
        let ids = out.lines().filter_map(|line| line.strip_prefix("pass  ")?.split(' ').next());
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, two) = (order("1"), order("2"));
    assert_eq!(one, order("1"));
    assert_ne!(one, two);
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(one.clone()), sorted(two));
    assert_ne!(sorted(one.clone()), one);
}

#[test]
fn repeating_compares_the_traces() {
    let here = folder(&[("scenarios/a.yaml", GOOD), ("scenarios/b.yaml", GOOD)]);
    gattest(here.path(), &["run", "--accept"]);
    let arguments = ["run", "--repeat", "5", "--seed", "3", "--loss", "200"];
    let (code, out, _) = shown(&gattest(here.path(), &arguments));
    assert_eq!(code, Some(0));
    assert!(
        out.starts_with(
            "2 of 2 scenarios passed in each of 5 runs, with identical traces\n10 passed, 0 failed, "
        ),
        "{out}"
    );
    assert!(out.ends_with("s (seeds 3 to 7)\n"), "{out}");

    // Equal traces are no success if they are not the expected ones.
    let trace = here.path().join("scenarios/traces/b.snap");
    let text = std::fs::read_to_string(&trace).expect("a trace");
    std::fs::write(&trace, text.replace("value 05", "value 06")).expect("a trace");
    let (code, out, _) = shown(&gattest(here.path(), &arguments));
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with("FAIL  b  5 of 5 traces identical\n\n5 runs, first under seed 3:\nFAIL  b: "),
        "{out}"
    );
    assert!(out.contains("\n  -   value 06\n  +   value 05\n"), "{out}");
    assert!(out.contains("\n1 of 2 scenarios passed in each of 5 runs, with identical traces\n"), "{out}");
}

#[test]
fn seeds_end_somewhere() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    gattest(here.path(), &["run", "--accept"]);
    let run =
        |seed: &str, times: &str| shown(&gattest(here.path(), &["run", "--seed", seed, "--repeat", times]));
    let (code, out, _) = run("18446744073709551613", "3");
    assert_eq!(code, Some(0));
    assert!(out.ends_with("(seeds 18446744073709551613 to 18446744073709551615)\n"), "{out}");
    let (code, out, err) = run("18446744073709551614", "3");
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.ends_with("write --repeat 2, or a smaller --seed\n"), "{err}");
}

#[test]
fn completions_know_every_subcommand() {
    let here = folder(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = shown(&gattest(here.path(), &["completions", shell]));
        assert_eq!(code, Some(0));
        for word in ["new", "check", "list", "run", "watch", "bench", "completions", "junit", "fail-fast"] {
            assert!(out.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn a_reader_that_went_away_changes_nothing() {
    let here =
        folder(&[("scenarios/a.yaml", GOOD), ("scenarios/b.yaml", &GOOD.replace("expect: 5", "expect: 6"))]);
    gattest(here.path(), &["run", "--accept"]);
    for (arguments, code) in [
        (&["run", "scenarios/a.yaml"] as &[&str], 0),
        (&["run"], 1),
        (&["run", "--repeat", "2"], 1),
        (&["run", "--accept"], 1),
        (&["list"], 0),
        (&["check"], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["watch"], 0),
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_gattest"))
            .args(arguments)
            .current_dir(here.path())
            .stdout(Stdio::from(writer))
            .stderr(Stdio::piped())
            .output()
            .expect("the command starts");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
    }
}
