//! The serial ports of this machine that a board may be at.

use crate::fault::Fault;
use serialport::SerialPortType;
use std::path::{Path, PathBuf};

/// USB ids of the bridges and chips that boards come with: Silicon Labs CP210x, WCH CH340 and CH9102, FTDI FT232R and
/// Espressif's own.
const KNOWN: [(u16, u16, &str); 5] = [
    (0x10C4, 0xEA60, "CP210x"),
    (0x1A86, 0x7523, "CH340"),
    (0x1A86, 0x55D4, "CH9102"),
    (0x0403, 0x6001, "FT232R"),
    (0x303A, 0x1001, "USB-Serial-JTAG"),
];

/// A serial port with a board at it, as far as its USB id tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Where it is, as `/dev/ttyUSB0`.
    pub path: PathBuf,
    /// What it is.
    pub bridge: &'static str,
    /// The USB device's own number; the MAC address where the chip is the USB device.
    pub serial_number: Option<String>,
}

impl Port {
    /// A port that somebody named: whatever it is.
    #[must_use]
    pub fn named(path: &Path) -> Self {
        Self { path: path.to_owned(), bridge: "named", serial_number: None }
    }
}

/// The ports whose USB ids boards come with, in the order of their names.
///
/// # Errors
/// The operating system does not list its ports.
pub fn ports() -> Result<Vec<Port>, Fault> {
    let all = serialport::available_ports().map_err(|error| {
        Fault::new(format!("the serial ports cannot be listed: {error}"), "name the port with --board PORT")
    })?;
    let mut found: Vec<Port> = all.into_iter().filter_map(known).collect();
    found.sort();
    found.dedup_by(|one, other| one.path == other.path);
    Ok(found)
}

fn known(port: serialport::SerialPortInfo) -> Option<Port> {
    let SerialPortType::UsbPort(usb) = port.port_type else { return None };
    let (_, _, bridge) = KNOWN.into_iter().find(|(vid, pid, _)| (*vid, *pid) == (usb.vid, usb.pid))?;
    Some(Port { path: PathBuf::from(port.port_name), bridge, serial_number: usb.serial_number })
}

/// What espflash wants to know of a port: the USB ids decide how it resets the chip.
pub(crate) fn usb_info(path: &Path) -> serialport::UsbPortInfo {
    let none =
        serialport::UsbPortInfo { vid: 0, pid: 0, serial_number: None, manufacturer: None, product: None };
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let all = serialport::available_ports().unwrap_or_default();
    let port = all.into_iter().find(|port| Path::new(&port.port_name) == real);
    match port.map(|port| port.port_type) {
        Some(SerialPortType::UsbPort(usb)) => usb,
        _ => none,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usb(vid: u16, pid: u16) -> serialport::SerialPortInfo {
        let info =
            serialport::UsbPortInfo { vid, pid, serial_number: None, manufacturer: None, product: None };
        serialport::SerialPortInfo {
            port_name: "/dev/ttyX".to_owned(),
            port_type: SerialPortType::UsbPort(info),
        }
    }

    #[test]
    fn only_what_boards_come_with_is_taken_for_one() {
        assert_eq!(known(usb(0x303A, 0x1001)).unwrap().bridge, "USB-Serial-JTAG");
        assert_eq!(known(usb(0x0403, 0x6010)), None);
        let mut modem = usb(0x10C4, 0xEA60);
        modem.port_type = SerialPortType::PciPort;
        assert_eq!(known(modem), None);
    }

    #[test]
    fn the_ports_of_this_machine_can_be_listed() {
        assert!(ports().is_ok());
    }
}
