//! Several centrals, saved values, reports, advertisements, endings and known failures, judged.

#![expect(clippy::panic, reason = "helpers of tests may fail like tests")]

use conformance::compare::compare;
use conformance::observation::{AdField, BoardEvent, CentralEvent, Seen, StepObservation};
use conformance::parse::{is_device_table, parse, parse_with};
use conformance::plan::{Plan, plan};
use conformance::scenario::{External, Need, Place, Push, Xfail};
use conformance::trace::Trace;
use conformance::verdict::{Mismatch, Verdict};

const TABLE: &str = "device:\n  clients: 2\n  services:\n    - name: s\n      uuid: 1\n      characteristics:\n        \
     - {name: chr1, uuid: 2, properties: [read, write, notify]}\n        - {name: chr2, uuid: 3}\n";

/// Whose first characteristic has a handler.
const CALLED: &str = "device:\n  services:\n    - name: s\n      uuid: 1\n      characteristics:\n        \
     - {name: chr1, uuid: 2, callback: {on: [read]}}\n";

fn text(device: &str, steps: &[&str]) -> String {
    let list: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    format!("name: a\ncovers: [EX-1]\n{device}steps:\n{list}")
}

fn planned_with(device: &str, steps: &[&str]) -> Plan {
    plan(&parse("x.yaml", "x", &text(device, steps)).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")))
}

fn planned(steps: &[&str]) -> Plan {
    planned_with(TABLE, steps)
}

fn central(events: &[CentralEvent]) -> StepObservation {
    StepObservation { central: events.to_vec(), ..StepObservation::default() }
}

fn connected() -> StepObservation {
    central(&[CentralEvent::Connected])
}

fn value(bytes: &[u8]) -> CentralEvent {
    CentralEvent::Value(bytes.to_vec())
}

fn notified(value: &[u8]) -> CentralEvent {
    CentralEvent::Pushed { push: Push::Notification, target: "chr1".into(), value: value.to_vec() }
}

fn seen_by(central: usize, event: CentralEvent) -> StepObservation {
    StepObservation { others: vec![Seen { central, event }], ..StepObservation::default() }
}

/// `pass`, or what is wrong: only written expectations can break.
fn outcome(plan: &Plan, seen: &[StepObservation]) -> String {
    match compare(plan, seen, Some(&Trace::build(plan, seen).text())) {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Fail(mismatch) => mismatch.summary,
        other => format!("{other:?}"),
    }
}

#[test]
fn lines_of_a_second_central_are_marked_and_its_pushes_answer_its_own_steps() {
    let plan = planned(&[
        "connect",
        "connect: {as: c2}",
        "subscribe: {char: chr1, as: c2}",
        "subscribe: chr1",
        "expect_notification: {char: chr1, value: 2, as: c2}",
        "expect_notification: {char: chr1, value: 1}",
    ]);
    assert_eq!(plan.centrals, ["c2"]);
    let mut early = seen_by(1, notified(&[2]));
    early.central = vec![CentralEvent::Written, notified(&[1])];
    let nothing = || central(&[CentralEvent::Nothing]);
    let seen = [connected(), connected(), central(&[CentralEvent::Written]), early, nothing(), nothing()];
    assert_eq!(outcome(&plan, &seen), "pass");
    let trace = Trace::build(&plan, &seen).text();
    let expected = "connect\n  connected\nconnect as c2\n  c2: connected\nsubscribe chr1 as c2\n  c2: written\n\
                    subscribe chr1\n  written\n  notification chr1 01\n  c2: notification chr1 02\n";
    assert!(trace.starts_with(expected), "{trace}");

    let mut other_way = seen;
    other_way[3] = central(&[CentralEvent::Written, notified(&[2])]);
    assert_eq!(outcome(&plan, &other_way), "no notification came from chr1");
}

#[test]
fn what_another_central_loses_or_gets_is_not_overlooked() {
    let plan = planned(&["connect", "connect: {as: c2}", "read: chr1", "quiet: 1s"]);
    let mut lost = seen_by(1, CentralEvent::Disconnected);
    lost.central = vec![value(&[5])];
    assert_eq!(
        outcome(&plan, &[connected(), connected(), lost]),
        "the device disconnected, expected it to stay connected"
    );
    let read = central(&[value(&[5])]);
    let disturbed = seen_by(1, notified(&[5]));
    assert_eq!(
        outcome(&plan, &[connected(), connected(), read, disturbed]),
        "the device sent notification chr1 05, expected nothing"
    );
}

#[test]
fn saved_values_are_compared_and_keep_their_name_where_a_step_uses_it() {
    let plan = planned(&[
        "connect",
        "read: {char: chr1, save: token}",
        "write: {char: chr2, value: $token}",
        "read: {char: chr2, expect: $token}",
    ]);
    let run = |last: &[u8]| {
        let written = central(&[CentralEvent::Written]);
        [connected(), central(&[value(&[1, 2])]), written, central(&[value(last)])]
    };
    assert_eq!(outcome(&plan, &run(&[1, 2])), "pass");
    let trace = Trace::build(&plan, &run(&[1, 2])).text();
    assert!(
        trace.contains("read chr1 save $token\n  value $token\n"),
        "another run may give another: {trace}"
    );
    assert!(trace.contains("write chr2 $token\n  written\nread chr2\n  value $token\n"), "{trace}");
    assert_eq!(outcome(&plan, &run(&[9])), "chr2 answered 09, expected $token, which is 01 02,");
}

#[test]
fn the_boards_reports_must_be_exactly_those_of_the_step() {
    let plan = planned_with(
        CALLED,
        &["connect", "read: {char: chr1, reports: [\"chr1 handler on read\", 'log \"x\"']}"],
    );
    let handler = BoardEvent::Handler { target: "chr1".into(), event: 0x08, value: Vec::new() };
    let log = BoardEvent::Log("x".into());
    let run = |board: &[BoardEvent]| {
        let read = StepObservation {
            board: board.to_vec(),
            central: vec![value(&[5])],
            ..StepObservation::default()
        };
        outcome(&plan, &[connected(), read])
    };
    assert_eq!(run(&[handler.clone(), log.clone()]), "pass");
    assert_eq!(
        run(&[log.clone(), handler.clone()]),
        "the board reported `log \"x\"`, expected `chr1 handler on read`"
    );
    assert_eq!(run(std::slice::from_ref(&handler)), "the board did not report `log \"x\"`");
    assert_eq!(
        run(&[handler.clone(), log, handler]),
        "the board reported `chr1 handler on read`, expected no further report"
    );
    assert!(plan.needs.contains(&Need::Board));
}

#[test]
fn advertisements_are_judged_field_by_field() {
    let run = |step: &str, event: CentralEvent| outcome(&planned(&[step]), &[central(&[event])]);
    let lamp = || {
        CentralEvent::Advertised(vec![AdField::Flags(6), AdField::Name("Lamp".into()), AdField::TxPower(0)])
    };
    assert_eq!(run("expect_advertisement: {name: Lamp, tx_power: 0}", lamp()), "pass");
    assert_eq!(
        run("expect_advertisement: {name: Torch}", lamp()),
        "the device advertised flags 0x06, name \"Lamp\", tx power 0 dBm, expected the name \"Torch\""
    );
    assert_eq!(
        run("expect_advertisement: {name: Torch}", CentralEvent::Nothing),
        "the device does not advertise, expected the name \"Torch\""
    );
    assert_eq!(run("expect_advertisement: {present: false}", CentralEvent::Nothing), "pass");
    assert!(
        run("expect_advertisement: {present: false}", lamp())
            .ends_with("expected nothing like it to be advertised")
    );
}

#[test]
fn an_end_that_a_step_announces_is_no_breach_and_one_that_does_not_come_is() {
    let plan = planned(&["connect", "write: {char: chr1, value: 1}", "expect_disconnection"]);
    let run = |last| outcome(&plan, &[connected(), central(&[CentralEvent::Written]), central(&[last])]);
    assert_eq!(run(CentralEvent::Disconnected), "pass");
    assert_eq!(run(CentralEvent::Nothing), "the client did not answer, expected it to be disconnected");
    let plan = planned(&["connect", "reconnect"]);
    let both = central(&[CentralEvent::Disconnected, CentralEvent::Connected]);
    assert_eq!(outcome(&plan, &[connected(), both]), "pass");
    let half = central(&[CentralEvent::Disconnected, CentralEvent::Nothing]);
    assert_ne!(outcome(&plan, &[connected(), half]), "pass");
}

#[test]
fn a_known_failure_is_expected_and_a_pass_of_it_fails() {
    let xfail =
        Xfail { reason: "the counter starts at 1".into(), link: None, place: Place { line: 3, column: 1 } };
    let mismatch = |missing_trace| Mismatch {
        step: 0,
        place: Default::default(),
        summary: String::new(),
        diff: Vec::new(),
        missing_trace,
    };
    let failed = Verdict::Fail(mismatch(false));
    assert_eq!(failed.clone().with_xfail(None), failed);
    assert!(matches!(failed.with_xfail(Some(&xfail)), Verdict::ExpectedFailure(_, why) if why == xfail));
    // Without an expected trace too: all that is written held.
    for held in [Verdict::Pass, Verdict::Fail(mismatch(true))] {
        let Verdict::Fail(unexpected) = held.with_xfail(Some(&xfail)) else { panic!("a pass of it fails") };
        assert!(unexpected.summary.contains("the counter starts at 1"), "{}", unexpected.summary);
        assert_eq!((unexpected.place, unexpected.missing_trace), (xfail.place, false));
    }
    let skipped = Verdict::Skipped("needs board".into());
    assert_eq!(skipped.clone().with_xfail(Some(&xfail)), skipped);
}

#[test]
fn an_external_device_needs_no_board() {
    let device =
        "device:\n  external: {address: \"C0:11:22:33:44:55\"}\n  services:\n    - {name: s, uuid: 1}\n";
    let central_only = planned_with(device, &["connect", "discover", "disconnect"]);
    assert_eq!(central_only.needs, []);
    let address = External::Address([0x55, 0x44, 0x33, 0x22, 0x11, 0xC0]);
    assert_eq!(central_only.device.external, Some(address));
}

#[test]
fn bonds_and_what_uses_them_need_encryption() {
    let bond = "bond: {level: authenticated, csrk: \"00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\"}";
    for step in ["encrypt", "write_signed: {char: chr1, value: 1}"] {
        assert!(planned(&["connect", bond, step]).needs.contains(&Need::Encryption), "{step}");
    }
}

#[test]
fn a_table_in_a_file_is_the_same_as_one_in_the_scenario() {
    let steps = ["connect", "read: chr1"];
    let table: String = TABLE.lines().skip(1).map(|line| format!("{}\n", &line[2..])).collect();
    assert!(is_device_table(&table) && !is_device_table(&text(TABLE, &steps)));
    let read = |path: &str| match path {
        "devices/lamp.yaml" => Ok(table.clone()),
        _ => Err("no such file".to_owned()),
    };
    let from_file = text("device: devices/lamp.yaml\n", &steps);
    let from_file = parse_with("x.yaml", "x", &from_file, &read).unwrap_or_else(|it| panic!("{it:#?}"));
    assert_eq!(plan(&from_file).device, planned(&steps).device);
}
