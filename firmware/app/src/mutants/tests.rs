//! Each operator on a small server.

use super::{Characteristic, Plan, Server};
use crate::delay::Delay;
use crate::outbox::{Console, Outbox};
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use gatts::{
    CharacteristicConfig, Config, ConnId, Events, Observed, Properties, Reply, Security, ServiceConfig,
};
use wire::mutant::*;
use wire::{Device, Start};

const CONN: ConnId = ConnId(1);
/// Handles of the one characteristic: GAP and GATT take those up to 6.
const VALUE: u8 = 9;
const CCCD: u8 = 10;
const NOTIFY: u8 = 0x1B;

/// A server with one characteristic, value 05, whose handler counts its runs and answers reads by the count.
struct Bench {
    server: Server,
    characteristic: Characteristic,
    runs: Rc<RefCell<Vec<u16>>>,
    seen: Rc<RefCell<Vec<&'static str>>>,
    delay: Delay,
}

fn bench(deviations: Vec<Deviation>) -> Bench {
    let mutant = Mutant { deviations }.encode();
    let start = Start { device: Device::Lopy, address: [0; 6], seed: 0, mutant };
    let (console, delay) = (Console::new(Outbox::new()), Delay::default());
    let plan = Plan::new(&start, &console, &delay).unwrap();
    let bluetooth = plan.bluetooth(Config { device_name: "x".into(), ..Config::default() });
    let service = bluetooth.service(ServiceConfig::new(0xA000)).unwrap();
    let properties = Properties::READ | Properties::WRITE | Properties::NOTIFY;
    let config = CharacteristicConfig::new(0xA001).value(5).properties(properties).max_len(30);
    let characteristic = service.characteristic(config).unwrap();
    let (runs, seen) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(Vec::new())));
    let counted = runs.clone();
    characteristic.callback(Events::CHAR_READ_EVENT | Events::CHAR_WRITE_EVENT, move |_, call| {
        counted.borrow_mut().push(call.event.bits());
        Reply::Stored
    });
    let (server, noted) = (bluetooth.server(), seen.clone());
    server.observe(move |observed| {
        noted.borrow_mut().push(match observed {
            Observed::Received { .. } => "received",
            Observed::Handler { .. } => "handler",
            _ => "other",
        });
    });
    assert!(server.connected(CONN, Security::default()));
    seen.borrow_mut().clear();
    Bench { server, characteristic, runs, seen, delay }
}

impl Bench {
    fn ask(&self, pdu: &[u8]) -> Vec<u8> {
        let mut out = [0; 600];
        let len = self.server.receive(CONN, pdu, &mut out);
        out[..len].to_vec()
    }

    fn next(&self) -> Vec<u8> {
        let mut out = [0; 600];
        let len = self.server.transmit(CONN, 0, &mut out);
        out[..len].to_vec()
    }

    fn subscribed(self) -> Self {
        assert_eq!(self.ask(&[0x12, CCCD, 0, 1, 0]), [0x13]);
        self
    }
}

fn on(opcode: u8, acts: Vec<Act>) -> Bench {
    bench(vec![Deviation::Exchange(When { opcodes: vec![opcode], ..When::default() }, acts)])
}

fn push(acts: Vec<PushAct>) -> Bench {
    bench(vec![Deviation::Push(NOTIFY, None, acts)]).subscribed()
}

const READ: [u8; 3] = [0x0A, VALUE, 0];
const WRITE: [u8; 4] = [0x12, VALUE, 0, 7];

#[test]
fn without_deviations_the_server_is_right() {
    let bench = bench(vec![]);
    assert_eq!(bench.ask(&READ), [0x0B, 5]);
    assert_eq!(bench.ask(&WRITE), [0x13]);
    assert_eq!(*bench.runs.borrow(), [0x08, 0x10]);
    assert_eq!(*bench.seen.borrow(), ["received", "handler", "received", "handler"]);
    assert_eq!(bench.characteristic.events(), Events::CHAR_READ_EVENT | Events::CHAR_WRITE_EVENT);
}

