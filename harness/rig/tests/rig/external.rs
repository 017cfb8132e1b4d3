//! A device without a control link: the client's side alone.

use air::{Air, Controller, ControllerConfig, TransportError};
use board::VirtualBoard;
use bt_hci_transport::{PacketToController, PacketToHost, Transport};
use conformance::compare::compare;
use conformance::parse::parse;
use conformance::plan::{Plan, plan};
use conformance::trace::Trace;
use conformance::verdict::Verdict;
use rig::central::AttCentral;
use rig::convert;
use rig::drive::{Driven, Setup, drive};
use rig::link::BoardLink;
use std::cell::Cell;
use std::pin::{Pin, pin};
use wire::Start;

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
    driven_on(plan, certain_radio, u32::MAX, u32::MAX)
}

/// An adapter that falls silent after so many packets, and hears no more after so many.
struct Mute {
    controller: Controller,
    says: Cell<u32>,
    hears: Cell<u32>,
}

/// Whether there was one left.
fn is_left(count: &Cell<u32>) -> bool {
    let left = count.get();
    count.set(left.saturating_sub(1));
    left > 0
}

impl embedded_io_async::ErrorType for Mute {
    type Error = TransportError;
}

impl Transport for Mute {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, TransportError> {
        if !is_left(&self.says) {
            std::future::pending::<()>().await;
        }
        Transport::read(&self.controller, rx).await
    }

    async fn write<P: PacketToController>(&self, tx: &P) -> Result<(), TransportError> {
        if is_left(&self.hears) { self.controller.write(tx).await } else { Ok(()) }
    }
}

/// As [`driven`], with an adapter that falls silent and deaf after so many packets.
fn driven_on(plan: &Plan, certain_radio: bool, says: u32, hears: u32) -> Driven {
    let air = Air::new(5);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let controller = air.controller(ControllerConfig::default());
    let central = AttCentral::new(Mute { controller, says: says.into(), hears: hears.into() });
    let link = BoardLink::new();
    let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let (mut line, mut radio) = (pin!(link.run(board.serial())), pin!(central.run()));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 5] =
        [pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut(), radio.as_mut()];
    let work = async {
        start_lamp(&link, ADDRESS).await;
        let setup = Setup { seed: 1, certain_radio, address: None, mutant: &[] };
        drive(plan, None, std::slice::from_ref(&central), setup).await
    };
    air.run(work, &mut tasks).unwrap()
}

async fn start_lamp(link: &BoardLink, address: [u8; 6]) {
    let own = plan_of("name: Lamp\n  advertisement: {service_uuid: 0xA000}", &["connect"]);
    link.hello().await.unwrap();
    let device = convert::device(&own.device);
    link.start(Start { device, address, seed: 1, mutant: Vec::new() }).await.unwrap();
}

#[test]
fn two_devices_of_one_name_are_told_and_an_address_tells_them_apart() {
    const OTHER: [u8; 6] = [9, 9, 9, 9, 9, 0xC9];
    let run = |device: &str| {
        let plan = plan_of(device, &["connect", "read: chr1", "disconnect"]);
        let air = Air::new(5);
        let boards = [(); 2].map(|()| VirtualBoard::new(&air, air.controller(ControllerConfig::default())));
        let links = [(); 2].map(|()| BoardLink::new());
        let central = AttCentral::new(air.controller(ControllerConfig::default()));
        let mut running: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = vec![Box::pin(central.run())];
        for (board, link) in boards.iter().zip(&links) {
            running.push(Box::pin(board.pump()));
            running.push(Box::pin(board.host()));
            running.push(Box::pin(board.link()));
            running.push(Box::pin(link.run(board.serial())));
        }
        let mut tasks: Vec<Pin<&mut dyn Future<Output = ()>>> = Vec::new();
        for task in &mut running {
            tasks.push(task.as_mut());
        }
        let work = async {
            start_lamp(&links[0], ADDRESS).await;
            start_lamp(&links[1], OTHER).await;
            let setup = Setup { seed: 1, certain_radio: false, address: None, mutant: &[] };
            drive(&plan, None, std::slice::from_ref(&central), setup).await
        };
        air.run(work, &mut tasks).unwrap()
    };
    for device in ["{name: Lamp}", "{service: 0xA000}"] {
        let fault = run(&format!("external: {device}")).fault.unwrap();
        assert_eq!(fault.step.map(|step| step.index), Some(0));
        assert!(fault.cause.contains("is more than one device: C"), "{}", fault.cause);
        for one in ["C6:05:04:03:02:01 \"Lamp\"", "C9:09:09:09:09:09 \"Lamp\""] {
            assert!(fault.cause.contains(one), "{}", fault.cause);
        }
        assert!(fault.cure.contains("address:"), "{}", fault.cure);
    }
    let chosen = run("external: {address: \"C9:09:09:09:09:09\"}");
    assert_eq!((chosen.fault, chosen.address.map(|address| address.bytes)), (None, Some(OTHER)));
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
        assert!(trace.contains("write_command chr1 \"off\"\n  sent\n"), "{trace}");
    }
}

