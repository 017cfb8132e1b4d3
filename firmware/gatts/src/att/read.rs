//! Reading values: Read, Read Blob, Read By Type.

use alloc::rc::Rc;

use super::discovery::{check_range, found_or, take_range, take_type};
use super::pdu::{Refusal, Response, end, take_u16};
use super::{Context, opcode, open_snapshot};
use crate::attribute::{CharacteristicState, Kind};
use crate::client::Snapshot;
use crate::error::{AttError, Error};
use crate::events::Events;
use crate::handler;
use crate::observe::Observed;
use crate::reply::{Call, Reply};
use crate::uuid::Uuid;
use crate::value::{MAX_VALUE_LEN, check_length};

/// Longest value in a Read By Type Response (Core Vol 3 Part F 3.4.4.2).
const MAX_TYPE_VALUE: usize = 253;

/// Core Vol 3 Part F 3.4.4.3.
pub(super) fn read(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (handle, rest) = take_u16(parameters)?;
    end(rest)?;
    let value = whole(context, handle)?;
    response.begin(opcode::READ_RSP);
    response.put(&value);
    open_snapshot(context, handle, value);
    Ok(())
}

/// Core Vol 3 Part F 3.4.4.5. A Read and the Blobs that go on with it are one operation, served from one
/// snapshot, so that a handler runs once and the parts belong together.
pub(super) fn blob(
    context: &Context<'_>,
    snapshot: Option<Snapshot>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (handle, rest) = take_u16(parameters)?;
    let (offset, rest) = take_u16(rest)?;
    end(rest)?;
    let value = match snapshot.filter(|open| open.handle == handle && offset != 0) {
        Some(open) => readable(context, handle).map(|_| open.value)?,
        None => whole(context, handle)?,
    };
    open_snapshot(context, handle, Rc::clone(&value));
    let part = value.get(usize::from(offset)..).ok_or(Refusal::at(handle, AttError::INVALID_OFFSET))?;
    response.begin(opcode::READ_BLOB_RSP);
    response.put(part);
    Ok(())
}

/// The attribute at a handle, if this client may read it.
pub(super) fn readable(context: &Context<'_>, handle: u16) -> Result<Kind, Refusal> {
    let table = context.shared.table.borrow();
    let attribute = table.find(handle).ok_or(Refusal::at(handle, AttError::INVALID_HANDLE))?;
    attribute.kind.check_read(context.security).map_err(|error| Refusal::at(handle, error))?;
    Ok(attribute.kind.clone())
}

/// The value of the attribute at a handle, if this client may read it. Where no handler is to run, nothing is
/// taken out of the table first.
fn whole(context: &Context<'_>, handle: u16) -> Result<Rc<[u8]>, Refusal> {
    let table = context.shared.table.borrow();
    let attribute = table.find(handle).ok_or(Refusal::at(handle, AttError::INVALID_HANDLE))?;
    attribute.kind.check_read(context.security).map_err(|error| Refusal::at(handle, error))?;
    match &attribute.kind {
        Kind::Value(state) if state.is_triggered_by(Events::CHAR_READ_EVENT) => {
            let state = Rc::clone(state);
            drop(table);
            answer(context, &state).map_err(|error| Refusal::at(handle, error))
        }
        Kind::Value(state) => {
            state.flag(Events::CHAR_READ_EVENT);
            Ok(state.value())
        }
        other => {
            note_hash_read(context, other);
            Ok(other.stored(context))
        }
    }
}

/// The value that answers a read of an attribute that has been judged already.
pub(super) fn fetch(context: &Context<'_>, handle: u16, kind: Kind) -> Result<Rc<[u8]>, Refusal> {
    match kind {
        Kind::Value(state) => answer(context, &state).map_err(|error| Refusal::at(handle, error)),
        other => {
            note_hash_read(context, &other);
            Ok(other.stored(context))
        }
    }
}

