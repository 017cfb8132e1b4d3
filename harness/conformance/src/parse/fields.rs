//! Readers for the parts that every construct of the language is made of.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::sink::{Mark, Sink};
use crate::diagnostic::Code;
use crate::language::{Shape, keys};
use crate::yaml::{Content, Entry, Node};

/// A mapping whose keys are known to be allowed.
pub(super) struct Fields<'n, 't> {
    shape: &'static Shape,
    mark: Mark,
    entries: &'n [Entry<'t>],
}

impl<'n, 't> Fields<'n, 't> {
    /// The mapping, with every key that is not allowed reported.
    pub(super) fn of(node: &'n Node<'t>, shape: &'static Shape, sink: &mut Sink) -> Option<Self> {
        let entries = match &node.content {
            Content::Map(entries) => entries,
            Content::Broken => return None,
            Content::Scalar { .. } | Content::List(_) => {
                let message = format!("{} is a mapping, this is {}", shape.what, kind(node));
                let keys: Vec<String> = keys(shape.fields).map(|key| format!("`{key}:`")).collect();
                sink.report(Code::WrongType, node.mark, message, format!("its keys are {}", keys.join(", ")));
                return None;
            }
        };
        let is_known = |entry: &&Entry<'_>| keys(shape.fields).any(|key| entry.key == key);
        for entry in entries.iter().filter(|entry| !is_known(entry)) {
            let message = format!("{} has no field `{}`", shape.what, Sink::short(&entry.key));
            let known = keys(shape.fields);
            sink.report_unknown(Code::UnknownField, entry.key_mark, message, &entry.key, known);
        }
        Some(Self { shape, mark: node.mark, entries })
    }

    pub(super) fn get(&self, key: &str) -> Option<&'n Node<'t>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The place of a key, of the mapping where it is not there.
    pub(super) fn mark_of(&self, key: &str) -> Mark {
        self.entry(key).map_or(self.mark, |entry| entry.key_mark)
    }

    /// The value of a key that must be there, as the shape says.
    pub(super) fn required(&self, key: &str, sink: &mut Sink) -> Option<&'n Node<'t>> {
        let value = self.get(key);
        if value.is_none() {
            let field = self.shape.fields.iter().find(|field| field.key == key);
            let hint = field.and_then(|field| field.required).unwrap_or("add it");
            let message = format!("{} needs the field `{key}`", self.shape.what);
            sink.report(Code::MissingField, self.mark, message, hint);
        }
        value
    }

    /// Reports two keys that exclude each other.
    pub(super) fn exclude(&self, one: &str, other: &str, sink: &mut Sink) {
        if let (Some(_), Some(second)) = (self.entry(one), self.entry(other)) {
            let message = format!("{} has either `{one}` or `{other}`", self.shape.what);
            sink.report(Code::ConflictingFields, second.key_mark, message, "keep one of them");
        }
    }

    fn entry(&self, key: &str) -> Option<&'n Entry<'t>> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// What an unquoted scalar is (YAML 1.2 core schema, 10.3.2).
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits.
    Huge,
    /// A fraction, or an integer with leading zeros.
    OddNumber,
    Text,
}

/// Resolves an unquoted scalar.
pub(crate) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(rest) => (16, rest),
        None => (10, digits),
    };
    if !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix)) {
        if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
            return Plain::OddNumber;
        }
        return match i64::from_str_radix(digits, radix) {
            Ok(number) => Plain::Int(if negative { -number } else { number }),
            Err(_) => Plain::Huge,
        };
    }
    let looks_numeric = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    if looks_numeric && text.parse::<f64>().is_ok() { Plain::OddNumber } else { Plain::Text }
}

/// True for a plain text that other readers of YAML, or people, take for something else: a number in
/// another notation (`0b11`, `1_000`, `.inf`), a truth value of YAML 1.1 (`yes`, `off`).
pub(super) fn is_ambiguous(text: &str) -> bool {
    let unsigned = text.trim_start_matches(['+', '-', '.']);
    let is_numeric = unsigned.starts_with(|first: char| first.is_ascii_digit());
    let word = text.to_ascii_lowercase();
    is_numeric
        || matches!(word.as_str(), "yes" | "no" | "on" | "off" | "y" | "n" | ".nan")
        || word.ends_with(".inf")
}

