//! One connection as the bearer sees it: whose fragments are under way in each direction.

use crate::bonds::Identity;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use embassy_time::Instant;
use gatts::{ConnId, Security};

/// L2CAP fixed channel of the Attribute Protocol (Core Vol 3 Part A 2.1).
pub(super) const CID_ATT: u16 = 0x0004;
/// That of the Security Manager Protocol.
pub(super) const CID_SMP: u16 = 0x0006;
/// Basic L2CAP header: length, channel (Core Vol 3 Part A 3.1).
pub(super) const L2CAP_HEADER: usize = 4;
/// Longest ATT PDU taken from the air. The server's own MTU is smaller; what is longer than that it
/// refuses itself, what is longer than this is not worth the memory.
pub(super) const MAX_ATT_PDU: usize = 1024;
/// Requests and commands that wait for a response to leave; commands beyond it may be dropped (Core Vol 3 Part F 3.3.2).
const INBOX: usize = 16;
/// Places behind those that no command takes: a client that keeps to the sequential protocol has one request and one
/// confirmation under way, and those must not be lost.
const RESERVED: usize = 2;
/// The bit of an opcode that makes it a command (Core Vol 3 Part F 3.3.1).
const COMMAND_FLAG: u8 = 0x40;

/// Handle Value Confirmation, the one PDU with an even opcode that nothing answers.
const CONFIRMATION: u8 = 0x1E;

/// Who put a packet into the controller.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The attribute bearer: a response to a request.
    Response,
    /// The attribute bearer: what nobody asked for.
    #[default]
    Unasked,
    /// The host.
    Host,
}

impl Owner {
    /// Of what the server answers to `pdu`. Requests have even opcodes (Core Vol 3 Part F 3.4.8); to anything else
    /// there is no answer, so that one of a wrong server is waited for like a push.
    pub(super) fn of_answer(pdu: &[u8]) -> Self {
        match pdu.first() {
            Some(opcode) if opcode & (COMMAND_FLAG | 1) == 0 && *opcode != CONFIRMATION => Self::Response,
            _ => Self::Unasked,
        }
    }
}

/// A PDU of ours with its L2CAP header on its way out.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    frame: Vec<u8>,
    len: usize,
    sent: usize,
    owner: Owner,
}

impl Outgoing {
    fn new(max_pdu: usize) -> Self {
        Self { frame: alloc::vec![0; L2CAP_HEADER + max_pdu], ..Self::default() }
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// Nothing left to send.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.len
    }

    /// Some fragments are in the controller and some are not.
    pub(super) fn is_split(&self) -> bool {
        self.sent > 0 && self.sent < self.len
    }

    /// Lets `write` fill in an ATT PDU and return its length; 0 leaves this empty.
    pub(super) fn fill(&mut self, owner: Owner, write: impl FnOnce(&mut [u8]) -> usize) {
        self.fill_channel(CID_ATT, owner, write);
    }

    /// The same for a PDU of any channel.
    pub(super) fn fill_channel(&mut self, cid: u16, owner: Owner, write: impl FnOnce(&mut [u8]) -> usize) {
        (self.len, self.sent, self.owner) = (0, 0, owner);
        let Some((header, pdu)) = self.frame.split_first_chunk_mut::<L2CAP_HEADER>() else {
            return;
        };
        let len = write(pdu).min(pdu.len());
        if len == 0 {
            return;
        }
        let [len_lo, len_hi] = u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes();
        let [cid_lo, cid_hi] = cid.to_le_bytes();
        *header = [len_lo, len_hi, cid_lo, cid_hi];
        self.len = L2CAP_HEADER + len;
    }

    /// The next fragment of at most `max` bytes, and whether it begins the frame.
    pub(super) fn next_fragment(&mut self, max: usize) -> Option<(bool, &[u8])> {
        if self.is_empty() || max == 0 {
            return None;
        }
        let start = self.sent;
        self.sent = self.len.min(start + max);
        Some((start == 0, self.frame.get(start..self.sent)?))
    }
}