/// Reading the Database Hash is a way to become change-aware (Core Vol 3 Part G 2.5.2.1).
fn note_hash_read(context: &Context<'_>, kind: &Kind) {
    if matches!(kind, Kind::DatabaseHash) {
        context.shared.client(context.conn, |client| client.caching.has_read_hash());
    }
}

/// A characteristic's answer: what its handler says, else the value stored once it has run.
fn answer(context: &Context<'_>, state: &Rc<CharacteristicState>) -> Result<Rc<[u8]>, AttError> {
    let call = Call { event: Events::CHAR_READ_EVENT, value: &[], conn: context.conn };
    let unusable = |error: Error| {
        let handle = state.handle.get();
        context.shared.observe(Observed::HandlerError { handle, error: &error });
        AttError::UNLIKELY_ERROR
    };
    match handler::characteristic_event(context.shared, state, &call) {
        Reply::Stored => Ok(state.value()),
        Reply::Reject(error) => Err(error),
        Reply::Invalid(error) => Err(unusable(error)),
        Reply::Value(bytes) => {
            check_length(bytes.len(), MAX_VALUE_LEN).map_err(unusable)?;
            Ok(bytes.into())
        }
    }
}

/// Core Vol 3 Part F 3.4.4.1. An attribute with a read handler is answered alone: whether its value would
/// fit behind others is known only after the handler has run, and a handler runs once for each answer.
pub(super) fn by_type(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (first, last, rest) = take_range(parameters)?;
    let uuid = take_type(rest)?;
    check_range(first, last)?;
    let Some(state) = list_stored(context, first, last, uuid, response)? else {
        return Ok(());
    };
    let handle = state.handle.get();
    let value = answer(context, &state).map_err(|error| Refusal::at(handle, error))?;
    let shown = value.get(..longest_listed(context)).unwrap_or(&value);
    begin_list(response, shown.len());
    put_pair(response, handle, shown);
    Ok(())
}

fn longest_listed(context: &Context<'_>) -> usize {
    MAX_TYPE_VALUE.min(context.mtu.saturating_sub(4))
}

/// Lists the attributes up to the first with a read handler. If that comes at once, gives it instead.
fn list_stored(
    context: &Context<'_>,
    first: u16,
    last: u16,
    uuid: Uuid,
    response: &mut Response<'_>,
) -> Result<Option<Rc<CharacteristicState>>, Refusal> {
    let table = context.shared.table.borrow();
    let mut length = None;
    for attribute in table.range(first, last).filter(|attribute| attribute.uuid == uuid) {
        match attribute.kind.check_read(context.security) {
            Ok(()) => {}
            // The first one's error answers the request; a later one only ends the list.
            Err(error) if length.is_none() => return Err(Refusal::at(attribute.handle, error)),
            Err(_) => break,
        }
        if let Kind::Value(state) = &attribute.kind
            && state.is_triggered_by(Events::CHAR_READ_EVENT)
        {
            match length {
                None => return Ok(Some(Rc::clone(state))),
                Some(_) => break,
            }
        }
        let value = attribute.kind.stored(context);
        let shown = value.get(..longest_listed(context)).unwrap_or(&value);
        match length {
            None => {
                length = Some(value.len());
                begin_list(response, shown.len());
            }
            Some(earlier) if earlier != value.len() => break,
            Some(_) if response.room() < 2 + shown.len() => break,
            Some(_) => {}
        }
        put_pair(response, attribute.handle, shown);
        note_hash_read(context, &attribute.kind);
        if let Kind::Value(state) = &attribute.kind {
            state.flag(Events::CHAR_READ_EVENT);
        }
    }
    found_or(first, length.is_some()).map(|()| None)
}

fn begin_list(response: &mut Response<'_>, value_length: usize) {
    response.begin(opcode::READ_BY_TYPE_RSP);
    response.put(&[u8::try_from(value_length + 2).unwrap_or(u8::MAX)]);
}

fn put_pair(response: &mut Response<'_>, handle: u16, value: &[u8]) {
    response.put(&handle.to_le_bytes());
    response.put(value);
}
