//! The model: values, counters, flags, subscriptions, queues and change awareness.

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

/// Property bits, longest value, handler.
pub(super) const CHARACTERISTICS: [(u8, usize, Handler); 6] = [
    (0x1A, 512, Handler::None),
    (0x1A, 512, Handler::Count),
    (0x3A, 4, Handler::Quiet),
    (0x10, 512, Handler::None),
    (0x22, 512, Handler::Long),
    (0x1E, 512, Handler::Reverse),
];

/// Handles of the GATT service.
pub(super) const SERVICE_CHANGED: [u8; 2] = [8, 0];
pub(super) const SERVICE_CHANGED_CCCD: [u8; 2] = [9, 0];
pub(super) const FEATURES: [u8; 2] = [11, 0];

/// All have a CCCD, so each takes three handles, from 14 + 1 on.
pub(super) fn value_handle(index: usize) -> [u8; 2] {
    (16 + 3 * index as u16).to_le_bytes()
}

pub(super) fn cccd_handle(index: usize) -> [u8; 2] {
    (17 + 3 * index as u16).to_le_bytes()
}

/// Value of Service Changed for the empty service behind, which comes and goes.
pub(super) const CHANGED: [u8; 4] = [33, 0, 33, 0];

#[derive(Default)]
pub(super) struct Value {
    pub(super) bytes: Vec<u8>,
    pub(super) flags: u16,
    pub(super) calls: u32,
}

#[derive(Default)]
pub(super) struct Peer {
    pub(super) mtu: usize,
    pub(super) cccd: [u8; CHARACTERISTICS.len()],
    pub(super) snapshot: Option<(usize, Vec<u8>)>,
    /// Characteristic, whether indicated, bytes.
    pub(super) queue: Vec<(usize, bool, Vec<u8>)>,
    /// When the unconfirmed indication times out, and whether it is Service Changed.
    pub(super) deadline: Option<(u64, bool)>,
    pub(super) silenced: bool,
    /// Characteristic, offset, bytes.
    pub(super) prepared: Vec<(usize, u16, Vec<u8>)>,
    pub(super) features: u8,
    pub(super) unaware: bool,
    /// The next request makes it aware.
    pub(super) informed: bool,
    pub(super) wants_changed: bool,
    pub(super) changed: bool,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) values: [Value; CHARACTERISTICS.len()],
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
    pub(super) fn new() -> Self {
        let mut model = Self::default();
        for value in &mut model.values {
            value.bytes = vec![0];
        }
        model
    }

    /// The whole answer to a read that runs the handler.
    pub(super) fn fresh(&mut self, index: usize) -> Vec<u8> {
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
        let opcode = if offset.is_some() { 0x0C } else { 0x0A };
        if let Some(refused) = self.arrive(client, opcode, Some(value_handle(index))) {
            return refused;
        }
        let Some(mut peer) = self.peers[client].take() else { return vec![] };
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
    pub(super) fn write(&mut self, index: usize, bytes: &[u8]) -> Result<(), u8> {
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

    pub(super) fn set(&mut self, index: usize, bytes: &[u8]) -> bool {
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

    pub(super) fn prepare(&mut self, client: usize, index: usize, offset: u16, part: &[u8]) -> Vec<u8> {
        if let Some(refused) = self.arrive(client, 0x16, Some(value_handle(index))) {
            return refused;
        }
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        if CHARACTERISTICS[index].0 & 0x0C == 0 {
            return error(0x16, value_handle(index), 0x03);
        }
        let bytes: usize = peer.prepared.iter().map(|(_, _, part)| part.len()).sum();
        if peer.prepared.len() == PREPARED || bytes + part.len() > PREPARED_BYTES {
            return error(0x16, value_handle(index), 0x09);
        }
        peer.prepared.push((index, offset, part.to_vec()));
        [&[0x17], &value_handle(index)[..], &offset.to_le_bytes(), part].concat()
    }

    pub(super) fn execute(&mut self, client: usize, flags: u8) -> Vec<u8> {
        let first = self.peers[client].as_ref().and_then(|peer| Some(peer.prepared.first()?.0));
        if let Some(refused) = self.arrive(client, 0x18, first.map(value_handle).filter(|_| flags == 1)) {
            self.peers[client].as_mut().unwrap().prepared.clear();
            return refused;
        }
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        if flags > 1 {
            return error(0x18, [0, 0], 0x04);
        }
        let prepared = std::mem::take(&mut peer.prepared);
        let mut whole: Vec<(usize, Vec<u8>, usize)> = Vec::new();
        for (index, offset, part) in prepared.iter().filter(|_| flags == 1) {
            if !whole.iter().any(|(known, ..)| known == index) {
                whole.push((*index, self.values[*index].bytes.clone(), 0));
            }
            let (_, value, reach) = whole.iter_mut().find(|(known, ..)| known == index).unwrap();
            let (start, end) = (usize::from(*offset), usize::from(*offset) + part.len());
            if start > value.len() {
                return error(0x18, value_handle(*index), 0x07);
            }
            if end > CHARACTERISTICS[*index].1 {
                return error(0x18, value_handle(*index), 0x0D);
            }
            value.resize(value.len().max(end), 0);
            value[start..end].copy_from_slice(part);
            *reach = end.max(*reach);
        }
        for (index, value, reach) in &whole {
            self.write(*index, &value[..*reach]).unwrap();
        }
        vec![0x19]
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
        if let Some(refused) = self.arrive(client, 0x12, Some(cccd_handle(index))) {
            return refused;
        }
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

    pub(super) fn transmit(&mut self, client: usize) -> Vec<u8> {
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        let waiting = peer.deadline.is_some();
        peer.changed &= peer.wants_changed;
        if peer.silenced || (peer.changed && !waiting) {
            if !peer.silenced {
                (peer.changed, peer.deadline) = (false, Some((self.now + 30_000, true)));
                return [&[0x1D], &SERVICE_CHANGED[..], &CHANGED].concat();
            }
            return vec![];
        }
        if peer.unaware && peer.features & 1 != 0 {
            return vec![];
        }
        let tuple = |(index, _, bytes): &(usize, bool, Vec<u8>)| {
            [&value_handle(*index)[..], &(bytes.len() as u16).to_le_bytes(), bytes].concat()
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
        cut([&[opcode], &value_handle(index)[..], &bytes].concat(), peer.mtu)
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