#[test]
fn a_device_that_was_never_heard_is_nobodys_fault_on_an_uncertain_radio() {
    let plan = plan_of("external: {name: Torch}", &["connect"]);
    let cause = driven(&plan, false).fault.unwrap().cause;
    let heard = "heard were C6:05:04:03:02:01 \"Lamp\"";
    assert_eq!(cause, format!("the device named \"Torch\" was not seen advertising in 5 s; {heard}"));
    assert!(matches!(compare(&plan, &driven(&plan, true).observations, None), Verdict::Fail(_)));
    // That it is silent is nothing that a deaf adapter can show.
    let plan = plan_of("external: {name: Torch}", &["expect_advertisement: {present: false}"]);
    assert!(driven(&plan, false).fault.is_some());
    assert_eq!(driven(&plan, true).fault, None);
}

/// Steps in which a dead adapter could be taken for a silent device, or silence for what is asked for.
const SILENCES: [&str; 10] = [
    "expect_advertisement: {name: Lamp}",
    "connect",
    "read: chr1",
    "subscribe: chr1",
    "write_command: {char: chr1, value: 7}",
    "quiet: 100ms",
    "att: {send: \"52 FF FF\", expect: nothing}",
    "reconnect",
    "write: {char: chr1, value: 8}",
    "disconnect",
];

#[test]
fn an_adapter_that_falls_silent_at_any_moment_is_never_taken_for_the_device() {
    let plan = plan_of("external: {name: Lamp}", &SILENCES);
    let whole = driven(&plan, false);
    let trace = Trace::build(&plan, &whole.observations).text();
    for (what, limit) in [("dumb", [1, 0]), ("deaf", [0, 1])] {
        let mut broken = 0;
        for n in 0..2_000 {
            let [says, hears] = limit.map(|is_limited| if is_limited == 1 { n } else { u32::MAX });
            let driven = driven_on(&plan, false, says, hears);
            if driven.fault.is_none() {
                let verdict = compare(&plan, &driven.observations, Some(&trace));
                assert_eq!(verdict, Verdict::Pass, "{what} after {n}");
                break;
            }
            broken += 1;
        }
        assert!((40..1_999).contains(&broken), "{what}: {broken}");
    }
}

#[test]
fn a_device_that_pushes_nothing_fails_where_the_adapter_is_well() {
    let plan =
        plan_of("external: {name: Lamp}", &["connect", "subscribe: chr1", "expect_notification: chr1"]);
    let driven = driven(&plan, false);
    assert_eq!(driven.fault, None);
    assert!(matches!(compare(&plan, &driven.observations, None), Verdict::Fail(_)));
    // A dead adapter would have brought nothing either.
    let fault = (0..2_000).find_map(|n| {
        let driven = driven_on(&plan, false, n, u32::MAX);
        driven.fault.is_none().then_some(driven.observations)
    });
    assert!(matches!(compare(&plan, &fault.unwrap(), None), Verdict::Fail(mismatch) if mismatch.step == 2));
}
