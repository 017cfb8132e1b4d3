//! `gattest coverage`.

use std::fs;

use crate::calls::{GOOD, folder, gattest, shown};
use conformance::coverage::{Evidence, read};
use serde_json::Value;

const LIST: &str = "id\tpurpose\tevidence\nVAL-2\tvalue() is the current value\n";
const OTHER: &str = "\
id\tlane\tpurpose\tevidence
EVT-6\tapi\tno event is lost\ttest src/events.rs::no_event_is_lost
GATT/SR/GAC/BI-02-C\tbredr\tno exchange there\tdoes not apply: no such radio
";
const SOURCE: &str = "#[test]\nfn no_event_is_lost() {}\n";

#[test]
fn each_id_is_shown_with_its_evidence() {
    let here = folder(&[
        ("scenarios/mine/a.yaml", GOOD),
        ("scenarios/coverage/a.tsv", LIST),
        ("scenarios/coverage/b.tsv", OTHER),
        ("src/events.rs", SOURCE),
    ]);
    let (code, out, err) = shown(&gattest(here.path(), &["coverage"]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let expected = "\
a.tsv, 1 id
  VAL-2                mine/a

b.tsv, 2 ids
  EVT-6                test src/events.rs::no_event_is_lost
  GATT/SR/GAC/BI-02-C  does not apply: no such radio

3 ids: 1 shown by scenarios, 1 by tests, 1 do not apply, 0 without evidence
";
    assert_eq!(out, expected);
}

#[test]
fn what_another_device_shows_is_no_evidence_for_a_board_of_ours() {
    let external =
        GOOD.replace("device:\n", "device:\n  external: {name: Lamp}\n").replace(", value: 5}", "}");
    let own = GOOD.replace("VAL-2", "VAL-3");
    let both = format!("{LIST}VAL-3\tintegers are big-endian\n");
    let here = folder(&[("scenarios/a.yaml", &external), ("scenarios/coverage/a.tsv", LIST)]);
    assert_eq!(shown(&gattest(here.path(), &["coverage"])).0, Some(0));
    let here = folder(&[
        ("scenarios/a.yaml", &external),
        ("scenarios/b.yaml", &own),
        ("scenarios/coverage/a.tsv", &both),
    ]);
    let (code, out, _) = shown(&gattest(here.path(), &["coverage"]));
    assert_eq!(code, Some(1));
    assert!(out.starts_with("without evidence\n  VAL-2  value() is the current value\n\n"), "{out}");
}

#[test]
fn an_id_without_evidence_comes_first_and_fails() {
    let list = format!("{LIST}VAL-3\tintegers are big-endian\nVAL-4\tstrings are UTF-8\n");
    let known = GOOD.replace("covers: [VAL-2]", "covers: [VAL-4]\nxfail: {reason: not yet}");
    let here = folder(&[
        ("scenarios/a.yaml", GOOD),
        ("scenarios/b.yaml", &known),
        ("scenarios/coverage/ids.tsv", &list),
    ]);
    let (code, out, _) = shown(&gattest(here.path(), &["coverage", "--json", "out.json"]));
    assert_eq!(code, Some(1));
    let first = "without evidence\n  VAL-3  integers are big-endian\n  VAL-4  strings are UTF-8 (known to fail: b)\n\n";
    assert!(out.starts_with(first), "{out}");
    let json = fs::read_to_string(here.path().join("out.json")).expect("a file");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["complete"], false);
    assert_eq!(json["ids"][0]["scenarios"][0], "a");
    assert_eq!(json["ids"][2]["known_failures"][0], "b");
    assert_eq!(json["ids"][2]["has_evidence"], false);
}

#[test]
fn an_unknown_id_fails_and_the_nearest_is_named() {
    let wrong = GOOD.replace("VAL-2", "VAL-2, VAL-22");
    let here = folder(&[("scenarios/a.yaml", &wrong), ("scenarios/coverage/ids.tsv", LIST)]);
    let (code, _, err) = shown(&gattest(here.path(), &["coverage", "--json", "out.json"]));
    let expected =
        "error: scenarios/a.yaml covers VAL-22, which no list has\n  = help: did you mean VAL-2?\n";
    assert_eq!((code, err.as_str()), (Some(1), expected));
    let json = fs::read_to_string(here.path().join("out.json")).expect("a file");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["unknown"][0]["nearest"], "VAL-2");
}

