//! What can go wrong: locally ([`Error`]) and on the air ([`AttError`]).

use core::convert::Infallible;
use core::fmt;

use crate::uuid::Uuid;

/// Why a call of the local API was refused. Nothing has changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An integer that does not fit in 1, 2 or 4 unsigned bytes.
    #[error("integer {0} is outside 0 to 4294967295")]
    IntegerOutOfRange(i64),
    /// A value above the attribute's limit, both in bytes.
    #[error("value of {length} bytes is over the limit of {limit}")]
    ValueTooLong {
        /// Length of the value that was given.
        length: usize,
        /// The most this attribute takes.
        limit: usize,
    },
    /// A value shorter than the attribute's fixed length, both in bytes.
    #[error("value of {length} bytes is short of the fixed length of {expected}")]
    ValueTooShort {
        /// Length of the value that was given.
        length: usize,
        /// The length that each value of this attribute has.
        expected: usize,
    },
    /// UUID bytes that are not 16.
    #[error("a UUID given as bytes has 16 of them, not {0}")]
    UuidLength(usize),
    /// A UUID integer above 32 bits.
    #[error("UUID {0:#x} is above 32 bits: give 16 bytes instead")]
    UuidOutOfRange(u64),
    /// A fixed handle that is 0, taken, or below its predecessor's.
    #[error("handle {handle:#06x} was asked for, but the lowest free one here is {lowest_free:#06x}")]
    HandleTaken {
        /// The handle that was asked for.
        handle: u16,
        /// The lowest handle that could be given at that place.
        lowest_free: u16,
    },
    /// All 65535 handles are in use.
    #[error("no attribute handle is left")]
    HandlesExhausted,
    /// A descriptor that the server itself makes was described as well.
    #[error("descriptor {0} is made by the server")]
    DescriptorReserved(Uuid),
    /// A characteristic or descriptor of a type that declares services or characteristics (Core Vol 3 Part G 3.1 to
    /// 3.3.1): clients would take it for a declaration.
    #[error("{0} is the type of a declaration")]
    DeclarationType(Uuid),
    /// A second descriptor of a type of which a characteristic has one at most (Core Vol 3 Part G 3.3.3).
    #[error("a characteristic has one descriptor {0} at most")]
    DescriptorRepeated(Uuid),
    /// A descriptor that clients never write is writable (Core Vol 3 Part G 3.3.3.1, 3.3.3.5, 3.3.3.6).
    #[error("descriptor {0} can be read only")]
    DescriptorWritable(Uuid),
    /// A value of a length that descriptors of this type do not have (Core Vol 3 Part G 3.3.3).
    #[error("descriptor {uuid} cannot have {length} bytes")]
    DescriptorLength {
        /// Type of the descriptor.
        uuid: Uuid,
        /// Length of the value that was given, in bytes.
        length: usize,
    },
    /// A CCCD for a characteristic that can be neither notified nor indicated (Core Vol 3 Part G 3.3.3.3).
    #[error("a CCCD needs the property NOTIFY or INDICATE")]
    CccdWithoutProperty,
    /// The property EXTENDED_PROPERTIES without the descriptor that it announces (Core Vol 3 Part G 3.3.3.1).
    #[error("the property EXTENDED_PROPERTIES needs the descriptor 2900")]
    ExtendedPropertiesMissing,
    /// An included service that belongs to another `Bluetooth`.
    #[error("the included service belongs to another server")]
    ForeignService,
    /// An include of a position at which the described table has no service.
    #[error("there is no service {0} to include")]
    UnknownService(usize),
    /// A service that includes itself, directly or through others (Core Vol 3 Part G 3.2).
    #[error("the service includes itself")]
    CircularInclude,
    /// A subscribed client has not taken the values pushed before.
    #[error("{limit} pushed values are waiting for a client already")]
    QueueFull {
        /// [`crate::Config::push_queue`].
        limit: usize,
    },
    /// A field with which an advertising payload is over 31 bytes.
    #[error("{field} makes the advertising payload {over} bytes too long")]
    AdvertisementTooLong {
        /// Name of the field of [`crate::Advertisement`].
        field: &'static str,
        /// Bytes above 31.
        over: usize,
    },
    /// Service data without the service UUID that it begins with on the air.
    #[error("service_data needs service_uuid")]
    ServiceDataWithoutUuid,
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Where in a described table something is, by positions from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The service.
    pub service: usize,
    /// The characteristic in it; `None` for the service declaration and its includes.
    pub characteristic: Option<usize>,
    /// The descriptor of that; `None` for the declaration, the value and the CCCD that the server makes.
    pub descriptor: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service {}", self.service)?;
        if let Some(characteristic) = self.characteristic {
            write!(f, ", characteristic {characteristic}")?;
        }
        if let Some(descriptor) = self.descriptor {
            write!(f, ", descriptor {descriptor}")?;
        }
        Ok(())
    }
}

