//! What the central's host knows, and how each packet from the controller changes it. No I/O.

use super::hci::Address;
use super::l2cap::{self, ConnectionParameters, Reassembler, Signal};
use super::scanner::Scan;
use crate::fault::Fault;
use bt_hci::FromHciBytes;
use bt_hci::data::{AclPacket, AclPacketBoundary};
use bt_hci::event::le::LeEvent;
use bt_hci::event::{
    DisconnectionComplete, EncryptionChangeV1, EncryptionKeyRefreshComplete, EventKind, EventPacket,
    NumberOfCompletedPackets,
};
use bt_hci::param::{AddrKind, ConnHandle, LeAdvEventKind, Status};
use conformance::scenario::Push;
use std::collections::VecDeque;

/// The MTU of an LE bearer before any exchange (Core Vol 3 Part G 5.2.1).
pub(crate) const DEFAULT_MTU: u16 = 23;
/// Pushes and unasked PDUs that may wait to be taken.
const QUEUE_LIMIT: usize = 4096;
/// Rules that the device broke outside of any request; more of them say nothing new.
const BREACH_LIMIT: usize = 16;

/// Opcode of a Multiple Handle Value Notification.
const MULTIPLE_NOTIFICATION: u8 = 0x23;

/// A notification or indication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Which of the two.
    pub push: Push,
    /// Attribute handle.
    pub handle: u16,
    /// The bytes.
    pub value: Vec<u8>,
}

/// Where the one link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Never connected, or the end has been taken note of.
    Idle,
    /// LE Connection Complete with an error.
    Failed(u8),
    /// Connected.
    Up(ConnHandle),
    /// Disconnected for this reason.
    Down(u8),
}

/// Something that the worker is to send.
#[derive(Debug)]
pub(crate) enum Out {
    /// A frame.
    Frame(u16, Vec<u8>),
    /// LE Connection Update.
    Update(ConnectionParameters),
}

