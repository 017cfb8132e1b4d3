//! What a device advertises, and what a client expects of it.

use super::fields::{self, Fields};
use super::sink::Sink;
use super::steps::Reader;
use super::values;
use crate::diagnostic::Code;
use crate::language::{AD_FLAGS, TX_POWERS, board, device, steps};
use crate::scenario::{Action, Advertisement, AdvertisementExpect};
use crate::yaml::Node;

/// Most bytes of one advertising structure's content: 31 with length and type left out (Core Vol 3 Part
/// C 11).
const MAX_FIELD: usize = 29;
const TOO_LONG: &str = "an advertisement holds 31 bytes: shorten it";

/// `advertisement:` of a table.
pub(super) fn of_table(node: &Node<'_>, sink: &mut Sink) -> Option<Advertisement> {
    let fields = Fields::of(node, &device::ADVERTISEMENT, sink)?;
    let read = read(&fields, sink);
    check_uuid(&read, node, sink);
    Some(read)
}

/// The arguments of `set_advertisement`. What the API must refuse may be anything.
pub(super) fn of_call(node: &Node<'_>, refused: bool, sink: &mut Sink) -> Option<Advertisement> {
    let fields = Fields::of(node, &board::NEW_ADVERTISEMENT, sink)?;
    let read = read(&fields, sink);
    if !refused {
        check_uuid(&read, node, sink);
    }
    Some(read)
}

fn check_uuid(read: &Advertisement, node: &Node<'_>, sink: &mut Sink) {
    if read.service_data.is_some() && read.service_uuid.is_none() {
        let message = "service data belongs to a service UUID, and there is none";
        sink.report(Code::MissingField, node.mark, message, "add `service_uuid: ..`");
    }
}

fn read(fields: &Fields<'_, '_>, sink: &mut Sink) -> Advertisement {
    let name = fields.get("name").and_then(|node| fields::text(node, "a name", sink));
    let bytes = |key: &str, what: &str, sink: &mut Sink| {
        fields.get(key).and_then(|node| values::client_bytes(node, what, sink))
    };
    Advertisement {
        name: name.map(str::to_owned),
        service_uuid: fields.get("service_uuid").and_then(|node| values::uuid(node, sink)),
        manufacturer_data: bytes("manufacturer_data", "manufacturer data", sink),
        service_data: bytes("service_data", "service data", sink),
    }
}

impl Reader<'_, '_> {
    /// What must be advertised.
    pub(super) fn expect_advertisement(&mut self, node: &Node<'_>) -> Option<Action> {
        let fields = Fields::of(node, &steps::EXPECT_ADVERTISEMENT, self.sink)?;
        let read = read(&fields, self.sink);
        for (key, len) in [
            ("name", read.name.as_ref().map(String::len)),
            ("manufacturer_data", read.manufacturer_data.as_ref().map(Vec::len)),
            ("service_data", read.service_data.as_ref().map(Vec::len)),
        ] {
            if let (Some(node), Some(len)) = (fields.get(key), len)
                && len > MAX_FIELD
            {
                let message = format!("`{key}` has {len} bytes, no advertisement has room for it");
                self.sink.report(Code::ValueTooLong, node.mark, message, TOO_LONG);
            }
        }
        let flags = fields.get("flags");
        let flags = flags.and_then(|node| fields::integer(node, "`flags`", AD_FLAGS, self.sink));
        let tx_power = fields.get("tx_power");
        let tx_power = tx_power.and_then(|node| fields::integer(node, "`tx_power`", TX_POWERS, self.sink));
        let present = fields.get("present").map(|node| fields::boolean(node, "`present`", self.sink));
        Some(Action::ExpectAdvertisement(AdvertisementExpect {
            name: read.name,
            service_uuid: read.service_uuid,
            manufacturer_data: read.manufacturer_data,
            service_data: read.service_data,
            flags: flags.and_then(|flags| u8::try_from(flags).ok()),
            tx_power: tx_power.and_then(|power| i8::try_from(power).ok()),
            present: present.unwrap_or(Some(true))?,
        }))
    }
}
