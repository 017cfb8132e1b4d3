//! Robust caching: which requests a change-unaware client is refused.

use core::mem;

use super::pdu::Refusal;
use super::{Context, opcode, queued};
use crate::attribute::types;
use crate::caching::HandleRange;
use crate::client::Client;
use crate::error::AttError;
use crate::uuid::Uuid;

/// Refuses a request that acts on handles, once: the next request makes the client change-aware (Core Vol 3
/// Part G 2.5.2.1). A request that is malformed is left to be refused as such.
pub(super) fn refuse_once(context: &Context<'_>, opcode: u8, parameters: &[u8]) -> Result<(), Refusal> {
    let Some(handle) = handle_in_question(context, opcode, parameters) else {
        return Ok(());
    };
    context.shared.client(context.conn, |client| {
        client.caching.refused();
        // An Execute Write that is refused clears the queue (Core Vol 3 Part F 3.4.6.3).
        if opcode == opcode::EXECUTE_WRITE_REQ {
            mem::take(&mut client.prepared);
        }
    });
    Err(Refusal::at(handle, AttError::DATABASE_OUT_OF_SYNC))
}

/// The first handle that a well-formed request acts on. Discovery acts on none: it is how the client gets a
/// new picture.
fn handle_in_question(context: &Context<'_>, opcode: u8, parameters: &[u8]) -> Option<u16> {
    let (first, rest) = parameters.split_first_chunk::<2>().unzip();
    let (handle, rest) = (first.map(|bytes| u16::from_le_bytes(*bytes)), rest.unwrap_or_default());
    match (opcode, rest) {
        (opcode::READ_REQ, []) | (opcode::READ_BLOB_REQ, [_, _]) | (opcode::WRITE_REQ, _) => handle,
        (opcode::PREPARE_WRITE_REQ, [_, _, ..]) => handle,
        (opcode::READ_MULTIPLE_REQ | opcode::READ_MULTIPLE_VARIABLE_REQ, [_, _, ..])
            if rest.len().is_multiple_of(2) =>
        {
            handle
        }
        (opcode::READ_BY_TYPE_REQ, [low, high, uuid @ ..]) => {
            let first = handle?;
            let range = HandleRange { first, last: u16::from_le_bytes([*low, *high]) };
            let uuid = Uuid::from_pdu(uuid)?;
            let discovers = uuid == types::INCLUDE || uuid == types::CHARACTERISTIC;
            let is_range = first > 0 && first <= range.last;
            (is_range && !discovers && range != HandleRange::ALL).then_some(first)
        }
        (opcode::EXECUTE_WRITE_REQ, _) if *parameters == [queued::WRITE] => {
            let queued = |client: &mut Client| Some(client.prepared.writes.first()?.handle);
            context.shared.client(context.conn, queued).flatten()
        }
        _ => None,
    }
}
