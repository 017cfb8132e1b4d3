//! Records of the HCI packets between hosts and controllers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bt_hci_transport::PacketKind;

use crate::clock::Clock;

/// A recording holds this many bytes of packets at most; what comes later is counted only.
const LIMIT: usize = 64 * 1024 * 1024;

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the host to the controller.
    ToController,
    /// From the controller to the host.
    ToHost,
}

/// One recorded packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapturedPacket<'a> {
    /// Microseconds since the bench's start.
    pub at_us: u64,
    /// Which controller, counted from 0 in the order in which they were added.
    pub controller: u16,
    /// Which way it went.
    pub direction: Direction,
    /// The H4 packet type: command, ACL data or event.
    pub kind: PacketKind,
    /// The packet from its header on, without the H4 type.
    pub bytes: &'a [u8],
}

/// What a recording says about a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// The name from its configuration.
    pub name: String,
    /// The public address, least significant byte first.
    pub address: [u8; 6],
}

/// The HCI packets of one bench, in the order in which they crossed. Equal benches with equal seeds give equal ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    adapters: Vec<Adapter>,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    at_us: u64,
    controller: u16,
    direction: Direction,
    kind: PacketKind,
    /// Where its bytes end in `Capture::bytes`; they begin where the entry before it ends.
    end: usize,
}

impl Capture {
    /// The bench's controllers.
    pub fn adapters(&self) -> &[Adapter] {
        &self.adapters
    }

    /// The packets, oldest first.
    pub fn packets(&self) -> impl Iterator<Item = CapturedPacket<'_>> {
        let starts = std::iter::once(0).chain(self.entries.iter().map(|entry| entry.end));
        self.entries.iter().zip(starts).map(|(entry, start)| CapturedPacket {
            at_us: entry.at_us,
            controller: entry.controller,
            direction: entry.direction,
            kind: entry.kind,
            bytes: self.bytes.get(start..entry.end).unwrap_or_default(),
        })
    }

    /// The number of packets.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many packets came after the recording was full (64 MiB).
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn push(&mut self, at_us: u64, controller: u16, direction: Direction, kind: PacketKind, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.bytes.len() + length > LIMIT {
            self.dropped += 1;
            return;
        }
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.entries.push(Entry { at_us, controller, direction, kind, end: self.bytes.len() });
    }
}

/// What the controllers of a bench record on, when it is switched on.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    on: Cell<bool>,
    capture: RefCell<Capture>,
}

impl Tape {
    pub(crate) fn start(&self) {
        self.on.set(true);
        self.capture.take();
    }

    pub(crate) fn take(&self, adapters: Vec<Adapter>) -> Capture {
        self.on.set(false);
        Capture { adapters, ..self.capture.take() }
    }
}

/// One controller's way to the tape and the clock.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    pub(crate) clock: Rc<Clock>,
    pub(crate) tape: Rc<Tape>,
    pub(crate) controller: u16,
}

impl Recorder {
    /// Notes that a packet crosses, given in `parts`.
    pub(crate) fn record(&self, direction: Direction, kind: PacketKind, parts: &[&[u8]]) {
        self.clock.packet_moved();
        if self.tape.on.get() {
            let mut capture = self.tape.capture.borrow_mut();
            capture.push(self.clock.now(), self.controller, direction, kind, parts);
        }
    }
}