/// What a value is, for "this is ...".
pub(super) fn kind(node: &Node<'_>) -> &'static str {
    match &node.content {
        Content::List(_) => "a list",
        Content::Map(_) => "a mapping",
        Content::Broken => "unreadable",
        Content::Scalar { plain: false, .. } => "a text",
        Content::Scalar { text, plain: true } => match resolve(text) {
            Plain::Null => "nothing",
            Plain::Bool(_) => "true or false",
            Plain::Int(_) | Plain::Huge | Plain::OddNumber => "a number",
            Plain::Text => "a text",
        },
    }
}

fn wrong_type(node: &Node<'_>, what: &str, wanted: &str, hint: &str, sink: &mut Sink) {
    if !matches!(node.content, Content::Broken) {
        let message = format!("{what} is {wanted}, this is {}", kind(node));
        sink.report(Code::WrongType, node.mark, message, hint);
    }
}

/// A text that is not empty; one that looks like a number or a truth value must be quoted.
pub(super) fn text<'n>(node: &'n Node<'_>, what: &str, sink: &mut Sink) -> Option<&'n str> {
    match &node.content {
        Content::Scalar { text, plain } if !plain || matches!(resolve(text), Plain::Text) => {
            if text.trim().is_empty() {
                sink.report(Code::Empty, node.mark, format!("{what} is empty"), "write something");
                return None;
            }
            Some(text)
        }
        Content::Scalar { text, .. } if !text.is_empty() => {
            let hint = format!("put it in quotes: \"{}\"", Sink::short(text));
            wrong_type(node, what, "a text", &hint, sink);
            None
        }
        _ => {
            wrong_type(node, what, "a text", "write one text after the colon", sink);
            None
        }
    }
}

/// A scalar as it is written, whatever it looks like (`10` may be hex digits).
pub(super) fn raw<'n, 't>(node: &'n Node<'t>, what: &str, sink: &mut Sink) -> Option<&'n Cow<'t, str>> {
    match &node.content {
        Content::Scalar { text, .. } if !text.is_empty() => Some(text),
        _ => {
            wrong_type(node, what, "a text", "write one text after the colon", sink);
            None
        }
    }
}

/// An integer within bounds.
pub(super) fn integer(
    node: &Node<'_>,
    what: &str,
    range: RangeInclusive<i64>,
    sink: &mut Sink,
) -> Option<i64> {
    let hint = format!("write {} to {}, without quotes", range.start(), range.end());
    let number = match &node.content {
        Content::Scalar { text, plain: true } => match resolve(text) {
            Plain::Int(number) => Some(number),
            Plain::Huge => None,
            _ => {
                wrong_type(node, what, "an integer", &hint, sink);
                return None;
            }
        },
        _ => {
            wrong_type(node, what, "an integer", &hint, sink);
            return None;
        }
    };
    match number {
        Some(number) if range.contains(&number) => Some(number),
        _ => {
            let message = format!("{what} is out of range");
            sink.report(Code::NumberRange, node.mark, message, hint);
            None
        }
    }
}

/// As [`integer`], for ranges within 16 bits.
pub(super) fn short(node: &Node<'_>, what: &str, range: RangeInclusive<i64>, sink: &mut Sink) -> Option<u16> {
    integer(node, what, range, sink).and_then(|number| u16::try_from(number).ok())
}

/// As [`integer`], for ranges within 8 bits.
pub(super) fn byte(node: &Node<'_>, what: &str, range: RangeInclusive<i64>, sink: &mut Sink) -> Option<u8> {
    integer(node, what, range, sink).and_then(|number| u8::try_from(number).ok())
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<bool> {
    if let Content::Scalar { text, plain: true } = &node.content
        && let Plain::Bool(value) = resolve(text)
    {
        return Some(value);
    }
    wrong_type(node, what, "true or false", "write `true` or `false`", sink);
    None
}

/// A list; empty ones are the caller's concern.
pub(super) fn list<'n, 't>(node: &'n Node<'t>, what: &str, sink: &mut Sink) -> Option<&'n [Node<'t>]> {
    match &node.content {
        Content::List(items) => Some(items),
        _ => {
            wrong_type(node, what, "a list", "write `[a, b]`, or one `- ` line for each", sink);
            None
        }
    }
}

/// As [`list`], with at least one item.
pub(super) fn filled_list<'n, 't>(node: &'n Node<'t>, what: &str, sink: &mut Sink) -> Option<&'n [Node<'t>]> {
    let items = list(node, what, sink)?;
    if items.is_empty() {
        sink.report(Code::Empty, node.mark, format!("{what} is empty"), "write at least one item");
        return None;
    }
    Some(items)
}

/// One of the known words.
pub(super) fn word<T: Copy>(node: &Node<'_>, what: &str, known: &[(&str, T)], sink: &mut Sink) -> Option<T> {
    let Content::Scalar { text, .. } = &node.content else {
        let words: Vec<String> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
        wrong_type(node, what, "a word", &format!("one of {}", words.join(", ")), sink);
        return None;
    };
    let found = known.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
    if found.is_none() {
        let message = format!("{what} cannot be `{}`", Sink::short(text));
        let words = known.iter().map(|(word, _)| *word);
        sink.report_unknown(Code::UnknownWord, node.mark, message, text, words);
    }
    found
}

/// A list of different known words; may be empty.
pub(super) fn words<T: Copy + PartialEq>(
    node: &Node<'_>,
    what: &str,
    known: &[(&str, T)],
    sink: &mut Sink,
) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for item in list(node, what, sink).unwrap_or_default() {
        let Some(value) = word(item, what, known, sink) else { continue };
        if found.contains(&value) {
            sink.report(Code::RepeatedWord, item.mark, format!("{what} says this twice"), "keep one");
        } else {
            found.push(value);
        }
    }
    found
}

/// A list of known words as one bit field.
pub(super) fn bits(node: &Node<'_>, what: &str, known: &[(&str, u16)], sink: &mut Sink) -> u16 {
    words(node, what, known, sink).into_iter().fold(0, |bits, bit| bits | bit)
}
