//! From an empty folder to an accepted scenario.

use std::fs;

use crate::calls::{GOOD, folder, gattest, shown};

#[test]
fn a_new_file_passes_as_it_is() {
    let here = folder(&[]);
    let run = |arguments: &[&str]| shown(&gattest(here.path(), arguments));
    let (code, out, err) = run(&["new", "lopy/reads-twice"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("wrote scenarios/lopy/reads-twice.yaml\n"), "{out}");
    // What it says to do next is what works.
    let next: Vec<&str> = out.lines().filter_map(|line| line.trim().strip_prefix("gattest ")).collect();
    let codes = next.iter().map(|line| {
        let command = line.split("  ").next().expect("a command");
        run(&command.split(' ').collect::<Vec<_>>()).0
    });
    // Without an expected trace, a run fails and says how to accept it.
    assert_eq!(codes.collect::<Vec<_>>(), [Some(0), Some(1), Some(0)], "{next:?}");
    assert_eq!(run(&["run"]).0, Some(0));
}

#[test]
fn nothing_is_ever_overwritten() {
    let here = folder(&[("scenarios/a.yaml", "mine\n"), ("scenarios/b", "a file")]);
    for (name, message) in [
        ("a", "error: failed to write scenarios/a.yaml: File exists"),
        ("b/c", "error: failed to make scenarios/b: File exists"),
        ("../a", "error: `../a` is no name for a scenario: use letters"),
        ("scenarios/a.yaml", "error: `scenarios/a.yaml` is no name for a scenario: leave `scenarios/` and"),
    ] {
        let (code, out, err) = shown(&gattest(here.path(), &["new", name]));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{name}");
        assert!(err.starts_with(message), "{err}");
    }
    assert_eq!(fs::read_to_string(here.path().join("scenarios/a.yaml")).expect("a file"), "mine\n");
}

#[test]
fn check_shows_every_mistake_and_runs_nothing() {
    let wrong = "name: x\ncovers: [VAL-2]\ndevice: lopy\nstep: 1\nsteps:\n  - raed: chr1\n";
    let here =
        folder(&[("scenarios/a.yaml", wrong), ("scenarios/b.yaml", "name: y\n"), ("scenarios/c.yaml", GOOD)]);
    let (code, out, err) = shown(&gattest(here.path(), &["check"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    for place in ["scenarios/a.yaml:4:1", "scenarios/a.yaml:6:5", "scenarios/b.yaml:1:1"] {
        assert!(err.contains(place), "{place}: {err}");
    }
    assert!(err.ends_with(" in 2 files\n"), "{err}");
    let (code, out, _) = shown(&gattest(here.path(), &["check", "scenarios/c.yaml"]));
    assert_eq!((code, out.as_str()), (Some(0), "1 scenario, no mistakes\n"));
    assert!(!here.path().join("scenarios/traces").exists());
}

#[test]
fn an_expected_trace_that_no_scenario_uses_is_named() {
    let trace = "---\nsource: x\n---\nconnect\n";
    let here = folder(&[
        ("scenarios/theme/a.yaml", GOOD),
        ("scenarios/traces/theme/a.snap", trace),
        ("scenarios/traces/theme/gone.snap", trace),
        ("scenarios/traces/gone.snap", trace),
    ]);
    let run = |arguments: &[&str]| shown(&gattest(here.path(), arguments));
    let (code, out, err) = run(&["check"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(err, @r"
    error: no scenario uses the expected trace scenarios/traces/gone.snap
      = help: delete it, or bring scenarios/gone.yaml back

    error: no scenario uses the expected trace scenarios/traces/theme/gone.snap
      = help: delete it, or bring scenarios/theme/gone.yaml back

    error: 2 unused traces
    ");
    // Of a theme, only the theme's traces are looked at; of one file, none.
    let (code, _, err) = run(&["check", "scenarios/theme"]);
    assert_eq!(code, Some(2));
    assert!(err.ends_with("error: 1 unused trace\n"), "{err}");
    assert_eq!(run(&["check", "scenarios/theme/a.yaml"]).0, Some(0));
    fs::create_dir(here.path().join("elsewhere")).expect("a folder");
    assert_eq!(run(&["check", "--traces", "elsewhere"]).0, Some(0));
    // A scenario with a mistake still has its trace.
    fs::write(here.path().join("scenarios/theme/gone.yaml"), "name: x\n").expect("a file");
    assert!(run(&["check", "scenarios/theme"]).2.ends_with("mistakes in 1 file\n"));
}

#[test]
fn a_wrong_table_is_shown_once_however_many_scenarios_use_it() {
    let scenario = "name: a\ncovers: [VAL-2]\ndevice: devices/lamp.yaml\nsteps: [connect, disconnect]\n";
    let wrong = "services:\n  - {name: srv1, uuid: 0xA000, colour: red}\n";
    let here = folder(&[("scenarios/devices/lamp.yaml", wrong)]);
    let run = |arguments: &[&str]| shown(&gattest(here.path(), arguments));
    let (code, _, alone) = run(&["check"]);
    assert_eq!(code, Some(2));
    assert!(alone.contains("--> scenarios/devices/lamp.yaml:2:32\n"), "{alone}");
    for name in ["a", "b"] {
        fs::write(here.path().join(format!("scenarios/{name}.yaml")), scenario).expect("a file");
    }
    assert_eq!(run(&["check"]).2, alone);
    assert_eq!(run(&["check", "scenarios/b.yaml"]).2, alone);
    fs::write(here.path().join("scenarios/devices/lamp.yaml"), wrong.replace(", colour: red", ""))
        .expect("a file");
    assert_eq!(run(&["check"]).1, "2 scenarios and 1 device table, no mistakes\n");
    let (code, _, err) = run(&["run", "scenarios/devices"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(4), "nothing selected: only device tables, which scenarios name\n")
    );
}

/// What stands for a device that is known to be wrong.
const KNOWN_FAILURE: &str = "xfail: {reason: reads answer 5}\n";

#[test]
fn what_a_known_failure_does_is_never_accepted() {
    let wrong = KNOWN_FAILURE.to_owned() + &GOOD.replace("expect: 5", "expect: 6");
    let here = folder(&[("scenarios/a.yaml", &wrong)]);
    let run = |arguments: &[&str]| shown(&gattest(here.path(), arguments));
    assert_eq!(run(&["run"]).0, Some(0));
    let (code, out, _) = run(&["run", "--accept"]);
    assert_eq!(code, Some(0));
    let said = "known failure  a: a read gives the stored value\n  reads answer 5\n  what comes now is wrong: \
                it was not accepted\n\n0 passed, 0 failed, 1 known to fail, ";
    assert!(out.starts_with(said), "{out}");
    assert!(!here.path().join("scenarios/traces").exists());
}

#[test]
fn a_known_failure_that_is_gone_is_told_with_and_without_an_expected_trace() {
    let here = folder(&[("scenarios/a.yaml", &(KNOWN_FAILURE.to_owned() + GOOD))]);
    let run = |arguments: &[&str]| shown(&gattest(here.path(), arguments));
    let gone = "  scenarios/a.yaml:1:1\n  it passes, though `xfail` says that it fails (reads answer 5): \
                take `xfail` out\n";
    for arguments in [&["run"] as &[&str], &["run", "--accept"]] {
        let (code, out, _) = run(arguments);
        assert_eq!(code, Some(1));
        assert!(out.contains(gone), "{out}");
        assert!(!here.path().join("scenarios/traces").exists());
    }
    fs::write(here.path().join("scenarios/a.yaml"), GOOD).expect("a file");
    assert_eq!(run(&["run", "--accept"]).0, Some(0));
    fs::write(here.path().join("scenarios/a.yaml"), KNOWN_FAILURE.to_owned() + GOOD).expect("a file");
    assert!(run(&["run"]).1.contains(gone));
    // A trace that is right, and a device that is not: known to fail, and the trace stays.
    let trace = here.path().join("scenarios/traces/a.snap");
    let right = fs::read_to_string(&trace).expect("a trace").replace("value 05", "value 06");
    fs::write(&trace, &right).expect("a trace");
    for arguments in [&["run"] as &[&str], &["run", "--accept"]] {
        assert_eq!(run(arguments).0, Some(0));
        assert_eq!(fs::read_to_string(&trace).expect("a trace"), right);
    }
}