#[test]
fn requests_and_answers_are_changed() {
    assert_eq!(on(0x0A, vec![Act::Answer(Edit::Add(1, 1))]).ask(&READ), [0x0B, 6]);
    assert_eq!(on(0x0A, vec![Act::Request(Edit::Set(1, 0x77))]).ask(&READ), [0x01, 0x0A, 0x77, 0, 0x01]);
    let parts = vec![Part::Bytes(vec![0x01]), Part::Opcode, Part::Handle, Part::Stored];
    assert_eq!(on(0x0A, vec![Act::Reply(parts)]).ask(&READ), [0x01, 0x0A, VALUE, 0, 5]);
}

#[test]
fn what_is_unseen_changes_nothing_and_is_reported_once() {
    let bench = on(0x12, vec![Act::Unseen, Act::Reply(vec![Part::Bytes(vec![0x13])])]);
    assert_eq!(bench.ask(&WRITE), [0x13]);
    assert_eq!((bench.characteristic.value(), bench.seen.borrow().clone()), (vec![5], vec!["received"]));
}

#[test]
fn what_comes_twice_runs_twice_and_is_reported_once() {
    let bench = on(0x12, vec![Act::Before(vec![Part::Rest(0)])]);
    assert_eq!(bench.ask(&WRITE), [0x13]);
    assert_eq!(*bench.seen.borrow(), ["received", "handler", "handler"]);
}

#[test]
fn what_is_done_quietly_is_noticed_by_nobody() {
    let write = vec![Part::Bytes(vec![0x12]), Part::Handle, Part::Bytes(vec![9])];
    let bench = on(0x0C, vec![Act::Quietly(write)]);
    bench.ask(&READ);
    assert_eq!(bench.ask(&[0x0C, VALUE, 0, 1, 0]), [0x0D]);
    assert_eq!((bench.characteristic.value(), bench.runs.borrow().len()), (vec![9], 1));
    assert_eq!(bench.characteristic.events(), Events::CHAR_READ_EVENT);
    assert_eq!(*bench.seen.borrow(), ["received", "handler", "received"]);
}

#[test]
fn what_is_held_waits_for_the_next() {
    let bench = on(0x52, vec![Act::Hold]);
    bench.ask(&[0x52, VALUE, 0, 1]);
    assert_eq!(bench.characteristic.value(), [5]);
    bench.ask(&WRITE);
    assert_eq!(bench.characteristic.value(), [1]);
}

#[test]
fn answers_are_late_stale_doubled_and_overtaken() {
    let late = on(0x0A, vec![Act::Late(40)]);
    assert_eq!((late.ask(&READ), late.delay.take()), (vec![0x0B, 5], 40));
    let stale = on(0x0A, vec![Act::Stale]);
    assert_eq!(stale.ask(&READ), [0x0B, 5]);
    stale.ask(&WRITE);
    assert_eq!(stale.ask(&READ), [0x0B, 5]);
    assert_eq!(stale.ask(&READ), [0x0B, 7], "the one before");
    let twice = on(0x0A, vec![Act::Twice]);
    assert_eq!((twice.ask(&READ), twice.next(), twice.next()), (vec![0x0B, 5], vec![0x0B, 5], vec![]));
    let overtaken = on(0x0A, vec![Act::PushFirst]).subscribed();
    overtaken.characteristic.set_value(8).unwrap();
    assert_eq!(overtaken.ask(&READ), [NOTIFY, VALUE, 0, 8]);
    assert_eq!((overtaken.next(), overtaken.next()), (vec![0x0B, 8], vec![]));
}

#[test]
fn a_refusal_is_tried_again_or_ignored() {
    let long: Vec<u8> = [&[0x12, VALUE, 0][..], &[1; 40]].concat();
    let cut = on(0x12, vec![Act::Retry(Edit::Cut(1))]);
    cut.ask(&[0x02, 100, 0]);
    assert_eq!((cut.ask(&long), cut.characteristic.value()), (vec![0x13], vec![1; 30]));
    let stored = on(0x52, vec![Act::Unseen, Act::Store(3)]);
    assert_eq!((stored.ask(&[0x52, VALUE, 0, 6]), stored.characteristic.value()), (vec![], vec![6]));
}

