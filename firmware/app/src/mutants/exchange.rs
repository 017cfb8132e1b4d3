//! PDUs that go otherwise, between the bearer and the server.

use super::edit;
use super::layer::{Layer, cccd_handle};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use gatts::{ConnId, Events, Observed, Security, Value};
use wire::mutant::{Act, Answered, Deviation, Part, PushAct, Target, When};

/// The longest PDU that a server writes.
const OUT_LEN: usize = 1024;
/// More than the longest value has bytes.
const RETRIES: usize = 600;
const FIND_INFORMATION: [u8; 5] = [0x04, 0xFF, 0xFF, 0xFF, 0xFF];
const ERROR_RSP: u8 = 0x01;
const WRITE_REQ: u8 = 0x12;
const NOTIFICATION: u8 = 0x1B;
const INDICATION: u8 = 0x1D;
const CONFIRMATION: u8 = 0x1E;

/// What is kept for each connection.
#[derive(Default)]
pub(super) struct Links {
    links: BTreeMap<u16, Link>,
    /// Of any connection.
    remembered: Vec<Vec<u8>>,
    last_ms: u64,
}

#[derive(Default)]
struct Link {
    /// PDUs of the device's own, oldest first.
    extra: VecDeque<Vec<u8>>,
    /// Came, and waits until another has been dealt with.
    held: Option<Vec<u8>>,
    /// How often the condition of each deviation has held.
    counts: BTreeMap<usize, u16>,
    /// Answers by PDU.
    answers: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Pushed values by handle.
    pushed: BTreeMap<u16, Vec<u8>>,
}

/// A PDU on its way through the deviations.
struct Exchange<'p> {
    conn: ConnId,
    /// As it came.
    pdu: &'p [u8],
    /// As the server gets it.
    request: Vec<u8>,
    answer: Vec<u8>,
    is_seen: bool,
    is_held: bool,
}

impl Layer {
    fn link<R>(&self, conn: ConnId, with: impl FnOnce(&mut Link) -> R) -> R {
        with(self.links.borrow_mut().links.entry(conn.0).or_default())
    }

    /// A client has connected.
    pub(super) fn began(&self, server: &gatts::Server, conn: ConnId) {
        // From now on it is one of those that are pushed to.
        self.link(conn, |_| ());
        for deviation in &self.deviations {
            let Deviation::Connected(acts) = deviation else { continue };
            let mut exchange = Exchange::new(conn, &[]);
            for act in acts {
                self.after(server, &mut exchange, act);
            }
        }
    }

    /// A connection has ended.
    pub(super) fn forget(&self, conn: ConnId) {
        self.links.borrow_mut().links.remove(&conn.0);
    }

    /// Takes a PDU from a client; gives the length of the answer.
    pub(super) fn receive(&self, server: &gatts::Server, conn: ConnId, pdu: &[u8], out: &mut [u8]) -> usize {
        self.report(Observed::Received { conn, pdu });
        self.note_values();
        let held = self.link(conn, |link| link.held.take());
        let answer = self.exchange(server, conn, pdu);
        if let Some(held) = held {
            let late = feed(server, conn, &held);
            if !late.is_empty() {
                self.link(conn, |link| link.extra.push_back(late));
            }
        }
        put(&answer, out)
    }

    fn exchange(&self, server: &gatts::Server, conn: ConnId, pdu: &[u8]) -> Vec<u8> {
        let mut exchange = Exchange::new(conn, pdu);
        let before = self.matching(conn, pdu, None);
        for act in before.iter().flat_map(|(_, acts)| acts.iter()) {
            self.before(server, &mut exchange, act);
        }
        if exchange.is_held {
            self.link(conn, |link| link.held = Some(exchange.request));
            return Vec::new();
        }
        if exchange.is_seen {
            exchange.answer = feed(server, conn, &exchange.request);
        }
        let real = exchange.answer.clone();
        let mut after = self.matching(conn, pdu, Some(&real));
        after.extend(before);
        after.sort_by_key(|(at, _)| *at);
        for act in after.iter().flat_map(|(_, acts)| acts.iter()) {
            self.after(server, &mut exchange, act);
        }
        self.link(conn, |link| link.answers.insert(pdu.to_vec(), real));
        exchange.answer
    }

