//! A server with its application and its links.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use aes::Aes128;
use cmac::{Cmac, Mac};
use gatts::{
    AttError, Bluetooth, BondId, Call, Characteristic, Config, ConnId, Observed, Security, Server, Service,
    ServiceTable, Uuid,
};

use crate::ALLOCATOR;
use crate::pdu::Handles;
use crate::rules;
use crate::shape::{Handle, LINKS};
use crate::steps::{Action, Step, trigger};
use crate::table::{self, BONDS, CLIENTS, Setup};

/// The same in either order of its octets.
const CSRK: [u8; 16] = [7; 16];
/// What the stated bounds leave out: the allocator's rounding, and vectors that double.
const SLACK: usize = 4_096;

/// What a client knows of its link.
#[derive(Default, Clone, Copy)]
struct Link {
    /// An indication has come that it has not confirmed.
    unconfirmed: bool,
    /// One has timed out.
    silenced: bool,
    /// Prepared writes that wait, and the bytes in them.
    prepared: usize,
    prepared_bytes: usize,
}

pub(crate) struct World {
    bluetooth: Bluetooth,
    server: Server,
    services: Vec<Service>,
    characteristics: Vec<Characteristic>,
    links: Rc<RefCell<[Link; LINKS as usize]>>,
    now_ms: u64,
    seen: DefaultHasher,
    config: Config,
    /// Allocated by the application, and what clients may add to that, in bytes.
    own: usize,
    attributes: usize,
}

impl World {
    pub(crate) fn new(setup: &Setup, services: &[table::Service]) -> Self {
        let config = setup.config();
        let bluetooth = Bluetooth::new(config.clone());
        let server = bluetooth.server();
        let mut world = Self {
            server,
            services: Vec::new(),
            characteristics: Vec::new(),
            links: Rc::default(),
            now_ms: 0,
            seen: DefaultHasher::new(),
            config,
            own: 0,
            // Those of the standard services.
            attributes: 5,
            bluetooth,
        };
        let links = Rc::clone(&world.links);
        world.server.observe(move |event| {
            if let Observed::IndicationTimeout { conn, .. } = event {
                links.borrow_mut()[usize::from(conn.0)].silenced = true;
            }
        });
        if !world.load(services.iter().map(table::Service::table).collect()) {
            for service in services {
                world.load(vec![service.table()]);
            }
        }
        world.own = ALLOCATOR.allocated();
        world.open(setup);
        world
    }

    /// The first client connects, and does what a client does first.
    fn open(&mut self, setup: &Setup) {
        const FEATURES: u16 = 11;
        let first = ConnId(0);
        assert!(self.server.connected(first, Security::default()));
        self.exchange(first, &[&[0x02][..], &setup.mtu.0.to_le_bytes()].concat());
        if self.config.caching {
            self.exchange(first, &[&[0x12][..], &FEATURES.to_le_bytes(), &[setup.features % 8]].concat());
            self.exchange(first, &[0x12, 9, 0, setup.features / 8 % 4, 0]);
        }
        for number in 0..self.characteristics.len() {
            let cccd = self.of(Handle::Cccd(number as u8));
            self.exchange(first, &[&[0x12][..], &cccd.to_le_bytes(), &[setup.cccd % 4, 0]].concat());
        }
    }

    /// Loads a table, whole or not at all; tells which.
    fn load(&mut self, table: Vec<ServiceTable>) -> bool {
        let before = self.discover();
        let possible = self.bluetooth.check(&table);
        assert_eq!(self.discover(), before, "a check has changed the table");
        match self.bluetooth.load(table) {
            Ok(loaded) => {
                assert!(possible.is_ok());
                for one in loaded {
                    self.services.push(one.service);
                    self.attributes += 8 * one.characteristics.len();
                    self.characteristics.extend(one.characteristics);
                }
                true
            }
            Err(error) => {
                assert_eq!(possible, Err(error));
                assert_eq!(self.discover(), before, "an impossible table has left something");
                false
            }
        }
    }

