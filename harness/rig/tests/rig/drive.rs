//! What the driver makes of devices that break the rules, and of benches that break: the first are
//! observations that fail, the second faults that say nothing about the device.

use crate::support::{ATT, Act, Peer, att};
use air::{Air, ControllerConfig};
use board::SerialEnd;
use conformance::compare::compare;
use conformance::observation::{CentralEvent, StepObservation};
use conformance::plan::Plan;
use conformance::verdict::Verdict;
use conformance::{parse, plan};
use embassy_futures::select::select;
use embassy_time::{Duration, Timer};
use embedded_io_async::{Read, Write};
use rig::central::AttCentral;
use rig::drive::{Driven, Setup, drive};
use rig::link::BoardLink;
use std::pin::{Pin, pin};
use wire::{Answer, Command, Event, FromBoard, Hello, Request};

/// A board answers a barrier once the client's controller has acknowledged what was sent. The script does
/// not count packets; its radio loses none, and a few connection intervals are enough.
const ACKNOWLEDGED: Duration = Duration::from_millis(100);

/// Serves the control link for ever; events that `mute` fits are kept back.
async fn serve_link(peer: &Peer<'_>, mut line: SerialEnd, mute: impl Fn(&Event<'_>) -> bool) {
    let mut decoder = wire::Decoder::new();
    let mut chunk = [0; 256];
    let mut seq = 0;
    loop {
        let mut requests = Vec::new();
        let read = select(line.read(&mut chunk), peer.reported.wait()).await;
        for event in peer.events.take().into_iter().filter(|event| !mute(event)) {
            send(&mut line, &FromBoard::Event { seq, event }).await;
            seq += 1;
        }
        if let embassy_futures::select::Either::First(Ok(len)) = read {
            decoder.push(&chunk[..len], |item| {
                let wire::Item::Payload(payload) = item else { panic!("the harness sent noise") };
                requests.push(postcard::from_bytes::<Request>(payload).unwrap());
            });
        }
        for Request { id, command } in requests {
            let answer = match command {
                Command::Hello => {
                    let hello = Hello { app_hash: [0; 32], chip: "script", mac: [0; 6], nonce: 1 };
                    send_payload(&mut line, hello.encode(&mut [0; 200]).unwrap()).await;
                    Answer::Done
                }
                Command::Start(start) => {
                    peer.advertise(start.address);
                    Answer::Started { address: start.address }
                }
                Command::Barrier { .. } => {
                    Timer::after(ACKNOWLEDGED).await;
                    for event in peer.events.take().into_iter().filter(|event| !mute(event)) {
                        send(&mut line, &FromBoard::Event { seq, event }).await;
                        seq += 1;
                    }
                    Answer::Barrier { events: seq }
                }
                Command::Call(_) => Answer::Done,
            };
            send(&mut line, &FromBoard::Answer { id, answer }).await;
        }
    }
}

async fn send(line: &mut SerialEnd, message: &FromBoard<'_>) {
    send_payload(line, &postcard::to_allocvec(message).unwrap()).await;
}

async fn send_payload(line: &mut SerialEnd, payload: &[u8]) {
    let mut frame = vec![0; wire::frame_len(payload.len())];
    let len = wire::encode_frame(payload, &mut frame).unwrap();
    line.write_all(&frame[..len]).await.unwrap();
}

const SCENARIO: &str = "
name: one characteristic
covers: [CB-8]
device:
  services:
    - name: srv
      uuid: 0xA000
      characteristics:
        - {name: chr, uuid: 0xA001, properties: [read, write, write-without-response, notify, indicate]}
steps:
";

pub(crate) fn plan_of(steps: &[&str]) -> Plan {
    let mut text = SCENARIO.to_owned();
    for step in steps {
        text += &format!("  - {step}\n");
    }
    plan::plan(&parse::parse("test.yaml", "test", &text).unwrap())
}