    /// The deviations that this PDU meets: those that ask for an answer, or those that do not.
    fn matching(&self, conn: ConnId, pdu: &[u8], answer: Option<&[u8]>) -> Vec<(usize, &Vec<Act>)> {
        let mut found = Vec::new();
        for (at, deviation) in self.deviations.iter().enumerate() {
            let Deviation::Exchange(when, acts) = deviation else { continue };
            if when.answer.is_some() != answer.is_some() || !self.holds(when, pdu, answer) {
                continue;
            }
            let count = self.link(conn, |link| {
                let count = link.counts.entry(at).or_default();
                *count = count.saturating_add(1);
                *count
            });
            if count > when.skip {
                found.push((at, acts));
            }
        }
        found
    }

    fn holds(&self, when: &When, pdu: &[u8], answer: Option<&[u8]>) -> bool {
        let opcode = pdu.first().is_some_and(|opcode| when.opcodes.contains(opcode));
        (when.opcodes.is_empty() || opcode)
            && when.tests.iter().all(|test| edit::holds(*test, pdu))
            && when.target.is_none_or(|target| self.target(pdu) == target)
            && when.answer.zip(answer).is_none_or(|(wanted, answer)| answered(wanted, answer))
    }

    fn target(&self, pdu: &[u8]) -> Target {
        let Some(handle) = handle(pdu) else { return Target::Other };
        match self.characteristic(handle) {
            Some(characteristic) if characteristic.value_handle() == handle => Target::Value,
            Some(_) => Target::Cccd,
            None => Target::Other,
        }
    }

    /// An act that comes before the server has the PDU.
    fn before(&self, server: &gatts::Server, exchange: &mut Exchange<'_>, act: &Act) {
        match act {
            Act::Request(edit) => self.deviated_if(edit::apply(edit, &mut exchange.request)),
            Act::Before(parts) => {
                self.deviated();
                feed(server, exchange.conn, &self.build(parts, exchange.pdu));
            }
            Act::Unseen => {
                self.deviated();
                exchange.is_seen = false;
            }
            Act::Hold => {
                self.deviated();
                exchange.is_held = true;
            }
            _ => {}
        }
    }

    /// An act that comes after it.
    fn after(&self, server: &gatts::Server, exchange: &mut Exchange<'_>, act: &Act) {
        let real = exchange.answer.clone();
        match act {
            Act::Request(_) | Act::Before(_) | Act::Unseen | Act::Hold => {}
            Act::Answer(edit) => {
                edit::apply(edit, &mut exchange.answer);
                if exchange.answer.is_empty() && is_list(&real) {
                    exchange.answer = edit::not_found(exchange.pdu);
                }
            }
            Act::Reply(parts) => exchange.answer = self.build(parts, exchange.pdu),
            Act::Retry(edit) => self.retry(server, exchange, edit),
            Act::Stale => {
                let before = self.link(exchange.conn, |link| link.answers.get(exchange.pdu).cloned());
                exchange.answer = before.unwrap_or(real.clone());
            }
            Act::PushFirst => self.push_first(server, exchange),
            act => self.besides(server, exchange, act),
        }
        self.deviated_if(exchange.answer != real);
    }

    /// An act that leaves the answer as it is.
    fn besides(&self, server: &gatts::Server, exchange: &Exchange<'_>, act: &Act) {
        let Exchange { conn, pdu, .. } = *exchange;
        match act {
            Act::After(parts) => {
                self.deviated();
                feed(server, conn, &self.build(parts, pdu));
            }
            Act::Quietly(parts) => {
                self.deviated();
                self.quietly(|| feed(server, conn, &self.build(parts, pdu)));
            }
            Act::Send(parts) => self.send(conn, self.build(parts, pdu)),
            Act::Twice if !exchange.answer.is_empty() => self.send(conn, exchange.answer.clone()),
            Act::Late(ms) => {
                self.deviated();
                self.delay.add(*ms);
            }
            Act::Store(at) => self.store(pdu, usize::from(*at)),
            Act::Flag(bits) => {
                if let Some(characteristic) = handle(pdu).and_then(|handle| self.characteristic(handle)) {
                    self.deviated();
                    self.stash(characteristic.value_handle(), Events::from_bits_retain(*bits));
                }
            }
            Act::Remember => self.links.borrow_mut().remembered.push(pdu.to_vec()),
            Act::Replay => {
                let remembered = self.links.borrow().remembered.clone();
                self.deviated_if(!remembered.is_empty());
                self.quietly(|| remembered.iter().for_each(|pdu| drop(feed(server, conn, pdu))));
            }
            Act::Subscribe(bits) => self.subscribe(server, conn, *bits),
            Act::Trust => {
                self.deviated();
                server.set_security(conn, TRUSTED);
            }
            Act::Disconnect => {
                self.deviated();
                self.bluetooth.disconnect_client();
            }
            _ => {}
        }
    }

