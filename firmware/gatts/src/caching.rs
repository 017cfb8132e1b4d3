//! Attribute caching: what the clients know of the table, and how they learn that it has changed.

use crate::attribute::cccd;
use crate::client::Client;
use crate::shared::Shared;

/// Client Supported Features bits (Core Vol 3 Part G 7.2, Table 7.6).
pub(crate) mod feature {
    pub(crate) const ROBUST_CACHING: u8 = 0x01;
    pub(crate) const MULTIPLE_NOTIFICATIONS: u8 = 0x04;
    /// All that are assigned; 0x02 is the Enhanced ATT bearer. The others are reserved, and ignored.
    pub(crate) const KNOWN: u8 = 0x07;
}

/// First and last affected handle, as Service Changed gives them (Core Vol 3 Part G 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandleRange {
    /// The first handle.
    pub first: u16,
    /// The last handle, included.
    pub last: u16,
}

impl HandleRange {
    /// Every handle there can be.
    pub const ALL: Self = Self { first: 0x0001, last: 0xFFFF };

    /// The smallest range that holds both.
    #[must_use]
    pub(crate) fn with(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        })
    }

    /// Value of the Service Changed characteristic.
    pub(crate) fn encode(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.first.to_le_bytes(), self.last.to_le_bytes());
        [a, b, c, d]
    }
}

/// Where one client stands (Core Vol 3 Part G 2.5.2.1). A client begins change-aware.
#[derive(Default)]
pub(crate) struct Caching {
    /// Its Client Supported Features.
    pub(crate) features: u8,
    unaware: bool,
    /// It has been told that its picture of the table is out of date, or it has read the Database Hash: its
    /// next request makes it change-aware.
    informed: bool,
}

impl Caching {
    pub(crate) fn is_aware(&self) -> bool {
        !self.unaware
    }

    /// The table has changed, perhaps again.
    pub(crate) fn lose_track(&mut self) {
        self.unaware = true;
        self.informed = false;
    }

    pub(crate) fn catch_up(&mut self) {
        self.unaware = false;
        self.informed = false;
    }

    /// The client has been sent the Database Hash.
    pub(crate) fn has_read_hash(&mut self) {
        self.informed = self.unaware;
    }

    /// A request has arrived; it may be the one that makes the client change-aware.
    pub(crate) fn request_arrived(&mut self) {
        if self.informed {
            self.catch_up();
        }
    }

    /// Whether this client must be kept from acting on an old picture of the table: it is change-unaware
    /// and supports robust caching. One that does not is never refused.
    pub(crate) fn is_barred(&self) -> bool {
        self.unaware && self.features & feature::ROBUST_CACHING != 0
    }

    /// The client is refused with Database Out Of Sync.
    pub(crate) fn refused(&mut self) {
        self.informed = true;
    }
}

/// The attributes in `range` have come, gone or changed. Every client becomes change-unaware, and those
/// that asked for Service Changed are told: connected ones now, bonded ones when they come back (Core Vol 3
/// Part G 2.5.2 and 7.1).
pub(crate) fn table_changed(shared: &Shared, range: HandleRange) {
    let indicated = shared.service_changed.borrow().clone();
    for client in shared.clients.borrow_mut().iter_mut() {
        client.snapshot = None;
        client.caching.lose_track();
        let wants = indicated.as_ref().map_or(0, |state| client.cccd_bits(state)) & cccd::INDICATE != 0;
        if wants {
            client.service_changed = Some(range.with(client.service_changed));
        }
    }
    let handle = indicated.as_ref().map_or(0, |state| state.handle.get());
    shared.bonds.borrow_mut().table_changed(handle, range);
    if !shared.clients.borrow().is_empty() {
        shared.wake();
    }
}

/// A Service Changed indication has been confirmed. It makes the client change-aware, unless the table has
/// changed again since it was sent.
pub(crate) fn service_changed_confirmed(client: &mut Client) {
    if client.service_changed.is_none() {
        client.caching.catch_up();
    }
}