#[test]
fn conditions_narrow() {
    let when = When {
        opcodes: vec![0x0A],
        tests: vec![Test::AtMost(3)],
        target: Some(Target::Value),
        answer: Some(Answered::Well),
        skip: 1,
    };
    let bench = bench(vec![Deviation::Exchange(when, vec![Act::Reply(vec![])])]);
    assert_eq!(bench.ask(&READ), [0x0B, 5], "the first is skipped");
    assert_eq!(bench.ask(&[0x0A, CCCD, 0]), [0x0B, 0, 0], "another target");
    assert_eq!(bench.ask(&[0x0A, 0x77, 0]), [0x01, 0x0A, 0x77, 0, 0x01], "a refusal");
    assert_eq!(bench.ask(&READ), []);
}

#[test]
fn pushes_are_changed() {
    let pushed = |act: PushAct| {
        let bench = push(vec![act]);
        bench.characteristic.set_value(&[1; 25]).unwrap();
        (bench.next(), bench.next())
    };
    let right = [&[NOTIFY, VALUE, 0][..], &[1; 20]].concat();
    assert_eq!(pushed(PushAct::Edit(Edit::Keep(4))), (right[..4].to_vec(), vec![]));
    assert_eq!(pushed(PushAct::Drop), (vec![], vec![]));
    assert_eq!(pushed(PushAct::Twice), (right.clone(), right.clone()));
    assert_eq!(pushed(PushAct::Whole), ([&right[..3], &[1; 25]].concat(), vec![]));
}

#[test]
fn subscriptions_outlive_a_client_that_is_remembered() {
    let remember = When { opcodes: vec![0x12], target: Some(Target::Cccd), ..When::default() };
    let deviations =
        [Deviation::Exchange(remember, vec![Act::Remember]), Deviation::Connected(vec![Act::Replay])];
    let bench = bench(deviations.to_vec()).subscribed();
    bench.server.disconnected(CONN);
    bench.server.connected(CONN, Security::default());
    assert_eq!(bench.ask(&[0x0A, CCCD, 0]), [0x0B, 1, 0]);
}

#[test]
fn flags_are_given_otherwise() {
    let flags = |flags, pdus: &[&[u8]]| {
        let bench = bench(vec![Deviation::Flags(flags)]);
        for pdu in pdus {
            bench.ask(pdu);
        }
        (bench.characteristic.events().bits(), bench.characteristic.events().bits())
    };
    assert_eq!(flags(Flags::Keep(0x08), &[&READ, &WRITE]), (0x18, 0x08));
    assert_eq!(flags(Flags::Lose(0x08), &[&READ, &WRITE]), (0x10, 0));
    assert_eq!(flags(Flags::One, &[&READ, &WRITE]), (0x08, 0));
    assert_eq!(flags(Flags::Rename(0x08, 0x10), &[&READ]), (0x10, 0));
    assert_eq!(flags(Flags::Unhandled(0x98), &[&READ, &[0x12, CCCD, 0, 1, 0]]), (0x08, 0));
}

#[test]
fn handlers_run_otherwise() {
    let skip = bench(vec![Deviation::Handler(0x08, HandlerAct::Skip)]);
    assert_eq!((skip.ask(&READ), skip.runs.borrow().len()), (vec![0x0B, 5], 0));
    assert_eq!(*skip.seen.borrow(), ["received"]);
    let twice = bench(vec![Deviation::Handler(0x10, HandlerAct::Twice)]);
    twice.ask(&WRITE);
    assert_eq!((twice.runs.borrow().len(), twice.seen.borrow().len()), (2, 3));
    let added = bench(vec![Deviation::Registration(Registration::Add(0x08, 0x80))]).subscribed();
    assert_eq!(*added.runs.borrow(), [0x80]);
}

#[test]
fn values_are_pushed_to_all() {
    let bench = bench(vec![Deviation::Set(SetAct::ToAll)]);
    bench.ask(&READ);
    bench.characteristic.set_value(3).unwrap();
    assert_eq!(bench.next(), [NOTIFY, VALUE, 0, 3]);
}
