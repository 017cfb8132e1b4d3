//! The fields of the board's steps.

use super::callback::{self, Owner};
use super::fields::{self, Fields};
use super::sink::Sink;
use super::steps::Reader;
use super::{advertisement, lengths, values};
use crate::diagnostic::Code;
use crate::language::Shape;
use crate::language::board::{self as language, CALLS, DISCONNECT_CLIENT};
use crate::language::device::{LINK_TRIGGERS, TRIGGERS};
use crate::scenario::{ApiValue, BoardAction, CharacteristicRef, ClientValue, EventSource};
use crate::value;
use crate::yaml::{Content, Node};

const BLUETOOTH: &str = "bluetooth";

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
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    let Some(verb) = verbs().find(|verb| has(verb)) else {
        let first = entries.first().map_or("", |entry| entry.key.as_ref());
        unknown_verb(node, first, reader.sink);
        return None;
    };
    match verb {
        "events" => events(reader, node),
        "value" => current_value(reader, node),
        "set" => set(reader, node),
        "callback" => replace_callback(reader, node),
        "advertise" => {
            let fields = Fields::of(node, &language::ADVERTISE, reader.sink)?;
            let on = fields::boolean(fields.get(verb)?, "`advertise`", reader.sink)?;
            Some(BoardAction::Advertise { on })
        }
        "set_advertisement" => set_advertisement(reader, node),
        "start" => serve(reader, node, &language::START, verb),
        "stop" => serve(reader, node, &language::STOP, verb),
        "add_service" => add_service(reader, node),
        _ => {
            let fields = Fields::of(node, &language::DISCONNECT, reader.sink)?;
            let on = fields::boolean(fields.get(verb)?, "`disconnect_client`", reader.sink)?;
            if !on {
                let hint = "write `true`, or leave the step out";
                reader.sink.report(Code::WrongType, node.mark, "this asks for nothing", hint);
            }
            Some(BoardAction::DisconnectClient)
        }
    }
}

/// The keys that say what the board is asked to do: the first of each shape.
fn verbs() -> impl Iterator<Item = &'static str> + Clone {
    CALLS.iter().filter_map(|shape| Some(shape.fields.first()?.key))
}

fn unknown_verb(node: &Node<'_>, word: &str, sink: &mut Sink) {
    let message = format!("the board cannot be asked to `{}`", Sink::short(word));
    sink.report_unknown(Code::UnknownWord, node.mark, message, word, verbs());
}

fn refused(reader: &mut Reader<'_, '_>, fields: &Fields<'_, '_>) -> Option<bool> {
    let refused = fields.get("refused").map(|node| fields::boolean(node, "`refused`", reader.sink));
    refused.unwrap_or(Some(false))
}

fn set_advertisement(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, &language::SET_ADVERTISEMENT, reader.sink)?;
    let refused = refused(reader, &fields);
    let node = fields.get("set_advertisement")?;
    let advertisement = advertisement::of_call(node, refused == Some(true), reader.sink);
    Some(BoardAction::SetAdvertisement { advertisement: advertisement?, refused: refused? })
}

fn serve(
    reader: &mut Reader<'_, '_>,
    node: &Node<'_>,
    shape: &'static Shape,
    verb: &str,
) -> Option<BoardAction> {
    let fields = Fields::of(node, shape, reader.sink)?;
    let node = fields.get(verb)?;
    let name = fields::text(node, "a service's name", reader.sink)?;
    if !reader.names.is_known() {
        return None;
    }
    let services = &reader.device.services;
    let Some(service) = services.iter().position(|service| service.name == name && !service.system) else {
        let message = format!("the device has no service `{}`", Sink::short(name));
        let known = services.iter().map(|service| service.name.as_str()).filter(|name| !name.is_empty());
        reader.sink.report_unknown(Code::UnknownName, node.mark, message, name, known);
        return None;
    };
    Some(BoardAction::Serve { service, on: verb == "start" })
}

fn add_service(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, &language::ADD_SERVICE, reader.sink)?;
    let refused = refused(reader, &fields);
    // What stands there was read with the table.
    let service = reader.added_service(fields.get("add_service")?)?;
    Some(BoardAction::AddService { service, refused: refused? })
}

