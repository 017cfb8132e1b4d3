//! Values, UUIDs, error codes and lengths of time.

use super::fields::{self, Fields, Plain};
use super::sink::Sink;
use crate::att_error;
use crate::diagnostic::Code;
use crate::language::{BYTES, values::HEX};
use crate::scenario::{ApiValue, Length, Uuid};
use crate::spelling::BASE_UUID;
use crate::value::{self, MAX_VALUE_LEN, ValueError};
use crate::yaml::{Content, Node};

/// The integers that the API takes.
const INTEGERS: &str = "integers go from 0 to 4294967295";

/// How a UUID is written.
const UUID_FORMS: &str = "write an integer up to 0xFFFFFFFF, 16 characters in quotes (their bytes, least \
                          significant first), or \"36353433-3231-3039-3837-363534333231\"";

/// A value as the device's API takes it: integer, text, list of bytes, or `{hex: ".."}`. Whether it
/// has bytes is another question, so that a scenario can show what the API refuses.
pub(super) fn api_value(node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<ApiValue> {
    if let Some(name) = reference(node) {
        let message = format!("`${}` is nothing that can stand here", Sink::short(name));
        let hint = "a saved value stands where a client writes or expects one; put a text in quotes";
        sink.report(Code::UnknownReference, node.mark, message, hint);
        return None;
    }
    match &node.content {
        Content::Scalar { text, plain: false } => Some(ApiValue::Text(text.clone().into_owned())),
        Content::Scalar { text, plain: true } => match fields::resolve(text) {
            Plain::Int(number) => Some(ApiValue::Int(number)),
            Plain::Text if fields::is_ambiguous(text) => {
                let message =
                    format!("`{}` may be taken for a text or for something else", Sink::short(text));
                let hint = format!(
                    "for the text write \"{0}\"; an integer is written as 16, 0x10",
                    Sink::short(text)
                );
                sink.report(Code::BadValue, node.mark, message, hint);
                None
            }
            Plain::Text => Some(ApiValue::Text(text.clone().into_owned())),
            Plain::Huge => {
                sink.report(Code::BadValue, node.mark, format!("{what} is out of range"), INTEGERS);
                None
            }
            odd => {
                let hint = match odd {
                    Plain::Null => "write a value after the colon",
                    Plain::OddNumber => "write an integer without leading zeros, or put a text in quotes",
                    _ => "put a text in quotes",
                };
                let message =
                    format!("{what} is an integer, a text or bytes, this is {}", fields::kind(node));
                sink.report(Code::BadValue, node.mark, message, hint);
                None
            }
        },
        Content::List(items) => {
            let bytes: Option<Vec<u8>> = items.iter().map(|item| byte(item, sink)).collect();
            bytes.map(ApiValue::Bytes)
        }
        Content::Map(_) => {
            let fields = Fields::of(node, &HEX, sink)?;
            let digits = fields.required("hex", sink)?;
            hex(digits, what, sink).map(ApiValue::Bytes)
        }
        Content::Broken => None,
    }
}

fn byte(node: &Node<'_>, sink: &mut Sink) -> Option<u8> {
    fields::byte(node, "a byte", BYTES, sink)
}

/// The name in `$name`: a plain scalar; in quotes it is a text like any other.
pub(super) fn reference<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match &node.content {
        Content::Scalar { text, plain: true } => text.strip_prefix('$'),
        _ => None,
    }
}

