//! Bytes as people read them.

use std::fmt::Write as _;

/// `0A FF 00`; over 32 bytes, the first 32 and the length.
pub(crate) fn spaced(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let mut text = String::new();
    for (at, byte) in bytes.iter().take(SHOWN).enumerate() {
        let gap = if at == 0 { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{gap}{byte:02X}");
    }
    if bytes.len() > SHOWN {
        let _ = write!(text, " … ({} bytes)", bytes.len());
    }
    text
}

/// An address, least significant byte first, as it is usually written.
pub(crate) fn address(bytes: &[u8; 6]) -> String {
    let mut parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    parts.reverse();
    parts.join(":")
}
