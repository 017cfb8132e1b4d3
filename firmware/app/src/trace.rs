//! Turns what the server reports into events on the link.

use crate::api::Server;
use crate::outbox::Outbox;
use alloc::format;
use alloc::rc::Rc;
use core::cell::Cell;
use gatts::{ConnId, Observed};
use wire::Event;

/// Sends everything that `server` reports to the harness. `last_reason` is the reason of the latest
/// Disconnection Complete: the server does not know it.
pub(crate) fn observe(server: &Server, outbox: &Rc<Outbox>, last_reason: &Rc<Cell<u8>>) {
    let (outbox, last_reason) = (outbox.clone(), last_reason.clone());
    server.observe(move |observed| match observed {
        Observed::Connected { conn } => outbox.event(Event::Connected { conn: conn.0 }),
        Observed::Disconnected { conn } => {
            outbox.event(Event::Disconnected { conn: conn.0, reason: last_reason.get() });
        }
        Observed::Received { conn, pdu } => received(&outbox, conn, pdu),
        Observed::Handler { handle, event, value } => {
            outbox.event(Event::Handler { handle, event: event.bits(), value });
        }
        Observed::HandlerError { handle, error } => {
            outbox.event(Event::HandlerError { handle, message: &format!("{error}") });
        }
        Observed::Confirmed { conn, handle } => outbox.event(Event::Confirmed { conn: conn.0, handle }),
        Observed::IndicationTimeout { conn, handle } => {
            outbox.event(Event::IndicationTimeout { conn: conn.0, handle });
        }
    });
}

/// Reports an ATT PDU, whatever became of it.
pub(crate) fn received(outbox: &Outbox, conn: ConnId, pdu: &[u8]) {
    let opcode = pdu.first().copied().unwrap_or(0);
    let len = u16::try_from(pdu.len()).unwrap_or(u16::MAX);
    outbox.event(Event::Received { conn: conn.0, opcode, len });
}
