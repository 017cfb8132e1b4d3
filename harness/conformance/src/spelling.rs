//! How values, flags, UUIDs and texts are spelled in labels, traces and messages.

use crate::language::steps::LEVELS;
use crate::scenario::BondLevel;
use crc::{CRC_32_ISO_HDLC, Crc};

/// Values longer than this many bytes are cut in traces; length and checksum stand for the rest.
const LONG_VALUE: usize = 32;
/// How many bytes of a long value are shown.
const LONG_VALUE_SHOWN: usize = 16;
/// Fewer bytes than this are not shown as text as well: chance makes too many of them printable.
const SHORTEST_TEXT: usize = 3;
/// Values in labels are cut at this many bytes.
const LABEL_VALUE: usize = 20;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// True for what changes the direction of writing, so that text is read in another order than it is written:
/// U+061C, U+200E and U+200F, U+202A to U+202E, U+2066 to U+2069.
#[must_use]
pub fn turns_text(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Event bits and their words, as on the reference device.
pub(crate) const EVENTS: &[(&str, u16)] =
    &[("connected", 0x02), ("disconnected", 0x04), ("read", 0x08), ("write", 0x10), ("subscribe", 0x80)];

/// Characteristic Properties bits that a table may set (Core Vol 3 Part G 3.3.1.1).
pub(crate) const PROPERTIES: &[(&str, u8)] = &[
    ("broadcast", 0x01),
    ("read", 0x02),
    ("write-without-response", 0x04),
    ("write", 0x08),
    ("notify", 0x10),
    ("indicate", 0x20),
    ("authenticated-signed-writes", 0x40),
    ("extended-properties", 0x80),
];

/// What a bond's key is worth.
pub(crate) fn level(level: BondLevel) -> &'static str {
    LEVELS.iter().find(|(_, known)| *known == level).map_or("", |(word, _)| word)
}

/// The report that a link is encrypted now, with such a key.
pub(crate) fn encrypted(worth: BondLevel, key_size: u8) -> String {
    format!("link encrypted {} {key_size}", level(worth))
}

/// `0A FF`; `(empty)` for no bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(empty)".to_owned();
    }
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(" ")
}

/// A value in a trace: `05`, `41 42 43 20 44 45 46 "ABC DEF"`, or
/// `00 01 .. 0F … (300 bytes, crc32 1A2B3C4D)`.
pub(crate) fn value(bytes: &[u8]) -> String {
    if bytes.len() > LONG_VALUE {
        return cut(bytes);
    }
    match printable(bytes) {
        Some(text) => format!("{} {}", hex(bytes), quoted(text)),
        None => hex(bytes),
    }
}

/// A value in a sentence: as [`value`], with the text in parentheses.
pub(crate) fn value_in_sentence(bytes: &[u8]) -> String {
    match printable(bytes) {
        Some(text) if bytes.len() <= LONG_VALUE => format!("{} ({})", hex(bytes), quoted(text)),
        _ => value(bytes),
    }
}

/// A PDU in a trace: bytes alone, since a PDU is not text.
pub(crate) fn pdu(bytes: &[u8]) -> String {
    if bytes.len() > LONG_VALUE { cut(bytes) } else { hex(bytes) }
}

/// A value in a label: text in quotes if it is one, else bytes; cut at 20 bytes.
pub(crate) fn value_in_label(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at_checked(LABEL_VALUE).unwrap_or((bytes, &[]));
    let more = if rest.is_empty() { "" } else { "…" };
    match printable(bytes).and_then(|_| printable(shown)) {
        Some(text) => format!("\"{}{more}\"", escaped(text)),
        None => pdu_in_label(bytes),
    }
}

/// A PDU in a label: bytes alone, cut at 20.
pub(crate) fn pdu_in_label(bytes: &[u8]) -> String {
    match bytes.split_at_checked(LABEL_VALUE) {
        Some((shown, rest)) if !rest.is_empty() => format!("{} …", hex(shown)),
        _ => hex(bytes),
    }
}

/// A text in quotes, on one line whatever it holds.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A text with `"`, `\` and control characters escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                line.push('\\');
                line.push(character);
            }
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if character.is_control() => {
                line.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
            }
            _ => line.push(character),
        }
    }
    line
}

