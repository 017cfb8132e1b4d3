//! The state of one link: its timing and its two ends.

use super::encryption::Encryption;
use crate::controller::settings::MAX_DATA_LENGTH;
use crate::controller::{Address, Timing};
use crate::packets::PacketQueue;

/// The pause between two packets, in us (Core Vol 6 Part B 4.1.1).
pub(super) const T_IFS_US: u64 = 150;

/// A packet without payload on LE 1M, in us: preamble, access address, header and CRC (Core Vol 6 Part B 2.1).
const EMPTY_PDU_US: u64 = 80;

/// Tags of the packets in [`End::tx`].
pub(super) mod tag {
    /// The first fragment of an L2CAP PDU.
    pub(in crate::radio) const START: u8 = 0;
    /// A continuing fragment.
    pub(in crate::radio) const CONTINUATION: u8 = 1;
    /// A link layer control PDU.
    pub(in crate::radio) const CONTROL: u8 = 2;
}

/// One of the two ends of a link; the value is the role in HCI events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Central = 0,
    Peripheral = 1,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Central => Self::Peripheral,
            Self::Peripheral => Self::Central,
        }
    }
}

/// One end of a link.
#[derive(Debug)]
pub(crate) struct End {
    pub(super) station: usize,
    pub(super) handle: u16,
    pub(super) peer: Address,
    /// The controller still has this connection.
    pub(super) open: bool,
    /// A packet from the peer has arrived.
    pub(super) established: bool,
    /// When the last packet from the peer arrived.
    pub(super) heard_us: u64,
    /// What waits to be sent, by [`tag`].
    pub(super) tx: PacketQueue,
    /// What waits for the end of an encryption procedure before it may go to `tx`.
    held: PacketQueue,
    /// How many packets of `tx` and `held` are the host's.
    pub(super) data_queued: u16,
    /// The peer has the first packet of `tx`, and its acknowledgement is still to come.
    pub(super) head_delivered: bool,
    /// The host's packets that were acknowledged and not yet reported.
    pub(super) completed: u16,
    /// The peer's packets that the host has not reported as completed.
    pub(crate) host_holds: u16,
    pub(super) encryption: Encryption,
    /// LL_TERMINATE_IND is queued.
    pub(super) terminating: bool,
    /// The peer has ended the link for this reason; left as soon as that is acknowledged.
    pub(super) leaving: Option<u8>,
    /// The host waits for the peer's features.
    pub(super) wants_features: bool,
    /// The host waits for the peer's version.
    pub(super) wants_version: bool,
    pub(super) version_sent: bool,
    pub(super) peer_version: Option<[u8; 5]>,
    /// Octets and time (us) of a data PDU: what the host wants, and what is in force each way.
    pub(super) wanted_tx: (u16, u16),
    pub(super) max_tx: (u16, u16),
    pub(super) max_rx: (u16, u16),
}

impl End {
    pub(super) fn new(station: usize, handle: u16, peer: Address, now: u64) -> Self {
        // 27 octets take 328 us (Core Vol 6 Part B 4.5.10).
        let initial = (27, 328);
        Self {
            station,
            handle,
            peer,
            open: true,
            established: false,
            heard_us: now,
            tx: PacketQueue::default(),
            held: PacketQueue::default(),
            data_queued: 0,
            head_delivered: false,
            completed: 0,
            host_holds: 0,
            encryption: Encryption::default(),
            terminating: false,
            leaving: None,
            wants_features: false,
            wants_version: false,
            version_sent: false,
            peer_version: None,
            wanted_tx: initial,
            max_tx: initial,
            max_rx: initial,
        }
    }

    /// Whether there is something that the peer has not got.
    pub(super) fn has_undelivered(&self) -> bool {
        self.tx.len() > usize::from(self.head_delivered)
    }

    /// How long the first packet is on the air, in us. The link layer cuts it into PDUs of the length in force, each
    /// but the last acknowledged by an empty one.
    fn head_us(&self) -> u64 {
        let length = match self.tx.front() {
            Some((_, bytes)) if !self.head_delivered => bytes.len() as u64,
            _ => return EMPTY_PDU_US,
        };
        let octets = u64::from(self.max_tx.0);
        let further_pdus = if length <= octets { 0 } else { length.div_ceil(octets) - 1 };
        EMPTY_PDU_US + 8 * length + further_pdus * (2 * EMPTY_PDU_US + 2 * T_IFS_US)
    }

    /// Queues one of the host's packets.
    pub(super) fn send_data(&mut self, tag: u8, data: &[u8]) {
        self.open_queue().push(tag, &[data]);
        self.data_queued += 1;
    }

    /// Queues a link layer control PDU.
    pub(super) fn send_control(&mut self, pdu: &[u8]) {
        self.open_queue().push(tag::CONTROL, &[pdu]);
    }

    /// Queues a control PDU that an encryption procedure does not hold up: one of its own, or LL_TERMINATE_IND.
    pub(super) fn send_at_once(&mut self, pdu: &[u8]) {
        self.tx.push(tag::CONTROL, &[pdu]);
    }

