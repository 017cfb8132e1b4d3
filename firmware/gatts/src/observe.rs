//! What the server did, for a trace.

use crate::error::Error;
use crate::events::Events;
use crate::reply::ConnId;

/// One thing that happened, reported in exact order to the function given to [`crate::Server::observe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed<'a> {
    /// A client has connected and is served.
    Connected {
        /// The connection.
        conn: ConnId,
    },
    /// A client has gone.
    Disconnected {
        /// The connection.
        conn: ConnId,
    },
    /// An ATT PDU has arrived. Reported before anything is done with it, also if it will be ignored.
    Received {
        /// The connection.
        conn: ConnId,
        /// The whole PDU, opcode first.
        pdu: &'a [u8],
    },
    /// A characteristic's handler is about to run.
    Handler {
        /// Handle of the characteristic value.
        handle: u16,
        /// The event it runs for.
        event: Events,
        /// The bytes written; empty for a read.
        value: &'a [u8],
    },
    /// A read handler's reply could not be used: the client gets 0x0E.
    HandlerError {
        /// Handle of the characteristic value.
        handle: u16,
        /// What was wrong with the reply.
        error: &'a Error,
    },
    /// A client has confirmed an indication.
    Confirmed {
        /// The connection.
        conn: ConnId,
        /// Handle of the characteristic value.
        handle: u16,
    },
    /// A client has not confirmed an indication within 30 seconds.
    IndicationTimeout {
        /// The connection.
        conn: ConnId,
        /// Handle of the characteristic value.
        handle: u16,
    },
}
