//! Values as an application gives them, and their bytes.

use alloc::vec::Vec;

use crate::error::Error;

/// The longest attribute value, in bytes (Core Vol 3 Part F 3.2.9).
pub const MAX_VALUE_LEN: usize = 512;

/// A value given as an integer, a string or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Stored big-endian in the fewest of 1, 2 or 4 bytes.
    Int(i64),
    /// Stored as its UTF-8 bytes.
    Text(&'a str),
    /// Stored as they are.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// The bytes that this value is stored and sent as.
    ///
    /// # Errors
    /// [`Error::IntegerOutOfRange`] for an integer that is negative or above 32 bits,
    /// [`Error::ValueTooLong`] above [`MAX_VALUE_LEN`].
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let bytes = match self {
            Self::Int(n) => return encode_int(*n),
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        };
        check_length(bytes.len(), MAX_VALUE_LEN)?;
        Ok(bytes.to_vec())
    }
}

fn encode_int(n: i64) -> Result<Vec<u8>, Error> {
    let wide = u32::try_from(n).map_err(|_| Error::IntegerOutOfRange(n))?;
    if let Ok(byte) = u8::try_from(wide) {
        return Ok(byte.to_be_bytes().to_vec());
    }
    if let Ok(pair) = u16::try_from(wide) {
        return Ok(pair.to_be_bytes().to_vec());
    }
    Ok(wide.to_be_bytes().to_vec())
}

pub(crate) fn check_length(length: usize, limit: usize) -> Result<(), Error> {
    if length > limit { Err(Error::ValueTooLong { length, limit }) } else { Ok(()) }
}

/// Which lengths a value may have, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) max: usize,
    /// Each value has `max` bytes.
    pub(crate) fixed: bool,
}

impl Limit {
    pub(crate) const LONGEST: Self = Self { max: MAX_VALUE_LEN, fixed: false };

    pub(crate) const fn fixed(max: usize) -> Self {
        Self { max, fixed: true }
    }

    /// Judges a value given locally.
    pub(crate) fn check_whole(self, length: usize) -> Result<(), Error> {
        check_length(length, self.max)?;
        match self.fixed && length < self.max {
            true => Err(Error::ValueTooShort { length, expected: self.max }),
            false => Ok(()),
        }
    }

    /// Puts `part` at `offset` into `value`. Gives false, and does nothing, if that goes beyond the limit.
    /// `value` reaches to the offset.
    pub(crate) fn overlay(self, value: &mut Vec<u8>, offset: usize, part: &[u8]) -> bool {
        let end = offset + part.len();
        if end > self.max {
            return false;
        }
        let kept = value.split_off(end.min(value.len()));
        value.truncate(offset);
        value.extend_from_slice(part);
        value.extend_from_slice(&kept);
        true
    }
}

macro_rules! from_int {
    ($($int:ty),*) => {$(
        impl From<$int> for Value<'_> {
            fn from(n: $int) -> Self {
                Self::Int(i64::from(n))
            }
        }
    )*};
}
from_int!(u8, u16, u32, i32, i64);

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_big_endian_in_the_fewest_bytes() {
        let cases: [(i64, &[u8]); 8] = [
            (0, &[0x00]),
            (5, &[0x05]),
            (0xFF, &[0xFF]),
            (0x100, &[0x01, 0x00]),
            (0x1234, &[0x12, 0x34]),
            (0x1_0000, &[0x00, 0x01, 0x00, 0x00]),
            (70_000, &[0x00, 0x01, 0x11, 0x70]),
            (0xFFFF_FFFF, &[0xFF, 0xFF, 0xFF, 0xFF]),
        ];
        for (n, bytes) in cases {
            assert_eq!(Value::Int(n).encode().unwrap(), bytes, "{n}");
        }
    }

    #[test]
    fn integers_outside_32_bits_are_refused() {
        for n in [-1, i64::MIN, 0x1_0000_0000, i64::MAX] {
            assert_eq!(Value::Int(n).encode(), Err(Error::IntegerOutOfRange(n)));
        }
    }

    #[test]
    fn strings_are_utf8_and_bytes_stay() {
        assert_eq!(Value::from("é").encode().unwrap(), [0xC3, 0xA9]);
        assert_eq!(Value::from(&[0x80, 0x00]).encode().unwrap(), [0x80, 0x00]);
        assert_eq!(Value::from("").encode().unwrap(), []);
    }

    #[test]
    fn the_limit_is_512_bytes() {
        assert_eq!(Value::Bytes(&[0; 512]).encode().unwrap().len(), 512);
        let error = Error::ValueTooLong { length: 513, limit: 512 };
        assert_eq!(Value::Bytes(&[0; 513]).encode(), Err(error));
    }
}
