//! `gattest mutants`, and that it tells the truth.

use std::collections::BTreeSet;
use std::fs;

use crate::calls::{folder, gattest, shown};
use conformance::coverage::{Evidence, read};
use conformance::trace::Trace;
use defects::Mutant;
use gattest::select::{Loaded, load, select};
use rig::bench::{BenchOptions, BenchRun, run_plan};
use serde_json::Value;

/// A scenario that sees what integers are stored as, and nothing else.
const INTEGERS: &str = "\
name: integers are big-endian
covers: [VAL-3]
device: {services: [{name: srv1, uuid: 0xA000, characteristics: [{name: chr1, uuid: 0xA001, value: 5}]}]}
steps:
  - board: {set: chr1, value: 0x1234}
  - board: {value: chr1, expect: {hex: \"12 34\"}}
";

fn with_trace() -> tempfile::TempDir {
    let here = folder(&[("scenarios/integers.yaml", INTEGERS)]);
    assert_eq!(gattest(here.path(), &["run", "--accept"]).status.code(), Some(0));
    here
}

#[test]
fn what_is_caught_says_by_which_scenario() {
    let here = with_trace();
    let (code, out, err) = shown(&gattest(here.path(), &["mutants", "--filter", "values/int-little-endian"]));
    // The second one is about values at creation, which this scenario does not look at.
    assert_eq!((code, err.as_str()), (Some(1), ""));
    assert!(out.contains("caught     values/int-little-endian              by integers\n"), "{out}");
    assert!(out.contains("values/int-little-endian-at-creation: an integer given at creation"), "{out}");
    assert!(out.contains("violates VAL-3"), "{out}");
    assert!(
        out.contains("\n2 wrong devices: 1 caught, 0 survived, 1 never reached, 0 unsure; 1 scenario in "),
        "{out}"
    );
}

#[test]
fn a_device_that_is_wrong_where_nobody_looks_survives() {
    let blind = INTEGERS.replace("  - board: {value: chr1, expect: {hex: \"12 34\"}}\n", "");
    let here = folder(&[("scenarios/blind.yaml", &blind)]);
    assert_eq!(gattest(here.path(), &["run", "--accept"]).status.code(), Some(0));
    let arguments = ["mutants", "--filter", "values/int-four-bytes", "--matrix", "--json", "out.json"];
    let (code, out, _) = shown(&gattest(here.path(), &arguments));
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with("SURVIVED   values/int-four-bytes: value(int) always stores four bytes\n"),
        "{out}"
    );
    assert!(out.contains("it was wrong in 1 scenario that did not fail: blind"), "{out}");
    assert!(out.contains("   0  blind\n\nvalues/int-four-bytes  o\n"), "{out}");
    let json = fs::read_to_string(here.path().join("out.json")).expect("a file");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["mutants"][0]["fate"], &json["mutants"][0]["missed_by"][0]),
        (&"survived".into(), &"blind".into())
    );
}

#[test]
fn scenarios_that_fail_on_the_right_device_come_first() {
    let here = folder(&[("scenarios/a.yaml", &INTEGERS.replace("12 34", "34 12"))]);
    let (code, out, err) = shown(&gattest(here.path(), &["mutants"]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("1 scenario did not pass on the right device"), "{err}");
}

#[test]
fn no_such_device_is_nothing_selected() {
    let here = with_trace();
    assert_eq!(gattest(here.path(), &["mutants", "--filter", "no such"]).status.code(), Some(4));
}

#[test]
fn each_requirement_and_each_sig_test_has_a_wrong_device() {
    let all = defects::all();
    let violated: BTreeSet<&str> = all.iter().flat_map(|wrong| &wrong.violates).map(String::as_str).collect();
    let mut known = BTreeSet::new();
    for list in ["requirements.tsv", "gatt-sr.tsv"] {
        let text = fs::read_to_string(fixtures::scenarios().join("coverage").join(list)).expect("a list");
        for row in read(&text).expect("a list without mistakes") {
            // What scenarios need not show, they need not see broken either.
            if row.evidence == Evidence::Scenarios {
                assert!(violated.contains(row.id.as_str()), "no wrong device violates {}", row.id);
            }
            known.insert(row.id);
        }
    }
    let unknown: Vec<_> = violated.iter().filter(|id| !known.contains(**id)).collect();
    assert!(unknown.is_empty(), "no list has {unknown:?}");
}

/// What the radio carried, what was seen, and how long it took.
fn run(one: &Loaded, mutant: &[u8]) -> (Vec<u8>, String, u64) {
    let BenchRun { driven, capture, bench_us, has_deviated, .. } =
        run_plan(&one.plan, BenchOptions { seed: 1, capture: true, mutant, ..BenchOptions::default() });
    assert!(!has_deviated, "{}", one.scenario.id);
    let mut bytes = Vec::new();
    let captures: Vec<rig::Capture> = capture.into_iter().collect();
    rig::write_btsnoop(&mut bytes, &captures).expect("memory");
    (bytes, Trace::build(&one.plan, &driven.observations).text(), bench_us)
}

#[test]
fn a_device_without_deviations_is_the_right_one_byte_for_byte() {
    let found = select(&[fixtures::scenarios()]).expect("scenarios");
    let (loaded, _) = load(found);
    let none = Mutant::default().encode();
    assert!(!none.is_empty());
    let on_the_bench = loaded.iter().filter(|one| one.plan.device.external.is_none());
    let mut count = 0;
    for one in on_the_bench {
        let (right, same) = (run(one, &[]), run(one, &none));
        assert!(right.0.len() > 1000 && !right.1.is_empty(), "{}", one.scenario.id);
        assert!(right == same, "{} is another", one.scenario.id);
        count += 1;
    }
    assert!(count > 100);
}