    /// Every attribute with its type, as a client finds them; nothing while there is no room for another one.
    fn discover(&self) -> Vec<u8> {
        let probe = ConnId(LINKS);
        let (mut found, mut first, mut out) = (Vec::new(), Some(1_u16), [0; 23]);
        if self.server.connected(probe, Security::default()) {
            while let Some([low, high]) = first.map(u16::to_le_bytes) {
                let length = self.server.receive(probe, &[0x04, low, high, 0xFF, 0xFF], &mut out);
                let pair = if out[1] == 1 { 4 } else { 18 };
                first = match (out[0], out[2..length].chunks_exact(pair).last()) {
                    (0x05, Some(last)) => u16::from_le_bytes([last[0], last[1]]).checked_add(1),
                    _ => None,
                };
                found.extend_from_slice(&out[..length]);
            }
            self.server.disconnected(probe);
        }
        found
    }

    pub(crate) fn step(&mut self, step: &Step) {
        let before = ALLOCATOR.allocated();
        let is_local = self.local(step);
        if is_local {
            self.own += ALLOCATOR.allocated().saturating_sub(before);
        } else {
            self.remote(step);
        }
        let (held, limit) = (ALLOCATOR.allocated(), self.own + self.bound());
        assert!(held <= limit, "{held} bytes are held, above {limit}");
    }

    /// What clients may make the server hold, in bytes.
    fn bound(&self) -> usize {
        const LONGEST: usize = 512 + 64;
        let Config { push_queue, prepare_queue, prepare_bytes, .. } = self.config;
        let client =
            512 + LONGEST + 2 * (push_queue * 64 + prepare_queue * 64 + prepare_bytes) + 16 * self.attributes;
        let bond = 256 + 128 * self.attributes;
        SLACK + self.attributes * LONGEST + CLIENTS * (client + push_queue * LONGEST) + BONDS * bond
    }

    /// Steps of the application; gives false for others.
    fn local(&mut self, step: &Step) -> bool {
        match step {
            Step::Set(at, value) => {
                if let Some(one) = pick(&self.characteristics, *at) {
                    one.set_value(&value.0).is_ok().hash(&mut self.seen);
                }
            }
            Step::SetInt(at, value) => {
                if let Some(one) = pick(&self.characteristics, *at) {
                    one.set_value(*value).is_ok().hash(&mut self.seen);
                }
            }
            Step::Callback { of, trigger: on, action } => self.callback(*of, *on, action),
            Step::RemoveCallback(of) => {
                if let Some(one) = pick(&self.characteristics, *of) {
                    one.remove_callback();
                }
            }
            Step::Rule(of, on) => {
                let odd = |_: &Characteristic, value: &[u8]| match value.len() % 2 {
                    0 => Ok(()),
                    _ => Err(AttError(0x90)),
                };
                if let Some(one) = pick(&self.characteristics, *of) {
                    one.authorise_write(on.then_some(odd));
                }
            }
            Step::Add(service) => _ = self.load(vec![service.table()]),
            Step::AddCharacteristic(to, described) => {
                let added =
                    pick(&self.services, *to).map(|service| service.characteristic(described.config()));
                if let Some(Ok(added)) = added {
                    self.attributes += 8;
                    self.characteristics.push(added);
                }
            }
            Step::DisconnectClient => self.bluetooth.disconnect_client(),
            _ => return false,
        }
        true
    }

