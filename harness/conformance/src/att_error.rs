//! ATT error codes and their names (Core Vol 3 Part F 3.4.1.1, table 3.4; the last four are
//! Core Supplement Part B 1.2).

/// Code and name, in the order of the codes. A name is written with `-` in scenarios and with
/// spaces in traces.
const NAMES: &[(u8, &str)] = &[
    (0x01, "invalid-handle"),
    (0x02, "read-not-permitted"),
    (0x03, "write-not-permitted"),
    (0x04, "invalid-pdu"),
    (0x05, "insufficient-authentication"),
    (0x06, "request-not-supported"),
    (0x07, "invalid-offset"),
    (0x08, "insufficient-authorization"),
    (0x09, "prepare-queue-full"),
    (0x0A, "attribute-not-found"),
    (0x0B, "attribute-not-long"),
    (0x0C, "encryption-key-size-too-short"),
    (0x0D, "invalid-attribute-value-length"),
    (0x0E, "unlikely-error"),
    (0x0F, "insufficient-encryption"),
    (0x10, "unsupported-group-type"),
    (0x11, "insufficient-resources"),
    (0x12, "database-out-of-sync"),
    (0x13, "value-not-allowed"),
    (0xFC, "write-request-rejected"),
    (0xFD, "cccd-improperly-configured"),
    (0xFE, "procedure-already-in-progress"),
    (0xFF, "out-of-range"),
];

/// The code's name as scenarios write it, such as `read-not-permitted`.
#[must_use]
pub fn name(code: u8) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// The code of a name.
#[must_use]
pub fn code(name: &str) -> Option<u8> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(code, _)| *code)
}

/// All names, in the order of their codes.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}

/// The code in words, as traces and messages show it: `0x02 read not permitted`.
#[must_use]
pub fn describe(code: u8) -> String {
    match (name(code), code) {
        (Some(name), _) => format!("0x{code:02X} {}", name.replace('-', " ")),
        (None, 0x80..=0x9F) => format!("0x{code:02X} application error"),
        (None, _) => format!("0x{code:02X} reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_code() {
        for known in names() {
            assert_eq!(code(known).and_then(name), Some(known));
        }
    }

    #[test]
    fn codes_without_a_name_say_which_range_they_are_in() {
        assert_eq!(describe(0x02), "0x02 read not permitted");
        assert_eq!(describe(0x80), "0x80 application error");
        assert_eq!(describe(0x14), "0x14 reserved");
    }
}
