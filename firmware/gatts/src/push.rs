//! Notifications and indications.

use alloc::rc::Rc;

use crate::att::{Response, opcode};
use crate::attribute::{CharacteristicState, cccd};
use crate::caching::{feature, service_changed_confirmed};
use crate::client::{Awaiting, Client, Push, push_kind};
use crate::error::Error;
use crate::observe::Observed;
use crate::reply::ConnId;
use crate::shared::Shared;

/// How long a client may take to confirm an indication (Core Vol 3 Part F 3.3.3).
const TRANSACTION_TIMEOUT_MS: u64 = 30_000;

/// Stores a value set by the application and queues it for each subscribed client. Either all of it
/// happens or nothing: with a full queue the old value stays.
pub(crate) fn set_value(
    shared: &Shared,
    state: &Rc<CharacteristicState>,
    value: Rc<[u8]>,
) -> Result<(), Error> {
    let limit = shared.config.push_queue;
    let queued = {
        let mut clients = shared.clients.borrow_mut();
        if clients.iter().any(|client| subscription(client, state).is_some() && client.pushes.len() >= limit)
        {
            return Err(Error::QueueFull { limit });
        }
        let mut queued = false;
        for client in clients.iter_mut() {
            if let Some(indicate) = subscription(client, state) {
                let (characteristic, value) = (Rc::clone(state), Rc::clone(&value));
                client.pushes.push_back(Push { characteristic, indicate, value });
                queued = true;
            }
        }
        queued
    };
    state.store(value);
    if queued {
        shared.wake();
    }
    Ok(())
}

/// Whether this client gets the value, and then by notification (`false`) or indication (`true`). The
/// security that reading demands holds for pushed values too (Core Vol 3 Part F 3.2.5).
fn subscription(client: &Client, state: &CharacteristicState) -> Option<bool> {
    if client.silenced || state.stopped.get() {
        return None;
    }
    if state.permissions.read.check_security(client.security).is_err() {
        return None;
    }
    push_kind(client.cccd_bits(state))
}

/// Writes the next notification or indication for a client; gives its length, 0 if there is none.
///
/// A notification may overtake an indication that waits for an earlier one's confirmation (Core Vol 3 Part
/// F 3.3.2). Values of one characteristic keep their order: they all wait in the same way. Service Changed
/// comes before all others, and a client with an old picture of the table gets nothing else (Core Vol 3 Part
/// G 2.5.2.1).
pub(crate) fn transmit(shared: &Shared, conn: ConnId, now_ms: u64, out: &mut [u8]) -> usize {
    let indicated = shared.service_changed.borrow();
    let deadline_ms = now_ms.saturating_add(TRANSACTION_TIMEOUT_MS);
    let written = shared.client(conn, |client| {
        if client.silenced {
            return None;
        }
        let mut pdu = Response::new(out, client.mtu.into());
        if let Some(state) = indicated.as_deref()
            && service_changed(client, state, deadline_ms, &mut pdu)
        {
            return Some(pdu.len());
        }
        if client.caching.is_barred() {
            return None;
        }
        if put_several(client, &mut pdu) {
            return Some(pdu.len());
        }
        let busy = client.awaiting.is_some();
        let index = client.pushes.iter().position(|push| !(push.indicate && busy))?;
        let push = client.pushes.remove(index)?;
        let handle = push.characteristic.handle.get();
        if push.indicate {
            client.awaiting = Some(Awaiting { handle, service_changed: None, deadline_ms });
        }
        pdu.begin(if push.indicate { opcode::HANDLE_VALUE_IND } else { opcode::HANDLE_VALUE_NTF });
        pdu.put(&handle.to_le_bytes());
        pdu.put(&push.value);
        Some(pdu.len())
    });
    written.flatten().unwrap_or(0)
}

