//! The words of the scenario language as data: which fields each construct has, what may stand in
//! them, and what they mean.
//!
//! The parser takes its allowed and required keys from here, the JSON Schema is made of nothing else,
//! so that the two cannot differ in what they know.

pub(crate) mod board;
pub(crate) mod device;
pub(crate) mod steps;
pub(crate) mod values;

use std::ops::RangeInclusive;

/// A mapping with fixed keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// A noun with its article, for messages: "a rule".
    pub(crate) what: &'static str,
    /// One sentence for editors.
    pub(crate) doc: &'static str,
    pub(crate) fields: &'static [Field],
}

/// One key of a mapping.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    /// Set when the key must be there: how to write it.
    pub(crate) required: Option<&'static str>,
    /// The key that makes this one unnecessary, if there is one.
    pub(crate) unless: Option<&'static str>,
    /// One sentence for editors.
    pub(crate) doc: &'static str,
}

impl Field {
    const fn new(key: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { key, kind, required: None, unless: None, doc }
    }

    /// The same, and it must be there.
    const fn required(mut self, hint: &'static str) -> Self {
        self.required = Some(hint);
        self
    }

    /// The same, and it must be there where another key is not.
    const fn required_unless(mut self, other: &'static str, hint: &'static str) -> Self {
        self.unless = Some(other);
        self.required(hint)
    }
}

/// What may stand after a key.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A text that is not empty.
    Text,
    /// A text of this shape, as a regular expression.
    Shaped(&'static str),
    /// A new name.
    Name,
    /// The name of something that the device has, or a loop's `$name`.
    Known,
    /// An integer within bounds.
    Integer(RangeInclusive<i64>),
    /// `true` or `false`.
    Boolean,
    /// Integer, text, list of bytes, or `{hex: ".."}`.
    Value,
    /// As [`Self::Value`], or the `$name` of a saved one.
    ClientValue,
    /// Pairs of hex digits.
    Hex,
    /// A UUID in its three forms.
    Uuid,
    /// An ATT error code by number or name.
    ErrorCode,
    /// `1000ms` or `30s`.
    Duration,
    /// Exactly this word.
    Exactly(&'static str),
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A list of different ones of these words.
    Words(fn() -> Vec<&'static str>),
    /// A list.
    List(&'static Kind),
    /// A list with at least one item.
    FilledList(&'static Kind),
    /// A mapping.
    Map(&'static Shape),
    /// A mapping with exactly one of these keys.
    OneKey(&'static [Field]),
    /// A list with at least one step.
    Steps,
    /// One of these.
    Either(&'static [Kind]),
}

/// The words of a table of words with their meanings.
pub(crate) fn words<T>(table: &'static [(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}

/// The keys of fields.
pub(crate) fn keys(fields: &'static [Field]) -> impl Iterator<Item = &'static str> + Clone {
    fields.iter().map(|field| field.key)
}

/// Counters stay within what every device's integers hold.
pub(crate) const COUNTERS: RangeInclusive<i64> = -0x8000_0000..=0x7FFF_FFFF;
/// Appearances (Core Vol 3 Part C 12.2).
pub(crate) const APPEARANCES: RangeInclusive<i64> = 0..=0xFFFF;
/// Handles of attributes (Core Vol 3 Part F 3.2.2).
pub(crate) const HANDLES: RangeInclusive<i64> = 1..=0xFFFF;
/// Lengths of attribute values that a table may set (Core Vol 3 Part F 3.2.9).
pub(crate) const MAX_LENS: RangeInclusive<i64> = 1..=512;
/// Lengths of encryption keys in bytes (Core Vol 3 Part H 2.3.4).
pub(crate) const KEY_SIZES: RangeInclusive<i64> = 7..=16;
/// ATT_MTU; beyond 517 no value needs it (Core Vol 3 Part F 3.2.8, 3.2.9).
pub(crate) const MTUS: RangeInclusive<i64> = 23..=517;
/// Flags in an advertisement: one byte of them (Core Supplement Part A 1.3).
pub(crate) const AD_FLAGS: RangeInclusive<i64> = 0..=0xFF;
/// TX power in an advertisement, in dBm (Core Supplement Part A 1.5).
pub(crate) const TX_POWERS: RangeInclusive<i64> = -127..=127;
/// Clients at the same time; a controller of a small chip has no room for more.
pub(crate) const CLIENTS: RangeInclusive<i64> = 1..=4;
/// How often a loop may run.
pub(crate) const TIMES: RangeInclusive<i64> = 1..=10_000;
/// One byte.
pub(crate) const BYTES: RangeInclusive<i64> = 0..=255;

#[cfg(test)]
mod tests;
