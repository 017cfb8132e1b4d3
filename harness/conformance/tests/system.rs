//! What an operating system's stack can run, and how its view of a device is judged.

#![expect(clippy::panic, reason = "helpers of tests may fail like tests")]

use conformance::compare::compare;
use conformance::observation::{CentralEvent, Found, StepObservation};
use conformance::parse::parse;
use conformance::plan::{Plan, plan};
use conformance::system::beyond_system;
use conformance::trace::Trace;
use conformance::verdict::Verdict;

fn planned(device: &str, steps: &[&str]) -> Plan {
    let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let text = format!("name: a\ncovers: [EX-1]\ndevice: {device}\nsteps:\n{steps}");
    plan(&parse("a.yaml", "a", &text).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:?}")))
}

fn reason(device: &str, steps: &[&str]) -> Option<&'static str> {
    beyond_system(&planned(device, steps))
}

fn table(characteristics: &str) -> String {
    format!("{{services: [{{name: srv1, uuid: 0xA000, characteristics: [{characteristics}]}}]}}")
}

#[test]
fn what_applications_do_is_within_reach() {
    for steps in [
        &["connect", "read: chr1", "write: {char: chr1, value: 1}", "disconnect"][..],
        &[
            "connect",
            "subscribe: chr1",
            "board: {set: chr1, value: 1}",
            "expect_notification: {char: chr1, value: 1}",
        ],
        &["connect", "discover"],
        &["connect", "read: {char: chr1, error: 0x80}"],
        &["connect", "mtu: {size: 517}"],
        &["connect", "subscribe: chr1", "unsubscribe: chr1", "subscribe: chr1"],
        &["connect", "write_long: {char: chr1, value: 1}", "read_long: chr1"],
    ] {
        assert_eq!(reason("lopy", steps), None, "{steps:?}");
    }
}

#[test]
fn what_a_system_does_by_itself_or_hides_is_beyond_it() {
    for (steps, part) in [
        (&["connect", "mtu: {size: 23}"][..], "an MTU of its choice"),
        (&["connect", "read: {char: chr1, error: 0x05}"], "errors of security"),
        (&["connect", "read: {char: chr1, error: 0x0E}"], "who says 0x0E"),
        (&["connect", "write: {char: chr1, descriptor: cccd, value: [1, 0]}"], "write a CCCD"),
        (&["connect", "subscribe: chr1", "subscribe: chr1"], "write a CCCD"),
        (&["connect", "unsubscribe: chr1"], "write a CCCD"),
        (&["connect", "quiet: 1s"], "pushed to nobody"),
        (&["connect", "subscribe: chr1", "quiet: 1s"], "pushed to nobody"),
        (&["expect_advertisement: {name: LoPy}"], "advertisements as they are"),
        (&["connect", "read: {char: chr1, expect: \"exactly twenty-two ...\"}"], "a read of one part"),
        (&["connect", "board: {stop: srv2}"], "a second discovery"),
        (&["connect", "write_reliable: [{char: chr1, value: 1}]"], "prepared writes"),
    ] {
        assert!(
            reason("lopy", steps).is_some_and(|why| why.contains(part)),
            "{steps:?}: {:?}",
            reason("lopy", steps)
        );
    }
}

#[test]
fn the_end_of_a_connection_is_the_word_of_a_board_of_ours() {
    let steps = ["connect", "write: {char: chr1, value: 1}", "expect_disconnection"];
    let own = table("{name: chr1, uuid: 0xA001}");
    assert_eq!(reason(&own, &steps), None);
    let external = own.replace("{services", "{external: {name: Lamp}, services");
    assert!(reason(&external, &steps).is_some_and(|why| why.contains("who ends a connection")));
    assert_eq!(reason(&external, &["connect", "read: chr1", "disconnect"]), None);
    let paired = ["connect", "pair", "reconnect", "encrypt"];
    assert!(reason(&external, &paired).is_some_and(|why| why.contains("see that a link is encrypted")));
}

#[test]
fn a_silence_counts_where_all_that_could_be_pushed_is_subscribed_to() {
    let device = table("{name: chr1, uuid: 0xA001}, {name: chr2, uuid: 0xA002, properties: [read]}");
    assert_eq!(reason(&device, &["connect", "subscribe: chr1", "quiet: 1s"]), None);
    let after = ["connect", "subscribe: chr1", "disconnect", "connect", "quiet: 1s"];
    assert!(reason(&device, &after).is_some(), "subscriptions end with the connection");
}

