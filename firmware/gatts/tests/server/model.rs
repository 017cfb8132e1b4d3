//! The server against a small model of values, counters, flags, subscriptions and queues, over random
//! operations of two clients and the application. The model is written from the requirements and shares no
//! code with the server.

use std::cell::RefCell;
use std::rc::Rc;

use gatts::{
    Bluetooth, Characteristic, CharacteristicConfig, Config, ConnId, Events, Properties, Security, Server,
    ServiceConfig, Uuid,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::exchange;

const QUEUE: usize = 3;
const FULL_MTU: u16 = 517;

/// What the handler of a characteristic does at its calls.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Handler {
    /// There is none.
    None,
    /// On reads: counts from 0xF0 and answers with the count above 0xF1.
    Count,
    /// On everything: answers nothing.
    Quiet,
    /// On reads: 60 bytes, each the number of the call.
    Long,
    /// On writes: stores the written bytes reversed.
    Reverse,
}

/// Property bits, longest value, handler.
const CHARACTERISTICS: [(u8, usize, Handler); 6] = [
    (0x1A, 512, Handler::None),
    (0x1A, 512, Handler::Count),
    (0x3A, 4, Handler::Quiet),
    (0x10, 512, Handler::None),
    (0x22, 512, Handler::Long),
    (0x1E, 512, Handler::Reverse),
];

/// All have a CCCD, so each takes three handles, from 7 + 1 on.
fn value_handle(index: usize) -> [u8; 2] {
    (9 + 3 * index as u16).to_le_bytes()
}

fn cccd_handle(index: usize) -> [u8; 2] {
    (10 + 3 * index as u16).to_le_bytes()
}

#[derive(Debug, Clone)]
enum Step {
    Connect(usize),
    Disconnect(usize),
    Mtu(usize, u16),
    Read(usize, usize),
    Blob(usize, usize, u16),
    Write(usize, usize, Vec<u8>),
    Command(usize, usize, Vec<u8>),
    Subscribe(usize, usize, u8),
    ReadCccd(usize, usize),
    Set(usize, Vec<u8>),
    Events(usize),
    BluetoothEvents,
    Transmit(usize),
    Confirm(usize),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (client, index) = (0..2_usize, 0..CHARACTERISTICS.len());
    let at = (client.clone(), index.clone());
    let value = || vec(any::<u8>(), 0..7);
    prop_oneof![
        2 => client.clone().prop_map(Step::Connect),
        1 => client.clone().prop_map(Step::Disconnect),
        1 => (client.clone(), 0..600_u16).prop_map(|(c, mtu)| Step::Mtu(c, mtu)),
        4 => at.clone().prop_map(|(c, i)| Step::Read(c, i)),
        4 => (at.clone(), prop_oneof![Just(0), Just(22), 0..70_u16])
            .prop_map(|((c, i), offset)| Step::Blob(c, i, offset)),
        3 => (at.clone(), value()).prop_map(|((c, i), v)| Step::Write(c, i, v)),
        2 => (at.clone(), value()).prop_map(|((c, i), v)| Step::Command(c, i, v)),
        3 => (at.clone(), 0..4_u8).prop_map(|((c, i), bits)| Step::Subscribe(c, i, bits)),
        1 => at.prop_map(|(c, i)| Step::ReadCccd(c, i)),
        4 => (index.clone(), value()).prop_map(|(i, v)| Step::Set(i, v)),
        2 => index.prop_map(Step::Events),
        1 => Just(Step::BluetoothEvents),
        4 => client.clone().prop_map(Step::Transmit),
        2 => client.prop_map(Step::Confirm),
        1 => (0..20_000_u64).prop_map(Step::Advance),
    ]
}

#[derive(Default)]
struct Value {
    bytes: Vec<u8>,
    flags: u16,
    calls: u32,
}

#[derive(Default)]
struct Peer {
    mtu: usize,
    cccd: [u8; CHARACTERISTICS.len()],
    snapshot: Option<(usize, Vec<u8>)>,
    /// Characteristic, whether indicated, bytes.
    queue: Vec<(usize, bool, Vec<u8>)>,
    /// When the unconfirmed indication times out.
    deadline: Option<u64>,
    silenced: bool,
}

