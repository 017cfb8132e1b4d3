//! Device tables.

use super::callback::{self, Owner};
use super::fields::{self, Fields};
use super::names::{Characteristics, Taken};
use super::sink::{Mark, Sink};
use super::{advertisement, external, lengths, system, values};
use crate::diagnostic::Code;
use crate::language::device::{self as language, ACCESS, PAIRINGS};
use crate::language::{APPEARANCES, CLIENTS, HANDLES, KEY_SIZES};
use crate::scenario::{
    Access, ApiValue, Builtin, Characteristic, CharacteristicRef, Descriptor, Device, Length, Service, Uuid,
};
use crate::spelling::PROPERTIES;
use crate::yaml::{Content, Node};

/// The GAP and GATT services come first in every table; with device name and appearance they take
/// the handles below this one (Core Vol 3 Part C 12).
const FIRST_HANDLE: u32 = 7;
/// The same where GATT has the characteristics of caching.
const FIRST_HANDLE_WITH_CACHING: u32 = 14;
const LAST_HANDLE: u32 = 0xFFFF;
/// Property bits that bring a CCCD (SRV-2).
const PUSHES: u8 = 0x30;
/// Property bit that reading needs.
pub(super) const READ: u8 = 0x02;
/// Property bits of writing: request, command and signed command.
pub(super) const WRITES: u8 = 0x4C;
/// Property bit of the descriptor 0x2900.
const EXTENDED: u8 = 0x80;
/// READ, WRITE and NOTIFY (SRV-2).
const DEFAULT_PROPERTIES: u8 = 0x1A;
const DEFAULT_NAME: &str = "gattest";
/// A complete local name that fills an advertisement beside its flags and TX power (GAP-1).
const MAX_DEVICE_NAME: usize = 23;

/// Reads a device table.
pub(super) fn read(node: &Node<'_>, builtin: Option<Builtin>, sink: &mut Sink) -> Option<Device> {
    let fields = Fields::of(node, &language::TABLE, sink)?;
    let name = fields.get("name").and_then(|node| device_name(node, sink));
    let external = fields.get("external").and_then(|node| external::read(node, sink));
    if external.is_some() {
        external::check_table(&fields, sink);
    }
    let clients = fields.get("clients").and_then(|node| fields::byte(node, "`clients`", CLIENTS, sink));
    let caching = fields.get("caching").and_then(|node| fields::boolean(node, "`caching`", sink));
    let appearance = fields.get("appearance");
    let appearance = appearance.and_then(|node| fields::short(node, "`appearance`", APPEARANCES, sink));
    let writable = fields.get("writable_name");
    let writable = writable.and_then(|node| fields::boolean(node, "`writable_name`", sink));
    let pairing = fields.get("pairing");
    let pairing = pairing.and_then(|node| fields::word(node, "`pairing`", PAIRINGS, sink));
    let advertisement = fields.get("advertisement");
    let advertisement = advertisement.and_then(|node| advertisement::of_table(node, sink));
    let services = fields.required("services", sink)?;
    let mut device = Device {
        builtin,
        external,
        name: name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        advertisement: advertisement.unwrap_or_default(),
        clients: clients.unwrap_or(1),
        caching: caching.unwrap_or(false),
        appearance: appearance.unwrap_or(0),
        writable_name: writable.unwrap_or(false),
        pairing,
        ..Device::default()
    };
    let mut table = Table::new(device.caching);
    for node in fields::filled_list(services, "`services`", sink).unwrap_or_default() {
        let service = table.service(node, &device.services, sink);
        // A service that could not be read keeps its position: includes count by it.
        device.services.push(service.unwrap_or_else(unreadable_service));
    }
    // Rules may name characteristics that come later in the table: callbacks come last.
    read_callbacks(&mut device, &table.callbacks, sink);
    if let Some(node) = fields.get("callback") {
        device.callback =
            callback::in_table(node, Owner::Bluetooth, &Characteristics::of_application(&device), sink);
    }
    device.services.extend(device.caching.then(system::gatt_service));
    Some(device)
}