/// The bytes of a value that a client writes or expects, at most 512.
pub(super) fn client_bytes(node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<Vec<u8>> {
    let value = api_value(node, what, sink)?;
    encoded(&value, node, what, sink)
}

/// The bytes of a value; what the API would refuse is reported.
pub(super) fn encoded(value: &ApiValue, node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<Vec<u8>> {
    match value::encode(value) {
        Ok(bytes) => Some(bytes),
        Err(ValueError::OutOfRange(number)) => {
            sink.report(Code::BadValue, node.mark, format!("{what} cannot be {number}"), INTEGERS);
            None
        }
        Err(ValueError::TooLong(len)) => {
            let message = format!("{what} has {len} bytes, an attribute holds {MAX_VALUE_LEN}");
            sink.report(Code::ValueTooLong, node.mark, message, "shorten it");
            None
        }
    }
}

/// Reports bytes that are too many for where they go.
pub(super) fn check_len(
    bytes: &[u8],
    length: Length,
    node: &Node<'_>,
    what: &str,
    hint: &str,
    sink: &mut Sink,
) {
    if bytes.len() > usize::from(length.max()) {
        let message = format!("{what} has {}", other_length(bytes.len(), length));
        sink.report(Code::ValueTooLong, node.mark, message, hint);
    }
}

/// `4 bytes, ` and what the table says of that.
pub(super) fn other_length(len: usize, length: Length) -> String {
    let bytes = if len == 1 { "byte" } else { "bytes" };
    match length {
        Length::UpTo(max) => format!("{len} {bytes}, `max_len` is {max}"),
        Length::Fixed(fixed) => format!("{len} {bytes}, `fixed_len` is {fixed}"),
    }
}

/// Bytes as pairs of hex digits with spaces between them.
pub(super) fn hex(node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<Vec<u8>> {
    if let Content::Scalar { text, plain: false } = &node.content
        && text.is_empty()
    {
        return Some(Vec::new());
    }
    let text = fields::raw(node, what, sink)?;
    let mut bytes = Vec::with_capacity(text.len() / 3 + 1);
    for pair in text.split_ascii_whitespace() {
        let is_pair = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u8::from_str_radix(pair, 16) {
            Ok(byte) if is_pair => bytes.push(byte),
            _ => {
                let message = format!("`{}` is not a byte in hex", Sink::short(pair));
                let hint = "write two digits for each byte and spaces between them: \"0A FF\"";
                sink.report(Code::BadHex, node.mark, message, hint);
                return None;
            }
        }
    }
    Some(bytes)
}

/// A UUID: an integer up to 32 bits, 16 characters that are its bytes, or the canonical text.
pub(super) fn uuid(node: &Node<'_>, sink: &mut Sink) -> Option<Uuid> {
    let Content::Scalar { text, plain } = &node.content else {
        if !matches!(node.content, Content::Broken) {
            let message = format!("a UUID is an integer or a text, this is {}", fields::kind(node));
            sink.report(Code::BadUuid, node.mark, message, UUID_FORMS);
        }
        return None;
    };
    let uuid = match if *plain { fields::resolve(text) } else { Plain::Text } {
        Plain::Int(number) => u32::try_from(number).ok().map(uuid_from_integer),
        Plain::Text => uuid_from_text(text),
        Plain::Huge | Plain::Null | Plain::Bool(_) | Plain::OddNumber => None,
    };
    if uuid.is_none() {
        let is_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hint = match text.len() {
            16 if *plain => "put the 16 characters in quotes".to_owned(),
            4 if is_digits => format!("write a 16-bit UUID as an integer: 0x{text}"),
            _ => UUID_FORMS.to_owned(),
        };
        let message = format!("`{}` is no UUID", Sink::short(text));
        sink.report(Code::BadUuid, node.mark, message, hint);
    }
    uuid
}

/// 16 bits stay so; 32 bits go on the Bluetooth base, since ATT has no 32-bit form
/// (Core Vol 3 Part F 3.2.1, Part B 2.5.1).
fn uuid_from_integer(number: u32) -> Uuid {
    match u16::try_from(number) {
        Ok(short) => Uuid(short.to_le_bytes().to_vec()),
        Err(_) => Uuid([BASE_UUID.as_slice(), &number.to_le_bytes()].concat()),
    }
}

fn uuid_from_text(text: &str) -> Option<Uuid> {
    if text.len() == 16 && text.is_ascii() {
        return Some(Uuid(text.as_bytes().to_vec()));
    }
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return None;
    }
    let digits: Option<Vec<u8>> = groups
        .concat()
        .chars()
        .rev()
        .map(|digit| digit.to_digit(16).and_then(|it| it.try_into().ok()))
        .collect();
    let bytes = digits?
        .chunks_exact(2)
        .map(|pair| pair.iter().rev().fold(0, |byte, digit| byte * 16 + digit))
        .collect();
    Some(Uuid(bytes))
}

/// An ATT error code by name or number (Core Vol 3 Part F 3.4.1.1); 0x00 is none.
pub(super) fn error_code(node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<u8> {
    if let Content::Scalar { text, plain } = &node.content
        && (!plain || matches!(fields::resolve(text), Plain::Text))
    {
        let code = att_error::code(text);
        if code.is_none() {
            let message = format!("there is no ATT error `{}`", Sink::short(text));
            let names: Vec<&str> = att_error::names().collect();
            sink.report_unknown(Code::UnknownWord, node.mark, message, text, names.iter().copied());
        }
        return code;
    }
    fields::byte(node, what, 1..=255, sink)
}

/// `1000ms` or `30s`, in milliseconds.
pub(super) fn duration_ms(node: &Node<'_>, max_ms: u32, sink: &mut Sink) -> Option<u32> {
    let text = fields::raw(node, "a length of time", sink)?;
    let (digits, factor) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or(""), 1_000),
    };
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    let ms = digits.parse::<u32>().ok().filter(|_| is_number).and_then(|number| number.checked_mul(factor));
    let ms = ms.filter(|ms| (1..=max_ms).contains(ms));
    if ms.is_none() {
        let message = format!("`{}` is no length of time", Sink::short(text));
        let max_s = max_ms / 1_000;
        let hint =
            format!("write milliseconds or seconds: `1000ms`, `30s`; at least 1ms and at most {max_s}s");
        sink.report(Code::BadDuration, node.mark, message, hint);
    }
    ms
}
