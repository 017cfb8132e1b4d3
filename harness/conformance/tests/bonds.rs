//! What a bond and an encryption must come to.

#![expect(clippy::panic, reason = "helpers of tests may fail like tests")]

use conformance::compare::compare;
use conformance::observation::{BoardEvent, CentralEvent, StepObservation};
use conformance::parse::parse;
use conformance::plan::{Plan, plan};
use conformance::trace::Trace;
use conformance::verdict::Verdict;

/// A connection, a bond, and encryption with it.
fn planned() -> Plan {
    let steps = "steps:\n  - connect\n  - bond: {level: unauthenticated}\n  - encrypt\n";
    let text = format!("name: a\ncovers: [EX-1]\ndevice: lopy\n{steps}");
    plan(&parse("x.yaml", "x", &text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")))
}

fn seen(board: &[BoardEvent], central: &[CentralEvent]) -> StepObservation {
    StepObservation { board: board.to_vec(), central: central.to_vec(), ..StepObservation::default() }
}

/// The summary of what failed, or `pass`, or `inconclusive`.
fn outcome(bond: BoardEvent, encryption: &[CentralEvent]) -> String {
    let plan = planned();
    let seen = [
        seen(&[BoardEvent::Connected], &[CentralEvent::Connected]),
        seen(&[bond], &[]),
        seen(&[], encryption),
    ];
    match compare(&plan, &seen, Some(&Trace::build(&plan, &seen).text())) {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Inconclusive(_) => "inconclusive".to_owned(),
        Verdict::Fail(mismatch) => mismatch.summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_board_takes_a_bond_or_has_failed() {
    assert_eq!(outcome(BoardEvent::Done, &[CentralEvent::Encrypted]), "pass");
    let refused = BoardEvent::Refused("no room".into());
    assert_eq!(
        outcome(refused, &[CentralEvent::Encrypted]),
        "bond gave a refusal (\"no room\"), expected done"
    );
}

#[test]
fn encryption_is_on_or_the_device_has_failed() {
    for (event, summary) in [
        (
            CentralEvent::NotEncrypted(0x06),
            "the device did not encrypt the link (error 0x06), expected an encrypted link",
        ),
        (CentralEvent::NoResponse, "the device gave no response, expected it to keep to the protocol"),
        (CentralEvent::Disconnected, "the device disconnected, expected it to stay connected"),
    ] {
        assert_eq!(outcome(BoardEvent::Done, &[event]), summary);
    }
    assert_eq!(outcome(BoardEvent::Done, &[]), "inconclusive");
}