/// Why a described table is impossible. Nothing of it has been loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {error}")]
pub struct TableError {
    /// The attribute that is wrong.
    pub place: Place,
    /// What is wrong with it.
    #[source]
    pub error: Error,
}

/// An ATT error code as it goes over the air (Core Vol 3 Part F 3.4.1.1, Table 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttError(pub u8);

impl AttError {
    /// The attribute handle is not valid on this server.
    pub const INVALID_HANDLE: Self = Self(0x01);
    /// The attribute cannot be read.
    pub const READ_NOT_PERMITTED: Self = Self(0x02);
    /// The attribute cannot be written.
    pub const WRITE_NOT_PERMITTED: Self = Self(0x03);
    /// The PDU has the wrong length or form.
    pub const INVALID_PDU: Self = Self(0x04);
    /// Pairing, or a better one, is needed first.
    pub const INSUFFICIENT_AUTHENTICATION: Self = Self(0x05);
    /// The server does not support this request.
    pub const REQUEST_NOT_SUPPORTED: Self = Self(0x06);
    /// The offset is past the end of the value.
    pub const INVALID_OFFSET: Self = Self(0x07);
    /// The client has not been authorised.
    pub const INSUFFICIENT_AUTHORISATION: Self = Self(0x08);
    /// Too many prepared writes.
    pub const PREPARE_QUEUE_FULL: Self = Self(0x09);
    /// No attribute in the range asked for.
    pub const ATTRIBUTE_NOT_FOUND: Self = Self(0x0A);
    /// The value cannot be read in parts.
    pub const ATTRIBUTE_NOT_LONG: Self = Self(0x0B);
    /// The link is encrypted with too short a key.
    pub const ENCRYPTION_KEY_SIZE_TOO_SHORT: Self = Self(0x0C);
    /// The length does not suit the attribute.
    pub const INVALID_ATTRIBUTE_VALUE_LENGTH: Self = Self(0x0D);
    /// The request failed for a reason that was not foreseen.
    pub const UNLIKELY_ERROR: Self = Self(0x0E);
    /// There is a key, but the link is not encrypted with it.
    pub const INSUFFICIENT_ENCRYPTION: Self = Self(0x0F);
    /// Not an attribute type that groups others.
    pub const UNSUPPORTED_GROUP_TYPE: Self = Self(0x10);
    /// No memory or other resource for this request.
    pub const INSUFFICIENT_RESOURCES: Self = Self(0x11);
    /// The client's picture of the table is out of date.
    pub const DATABASE_OUT_OF_SYNC: Self = Self(0x12);
    /// The parameter's value is not allowed.
    pub const VALUE_NOT_ALLOWED: Self = Self(0x13);
    /// The CCCD cannot be configured so (Core Specification Supplement Part B 1.2).
    pub const CCCD_IMPROPERLY_CONFIGURED: Self = Self(0xFD);
}
