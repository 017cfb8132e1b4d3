//! From what was seen to a trace and a verdict.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail like tests")]

use conformance::compare::compare;
use conformance::observation::{BoardEvent, CentralEvent, Found, StepObservation};
use conformance::parse::parse;
use conformance::plan::{Plan, plan};
use conformance::scenario::{BondLevel, Push};
use conformance::trace::Trace;
use conformance::verdict::{DiffLine, Mismatch, Verdict};
use proptest::prelude::*;

const TABLE: &str = "device:\n  services:\n    - name: s\n      uuid: 1\n      characteristics:\n        \
     - {name: chr1, uuid: 2, properties: [read, write, write-without-response, notify, indicate], \
        descriptors: [{name: d1, uuid: 0x2901}]}\n        - {name: chr2, uuid: 3}\n";

/// A plan with one line for each step.
fn planned(steps: &[&str]) -> Plan {
    let list: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let text = format!("name: a\ncovers: [EX-1]\n{TABLE}steps:\n{list}");
    plan(&parse("x.yaml", "x", &text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")))
}

fn central(events: &[CentralEvent]) -> StepObservation {
    StepObservation { central: events.to_vec(), ..StepObservation::default() }
}

fn board(events: &[BoardEvent]) -> StepObservation {
    StepObservation { board: events.to_vec(), ..StepObservation::default() }
}

fn seen(board: Vec<BoardEvent>, central: Vec<CentralEvent>) -> StepObservation {
    StepObservation { board, central, ..StepObservation::default() }
}

fn value(bytes: &[u8]) -> CentralEvent {
    CentralEvent::Value(bytes.to_vec())
}

fn connected() -> StepObservation {
    seen(vec![BoardEvent::Connected], vec![CentralEvent::Connected])
}

fn notified(target: &str, value: &[u8]) -> CentralEvent {
    CentralEvent::Pushed { push: Push::Notification, target: target.to_owned(), value: value.to_vec() }
}

/// The verdict against the trace that was seen: only written expectations can break.
fn judged(plan: &Plan, seen: &[StepObservation]) -> Verdict {
    compare(plan, seen, Some(&Trace::build(plan, seen).text()))
}

fn mismatch(verdict: Verdict) -> Mismatch {
    match verdict {
        Verdict::Fail(mismatch) => mismatch,
        other => panic!("{other:?}"),
    }
}

/// The summary of one step after `connect`, or `pass`, or `inconclusive`.
fn outcome(step: &str, seen: StepObservation) -> String {
    let plan = planned(&["connect", step]);
    match judged(&plan, &[connected(), seen]) {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Inconclusive(_) => "inconclusive".to_owned(),
        Verdict::Fail(mismatch) => {
            assert_eq!(mismatch.step, 1);
            assert_eq!(mismatch.place, plan.steps[1].step.place);
            assert!(
                mismatch.diff.iter().any(|line| !matches!(line, DiffLine::Same(_))),
                "a diff shows what differs"
            );
            mismatch.summary
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_trace_has_a_head_for_each_step_then_the_board_then_the_central() {
    let plan = planned(&[
        "connect",
        "read: chr1",
        "write: {char: chr1, value: \"hello\"}",
        "write_command: {char: chr1, value: [1]}",
        "read: {char: chr1, error: 0x80}",
        "mtu: {size: 100}",
        "att: {send: \"0A 03 00\", expect: \"0B 61 62 63 64\"}",
        "quiet: 1s",
        "bond: {level: authenticated}",
        "encrypt",
        "board: {events: chr1}",
        "board: {set: chr1, value: -1, refused: true}",
        "disconnect",
    ]);
    let handler =
        |event, value: &[u8]| BoardEvent::Handler { target: "chr1".into(), event, value: value.to_vec() };
    let log = |text: &str| BoardEvent::Log(text.to_owned());
    let seen = [
        seen(
            vec![BoardEvent::Connected, log("Client connected")],
            vec![CentralEvent::Connected, CentralEvent::Mtu(517)],
        ),
        seen(vec![handler(0x08, b""), log("a \"quote\"\n")], vec![value(&[5])]),
        seen(vec![handler(0x10, b"hello")], vec![CentralEvent::Written]),
        seen(
            vec![
                handler(0x10, &[1]),
                BoardEvent::HandlerError { target: "chr1".into(), message: "reply too long".into() },
            ],
            vec![CentralEvent::Sent],
        ),
        central(&[CentralEvent::Error(0x80)]),
        central(&[CentralEvent::Mtu(100)]),
        central(&[CentralEvent::Pdu(b"\x0Babcd".to_vec())]),
        seen(
            vec![
                BoardEvent::Confirmed { target: "chr1".into() },
                BoardEvent::IndicationTimeout { target: "chr1".into() },
            ],
            vec![CentralEvent::Nothing],
        ),
        board(&[BoardEvent::Done]),
        seen(
            vec![BoardEvent::Encrypted { level: BondLevel::Authenticated, key_size: 16 }],
            vec![CentralEvent::Encrypted],
        ),
        board(&[BoardEvent::Events(0x18)]),
        board(&[BoardEvent::Refused("out of range".into())]),
        seen(vec![BoardEvent::Disconnected], vec![CentralEvent::Disconnected]),
    ];
    insta::assert_snapshot!(Trace::build(&plan, &seen).text());
    assert_eq!(judged(&plan, &seen), Verdict::Pass);
}

#[test]
fn what_an_operating_system_does_on_its_own_is_no_part_of_a_trace() {
    let plan = planned(&["connect", "discover", "read: chr1"]);
    let service = |uuid: &[u8]| CentralEvent::Found(Found::Service { uuid: uuid.to_vec(), primary: true });
    let characteristic =
        |uuid: &[u8]| CentralEvent::Found(Found::Characteristic { uuid: uuid.to_vec(), properties: 0x1A });
    let descriptor = |uuid: &[u8]| CentralEvent::Found(Found::Descriptor { uuid: uuid.to_vec() });
    let long_gatt = [0xFB, 0x34, 0x9B, 0x5F, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, 0x01, 0x18, 0, 0];
    let discovered = central(&[
        service(&[0x00, 0x18]),
        characteristic(&[0x00, 0x2A]),
        service(&long_gatt),
        characteristic(&[0x05, 0x2A]),
        descriptor(&[0x02, 0x29]),
        service(b"1234567890123456"),
        CentralEvent::Found(Found::Include { uuid: vec![0xD2, 0x04] }),
        characteristic(&[0xD7, 0x11]),
        descriptor(&[0x02, 0x29]),
        CentralEvent::Mtu(247),
    ]);
    let seen = [connected(), discovered, central(&[CentralEvent::Mtu(247), service(&[1, 2]), value(&[5])])];
    insta::assert_snapshot!(Trace::build(&plan, &seen).text());
    assert_eq!(judged(&plan, &seen), Verdict::Pass);
}

#[test]
fn a_run_as_expected_passes() {
    let plan = planned(&["connect", "read: {char: chr1, expect: 5}"]);
    let seen = [connected(), central(&[value(&[5])])];
    let expected = "connect\n  board: client connected\n  connected\nread chr1\n  value 05\n";
    assert_eq!(compare(&plan, &seen, Some(expected)), Verdict::Pass);
    assert_eq!(compare(&plan, &seen, Some(&expected.replace('\n', "\r\n"))), Verdict::Pass);
}

#[test]
fn an_expectation_of_the_scenario_fails_even_if_the_trace_is_the_expected_one() {
    let plan = planned(&["connect", "read: {char: chr1, expect: \"ABC DEF\"}", "disconnect"]);
    let gone = seen(vec![], vec![CentralEvent::Disconnected]);
    let seen = [connected(), central(&[value(&[5])]), gone];
    let mismatch = mismatch(judged(&plan, &seen));
    assert_eq!(mismatch.summary, "chr1 answered 05, expected 41 42 43 20 44 45 46 (\"ABC DEF\")");
    assert_eq!((mismatch.step, mismatch.place), (1, plan.steps[1].step.place));
    assert!(!mismatch.missing_trace);
    let same = |text: &str| DiffLine::Same(text.to_owned());
    assert_eq!(
        mismatch.diff,
        [
            same("connect"),
            same("  board: client connected"),
            same("  connected"),
            same("read chr1"),
            DiffLine::Missing("  value 41 42 43 20 44 45 46 \"ABC DEF\"".to_owned()),
            DiffLine::Extra("  value 05".to_owned()),
            same("disconnect"),
            same("  disconnected"),
        ]
    );
}

#[test]
fn the_first_broken_expectation_is_named() {
    let plan = planned(&["connect", "read: {char: chr1, expect: 5}", "read: {char: chr1, expect: 6}"]);
    let seen = [connected(), central(&[value(&[1])]), central(&[value(&[2])])];
    assert_eq!(mismatch(judged(&plan, &seen)).step, 1);
    assert_eq!(mismatch(compare(&plan, &seen, None)).step, 1, "and it comes before a missing trace");
}

#[test]
fn without_an_expected_trace_nothing_passes() {
    let plan = planned(&["connect", "read: chr1"]);
    let seen = [connected(), central(&[value(&[5])])];
    let mismatch = mismatch(compare(&plan, &seen, None));
    assert!(mismatch.missing_trace);
    assert_eq!(mismatch.diff.len(), 5);
    assert!(mismatch.diff.iter().all(|line| matches!(line, DiffLine::Extra(_))));
}

#[test]
fn a_run_that_ended_early_or_went_on_is_inconclusive() {
    let plan = planned(&["connect", "read: chr1", "read: chr1"]);
    let all = [connected(), central(&[value(&[5])]), central(&[value(&[5])]), central(&[value(&[5])])];
    for count in [0, 1, 2, 4] {
        let seen = &all[..count];
        let Verdict::Inconclusive(fault) = judged(&plan, seen) else { panic!("{count} observations") };
        assert_eq!(fault.step, plan.fault_step(count));
        assert!(fault.step.is_some_and(|step| step.place.line > 0 && step.index == count.min(2)));
        assert!(matches!(compare(&plan, seen, None), Verdict::Inconclusive(_)), "{count} observations");
    }
    assert_eq!(judged(&plan, &all[..3]), Verdict::Pass);
}

#[test]
fn a_broken_expectation_counts_even_if_the_run_ended_early() {
    let plan = planned(&["connect", "read: {char: chr1, expect: 5}", "disconnect"]);
    let seen = [connected(), central(&[value(&[6])])];
    assert_eq!(mismatch(judged(&plan, &seen)).step, 1);
}

#[test]
fn a_trace_mismatch_names_the_first_step_that_differs() {
    let plan = planned(&["connect", "read: chr1", "read: chr2", "disconnect"]);
    let gone = seen(vec![BoardEvent::Disconnected], vec![CentralEvent::Disconnected]);
    let seen = [connected(), central(&[value(&[5])]), central(&[value(&[6])]), gone];
    let text = Trace::build(&plan, &seen).text();
    let summary = |from: &str, to: &str| {
        let mismatch = mismatch(compare(&plan, &seen, Some(&text.replacen(from, to, 1))));
        assert!(!mismatch.missing_trace);
        assert_eq!(mismatch.place, plan.steps[mismatch.step].step.place);
        (mismatch.step, mismatch.summary)
    };
    assert_eq!(
        summary("  value 06\n", "  value 07\n"),
        (2, "`read chr2` gave `value 06`, the expected trace has `value 07`".to_owned())
    );
    assert_eq!(
        summary("read chr1\n", "read chr1\n  board: chr1 handler on read\n"),
        (1, "`read chr1` lacks `board: chr1 handler on read` of the expected trace".to_owned())
    );
    assert_eq!(
        summary("  board: client disconnected\n", ""),
        (
            3,
            "`disconnect` gave `board: client disconnected`, which the expected trace does not have"
                .to_owned()
        )
    );
    assert_eq!(
        summary("read chr1\n", "read chr9\n"),
        (1, "`read chr1` gave `read chr1`, the expected trace has `read chr9`".to_owned())
    );
    assert_eq!(summary(&text, "").0, 0, "an empty expected trace");
    assert_eq!(
        summary("  disconnected\n", "  disconnected\nread chr1\n").0,
        3,
        "an expected trace with more steps"
    );
}

#[test]
fn a_difference_holds_every_line_of_both_sides() {
    let plan = planned(&["connect", "read: chr1"]);
    let seen = [connected(), central(&[value(&[5])])];
    let expected = "connect\n  connected\nread chr1\n  value 06\n";
    let sides = |mismatch: &Mismatch| {
        let pick = |wanted: fn(&DiffLine) -> Option<&String>| {
            mismatch.diff.iter().filter_map(wanted).map(|line| format!("{line}\n")).collect::<String>()
        };
        let old = pick(|line| match line {
            DiffLine::Same(text) | DiffLine::Missing(text) => Some(text),
            DiffLine::Extra(_) => None,
        });
        let new = pick(|line| match line {
            DiffLine::Same(text) | DiffLine::Extra(text) => Some(text),
            DiffLine::Missing(_) => None,
        });
        (old, new)
    };
    let small = mismatch(compare(&plan, &seen, Some(expected)));
    assert_eq!(sides(&small), (expected.to_owned(), Trace::build(&plan, &seen).text()));
    // Too many lines for a shortest difference: still all of them.
    let huge = "connect\n".to_owned() + &"  board: done\n".repeat(50_000) + "  value 05\n";
    let large = mismatch(compare(&plan, &seen, Some(&huge)));
    assert_eq!(sides(&large), (huge, Trace::build(&plan, &seen).text()));
}

#[test]
fn reads_and_writes_hold_what_they_expect() {
    let refused = || central(&[CentralEvent::Error(0x0D)]);
    assert_eq!(outcome("read: chr1", central(&[value(&[9])])), "pass");
    assert_eq!(
        outcome("read: chr1", refused()),
        "chr1 answered error 0x0D invalid attribute value length, expected success"
    );
    assert_eq!(
        outcome("read: {char: chr1, error: 0x80}", central(&[value(b"long")])),
        "chr1 answered 6C 6F 6E 67 (\"long\"), expected error 0x80 application error"
    );
    assert_eq!(
        outcome("read: {char: chr1, error: 0x80}", refused()),
        "chr1 answered error 0x0D invalid attribute value length, expected error 0x80 application error"
    );
    assert_eq!(outcome("read: {char: chr1, error: 0x0D}", refused()), "pass");
    assert_eq!(outcome("read_long: {char: chr1, expect: 5}", central(&[value(&[5])])), "pass");
    assert_eq!(
        outcome("read_long: {char: chr1, expect: 5}", central(&[CentralEvent::Nothing])),
        "chr1 did not answer, expected 05"
    );
    assert_eq!(
        outcome("read: {char: chr1, descriptor: d1, expect: 5}", central(&[value(&[6])])),
        "chr1 d1 answered 06, expected 05"
    );
    assert_eq!(outcome("write: {char: chr1, value: 5}", central(&[CentralEvent::Written])), "pass");
    assert_eq!(
        outcome("write: {char: chr1, value: 5, error: 0x80}", central(&[CentralEvent::Written])),
        "chr1 accepted the write, expected error 0x80 application error"
    );
    assert_eq!(outcome("write_command: {char: chr1, value: 5}", central(&[CentralEvent::Sent])), "pass");
    assert_eq!(
        outcome("write: {char: chr1, descriptor: cccd, value: [4, 0]}", refused()),
        "chr1 cccd answered error 0x0D invalid attribute value length, expected success"
    );
    assert_eq!(outcome("subscribe: chr1", central(&[CentralEvent::Written, notified("chr2", &[1])])), "pass");
    assert_eq!(
        outcome("read: {char: chr1, expect: 5}", central(&[CentralEvent::Disconnected])),
        "the device disconnected, expected it to stay connected"
    );
}

#[test]
fn a_step_without_any_result_is_inconclusive() {
    for step in [
        "read: chr1",
        "write: {char: chr1, value: 5}",
        "subscribe: chr1",
        "mtu: {size: 50}",
        "quiet: 1s",
        "att: {send: \"52\", expect: nothing}",
        "att: {send: \"0A\", expect: \"0B\"}",
        "board: {value: chr1}",
        "board: disconnect_client",
        "disconnect",
    ] {
        assert_eq!(outcome(step, StepObservation::default()), "inconclusive", "{step}");
    }
    let plan = planned(&["connect"]);
    assert!(matches!(judged(&plan, &[StepObservation::default()]), Verdict::Inconclusive(_)));
}

#[test]
fn links_mtus_raw_pdus_and_discovery_hold_what_they_expect() {
    assert_eq!(
        outcome("disconnect", central(&[CentralEvent::Nothing])),
        "the client did not answer, expected it to be disconnected"
    );
    assert_eq!(outcome("mtu: {size: 50}", central(&[CentralEvent::Mtu(23)])), "pass");
    assert_eq!(
        outcome("mtu: {size: 50, expect: 50}", central(&[CentralEvent::Mtu(23)])),
        "the device agreed on an MTU of 23, expected an MTU of 50"
    );
    assert_eq!(
        outcome("mtu: {size: 50}", central(&[CentralEvent::Error(6)])),
        "the device answered error 0x06 request not supported, expected an MTU"
    );
    let pdu = |bytes: &[u8]| central(&[CentralEvent::Pdu(bytes.to_vec())]);
    assert_eq!(outcome("att: {send: \"0A\", expect: \"0B 05\"}", pdu(&[0x0B, 5])), "pass");
    assert_eq!(
        outcome("att: {send: \"0A\", expect: \"0B 05\"}", pdu(&[1])),
        "the device answered 01, expected 0B 05"
    );
    assert_eq!(outcome("att: {send: \"52\", expect: nothing}", central(&[CentralEvent::Nothing])), "pass");
    assert_eq!(
        outcome("att: {send: \"52\", expect: nothing}", pdu(&[1])),
        "the device answered 01, expected nothing"
    );
    let both = "att: [{send: \"0A 03 00\", expect: \"0B 05\"}, {send: \"0A 04 00\", expect: \"0B 06\"}]";
    let pdus = |pdus: [&[u8]; 2]| central(&pdus.map(|pdu| CentralEvent::Pdu(pdu.to_vec())));
    assert_eq!(outcome(both, pdus([&[0x0B, 5], &[0x0B, 6]])), "pass");
    assert_eq!(outcome(both, pdus([&[0x0B, 6], &[0x0B, 5]])), "the device answered 0B 06, expected 0B 05");
    let one = central(&[CentralEvent::Pdu(vec![0x0B, 5]), CentralEvent::NoResponse]);
    assert_eq!(outcome(both, one), "the device gave no response, expected it to keep to the protocol");
    assert_eq!(
        outcome("discover", central(&[CentralEvent::Error(0x0E)])),
        "discovery answered error 0x0E unlikely error, expected it to go through"
    );
}

#[test]
fn pushes_are_matched_by_kind_and_name_and_each_only_once() {
    let plan = planned(&[
        "connect",
        "subscribe: chr1",
        "board: {set: chr1, value: 7}",
        "expect_notification: {char: chr1, value: 7}",
        "expect_notification: {char: chr1, value: 7}",
    ]);
    let before = |events: &[CentralEvent]| {
        [connected(), central(&[CentralEvent::Written]), seen(vec![BoardEvent::Done], events.to_vec())]
    };
    let run = |set: &[CentralEvent], first: &[CentralEvent], second: &[CentralEvent]| {
        let [a, b, c] = before(set);
        judged(&plan, &[a, b, c, central(first), central(second)])
    };
    let seven = || notified("chr1", &[7]);
    let other = notified("chr2", &[7]);
    let indicated =
        CentralEvent::Pushed { push: Push::Indication, target: "chr1".to_owned(), value: vec![7] };
    let nothing = || CentralEvent::Nothing;
    assert_eq!(run(&[], &[seven()], &[seven()]), Verdict::Pass);
    assert_eq!(run(&[seven()], &[nothing()], &[seven()]), Verdict::Pass, "one that came early");
    let once = mismatch(run(&[], &[seven()], &[nothing()]));
    assert_eq!((once.step, once.summary.as_str()), (4, "no notification came from chr1"));
    assert_eq!(mismatch(run(&[], &[other, indicated, nothing()], &[])).step, 3, "another kind, another name");
    let wrong = mismatch(run(&[], &[notified("chr1", &[8])], &[]));
    assert_eq!(wrong.summary, "the notification from chr1 holds 08, expected 07");
}

#[test]
fn what_breaks_the_protocol_fails_in_any_step() {
    let malformed = CentralEvent::Malformed("an opcode\nof its own".to_owned());
    assert_eq!(
        outcome("quiet: 1s", central(&[CentralEvent::Nothing, malformed])),
        "the device broke the protocol (an opcode\\nof its own), expected it to keep to the protocol"
    );
    assert_eq!(
        outcome("read: chr1", central(&[CentralEvent::NoResponse])),
        "the device gave no response, expected it to keep to the protocol"
    );
    assert_eq!(
        outcome("discover", central(&[CentralEvent::Missing("chr2".to_owned())])),
        "the device does not show chr2, expected it to keep to the protocol"
    );
    assert_eq!(
        outcome("board: {value: chr1}", central(&[CentralEvent::Disconnected])),
        "the device disconnected, expected it to stay connected"
    );
}

#[test]
fn quiet_means_that_the_device_sends_nothing() {
    assert_eq!(outcome("quiet: 1s", central(&[CentralEvent::Nothing])), "pass");
    assert_eq!(
        outcome("quiet: 1s", central(&[notified("chr1", &[5])])),
        "the device sent notification chr1 05, expected nothing"
    );
}

#[test]
fn answers_of_the_board_hold_what_they_expect() {
    let done = || board(&[BoardEvent::Done]);
    let refused = || board(&[BoardEvent::Log("x".into()), BoardEvent::Refused("too long".into())]);
    assert_eq!(outcome("board: {events: chr1}", board(&[BoardEvent::Events(0x10)])), "pass");
    assert_eq!(
        outcome("board: {events: chr1, expect: [read, write]}", board(&[BoardEvent::Events(0x10)])),
        "chr1.events() gave write, expected read | write"
    );
    assert_eq!(
        outcome("board: {events: bluetooth, expect: []}", board(&[BoardEvent::Events(0x02)])),
        "bluetooth.events() gave connected, expected none"
    );
    assert_eq!(
        outcome("board: {value: chr1, expect: 5}", board(&[BoardEvent::Value(b"hello".to_vec())])),
        "chr1.value() gave 68 65 6C 6C 6F (\"hello\"), expected 05"
    );
    assert_eq!(outcome("board: {value: chr1}", board(&[BoardEvent::Value(vec![])])), "pass");
    assert_eq!(outcome("board: {set: chr1, value: 5}", done()), "pass");
    assert_eq!(
        outcome("board: {set: chr1, value: 5}", refused()),
        "chr1.value(v) gave a refusal (\"too long\"), expected done"
    );
    assert_eq!(outcome("board: {set: chr1, value: -1, refused: true}", refused()), "pass");
    assert_eq!(
        outcome("board: {set: chr1, value: -1, refused: true}", done()),
        "chr1.value(v) gave done, expected a refusal"
    );
    assert_eq!(outcome("board: {callback: chr1, remove: true}", done()), "pass");
    assert_eq!(outcome("board: {advertise: false}", done()), "pass");
    let ended = |central: Vec<CentralEvent>| seen(vec![BoardEvent::Done], central);
    assert_eq!(outcome("board: disconnect_client", ended(vec![CentralEvent::Disconnected])), "pass");
    assert_eq!(outcome("board: disconnect_client", ended(vec![])), "inconclusive");
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..60)
}

fn any_board_event() -> impl Strategy<Value = BoardEvent> {
    let name = || "[a-z]{1,4}|0x00[0-9]{2}";
    prop_oneof![
        Just(BoardEvent::Connected),
        (name(), any::<u16>(), any_bytes()).prop_map(|(target, event, value)| BoardEvent::Handler {
            target,
            event,
            value
        }),
        (name(), any::<String>()).prop_map(|(target, message)| BoardEvent::HandlerError { target, message }),
        any::<String>().prop_map(BoardEvent::Log),
        any::<u16>().prop_map(BoardEvent::Events),
        any_bytes().prop_map(BoardEvent::Value),
        any::<String>().prop_map(BoardEvent::Refused),
    ]
}

fn any_central_event() -> impl Strategy<Value = CentralEvent> {
    let target = "[a-z]{1,4}|0x00[0-9]{2}";
    let push = prop_oneof![Just(Push::Notification), Just(Push::Indication)];
    prop_oneof![
        Just(CentralEvent::Connected),
        Just(CentralEvent::Nothing),
        Just(CentralEvent::NoResponse),
        any::<String>().prop_map(CentralEvent::Malformed),
        "[a-z]{1,4}".prop_map(CentralEvent::Missing),
        any_bytes().prop_map(CentralEvent::Value),
        any_bytes().prop_map(CentralEvent::Pdu),
        any::<u8>().prop_map(CentralEvent::Error),
        any::<u16>().prop_map(CentralEvent::Mtu),
        (push, target, any_bytes()).prop_map(|(push, target, value)| CentralEvent::Pushed {
            push,
            target,
            value
        }),
        (any_bytes(), any::<u8>())
            .prop_map(|(uuid, properties)| CentralEvent::Found(Found::Characteristic { uuid, properties })),
        any_bytes().prop_map(|uuid| CentralEvent::Found(Found::Service { uuid, primary: false })),
    ]
}

fn any_observation() -> impl Strategy<Value = StepObservation> {
    let board = prop::collection::vec(any_board_event(), 0..5);
    let central = prop::collection::vec(any_central_event(), 0..5);
    (board, central).prop_map(|(board, central)| seen(board, central))
}

proptest! {
    #[test]
    fn a_trace_is_what_its_text_says(
        value in any_bytes(),
        seen in prop::collection::vec(any_observation(), 4),
    ) {
        let write = format!("write: {{char: chr1, value: {value:?}}}");
        let plan = planned(&["connect", "mtu: {size: 517}", &write, "discover"]);
        let trace = Trace::build(&plan, &seen);
        prop_assert_eq!(&Trace::parse(&trace.text()), &trace);
        prop_assert_eq!(Trace::build(&plan, &seen), trace);
    }

    #[test]
    fn any_observations_and_any_expected_text_get_a_verdict(
        seen in prop::collection::vec(any_observation(), 0..5),
        expected in proptest::option::of(any::<String>()),
    ) {
        let plan = planned(&["connect", "discover", "read: {char: chr1, expect: 5}", "quiet: 1s"]);
        let verdict = compare(&plan, &seen, expected.as_deref());
        let own = Trace::build(&plan, &seen).text();
        if let Verdict::Pass = verdict {
            prop_assert_eq!(seen.len(), plan.steps.len());
            prop_assert_eq!(expected.map(|text| Trace::parse(&text).text()), Some(own));
        }
    }

    #[test]
    fn two_traces_pass_only_if_they_are_the_same(
        seen in prop::collection::vec(any_observation(), 2),
        other in prop::collection::vec(any_observation(), 2),
    ) {
        let plan = planned(&["restart", "restart"]);
        let (one, two) = (Trace::build(&plan, &seen), Trace::build(&plan, &other));
        let verdict = compare(&plan, &seen, Some(&two.text()));
        prop_assert_eq!(verdict == Verdict::Pass, one == two);
        if let Verdict::Fail(mismatch) = verdict {
            prop_assert!(mismatch.diff.iter().any(|line| !matches!(line, DiffLine::Same(_))));
            prop_assert!(mismatch.step < plan.steps.len());
        }
    }
}
