//! The model: an arbitrary table with its values, counters, flags, subscriptions, queues and change awareness.

use super::queued::Prepared;

pub(super) const QUEUE: usize = 3;
pub(super) const FULL_MTU: u16 = 517;
pub(super) const PREPARED: usize = 4;
pub(super) const PREPARED_BYTES: usize = 12;

/// What the handler of a characteristic does at its calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Handler {
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

/// A characteristic of the table at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    /// Property bits.
    pub(super) properties: u8,
    /// The most bytes of its value, or all that it always has.
    pub(super) length: usize,
    pub(super) fixed: bool,
    /// Reading or writing needs an encrypted link.
    pub(super) secret: [bool; 2],
    /// Handles left out before its declaration.
    pub(super) gap: u16,
    pub(super) handler: Handler,
}

impl Described {
    /// CCCD bits that the properties allow.
    pub(super) fn pushes(&self) -> u8 {
        self.properties >> 4 & 3
    }
}

/// Handles of the GATT service.
pub(super) const SERVICE_CHANGED: [u8; 2] = [8, 0];
pub(super) const SERVICE_CHANGED_CCCD: [u8; 2] = [9, 0];
pub(super) const FEATURES: [u8; 2] = [11, 0];

/// Handle of the service that holds the characteristics, behind GAP and GATT.
const SERVICE: u16 = 14;
/// No attribute is there.
const NOWHERE: u16 = 0xFFF0;

#[derive(Default)]
pub(super) struct Value {
    pub(super) bytes: Vec<u8>,
    pub(super) flags: u16,
    pub(super) calls: u32,
}

#[derive(Default)]
pub(super) struct Peer {
    pub(super) mtu: usize,
    pub(super) encrypted: bool,
    pub(super) cccd: Vec<u8>,
    pub(super) snapshot: Option<(usize, Vec<u8>)>,
    /// Characteristic, whether indicated, bytes.
    pub(super) queue: Vec<(usize, bool, Vec<u8>)>,
    /// When the unconfirmed indication times out, and whether it is Service Changed.
    pub(super) deadline: Option<(u64, bool)>,
    pub(super) silenced: bool,
    pub(super) prepared: Vec<Prepared>,
    pub(super) features: u8,
    pub(super) unaware: bool,
    /// The next request makes it aware.
    pub(super) informed: bool,
    pub(super) wants_changed: bool,
    pub(super) changed: bool,
}

pub(super) struct Model {
    pub(super) table: Vec<Described>,
    pub(super) values: Vec<Value>,
    pub(super) peers: [Option<Peer>; 2],
    pub(super) flags: u16,
    pub(super) now: u64,
}

pub(super) fn error(opcode: u8, handle: [u8; 2], code: u8) -> Vec<u8> {
    vec![0x01, opcode, handle[0], handle[1], code]
}

pub(super) fn cut(mut pdu: Vec<u8>, mtu: usize) -> Vec<u8> {
    pdu.truncate(mtu);
    pdu
}

impl Model {
    pub(super) fn new(table: &[Described]) -> Self {
        let first = |one: &Described| Value {
            bytes: vec![0; if one.fixed { one.length } else { 1 }],
            ..Value::default()
        };
        let values = table.iter().map(first).collect();
        Self { table: table.to_vec(), values, peers: [None, None], flags: 0, now: 0 }
    }

    /// A client comes; it takes the place of one that has not been seen to go.
    pub(super) fn connect(&mut self, client: usize) {
        self.disconnect(client);
        self.peers[client] = Some(Peer { mtu: 23, cccd: vec![0; self.table.len()], ..Peer::default() });
        self.flags |= 0x02;
    }

    /// The first handle behind `count` characteristics.
    fn handle_behind(&self, count: usize) -> u16 {
        let size = |one: &Described| one.gap + 2 + u16::from(one.pushes() != 0);
        SERVICE + 1 + self.table[..count].iter().map(size).sum::<u16>()
    }

    pub(super) fn value_handle(&self, index: usize) -> [u8; 2] {
        (self.handle_behind(index) + self.table[index].gap + 1).to_le_bytes()
    }

    /// Of a characteristic without a CCCD, a handle where nothing is.
    pub(super) fn cccd_handle(&self, index: usize) -> [u8; 2] {
        let value = u16::from_le_bytes(self.value_handle(index));
        if self.table[index].pushes() == 0 { NOWHERE.to_le_bytes() } else { (value + 1).to_le_bytes() }
    }

    /// Value of Service Changed for the empty service behind, which comes and goes.
    fn changed(&self) -> [u8; 4] {
        let [low, high] = self.handle_behind(self.table.len()).to_le_bytes();
        [low, high, low, high]
    }