#[test]
fn a_test_that_is_not_there_fails() {
    for source in ["", "fn no_event_is_lost_at_all() {}"] {
        let here = folder(&[
            ("scenarios/a.yaml", &GOOD.replace("VAL-2", "GATT/SR/GAC/BI-02-C")),
            ("scenarios/coverage/ids.tsv", OTHER),
            ("src/events.rs", source),
        ]);
        let (code, _, err) = shown(&gattest(here.path(), &["coverage"]));
        assert_eq!(code, Some(1));
        assert!(
            err.starts_with("error: EVT-6: there is no `fn no_event_is_lost` in src/events.rs\n"),
            "{err}"
        );
    }
}

#[test]
fn other_folders_bring_their_own_lists() {
    let here = folder(&[("mine/a.yaml", GOOD), ("ids.tsv", LIST), ("more.tsv", LIST), ("bad.tsv", "id\n")]);
    let (code, out, _) = shown(&gattest(here.path(), &["coverage", "mine", "--ids", "ids.tsv"]));
    assert_eq!((code, out.lines().next()), (Some(0), Some("ids.tsv, 1 id")));
    for (arguments, message) in [
        (&["coverage", "mine"] as &[&str], "no list of ids: name one with --ids"),
        (&["coverage", "mine", "--ids", "none.tsv"], "failed to read none.tsv"),
        (
            &["coverage", "mine", "--ids", "ids.tsv", "--ids", "more.tsv"],
            "`VAL-2` stands in ids.tsv and in more.tsv",
        ),
        (&["coverage", "mine", "--ids", "bad.tsv"], "bad.tsv:1: no column `purpose`"),
    ] {
        let (code, out, err) = shown(&gattest(here.path(), arguments));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.contains(message), "{arguments:?}: {err}");
    }
}

#[test]
fn nothing_in_this_repository_is_without_evidence() {
    let (code, out, err) = shown(&gattest(&fixtures::repository(), &["coverage"]));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
}

/// What a central can provoke on one bearer of an LE device is shown by a scenario that bears the id's name.
#[test]
fn each_sig_test_has_its_own_scenario() {
    let scenarios = fixtures::scenarios();
    let list = fs::read_to_string(scenarios.join("coverage/gatt-sr.tsv")).expect("the list");
    let lane = |id: &str| {
        let line = list.lines().find(|line| line.starts_with(&format!("{id}\t"))).expect("a line");
        line.split('\t').nth(1).expect("a lane").to_owned()
    };
    let rows = read(&list).expect("a list");
    let provoked: Vec<_> =
        rows.iter().filter(|row| ["api", "raw"].contains(&lane(&row.id).as_str())).collect();
    assert_eq!(provoked.len(), 88);
    for row in provoked {
        let Some(name) = row.id.strip_prefix("GATT/SR/").and_then(|id| id.strip_suffix("-C")) else {
            panic!("{} is no id of the suite for servers", row.id);
        };
        let file = scenarios.join(format!("gatt-sr/{}.yaml", name.replace('/', "-").to_lowercase()));
        match &row.evidence {
            Evidence::Scenarios => {
                let text = fs::read_to_string(&file).expect(&row.id);
                assert!(
                    text.contains(&format!("covers: [{}", row.id)),
                    "{} is not first in {file:?}",
                    row.id
                );
            }
            _ => assert!(!file.exists(), "{} has a scenario: take its reason out of the list", row.id),
        }
    }
}
