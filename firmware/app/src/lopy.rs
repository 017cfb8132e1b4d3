//! The example application of the reference device, as its users wrote it: two services, two
//! characteristics, two callbacks.

use crate::api::{Bluetooth, Characteristic};
use crate::outbox::Console;
use core::fmt;
use gatts::{Advertisement, CharacteristicConfig, Error, Events, Reply, ServiceConfig, Uuid};

/// Builds the application, and starts advertising.
pub(crate) fn start(bluetooth: &Bluetooth, console: &Console) -> Result<[Characteristic; 2], Error> {
    let service_uuid = Uuid::from_bytes(b"1234567890123456")?;
    bluetooth.set_advertisement(Advertisement {
        name: Some("LoPy"),
        service_uuid: Some(service_uuid),
        ..Advertisement::default()
    })?;

    let out = console.clone();
    bluetooth.callback(Events::CLIENT_CONNECTED | Events::CLIENT_DISCONNECTED, move |bluetooth, _| {
        let events = bluetooth.events();
        if events.contains(Events::CLIENT_CONNECTED) {
            out.line("Client connected");
        } else if events.contains(Events::CLIENT_DISCONNECTED) {
            out.line("Client disconnected");
        }
    });

    let srv1 = bluetooth.service(ServiceConfig::new(service_uuid))?;
    let chr1 =
        srv1.characteristic(CharacteristicConfig::new(Uuid::from_bytes(b"ab34567890123456")?).value(5))?;

    let srv2 = bluetooth.service(ServiceConfig::new(Uuid::from_int(1234)?))?;
    let chr2 = srv2.characteristic(CharacteristicConfig::new(Uuid::from_int(4567)?).value(0x1234))?;

    register(&chr1, &chr2, console);
    bluetooth.advertise(true);
    Ok([chr1, chr2])
}

/// Registers both callbacks, their counters afresh.
pub(crate) fn register(chr1: &Characteristic, chr2: &Characteristic, console: &Console) {
    let mut char1_read_counter = 0_u32;
    let out = console.clone();
    chr1.callback(Events::CHAR_WRITE_EVENT | Events::CHAR_READ_EVENT, move |chr, _| {
        char1_read_counter += 1;
        let events = chr.events();
        if events.contains(Events::CHAR_WRITE_EVENT) {
            out.line(format_args!("Write request with value = {}", PyBytes(&chr.value())));
            Reply::Stored
        } else if char1_read_counter < 3 {
            out.line("Read request on char 1");
            Reply::Stored
        } else {
            "ABC DEF".into()
        }
    });

    let mut char2_read_counter = 0xF0_u32;
    chr2.callback(Events::CHAR_READ_EVENT, move |_, _| {
        char2_read_counter += 1;
        (char2_read_counter > 0xF1).then_some(char2_read_counter)
    });
}

/// Bytes as Python writes them: `b'hello'`.
pub(crate) struct PyBytes<'a>(pub(crate) &'a [u8]);

impl fmt::Display for PyBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Python prefers the quote that needs no escape.
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') { '"' } else { '\'' };
        write!(f, "b{quote}")?;
        for &byte in self.0 {
            match byte {
                b'\\' => f.write_str("\\\\")?,
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                _ if char::from(byte) == quote => write!(f, "\\{quote}")?,
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        write!(f, "{quote}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn bytes_are_written_as_python_writes_them() {
        // Each right-hand side was taken from `print(...)` of CPython 3.
        let cases: [(&[u8], &str); 7] = [
            (b"hello", "b'hello'"),
            (b"", "b''"),
            (b"\x00\xff\x7f", r"b'\x00\xff\x7f'"),
            (b"it's", r#"b"it's""#),
            (b"'\"", r#"b'\'"'"#),
            (b"a\\b", r"b'a\\b'"),
            (b"\t\n\r", r"b'\t\n\r'"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(PyBytes(bytes).to_string(), expected);
        }
    }
}