#[derive(Default)]
struct Model {
    values: [Value; CHARACTERISTICS.len()],
    peers: [Option<Peer>; 2],
    flags: u16,
    now: u64,
}

fn error(opcode: u8, handle: [u8; 2], code: u8) -> Vec<u8> {
    vec![0x01, opcode, handle[0], handle[1], code]
}

fn cut(mut pdu: Vec<u8>, mtu: usize) -> Vec<u8> {
    pdu.truncate(mtu);
    pdu
}

impl Model {
    fn new() -> Self {
        let mut model = Self::default();
        for value in &mut model.values {
            value.bytes = vec![0];
        }
        model
    }

    /// The whole answer to a read that runs the handler.
    fn fresh(&mut self, index: usize) -> Vec<u8> {
        let value = &mut self.values[index];
        value.flags |= 0x08;
        let handler = CHARACTERISTICS[index].2;
        if matches!(handler, Handler::Count | Handler::Quiet | Handler::Long) {
            value.calls += 1;
        }
        match handler {
            Handler::Count if value.calls >= 2 => match 0xF0 + value.calls {
                small @ ..=0xFF => vec![small as u8],
                large => vec![(large >> 8) as u8, large as u8],
            },
            Handler::Long => vec![value.calls as u8; 60],
            _ => value.bytes.clone(),
        }
    }

    fn read(&mut self, client: usize, index: usize, offset: Option<u16>) -> Vec<u8> {
        let Some(mut peer) = self.peers[client].take() else { return vec![] };
        let opcode = if offset.is_some() { 0x0C } else { 0x0A };
        let open = peer.snapshot.take();
        let answer = if CHARACTERISTICS[index].0 & 0x02 == 0 {
            error(opcode, value_handle(index), 0x02)
        } else {
            let whole = match open {
                Some((owner, whole)) if owner == index && offset.is_some_and(|offset| offset > 0) => whole,
                _ => self.fresh(index),
            };
            peer.snapshot = Some((index, whole.clone()));
            match whole.get(usize::from(offset.unwrap_or(0))..) {
                Some(part) => cut([&[opcode + 1], part].concat(), peer.mtu),
                None => error(opcode, value_handle(index), 0x07),
            }
        };
        self.peers[client] = Some(peer);
        answer
    }

    /// Gives the error code of a write, if it is refused.
    fn write(&mut self, index: usize, bytes: &[u8]) -> Result<(), u8> {
        let (properties, max_len, handler) = CHARACTERISTICS[index];
        if properties & 0x0C == 0 {
            return Err(0x03);
        }
        if bytes.len() > max_len {
            return Err(0x0D);
        }
        let value = &mut self.values[index];
        value.bytes = bytes.to_vec();
        value.flags |= 0x10;
        match handler {
            Handler::Quiet => value.calls += 1,
            Handler::Reverse => {
                value.calls += 1;
                let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
                self.set(index, &reversed);
            }
            _ => {}
        }
        Ok(())
    }

    fn set(&mut self, index: usize, bytes: &[u8]) -> bool {
        if bytes.len() > CHARACTERISTICS[index].1 {
            return false;
        }
        let subscribed = |peer: &Peer| peer.cccd[index] != 0 && !peer.silenced;
        if self.peers.iter().flatten().any(|peer| subscribed(peer) && peer.queue.len() == QUEUE) {
            return false;
        }
        for peer in self.peers.iter_mut().flatten().filter(|peer| subscribed(peer)) {
            let indicate = peer.cccd[index] == 2;
            peer.queue.push((index, indicate, bytes.to_vec()));
        }
        self.values[index].bytes = bytes.to_vec();
        true
    }

