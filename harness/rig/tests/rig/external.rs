//! A device without a control link: the client's side alone.

use air::{Air, ControllerConfig};
use board::VirtualBoard;
use conformance::compare::compare;
use conformance::parse::parse;
use conformance::plan::{Plan, plan};
use conformance::trace::Trace;
use conformance::verdict::Verdict;
use rig::central::AttCentral;
use rig::convert;
use rig::drive::{Driven, Setup, drive};
use rig::link::BoardLink;
use std::pin::{Pin, pin};

const SERVICES: &str = "
  services:
    - name: lamp
      uuid: 0xA000
      characteristics:
        - {name: chr1, uuid: 0xA001, properties: [read, write, write-without-response, notify, indicate]}
";
const ADDRESS: [u8; 6] = [1, 2, 3, 4, 5, 0xC6];

fn plan_of(device: &str, steps: &[&str]) -> Plan {
    let list: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let text = format!("name: a\ncovers: [VAL-6]\ndevice:\n  {device}{SERVICES}steps:\n{list}");
    plan(&parse("x.yaml", "x", &text).unwrap())
}

/// Drives `plan` without a link, against a board that somebody else has started.
fn driven(plan: &Plan, certain_radio: bool) -> Driven {
    let own = plan_of("name: Lamp\n  advertisement: {service_uuid: 0xA000}", &["connect"]);
    let air = Air::new(5);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let central = AttCentral::new(air.controller(ControllerConfig::default()));
    let link = BoardLink::new();
    let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let (mut line, mut radio) = (pin!(link.run(board.serial())), pin!(central.run()));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 5] =
        [pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut(), radio.as_mut()];
    let work = async {
        link.hello().await.unwrap();
        link.start(convert::device(&own.device), ADDRESS, 1).await.unwrap();
        let setup = Setup { seed: 1, certain_radio };
        drive(plan, None, std::slice::from_ref(&central), setup).await
    };
    air.run(work, &mut tasks).unwrap()
}

const STEPS: [&str; 13] = [
    "expect_advertisement: {name: Lamp, service_uuid: 0xA000}",
    "connect",
    "discover",
    "read: {char: chr1, expect: 0}",
    "write: {char: chr1, value: \"on\"}",
    "write_command: {char: chr1, value: \"off\"}",
    "read: {char: chr1, expect: \"off\"}",
    "subscribe: {char: chr1, to: indications}",
    "quiet: 100ms",
    "att: {send: \"52 FF FF\", expect: nothing}",
    "reconnect",
    "read: {char: chr1, expect: \"off\"}",
    "disconnect",
];

#[test]
fn a_device_is_driven_without_a_control_link_however_it_was_chosen() {
    let choices = ["address: \"C6:05:04:03:02:01\"", "name: Lamp", "service: 0xA000"];
    for choice in choices {
        let plan = plan_of(&format!("external: {{{choice}}}"), &STEPS);
        let driven = driven(&plan, false);
        assert_eq!(driven.fault, None, "{choice}");
        let trace = Trace::build(&plan, &driven.observations).text();
        assert_eq!(compare(&plan, &driven.observations, Some(&trace)), Verdict::Pass, "{choice}: {trace}");
        assert!(!trace.contains("board:"), "{trace}");
        assert!(trace.contains("write_command chr1 6F 66 66\n  sent\n"), "{trace}");
    }
}

#[test]
fn a_device_that_was_never_heard_is_nobodys_fault_on_an_uncertain_radio() {
    let plan = plan_of("external: {name: Torch}", &["connect"]);
    assert!(
        driven(&plan, false).fault.unwrap().cause.contains("the external device was not seen advertising")
    );
    assert!(matches!(compare(&plan, &driven(&plan, true).observations, None), Verdict::Fail(_)));
    // That it is silent is nothing that a deaf adapter can show.
    let plan = plan_of("external: {name: Torch}", &["expect_advertisement: {present: false}"]);
    assert!(driven(&plan, false).fault.is_some());
    assert_eq!(driven(&plan, true).fault, None);
}