pub(crate) struct State {
    pub(crate) link: Link,
    /// The scan that is under way.
    pub(crate) scan: Option<Scan>,
    pub(crate) mtu: u16,
    /// Longest ACL payload and number of buffers of the controller.
    pub(crate) acl_len: usize,
    pub(crate) acl_total: u16,
    pub(crate) credits: u16,
    /// PDUs that are neither pushes nor requests, in order.
    pub(crate) responses: VecDeque<Vec<u8>>,
    /// Empty buffers for `responses`.
    pub(crate) spare: Vec<Vec<u8>>,
    /// A request has been sent and its response has not come.
    pub(crate) waiting: bool,
    /// The last PDU that was sent was a request, and its response has been taken.
    pub(crate) answered: bool,
    /// Requests of the present step.
    pub(crate) requests: u32,
    /// A push came before the response to the step's first request.
    pub(crate) pushed_early: bool,
    pub(crate) pushes: VecDeque<Pushed>,
    /// Indications received on this link, and those of them that were confirmed.
    pub(crate) indications: u32,
    pub(crate) confirmed: u32,
    /// Handles whose indications are left unconfirmed.
    pub(crate) unconfirmed: Vec<u16>,
    /// The device may send notifications of several values: this client has said so (Core Vol 3 Part G 7.2).
    pub(crate) takes_multiple: bool,
    /// The device knows this client again after a reconnection.
    pub(crate) bonded: bool,
    pub(crate) outbox: VecDeque<Out>,
    pub(crate) breaches: Vec<String>,
    pub(crate) fault: Option<Fault>,
    /// The address that the adapter uses.
    pub(crate) own: Address,
    /// The address that the present or last link leads to.
    pub(crate) peer: Address,
    /// How the encryption that was asked for last has ended, as an HCI status.
    pub(crate) encryption: Option<u8>,
    /// PDUs of the security manager, while this central pairs; else it refuses.
    pub(crate) pairing: Option<VecDeque<Vec<u8>>>,
    reassembler: Reassembler,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            link: Link::Idle,
            scan: None,
            mtu: DEFAULT_MTU,
            acl_len: 27,
            acl_total: 0,
            credits: 0,
            responses: VecDeque::new(),
            spare: Vec::new(),
            waiting: false,
            answered: true,
            requests: 0,
            pushed_early: false,
            pushes: VecDeque::new(),
            indications: 0,
            confirmed: 0,
            unconfirmed: Vec::new(),
            takes_multiple: false,
            bonded: false,
            outbox: VecDeque::new(),
            breaches: Vec::new(),
            fault: None,
            own: Address { bytes: [0; 6], random: false },
            peer: Address { bytes: [0; 6], random: false },
            encryption: None,
            pairing: None,
            reassembler: Reassembler::default(),
        }
    }

    /// A request is sent now, and its response awaited.
    pub(crate) fn begin_request(&mut self) {
        self.waiting = true;
        self.requests = self.requests.saturating_add(1);
    }

    /// Notes a rule that the device broke outside of any request.
    pub(crate) fn breach(&mut self, what: String) {
        if self.breaches.len() < BREACH_LIMIT {
            self.breaches.push(what);
        }
    }

    pub(crate) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Takes an event; true when somebody may wait for it.
    pub(crate) fn on_event(&mut self, event: &EventPacket<'_>) -> bool {
        match event.kind {
            EventKind::NumberOfCompletedPackets => {
                let starved = self.credits == 0;
                if let Ok(completed) = NumberOfCompletedPackets::from_hci_bytes_complete(event.data) {
                    for entry in completed.completed_packets {
                        let count = entry.num_completed_packets().unwrap_or(0);
                        self.credits = self.credits.saturating_add(count).min(self.acl_total);
                    }
                }
                starved
            }
            EventKind::DisconnectionComplete => {
                if let Ok(gone) = DisconnectionComplete::from_hci_bytes_complete(event.data)
                    && self.link == Link::Up(gone.handle)
                {
                    self.link_down(gone.reason.into_inner());
                }
                true
            }
            EventKind::EncryptionChangeV1 => {
                if let Ok(change) = EncryptionChangeV1::from_hci_bytes_complete(event.data) {
                    self.on_encryption(change.handle, change.status);
                }
                true
            }
            EventKind::EncryptionKeyRefreshComplete => {
                if let Ok(complete) = EncryptionKeyRefreshComplete::from_hci_bytes_complete(event.data) {
                    self.on_encryption(complete.handle, complete.status);
                }
                true
            }
            EventKind::Le => {
                // An event that cannot be read is one that this host has not asked for.
                if let Ok(event) = LeEvent::from_hci_bytes_complete(event.data) {
                    self.on_le_event(&event);
                }
                true
            }
            _ => false,
        }
    }

    fn on_encryption(&mut self, handle: ConnHandle, status: Status) {
        if self.link == Link::Up(handle) {
            self.encryption = Some(status.into_inner());
        }
    }

    fn on_le_event(&mut self, event: &LeEvent<'_>) {
        match event {
            LeEvent::LeAdvertisingReport(report) => {
                let Some(scan) = &mut self.scan else { return };
                for report in report.reports.iter().flatten() {
                    let random = report.addr_kind != AddrKind::PUBLIC;
                    let address = Address { bytes: report.addr.into_inner(), random };
                    scan.report(event_kind(report.event_kind), address, report.data);
                }
            }
            LeEvent::LeConnectionComplete(complete) => match complete.status.to_result() {
                Ok(()) => self.link_up(complete.handle),
                Err(error) => self.link = Link::Failed(error.to_status().into_inner()),
            },
            _ => {}
        }
    }

    /// A new link: nothing of the former one is left.
    fn link_up(&mut self, handle: ConnHandle) {
        self.link = Link::Up(handle);
        self.mtu = DEFAULT_MTU;
        self.credits = self.acl_total;
        self.responses.clear();
        (self.waiting, self.answered) = (false, true);
        self.pushes.clear();
        self.breaches.clear();
        self.outbox.clear();
        self.indications = 0;
        self.confirmed = 0;
        self.unconfirmed.clear();
        self.takes_multiple &= self.bonded;
        self.encryption = None;
        self.reassembler.clear();
    }

    /// The controller has flushed what it held of this link (Core Vol 4 Part E 4.3).
    fn link_down(&mut self, reason: u8) {
        self.link = Link::Down(reason);
        self.credits = self.acl_total;
        self.outbox.clear();
    }

    /// Takes a data packet; true when somebody may wait for what was in it.
    pub(crate) fn on_acl(&mut self, packet: &AclPacket<'_>) -> bool {
        if self.link != Link::Up(packet.handle()) {
            return false;
        }
        let first = packet.boundary_flag() != AclPacketBoundary::Continuing;
        let mut reassembler = std::mem::take(&mut self.reassembler);
        let mut relevant = false;
        let result = reassembler.push(first, packet.data(), |cid, payload| {
            relevant = self.on_frame(cid, payload);
        });
        self.reassembler = reassembler;
        if let Err(what) = result {
            self.breach(what);
        }
        relevant
    }

    fn on_frame(&mut self, cid: u16, payload: &[u8]) -> bool {
        match cid {
            l2cap::CID_ATT => return self.on_att(payload),
            l2cap::CID_SIGNALLING => match l2cap::signal(payload) {
                Signal::Ignore => {}
                Signal::Answer(answer) => self.queue(Out::Frame(cid, answer)),
                Signal::Update(answer, parameters) => {
                    self.queue(Out::Frame(cid, answer));
                    self.queue(Out::Update(parameters));
                }
            },
            l2cap::CID_SMP => {
                if let Some(pairing) = &mut self.pairing {
                    if pairing.len() < QUEUE_LIMIT {
                        pairing.push_back(payload.to_vec());
                    }
                    return true;
                }
                if let Some(answer) = l2cap::security(payload) {
                    self.queue(Out::Frame(cid, answer));
                }
            }
            // A frame on a channel that nobody opened is discarded.
            _ => {}
        }
        false
    }

    fn on_att(&mut self, pdu: &[u8]) -> bool {
        if pdu.len() > usize::from(self.mtu) {
            self.breach(format!("an ATT PDU of {} bytes over the MTU of {}", pdu.len(), self.mtu));
        }
        match *pdu {
            [opcode @ (0x1B | 0x1D), low, high, ref value @ ..] => {
                self.on_push(opcode == 0x1D, u16::from_le_bytes([low, high]), value);
                true
            }
            [] | [0x1B | 0x1D, ..] => {
                self.breach(format!("a notification or indication of {} bytes", pdu.len()));
                true
            }
            [MULTIPLE_NOTIFICATION, ref tuples @ ..] if self.takes_multiple => {
                self.on_multiple(tuples);
                true
            }
            // The other side may be a client too; this one has no attributes to serve.
            [0x02, ..] => {
                let [low, high] = DEFAULT_MTU.to_le_bytes();
                self.queue(Out::Frame(l2cap::CID_ATT, vec![0x03, low, high]));
                false
            }
            [opcode, ..] if is_request(opcode) => {
                self.queue(Out::Frame(l2cap::CID_ATT, vec![0x01, opcode, 0, 0, 0x06]));
                false
            }
            [opcode, ..] if opcode & 0x40 != 0 => false,
            _ => {
                if self.responses.len() >= QUEUE_LIMIT {
                    self.breach("thousands of unasked ATT responses".into());
                    return true;
                }
                let mut buffer = self.spare.pop().unwrap_or_default();
                buffer.clear();
                buffer.extend_from_slice(pdu);
                self.responses.push_back(buffer);
                true
            }
        }
    }

    /// Each value of a Multiple Handle Value Notification as a notification of its own; there are two at
    /// least (Core Vol 3 Part F 3.4.7.4).
    fn on_multiple(&mut self, mut tuples: &[u8]) {
        let mut found = Vec::new();
        while let [h0, h1, l0, l1, rest @ ..] = tuples {
            let len = usize::from(u16::from_le_bytes([*l0, *l1]));
            let Some((value, behind)) = rest.split_at_checked(len) else { break };
            found.push((u16::from_le_bytes([*h0, *h1]), value));
            tuples = behind;
        }
        if !tuples.is_empty() || found.len() < 2 {
            let what = "a notification of several values whose lengths do not fit";
            self.breach(format!("{what}: {}", crate::hex::spaced(tuples)));
        }
        for (handle, value) in found {
            self.on_push(false, handle, value);
        }
    }

    fn on_push(&mut self, indication: bool, handle: u16, value: &[u8]) {
        if self.pushes.len() >= QUEUE_LIMIT {
            self.fail(Fault::new(
                format!("over {QUEUE_LIMIT} notifications wait to be looked at"),
                "let the scenario expect them earlier",
            ));
            return;
        }
        // A response that has come may still wait to be looked at.
        self.pushed_early |= self.waiting && self.responses.is_empty() && self.requests == 1;
        self.pushes.push_back(Pushed {
            push: if indication { Push::Indication } else { Push::Notification },
            handle,
            value: value.to_vec(),
        });
        if indication {
            self.indications = self.indications.wrapping_add(1);
            if !self.unconfirmed.contains(&handle) {
                self.confirmed = self.confirmed.wrapping_add(1);
                self.queue(Out::Frame(l2cap::CID_ATT, vec![0x1E]));
            }
        }
    }

    fn queue(&mut self, out: Out) {
        // A device that asks without taking answers is cut off, not stored.
        if self.outbox.len() < QUEUE_LIMIT {
            self.outbox.push_back(out);
        }
    }
}

/// Event_Type as the controller sends it.
fn event_kind(kind: LeAdvEventKind) -> u8 {
    match kind {
        LeAdvEventKind::AdvInd => 0,
        LeAdvEventKind::AdvDirectInd => 1,
        LeAdvEventKind::AdvScanInd => 2,
        LeAdvEventKind::AdvNonconnInd => 3,
        LeAdvEventKind::ScanRsp => 4,
    }
}

/// Requests of Core Vol 3 Part F 3.4.8.
fn is_request(opcode: u8) -> bool {
    matches!(opcode, 0x02 | 0x04 | 0x06 | 0x08 | 0x0A | 0x0C | 0x0E | 0x10 | 0x12 | 0x16 | 0x18 | 0x20)
}
