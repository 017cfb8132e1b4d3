//! Names of services, characteristics and descriptors.

use std::collections::HashMap;

use super::fields;
use super::sink::Sink;
use super::system;
use crate::diagnostic::Code;
use crate::scenario::{CharacteristicRef, Device};
use crate::yaml::Node;

/// Longest name in bytes.
const MAX_LEN: usize = 40;
/// Words that steps use for something else.
const RESERVED: [&str; 2] = ["bluetooth", "cccd"];

/// The names given so far in one scope, with the line of each, 0 where it is not in this file.
#[derive(Default)]
pub(super) struct Taken(HashMap<String, u32>);

impl Taken {
    /// Takes a name that is given elsewhere.
    pub(super) fn note(&mut self, name: &str) {
        self.0.insert(name.to_owned(), 0);
    }

    /// Reads a new name; one that is taken or of the wrong shape is reported.
    pub(super) fn claim(&mut self, node: &Node<'_>, sink: &mut Sink) -> Option<String> {
        let name = shaped(node, sink)?;
        if RESERVED.contains(&name) || system::is_name(name) {
            let message = format!("`{name}` means something else in steps");
            sink.report(Code::BadName, node.mark, message, "choose another name");
            return None;
        }
        if let Some(line) = self.0.get(name) {
            let message = match line {
                0 => format!("the name `{name}` is taken by the table"),
                _ => format!("the name `{name}` is taken by line {line}"),
            };
            sink.report(Code::DuplicateName, node.mark, message, "choose another name");
            return None;
        }
        self.0.insert(name.to_owned(), node.mark.place.line);
        Some(name.to_owned())
    }
}

/// A name of the right shape, taken or not.
pub(super) fn shaped<'n>(node: &'n Node<'_>, sink: &mut Sink) -> Option<&'n str> {
    let name = fields::text(node, "a name", sink)?;
    if is_name(name) {
        return Some(name);
    }
    let message = format!("`{}` is not the shape of a name", Sink::short(name));
    let hint =
        format!("begin with a lower-case letter; then lower-case letters, digits and `_`, at most {MAX_LEN}");
    sink.report(Code::BadName, node.mark, message, hint);
    None
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_LEN
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The characteristics of a device by name.
pub(super) struct Characteristics<'d> {
    /// `None` where the device could not be read.
    known: Option<HashMap<&'d str, CharacteristicRef>>,
    /// Only those that the application reaches.
    of_application: bool,
}

impl<'d> Characteristics<'d> {
    /// All that a client may name.
    pub(super) fn of(device: &'d Device) -> Self {
        let known = device.characteristics().map(|(at, entry)| (entry.name.as_str(), at));
        Self { known: Some(known.collect()), of_application: false }
    }

    /// Those that the application made.
    pub(super) fn of_application(device: &'d Device) -> Self {
        let known = device.characteristics().map(|(at, entry)| (entry.name.as_str(), at));
        let known = known.filter(|(name, _)| !system::is_name(name));
        Self { known: Some(known.collect()), of_application: true }
    }

    /// Those of a device that could not be read: any name may be one.
    pub(super) fn unknown() -> Self {
        Self { known: None, of_application: false }
    }

    /// False where any name may be one.
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Reads the name of a characteristic.
    pub(super) fn read(&self, node: &Node<'_>, sink: &mut Sink) -> Option<CharacteristicRef> {
        self.read_or(node, None, sink)
    }

    /// Reads the name of a characteristic, where one other word could stand too.
    pub(super) fn read_or(
        &self,
        node: &Node<'_>,
        other: Option<&str>,
        sink: &mut Sink,
    ) -> Option<CharacteristicRef> {
        let name = fields::text(node, "a characteristic's name", sink)?;
        let by_name = self.known.as_ref()?;
        let found = by_name.get(name).copied();
        if found.is_none() && system::is_name(name) {
            system::report_out_of_reach(name, node.mark, self.of_application, sink);
        } else if found.is_none() {
            let message = format!("the device has no characteristic `{}`", Sink::short(name));
            // In table order, whatever the map's.
            let mut known: Vec<(CharacteristicRef, &str)> =
                by_name.iter().map(|(name, at)| (*at, *name)).filter(|(_, name)| !name.is_empty()).collect();
            known.sort_unstable();
            let names = known.iter().map(|(_, name)| *name).chain(other);
            sink.report_unknown(Code::UnknownName, node.mark, message, name, names);
        }
        found
    }
}