    fn subscribe(&mut self, client: usize, index: usize, bits: u8) -> Vec<u8> {
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        let (properties, _, handler) = CHARACTERISTICS[index];
        if bits & !(properties >> 4 & 3) != 0 {
            return error(0x12, cccd_handle(index), 0xFD);
        }
        peer.cccd[index] = bits;
        peer.queue.retain(|(owner, indicate, _)| {
            *owner != index || (bits & 1 != 0 && !indicate) || (bits == 2 && *indicate)
        });
        self.values[index].flags |= 0x80;
        self.values[index].calls += u32::from(handler == Handler::Quiet);
        vec![0x13]
    }

    fn transmit(&mut self, client: usize) -> Vec<u8> {
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        let waiting = peer.deadline.is_some();
        let next = peer.queue.iter().position(|(_, indicate, _)| !indicate || !waiting);
        let Some(next) = next else { return vec![] };
        let (index, indicate, bytes) = peer.queue.remove(next);
        if indicate {
            peer.deadline = Some(self.now + 30_000);
        }
        let opcode = if indicate { 0x1D } else { 0x1B };
        cut([&[opcode], &value_handle(index)[..], &bytes].concat(), peer.mtu)
    }

    fn advance(&mut self, by: u64) {
        self.now += by;
        for peer in self.peers.iter_mut().flatten() {
            if peer.deadline.is_some_and(|deadline| deadline <= self.now) {
                peer.deadline = None;
                peer.silenced = true;
                peer.queue.clear();
            }
        }
    }

    fn disconnect(&mut self, client: usize) {
        if self.peers[client].take().is_some() {
            self.flags |= 0x04;
        }
    }
}

/// The real server, with the same handlers.
struct Real {
    bluetooth: Bluetooth,
    server: Server,
    characteristics: Vec<Characteristic>,
    calls: Vec<Rc<RefCell<u32>>>,
}

impl Real {
    fn new() -> Self {
        let config = Config { max_connections: 2, push_queue: QUEUE, max_mtu: FULL_MTU, ..Config::default() };
        let bluetooth = Bluetooth::new(config);
        let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
        let (mut characteristics, mut calls) = (Vec::new(), Vec::new());
        for (properties, max_len, handler) in CHARACTERISTICS {
            let config = CharacteristicConfig::new(Uuid::from_u16(0x2222))
                .properties(Properties::from_bits_retain(properties))
                .max_len(max_len as u16);
            let characteristic = service.characteristic(config).unwrap();
            calls.push(attach(&characteristic, handler));
            characteristics.push(characteristic);
        }
        let server = bluetooth.server();
        Self { bluetooth, server, characteristics, calls }
    }
}

fn attach(characteristic: &Characteristic, handler: Handler) -> Rc<RefCell<u32>> {
    let calls = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&calls);
    let count = move || {
        *counted.borrow_mut() += 1;
        *counted.borrow()
    };
    let read = Events::CHAR_READ_EVENT;
    match handler {
        Handler::None => {}
        Handler::Count => {
            characteristic.callback(read, move |_, _| Some(0xF0 + count()).filter(|count| *count > 0xF1));
        }
        Handler::Quiet => characteristic.callback(Events::all(), move |_, _| {
            count();
        }),
        Handler::Long => characteristic.callback(read, move |_, _| vec![count() as u8; 60]),
        Handler::Reverse => characteristic.callback(Events::CHAR_WRITE_EVENT, move |owner, call| {
            count();
            let reversed: Vec<u8> = call.value.iter().rev().copied().collect();
            let _ = owner.set_value(&reversed);
        }),
    }
    calls
}