    /// The code that refuses an access, reading (0) or writing (1).
    pub(super) fn refusal(&self, client: usize, index: usize, access: usize) -> Option<u8> {
        let one = &self.table[index];
        let (property, never) = [(0x02, 0x02), (0x0C, 0x03)][access];
        if one.properties & property == 0 {
            return Some(never);
        }
        let encrypted = self.peers[client].as_ref().is_some_and(|peer| peer.encrypted);
        (one.secret[access] && !encrypted).then_some(0x05)
    }

    /// The whole answer to a read that runs the handler.
    pub(super) fn fresh(&mut self, index: usize) -> Vec<u8> {
        let value = &mut self.values[index];
        value.flags |= 0x08;
        let handler = self.table[index].handler;
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

    /// A request comes, for a handle or none. Gives the answer, if that is Database Out Of Sync.
    pub(super) fn arrive(&mut self, client: usize, opcode: u8, handle: Option<[u8; 2]>) -> Option<Vec<u8>> {
        let peer = self.peers[client].as_mut()?;
        if peer.informed {
            (peer.unaware, peer.informed) = (false, false);
        }
        let handle = handle.filter(|_| peer.unaware && peer.features & 1 != 0)?;
        (peer.informed, peer.snapshot) = (true, None);
        Some(error(opcode, handle, 0x12))
    }

    /// Commands of this client are heard.
    pub(super) fn hears(&self, client: usize) -> bool {
        self.peers[client].as_ref().is_some_and(|peer| !peer.unaware || peer.features & 1 == 0)
    }

    pub(super) fn read(&mut self, client: usize, index: usize, offset: Option<u16>) -> Vec<u8> {
        let (opcode, handle) = (if offset.is_some() { 0x0C } else { 0x0A }, self.value_handle(index));
        if let Some(refused) = self.arrive(client, opcode, Some(handle)) {
            return refused;
        }
        let refusal = self.refusal(client, index, 0);
        let Some(mut peer) = self.peers[client].take() else { return vec![] };
        let open = peer.snapshot.take();
        let answer = if let Some(code) = refusal {
            error(opcode, handle, code)
        } else {
            let whole = match open {
                Some((owner, whole)) if owner == index && offset.is_some_and(|offset| offset > 0) => whole,
                _ => self.fresh(index),
            };
            peer.snapshot = Some((index, whole.clone()));
            match whole.get(usize::from(offset.unwrap_or(0))..) {
                Some(part) => cut([&[opcode + 1], part].concat(), peer.mtu),
                None => error(opcode, handle, 0x07),
            }
        };
        self.peers[client] = Some(peer);
        answer
    }

    /// A Write Request or Write Command. Gives the error code, if it is refused.
    pub(super) fn write(&mut self, client: usize, index: usize, bytes: &[u8]) -> Result<(), u8> {
        if let Some(code) = self.refusal(client, index, 1) {
            return Err(code);
        }
        let one = self.table[index];
        if bytes.len() > one.length {
            return Err(0x0D);
        }
        let mut whole = bytes.to_vec();
        if one.fixed {
            whole.extend_from_slice(&self.values[index].bytes[bytes.len()..]);
        }
        self.written(index, whole);
        Ok(())
    }

    /// A value that a client has written is stored, and the handler runs.
    pub(super) fn written(&mut self, index: usize, whole: Vec<u8>) {
        let value = &mut self.values[index];
        value.bytes = whole.clone();
        value.flags |= 0x10;
        match self.table[index].handler {
            Handler::Quiet => value.calls += 1,
            Handler::Reverse => {
                value.calls += 1;
                let reversed: Vec<u8> = whole.into_iter().rev().collect();
                self.set(index, &reversed);
            }
            _ => {}
        }
    }

    /// Whether a value set now goes to this client.
    fn reaches(&self, peer: &Peer, index: usize) -> bool {
        peer.cccd[index] != 0 && !peer.silenced && (peer.encrypted || !self.table[index].secret[0])
    }

    pub(super) fn set(&mut self, index: usize, bytes: &[u8]) -> bool {
        let one = self.table[index];
        if bytes.len() > one.length || (one.fixed && bytes.len() < one.length) {
            return false;
        }
        let reached: Vec<usize> = (0..self.peers.len())
            .filter(|client| self.peers[*client].as_ref().is_some_and(|peer| self.reaches(peer, index)))
            .collect();
        let queue = |client: &usize| self.peers[*client].as_ref().map_or(0, |peer| peer.queue.len());
        if reached.iter().any(|client| queue(client) == QUEUE) {
            return false;
        }
        for client in reached {
            if let Some(peer) = &mut self.peers[client] {
                let indicate = peer.cccd[index] == 2;
                peer.queue.push((index, indicate, bytes.to_vec()));
            }
        }
        self.values[index].bytes = bytes.to_vec();
        true
    }

    /// The link is encrypted, or no longer.
    pub(super) fn secure(&mut self, client: usize, encrypted: bool) {
        let Some(peer) = &mut self.peers[client] else { return };
        peer.encrypted = encrypted;
        peer.queue.retain(|(index, ..)| encrypted || !self.table[*index].secret[0]);
    }

    pub(super) fn set_features(&mut self, client: usize, bits: u8) -> Vec<u8> {
        if let Some(refused) = self.arrive(client, 0x12, Some(FEATURES)) {
            return refused;
        }
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        if peer.features & !bits != 0 {
            return error(0x12, FEATURES, 0x13);
        }
        peer.features = bits & 7;
        vec![0x13]
    }

    pub(super) fn want_changed(&mut self, client: usize, on: bool) -> Vec<u8> {
        if let Some(refused) = self.arrive(client, 0x12, Some(SERVICE_CHANGED_CCCD)) {
            return refused;
        }
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        peer.wants_changed = on;
        vec![0x13]
    }

    pub(super) fn toggle(&mut self) {
        for peer in self.peers.iter_mut().flatten() {
            (peer.snapshot, peer.unaware, peer.informed) = (None, true, false);
            peer.changed |= peer.wants_changed;
        }
    }

    pub(super) fn confirm(&mut self, client: usize) {
        let Some(peer) = &mut self.peers[client] else { return };
        if let Some((_, true)) = peer.deadline.take()
            && !peer.changed
        {
            (peer.unaware, peer.informed) = (false, false);
        }
    }

    pub(super) fn subscribe(&mut self, client: usize, index: usize, bits: u8) -> Vec<u8> {
        let handle = self.cccd_handle(index);
        if let Some(refused) = self.arrive(client, 0x12, Some(handle)) {
            return refused;
        }
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        let one = self.table[index];
        if one.pushes() == 0 {
            return error(0x12, handle, 0x01);
        }
        if bits & !one.pushes() != 0 {
            return error(0x12, handle, 0xFD);
        }
        self.store_cccd(client, index, bits);
        self.subscribed(index);
        vec![0x13]
    }

    /// What waits to be pushed in another way than the client now wants is dropped.
    pub(super) fn store_cccd(&mut self, client: usize, index: usize, bits: u8) {
        let Some(peer) = &mut self.peers[client] else { return };
        peer.cccd[index] = bits;
        peer.queue.retain(|(owner, indicate, _)| {
            *owner != index || (bits & 1 != 0 && !indicate) || (bits == 2 && *indicate)
        });
    }

    /// The application learns of a CCCD that was written.
    pub(super) fn subscribed(&mut self, index: usize) {
        self.values[index].flags |= 0x80;
        self.values[index].calls += u32::from(self.table[index].handler == Handler::Quiet);
    }

    pub(super) fn transmit(&mut self, client: usize) -> Vec<u8> {
        let changed = self.changed();
        let handles: Vec<[u8; 2]> = (0..self.table.len()).map(|index| self.value_handle(index)).collect();
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        let waiting = peer.deadline.is_some();
        peer.changed &= peer.wants_changed;
        if peer.silenced || (peer.changed && !waiting) {
            if !peer.silenced {
                (peer.changed, peer.deadline) = (false, Some((self.now + 30_000, true)));
                return [&[0x1D], &SERVICE_CHANGED[..], &changed].concat();
            }
            return vec![];
        }
        if peer.unaware && peer.features & 1 != 0 {
            return vec![];
        }
        let tuple = |(index, _, bytes): &(usize, bool, Vec<u8>)| {
            [&handles[*index][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat()
        };
        let (mut together, mut taken) = (vec![0x23], 0);
        for next in peer.queue.iter().filter(|(_, indicate, _)| !indicate).map(tuple) {
            if together.len() + next.len() > peer.mtu {
                break;
            }
            together.extend(next);
            taken += 1;
        }
        if peer.features & 4 != 0 && taken >= 2 {
            peer.queue.retain(|(_, indicate, _)| {
                let keep = *indicate || taken == 0;
                taken -= usize::from(!keep);
                keep
            });
            return together;
        }
        let next = peer.queue.iter().position(|(_, indicate, _)| !indicate || !waiting);
        let Some(next) = next else { return vec![] };
        let (index, indicate, bytes) = peer.queue.remove(next);
        if indicate {
            peer.deadline = Some((self.now + 30_000, false));
        }
        let opcode = if indicate { 0x1D } else { 0x1B };
        cut([&[opcode], &handles[index][..], &bytes].concat(), peer.mtu)
    }

    pub(super) fn advance(&mut self, by: u64) {
        self.now += by;
        for peer in self.peers.iter_mut().flatten() {
            if peer.deadline.is_some_and(|(deadline, _)| deadline <= self.now) {
                peer.deadline = None;
                peer.silenced = true;
                peer.queue.clear();
            }
        }
    }

    pub(super) fn disconnect(&mut self, client: usize) {
        if self.peers[client].take().is_some() {
            self.flags |= 0x04;
        }
    }
}