    /// Steps of clients and of the link, and those that only look or hide.
    fn remote(&mut self, step: &Step) {
        match step {
            Step::Connect(conn, security) => {
                let conn = conn.0;
                let served = self.served().filter(|other| *other != conn).count();
                assert_eq!(self.server.connected(conn, security.security()), served < CLIENTS);
                self.links.borrow_mut()[usize::from(conn.0)] = Link::default();
            }
            Step::Disconnect(conn) => self.server.disconnected(conn.0),
            Step::Secure(conn, security) => {
                self.server.set_security(conn.0, security.security());
            }
            Step::Send(conn, pdu) | Step::SendToo(conn, pdu) | Step::SendAsWell(conn, pdu) => {
                self.exchange(conn.0, &pdu.bytes(&*self));
            }
            Step::SendAndDrain(conn, pdu) => {
                self.exchange(conn.0, &pdu.bytes(&*self));
                self.drain(conn.0);
            }
            Step::SendSigned { conn, handle, value, counter } => {
                let handle = self.of(*handle).to_le_bytes();
                let unsigned = [&[0xD2][..], &handle, &value.0, &counter.to_le_bytes()].concat();
                self.exchange(conn.0, &sign(unsigned));
            }
            Step::Drain(conn) => self.drain(conn.0),
            Step::Wait(ms) => {
                self.now_ms += u64::from(*ms);
                self.server.poll_timeouts(self.now_ms);
                let next = self.server.next_deadline_ms();
                assert!(next.is_none_or(|at| at > self.now_ms), "a deadline is past and still there");
            }
            Step::Events(of) => {
                if let Some(one) = pick(&self.characteristics, *of) {
                    one.events().bits().hash(&mut self.seen);
                    assert!(one.events().is_empty(), "reading flags clears them");
                }
            }
            Step::Stop(service) => _ = pick(&self.services, *service).map(Service::stop),
            Step::Start(service) => _ = pick(&self.services, *service).map(Service::start),
            Step::Identify(conn, id) => {
                let id = BondId(u64::from(*id % 4));
                self.server.identify(conn.0, id).hash(&mut self.seen);
            }
            Step::SigningKey(id, next) => {
                self.server.set_signing_key(BondId(u64::from(*id % 4)), CSRK, *next).hash(&mut self.seen);
            }
            Step::Forget(id) => self.server.forget_bond(BondId(u64::from(*id % 4))),
            Step::Restore => {
                let records = self.server.bonds();
                assert!(records.len() <= BONDS);
                assert_eq!(self.server.restore_bonds(records.clone()), records.len());
                assert_eq!(self.server.bonds(), records, "what is restored is what was kept");
            }
            _ => {}
        }
    }

    fn served(&self) -> impl Iterator<Item = ConnId> {
        (0..LINKS).map(ConnId).filter(|conn| self.server.mtu(*conn).is_some())
    }

    fn exchange(&mut self, conn: ConnId, pdu: &[u8]) {
        let mtu = self.server.mtu(conn);
        let mut out = [0; 600];
        let length = self.server.receive(conn, pdu, &mut out);
        let answer = &out[..length];
        let must_answer = mtu.is_some() && rules::is_request(pdu);
        assert_eq!(!answer.is_empty(), must_answer, "{answer:02X?} to {pdu:02X?}");
        if let Some(mtu) = mtu.filter(|_| must_answer) {
            rules::check_response(pdu, answer, mtu.into());
        }
        self.note(conn, pdu, answer);
        answer.hash(&mut self.seen);
    }

    /// Keeps the books of a link, and judges its queue of prepared writes.
    fn note(&self, conn: ConnId, pdu: &[u8], answer: &[u8]) {
        let mut links = self.links.borrow_mut();
        let link = &mut links[usize::from(conn.0)];
        match (pdu, answer) {
            ([0x1E], _) => link.unconfirmed = false,
            (_, [0x17, _, _, _, _, part @ ..]) => {
                (link.prepared, link.prepared_bytes) = (link.prepared + 1, link.prepared_bytes + part.len());
            }
            // A malformed Execute Write leaves the queue as it is.
            ([0x18, ..], [.., last]) if *last != 0x04 => (link.prepared, link.prepared_bytes) = (0, 0),
            _ => {}
        }
        assert!(link.prepared <= self.config.prepare_queue, "more is prepared than may be");
        assert!(link.prepared_bytes <= self.config.prepare_bytes, "longer values are prepared than may be");
    }