/// Puts the services that steps add behind those of the table.
pub(super) fn add(device: &mut Device, nodes: &[&Node<'_>], sink: &mut Sink) {
    let mut table = Table::after(device);
    for node in nodes {
        let service = table.service(node, &device.services, sink).unwrap_or_else(unreadable_service);
        device.services.push(Service { added: true, ..service });
    }
    read_callbacks(device, &table.callbacks, sink);
}

fn read_callbacks(device: &mut Device, nodes: &[(CharacteristicRef, &Node<'_>)], sink: &mut Sink) {
    let names = Characteristics::of_application(device);
    let mut callbacks = Vec::new();
    for (at, node) in nodes {
        let owner = Owner::Characteristic(device.characteristic(*at));
        callbacks.push((*at, callback::in_table(node, owner, &names, sink)));
    }
    drop(names);
    for (at, callback) in callbacks {
        let service = device.services.get_mut(at.service);
        if let Some(entry) = service.and_then(|it| it.characteristics.get_mut(at.characteristic)) {
            entry.callback = callback;
        }
    }
}

fn device_name(node: &Node<'_>, sink: &mut Sink) -> Option<String> {
    let name = fields::text(node, "the device's name", sink)?;
    if name.len() > MAX_DEVICE_NAME {
        let message = format!("the device's name has {} bytes", name.len());
        let hint = format!("at most {MAX_DEVICE_NAME} fit an advertisement");
        sink.report(Code::ValueTooLong, node.mark, message, hint);
        return None;
    }
    Some(name.to_owned())
}

fn unreadable_service() -> Service {
    Service {
        name: String::new(),
        added: false,
        system: false,
        uuid: Uuid(Vec::new()),
        primary: true,
        handle: None,
        includes: Vec::new(),
        characteristics: Vec::new(),
    }
}

/// A table while it is being read.
struct Table<'n, 't> {
    names: Taken,
    /// The first handle that is still free.
    next_handle: u32,
    /// To be read when all names are known.
    callbacks: Vec<(CharacteristicRef, &'n Node<'t>)>,
}

impl<'n, 't> Table<'n, 't> {
    fn new(caching: bool) -> Self {
        let next_handle = if caching { FIRST_HANDLE_WITH_CACHING } else { FIRST_HANDLE };
        Self { names: Taken::default(), next_handle, callbacks: Vec::new() }
    }

    /// A table that goes on where `device` ends.
    fn after(device: &Device) -> Self {
        let mut table = Self::new(device.caching);
        let start = |table: &mut Self, fixed: Option<u16>, count: usize| {
            let first = fixed.map_or(table.next_handle, u32::from);
            table.next_handle = first.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        };
        for service in device.services.iter().filter(|service| !service.system) {
            table.names.note(&service.name);
            start(&mut table, service.handle, 1 + service.includes.len());
            for characteristic in &service.characteristics {
                table.names.note(&characteristic.name);
                start(&mut table, characteristic.handle, 2);
                let cccd = usize::from(characteristic.properties & PUSHES != 0);
                start(&mut table, characteristic.cccd_handle, cccd);
                for descriptor in &characteristic.descriptors {
                    start(&mut table, descriptor.handle, 1);
                }
            }
        }
        table
    }

    fn service(&mut self, node: &'n Node<'t>, before: &[Service], sink: &mut Sink) -> Option<Service> {
        let fields = Fields::of(node, &language::SERVICE, sink)?;
        let name = fields.required("name", sink);
        let name = name.and_then(|node| self.names.claim(node, sink));
        let uuid = required_uuid(&fields, sink);
        let primary = fields.get("primary").and_then(|node| fields::boolean(node, "`primary`", sink));
        let includes = fields.get("includes").map(|node| includes(node, before, sink)).unwrap_or_default();
        let handle = fields.get("handle").and_then(|node| self.fixed_handle(node, sink));
        self.take_handles(1 + includes.len(), node.mark, sink);
        let list = fields.get("characteristics");
        let list = list.and_then(|node| fields::list(node, "`characteristics`", sink)).unwrap_or_default();
        let mut characteristics = Vec::new();
        for node in list {
            let at = CharacteristicRef { service: before.len(), characteristic: characteristics.len() };
            characteristics.extend(self.characteristic(node, at, sink));
        }
        Some(Service {
            name: name.unwrap_or_default(),
            added: false,
            system: false,
            uuid,
            primary: primary.unwrap_or(true),
            handle,
            includes,
            characteristics,
        })
    }

    fn characteristic(
        &mut self,
        node: &'n Node<'t>,
        at: CharacteristicRef,
        sink: &mut Sink,
    ) -> Option<Characteristic> {
        let fields = Fields::of(node, &language::CHARACTERISTIC, sink)?;
        let name = fields.required("name", sink);
        let name = name.and_then(|node| self.names.claim(node, sink));
        let uuid = required_uuid(&fields, sink);
        let properties = fields.get("properties").map(|node| properties(node, sink));
        let properties = properties.unwrap_or(DEFAULT_PROPERTIES);
        let read = fields.get("read").and_then(|node| access(node, "`read`", sink));
        let write = fields.get("write").and_then(|node| access(node, "`write`", sink));
        let subscribe = fields.get("subscribe").and_then(|node| access(node, "`subscribe`", sink));
        let length = lengths::read(&fields, sink);
        let value = fields.get("value").and_then(|node| lengths::initial_value(node, length, sink));
        let handle = fields.get("handle").and_then(|node| self.fixed_handle(node, sink));
        self.take_handles(2, node.mark, sink);
        check_pushes(&fields, properties, sink);
        let cccd_handle = fields.get("cccd_handle").and_then(|node| self.fixed_handle(node, sink));
        self.take_handles(usize::from(properties & PUSHES != 0), node.mark, sink);
        let descriptors =
            fields.get("descriptors").map(|node| self.descriptors(node, sink)).unwrap_or_default();
        check_extended(properties, &descriptors, node, sink);
        self.callbacks.extend(fields.get("callback").map(|node| (at, node)));
        let open_for = |bits: u8| if properties & bits == 0 { Access::Never } else { Access::Open };
        Some(Characteristic {
            name: name.unwrap_or_default(),
            uuid,
            handle,
            cccd_handle,
            properties,
            read: read.unwrap_or_else(|| open_for(READ)),
            write: write.unwrap_or_else(|| open_for(WRITES)),
            subscribe: subscribe.unwrap_or(Access::Open),
            length,
            value: value.unwrap_or_else(|| default_value(length)),
            descriptors,
            callback: None,
        })
    }

    fn descriptors(&mut self, node: &Node<'_>, sink: &mut Sink) -> Vec<Descriptor> {
        let mut names = Taken::default();
        let items = fields::list(node, "`descriptors`", sink).unwrap_or_default();
        items.iter().filter_map(|item| self.descriptor(item, &mut names, sink)).collect()
    }

    fn descriptor(&mut self, node: &Node<'_>, names: &mut Taken, sink: &mut Sink) -> Option<Descriptor> {
        const CCCD: [u8; 2] = [0x02, 0x29];
        let fields = Fields::of(node, &language::DESCRIPTOR, sink)?;
        let name = fields.required("name", sink);
        let name = name.and_then(|node| names.claim(node, sink));
        let uuid = required_uuid(&fields, sink);
        if uuid.0 == CCCD {
            let message = "the CCCD comes by itself with `notify` and `indicate`";
            sink.report(Code::BadUuid, node.mark, message, "leave this descriptor out");
        }
        let read = fields.get("read").and_then(|node| access(node, "`read`", sink));
        let write = fields.get("write").and_then(|node| access(node, "`write`", sink));
        let length = lengths::read(&fields, sink);
        let value = fields.get("value").and_then(|node| {
            let bytes = values::client_bytes(node, "the value", sink)?;
            lengths::check_whole(&bytes, length, node, "the value", sink);
            Some(bytes)
        });
        let handle = fields.get("handle").and_then(|node| self.fixed_handle(node, sink));
        self.take_handles(1, node.mark, sink);
        let zeroes = if let Length::Fixed(bytes) = length { vec![0; bytes.into()] } else { Vec::new() };
        Some(Descriptor {
            name: name.unwrap_or_default(),
            uuid,
            read: read.unwrap_or(Access::Open),
            write: write.unwrap_or(Access::Never),
            value: value.unwrap_or(zeroes),
            length,
            handle,
        })
    }

    /// A handle that the table demands: it must still be free, since handles ascend.
    fn fixed_handle(&mut self, node: &Node<'_>, sink: &mut Sink) -> Option<u16> {
        let handle = fields::short(node, "a handle", HANDLES, sink)?;
        if u32::from(handle) < self.next_handle {
            let message = format!("handle 0x{handle:04X} is taken, or comes after a higher one");
            let hint =
                format!("handles ascend in table order; the first free one is 0x{:04X}", self.next_handle);
            sink.report(Code::BadHandle, node.mark, message, hint);
            return None;
        }
        self.next_handle = u32::from(handle);
        Some(handle)
    }

    /// Uses up handles for attributes; `mark` is what they belong to.
    fn take_handles(&mut self, count: usize, mark: Mark, sink: &mut Sink) {
        let fits_before = self.next_handle <= LAST_HANDLE + 1;
        self.next_handle = self.next_handle.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        if fits_before && self.next_handle > LAST_HANDLE + 1 {
            let hint = "handles end at 0xFFFF; lower a fixed handle, or shorten the table";
            sink.report(Code::BadHandle, mark, "there is no handle left for this", hint);
        }
    }
}

fn required_uuid(fields: &Fields<'_, '_>, sink: &mut Sink) -> Uuid {
    let uuid = fields.required("uuid", sink);
    uuid.and_then(|node| values::uuid(node, sink)).unwrap_or(Uuid(Vec::new()))
}

fn includes(node: &Node<'_>, before: &[Service], sink: &mut Sink) -> Vec<usize> {
    let mut indices = Vec::new();
    for item in fields::list(node, "`includes`", sink).unwrap_or_default() {
        let Some(name) = fields::text(item, "a service's name", sink) else { continue };
        match before.iter().position(|service| service.name == name) {
            Some(index) if indices.contains(&index) => {
                let message = format!("`{name}` is included twice");
                sink.report(Code::RepeatedWord, item.mark, message, "keep one of them");
            }
            Some(index) => indices.push(index),
            None => {
                let message = format!("there is no service `{}` before this one", Sink::short(name));
                let hint = "a service stands before the ones that include it";
                sink.report(Code::UnknownName, item.mark, message, hint);
            }
        }
    }
    indices
}

fn properties(node: &Node<'_>, sink: &mut Sink) -> u8 {
    fields::words(node, "`properties`", PROPERTIES, sink).into_iter().fold(0, |bits, bit| bits | bit)
}

fn access(node: &Node<'_>, what: &str, sink: &mut Sink) -> Option<Access> {
    if !matches!(node.content, Content::Map(_)) {
        return fields::word(node, what, ACCESS, sink);
    }
    let fields = Fields::of(node, &language::KEYED_ACCESS, sink)?;
    fields.exclude("encrypted", "authenticated", sink);
    let size = |node, sink: &mut Sink| fields::byte(node, "a key size", KEY_SIZES, sink);
    match (fields.get("encrypted"), fields.get("authenticated")) {
        (Some(node), _) => size(node, sink).map(Access::Encrypted),
        (None, Some(node)) => size(node, sink).map(Access::Authenticated),
        (None, None) => {
            let hint = "write `{encrypted: 16}` or `{authenticated: 16}`";
            let message = "an access with a key size needs the field `encrypted`";
            sink.report(Code::MissingField, node.mark, message, hint);
            None
        }
    }
}

/// One zero byte (SRV-2), or as many as the length is fixed to.
fn default_value(length: Length) -> ApiValue {
    match length {
        Length::UpTo(_) => ApiValue::Int(0),
        Length::Fixed(bytes) => ApiValue::Bytes(vec![0; bytes.into()]),
    }
}

/// Reports what is said of a CCCD that is not there.
fn check_pushes(fields: &Fields<'_, '_>, properties: u8, sink: &mut Sink) {
    for key in ["subscribe", "cccd_handle"] {
        if let Some(node) = fields.get(key).filter(|_| properties & PUSHES == 0) {
            let message =
                format!("`{key}` is about a CCCD, and there is none without `notify` or `indicate`");
            sink.report(
                Code::NoProperty,
                node.mark,
                message,
                "add one of them to `properties`, or leave this out",
            );
        }
    }
}

/// Reports the property without the descriptor that it announces (Core Vol 3 Part G 3.3.3.1).
fn check_extended(properties: u8, descriptors: &[Descriptor], node: &Node<'_>, sink: &mut Sink) {
    const EXTENDED_PROPERTIES: [u8; 2] = [0x00, 0x29];
    let has_descriptor = descriptors.iter().any(|descriptor| descriptor.uuid.0 == EXTENDED_PROPERTIES);
    if properties & EXTENDED != 0 && !has_descriptor {
        let message = "`extended-properties` says that there is a descriptor 0x2900, and there is none";
        let hint = "add it: `descriptors: [{name: extended, uuid: 0x2900, fixed_len: 2, value: [1, 0]}]`";
        sink.report(Code::MissingField, node.mark, message, hint);
    }
}
