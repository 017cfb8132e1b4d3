//! Devices that are no boards of ours.

use super::fields::{self, Fields};
use super::order::Judged;
use super::sink::Sink;
use super::values;
use crate::diagnostic::Code;
use crate::language::device::EXTERNAL;
use crate::scenario::{Action, External, Pair};
use crate::yaml::Node;

/// How the device is found: by exactly one thing.
pub(super) fn read(node: &Node<'_>, sink: &mut Sink) -> Option<External> {
    let fields = Fields::of(node, &EXTERNAL, sink)?;
    for (one, other) in [("address", "name"), ("address", "service"), ("name", "service")] {
        fields.exclude(one, other, sink);
    }
    if let Some(node) = fields.get("address") {
        return address(node, sink).map(External::Address);
    }
    if let Some(node) = fields.get("name") {
        return fields::text(node, "the device's name", sink).map(|name| External::Name(name.to_owned()));
    }
    if let Some(node) = fields.get("service") {
        return values::uuid(node, sink).map(External::Service);
    }
    let message = "`external` says nothing about which device it is";
    sink.report(Code::MissingField, node.mark, message, "add `address:`, `name:` or `service:`");
    None
}

/// `C0:11:22:33:44:55`, as people write addresses: most significant byte first.
fn address(node: &Node<'_>, sink: &mut Sink) -> Option<[u8; 6]> {
    let text = fields::raw(node, "an address", sink)?;
    let byte = |pair: &str| match pair.len() {
        2 if pair.bytes().all(|digit| digit.is_ascii_hexdigit()) => u8::from_str_radix(pair, 16).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.split(':').rev().map(byte).collect();
    let address = bytes.and_then(|bytes| bytes.try_into().ok());
    if address.is_none() {
        let message = format!("`{}` is no address", Sink::short(text));
        let hint = "write six pairs of hex digits in quotes: \"C0:11:22:33:44:55\"";
        sink.report(Code::BadAddress, node.mark, message, hint);
    }
    address
}

/// Reports what a table says of a device that does not take it: the table only gives it names.
pub(super) fn check_table(fields: &Fields<'_, '_>, sink: &mut Sink) {
    for key in ["name", "clients", "appearance", "writable_name", "pairing", "advertisement", "callback"] {
        if let Some(node) = fields.get(key) {
            refuse(key, node, sink);
        }
    }
    for service in fields.get("services").into_iter().flat_map(Node::items) {
        for characteristic in service.get("characteristics").into_iter().flat_map(Node::items) {
            for key in ["value", "callback"] {
                if let Some(node) = characteristic.get(key) {
                    refuse(key, node, sink);
                }
            }
        }
    }
}

fn refuse(key: &str, node: &Node<'_>, sink: &mut Sink) {
    let message = format!("an external device has its own `{key}`");
    let hint = "leave it out: the table of an external device only names what it has";
    sink.report(Code::ConflictingFields, node.mark, message, hint);
}

/// Reports a step that needs a control link: no bench could ever run it.
pub(super) fn check_step(step: Judged<'_>, sink: &mut Sink) {
    let is_of_board = matches!(
        step.action,
        Action::Board(_) | Action::Restart | Action::Bond(_) | Action::Pair(Pair::WrongPasskey)
    );
    if is_of_board {
        let message = format!("`{}` needs a board of ours, and this device is an external one", step.word);
        let hint = "leave the step out: there is no control link to such a device";
        sink.report(Code::Impossible, step.mark, message, hint);
    }
    if let Some(reports) = step.value.and_then(|value| value.get("reports")) {
        let message = "an external device reports nothing to the harness";
        sink.report(Code::Impossible, reports.mark, message, "leave `reports` out");
    }
}
