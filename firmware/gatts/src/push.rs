//! Notifications and indications.

use alloc::rc::Rc;

use crate::att::Response;
use crate::attribute::CharacteristicState;
use crate::client::{Awaiting, Client, Push, push_kind};
use crate::error::Error;
use crate::observe::Observed;
use crate::reply::ConnId;
use crate::shared::Shared;

const HANDLE_VALUE_NTF: u8 = 0x1B;
const HANDLE_VALUE_IND: u8 = 0x1D;

/// How long a client may take to confirm an indication (Core Vol 3 Part F 3.3.3).
const TRANSACTION_TIMEOUT_MS: u64 = 30_000;

/// Stores a value set by the application and queues it for each subscribed client. Either all of it
/// happens or nothing: with a full queue the old value stays.
pub(crate) fn set_value(shared: &Shared, state: &CharacteristicState, value: Rc<[u8]>) -> Result<(), Error> {
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
                let handle = state.handle.get();
                client.pushes.push_back(Push { handle, indicate, value: Rc::clone(&value) });
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
    if client.silenced || state.permissions.read.check_security(client.security).is_err() {
        return None;
    }
    push_kind(client.cccd_bits(state.handle.get()))
}

/// Writes the next notification or indication for a client; gives its length, 0 if there is none.
///
/// A notification may overtake an indication that waits for an earlier one's confirmation (Core Vol 3 Part
/// F 3.3.2). Values of one characteristic keep their order: they all wait in the same way.
pub(crate) fn transmit(shared: &Shared, conn: ConnId, now_ms: u64, out: &mut [u8]) -> usize {
    let written = shared.client(conn, |client| {
        let busy = client.awaiting.is_some();
        let index = client.pushes.iter().position(|push| !(push.indicate && busy))?;
        let push = client.pushes.remove(index)?;
        if push.indicate {
            let deadline_ms = now_ms.saturating_add(TRANSACTION_TIMEOUT_MS);
            client.awaiting = Some(Awaiting { handle: push.handle, deadline_ms });
        }
        let mut pdu = Response::new(out, client.mtu.into());
        pdu.begin(if push.indicate { HANDLE_VALUE_IND } else { HANDLE_VALUE_NTF });
        pdu.put(&push.handle.to_le_bytes());
        pdu.put(&push.value);
        Some(pdu.len())
    });
    written.flatten().unwrap_or(0)
}

/// A Handle Value Confirmation has come. One that nothing waits for is ignored.
pub(crate) fn confirmed(shared: &Shared, conn: ConnId) {
    let Some(Some(awaiting)) = shared.client(conn, |client| client.awaiting.take()) else {
        return;
    };
    shared.observe(Observed::Confirmed { conn, handle: awaiting.handle });
    if shared.client(conn, |client| !client.pushes.is_empty()) == Some(true) {
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
        Some((client.conn, expired.handle))
    })
}