/// Where the fragments that arrive belong.
#[derive(Debug, Default)]
enum Inbound {
    /// To nobody: what continues no frame is dropped.
    #[default]
    Idle,
    /// A frame whose channel is not known yet: fewer than four bytes have come.
    Header(Vec<u8>),
    /// An ATT frame: this many bytes are missing. A frame over [`MAX_ATT_PDU`] is counted down and
    /// thrown away.
    Att { missing: usize, too_long: bool },
    /// A frame of the host.
    Host,
}

/// What a fragment from the air turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived<'a> {
    /// Part of an ATT frame, or nothing that anyone wants.
    Kept,
    /// A whole ATT PDU.
    Pdu(&'a [u8]),
    /// The host's: hand the packet on as it came.
    Host,
    /// The host's, and its first bytes were held back: hand on this start fragment instead.
    HostStart(Vec<u8>),
}

/// Puts the fragments of one connection together again.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    inbound: Inbound,
    pdu: Vec<u8>,
}

impl Reassembly {
    /// Nobody wants the rest of the present frame.
    pub(super) fn drop_rest(&mut self) {
        self.inbound = Inbound::Idle;
    }

    /// Takes a fragment from the air.
    pub(super) fn arrive<'a>(&'a mut self, start: bool, data: &'a [u8]) -> Arrived<'a> {
        if start {
            self.pdu.clear();
            return match data.get(..L2CAP_HEADER) {
                Some(_) => self.begin(data),
                None => {
                    self.inbound = Inbound::Header(data.to_vec());
                    Arrived::Kept
                }
            };
        }
        match &mut self.inbound {
            Inbound::Idle => Arrived::Kept,
            Inbound::Host => Arrived::Host,
            Inbound::Header(held) => {
                held.extend_from_slice(data);
                if held.len() < L2CAP_HEADER {
                    return Arrived::Kept;
                }
                let whole = core::mem::take(held);
                self.begin_held(whole)
            }
            Inbound::Att { .. } => self.more(data),
        }
    }

    /// Takes a frame's first fragment, header complete.
    fn begin<'a>(&'a mut self, data: &'a [u8]) -> Arrived<'a> {
        let Some((&[len_lo, len_hi, cid_lo, cid_hi], payload)) = data.split_first_chunk::<L2CAP_HEADER>()
        else {
            return Arrived::Kept;
        };
        if u16::from_le_bytes([cid_lo, cid_hi]) != CID_ATT {
            self.inbound = Inbound::Host;
            return Arrived::Host;
        }
        let len = usize::from(u16::from_le_bytes([len_lo, len_hi]));
        if payload.len() >= len {
            // Bytes beyond the length that the header gives make the frame malformed; it is dropped.
            self.inbound = Inbound::Idle;
            return if payload.len() == len { Arrived::Pdu(payload) } else { Arrived::Kept };
        }
        self.inbound = Inbound::Att { missing: len, too_long: len > MAX_ATT_PDU };
        self.more(payload)
    }

    /// The same for a frame whose header came in pieces.
    fn begin_held(&mut self, whole: Vec<u8>) -> Arrived<'_> {
        let pdu = match self.begin(&whole) {
            Arrived::Kept => return Arrived::Kept,
            Arrived::Host | Arrived::HostStart(_) => None,
            Arrived::Pdu(pdu) => Some(pdu.to_vec()),
        };
        match pdu {
            None => Arrived::HostStart(whole),
            Some(pdu) => {
                self.pdu = pdu;
                Arrived::Pdu(&self.pdu)
            }
        }
    }

    /// Takes the next part of an ATT frame.
    fn more(&mut self, data: &[u8]) -> Arrived<'_> {
        let Inbound::Att { missing, too_long } = &mut self.inbound else {
            return Arrived::Kept;
        };
        if data.len() > *missing {
            self.inbound = Inbound::Idle;
            return Arrived::Kept;
        }
        *missing -= data.len();
        let (done, too_long) = (*missing == 0, *too_long);
        if !too_long {
            self.pdu.extend_from_slice(data);
        }
        if !done {
            return Arrived::Kept;
        }
        self.inbound = Inbound::Idle;
        if too_long { Arrived::Kept } else { Arrived::Pdu(&self.pdu) }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) handle: u16,
    /// Who it leads to: the address that the client connected from.
    pub(super) client: Identity,
    pub(super) security: Security,
    /// What it becomes when it is encrypted with the key that was last given to the controller, and whether pairing has
    /// just made that key.
    pub(super) offered: Option<(Security, bool)>,
    /// The client and the host are pairing, or have begun to: the next key is the host's.
    pub(super) pairing: bool,
    /// The client asks to pair, and has still to be told that it cannot.
    pub(super) refuses_pairing: bool,
    pub(super) inbound: Reassembly,
    pub(super) inbox: Inbox,
    pub(super) out: Outgoing,
    /// Owners of the packets in the controller, oldest first: it completes a link's packets in order.
    pub(super) in_controller: VecDeque<Owner>,
    /// Bytes of the host's current L2CAP frame that it has still to write.
    pub(super) host_unsent: usize,
    /// A handler has asked for its answer to wait: nothing of the server's is sent or taken until then.
    pub(super) held_until: Option<Instant>,
}

