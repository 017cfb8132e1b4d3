//! What a device has by itself: characteristics of the GATT service, which clients use by fixed names.

use super::sink::{Mark, Sink};
use crate::diagnostic::Code;
use crate::scenario::{Access, ApiValue, Characteristic, Length, Service, Uuid};

const GATT_SERVICE: u16 = 0x1801;
const READ: u8 = 0x02;
const WRITE: u8 = 0x08;
const INDICATE: u8 = 0x20;

/// Name, UUID, properties and most bytes of each (Core Vol 3 Part G 7.1 to 7.3), with caching.
const CHARACTERISTICS: [(&str, u16, u8, u16); 3] = [
    ("service_changed", 0x2A05, INDICATE, 4),
    ("client_features", 0x2B29, READ | WRITE, 512),
    ("database_hash", 0x2B2A, READ, 16),
];

/// True for a name that stands for one of them, in every device.
pub(super) fn is_name(name: &str) -> bool {
    CHARACTERISTICS.iter().any(|(known, ..)| *known == name)
}

/// The GATT service as clients see it with caching.
pub(super) fn gatt_service() -> Service {
    Service {
        name: String::new(),
        added: false,
        system: true,
        uuid: uuid(GATT_SERVICE),
        primary: true,
        handle: None,
        includes: Vec::new(),
        characteristics: CHARACTERISTICS.iter().map(characteristic).collect(),
    }
}

/// Reports such a name where the device does not have it, or its application does not reach it.
pub(super) fn report_out_of_reach(name: &str, mark: Mark, in_application: bool, sink: &mut Sink) {
    let (message, hint) = if in_application {
        let message = format!("`{name}` is the server's own: the application does not reach it");
        (message, "use it in a step of the client, as `read` or `subscribe`")
    } else {
        let message = format!("the device has no characteristic `{name}`");
        (message, "it comes with `caching: true` in the device's table")
    };
    sink.report(Code::UnknownName, mark, message, hint);
}

fn characteristic(&(name, number, properties, max_len): &(&str, u16, u8, u16)) -> Characteristic {
    let open_for = |bit: u8| if properties & bit == 0 { Access::Never } else { Access::Open };
    Characteristic {
        name: name.to_owned(),
        uuid: uuid(number),
        handle: None,
        cccd_handle: None,
        properties,
        read: open_for(READ),
        write: open_for(WRITE),
        subscribe: Access::Open,
        length: Length::UpTo(max_len),
        value: ApiValue::Int(0),
        descriptors: Vec::new(),
        callback: None,
    }
}

fn uuid(number: u16) -> Uuid {
    Uuid(number.to_le_bytes().to_vec())
}