#[test]
fn tables_that_a_library_cannot_tell_apart_or_a_system_uses_itself_are_beyond_it() {
    let twice = table("{name: chr1, uuid: 0xA001}, {name: chr2, uuid: 0xA001}");
    let battery = "{services: [{name: srv1, uuid: 0x180F, characteristics: [{name: chr1, uuid: 0xA001}]}]}";
    let caching = "{caching: true, services: [{name: srv1, uuid: 0xA000, characteristics: [{name: chr1, uuid: 0xA001}]}]}";
    for (device, part) in [(twice.as_str(), "handles"), (battery, "SIG"), (caching, "GATT service")] {
        let why = reason(device, &["connect", "read: chr1"]);
        assert!(why.is_some_and(|why| why.contains(part)), "{device}: {why:?}");
    }
}

#[test]
fn a_system_pairs_once_encrypts_by_itself_and_ends_the_link_when_pairing_fails() {
    let device = "{pairing: passkey, services: [{name: srv1, uuid: 0xA000, characteristics: [{name: chr1, uuid: 0xA001}]}]}";
    for steps in [
        &["connect", "pair", "read: chr1", "reconnect", "encrypt", "read: chr1", "disconnect"][..],
        &["connect", "pair: {passkey: wrong}"],
        &["connect", "pair", "reconnect", "encrypt", "restart", "connect", "encrypt"],
    ] {
        assert_eq!(reason(device, steps), None, "{steps:?}");
    }
    for (steps, part) in [
        (&["connect", "pair", "reconnect", "pair"][..], "lose a bond"),
        (&["connect", "pair", "encrypt"], "encrypt a link anew"),
        (&["connect", "pair", "reconnect", "read: chr1", "encrypt"], "before it is encrypted"),
        (&["connect", "pair: {passkey: wrong}", "disconnect"], "pairing that has failed"),
        (
            &["connect", "subscribe: chr1", "pair", "reconnect", "encrypt", "expect_notification: chr1"],
            "pushed to nobody",
        ),
    ] {
        let why = reason(device, steps);
        assert!(why.is_some_and(|why| why.contains(part)), "{steps:?}: {why:?}");
    }
}

fn discovered(uuids: [u8; 2], is_unordered: bool) -> Vec<StepObservation> {
    let found = uuids.iter().flat_map(|uuid| {
        let service = Found::Service { uuid: vec![*uuid, 0xA0], primary: true };
        let characteristic = Found::Characteristic { uuid: vec![*uuid, 0xA1], properties: 2 };
        [CentralEvent::Found(service), CentralEvent::Found(characteristic)]
    });
    vec![
        StepObservation { central: vec![CentralEvent::Connected], ..StepObservation::default() },
        StepObservation { central: found.collect(), is_unordered, ..StepObservation::default() },
    ]
}

#[test]
fn an_order_that_nobody_saw_is_not_compared_and_everything_else_is() {
    let plan = planned("lopy", &["connect", "discover"]);
    let expected = Trace::build(&plan, &discovered([1, 2], false)).text();
    assert_eq!(compare(&plan, &discovered([2, 1], true), Some(&expected)), Verdict::Pass);
    assert!(matches!(compare(&plan, &discovered([2, 1], false), Some(&expected)), Verdict::Fail(_)));
    assert!(matches!(compare(&plan, &discovered([2, 3], true), Some(&expected)), Verdict::Fail(_)));
    assert!(matches!(compare(&plan, &discovered([1, 1], true), Some(&expected)), Verdict::Fail(_)));
    // A characteristic in another service is no matter of order.
    let moved = expected.replace("A101", "XXXX").replace("A102", "A101").replace("XXXX", "A102");
    assert_ne!(moved, expected);
    assert!(matches!(compare(&plan, &discovered([2, 1], true), Some(&moved)), Verdict::Fail(_)));
}

#[test]
fn an_error_without_its_code_is_neither_right_nor_wrong() {
    for step in ["read: chr1", "read: {char: chr1, error: 0x80}", "read: {char: chr1, expect: 5}"] {
        let plan = planned("lopy", &["connect", step]);
        let hidden = CentralEvent::HiddenError("org.bluez.Error.InProgress: In Progress".into());
        let seen = [
            StepObservation { central: vec![CentralEvent::Connected], ..StepObservation::default() },
            StepObservation { central: vec![hidden], ..StepObservation::default() },
        ];
        let Verdict::Inconclusive(fault) = compare(&plan, &seen, None) else { panic!("{step} is judged") };
        assert!(fault.cause.contains("In Progress") && fault.step.is_some_and(|at| at.index == 1), "{step}");
    }
}
