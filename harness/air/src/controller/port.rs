//! The controller's side of the HCI: the packets that wait for the host, and what the host did wrong.

use std::task::{Poll, Waker};

use bt_hci_transport::PacketKind;

use crate::capture::{Direction, Recorder};
use crate::packets::PacketQueue;

/// How many bytes may wait for a host that does not read, before its controller holds back: then ACL data is not
/// acknowledged on the link, advertising reports are skipped, and other events are lost and noted.
const HOST_QUEUE_SIZE: usize = 64 * 1024;

/// How many host errors are kept; later ones are counted only.
const ERRORS_KEPT: usize = 64;

/// Something a host must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// More ACL data packets than LE Read Buffer Size allows (Core Vol 4 Part E 4.1.1).
    #[error("ACL data packet for handle {handle:#06x} with all {count} buffers in use")]
    BufferOverrun {
        /// The connection handle.
        handle: u16,
        /// How many buffers there are.
        count: u8,
    },
    /// ACL data for a connection that does not exist.
    #[error("ACL data packet for unknown handle {0:#06x}")]
    UnknownHandle(u16),
    /// An ACL data packet longer than LE Read Buffer Size allows.
    #[error("ACL data packet of {length} bytes, {limit} at most are allowed")]
    TooLong {
        /// The length of its data.
        length: usize,
        /// The longest allowed.
        limit: u16,
    },
    /// An ACL data packet without data.
    #[error("ACL data packet without data for handle {0:#06x}")]
    Empty(u16),
    /// Packet boundary or broadcast flags that are not for LE-U data from the host (Core Vol 4 Part E 5.4.2).
    #[error("ACL data packet with flags {0:#03b}")]
    Flags(u8),
    /// A packet whose length field and length differ, or one shorter than its header.
    #[error("{kind:?} packet of {length} bytes does not match its header")]
    Malformed {
        /// The kind of packet.
        kind: PacketKind,
        /// Its length with the header.
        length: usize,
    },
    /// A kind of packet that no host sends to this controller.
    #[error("{0:?} packet from the host")]
    Kind(PacketKind),
    /// The host reports more packets as completed than the controller has sent it (Core Vol 4 Part E 7.3.40).
    #[error("{count} packets reported as completed for handle {handle:#06x}, {outstanding} are outstanding")]
    CompletedTooMany {
        /// The connection handle.
        handle: u16,
        /// What the host reported.
        count: u16,
        /// What is true.
        outstanding: u16,
    },
    /// The host does not read: an event was lost.
    #[error("the host left 64 KiB unread: an event was lost")]
    NotReading,
}

/// What a host did wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostErrors {
    /// How many errors in all.
    pub count: u64,
    /// The first 64 of them.
    pub first: Vec<HostError>,
}

/// The packets that wait for the host.
#[derive(Debug)]
pub(crate) struct HostPort {
    queue: PacketQueue,
    waker: Option<Waker>,
    /// The host waits for a packet.
    waiting: bool,
    recorder: Recorder,
    pub(crate) errors: HostErrors,
}

impl HostPort {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self {
            queue: PacketQueue::default(),
            waker: None,
            waiting: false,
            recorder,
            errors: HostErrors::default(),
        }
    }

    pub(crate) fn poll_readable(&mut self, waker: &Waker) -> Poll<()> {
        if !self.queue.is_empty() {
            return Poll::Ready(());
        }
        self.waiting = true;
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Poll::Pending
    }

    pub(crate) fn front(&self) -> Option<(PacketKind, &[u8])> {
        let (tag, bytes) = self.queue.front()?;
        let kind = if tag == PacketKind::AclData as u8 { PacketKind::AclData } else { PacketKind::Event };
        Some((kind, bytes))
    }

    pub(crate) fn pop(&mut self) {
        self.queue.pop();
    }

    /// Whether so much waits for the host that it should get no more.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.size() > HOST_QUEUE_SIZE
    }

    pub(crate) fn forget_unread(&mut self) {
        self.queue.clear();
    }

    /// Sends an event to the host; lost and noted when the host does not read.
    pub(crate) fn send_event(&mut self, parts: &[&[u8]]) {
        if self.is_full() {
            self.note(HostError::NotReading);
        } else {
            self.send(PacketKind::Event, parts);
        }
    }

    /// Sends a packet to the host.
    pub(crate) fn send(&mut self, kind: PacketKind, parts: &[&[u8]]) {
        self.recorder.record(Direction::ToHost, kind, parts);
        self.queue.push(kind as u8, parts);
        if self.waiting {
            self.waiting = false;
            if let Some(waker) = &self.waker {
                waker.wake_by_ref();
            }
        }
    }

    /// Notes that a packet came from the host.
    pub(crate) fn received(&self, kind: PacketKind, bytes: &[u8]) {
        self.recorder.record(Direction::ToController, kind, &[bytes]);
    }

    pub(crate) fn note(&mut self, error: HostError) {
        self.errors.count += 1;
        if self.errors.first.len() < ERRORS_KEPT {
            self.errors.first.push(error);
        }
    }
}