impl Link {
    pub(super) fn new(handle: u16, max_pdu: usize, client: Identity, security: Security) -> Self {
        Self {
            handle,
            client,
            security,
            offered: None,
            pairing: false,
            refuses_pairing: false,
            inbound: Reassembly::default(),
            inbox: Inbox::default(),
            out: Outgoing::new(max_pdu),
            in_controller: VecDeque::new(),
            host_unsent: 0,
            held_until: None,
        }
    }

    /// Every request has been answered, and the client's controller has acknowledged the answers.
    pub(super) fn is_idle(&self) -> bool {
        self.held_until.is_none() && self.is_quiet(false)
    }

    /// Nothing of ours is on its way, or nothing but responses that are known to have arrived: `answered`. An answer
    /// that a rule holds back is not, before its time comes.
    pub(super) fn is_quiet(&self, answered: bool) -> bool {
        let waiting = !self.out.is_empty() || !self.inbox.is_empty() || self.refuses_pairing;
        let arrived = |owner: &Owner| match owner {
            Owner::Response => answered,
            Owner::Unasked => false,
            Owner::Host => true,
        };
        self.in_controller.iter().all(arrived) && (self.held_until.is_some() || !waiting)
    }

    pub(super) fn id(&self) -> ConnId {
        ConnId(self.handle)
    }
}

/// PDUs that came before the response to an earlier one had left.
#[derive(Debug, Default)]
pub(super) struct Inbox(VecDeque<Vec<u8>>);

impl Inbox {
    /// Keeps a PDU. False when there is no room.
    pub(super) fn hold(&mut self, pdu: &[u8]) -> bool {
        let is_command = pdu.first().is_some_and(|opcode| opcode & COMMAND_FLAG != 0);
        let room = self.0.len() < if is_command { INBOX } else { INBOX + RESERVED };
        if room {
            self.0.push_back(pdu.to_vec());
        }
        room
    }

    /// Takes the oldest.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.0.pop_front()
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// L2CAP frame of channel `cid` (Core Vol 3 Part A 3.1).
    fn frame(cid: u16, payload: &[u8]) -> Vec<u8> {
        let len = u16::try_from(payload.len()).unwrap();
        [len.to_le_bytes().as_slice(), &cid.to_le_bytes(), payload].concat()
    }