/// The table of [`SCENARIO`], answering discovery and fences; everything else by `script`.
pub(crate) fn device(mut script: impl FnMut(&[u8]) -> Act) -> impl FnMut(u16, &[u8]) -> Act {
    move |cid, pdu| match *pdu {
        _ if cid != ATT => Act::Send(vec![]),
        [0x10, 1, 0, ..] => att(&[0x11, 6, 1, 0, 9, 0, 0x00, 0xA0]),
        [0x08, 1, 0, 9, 0, 0x03, 0x28] => att(&[0x09, 7, 2, 0, 0x3E, 3, 0, 1, 0xA0]),
        [0x04, 4, 0, 9, 0] => att(&[0x05, 1, 4, 0, 0x02, 0x29]),
        [opcode @ (0x04 | 0x08 | 0x10), low, high, ..] => att(&[0x01, opcode, low, high, 0x0A]),
        [0x0A, 0xFF, 0xFF] => att(&[0x01, 0x0A, 0xFF, 0xFF, 0x01]),
        _ => script(pdu),
    }
}

/// Drives `plan` against a scripted device.
pub(crate) fn driven(
    plan: &Plan,
    script: impl FnMut(u16, &[u8]) -> Act,
    mute: impl Fn(&Event<'_>) -> bool,
    certain_radio: bool,
) -> Driven {
    let air = Air::new(1);
    let peer = Peer::new(&air, script);
    let central = AttCentral::new(air.controller(ControllerConfig::default()));
    let link = BoardLink::new();
    let (near, far) = board::serial(&mut air.rng("serial"));
    let (mut radio, mut serial) = (pin!(peer.run()), pin!(serve_link(&peer, far, mute)));
    let (mut reader, mut line) = (pin!(central.run()), pin!(link.run(near)));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 4] =
        [radio.as_mut(), serial.as_mut(), reader.as_mut(), line.as_mut()];
    air.run(
        drive(
            plan,
            Some(&link),
            std::slice::from_ref(&central),
            Setup { seed: 1, certain_radio, address: None, mutant: &[] },
        ),
        &mut tasks,
    )
    .unwrap()
}

/// What the central saw in the last step that was observed, in a run that must fail.
fn failing(steps: &[&str], script: impl FnMut(&[u8]) -> Act) -> Vec<CentralEvent> {
    let plan = plan_of(steps);
    let driven = driven(&plan, device(script), |_| false, true);
    assert_eq!(driven.fault, None);
    let verdict = compare(&plan, &driven.observations, None);
    assert!(
        matches!(&verdict, Verdict::Fail(mismatch) if !mismatch.missing_trace),
        "{verdict:?}\n{:?}",
        driven.observations
    );
    let StepObservation { central, .. } = driven.observations.last().unwrap();
    central.clone()
}

#[test]
fn a_device_that_does_not_answer_fails() {
    let seen = failing(&["connect", "read: chr", "read: chr"], |_| Act::Send(vec![]));
    assert_eq!(seen, [CentralEvent::NoResponse]);
}

#[test]
fn a_malformed_response_fails() {
    let seen = failing(&["connect", "read: chr", "disconnect"], |_| att(&[0x0D, 1]));
    assert_eq!(seen, [CentralEvent::Disconnected]);
}

#[test]
fn a_device_that_ends_the_connection_unasked_fails() {
    let seen = failing(&["connect", "read: chr", "read: chr"], |_| Act::Disconnect);
    assert_eq!(seen, [CentralEvent::Disconnected]);
    // The step that was to end it does not hide it.
    let steps = ["connect", "write_command: {char: chr, value: 1}", "disconnect"];
    let seen = failing(&steps, |_| Act::Disconnect);
    assert_eq!(seen, [CentralEvent::Sent, CentralEvent::Disconnected]);
}

#[test]
fn an_answer_to_a_write_command_fails() {
    let plan = plan_of(&["connect", "write_command: {char: chr, value: 1}", "disconnect"]);
    let rude = device(|pdu| if pdu[0] == 0x52 { att(&[0x13]) } else { att(&[0x0B]) });
    let driven = driven(&plan, rude, |_| false, true);
    let breaches = driven.observations.iter().flat_map(|step| &step.central);
    let words: Vec<_> = breaches.filter(|event| matches!(event, CentralEvent::Malformed(_))).collect();
    assert!(
        matches!(words[..], [CentralEvent::Malformed(words)] if words.contains("unasked PDU 13")),
        "{words:?}"
    );
    assert!(matches!(compare(&plan, &driven.observations, None), Verdict::Fail(_)));
}