/// Does a step on both sides and gives what each shows of it.
fn run(real: &Real, model: &mut Model, step: &Step) -> (Vec<u8>, Vec<u8>) {
    let send = |client: usize, pdu: &[&[u8]]| exchange(&real.server, ConnId(client as u16), &pdu.concat());
    match step {
        Step::Connect(client) => {
            model.disconnect(*client);
            model.peers[*client] = Some(Peer { mtu: 23, ..Peer::default() });
            model.flags |= 0x02;
            let served = real.server.connected(ConnId(*client as u16), Security::default());
            (vec![u8::from(served)], vec![1])
        }
        Step::Disconnect(client) => {
            model.disconnect(*client);
            real.server.disconnected(ConnId(*client as u16));
            (vec![], vec![])
        }
        Step::Mtu(client, mtu) => {
            let answer = send(*client, &[&[0x02], &mtu.to_le_bytes()]);
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            peer.mtu = usize::from(*mtu).clamp(23, usize::from(FULL_MTU));
            (answer, vec![0x03, 0x05, 0x02])
        }
        Step::Read(client, index) => {
            (send(*client, &[&[0x0A], &value_handle(*index)]), model.read(*client, *index, None))
        }
        Step::Blob(client, index, offset) => (
            send(*client, &[&[0x0C], &value_handle(*index), &offset.to_le_bytes()]),
            model.read(*client, *index, Some(*offset)),
        ),
        Step::Write(client, index, bytes) => {
            let answer = send(*client, &[&[0x12], &value_handle(*index), bytes]);
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            let written = model.write(*index, bytes);
            (answer, written.map_or_else(|code| error(0x12, value_handle(*index), code), |()| vec![0x13]))
        }
        Step::Command(client, index, bytes) => {
            if model.peers[*client].is_some() {
                let _ = model.write(*index, bytes);
            }
            (send(*client, &[&[0x52], &value_handle(*index), bytes]), vec![])
        }
        Step::Subscribe(client, index, bits) => (
            send(*client, &[&[0x12], &cccd_handle(*index), &[*bits, 0]]),
            model.subscribe(*client, *index, *bits),
        ),
        Step::ReadCccd(client, index) => {
            let answer = send(*client, &[&[0x0A], &cccd_handle(*index)]);
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            (answer, vec![0x0B, peer.cccd[*index], 0])
        }
        _ => run_local(real, model, step),
    }
}

/// The steps that are no requests.
fn run_local(real: &Real, model: &mut Model, step: &Step) -> (Vec<u8>, Vec<u8>) {
    match step {
        Step::Set(index, bytes) => {
            let done = real.characteristics[*index].set_value(bytes).is_ok();
            (vec![u8::from(done)], vec![u8::from(model.set(*index, bytes))])
        }
        Step::Events(index) => {
            let flags = real.characteristics[*index].events().bits();
            (
                flags.to_be_bytes().to_vec(),
                std::mem::take(&mut model.values[*index].flags).to_be_bytes().to_vec(),
            )
        }
        Step::BluetoothEvents => {
            let flags = real.bluetooth.events().bits();
            (flags.to_be_bytes().to_vec(), std::mem::take(&mut model.flags).to_be_bytes().to_vec())
        }
        Step::Transmit(client) => {
            let mut out = [0; 517];
            let length = real.server.transmit(ConnId(*client as u16), model.now, &mut out);
            (out[..length].to_vec(), model.transmit(*client))
        }
        Step::Confirm(client) => {
            if let Some(peer) = &mut model.peers[*client] {
                peer.deadline = None;
            }
            (exchange(&real.server, ConnId(*client as u16), &[0x1E]), vec![])
        }
        Step::Advance(by) => {
            model.advance(*by);
            real.server.poll_timeouts(model.now);
            let deadlines = model.peers.iter().flatten().filter_map(|peer| peer.deadline);
            let deadline = |at: Option<u64>| at.unwrap_or(0).to_be_bytes().to_vec();
            (deadline(real.server.next_deadline_ms()), deadline(deadlines.min()))
        }
        _ => unreachable!("{step:?} is a request"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn the_server_agrees_with_the_model(steps in vec(step(), 1..120)) {
        let (real, mut model) = (Real::new(), Model::new());
        for step in &steps {
            let (shown, expected) = run(&real, &mut model, step);
            prop_assert_eq!(shown, expected, "{:?}", step);
            for (index, value) in model.values.iter().enumerate() {
                prop_assert_eq!(&real.characteristics[index].value(), &value.bytes, "value {} after {:?}", index, step);
                prop_assert_eq!(*real.calls[index].borrow(), value.calls, "calls {} after {:?}", index, step);
            }
        }
        for (index, value) in model.values.iter().enumerate() {
            prop_assert_eq!(real.characteristics[index].events().bits(), value.flags, "flags {}", index);
        }
    }
}
