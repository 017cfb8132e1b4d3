//! What is kept for bonded clients while they are away.

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::attribute::cccd;
use crate::caching::{HandleRange, feature};
use crate::client::Client;
use crate::reply::ConnId;
use crate::shared::Shared;
use crate::table::Table;
use crate::uuid::Uuid;

/// A bonded client, as the transport numbers it: its identity address, say, or a slot of its key store. It
/// must stay the same for as long as the bond lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BondId(pub u64);

/// What the server keeps for one bonded client (Core Vol 3 Part G 2.5.2.1, 3.3.3.3 and 7.2). Plain data, to
/// be stored with the bond's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BondRecord {
    /// Whose it is.
    pub id: BondId,
    /// The CCCDs that are not 0000.
    pub cccds: Vec<CccdRecord>,
    /// Client Supported Features: bit 0 robust caching, bit 1 Enhanced ATT bearer, bit 2 multiple
    /// notifications.
    pub features: u8,
    /// What it knows of the table.
    pub table: KnownTable,
    /// Handles that the client has yet to be told of by Service Changed.
    pub service_changed: Option<HandleRange>,
    /// The key for its signed writes.
    pub signing: Option<SigningKey>,
}

/// One CCCD of a bonded client. It is restored only to a characteristic of the same UUID at the same handle
/// in a service of the same UUID, so that another table cannot get it by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CccdRecord {
    /// UUID of the service.
    pub service: Uuid,
    /// UUID of the characteristic.
    pub characteristic: Uuid,
    /// Handle of the characteristic value.
    pub handle: u16,
    /// Bit 0 notification, bit 1 indication.
    pub bits: u8,
}

/// What a bonded client knows of the attribute table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownTable {
    /// Nothing is known yet: it counts as change-aware when it connects.
    New,
    /// The table with this Database Hash, least significant octet first. A table that has changed and changed back while
    /// the client was away is the one that it knows.
    Hash([u8; 16]),
    /// A table before the last change: it is change-unaware.
    Outdated,
}

/// The key with which a client signs (Core Vol 3 Part H 2.4.5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SigningKey {
    /// Connection Signature Resolving Key, least significant octet first as in pairing.
    pub csrk: [u8; 16],
    /// The lowest sign counter that has not been used; `None` once all have been.
    pub next_counter: Option<u32>,
}

/// The key itself is not shown.
impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SigningKey").field("next_counter", &self.next_counter).finish_non_exhaustive()
    }
}

impl BondRecord {
    /// A bond with a client that has connected for the first time.
    pub fn new(id: BondId) -> Self {
        Self {
            id,
            cccds: Vec::new(),
            features: 0,
            table: KnownTable::New,
            service_changed: None,
            signing: None,
        }
    }

    fn wants_service_changed(&self, handle: u16) -> bool {
        self.cccds.iter().any(|one| one.handle == handle && one.bits & cccd::INDICATE != 0)
    }
}

#[derive(Default)]
pub(crate) struct Bonds {
    records: Vec<BondRecord>,
}

impl Bonds {
    pub(crate) fn find(&mut self, id: BondId) -> Option<&mut BondRecord> {
        self.records.iter_mut().find(|record| record.id == id)
    }

    /// The record of a bond, made if need be; `None` if it is new and there is no room.
    fn find_or_add(&mut self, id: BondId, limit: usize) -> Option<&mut BondRecord> {
        if !self.records.iter().any(|record| record.id == id) {
            if self.records.len() >= limit {
                return None;
            }
            self.records.push(BondRecord::new(id));
        }
        self.find(id)
    }

    /// Notes the change for those that asked for Service Changed, whose value has this handle. Clients that
    /// are connected are told directly, and their records are written anew when they go.
    pub(crate) fn table_changed(&mut self, handle: u16, range: HandleRange) {
        for record in &mut self.records {
            if record.wants_service_changed(handle) {
                record.service_changed = Some(range.with(record.service_changed));
            }
        }
    }
}

/// Says who a client is. What is kept for the bond is restored once the link is encrypted.
pub(crate) fn identify(shared: &Rc<Shared>, conn: ConnId, id: BondId) -> bool {
    let taken = shared.clients.borrow().iter().any(|one| one.conn != conn && one.identity == Some(id));
    if taken || shared.client(conn, |_| ()).is_none() {
        return false;
    }
    if shared.bonds.borrow_mut().find_or_add(id, shared.config.max_bonds).is_none() {
        return false;
    }
    shared.client(conn, |client| {
        if client.identity != Some(id) {
            client.identity = Some(id);
            client.trusted = false;
        }
    });
    restore_if_encrypted(shared, conn);
    true
}

