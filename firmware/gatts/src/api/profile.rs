//! What the profile says of attribute types that have a meaning of their own (Core Vol 3 Part G 3.1 to 3.3).

use crate::attribute::{DescriptorState, types};
use crate::error::Error;
use crate::permissions::Access;
use crate::uuid::Uuid;

/// What opens a service or a characteristic, or includes: an attribute of such a type would be taken for one.
const DECLARATIONS: [Uuid; 4] =
    [types::PRIMARY_SERVICE, types::SECONDARY_SERVICE, types::INCLUDE, types::CHARACTERISTIC];
/// At most one in a characteristic (3.3.3.1, 3.3.3.2, 3.3.3.4, 3.3.3.6).
const SINGLE: [Uuid; 4] = [
    types::EXTENDED_PROPERTIES,
    types::USER_DESCRIPTION,
    types::SERVER_CONFIGURATION,
    types::AGGREGATE_FORMAT,
];
/// Never written by clients (3.3.3.1, 3.3.3.5, 3.3.3.6).
const READ_ONLY: [Uuid; 3] =
    [types::EXTENDED_PROPERTIES, types::PRESENTATION_FORMAT, types::AGGREGATE_FORMAT];

pub(super) fn check_characteristic(uuid: Uuid) -> Result<(), Error> {
    if DECLARATIONS.contains(&uuid) { Err(Error::DeclarationType(uuid)) } else { Ok(()) }
}

/// Judges a descriptor other than a CCCD by who may write it and by its first value.
pub(super) fn check_descriptor(uuid: Uuid, write: Access, value: &[u8]) -> Result<(), Error> {
    check_characteristic(uuid)?;
    if READ_ONLY.contains(&uuid) && write != Access::NONE {
        return Err(Error::DescriptorWritable(uuid));
    }
    let length = value.len();
    let fits = if uuid == types::EXTENDED_PROPERTIES || uuid == types::SERVER_CONFIGURATION {
        length == 2
    } else if uuid == types::PRESENTATION_FORMAT {
        length == 7
    } else {
        // A list of handles, two bytes each.
        uuid != types::AGGREGATE_FORMAT || length.is_multiple_of(2)
    };
    if fits { Ok(()) } else { Err(Error::DescriptorLength { uuid, length }) }
}

/// Whether a descriptor may stand beside those before it.
pub(super) fn check_single<'d>(
    uuid: Uuid,
    mut before: impl Iterator<Item = &'d DescriptorState>,
) -> Result<(), Error> {
    match SINGLE.contains(&uuid) && before.any(|other| other.uuid == uuid) {
        true => Err(Error::DescriptorRepeated(uuid)),
        false => Ok(()),
    }
}
