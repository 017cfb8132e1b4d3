//! UUIDs as they stand in PDUs.

/// A UUID with the form in which it came.
#[derive(Debug, Clone, Copy)]
pub struct Uuid {
    bytes: [u8; 16],
    short: bool,
}

/// Bluetooth Base UUID, least significant byte first (Core Vol 3 Part B 2.5.1).
const BASE: [u8; 16] =
    [0xFB, 0x34, 0x9B, 0x5F, 0x80, 0x00, 0x00, 0x80, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00];

impl Uuid {
    /// A 16-bit UUID.
    #[must_use]
    pub const fn short(value: u16) -> Self {
        let mut bytes = BASE;
        let [low, high] = value.to_le_bytes();
        let [.., slot_low, slot_high, _, _] = &mut bytes;
        *slot_low = low;
        *slot_high = high;
        Self { bytes, short: true }
    }

    /// From 2 or 16 bytes, least significant first.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [low, high] => Some(Self::short(u16::from_le_bytes([low, high]))),
            _ => Some(Self { bytes: bytes.try_into().ok()?, short: false }),
        }
    }

    /// The bytes as they came, least significant first: 2 or 16.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        if self.short { self.bytes.get(12..14).unwrap_or_default() } else { &self.bytes }
    }
}

/// Two forms of one UUID are equal (Core Vol 3 Part F 3.2.1).
impl PartialEq for Uuid {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Uuid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_uuid_are_equal() {
        let mut long = BASE;
        long[12..14].copy_from_slice(&[0x04, 0x2A]);
        let long = Uuid::from_bytes(&long).unwrap();
        assert_eq!(Uuid::short(0x2A04), long);
        assert_eq!(Uuid::short(0x2A04).as_bytes(), [0x04, 0x2A]);
        assert_eq!(long.as_bytes().len(), 16);
        assert_eq!(Uuid::from_bytes(&[1, 2, 3]), None);
    }
}
