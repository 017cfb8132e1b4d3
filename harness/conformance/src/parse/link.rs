//! What is known of one client between two steps.

use std::collections::HashMap;

use crate::scenario::{Bond, CharacteristicRef};

/// ATT_MTU of a connection in which none was exchanged (Core Vol 3 Part G 5.2.1).
const DEFAULT_MTU: u16 = 23;

/// One central.
pub(super) struct Client {
    pub(super) connected: bool,
    /// It is only taken to be connected, after a step that needs it was reported.
    pub(super) assumed: bool,
    /// CCCD bits that were set at any time during this connection: what was sent before an
    /// unsubscription may still be asked for.
    pub(super) subscribed: HashMap<CharacteristicRef, u16>,
    /// A raw PDU may have subscribed to anything.
    pub(super) raw: bool,
    pub(super) bond: Option<Bond>,
    /// The bond whose key encrypts this connection.
    pub(super) encrypted: Option<Bond>,
    /// The greatest MTU that this connection can have.
    pub(super) mtu: u16,
    /// The greatest MTU that any connection so far can have had: pushes of an earlier one may still be
    /// asked for.
    pub(super) largest_mtu: u16,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            connected: false,
            assumed: false,
            subscribed: HashMap::new(),
            raw: false,
            bond: None,
            encrypted: None,
            mtu: DEFAULT_MTU,
            largest_mtu: DEFAULT_MTU,
        }
    }
}

impl Client {
    pub(super) fn connect(&mut self) {
        self.connected = true;
        self.assumed = false;
        self.raw = false;
        self.encrypted = None;
        self.mtu = DEFAULT_MTU;
        // CCCDs begin at 0000 in each unbonded connection, and are restored in a bonded one (GAP-8).
        if self.bond.is_none() {
            self.subscribed.clear();
        }
    }

    /// An exchange in which the client offered `size` (Core Vol 3 Part F 3.4.2.2): the smaller offer of
    /// the two counts, and the device's is not known.
    pub(super) fn exchange(&mut self, size: u16) {
        self.mtu = self.mtu.max(size);
        self.largest_mtu = self.largest_mtu.max(size);
    }

    /// A raw PDU and the response that must come.
    pub(super) fn att(&mut self, send: &[u8], expect: Option<&[u8]>) {
        self.raw = true;
        if let ([0x02, a, b], Some([0x03, c, d])) = (send, expect) {
            self.exchange(u16::from_le_bytes([*a, *b]).min(u16::from_le_bytes([*c, *d])));
        }
    }
}
