//! `Hello`: who is there. Its first bytes never change, so that any two versions can tell that
//! they differ.

use crate::message::{FromBoard, Request};
use postcard_schema::{Schema, key::Key};
use serde::{Deserialize, Serialize};

/// First bytes of a Hello payload. No other payload begins with `g`: those begin with the tag of a
/// postcard enum.
const MAGIC: [u8; 8] = *b"gattest\0";

/// Version of the link: framing and Hello's own fields.
pub const LINK_VERSION: u16 = 1;

/// Key of the message types, computed from their definitions: it changes when any of them does.
pub const SCHEMA_KEY: [u8; 8] = {
    let request = Key::for_path::<Request>("gattest/request").to_bytes();
    let from_board = Key::for_path::<FromBoard<'static>>("gattest/board").to_bytes();
    let mut key = [0u8; 8];
    let mut i = 0;
    while i < 8 {
        #[expect(clippy::indexing_slicing, reason = "constant evaluation; a wrong index would not compile")]
        {
            key[i] = request[i].rotate_left(1) ^ from_board[i];
        }
        i += 1;
    }
    key
};

/// Bytes before the part that may change: magic, link version, schema key.
const FROZEN_LEN: usize = MAGIC.len() + 2 + 8;

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Hello<'a> {
    /// SHA-256 of the application's ELF file, which the flashing tool writes into the image. Zero on
    /// the virtual board.
    pub app_hash: [u8; 32],
    /// Chip, as `esp32c3`, or `virtual`.
    pub chip: &'a str,
    /// Factory MAC address, most significant byte first.
    pub mac: [u8; 6],
    /// Drawn at each boot: two Hellos with different nonces have a reset between them.
    pub nonce: u32,
}

/// Why a payload is not a Hello that this side understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloError {
    /// No Hello at all.
    NotHello,
    /// The other side's link version.
    Version(u16),
    /// Same link version, other messages: the other side's schema key.
    Schema([u8; 8]),
    /// The frozen part fits, the rest does not.
    Malformed,
}

impl<'a> Hello<'a> {
    /// Writes the payload into `out`; `None` if it does not fit.
    pub fn encode<'b>(&self, out: &'b mut [u8]) -> Option<&'b [u8]> {
        let (frozen, rest) = out.split_at_mut_checked(FROZEN_LEN)?;
        let (magic, rest_frozen) = frozen.split_at_mut_checked(MAGIC.len())?;
        magic.copy_from_slice(&MAGIC);
        let (version, key) = rest_frozen.split_at_mut_checked(2)?;
        version.copy_from_slice(&LINK_VERSION.to_le_bytes());
        key.copy_from_slice(&SCHEMA_KEY);
        let len = postcard::to_slice(self, rest).ok()?.len();
        out.get(..FROZEN_LEN + len)
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`HelloError`] says in what the other side differs.
    pub fn decode(payload: &'a [u8]) -> Result<Self, HelloError> {
        let (frozen, rest) = payload.split_at_checked(FROZEN_LEN).ok_or(HelloError::NotHello)?;
        let key_and_version = frozen.strip_prefix(&MAGIC).ok_or(HelloError::NotHello)?;
        let (version, key) = key_and_version.split_at_checked(2).ok_or(HelloError::NotHello)?;
        let version = u16::from_le_bytes(version.try_into().map_err(|_| HelloError::NotHello)?);
        if version != LINK_VERSION {
            return Err(HelloError::Version(version));
        }
        if key != SCHEMA_KEY {
            return Err(HelloError::Schema(key.try_into().map_err(|_| HelloError::NotHello)?));
        }
        postcard::from_bytes(rest).map_err(|_| HelloError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Hello<'static> =
        Hello { app_hash: [7; 32], chip: "esp32c3", mac: [1, 2, 3, 4, 5, 6], nonce: 0xDEAD_BEEF };

    #[test]
    fn a_hello_comes_back() {
        let mut buf = [0; 128];
        let payload = HELLO.encode(&mut buf).unwrap();
        assert_eq!(payload[..10], *b"gattest\0\x01\x00");
        assert_eq!(Hello::decode(payload), Ok(HELLO));
    }

    #[test]
    fn another_version_is_read_and_named() {
        let mut buf = [0; 128];
        let mut payload = HELLO.encode(&mut buf).unwrap().to_vec();
        payload[8] = 9;
        assert_eq!(Hello::decode(&payload), Err(HelloError::Version(9)));
        payload[8] = 1;
        payload[10] ^= 1;
        assert!(matches!(Hello::decode(&payload), Err(HelloError::Schema(_))));
        assert_eq!(Hello::decode(b"ets Jun  8 2016"), Err(HelloError::NotHello));
    }
}