/// Gives a client back what is kept for it, if it is known who it is and its link is encrypted with that
/// bond's key. What it has set in this connection already stays.
pub(crate) fn restore_if_encrypted(shared: &Rc<Shared>, conn: ConnId) {
    let due = |client: &mut Client| client.identity.filter(|_| client.security.encrypted && !client.trusted);
    let Some(Some(id)) = shared.client(conn, due) else {
        return;
    };
    let Some(record) = shared.bonds.borrow_mut().find(id).cloned() else {
        return;
    };
    let table = shared.table.borrow();
    let hash = table.hash();
    let indicated = shared.service_changed.borrow().clone();
    shared.client(conn, |client| {
        client.trusted = true;
        for one in &record.cccds {
            let found = table.characteristic_at(one.handle, one.service, one.characteristic);
            if let Some(state) = found.filter(|state| !client.has_set_cccd(state)) {
                client.set_cccd_bits(state, one.bits & state.allowed_cccd_bits());
            }
        }
        client.caching.features |= record.features & feature::KNOWN;
        if matches!(record.table, KnownTable::New) || record.table == KnownTable::Hash(hash) {
            client.service_changed = record.service_changed.or(client.service_changed);
            return;
        }
        client.caching.lose_track();
        let subscribed = indicated.is_some_and(|state| client.cccd_bits(&state) & cccd::INDICATE != 0);
        if subscribed {
            client.service_changed = Some(record.service_changed.unwrap_or(HandleRange::ALL));
        }
    });
    drop(table);
    shared.wake();
}

/// Writes down what is to be kept of a client, if it is a bonded one.
fn save(table: &Table, bonds: &mut Bonds, client: &Client) {
    let Some(record) = client.identity.filter(|_| client.trusted).and_then(|id| bonds.find(id)) else {
        return;
    };
    record.cccds = table
        .characteristics_with_services()
        .map(|(service, state)| CccdRecord {
            service,
            characteristic: state.uuid,
            handle: state.handle.get(),
            bits: client.cccd_bits(state),
        })
        .filter(|one| one.bits != 0)
        .collect();
    record.features = client.caching.features;
    record.table = match client.caching.is_aware() {
        true => KnownTable::Hash(table.hash()),
        false => KnownTable::Outdated,
    };
    // An indication that was not confirmed may not have arrived.
    let unconfirmed = client.awaiting.as_ref().and_then(|awaiting| awaiting.service_changed);
    record.service_changed = match (client.service_changed, unconfirmed) {
        (Some(range), other) => Some(range.with(other)),
        (None, other) => other,
    };
}

/// Keeps what is to be kept of a client that has gone.
pub(crate) fn keep(shared: &Shared, client: &Client) {
    save(&shared.table.borrow(), &mut shared.bonds.borrow_mut(), client);
}

/// All records as they stand, those of connected clients included.
pub(crate) fn export(shared: &Shared) -> Vec<BondRecord> {
    let table = shared.table.borrow();
    let mut bonds = shared.bonds.borrow_mut();
    for client in shared.clients.borrow().iter() {
        save(&table, &mut bonds, client);
    }
    bonds.records.clone()
}

/// Replaces all records; those above the limit are left out. Gives how many were taken.
pub(crate) fn import(shared: &Shared, records: Vec<BondRecord>) -> usize {
    let mut kept: Vec<BondRecord> = Vec::new();
    for record in records {
        let is_new = kept.iter().all(|one| one.id != record.id);
        if is_new && kept.len() < shared.config.max_bonds {
            kept.push(record);
        }
    }
    let count = kept.len();
    shared.bonds.borrow_mut().records = kept;
    count
}

/// Drops a bond. A client that is connected keeps what it has until it goes.
pub(crate) fn forget(shared: &Shared, id: BondId) {
    shared.bonds.borrow_mut().records.retain(|record| record.id != id);
    for client in shared.clients.borrow_mut().iter_mut().filter(|client| client.identity == Some(id)) {
        client.identity = None;
        client.trusted = false;
    }
}

/// Sets the key with which a bonded client signs; false if the bond is new and there is no room for it.
pub(crate) fn set_signing_key(shared: &Shared, id: BondId, key: SigningKey) -> bool {
    let mut bonds = shared.bonds.borrow_mut();
    let record = bonds.find_or_add(id, shared.config.max_bonds);
    record.map(|record| record.signing = Some(key)).is_some()
}