    fn retry(&self, server: &gatts::Server, exchange: &mut Exchange<'_>, edit: &wire::mutant::Edit) {
        let refusal = exchange.answer.clone();
        for round in 0..RETRIES {
            let is_refused = exchange.answer.first() == Some(&ERROR_RSP) && exchange.answer == refusal;
            // A refusal that is given once is over the second time, without any change.
            let is_other = edit::apply(edit, &mut exchange.request);
            if !is_refused || !(is_other || round == 0) {
                break;
            }
            exchange.answer = feed(server, exchange.conn, &exchange.request);
        }
    }

    /// The answer goes behind what is to be pushed.
    fn push_first(&self, server: &gatts::Server, exchange: &mut Exchange<'_>) {
        let mut out = [0; OUT_LEN];
        let now_ms = self.links.borrow().last_ms;
        let len = server.transmit(exchange.conn, now_ms, &mut out);
        if len > 0 {
            let answer =
                core::mem::replace(&mut exchange.answer, out.get(..len).unwrap_or_default().to_vec());
            self.send(exchange.conn, answer);
        }
    }

    fn store(&self, pdu: &[u8], at: usize) {
        let Some(characteristic) = handle(pdu).and_then(|handle| self.characteristic(handle)) else { return };
        let value = pdu.get(at..).unwrap_or_default();
        if Some(characteristic.value_handle()) == handle(pdu) && characteristic.value() != value {
            self.deviated_if(characteristic.set_value(Value::Bytes(value)).is_ok());
        }
    }

    fn subscribe(&self, server: &gatts::Server, conn: ConnId, bits: u8) {
        let all = self.characteristics.borrow().clone();
        for [low, high] in all.iter().filter_map(cccd_handle).map(u16::to_le_bytes) {
            self.deviated();
            self.quietly(|| feed(server, conn, &[WRITE_REQ, low, high, bits, 0]));
        }
    }

    /// Sends a PDU of the device's own as soon as it can.
    fn send(&self, conn: ConnId, pdu: Vec<u8>) {
        self.deviated();
        self.link(conn, |link| link.extra.push_back(pdu));
        self.wake();
    }

    /// Notifies every client of a value, whether or not it wants that.
    pub(super) fn push_to_all(&self, handle: u16, value: &[u8]) {
        let pdu = [&[NOTIFICATION], handle.to_le_bytes().as_slice(), value].concat();
        let conns: Vec<u16> = self.links.borrow().links.keys().copied().collect();
        for conn in conns {
            self.send(ConnId(conn), pdu.clone());
        }
    }

    /// Ends what reads have opened: any request does.
    pub(super) fn close_snapshots(&self) {
        let server = self.bluetooth.server();
        let conns: Vec<u16> = self.links.borrow().links.keys().copied().collect();
        for conn in conns {
            self.deviated();
            self.quietly(|| feed(&server, ConnId(conn), &FIND_INFORMATION));
        }
    }

