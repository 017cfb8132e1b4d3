//! Prepared writes in the model.

use super::expected::{Model, PREPARED, PREPARED_BYTES, error};

/// What a prepared write is for, by the position of its characteristic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    Value(usize),
    Cccd(usize),
}

pub(super) struct Prepared {
    target: Target,
    offset: usize,
    part: Vec<u8>,
}

/// All parts for one attribute, put into what it was.
struct Whole {
    target: Target,
    value: Vec<u8>,
    /// Where the part that reaches furthest ends.
    reach: usize,
}

impl Model {
    pub(super) fn handle_of(&self, target: Target) -> [u8; 2] {
        match target {
            Target::Value(index) => self.value_handle(index),
            Target::Cccd(index) => self.cccd_handle(index),
        }
    }

    pub(super) fn prepare(&mut self, client: usize, target: Target, offset: u16, part: &[u8]) -> Vec<u8> {
        let handle = self.handle_of(target);
        if let Some(refused) = self.arrive(client, 0x16, Some(handle)) {
            return refused;
        }
        let refusal = match target {
            Target::Value(index) => self.refusal(client, index, 1),
            Target::Cccd(index) => (self.table[index].pushes() == 0).then_some(0x01),
        };
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        if let Some(code) = refusal {
            return error(0x16, handle, code);
        }
        let bytes: usize = peer.prepared.iter().map(|one| one.part.len()).sum();
        if peer.prepared.len() == PREPARED || bytes + part.len() > PREPARED_BYTES {
            return error(0x16, handle, 0x09);
        }
        peer.prepared.push(Prepared { target, offset: offset.into(), part: part.to_vec() });
        [&[0x17], &handle[..], &offset.to_le_bytes(), part].concat()
    }

    pub(super) fn execute(&mut self, client: usize, flags: u8) -> Vec<u8> {
        let first = self.peers[client].as_ref().and_then(|peer| Some(peer.prepared.first()?.target));
        let handle = first.map(|target| self.handle_of(target));
        if let Some(refused) = self.arrive(client, 0x18, handle.filter(|_| flags == 1)) {
            self.peers[client].as_mut().unwrap().prepared.clear();
            return refused;
        }
        let Some(peer) = &mut self.peers[client] else { return vec![] };
        peer.snapshot = None;
        if flags > 1 {
            return error(0x18, [0, 0], 0x04);
        }
        let prepared = std::mem::take(&mut peer.prepared);
        if flags == 0 {
            return vec![0x19];
        }
        match self.join(client, &prepared) {
            Ok(all) => self.write_all(client, &all),
            Err((target, code)) => return error(0x18, self.handle_of(target), code),
        }
        vec![0x19]
    }

    /// Judges everything before anything is written.
    fn join(&self, client: usize, prepared: &[Prepared]) -> Result<Vec<Whole>, (Target, u8)> {
        let mut all: Vec<Whole> = Vec::new();
        for Prepared { target, offset, part } in prepared {
            if !all.iter().any(|whole| whole.target == *target) {
                all.push(Whole { target: *target, value: self.now(client, *target), reach: 0 });
            }
            let whole = all.iter_mut().find(|whole| whole.target == *target).unwrap();
            let (value, end) = (&mut whole.value, offset + part.len());
            if *offset > value.len() {
                return Err((*target, 0x07));
            }
            if end > self.longest(*target) {
                return Err((*target, 0x0D));
            }
            value.resize(value.len().max(end), 0);
            value[*offset..end].copy_from_slice(part);
            whole.reach = end.max(whole.reach);
        }
        for whole in &all {
            if let Target::Cccd(index) = whole.target
                && whole.value[0] & 3 & !self.table[index].pushes() != 0
            {
                return Err((whole.target, 0xFD));
            }
        }
        Ok(all)
    }

    fn now(&self, client: usize, target: Target) -> Vec<u8> {
        match target {
            Target::Value(index) => self.values[index].bytes.clone(),
            Target::Cccd(index) => vec![self.peers[client].as_ref().unwrap().cccd[index], 0],
        }
    }

    fn longest(&self, target: Target) -> usize {
        match target {
            Target::Value(index) => self.table[index].length,
            Target::Cccd(_) => 2,
        }
    }

    /// Everything is stored before the first handler runs.
    fn write_all(&mut self, client: usize, all: &[Whole]) {
        for Whole { target, value, reach } in all {
            match *target {
                Target::Value(index) if self.table[index].fixed => self.values[index].bytes = value.clone(),
                Target::Value(index) => self.values[index].bytes = value[..*reach].to_vec(),
                Target::Cccd(index) => self.store_cccd(client, index, value[0] & 3),
            }
        }
        for whole in all {
            match whole.target {
                Target::Value(index) => self.written(index, self.values[index].bytes.clone()),
                Target::Cccd(index) => self.subscribed(index),
            }
        }
    }
}