    fn drain(&mut self, conn: ConnId) {
        let mut out = [0; 600];
        // Service Changed may come besides what the application has queued.
        for _ in 0..=self.config.push_queue + 1 {
            let length = self.server.transmit(conn, self.now_ms, &mut out);
            let push = &out[..length];
            push.hash(&mut self.seen);
            if push.is_empty() {
                return;
            }
            let mut links = self.links.borrow_mut();
            let state = &mut links[usize::from(conn.0)];
            assert!(!state.silenced, "a push after an indication has timed out");
            let mtu = self.server.mtu(conn).expect("a client that is served");
            if rules::check_push(push, mtu.into()) {
                assert!(!state.unconfirmed, "an indication before the last one is confirmed");
                state.unconfirmed = true;
            }
        }
        panic!("more is pushed than may be queued");
    }

    fn callback(&self, of: u8, on: u8, action: &Action) {
        let Some(one) = pick(&self.characteristics, of) else { return };
        let action = action.clone();
        let (bluetooth, server) = (self.bluetooth.clone(), self.server.clone());
        let (services, all) = (self.services.clone(), self.characteristics.clone());
        one.callback(trigger(on), move |owner: &Characteristic, call: &Call<'_>| {
            match &action {
                Action::Events => _ = owner.events(),
                Action::SetOwn(value) => _ = owner.set_value(&value.0),
                Action::Set(at, value) => _ = pick(&all, *at).map(|one| one.set_value(&value.0)),
                Action::Stop(at) => _ = pick(&services, *at).map(Service::stop),
                Action::Start(at) => _ = pick(&services, *at).map(Service::start),
                Action::RemoveOwnCallback => owner.remove_callback(),
                Action::Disconnected => server.disconnected(call.conn),
                Action::DisconnectClient => bluetooth.disconnect_client(),
                Action::Nested(pdu) => {
                    let pdu = pdu.bytes(&all);
                    // Prepared writes and confirmations are left out: nobody here would learn of them.
                    if !matches!(pdu.first(), Some(0x16 | 0x18 | 0x1E)) {
                        server.receive(call.conn, &pdu, &mut [0; 600]);
                    }
                }
                Action::Nothing | Action::Reply(_) | Action::Int(_) | Action::Reject(_) => {}
            }
            action.reply()
        });
    }

    /// Lets go of everything; gives what was seen, as a number.
    pub(crate) fn end(self) -> u64 {
        self.server.shut_down();
        self.seen.finish()
    }
}

impl Handles for World {
    fn of(&self, handle: Handle) -> u16 {
        self.characteristics.of(handle)
    }
}

impl Handles for Vec<Characteristic> {
    fn of(&self, handle: Handle) -> u16 {
        const CCCD: Uuid = Uuid::from_u16(0x2902);
        match handle {
            Handle::Value(at) => pick(self, at).map_or(1, Characteristic::value_handle),
            Handle::Cccd(at) => pick(self, at).and_then(|one| one.descriptor_handle(CCCD)).unwrap_or(9),
            Handle::Plain(handle) => handle,
        }
    }
}

fn pick<T>(all: &[T], at: u8) -> Option<&T> {
    all.get(usize::from(at) % all.len().max(1))
}

/// Appends the signature of Core Vol 3 Part H 2.4.5 to a PDU with its counter.
fn sign(mut pdu: Vec<u8>) -> Vec<u8> {
    let mut cipher = Cmac::<Aes128>::new(&CSRK.into());
    cipher.update(&pdu.iter().rev().copied().collect::<Vec<_>>());
    let mac = cipher.finalize().into_bytes();
    pdu.extend(mac[..8].iter().rev());
    pdu
}
