//! Writing values: what Write Request and Write Command have in common.

use alloc::rc::Rc;

use super::Context;
use super::pdu::{Refusal, take_u16};
use crate::attribute::{CharacteristicState, Kind};
use crate::error::AttError;
use crate::events::Events;
use crate::handler;
use crate::reply::Call;

/// Stores the value of a write (Core Vol 3 Part F 3.4.5.1), or changes nothing. Every value here is of
/// variable length up to its limit, save the CCCD.
pub(super) fn store(context: &Context<'_>, parameters: &[u8]) -> Result<(), Refusal> {
    let (handle, value) = take_u16(parameters)?;
    let kind = {
        let table = context.shared.table.borrow();
        let attribute = table.find(handle).ok_or(Refusal::at(handle, AttError::INVALID_HANDLE))?;
        attribute.kind.check_write(context.security).map_err(|error| Refusal::at(handle, error))?;
        attribute.kind.clone()
    };
    let stored = match kind {
        Kind::Declaration(_) => Err(AttError::WRITE_NOT_PERMITTED),
        Kind::Value(state) => characteristic(context, &state, value),
        Kind::Cccd(state) => subscribe(context, &state, value),
        Kind::Descriptor(descriptor) if value.len() > descriptor.max_len => {
            Err(AttError::INVALID_ATTRIBUTE_VALUE_LENGTH)
        }
        Kind::Descriptor(descriptor) => {
            descriptor.value.replace(value.into());
            Ok(())
        }
    };
    stored.map_err(|error| Refusal::at(handle, error))
}

/// The handler runs once the value is stored, and its reply is ignored.
fn characteristic(
    context: &Context<'_>,
    state: &Rc<CharacteristicState>,
    value: &[u8],
) -> Result<(), AttError> {
    state.check_length(value.len()).map_err(|_| AttError::INVALID_ATTRIBUTE_VALUE_LENGTH)?;
    handler::authorise_write(context.shared, state, value)?;
    state.store(value.into());
    let call = Call { event: Events::CHAR_WRITE_EVENT, value, conn: context.conn };
    handler::characteristic_event(context.shared, state, &call);
    Ok(())
}

/// Core Vol 3 Part G 3.3.3.3. Bits reserved for future use are ignored, as the convention for them demands
/// (Core Vol 1 Part E). A bit whose property is not set must not be set: of the codes that a Write Request
/// may be refused with (Core Vol 3 Part F 3.4.9, where 0x13 does not stand) 0xFD says just that.
fn subscribe(context: &Context<'_>, state: &Rc<CharacteristicState>, value: &[u8]) -> Result<(), AttError> {
    let &[low, _] = value else {
        return Err(AttError::INVALID_ATTRIBUTE_VALUE_LENGTH);
    };
    let bits = low & (crate::attribute::cccd::NOTIFY | crate::attribute::cccd::INDICATE);
    if bits & !state.allowed_cccd_bits() != 0 {
        return Err(AttError::CCCD_IMPROPERLY_CONFIGURED);
    }
    context.shared.client(context.conn, |client| client.set_cccd_bits(state.handle.get(), bits));
    let call = Call { event: Events::CHAR_SUBSCRIBE_EVENT, value, conn: context.conn };
    handler::characteristic_event(context.shared, state, &call);
    Ok(())
}