#[test]
fn an_answer_to_what_has_none_is_shown() {
    let steps = ["connect", "att: {send: \"D2 03 00\", expect: nothing}", "disconnect"];
    let plan = plan_of(&steps);
    let rude = device(|pdu| att(&[0x01, pdu[0], 0, 0, 0x06]));
    let driven = driven(&plan, rude, |_| false, true);
    assert_eq!(driven.observations[1].central, [CentralEvent::Pdu(vec![0x01, 0xD2, 0, 0, 0x06])]);
    assert!(matches!(compare(&plan, &driven.observations, None), Verdict::Fail(_)));
}

#[test]
fn a_notification_that_no_step_asked_for_is_never_lost() {
    let push = |pdu: &[u8]| match pdu {
        [0x0A, ..] => Act::Send(vec![(ATT, vec![0x0B, 5]), (ATT, vec![0x1B, 3, 0, 7])]),
        _ => att(&[0x13]),
    };
    for steps in [&["connect", "read: chr"][..], &["connect", "read: chr", "disconnect"]] {
        let driven = driven(&plan_of(steps), device(push), |_| false, true);
        let pushed =
            |event: &CentralEvent| matches!(event, CentralEvent::Pushed { target, .. } if target == "chr");
        assert!(driven.observations.last().unwrap().central.iter().any(pushed), "{driven:?}");
    }
}

#[test]
fn an_attribute_that_is_not_shown_fails() {
    let plan = plan_of(&["connect", "read: chr", "disconnect"]);
    let empty = |_: u16, pdu: &[u8]| att(&[0x01, pdu[0], 1, 0, 0x0A]);
    let driven = driven(&plan, empty, |_| false, true);
    assert_eq!(driven.observations[1].central, [CentralEvent::Missing("chr".into())]);
    assert!(matches!(compare(&plan, &driven.observations, None), Verdict::Fail(_)));
}

#[test]
fn a_link_lost_by_the_radio_is_not_the_devices_fault() {
    let plan = plan_of(&["connect", "read: chr", "disconnect"]);
    let driven = driven(&plan, device(|_| Act::Vanish), |_| false, true);
    let fault = driven.fault.unwrap();
    assert!(
        fault.step.as_ref().is_some_and(|step| step.index == 1)
            && fault.cause.contains("supervision timeout"),
        "{fault:?}"
    );
}

#[test]
fn a_connection_that_the_board_does_not_report_is_inconclusive() {
    let plan = plan_of(&["connect", "disconnect"]);
    let script = device(|_| att(&[0x0B]));
    let driven = driven(&plan, script, |event| matches!(event, Event::Connected { .. }), true);
    assert!(driven.fault.unwrap().cause.contains("report of the connection"));
}

#[test]
fn a_device_that_is_not_seen_fails_only_where_the_radio_is_certain() {
    let plan = plan_of(&["connect", "disconnect"]);
    for certain_radio in [true, false] {
        let air = Air::new(1);
        let peer = Peer::new(&air, device(|_| att(&[0x0B])));
        let central = AttCentral::new(air.controller(ControllerConfig::default()));
        let link = BoardLink::new();
        // Nothing comes through from the start.
        air.set_loss(1000);
        let (near, far) = board::serial(&mut air.rng("serial"));
        let (mut radio, mut serial) = (pin!(peer.run()), pin!(serve_link(&peer, far, |_| false)));
        let (mut reader, mut line) = (pin!(central.run()), pin!(link.run(near)));
        let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 4] =
            [radio.as_mut(), serial.as_mut(), reader.as_mut(), line.as_mut()];
        let setup = Setup { seed: 1, certain_radio, address: None, mutant: &[] };
        let driven =
            air.run(drive(&plan, Some(&link), std::slice::from_ref(&central), setup), &mut tasks).unwrap();
        if certain_radio {
            assert!(matches!(compare(&plan, &driven.observations, None), Verdict::Fail(_)));
        } else {
            assert!(driven.fault.unwrap().cause.contains("not seen advertising"));
        }
    }
}
