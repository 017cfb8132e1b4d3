//! Values as the device's API takes them, and the bytes that they stand for.

use crate::scenario::ApiValue;

/// Longest attribute value in bytes (Core Vol 3 Part F 3.2.9).
pub const MAX_VALUE_LEN: usize = 512;

/// Why a value has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueError {
    /// A negative integer, or one above 2^32-1 (VAL-3).
    OutOfRange(i64),
    /// More than [`MAX_VALUE_LEN`] bytes (VAL-1); holds how many.
    TooLong(usize),
}

/// The bytes of a value: an integer big-endian in the fewest of 1, 2 or 4 bytes (VAL-3), a text as
/// UTF-8 (VAL-4), bytes as they are (VAL-5).
///
/// # Errors
/// When the integer is out of range or there are more than 512 bytes.
pub fn encode(value: &ApiValue) -> Result<Vec<u8>, ValueError> {
    let bytes = match value {
        ApiValue::Int(number) => encode_integer(*number)?,
        ApiValue::Text(text) => text.as_bytes().to_vec(),
        ApiValue::Bytes(bytes) => bytes.clone(),
    };
    if bytes.len() > MAX_VALUE_LEN {
        return Err(ValueError::TooLong(bytes.len()));
    }
    Ok(bytes)
}

fn encode_integer(number: i64) -> Result<Vec<u8>, ValueError> {
    let unsigned = u32::try_from(number).map_err(|_| ValueError::OutOfRange(number))?;
    Ok(match (u8::try_from(unsigned), u16::try_from(unsigned)) {
        (Ok(byte), _) => vec![byte],
        (_, Ok(short)) => short.to_be_bytes().to_vec(),
        _ => unsigned.to_be_bytes().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(number: i64) -> Result<Vec<u8>, ValueError> {
        encode(&ApiValue::Int(number))
    }

    #[test]
    fn integers_take_the_fewest_of_one_two_or_four_bytes() {
        assert_eq!(integer(0), Ok(vec![0x00]));
        assert_eq!(integer(5), Ok(vec![0x05]));
        assert_eq!(integer(255), Ok(vec![0xFF]));
        assert_eq!(integer(256), Ok(vec![0x01, 0x00]));
        assert_eq!(integer(0x1234), Ok(vec![0x12, 0x34]));
        assert_eq!(integer(70_000), Ok(vec![0x00, 0x01, 0x11, 0x70]));
        assert_eq!(integer(0xFFFF_FFFF), Ok(vec![0xFF; 4]));
    }

    #[test]
    fn integers_below_zero_or_over_32_bits_have_no_bytes() {
        assert_eq!(integer(-1), Err(ValueError::OutOfRange(-1)));
        assert_eq!(integer(1 << 32), Err(ValueError::OutOfRange(1 << 32)));
    }

    #[test]
    fn a_value_of_512_bytes_fits_and_one_more_does_not() {
        assert_eq!(encode(&ApiValue::Bytes(vec![7; 512])), Ok(vec![7; 512]));
        assert_eq!(encode(&ApiValue::Text("a".repeat(513))), Err(ValueError::TooLong(513)));
    }
}