    fn build(&self, parts: &[Part], pdu: &[u8]) -> Vec<u8> {
        let of_pdu = || handle(pdu).and_then(|handle| self.characteristic(handle));
        let mut built = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(bytes) => built.extend_from_slice(bytes),
                Part::Opcode => built.extend(pdu.first()),
                Part::Handle => built.extend_from_slice(pdu.get(1..3).unwrap_or(&[0, 0])),
                Part::Rest(at) => built.extend_from_slice(pdu.get(usize::from(*at)..).unwrap_or_default()),
                Part::Stored => built.extend(of_pdu().map(|it| it.value()).unwrap_or_default()),
                Part::ValueHandle => {
                    built.extend(of_pdu().map_or(0, |it| it.value_handle()).to_le_bytes());
                }
            }
        }
        built
    }

    /// The next PDU of the device's own accord.
    pub(super) fn transmit(
        &self,
        server: &gatts::Server,
        conn: ConnId,
        now_ms: u64,
        out: &mut [u8],
    ) -> usize {
        let now_ms = now_ms.saturating_mul(self.times().unwrap_or(1));
        self.links.borrow_mut().last_ms = now_ms;
        loop {
            if let Some(extra) = self.link(conn, |link| link.extra.pop_front()) {
                return put(&extra, out);
            }
            let len = server.transmit(conn, now_ms, out);
            if len == 0 {
                return 0;
            }
            let real = out.get(..len).unwrap_or_default().to_vec();
            let given = self.pushed(server, conn, real.clone());
            let is_timed = real.first() == Some(&INDICATION) && self.times().is_some();
            self.deviated_if(given != real || is_timed);
            if !given.is_empty() {
                return put(&given, out);
            }
        }
    }

    fn pushed(&self, server: &gatts::Server, conn: ConnId, mut pdu: Vec<u8>) -> Vec<u8> {
        let real = pdu.clone();
        let acts = self.deviations.iter().filter_map(|deviation| match deviation {
            Deviation::Push(opcode, target, acts)
                if real.first() == Some(opcode) && target.is_none_or(|it| it == self.target(&real)) =>
            {
                Some(acts)
            }
            _ => None,
        });
        for act in acts.flatten() {
            match act {
                PushAct::Edit(edit) => drop(edit::apply(edit, &mut pdu)),
                PushAct::Drop => pdu.clear(),
                PushAct::Twice => self.send(conn, pdu.clone()),
                PushAct::Whole => {
                    if let Some(characteristic) = handle(&real).and_then(|handle| self.characteristic(handle))
                    {
                        pdu.truncate(3);
                        pdu.extend(characteristic.value());
                    }
                }
                PushAct::Stale => {
                    let before = handle(&real)
                        .and_then(|handle| self.link(conn, |link| link.pushed.get(&handle).cloned()));
                    pdu = before.unwrap_or(pdu);
                }
                PushAct::Confirmed => {
                    self.deviated();
                    self.quietly(|| feed(server, conn, &[CONFIRMATION]));
                }
            }
        }
        if let Some(handle) = handle(&real) {
            self.link(conn, |link| link.pushed.insert(handle, real));
        }
        pdu
    }

    /// How many times as fast as it should an indication's time passes; 0: not at all.
    pub(super) fn times(&self) -> Option<u64> {
        self.deviations.iter().find_map(|deviation| match deviation {
            Deviation::Clock(times) => Some(u64::from(*times)),
            _ => None,
        })
    }
}

const TRUSTED: Security =
    Security { bonded: true, encrypted: true, authenticated: true, authorised: true, key_size: 16 };

impl<'p> Exchange<'p> {
    fn new(conn: ConnId, pdu: &'p [u8]) -> Self {
        Self { conn, pdu, request: pdu.to_vec(), answer: Vec::new(), is_seen: true, is_held: false }
    }
}

/// The first handle of a PDU.
fn handle(pdu: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes([*pdu.get(1)?, *pdu.get(2)?]))
}

fn answered(wanted: Answered, answer: &[u8]) -> bool {
    match (wanted, answer) {
        (Answered::Error(code), [ERROR_RSP, .., last]) => code == 0 || *last == code,
        (Answered::Empty, [_]) => true,
        (Answered::Well, [first, ..]) => *first != ERROR_RSP,
        (Answered::Nothing, []) => true,
        _ => false,
    }
}

fn is_list(answer: &[u8]) -> bool {
    matches!(answer.first(), Some(0x05 | 0x07 | 0x09 | 0x11))
}

/// Hands a PDU to the server and gives its answer.
fn feed(server: &gatts::Server, conn: ConnId, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; OUT_LEN];
    let len = server.receive(conn, pdu, &mut out);
    out.get(..len).unwrap_or_default().to_vec()
}

/// Copies as much of a PDU as there is room for.
fn put(pdu: &[u8], out: &mut [u8]) -> usize {
    let len = pdu.len().min(out.len());
    if let (Some(to), Some(from)) = (out.get_mut(..len), pdu.get(..len)) {
        to.copy_from_slice(from);
    }
    len
}
