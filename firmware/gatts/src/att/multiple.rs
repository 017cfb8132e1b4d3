//! Reading several values at once: Read Multiple, Read Multiple Variable Length.

use alloc::vec::Vec;
use core::ops::Range;

use super::pdu::{Refusal, Response};
use super::{Context, opcode, read};
use crate::attribute::Kind;
use crate::error::AttError;

/// Core Vol 3 Part F 3.4.4.7. Every permission is judged before a handler runs.
pub(super) fn values(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let attributes = attributes(context, parameters)?;
    response.begin(opcode::READ_MULTIPLE_RSP);
    each_once(context, &attributes, response, 0, |response, value| response.put(value))
}

/// Core Vol 3 Part F 3.4.4.11. The list may be cut within a value, though not within a length (3.4.4.12).
pub(super) fn tuples(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let attributes = attributes(context, parameters)?;
    response.begin(opcode::READ_MULTIPLE_VARIABLE_RSP);
    each_once(context, &attributes, response, LENGTH_LEN, |response, value| {
        response.put(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        response.put(value);
    })
}

/// Octets of a Value Length.
const LENGTH_LEN: usize = 2;

/// The attributes asked for, two or more, if the client may read them all.
fn attributes(context: &Context<'_>, parameters: &[u8]) -> Result<Vec<(u16, Kind)>, Refusal> {
    let (handles, rest) = parameters.as_chunks::<2>();
    if handles.len() < 2 || !rest.is_empty() {
        return Err(Refusal::of_request(AttError::INVALID_PDU));
    }
    let handles = handles.iter().map(|handle| u16::from_le_bytes(*handle));
    handles.map(|handle| Ok((handle, read::readable(context, handle)?))).collect()
}

/// Reads each attribute once, also those that no longer fit: a handler may refuse. One that is asked for
/// twice is shown twice. What is shown of one needs `least` octets at its front, or is left out.
fn each_once(
    context: &Context<'_>,
    attributes: &[(u16, Kind)],
    response: &mut Response<'_>,
    least: usize,
    put: impl Fn(&mut Response<'_>, &[u8]),
) -> Result<(), Refusal> {
    let mut shown: Vec<(u16, Range<usize>)> = Vec::with_capacity(attributes.len());
    for (handle, kind) in attributes {
        if let Some((_, earlier)) = shown.iter().find(|(other, _)| other == handle) {
            if response.room() >= least {
                response.repeat(earlier.clone());
            }
            continue;
        }
        let value = read::fetch(context, *handle, kind.clone())?;
        let start = response.len();
        if response.room() >= least {
            put(response, &value);
        }
        shown.push((*handle, start..response.len()));
    }
    Ok(())
}
