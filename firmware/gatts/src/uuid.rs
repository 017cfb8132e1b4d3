//! UUIDs: 16-bit ones on the Bluetooth base, and 128-bit ones.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::error::Error;

/// A UUID. It keeps the form it was given in, 16 or 128 bits, for the PDUs; two are equal when their
/// 128-bit forms are (Core Vol 3 Part B 2.5.1).
#[derive(Clone, Copy)]
pub struct Uuid(Form);

#[derive(Clone, Copy)]
enum Form {
    Short([u8; 2]),
    Long([u8; 16]),
}

/// `00000000-0000-1000-8000-00805F9B34FB` with its first 32 bits replaced, least significant byte first.
const fn on_bluetooth_base([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0xFB, 0x34, 0x9B, 0x5F, 0x80, 0x00, 0x00, 0x80, 0x00, 0x10, 0x00, 0x00, a, b, c, d]
}

impl Uuid {
    /// A 16-bit UUID.
    pub const fn from_u16(n: u16) -> Self {
        Self(Form::Short(n.to_le_bytes()))
    }

    /// A UUID from an integer: 16 bits if it fits, else 32 bits in their 128-bit form, since ATT has no
    /// 32-bit form (Core Vol 3 Part F 3.2.1).
    ///
    /// # Errors
    /// [`Error::UuidOutOfRange`] above 32 bits.
    pub fn from_int(n: u64) -> Result<Self, Error> {
        if let Ok(short) = u16::try_from(n) {
            return Ok(Self::from_u16(short));
        }
        let wide = u32::try_from(n).map_err(|_| Error::UuidOutOfRange(n))?;
        Ok(Self(Form::Long(on_bluetooth_base(wide.to_le_bytes()))))
    }

    /// A 128-bit UUID from 16 bytes, least significant first.
    ///
    /// # Errors
    /// [`Error::UuidLength`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let long = <[u8; 16]>::try_from(bytes).map_err(|_| Error::UuidLength(bytes.len()))?;
        Ok(Self(Form::Long(long)))
    }

    /// A UUID as it stands in a PDU: 2 or 16 bytes, least significant first.
    pub(crate) fn from_pdu(bytes: &[u8]) -> Option<Self> {
        if let Ok(short) = <[u8; 2]>::try_from(bytes) {
            return Some(Self(Form::Short(short)));
        }
        <[u8; 16]>::try_from(bytes).ok().map(|long| Self(Form::Long(long)))
    }

    /// The bytes as they stand in a PDU: 2 or 16, least significant first.
    pub fn as_le_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Short(bytes) => bytes,
            Form::Long(bytes) => bytes,
        }
    }

    /// Whether it is kept in its 16-bit form.
    pub fn is_short(&self) -> bool {
        matches!(self.0, Form::Short(_))
    }

    /// The 128-bit form, least significant byte first.
    pub fn to_le_bytes_128(self) -> [u8; 16] {
        match self.0 {
            Form::Short([a, b]) => on_bluetooth_base([a, b, 0, 0]),
            Form::Long(bytes) => bytes,
        }
    }
}

/// As [`Uuid::from_bytes`].
impl TryFrom<&[u8]> for Uuid {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes(bytes)
    }
}

/// As [`Uuid::from_int`].
impl TryFrom<u64> for Uuid {
    type Error = Error;

    fn try_from(n: u64) -> Result<Self, Error> {
        Self::from_int(n)
    }
}

impl PartialEq for Uuid {
    // Discovery compares the type of every attribute.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Form::Short(a), Form::Short(b)) => a == b,
            _ => self.to_le_bytes_128() == other.to_le_bytes_128(),
        }
    }
}

impl Eq for Uuid {}

impl Hash for Uuid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_le_bytes_128().hash(state);
    }
}

/// Four hexadecimal digits for the 16-bit form, else the usual 8-4-4-4-12 digits, most significant first.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.as_le_bytes().iter().rev().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn sixteen_bytes_are_least_significant_first() {
        let uuid = Uuid::from_bytes(b"1234567890123456").unwrap();
        assert_eq!(uuid.to_string(), "36353433-3231-3039-3837-363534333231");
        assert_eq!(uuid.as_le_bytes(), b"1234567890123456");
    }

    #[test]
    fn the_size_of_an_integer_decides_its_form() {
        assert_eq!(Uuid::from_int(0xFFFF).unwrap().as_le_bytes(), [0xFF, 0xFF]);
        let wide = Uuid::from_int(0x1_0000).unwrap();
        assert_eq!(wide.to_string(), "00010000-0000-1000-8000-00805f9b34fb");
        assert_eq!(Uuid::from_int(0xFFFF_FFFF).unwrap().as_le_bytes().len(), 16);
        assert_eq!(Uuid::from_int(0x1_0000_0000), Err(Error::UuidOutOfRange(0x1_0000_0000)));
    }

    #[test]
    fn other_lengths_are_refused() {
        for length in (0..40).filter(|length| *length != 16) {
            assert_eq!(Uuid::from_bytes(&[0; 40][..length]), Err(Error::UuidLength(length)));
        }
    }

    #[test]
    fn the_two_forms_of_one_uuid_are_equal() {
        let short = Uuid::from_u16(0x2A00);
        let long = Uuid::from_bytes(&short.to_le_bytes_128()).unwrap();
        assert_eq!(short, long);
        assert!(short.is_short() && !long.is_short());
        assert_ne!(short, Uuid::from_u16(0x2A01));
    }
}