fn target(reader: &mut Reader<'_, '_>, fields: &Fields<'_, '_>, key: &str) -> Option<CharacteristicRef> {
    fields.get(key).and_then(|node| reader.application.read(node, reader.sink))
}

fn events(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, &language::EVENTS, reader.sink)?;
    let of = fields.get("events")?;
    let is_bluetooth = matches!(&of.content, Content::Scalar { text, .. } if text == BLUETOOTH);
    let (of, known) = if is_bluetooth {
        (Some(EventSource::Bluetooth), LINK_TRIGGERS)
    } else {
        let target = reader.application.read_or(of, Some(BLUETOOTH), reader.sink);
        (target.map(EventSource::Characteristic), TRIGGERS)
    };
    let expect = fields.get("expect").map(|node| fields::bits(node, "`expect`", known, reader.sink));
    Some(BoardAction::Events { of: of?, expect })
}

fn current_value(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, &language::VALUE, reader.sink)?;
    let target = target(reader, &fields, "value");
    let expect = match fields.get("expect") {
        Some(node) => {
            let value = reader.client_value(node, "the expected value");
            let characteristic = target.and_then(|target| reader.device.characteristic(target));
            if let (Some(ClientValue::Bytes(bytes)), Some(characteristic)) = (&value, characteristic) {
                lengths::check_whole(bytes, characteristic.length, node, "the expected value", reader.sink);
            }
            Some(value?)
        }
        None => None,
    };
    Some(BoardAction::Value { target: target?, expect })
}

fn set(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, &language::SET, reader.sink)?;
    let target = target(reader, &fields, "set");
    let refused = refused(reader, &fields);
    let node = fields.required("value", reader.sink)?;
    let value = values::api_value(node, "the value", reader.sink);
    if let (Some(value), Some(target), Some(false)) = (&value, target, refused) {
        check_settable(reader, target, value, node);
    }
    Some(BoardAction::Set { target: target?, value: value?, refused: refused? })
}

/// Reports a value that the API refuses (VAL-3, VAL-7) where the step does not say so.
fn check_settable(reader: &mut Reader<'_, '_>, target: CharacteristicRef, value: &ApiValue, node: &Node<'_>) {
    let Some(characteristic) = reader.device.characteristic(target) else { return };
    let (code, message, hint) = match value::encode(value) {
        Ok(bytes) => {
            let Some((code, message)) = lengths::judge_whole(bytes.len(), characteristic.length) else {
                return;
            };
            (
                code,
                format!("the value has {message}"),
                "give it another length, or say that it must be refused: `refused: true`",
            )
        }
        Err(value::ValueError::TooLong(len)) => {
            let message = format!("the value has {}", values::other_length(len, characteristic.length));
            (Code::ValueTooLong, message, "shorten it, or say that it must be refused: `refused: true`")
        }
        Err(value::ValueError::OutOfRange(number)) => {
            let hint = "write 0 to 4294967295, or say that it must be refused: `refused: true`";
            (Code::BadValue, format!("the value cannot be {number}"), hint)
        }
    };
    reader.sink.report(code, node.mark, message, hint);
}

fn replace_callback(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<BoardAction> {
    let fields = Fields::of(node, &language::CALLBACK, reader.sink)?;
    let target = target(reader, &fields, "callback");
    let remove = fields.get("remove").map(|node| fields::boolean(node, "`remove`", reader.sink));
    let callback = if remove.is_some() {
        for key in ["on", "rules", "counter", "arg", "reads_events"] {
            fields.exclude(key, "remove", reader.sink);
        }
        if remove == Some(Some(false)) {
            let hint = "write `remove: true`, or leave it out";
            reader.sink.report(Code::WrongType, node.mark, "`remove: false` means nothing", hint);
        }
        None
    } else {
        let owner = target.and_then(|target| reader.device.characteristic(target));
        Some(callback::read(&fields, Owner::Characteristic(owner), &reader.application, reader.sink))
    };
    Some(BoardAction::Callback { target: target?, callback })
}
