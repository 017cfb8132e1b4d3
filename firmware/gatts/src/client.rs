//! What the server keeps for each connected client.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::attribute::{CharacteristicState, Kind, cccd};
use crate::bonds::BondId;
use crate::caching::{Caching, HandleRange};
use crate::permissions::Security;
use crate::reply::ConnId;

/// ATT_MTU until it is exchanged (Core Vol 3 Part G 5.2.1).
pub(crate) const DEFAULT_MTU: u16 = 23;

pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) security: Security,
    pub(crate) mtu: u16,
    /// What a Read has opened for the Read Blobs that follow.
    pub(crate) snapshot: Option<Snapshot>,
    /// Values to be notified or indicated, oldest first.
    pub(crate) pushes: VecDeque<Push>,
    /// The indication that has not been confirmed.
    pub(crate) awaiting: Option<Awaiting>,
    /// An indication has timed out: nothing may be pushed any more (Core Vol 3 Part F 3.3.3).
    pub(crate) silenced: bool,
    /// What Prepare Writes have queued.
    pub(crate) prepared: PrepareQueue,
    /// Client Supported Features and change awareness.
    pub(crate) caching: Caching,
    /// Handles that a Service Changed indication has yet to tell of.
    pub(crate) service_changed: Option<HandleRange>,
    /// The bond whose keys this client is said to have.
    pub(crate) identity: Option<BondId>,
    /// The link has been encrypted with those keys: what is kept for the bond has been restored.
    pub(crate) trusted: bool,
    /// Characteristics, by [`CharacteristicState::id`], with their CCCD bits. Those that are 0 are left out, except
    /// for what the client has cleared before its bond's own could be restored.
    subscriptions: Vec<(u32, u8)>,
}

/// The whole value of one attribute, as it was when it was read.
pub(crate) struct Snapshot {
    pub(crate) handle: u16,
    pub(crate) value: Rc<[u8]>,
}

pub(crate) struct Push {
    pub(crate) characteristic: Rc<CharacteristicState>,
    pub(crate) indicate: bool,
    pub(crate) value: Rc<[u8]>,
}

pub(crate) struct Awaiting {
    pub(crate) handle: u16,
    /// The indication is of Service Changed, for these handles.
    pub(crate) service_changed: Option<HandleRange>,
    pub(crate) deadline_ms: u64,
}

/// Prepared writes in the order of their arrival (Core Vol 3 Part F 3.4.6).
#[derive(Default)]
pub(crate) struct PrepareQueue {
    pub(crate) writes: Vec<PreparedWrite>,
    /// The parts, end to end.
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct PreparedWrite {
    pub(crate) handle: u16,
    /// The attribute that was at the handle: another may be there by the time of execution.
    pub(crate) kind: Kind,
    pub(crate) offset: u16,
    pub(crate) length: usize,
}

impl Client {
    pub(crate) fn new(conn: ConnId, security: Security) -> Self {
        Self {
            conn,
            security,
            mtu: DEFAULT_MTU,
            snapshot: None,
            pushes: VecDeque::new(),
            awaiting: None,
            silenced: false,
            prepared: PrepareQueue::default(),
            caching: Caching::default(),
            service_changed: None,
            identity: None,
            trusted: false,
            subscriptions: Vec::new(),
        }
    }

    /// CCCD bits of a characteristic.
    pub(crate) fn cccd_bits(&self, characteristic: &CharacteristicState) -> u8 {
        let found = self.subscriptions.iter().find(|(subscribed, _)| *subscribed == characteristic.id);
        found.map_or(0, |(_, bits)| *bits)
    }

    /// Whether the client has written the CCCD in this connection, before what is kept for its bond was restored.
    pub(crate) fn has_set_cccd(&self, characteristic: &CharacteristicState) -> bool {
        self.subscriptions.iter().any(|(written, _)| *written == characteristic.id)
    }

    pub(crate) fn set_cccd_bits(&mut self, characteristic: &CharacteristicState, bits: u8) {
        self.subscriptions.retain(|(subscribed, _)| *subscribed != characteristic.id);
        if bits != 0 || !self.trusted {
            self.subscriptions.push((characteristic.id, bits));
        }
        // A value that waits is not sent in a way that the client has turned off.
        let kind = push_kind(bits);
        self.pushes.retain(|push| push.characteristic.id != characteristic.id || kind == Some(push.indicate));
    }
}

/// Whether a subscription means notification (`false`) or indication (`true`). With both bits set it is
/// notification, since nothing here requires an acknowledgement (Core Vol 3 Part G 3.3.3.3).
pub(crate) fn push_kind(bits: u8) -> Option<bool> {
    if bits & cccd::NOTIFY != 0 {
        Some(false)
    } else if bits & cccd::INDICATE != 0 {
        Some(true)
    } else {
        None
    }
}
