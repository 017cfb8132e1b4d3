//! Finding attributes: Find Information, Find By Type Value, Read By Group Type.

use super::pdu::{Refusal, Response, end, take_u16};
use super::{Context, opcode};
use crate::attribute::types;
use crate::error::AttError;
use crate::uuid::Uuid;

/// Longest value in a Read By Group Type Response (Core Vol 3 Part F 3.4.4.10).
const MAX_GROUP_VALUE: usize = 251;

/// A range of handles at the front of a request: first, last, what follows.
pub(super) fn take_range(parameters: &[u8]) -> Result<(u16, u16, &[u8]), Refusal> {
    let (first, rest) = take_u16(parameters)?;
    let (last, rest) = take_u16(rest)?;
    Ok((first, last, rest))
}

/// Core Vol 3 Part F 3.4.3.1: a range starts above 0 and does not run backwards.
pub(super) fn check_range(first: u16, last: u16) -> Result<(), Refusal> {
    if first == 0 || first > last { Err(Refusal::at(first, AttError::INVALID_HANDLE)) } else { Ok(()) }
}

/// An attribute type of 2 or 16 bytes at the end of a request.
pub(super) fn take_type(rest: &[u8]) -> Result<Uuid, Refusal> {
    Uuid::from_pdu(rest).ok_or(Refusal::of_request(AttError::INVALID_PDU))
}

/// The outcome of a search: something was written behind the opcode, or nothing was found.
pub(super) fn found_or(first: u16, found: bool) -> Result<(), Refusal> {
    if found { Ok(()) } else { Err(Refusal::at(first, AttError::ATTRIBUTE_NOT_FOUND)) }
}

/// Core Vol 3 Part F 3.4.3.1.
pub(super) fn find_information(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (first, last, rest) = take_range(parameters)?;
    end(rest)?;
    check_range(first, last)?;
    let table = context.shared.table.borrow();
    let mut form = None;
    for attribute in table.range(first, last) {
        let uuid = attribute.uuid.as_le_bytes();
        let short = attribute.uuid.is_short();
        match form {
            None => {
                form = Some(short);
                response.begin(opcode::FIND_INFORMATION_RSP);
                response.put(&[if short { 0x01 } else { 0x02 }]);
            }
            // The two sizes never stand in one response (3.4.3.2).
            Some(earlier) if earlier != short => break,
            Some(_) if response.room() < 2 + uuid.len() => break,
            Some(_) => {}
        }
        response.put(&attribute.handle.to_le_bytes());
        response.put(uuid);
    }
    found_or(first, form.is_some())
}

/// Core Vol 3 Part F 3.4.3.3. Values that the client may not read do not match. A characteristic's stored
/// value is compared: this tells of handles, not of values, so it is no read and runs no handler.
pub(super) fn find_by_type_value(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (first, last, rest) = take_range(parameters)?;
    let Some((uuid, wanted)) = rest.split_at_checked(2) else {
        return Err(Refusal::of_request(AttError::INVALID_PDU));
    };
    let uuid = take_type(uuid)?;
    check_range(first, last)?;
    response.begin(opcode::FIND_BY_TYPE_VALUE_RSP);
    let mut found = false;
    let table = context.shared.table.borrow();
    for attribute in table.range(first, last).filter(|attribute| attribute.uuid == uuid) {
        let readable = attribute.kind.check_read(context.security).is_ok();
        if !readable || *attribute.kind.stored(context) != *wanted {
            continue;
        }
        if response.room() < 4 {
            break;
        }
        found = true;
        response.put(&attribute.handle.to_le_bytes());
        response.put(&attribute.group_end.to_le_bytes());
    }
    found_or(first, found)
}

/// Core Vol 3 Part F 3.4.4.9. Only services can be asked for (Core Vol 3 Part G 2.5.3).
pub(super) fn read_by_group_type(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (first, last, rest) = take_range(parameters)?;
    let uuid = take_type(rest)?;
    check_range(first, last)?;
    if uuid != types::PRIMARY_SERVICE && uuid != types::SECONDARY_SERVICE {
        return Err(Refusal::at(first, AttError::UNSUPPORTED_GROUP_TYPE));
    }
    let cut = MAX_GROUP_VALUE.min(context.mtu.saturating_sub(6));
    let table = context.shared.table.borrow();
    let mut length = None;
    for attribute in table.range(first, last).filter(|attribute| attribute.uuid == uuid) {
        let value = attribute.kind.stored(context);
        let shown = value.get(..cut).unwrap_or(&value);
        match length {
            None => {
                length = Some(value.len());
                response.begin(opcode::READ_BY_GROUP_TYPE_RSP);
                response.put(&[u8::try_from(shown.len() + 4).unwrap_or(u8::MAX)]);
            }
            Some(earlier) if earlier != value.len() => break,
            Some(_) if response.room() < 4 + shown.len() => break,
            Some(_) => {}
        }
        response.put(&attribute.handle.to_le_bytes());
        response.put(&attribute.group_end.to_le_bytes());
        response.put(shown);
    }
    found_or(first, length.is_some())
}
