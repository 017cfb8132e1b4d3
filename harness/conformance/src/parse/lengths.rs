//! How long the values of a table may be, and whether they are.

use super::fields::{self, Fields};
use super::sink::Sink;
use super::values;
use crate::diagnostic::Code;
use crate::language::MAX_LENS;
use crate::scenario::{ApiValue, Length};
use crate::yaml::Node;

/// `max_len` or `fixed_len`.
pub(super) fn read(fields: &Fields<'_, '_>, sink: &mut Sink) -> Length {
    fields.exclude("max_len", "fixed_len", sink);
    let mut bytes = |key, what| fields.get(key).and_then(|node| fields::short(node, what, MAX_LENS, sink));
    let fixed = bytes("fixed_len", "`fixed_len`").map(Length::Fixed);
    fixed.or(bytes("max_len", "`max_len`").map(Length::UpTo)).unwrap_or(Length::ANY)
}

/// The value that a characteristic has at first.
pub(super) fn initial_value(node: &Node<'_>, length: Length, sink: &mut Sink) -> Option<ApiValue> {
    let value = values::api_value(node, "the value", sink)?;
    let bytes = values::encoded(&value, node, "the value", sink)?;
    check_whole(&bytes, length, node, "the value", sink);
    Some(value)
}

/// Reports a whole value that is too long, or not of its fixed length.
pub(super) fn check_whole(bytes: &[u8], length: Length, node: &Node<'_>, what: &str, sink: &mut Sink) {
    let Some((code, message)) = judge_whole(bytes.len(), length) else { return };
    let hint = match code {
        Code::ValueTooLong => "shorten it, or let it be longer in the table",
        _ => "give it all of its bytes, or write `max_len` in the table",
    };
    sink.report(code, node.mark, format!("{what} has {message}"), hint);
}

/// What is wrong with a whole value of so many bytes, if anything is.
pub(super) fn judge_whole(len: usize, length: Length) -> Option<(Code, String)> {
    let max = usize::from(length.max());
    let code = match length {
        _ if len > max => Code::ValueTooLong,
        Length::Fixed(_) if len < max => Code::ValueTooShort,
        _ => return None,
    };
    Some((code, values::other_length(len, length)))
}
