//! Writing values: what all the ways of writing have in common.

use alloc::rc::Rc;

use super::Context;
use super::pdu::{Refusal, take_u16};
use crate::attribute::{CharacteristicState, ClientView, DescriptorState, Kind, cccd};
use crate::caching::feature;
use crate::error::AttError;
use crate::events::Events;
use crate::handler;
use crate::permissions::Security;
use crate::reply::Call;
use crate::table::Table;
use crate::value::{Limit, MAX_VALUE_LEN};

/// Stores the value of a Write Request or Write Command (Core Vol 3 Part F 3.4.5.1 and 3.4.5.3), or changes
/// nothing.
pub(super) fn store(context: &Context<'_>, parameters: &[u8]) -> Result<(), Refusal> {
    let (handle, value) = take_u16(parameters)?;
    let refuse = |error| Refusal::at(handle, error);
    let table = context.shared.table.borrow();
    let kind = find_writable(&table, context.security, handle)?;
    // Most writes are of values: nothing else is taken out of the table for them.
    if let Kind::Value(state) = kind {
        let state = Rc::clone(state);
        drop(table);
        let whole = judge_value(context, &state, value).map_err(refuse)?;
        state.store(Rc::clone(&whole));
        report(context, &state, Events::CHAR_WRITE_EVENT, &whole);
        return Ok(());
    }
    let kind = kind.clone();
    drop(table);
    let change = Change::new(context, kind, value).map_err(refuse)?;
    change.store(context);
    change.report(context);
    Ok(())
}

/// Sets the flag and runs the handler. The reply is ignored.
fn report(context: &Context<'_>, state: &Rc<CharacteristicState>, event: Events, value: &[u8]) {
    let call = Call { event, value, conn: context.conn };
    handler::characteristic_event(context.shared, state, &call);
}

/// The whole value that a write makes, if length and write rule allow it.
fn judge_value(
    context: &Context<'_>,
    state: &Rc<CharacteristicState>,
    value: &[u8],
) -> Result<Rc<[u8]>, AttError> {
    let whole = whole_value(state.limit, value, || state.value())?;
    handler::authorise_write(context.shared, state, &whole)?;
    Ok(whole)
}

/// The attribute at a handle, if this client may write it.
pub(super) fn writable(context: &Context<'_>, handle: u16) -> Result<Kind, Refusal> {
    find_writable(&context.shared.table.borrow(), context.security, handle).cloned()
}

fn find_writable(table: &Table, security: Security, handle: u16) -> Result<&Kind, Refusal> {
    let attribute = table.find(handle).ok_or(Refusal::at(handle, AttError::INVALID_HANDLE))?;
    attribute.kind.check_write(security).map_err(|error| Refusal::at(handle, error))?;
    Ok(&attribute.kind)
}

/// A write that has passed every check and has not been done yet.
pub(super) enum Change {
    Value(Rc<CharacteristicState>, Rc<[u8]>),
    Cccd(Rc<CharacteristicState>, [u8; 2]),
    Features(u8),
    Descriptor(Rc<DescriptorState>, Rc<[u8]>),
}

impl Change {
    /// Judges a value for an attribute that the client may write.
    pub(super) fn new(context: &Context<'_>, kind: Kind, value: &[u8]) -> Result<Self, AttError> {
        match kind {
            Kind::Declaration(_) | Kind::DatabaseHash => Err(AttError::WRITE_NOT_PERMITTED),
            Kind::Value(state) => {
                let whole = judge_value(context, &state, value)?;
                Ok(Self::Value(state, whole))
            }
            Kind::Cccd(state) => judge_cccd(context, state, value),
            Kind::ClientFeatures => judge_features(context, value),
            Kind::Descriptor(state) => {
                let whole = whole_value(state.limit, value, || Rc::clone(&state.value.borrow()))?;
                Ok(Self::Descriptor(state, whole))
            }
        }
    }

    /// Does it.
    pub(super) fn store(&self, context: &Context<'_>) {
        match self {
            Self::Value(state, value) => state.store(Rc::clone(value)),
            Self::Cccd(state, [low, _]) => {
                let bits = low & (cccd::NOTIFY | cccd::INDICATE);
                context.shared.client(context.conn, |client| client.set_cccd_bits(state, bits));
            }
            Self::Features(features) => {
                context.shared.client(context.conn, |client| client.caching.features = *features);
            }
            Self::Descriptor(state, value) => {
                state.value.replace(Rc::clone(value));
            }
        }
    }

    /// Tells the application, once everything is stored.
    pub(super) fn report(&self, context: &Context<'_>) {
        match self {
            Self::Value(state, value) => report(context, state, Events::CHAR_WRITE_EVENT, value),
            Self::Cccd(state, value) => report(context, state, Events::CHAR_SUBSCRIBE_EVENT, value),
            Self::Features(_) | Self::Descriptor(..) => {}
        }
    }
}

/// The value as it will be stored. One of variable length is replaced; of one of fixed length, the octets
/// behind those written stay (Core Vol 3 Part F 3.4.5.1).
fn whole_value(limit: Limit, value: &[u8], stored: impl Fn() -> Rc<[u8]>) -> Result<Rc<[u8]>, AttError> {
    if value.len() > limit.max {
        return Err(AttError::INVALID_ATTRIBUTE_VALUE_LENGTH);
    }
    if !limit.fixed || value.len() == limit.max {
        return Ok(value.into());
    }
    let mut whole = stored().to_vec();
    limit.overlay(&mut whole, 0, value);
    Ok(whole.into())
}

/// Core Vol 3 Part G 3.3.3.3. Bits reserved for future use are ignored, as the convention for them demands
/// (Core Vol 1 Part E). A bit whose property is not set must not be set: of the codes that a Write Request
/// may be refused with (Core Vol 3 Part F 3.4.9, where 0x13 does not stand) 0xFD says just that.
///
/// Its length is fixed, so octets that are not written stay (Core Vol 3 Part F 3.4.5.1).
fn judge_cccd(
    context: &Context<'_>,
    state: Rc<CharacteristicState>,
    value: &[u8],
) -> Result<Change, AttError> {
    let (low, high) = match *value {
        [] => (context.cccd_bits(&state), 0),
        [low] => (low, 0),
        [low, high] => (low, high),
        _ => return Err(AttError::INVALID_ATTRIBUTE_VALUE_LENGTH),
    };
    let bits = low & (cccd::NOTIFY | cccd::INDICATE);
    match bits & !state.allowed_cccd_bits() {
        0 => Ok(Change::Cccd(state, [low, high])),
        _ => Err(AttError::CCCD_IMPROPERLY_CONFIGURED),
    }
}

/// Core Vol 3 Part G 7.2: bits that are reserved are ignored, and a client clears none that it has set.
/// Octets that are not written count as zero.
fn judge_features(context: &Context<'_>, value: &[u8]) -> Result<Change, AttError> {
    let Some(first) = value.first().filter(|_| value.len() <= MAX_VALUE_LEN) else {
        return Err(AttError::INVALID_ATTRIBUTE_VALUE_LENGTH);
    };
    let features = first & feature::KNOWN;
    match context.features() & !features {
        0 => Ok(Change::Features(features)),
        _ => Err(AttError::VALUE_NOT_ALLOWED),
    }
}