    fn open_queue(&mut self) -> &mut PacketQueue {
        if self.encryption.is_under_way() { &mut self.held } else { &mut self.tx }
    }

    /// The encryption procedure is over: what it held up takes its place.
    pub(super) fn release_held(&mut self) {
        while let Some((tag, bytes)) = self.held.front() {
            self.tx.push(tag, &[bytes]);
            self.held.pop();
        }
    }

    /// Drops all that was not acknowledged; says how many packets of the host's that were.
    pub(super) fn flush(&mut self) -> u16 {
        self.tx.clear();
        self.held.clear();
        std::mem::take(&mut self.data_queued)
    }

    /// What LL_LENGTH_REQ and LL_LENGTH_RSP say: maximum octets and time to receive, then to send.
    pub(super) fn length_pdu(&self, opcode: u8) -> Vec<u8> {
        let (rx, tx) = (MAX_DATA_LENGTH, self.wanted_tx);
        let values = [rx.0, rx.1, tx.0, tx.1].map(u16::to_le_bytes).concat();
        [&[opcode], &values[..]].concat()
    }
}

/// A change of the timing that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update {
    pub(super) timing: Timing,
    /// From the anchor that would have been the next to the one that will be, in us.
    pub(super) offset_us: u64,
    /// The event at which it comes into force; none while the peripheral does not know of it.
    pub(super) instant: Option<u16>,
}

/// A connection between two controllers.
#[derive(Debug)]
pub(crate) struct Link {
    /// Its place among the radio's links.
    pub(super) index: usize,
    pub(super) epoch: u64,
    pub(super) created_us: u64,
    pub(super) timing: Timing,
    /// When the next connection event begins.
    pub(super) anchor_us: u64,
    /// The number of the next connection event.
    pub(super) counter: u16,
    /// Counts what arrives and what is acknowledged: whether a connection event makes progress.
    pub(super) moved: u32,
    /// The next connection event is in the radio's queue.
    pub(super) scheduled: bool,
    /// When the radio's queue has a look at the supervision timeouts.
    pub(super) watch_us: Option<u64>,
    pub(super) update: Option<Update>,
    pub(super) central: End,
    pub(super) peripheral: End,
}

impl Link {
    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Central => &mut self.central,
            Side::Peripheral => &mut self.peripheral,
        }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        match side {
            Side::Central => &self.central,
            Side::Peripheral => &self.peripheral,
        }
    }

    /// The end at `side` and its peer.
    pub(super) fn ends_mut(&mut self, side: Side) -> (&mut End, &mut End) {
        match side {
            Side::Central => (&mut self.central, &mut self.peripheral),
            Side::Peripheral => (&mut self.peripheral, &mut self.central),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.central.open && self.peripheral.open
    }

    /// Takes the events as held that were not simulated because neither end had anything to say. They were heard:
    /// nothing is skipped while transmissions may be lost.
    pub(super) fn catch_up(&mut self, now: u64) {
        if self.scheduled || !self.is_whole() || self.anchor_us > now {
            return;
        }
        let interval_us = self.timing.interval_us();
        let passed = match now - self.anchor_us {
            within if within < interval_us => 1,
            beyond => beyond / interval_us + 1,
        };
        self.anchor_us += passed * interval_us;
        // The counter is modulo 65,536 (Core Vol 6 Part B 4.5.1).
        self.counter = self.counter.wrapping_add((passed & 0xFFFF) as u16);
        self.central.heard_us = self.anchor_us - interval_us;
        self.peripheral.heard_us = self.central.heard_us;
    }

    /// Whether the next connection event must be simulated for what an end has to say. (While one end is leaving,
    /// the other still has its LL_TERMINATE_IND queued.)
    pub(super) fn has_business(&self) -> bool {
        let end_has = |end: &End| !end.tx.is_empty() || !end.established;
        end_has(&self.central) || end_has(&self.peripheral) || self.update.is_some()
    }

    /// Whether the connection event goes on: there is more to say.
    pub(super) fn has_more(&self) -> bool {
        self.is_whole() && (self.central.has_undelivered() || self.peripheral.has_undelivered())
    }

    /// How long the next packets of both ends take, in us.
    pub(super) fn exchange_us(&self) -> u64 {
        self.central.head_us() + self.peripheral.head_us() + 2 * T_IFS_US
    }

    /// When the first of the ends that are left gives up.
    pub(super) fn first_deadline_us(&self) -> Option<u64> {
        let open = [Side::Central, Side::Peripheral].into_iter().filter(|side| self.end(*side).open);
        open.map(|side| self.deadline_us(side)).min()
    }

    /// When an end gives the other up: after the supervision timeout, or after six intervals if it never heard the
    /// other (Core Vol 6 Part B 4.5.2).
    pub(super) fn deadline_us(&self, side: Side) -> u64 {
        let end = self.end(side);
        match end.established {
            true => end.heard_us + self.timing.timeout_us(),
            false => self.created_us + 6 * self.timing.interval_us(),
        }
    }
}
