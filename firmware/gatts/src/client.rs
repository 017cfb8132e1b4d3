//! What the server keeps for each connected client.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;

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
    /// Handles of characteristic values with their CCCD bits; those that are 0 are left out.
    subscriptions: Vec<(u16, u8)>,
}

/// The whole value of one attribute, as it was when it was read.
pub(crate) struct Snapshot {
    pub(crate) handle: u16,
    pub(crate) value: Rc<[u8]>,
}

pub(crate) struct Push {
    /// Handle of the characteristic value.
    pub(crate) handle: u16,
    pub(crate) indicate: bool,
    pub(crate) value: Rc<[u8]>,
}

pub(crate) struct Awaiting {
    pub(crate) handle: u16,
    pub(crate) deadline_ms: u64,
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
            subscriptions: Vec::new(),
        }
    }

    /// CCCD bits of the characteristic whose value has this handle.
    pub(crate) fn cccd_bits(&self, handle: u16) -> u8 {
        let found = self.subscriptions.iter().find(|(subscribed, _)| *subscribed == handle);
        found.map_or(0, |(_, bits)| *bits)
    }

    pub(crate) fn set_cccd_bits(&mut self, handle: u16, bits: u8) {
        self.subscriptions.retain(|(subscribed, _)| *subscribed != handle);
        if bits != 0 {
            self.subscriptions.push((handle, bits));
        }
        // A value that waits is not sent in a way that the client has turned off.
        let kind = push_kind(bits);
        self.pushes.retain(|push| push.handle != handle || kind == Some(push.indicate));
    }
}

/// Whether a subscription means notification (`false`) or indication (`true`). With both bits set it is
/// notification, since nothing here requires an acknowledgement (Core Vol 3 Part G 3.3.3.3).
pub(crate) fn push_kind(bits: u8) -> Option<bool> {
    use crate::attribute::cccd;
    if bits & cccd::NOTIFY != 0 {
        Some(false)
    } else if bits & cccd::INDICATE != 0 {
        Some(true)
    } else {
        None
    }
}
