//! Queued writes: Prepare Write and Execute Write.

use alloc::vec::Vec;
use core::mem;

use super::pdu::{Refusal, Response, take_u16};
use super::write::{self, Change};
use super::{Context, opcode};
use crate::attribute::Kind;
use crate::client::{PrepareQueue, PreparedWrite};
use crate::error::AttError;
use crate::handler;

/// Flags of Execute Write (Core Vol 3 Part F 3.4.6.3). Others are none that it has: the PDU is invalid, and
/// the queue stays.
const CANCEL: u8 = 0x00;
pub(super) const WRITE: u8 = 0x01;

/// Core Vol 3 Part F 3.4.6.1. Handle, permissions and the write rule are judged now; offset and length when
/// the write is executed.
pub(super) fn prepare(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (handle, rest) = take_u16(parameters)?;
    let (offset, part) = take_u16(rest)?;
    let kind = write::writable(context, handle)?;
    if let Kind::Value(state) = &kind {
        let allowed = handler::authorise_write(context.shared, state, part);
        allowed.map_err(|error| Refusal::at(handle, error))?;
    }
    let config = &context.shared.config;
    let queued = context.shared.client(context.conn, |client| {
        let PrepareQueue { writes, bytes } = &mut client.prepared;
        if writes.len() >= config.prepare_queue || bytes.len() + part.len() > config.prepare_bytes {
            return false;
        }
        bytes.extend_from_slice(part);
        writes.push(PreparedWrite { handle, kind, offset, length: part.len() });
        true
    });
    if queued != Some(true) {
        return Err(Refusal::at(handle, AttError::PREPARE_QUEUE_FULL));
    }
    response.begin(opcode::PREPARE_WRITE_RSP);
    response.put(parameters);
    Ok(())
}

/// Core Vol 3 Part F 3.4.6.3. Everything is judged before anything is written, and everything is written
/// before a handler runs, once for each attribute. Whatever comes of it, the queue is empty afterwards.
pub(super) fn execute(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let &[flags @ (CANCEL | WRITE)] = parameters else {
        return Err(Refusal::of_request(AttError::INVALID_PDU));
    };
    let queue = context.shared.client(context.conn, |client| mem::take(&mut client.prepared));
    if let (WRITE, Some(queue)) = (flags, queue) {
        let mut changes = Vec::new();
        for whole in join(context, &queue)? {
            let change = Change::new(context, whole.kind, &whole.value);
            changes.push(change.map_err(|error| Refusal::at(whole.handle, error))?);
        }
        changes.iter().for_each(|change| change.store(context));
        changes.iter().for_each(|change| change.report(context));
    }
    response.begin(opcode::EXECUTE_WRITE_RSP);
    Ok(())
}

/// One attribute with all of its parts put in.
struct Whole {
    handle: u16,
    kind: Kind,
    value: Vec<u8>,
}

/// Puts the parts into the values as they are now, in the order of their arrival. A value of variable length
/// ends where the part that reaches furthest does, as it would after a write of the whole.
///
/// An attribute that is no longer there is a database change, for which the specification has one code,
/// whether the client supports robust caching or not (Core Vol 3 Part F 3.4.6.3 and Table 3.44).
fn join(context: &Context<'_>, queue: &PrepareQueue) -> Result<Vec<Whole>, Refusal> {
    let mut joined: Vec<(Whole, usize)> = Vec::new();
    let mut bytes = &queue.bytes[..];
    for write in &queue.writes {
        let (part, rest) = bytes.split_at_checked(write.length).unwrap_or_default();
        bytes = rest;
        let refuse = |error| Refusal::at(write.handle, error);
        let position = match joined.iter().position(|(whole, _)| whole.handle == write.handle) {
            Some(position) => position,
            None => {
                joined.push((begin(context, write).map_err(refuse)?, 0));
                joined.len() - 1
            }
        };
        let Some((whole, end)) = joined.get_mut(position) else {
            continue;
        };
        let offset = usize::from(write.offset);
        if offset > whole.value.len() {
            return Err(refuse(AttError::INVALID_OFFSET));
        }
        if !whole.kind.limit().overlay(&mut whole.value, offset, part) {
            return Err(refuse(AttError::INVALID_ATTRIBUTE_VALUE_LENGTH));
        }
        *end = (*end).max(offset + part.len());
    }
    for (whole, end) in &mut joined {
        if !whole.kind.limit().fixed {
            whole.value.truncate(*end);
        }
    }
    Ok(joined.into_iter().map(|(whole, _)| whole).collect())
}

fn begin(context: &Context<'_>, write: &PreparedWrite) -> Result<Whole, AttError> {
    let table = context.shared.table.borrow();
    let same = table.find(write.handle).filter(|attribute| attribute.kind.is(&write.kind));
    let kind = same.ok_or(AttError::DATABASE_OUT_OF_SYNC)?.kind.clone();
    let value = kind.stored(context).to_vec();
    Ok(Whole { handle: write.handle, kind, value })
}
