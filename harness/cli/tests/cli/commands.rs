//! Exit codes, messages and files of the command.

use std::fs;

use crate::calls::{GOOD, folder, gattest, shown};
use conformance::report::RunEvent;
use conformance::verdict::{FaultStep, Verdict};
use gattest::report::{Reporter as _, Terminal};
use gattest::select::{load, select};
use rig::line::LinkFault;
use rig::run::{Job, Options, run};

#[test]
fn a_missing_folder_is_a_usage_error() {
    let empty = folder(&[]);
    let (code, out, err) = shown(&gattest(empty.path(), &["run"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(err, "error: failed to read scenarios: No such file or directory (os error 2)\n");
}

#[test]
fn wrong_options_are_usage_errors() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    for arguments in [
        &["run", "--seed", "x"] as &[&str],
        &["run", "--loss", "901"],
        &["run", "--jobs", "0"],
        &["run", "--repeat", "0"],
        &["run", "--repeat", "2", "--accept"],
        &["run", "--repeat", "2", "--json", "x"],
        &["run", "--accept", "--junit", "x"],
        #[cfg(unix)]
        &["run", "--accept", "--board", "virtual", "--central", "btleplug"],
        &["watch", "--accept"],
        &["completions", "csh"],
        &["new"],
        &["run", "--bogus"],
        &["walk"],
        &[],
    ] {
        let (code, out, err) = shown(&gattest(here.path(), arguments));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.contains("--help") || err.contains("Usage: gattest"), "{arguments:?}: {err}");
    }
}

#[test]
fn every_mistake_of_every_file_is_shown_and_nothing_runs() {
    let wrong = "name: x\ncovers: [VAL-2]\ndevice: lopi\nsteps:\n  - read: chr1\n";
    let here = folder(&[
        ("scenarios/a.yaml", wrong),
        ("scenarios/b.yaml", "name: y\n"),
        ("scenarios/good.yaml", GOOD),
        ("out.json", "{\"passed\": 1}"),
    ]);
    let (code, out, err) = shown(&gattest(here.path(), &["run", "--json", "out.json"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("scenarios/a.yaml:3:9"), "{err}");
    assert!(err.contains("scenarios/b.yaml:1:1"), "{err}");
    assert!(err.ends_with("in 2 files; nothing was run\n"), "{err}");
    assert!(!err.contains('\u{1B}'), "colour without a terminal: {err}");
    // An earlier run's results must not be taken for this one's.
    assert_eq!(fs::read_to_string(here.path().join("out.json")).expect("a file"), "");
}

#[test]
fn what_does_not_fit_the_control_link_is_a_mistake_with_its_limit() {
    let characteristic = |number: usize| {
        let value = "00 ".repeat(512);
        format!("        - {{name: chr{number}, uuid: 0xA001, value: {{hex: \"{value}\"}}}}\n")
    };
    let table: String = (0..60).map(characteristic).collect();
    let text = "a".repeat(20_000);
    let scenario = |table: &str, step: &str| {
        let head = "name: a\ncovers: [EX-1]\ndevice:\n  services:\n    - name: srv1\n      uuid: 0xA000\n";
        format!("{head}      characteristics:\n{table}steps:\n  - connect\n  - {step}\n")
    };
    let set = format!("board: {{set: chr0, value: \"{text}\", refused: true}}");
    let here = folder(&[
        ("scenarios/table.yaml", &scenario(&table, "disconnect")),
        ("scenarios/step.yaml", &scenario(&characteristic(0), &set)),
    ]);
    let (code, _, err) = shown(&gattest(here.path(), &["check"]));
    assert_eq!(code, Some(2));
    assert!(
        err.contains("error[too-large-for-link]: this table takes 3") && err.contains("table.yaml:3:1"),
        "{err}"
    );
    assert!(err.contains("16128 is the limit") && err.contains("step.yaml:11:5"), "{err}");
}

#[test]
fn an_empty_selection_has_its_own_exit_code() {
    let here = folder(&[("scenarios/readme.txt", "")]);
    let (code, out, err) = shown(&gattest(here.path(), &["run"]));
    assert_eq!((code, out.as_str()), (Some(4), ""));
    assert_eq!(err, "nothing selected: no .yaml file below scenarios\n");
}

#[test]
fn a_scenario_in_the_place_of_a_result_file_is_kept() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    let (code, out, err) = shown(&gattest(here.path(), &["run", "--json", "scenarios/a.yaml"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(err, "error: scenarios/a.yaml is no file for results: name another\n");
    assert_eq!(fs::read_to_string(here.path().join("scenarios/a.yaml")).expect("a file"), GOOD);
}

#[test]
fn an_unwritable_result_file_shows_before_the_run() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    for option in ["--json", "--junit", "--btsnoop"] {
        let (code, out, err) = shown(&gattest(here.path(), &["run", option, "no/such/file"]));
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(err.starts_with("error: failed to write no/such/file: "), "{err}");
    }
    let (code, out, err) = shown(&gattest(here.path(), &["run", "--json", "x", "--junit", "x"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(err, "error: two results cannot both be written to x\n");
}

#[test]
fn a_broken_expectation_fails_at_its_place_and_is_never_accepted() {
    let here = folder(&[("scenarios/a.yaml", &GOOD.replace("expect: 5", "expect: 6"))]);
    for arguments in [&["run"] as &[&str], &["run", "--accept"]] {
        let (code, out, _) = shown(&gattest(here.path(), arguments));
        assert_eq!(code, Some(1));
        assert!(out.contains("scenarios/a.yaml:11:5  step 2: read chr1\n"), "{out}");
        assert!(out.contains("\n0 passed, 1 failed, 0 inconclusive, 0 skipped in "), "{out}");
        assert!(out.ends_with("s (seed 1)\n"), "{out}");
        assert!(!out.contains('\u{1B}'), "colour without a terminal: {out}");
        assert!(!here.path().join("scenarios/traces/a.snap").exists());
    }
}

#[test]
fn a_trace_is_expected_from_its_acceptance_on() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    let run = |arguments: &[&str]| shown(&gattest(here.path(), arguments));
    let (code, out, _) = run(&["run"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("gattest run --accept scenarios/a.yaml"), "{out}");

    let (code, out, _) = run(&["run", "--accept"]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("new  a: a read gives the stored value\n  + connect\n"), "{out}");
    let file = here.path().join("scenarios/traces/a.snap");
    let text = fs::read_to_string(&file).expect("an accepted trace");
    assert_eq!(run(&["run"]).0, Some(0));

    fs::write(&file, text.replace("value 05", "value 06")).expect("a changed trace");
    let (code, out, _) = run(&["run"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("\n  -   value 06\n  +   value 05\n"), "{out}");
    let (code, out, _) = run(&["run", "--accept"]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("changed  a: "), "{out}");
    assert_eq!(fs::read_to_string(&file).expect("a trace"), text);
    let (_, out, _) = run(&["run", "--accept"]);
    assert!(out.starts_with("1 passed"), "an unchanged trace was shown: {out}");
}

#[test]
fn a_damaged_trace_file_is_a_usage_error() {
    let here = folder(&[("scenarios/a.yaml", GOOD), ("scenarios/traces/a.snap", "connect\n")]);
    let (code, _, err) = shown(&gattest(here.path(), &["run"]));
    assert_eq!(code, Some(2));
    assert!(err.contains("scenarios/traces/a.snap: no snapshot header"), "{err}");
}

#[test]
fn traces_may_stand_anywhere() {
    let here = folder(&[("mine/x/a.yaml", GOOD)]);
    let (code, _, _) = shown(&gattest(here.path(), &["run", "mine", "--traces", "kept", "--accept"]));
    assert_eq!(code, Some(0));
    assert!(here.path().join("kept/x/a.snap").is_file());
    assert_eq!(shown(&gattest(here.path(), &["run", "mine", "--traces", "kept"])).0, Some(0));
}

#[test]
fn a_folder_of_traces_that_is_not_there_is_a_slip() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    for command in ["run", "check", "watch"] {
        let (code, out, err) = shown(&gattest(here.path(), &[command, "--traces", "kpet"]));
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert_eq!(err, "error: there is no folder kpet; `gattest run --accept` makes it\n");
    }
    // The command that is proposed means the same folder.
    fs::create_dir(here.path().join("kept")).expect("a folder");
    let (_, out, _) = shown(&gattest(here.path(), &["run", "--traces", "kept"]));
    assert!(out.contains("gattest run --accept --traces kept scenarios/a.yaml\n"), "{out}");
}

#[test]
fn both_schemas_can_be_printed() {
    let here = folder(&[]);
    for (arguments, title) in [
        (&["schema"] as &[&str], "\"title\": \"gattest scenario\""),
        (&["schema", "--table"], "\"title\": \"gattest device table\""),
    ] {
        let (code, out, _) = shown(&gattest(here.path(), arguments));
        assert_eq!(code, Some(0));
        assert!(out.contains(title), "{out}");
    }
}

#[test]
fn json_holds_every_scenario_in_order() {
    let here =
        folder(&[("scenarios/a.yaml", GOOD), ("scenarios/b.yaml", &GOOD.replace("expect: 5", "expect: 6"))]);
    gattest(here.path(), &["run", "--accept"]);
    let (code, _, _) = shown(&gattest(here.path(), &["run", "--seed", "7", "--json", "out.json"]));
    assert_eq!(code, Some(1));
    let text = fs::read_to_string(here.path().join("out.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (key, value) in [("passed", 1), ("failed", 1), ("inconclusive", 0), ("skipped", 0), ("seed", 7)] {
        assert_eq!(json[key], value, "{key}");
    }
    let (a, b) = (&json["scenarios"][0], &json["scenarios"][1]);
    assert_eq!((&a["id"], &a["verdict"]), (&"a".into(), &"pass".into()));
    assert_eq!(
        (&a["name"], &a["file"]),
        (&"a read gives the stored value".into(), &"scenarios/a.yaml".into())
    );
    assert_eq!(a["trace"][0], "connect");
    assert!(a["bench_us"].as_u64() > Some(0) && a["wall_us"].is_u64());
    assert_eq!(b["verdict"], "fail");
    assert_eq!(b["place"], serde_json::json!({"line": 11, "column": 5}));
    assert_eq!(b["mismatch"]["step"], 1);
    assert!(b["mismatch"]["summary"].as_str().is_some_and(|summary| summary.contains("chr1")));
}

#[test]
fn equal_seeds_give_equal_packets_however_many_benches_run() {
    let here = folder(&[]);
    let scenarios = fixtures::scenarios().join("lopy");
    let packets = |seed: &str, jobs: &str| {
        let file = here.path().join("out.btsnoop");
        let file = file.to_str().expect("UTF-8");
        let scenarios = scenarios.to_str().expect("UTF-8");
        let arguments =
            ["run", scenarios, "--seed", seed, "--jobs", jobs, "--loss", "100", "--btsnoop", file];
        assert_eq!(shown(&gattest(here.path(), &arguments)).0, Some(0));
        fs::read(file).expect("a capture")
    };
    let first = packets("1", "1");
    assert!(first.starts_with(b"btsnoop\0") && first.len() > 10_000);
    assert_eq!(first, packets("1", "4"));
    assert_ne!(first, packets("2", "1"));
}

#[test]
fn list_shows_ids_names_and_what_is_covered() {
    let here = folder(&[("scenarios/x/a.yaml", GOOD)]);
    let (code, out, _) = shown(&gattest(here.path(), &["list"]));
    assert_eq!((code, out.as_str()), (Some(0), "x/a  a read gives the stored value  [VAL-2]\n"));
}

/// Each frame of the board's link in turn is damaged or lost: none of these runs may pass, and none
/// may blame the device.
#[test]
fn a_damaged_link_is_inconclusive_and_says_what_to_do() {
    let found = select(&[fixtures::scenarios().join("lopy/chr1-counts.yaml")]).expect("one");
    let one = load(found).0.remove(0);
    let trace = fs::read_to_string(fixtures::traces().join("lopy/chr1-counts.snap")).expect("its trace");
    let expected = trace.splitn(3, "---\n").nth(2).map(str::to_owned);
    let jobs = [Job { scenario: one.scenario, plan: one.plan, expected }];
    let ends = |fault: Option<LinkFault>| {
        let mut terminal = Terminal::new(anstream::StripStream::new(Vec::new()), 0);
        let mut verdict = None;
        run(&jobs, &Options { fault, ..Options::default() }, &mut |event| {
            terminal.event(&event);
            if let RunEvent::Finished(outcome) = event {
                verdict = Some(outcome.verdict);
            }
        });
        let text = String::from_utf8(terminal.into_inner().into_inner()).expect("UTF-8");
        (verdict.expect("a verdict"), text)
    };
    assert_eq!(ends(None).0, Verdict::Pass);
    let mut placed = 0;
    // The scenario's link carries more frames than this.
    for frame in 0..20 {
        for fault in [LinkFault::Drop(frame), LinkFault::Corrupt(frame)] {
            let (verdict, text) = ends(Some(fault));
            let Verdict::Inconclusive(broken) = verdict else { panic!("{fault:?}: {verdict:?}") };
            assert!(text.contains("\n  what to do: "), "{text}");
            if let Some(FaultStep { index, place, label }) = broken.step {
                let at = format!(
                    "chr1-counts.yaml:{}:{}  step {}: {label}\n",
                    place.line,
                    place.column,
                    index + 1
                );
                assert!(text.contains(&at), "{at}: {text}");
                placed += 1;
            }
            assert!(text.contains("0 passed, 0 failed, 1 inconclusive, 0 skipped"), "{text}");
        }
    }
    assert!(placed > 10, "{placed} faults within a step");
}
