//! Descriptions of descriptors.

use alloc::vec::Vec;

use super::config::{at_most_longest, uuid_from};
use crate::attribute::types;
use crate::error::Error;
use crate::permissions::Permissions;
use crate::uuid::Uuid;
use crate::value::{Limit, Value};

bitflags::bitflags! {
    /// Characteristic extended properties (Core Vol 3 Part G 3.3.3.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct ExtendedProperties: u16 {
        /// The value may be written by Prepare Write and Execute Write, and the client checks each part.
        const RELIABLE_WRITE = 0x0001;
        /// The user description may be written.
        const WRITABLE_AUXILIARIES = 0x0002;
    }
}

/// How a value is to be read (Core Vol 3 Part G 3.3.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentationFormat {
    /// Format type (Assigned Numbers 2.4.1), for instance 0x04 for an unsigned octet.
    pub format: u8,
    /// Power of ten that an integer value is multiplied by.
    pub exponent: i8,
    /// UUID of the unit (Assigned Numbers 3.5); 0x2700 is none.
    pub unit: u16,
    /// Who assigns the description; 0x01 is the Bluetooth SIG.
    pub namespace: u8,
    /// Description in that name space; 0x0000 is unknown.
    pub description: u16,
}

impl PresentationFormat {
    fn encode(self) -> [u8; 7] {
        let [exponent] = self.exponent.to_le_bytes();
        let ([a, b], [c, d]) = (self.unit.to_le_bytes(), self.description.to_le_bytes());
        [self.format, exponent, a, b, self.namespace, c, d]
    }
}

/// Describes a descriptor other than the CCCD: readable by everybody, writable by nobody, empty at first.
#[derive(Debug, Clone)]
pub struct DescriptorConfig {
    pub(super) uuid: Result<Uuid, Error>,
    pub(super) permissions: Permissions,
    pub(super) value: Result<Vec<u8>, Error>,
    pub(super) limit: Limit,
    pub(super) handle: Option<u16>,
}

impl DescriptorConfig {
    /// An empty descriptor that can be read. The UUID is one, or bytes or an integer to make one of; an error
    /// in it comes out when the characteristic is created.
    pub fn new(uuid: impl TryInto<Uuid, Error: Into<Error>>) -> Self {
        let (permissions, limit) = (Permissions::READ_ONLY, Limit::LONGEST);
        Self { uuid: uuid_from(uuid), permissions, value: Ok(Vec::new()), limit, handle: None }
    }

    /// A Characteristic User Description (Core Vol 3 Part G 3.3.3.2).
    pub fn user_description(text: &str) -> Self {
        Self::new(types::USER_DESCRIPTION).value(text)
    }

    /// A Characteristic Extended Properties descriptor (Core Vol 3 Part G 3.3.3.1).
    pub(super) fn extended_properties(extended: ExtendedProperties) -> Self {
        Self::new(types::EXTENDED_PROPERTIES).value(&extended.bits().to_le_bytes()).fixed_len(2)
    }

    /// A Characteristic Presentation Format (Core Vol 3 Part G 3.3.3.5).
    pub fn presentation_format(format: PresentationFormat) -> Self {
        Self::new(types::PRESENTATION_FORMAT).value(&format.encode()).fixed_len(7)
    }

    /// A Characteristic Aggregate Format: the handles of the presentation formats that the parts of the
    /// value have, in their order (Core Vol 3 Part G 3.3.3.6). [`super::Characteristic::descriptor_handle`]
    /// gives them.
    pub fn aggregate_format(handles: &[u16]) -> Self {
        let value: Vec<u8> = handles.iter().flat_map(|handle| handle.to_le_bytes()).collect();
        Self::new(types::AGGREGATE_FORMAT).value(&value)
    }

    /// The value at first. An error in it comes out when the characteristic is created.
    #[must_use]
    pub fn value<'a>(mut self, value: impl Into<Value<'a>>) -> Self {
        self.value = value.into().encode();
        self
    }

    /// What reading and writing demand.
    #[must_use]
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Longest value, in bytes; 512 at most and by default.
    #[must_use]
    pub fn max_len(mut self, bytes: u16) -> Self {
        self.limit = Limit { max: at_most_longest(bytes), fixed: false };
        self
    }

    /// The length that each value has, in bytes; 512 at most. A client's shorter write replaces the first
    /// octets and leaves the rest (Core Vol 3 Part F 3.4.5.1).
    #[must_use]
    pub fn fixed_len(mut self, bytes: u16) -> Self {
        self.limit = Limit::fixed(at_most_longest(bytes));
        self
    }

    /// Fixes the handle.
    #[must_use]
    pub fn handle(mut self, handle: u16) -> Self {
        self.handle = Some(handle);
        self
    }
}