/// Event flags: `read | write`, or `none`; bits without a word as `0x0100`.
pub(crate) fn events(bits: u16) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = bits;
    for (word, bit) in EVENTS {
        if bits & bit != 0 {
            words.push((*word).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        words.push(format!("0x{rest:04X}"));
    }
    if words.is_empty() { "none".to_owned() } else { words.join(" | ") }
}

/// Property bits: `read write notify`, or `none`.
pub(crate) fn properties(bits: u8) -> String {
    let set = PROPERTIES.iter().filter(|(_, bit)| bits & bit != 0);
    let words: Vec<&str> = set.map(|(word, _)| *word).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

/// The Bluetooth base UUID's lower 12 bytes, least significant first (Core Vol 3 Part B 2.5.1).
pub(crate) const BASE_UUID: [u8; 12] =
    [0xFB, 0x34, 0x9B, 0x5F, 0x80, 0x00, 0x00, 0x80, 0x00, 0x10, 0x00, 0x00];

/// The 16-bit form of a UUID (bytes, least significant first), if it has one: some stacks hand out
/// every UUID in its 128-bit form.
pub(crate) fn short_uuid(uuid: &[u8]) -> Option<u16> {
    let short = match uuid {
        [_, _] => uuid,
        _ => match uuid.strip_prefix(&BASE_UUID)? {
            [low, high, 0, 0] => return Some(u16::from_le_bytes([*low, *high])),
            _ => return None,
        },
    };
    short.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// True for two forms of one UUID (Core Vol 3 Part F 3.2.1).
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other || short_uuid(one).is_some_and(|short| short_uuid(other) == Some(short))
}

/// `0x04D2` where there is a 16-bit form, else the canonical text.
pub(crate) fn uuid(uuid: &[u8]) -> String {
    if let Some(short) = short_uuid(uuid) {
        return format!("0x{short:04X}");
    }
    if uuid.is_empty() {
        return "(empty)".to_owned();
    }
    let mut text = String::new();
    for (index, byte) in uuid.iter().rev().enumerate() {
        if uuid.len() == 16 && matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn cut(bytes: &[u8]) -> String {
    let shown = bytes.get(..LONG_VALUE_SHOWN).unwrap_or(bytes);
    format!("{} … ({} bytes, crc32 {:08X})", hex(shown), bytes.len(), CRC.checksum(bytes))
}

fn printable(bytes: &[u8]) -> Option<&str> {
    let is_text = bytes.len() >= SHORTEST_TEXT && bytes.iter().all(|byte| matches!(byte, 0x20..=0x7E));
    if is_text { std::str::from_utf8(bytes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bytes_and_from_three_printable_ones_on_text_too() {
        assert_eq!(value(&[]), "(empty)");
        assert_eq!(value(b"ab"), "61 62");
        assert_eq!(value(b"abc"), r#"61 62 63 "abc""#);
        assert_eq!(value(b"ABC DEF"), r#"41 42 43 20 44 45 46 "ABC DEF""#);
        assert_eq!(value(b"a\"\\b"), r#"61 22 5C 62 "a\"\\b""#);
        assert_eq!(value_in_sentence(b"ABC DEF"), r#"41 42 43 20 44 45 46 ("ABC DEF")"#);
    }

    #[test]
    fn long_values_show_a_beginning_a_length_and_a_checksum() {
        // The checksum of "123456789" is the algorithm's published check value.
        assert_eq!(CRC.checksum(b"123456789"), 0xCBF4_3926);
        let text = value(&[0xAA; 33]);
        assert!(text.starts_with(&"AA ".repeat(16)), "{text}");
        assert!(text.contains("… (33 bytes, crc32 "), "{text}");
        assert_ne!(text, value(&[[0xAA; 32].as_slice(), &[0xAB]].concat()));
    }

    #[test]
    fn labels_cut_a_value_at_twenty_bytes() {
        assert_eq!(value_in_label(&[0x0A, 0xFF]), "0A FF");
        assert_eq!(value_in_label("x".repeat(20).as_bytes()), format!("\"{}\"", "x".repeat(20)));
        assert_eq!(value_in_label("x".repeat(21).as_bytes()), format!("\"{}…\"", "x".repeat(20)));
        assert_eq!(value_in_label(&[0; 21]), format!("{}…", "00 ".repeat(20)));
    }

    #[test]
    fn a_uuid_on_the_bluetooth_base_is_shown_short() {
        let mut long = BASE_UUID.to_vec();
        long.extend([0xD2, 0x04, 0, 0]);
        assert_eq!(uuid(&long), "0x04D2");
        assert_eq!(uuid(&[0xD2, 0x04]), "0x04D2");
        assert_eq!(uuid(b"1234567890123456"), "36353433-3231-3039-3837-363534333231");
    }

    #[test]
    fn flags_without_a_word_are_shown_as_bits() {
        assert_eq!(events(0), "none");
        assert_eq!(events(0x18), "read | write");
        assert_eq!(events(0x108), "read | 0x0100");
        assert_eq!(properties(0x9A), "read write notify extended-properties");
    }

    #[test]
    fn a_text_stays_on_one_line() {
        assert_eq!(quoted("a\nb\u{7}\"é\""), "\"a\\nb\\u{7}\\\"é\\\"\"");
    }
}
