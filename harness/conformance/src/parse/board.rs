//! The fields of the board's steps.

use super::callback;
use super::fields::{self, Fields};
use super::sink::Sink;
use super::steps::Reader;
use super::values;
use crate::diagnostic::Code;
use crate::scenario::{ApiValue, BoardAction, CharacteristicRef, EventSource};
use crate::value;
use crate::yaml::{Content, Node};

/// What the board can be asked to do; each is the key that says so.
const VERBS: [&str; 5] = ["events", "value", "set", "callback", "advertise"];
const DISCONNECT_CLIENT: &str = "disconnect_client";
const BLUETOOTH_EVENTS: &[(&str, u16)] = &[("connected", 0x02), ("disconnected", 0x04)];
const CHARACTERISTIC_EVENTS: &[(&str, u16)] = &[("read", 0x08), ("write", 0x10), ("subscribe", 0x80)];

/// Reads what stands after `board:`.
pub(super) fn read(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let entries = match &node.content {
        Content::Scalar { text, .. } if text == DISCONNECT_CLIENT => {
            return Some(BoardAction::DisconnectClient);
        }
        Content::Scalar { text, .. } => {
            unknown_verb(node, text, reader.sink);
            return None;
        }
        Content::Map(entries) => entries,
        Content::List(_) => {
            let hint = "write `board: {events: chr1}` or `board: disconnect_client`";
            reader.sink.report(Code::WrongType, node.mark, "a board step is no list", hint);
            return None;
        }
        Content::Broken => return None,
    };
    // `value` is a verb, and a field of `set`: the first verb that is not it decides.
    let is_verb = |verb: &&str| entries.iter().any(|entry| entry.key == **verb);
    let verb = VERBS.iter().filter(|verb| **verb != "value").find(|verb| is_verb(verb));
    match verb.or_else(|| VERBS.iter().find(|verb| is_verb(verb))) {
        Some(&"events") => events(reader, node),
        Some(&"value") => current_value(reader, node),
        Some(&"set") => set(reader, node),
        Some(&"callback") => replace_callback(reader, node),
        Some(&"advertise") => {
            let fields = Fields::of(node, "`board: {advertise: ..}`", &["advertise"], reader.sink)?;
            let on = fields::boolean(fields.get("advertise")?, "`advertise`", reader.sink)?;
            Some(BoardAction::Advertise { on })
        }
        _ => {
            let first = entries.first().map_or("", |entry| entry.key.as_ref());
            unknown_verb(node, first, reader.sink);
            None
        }
    }
}

fn unknown_verb(node: &Node<'_>, word: &str, sink: &mut Sink) {
    let message = format!("the board cannot be asked to `{}`", Sink::short(word));
    let known = VERBS.iter().copied().chain([DISCONNECT_CLIENT]);
    sink.report_unknown(Code::UnknownWord, node.mark, message, word, known);
}

fn target(reader: &mut Reader<'_, '_>, fields: &Fields<'_, '_>, key: &str) -> Option<CharacteristicRef> {
    fields.get(key).and_then(|node| reader.names.read(node, reader.sink))
}

fn events(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, "`board: {events: ..}`", &["events", "expect"], reader.sink)?;
    let of = fields.get("events")?;
    let is_bluetooth = matches!(&of.content, Content::Scalar { text, .. } if text == "bluetooth");
    let (of, known) = if is_bluetooth {
        (Some(EventSource::Bluetooth), BLUETOOTH_EVENTS)
    } else {
        let target = reader.names.read_or(of, Some("bluetooth"), reader.sink);
        (target.map(EventSource::Characteristic), CHARACTERISTIC_EVENTS)
    };
    let expect = fields.get("expect").map(|node| fields::bits(node, "`expect`", known, reader.sink));
    Some(BoardAction::Events { of: of?, expect })
}

fn current_value(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, "`board: {value: ..}`", &["value", "expect"], reader.sink)?;
    let target = target(reader, &fields, "value");
    let expect = match fields.get("expect") {
        Some(node) => {
            let bytes = values::client_bytes(node, "the expected value", reader.sink);
            let limit = target.and_then(|target| reader.device.characteristic(target));
            if let (Some(bytes), Some(characteristic)) = (&bytes, limit) {
                let hint = "shorten it, or raise `max_len` in the table";
                let limit = characteristic.max_len;
                values::check_len(bytes, limit, node, "the expected value", hint, reader.sink);
            }
            Some(bytes?)
        }
        None => None,
    };
    Some(BoardAction::Value { target: target?, expect })
}

fn set(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, "`board: {set: ..}`", &["set", "value", "refused"], reader.sink)?;
    let target = target(reader, &fields, "set");
    let refused = fields.get("refused").map(|node| fields::boolean(node, "`refused`", reader.sink));
    let refused = refused.unwrap_or(Some(false));
    let node = fields.required("value", "write the new value: `value: 7`", reader.sink)?;
    let value = values::api_value(node, "the value", reader.sink);
    if let (Some(value), Some(target), Some(false)) = (&value, target, refused) {
        check_settable(reader, target, value, node);
    }
    Some(BoardAction::Set { target: target?, value: value?, refused: refused? })
}

/// Reports a value that the API refuses (VAL-3, VAL-7) where the step does not say so.
fn check_settable(reader: &mut Reader<'_, '_>, target: CharacteristicRef, value: &ApiValue, node: &Node<'_>) {
    let Some(characteristic) = reader.device.characteristic(target) else { return };
    let limit = usize::from(characteristic.max_len);
    let message = match value::encode(value) {
        Ok(bytes) if bytes.len() <= limit => return,
        Ok(bytes) => format!("the value has {} bytes, `max_len` is {limit}", bytes.len()),
        Err(value::ValueError::TooLong(len)) => format!("the value has {len} bytes, `max_len` is {limit}"),
        Err(value::ValueError::OutOfRange(number)) => {
            let message = format!("the value cannot be {number}");
            let hint = "write 0 to 4294967295, or say that it must be refused: `refused: true`";
            reader.sink.report(Code::BadValue, node.mark, message, hint);
            return;
        }
    };
    let hint = "shorten it, or say that it must be refused: `refused: true`";
    reader.sink.report(Code::ValueTooLong, node.mark, message, hint);
}

fn replace_callback(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    const KEYS: &[&str] = &["callback", "on", "rules", "counter", "arg", "remove"];
    let fields = Fields::of(node, "`board: {callback: ..}`", KEYS, reader.sink)?;
    let target = target(reader, &fields, "callback");
    let remove = fields.get("remove").map(|node| fields::boolean(node, "`remove`", reader.sink));
    let callback = if remove.is_some() {
        for key in ["on", "rules", "counter", "arg"] {
            fields.exclude(key, "remove", reader.sink);
        }
        if remove == Some(Some(false)) {
            let hint = "write `remove: true`, or leave it out";
            reader.sink.report(Code::WrongType, node.mark, "`remove: false` means nothing", hint);
        }
        None
    } else {
        Some(callback::read(&fields, &reader.names, reader.sink))
    };
    Some(BoardAction::Callback { target: target?, callback })
}
