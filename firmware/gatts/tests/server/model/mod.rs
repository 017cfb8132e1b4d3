//! The server against a small model of values, counters, flags, subscriptions and queues, over random
//! tables and random operations of two clients and the application. The model is written from the requirements and shares no
//! code with the server.

mod expected;
mod queued;

use std::cell::RefCell;
use std::rc::Rc;

use gatts::{
    Access, Bluetooth, Characteristic, CharacteristicConfig, Config, ConnId, Events, Permissions, Properties,
    Security, Server, Service, ServiceConfig, Uuid,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::exchange;
use expected::*;
use queued::Target;

#[derive(Debug, Clone)]
enum Step {
    Connect(usize),
    Disconnect(usize),
    Secure(usize, bool),
    Mtu(usize, u16),
    Read(usize, usize),
    Blob(usize, usize, u16),
    Write(usize, usize, Vec<u8>),
    Command(usize, usize, Vec<u8>),
    Subscribe(usize, usize, u8),
    ReadCccd(usize, usize),
    Prepare(usize, usize, u16, Vec<u8>),
    PrepareCccd(usize, usize, u16, Vec<u8>),
    Execute(usize, u8),
    Features(usize, u8),
    WantChanged(usize, bool),
    ReadHash(usize),
    Toggle,
    Set(usize, Vec<u8>),
    Events(usize),
    BluetoothEvents,
    Transmit(usize),
    Confirm(usize),
    Advance(u64),
}

/// The most characteristics of a table.
const CHARACTERISTICS: usize = 6;

fn described() -> impl Strategy<Value = Described> {
    let handlers = [Handler::None, Handler::Count, Handler::Quiet, Handler::Long, Handler::Reverse];
    // Read, write, write without response, notify, indicate; most often all that is needed.
    let properties = prop_oneof![Just(0x3E_u8), any::<u8>().prop_map(|bits| bits & 0x3E)];
    let length = prop_oneof![Just(512_usize), 1..8_usize];
    let secret = prop_oneof![3 => Just([false; 2]), 1 => any::<[bool; 2]>()];
    let gap = prop_oneof![2 => Just(0_u16), 1 => 0..300_u16];
    (properties, length, any::<bool>(), secret, gap, proptest::sample::select(handlers.to_vec())).prop_map(
        |(properties, length, fixed, secret, gap, handler)| {
            let fixed = fixed && length < 8;
            Described { properties, length, fixed, secret, gap, handler }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    // Taken modulo the size of the table.
    let (client, index) = (0..2_usize, 0..CHARACTERISTICS);
    let at = (client.clone(), index.clone());
    let value = || vec(any::<u8>(), 0..7);
    prop_oneof![
        2 => client.clone().prop_map(Step::Connect),
        1 => client.clone().prop_map(Step::Disconnect),
        1 => (client.clone(), any::<bool>()).prop_map(|(c, on)| Step::Secure(c, on)),
        1 => (client.clone(), 0..600_u16).prop_map(|(c, mtu)| Step::Mtu(c, mtu)),
        4 => at.clone().prop_map(|(c, i)| Step::Read(c, i)),
        4 => (at.clone(), prop_oneof![Just(0), Just(22), 0..70_u16])
            .prop_map(|((c, i), offset)| Step::Blob(c, i, offset)),
        3 => (at.clone(), value()).prop_map(|((c, i), v)| Step::Write(c, i, v)),
        2 => (at.clone(), value()).prop_map(|((c, i), v)| Step::Command(c, i, v)),
        3 => (at.clone(), 0..4_u8).prop_map(|((c, i), bits)| Step::Subscribe(c, i, bits)),
        1 => at.clone().prop_map(|(c, i)| Step::ReadCccd(c, i)),
        5 => (at.clone(), prop_oneof![Just(0), 0..8_u16], value())
            .prop_map(|((c, i), o, v)| Step::Prepare(c, i, o, v)),
        1 => (at, 0..3_u16, vec(0..4_u8, 0..3)).prop_map(|((c, i), o, v)| Step::PrepareCccd(c, i, o, v)),
        3 => (client.clone(), prop_oneof![3 => Just(1), 1 => 0..3_u8]).prop_map(|(c, f)| Step::Execute(c, f)),
        1 => (client.clone(), any::<u8>()).prop_map(|(c, bits)| Step::Features(c, bits)),
        1 => (client.clone(), any::<bool>()).prop_map(|(c, on)| Step::WantChanged(c, on)),
        1 => client.clone().prop_map(Step::ReadHash),
        2 => Just(Step::Toggle),
        4 => (index.clone(), value()).prop_map(|(i, v)| Step::Set(i, v)),
        2 => index.prop_map(Step::Events),
        1 => Just(Step::BluetoothEvents),
        4 => client.clone().prop_map(Step::Transmit),
        2 => client.prop_map(Step::Confirm),
        1 => (0..20_000_u64).prop_map(Step::Advance),
    ]
}

/// The real server, with the same handlers.
struct Real {
    bluetooth: Bluetooth,
    server: Server,
    fickle: Service,
    characteristics: Vec<Characteristic>,
    calls: Vec<Rc<RefCell<u32>>>,
}

impl Real {
    fn new(table: &[Described]) -> Self {
        let config = Config {
            max_connections: 2,
            push_queue: QUEUE,
            max_mtu: FULL_MTU,
            prepare_queue: PREPARED,
            prepare_bytes: PREPARED_BYTES,
            caching: true,
            ..Config::default()
        };
        let bluetooth = Bluetooth::new(config);
        let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
        let (mut characteristics, mut calls) = (Vec::new(), Vec::new());
        for one in table {
            let characteristic = service.characteristic(config_of(one, service.end_handle())).unwrap();
            calls.push(attach(&characteristic, one.handler));
            characteristics.push(characteristic);
        }
        let fickle = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
        let server = bluetooth.server();
        Self { bluetooth, server, fickle, characteristics, calls }
    }
}

fn config_of(one: &Described, last_handle: u16) -> CharacteristicConfig {
    let [read, write] = one.secret.map(|secret| if secret { Access::OPEN.encrypted() } else { Access::OPEN });
    let config = CharacteristicConfig::new(Uuid::from_u16(0x2222))
        .properties(Properties::from_bits_retain(one.properties))
        .permissions(Permissions { read, write })
        .handle(last_handle + 1 + one.gap);
    match one.fixed {
        true => config.value(&vec![0; one.length]).fixed_len(one.length as u16),
        false => config.max_len(one.length as u16),
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
            model.connect(*client);
            let served = real.server.connected(ConnId(*client as u16), Security::default());
            (vec![u8::from(served)], vec![1])
        }
        Step::Disconnect(client) => {
            model.disconnect(*client);
            real.server.disconnected(ConnId(*client as u16));
            (vec![], vec![])
        }
        Step::Secure(client, encrypted) => {
            model.secure(*client, *encrypted);
            let security = Security { encrypted: *encrypted, ..Security::default() };
            real.server.set_security(ConnId(*client as u16), security);
            (vec![], vec![])
        }
        Step::Mtu(client, mtu) => {
            let answer = send(*client, &[&[0x02], &mtu.to_le_bytes()]);
            model.arrive(*client, 0x02, None);
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            peer.mtu = usize::from(*mtu).clamp(23, usize::from(FULL_MTU));
            (answer, vec![0x03, 0x05, 0x02])
        }
        Step::Read(client, index) => {
            (send(*client, &[&[0x0A], &model.value_handle(*index)]), model.read(*client, *index, None))
        }
        Step::Blob(client, index, offset) => (
            send(*client, &[&[0x0C], &model.value_handle(*index), &offset.to_le_bytes()]),
            model.read(*client, *index, Some(*offset)),
        ),
        Step::Write(client, index, bytes) => {
            let handle = model.value_handle(*index);
            let answer = send(*client, &[&[0x12], &handle, bytes]);
            if let Some(refused) = model.arrive(*client, 0x12, Some(handle)) {
                return (answer, refused);
            }
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            let written = model.write(*client, *index, bytes);
            (answer, written.map_or_else(|code| error(0x12, handle, code), |()| vec![0x13]))
        }
        Step::Command(client, index, bytes) => {
            if model.hears(*client) {
                let _ = model.write(*client, *index, bytes);
            }
            (send(*client, &[&[0x52], &model.value_handle(*index), bytes]), vec![])
        }
        Step::Subscribe(client, index, bits) => (
            send(*client, &[&[0x12], &model.cccd_handle(*index), &[*bits, 0]]),
            model.subscribe(*client, *index, *bits),
        ),
        Step::ReadCccd(client, index) => {
            let handle = model.cccd_handle(*index);
            let answer = send(*client, &[&[0x0A], &handle]);
            if let Some(refused) = model.arrive(*client, 0x0A, Some(handle)) {
                return (answer, refused);
            }
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            let bits = peer.cccd[*index];
            match model.table[*index].pushes() {
                0 => (answer, error(0x0A, handle, 0x01)),
                _ => (answer, vec![0x0B, bits, 0]),
            }
        }
        _ => run_caching(real, model, step),
    }
}

/// The requests of queued writes and caching.
fn run_caching(real: &Real, model: &mut Model, step: &Step) -> (Vec<u8>, Vec<u8>) {
    let send = |client: usize, pdu: &[&[u8]]| exchange(&real.server, ConnId(client as u16), &pdu.concat());
    match step {
        Step::Prepare(client, index, offset, part) => {
            run_prepare(real, model, *client, Target::Value(*index), *offset, part)
        }
        Step::PrepareCccd(client, index, offset, part) => {
            run_prepare(real, model, *client, Target::Cccd(*index), *offset, part)
        }
        Step::Execute(client, flags) => (send(*client, &[&[0x18, *flags]]), model.execute(*client, *flags)),
        Step::Features(client, bits) => {
            (send(*client, &[&[0x12], &FEATURES, &[*bits]]), model.set_features(*client, *bits))
        }
        Step::WantChanged(client, on) => (
            send(*client, &[&[0x12], &SERVICE_CHANGED_CCCD, &[u8::from(*on) * 2, 0]]),
            model.want_changed(*client, *on),
        ),
        Step::ReadHash(client) => {
            let answer = send(*client, &[&[0x08, 0x01, 0x00, 0xFF, 0xFF, 0x2A, 0x2B]]);
            model.arrive(*client, 0x08, None);
            let Some(peer) = &mut model.peers[*client] else { return (answer, vec![]) };
            peer.snapshot = None;
            peer.informed = peer.unaware;
            // The hash itself is checked elsewhere.
            (answer[..4].to_vec(), vec![0x09, 18, 13, 0])
        }
        _ => run_local(real, model, step),
    }
}

fn run_prepare(
    real: &Real,
    model: &mut Model,
    client: usize,
    target: Target,
    offset: u16,
    part: &[u8],
) -> (Vec<u8>, Vec<u8>) {
    let request = [&[0x16], &model.handle_of(target)[..], &offset.to_le_bytes(), part].concat();
    (exchange(&real.server, ConnId(client as u16), &request), model.prepare(client, target, offset, part))
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
            model.confirm(*client);
            (exchange(&real.server, ConnId(*client as u16), &[0x1E]), vec![])
        }
        Step::Toggle => {
            match real.fickle.is_stopped() {
                true => real.fickle.start(),
                false => real.fickle.stop(),
            }
            model.toggle();
            (vec![], vec![])
        }
        Step::Advance(by) => {
            model.advance(*by);
            real.server.poll_timeouts(model.now);
            let deadlines = model.peers.iter().flatten().filter_map(|peer| Some(peer.deadline?.0));
            let deadline = |at: Option<u64>| at.unwrap_or(0).to_be_bytes().to_vec();
            (deadline(real.server.next_deadline_ms()), deadline(deadlines.min()))
        }
        _ => unreachable!("{step:?} is a request"),
    }
}

/// The step with the characteristic that it means.
fn within(step: &Step, size: usize) -> Step {
    let mut step = step.clone();
    match &mut step {
        Step::Read(_, index)
        | Step::Blob(_, index, _)
        | Step::Write(_, index, _)
        | Step::Command(_, index, _)
        | Step::Subscribe(_, index, _)
        | Step::ReadCccd(_, index)
        | Step::Prepare(_, index, ..)
        | Step::PrepareCccd(_, index, ..)
        | Step::Set(index, _)
        | Step::Events(index) => *index %= size,
        _ => {}
    }
    step
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(512), ..ProptestConfig::default() })]
    #[test]
    fn the_server_agrees_with_the_model(
        table in vec(described(), 1..=CHARACTERISTICS),
        steps in vec(step(), 1..120),
    ) {
        let (real, mut model) = (Real::new(&table), Model::new(&table));
        for step in steps.iter().map(|step| within(step, table.len())) {
            let (shown, expected) = run(&real, &mut model, &step);
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
