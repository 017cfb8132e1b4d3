//! Prepared writes: what the client sends, and what it does when the device breaks them.

use crate::drive::{device, driven, plan_of};
use crate::support::{Act, att};
use conformance::compare::compare;
use conformance::observation::CentralEvent;
use conformance::verdict::Verdict;
use std::cell::RefCell;

const LONG: &str = "write_long: {char: chr, value: \"a value of forty bytes, in three parts..\"}";

/// What the device got, and what the central saw in the last step.
fn run(step: &str, answer: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<Vec<u8>>, Vec<CentralEvent>, Verdict) {
    let got = RefCell::new(Vec::new());
    let plan = plan_of(&["connect", step]);
    let script = device(|pdu| {
        if matches!(pdu.first(), Some(0x16 | 0x18)) {
            got.borrow_mut().push(pdu.to_vec());
            return att(&answer(pdu));
        }
        Act::Send(vec![])
    });
    let driven = driven(&plan, script, |_| false, true);
    assert_eq!(driven.fault, None);
    let verdict = compare(&plan, &driven.observations, None);
    let last = driven.observations.last().unwrap().central.clone();
    (got.take(), last, verdict)
}

/// A device that keeps to the rules (Core Vol 3 Part F 3.4.6).
fn echo(pdu: &[u8]) -> Vec<u8> {
    let mut answer = pdu.to_vec();
    answer[0] += 1;
    answer.truncate(if pdu[0] == 0x18 { 1 } else { pdu.len() });
    answer
}

fn held(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail(mismatch) if mismatch.missing_trace)
}

#[test]
fn a_long_value_goes_in_parts_that_fit_the_mtu() {
    let (got, seen, verdict) = run(LONG, echo);
    assert_eq!((&seen[..], held(&verdict)), (&[CentralEvent::Written][..], true));
    let offsets: Vec<u8> = got.iter().take(3).map(|pdu| pdu[3]).collect();
    assert_eq!((offsets, got.len()), (vec![0, 18, 36], 4));
    let value: Vec<u8> = got.iter().take(3).flat_map(|pdu| pdu[5..].to_vec()).collect();
    assert_eq!(value, b"a value of forty bytes, in three parts..");
    assert_eq!(got[3], [0x18, 1]);
}

#[test]
fn several_values_are_executed_as_one() {
    let step = "write_reliable: [{char: chr, value: 1}, {char: chr, value: \"\"}]";
    let (got, seen, verdict) = run(step, echo);
    assert_eq!((&seen[..], held(&verdict)), (&[CentralEvent::Written][..], true));
    assert_eq!(got, [vec![0x16, 3, 0, 0, 0, 1], vec![0x16, 3, 0, 0, 0], vec![0x18, 1]]);
}

#[test]
fn an_echo_that_differs_cancels_and_fails() {
    for step in [LONG, "write_reliable: [{char: chr, value: 1}, {char: chr, value: 2}]"] {
        let (got, seen, verdict) = run(step, |pdu| {
            let mut answer = echo(pdu);
            if pdu[0] == 0x16 {
                *answer.last_mut().unwrap() ^= 1;
            }
            answer
        });
        assert_eq!((got.len(), got.last().unwrap().as_slice()), (2, &[0x18, 0][..]), "{step}");
        assert!(matches!(&seen[..], [CentralEvent::Malformed(_)]), "{seen:?}");
        assert!(!held(&verdict));
    }
}

#[test]
fn a_part_that_is_refused_cancels_those_before_it() {
    let full = |pdu: &[u8]| match pdu {
        [0x16, .., offset, 0] | [0x16, _, _, offset, ..] if *offset > 0 => vec![0x01, 0x16, 3, 0, 0x09],
        _ => echo(pdu),
    };
    let step = LONG.replace("}", ", error: prepare-queue-full}");
    let (got, seen, verdict) = run(&step, full);
    assert_eq!((&seen[..], held(&verdict)), (&[CentralEvent::Error(9)][..], true));
    assert_eq!(got.last().unwrap(), &[0x18, 0]);
    // With nothing prepared there is nothing to cancel.
    let (got, ..) = run(&step, |_| vec![0x01, 0x16, 3, 0, 0x09]);
    assert_eq!(got.len(), 1);
}