    /// What a frame turns out to be when it comes in pieces of `piece` bytes.
    fn arrive(link: &mut Reassembly, frame: &[u8], piece: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut pdus, mut hosts) = (Vec::new(), Vec::new());
        for (at, data) in frame.chunks(piece).enumerate() {
            match link.arrive(at == 0, data) {
                Arrived::Kept => {}
                Arrived::Pdu(pdu) => pdus.push(pdu.to_vec()),
                Arrived::Host => hosts.push(data.to_vec()),
                Arrived::HostStart(bytes) => hosts.push(bytes),
            }
        }
        (pdus, hosts)
    }

    #[test]
    fn frames_come_together_whatever_their_pieces() {
        let mut link = Reassembly::default();
        for piece in 1..40 {
            for pdu in [&b"\x0A\x03\x00"[..], &[0x12; 300], &[]] {
                let (pdus, hosts) = arrive(&mut link, &frame(CID_ATT, pdu), piece);
                assert_eq!((pdus, hosts), (vec![pdu.to_vec()], vec![]), "pieces of {piece}");
                let (pdus, hosts) = arrive(&mut link, &frame(6, pdu), piece);
                assert_eq!((pdus, hosts.concat()), (vec![], frame(6, pdu)), "pieces of {piece}");
                assert!(hosts[0].len() >= L2CAP_HEADER, "the host needs the header in one piece");
            }
        }
    }

    #[test]
    fn a_new_start_forgets_a_frame_that_was_not_finished() {
        let mut link = Reassembly::default();
        assert_eq!(link.arrive(true, &frame(CID_ATT, &[0x0A; 20])[..10]), Arrived::Kept);
        assert_eq!(
            link.arrive(true, &frame(CID_ATT, &[0x02, 0x17, 0x00])),
            Arrived::Pdu(&[0x02, 0x17, 0x00])
        );
        assert_eq!(link.arrive(false, &[0; 10]), Arrived::Kept);
    }

    #[test]
    fn frames_longer_than_their_header_says_or_than_memory_allows_are_dropped() {
        let mut link = Reassembly::default();
        let mut long = frame(CID_ATT, &[0x0A, 0x03, 0x00]);
        long.push(0);
        for piece in [100, 6, 5] {
            assert_eq!(arrive(&mut link, &long, piece).0, Vec::<Vec<u8>>::new());
        }
        let (pdus, hosts) = arrive(&mut link, &frame(CID_ATT, &vec![0; MAX_ATT_PDU + 1]), 27);
        assert!(pdus.is_empty() && hosts.is_empty() && link.pdu.capacity() <= 2 * MAX_ATT_PDU);
    }

    #[test]
    fn a_frame_goes_out_in_fragments() {
        let mut out = Outgoing::new(64);
        out.fill(Owner::Response, |pdu| {
            pdu[..40].fill(0x0B);
            40
        });
        let mut sent = Vec::new();
        let mut starts = Vec::new();
        while let Some((start, data)) = out.next_fragment(27) {
            starts.push(start);
            sent.extend_from_slice(data);
        }
        assert_eq!((sent, starts), (frame(CID_ATT, &[0x0B; 40]), vec![true, false]));
        assert!(out.is_empty() && !out.is_split());
    }

    #[test]
    fn only_a_response_to_a_request_need_not_be_waited_for() {
        let owners =
            [[0x0A], [0x12], [0x3E], [0x52], [0xD2], [0x1E], [0x0B]].map(|pdu| Owner::of_answer(&pdu));
        let [read, write, unknown, command, signed, confirmation, response] = owners;
        assert_eq!([read, write, unknown], [Owner::Response; 3]);
        assert_eq!([command, signed, confirmation, response], [Owner::Unasked; 4]);
        let mut link = Link::new(1, 23, Identity { address: [0; 6], random: false }, Security::default());
        for (owner, when_answered) in [(Owner::Host, true), (Owner::Response, true), (Owner::Unasked, false)]
        {
            link.in_controller.push_back(owner);
            assert_eq!(link.is_quiet(true), when_answered, "behind {owner:?}");
        }
        assert!(!link.is_quiet(false));
    }

    #[test]
    fn the_inbox_is_bounded() {
        let mut inbox = Inbox::default();
        assert_eq!((0..100).filter(|_| inbox.hold(&[0x52, 0x03, 0x00])).count(), INBOX);
        assert!(inbox.hold(&[0x0A, 0x03, 0x00]), "a request behind commands");
        assert!(inbox.hold(&[0x1E]), "and a confirmation");
        assert!(!inbox.hold(&[0x52, 0x03, 0x00]) && !inbox.hold(&[0x0A, 0x03, 0x00]), "and no more");
    }
}