/// Writes a Service Changed indication, if one is due and may be sent now.
fn service_changed(
    client: &mut Client,
    state: &CharacteristicState,
    deadline_ms: u64,
    pdu: &mut Response<'_>,
) -> bool {
    // A client that has unsubscribed since does not want it any more.
    if client.cccd_bits(state) & cccd::INDICATE == 0 {
        client.service_changed = None;
    }
    let Some(range) = client.service_changed.take_if(|_| client.awaiting.is_none()) else {
        return false;
    };
    let handle = state.handle.get();
    client.awaiting = Some(Awaiting { handle, service_changed: Some(range), deadline_ms });
    pdu.begin(opcode::HANDLE_VALUE_IND);
    pdu.put(&handle.to_le_bytes());
    pdu.put(&range.encode());
    true
}

/// Writes a Multiple Handle Value Notification, if the client supports them and the first two notifications
/// that wait fit whole into one, with as many more as do (Core Vol 3 Part F 3.4.7.4 and Part G 4.10.2).
fn put_several(client: &mut Client, pdu: &mut Response<'_>) -> bool {
    if client.caching.features & feature::MULTIPLE_NOTIFICATIONS == 0 {
        return false;
    }
    let size = |push: &Push| TUPLE_HEADER_LEN + push.value.len();
    pdu.begin(opcode::MULTIPLE_HANDLE_VALUE_NTF);
    let waiting = || client.pushes.iter().filter(|push| !push.indicate).map(size);
    if waiting().count() < 2 || waiting().take(2).sum::<usize>() > pdu.room() {
        return false;
    }
    while let Some(index) = client.pushes.iter().position(|push| !push.indicate) {
        let fits = client.pushes.get(index).is_some_and(|push| size(push) <= pdu.room());
        if !fits {
            break;
        }
        let Some(push) = client.pushes.remove(index) else {
            break;
        };
        pdu.put(&push.characteristic.handle.get().to_le_bytes());
        pdu.put(&u16::try_from(push.value.len()).unwrap_or(u16::MAX).to_le_bytes());
        pdu.put(&push.value);
    }
    true
}

/// Octets of handle and length in a Handle Length Value Tuple.
const TUPLE_HEADER_LEN: usize = 4;

/// A Handle Value Confirmation has come. One that nothing waits for is ignored.
pub(crate) fn confirmed(shared: &Shared, conn: ConnId) {
    let taken = shared.client(conn, |client| {
        let awaiting = client.awaiting.take()?;
        if awaiting.service_changed.is_some() {
            service_changed_confirmed(client);
        }
        Some((awaiting.handle, client.service_changed.is_some() || !client.pushes.is_empty()))
    });
    let Some((handle, more)) = taken.flatten() else {
        return;
    };
    shared.observe(Observed::Confirmed { conn, handle });
    if more {
        shared.wake();
    }
}

/// The earliest moment at which an indication times out.
pub(crate) fn next_deadline_ms(shared: &Shared) -> Option<u64> {
    shared.clients.borrow().iter().filter_map(|client| Some(client.awaiting.as_ref()?.deadline_ms)).min()
}

/// Gives up indications whose time is over. Their client gets no further push on this connection (Core Vol
/// 3 Part F 3.3.3); its requests are still answered.
pub(crate) fn poll_timeouts(shared: &Shared, now_ms: u64) {
    while let Some((conn, handle)) = take_expired(shared, now_ms) {
        shared.observe(Observed::IndicationTimeout { conn, handle });
    }
}

fn take_expired(shared: &Shared, now_ms: u64) -> Option<(ConnId, u16)> {
    shared.clients.borrow_mut().iter_mut().find_map(|client| {
        let expired = client.awaiting.take_if(|awaiting| awaiting.deadline_ms <= now_ms)?;
        client.silenced = true;
        client.pushes.clear();
        if let Some(range) = expired.service_changed {
            // A bonded client is told again when it comes back.
            client.service_changed = Some(range.with(client.service_changed));
        }
        Some((client.conn, expired.handle))
    })
}
