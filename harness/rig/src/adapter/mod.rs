//! Bluetooth adapters: where one is, and the way to it.
//!
//! A central is named by [`CentralSpec`]: one of our own on an adapter, or the operating system's.

mod open;
#[cfg(target_os = "linux")]
mod user_channel;

pub(crate) use open::open;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which central a run uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CentralSpec {
    /// `att:...`: our own, on this adapter.
    Att(AdapterSpec),
    /// `btleplug[:ADAPTER]`: the operating system's stack, on the only adapter that it has or on the one that it calls so.
    System(Option<String>),
}

/// What is no [`CentralSpec`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write att:unix:PATH, att:tcp:HOST:PORT, att:serial:PORT[:BAUD], att:hci0, or btleplug[:ADAPTER]")]
pub struct BadCentral;

impl FromStr for CentralSpec {
    type Err = BadCentral;

    fn from_str(text: &str) -> Result<Self, BadCentral> {
        match text.strip_prefix("btleplug") {
            Some("") => Ok(Self::System(None)),
            Some(rest) => match rest.strip_prefix(':') {
                Some(name) if !name.is_empty() => Ok(Self::System(Some(name.to_owned()))),
                _ => Err(BadCentral),
            },
            None => text.parse().map(Self::Att).map_err(|_| BadCentral),
        }
    }
}

/// Baud rate of a serial controller, where none is given: what most firmware images for H4 use.
const BAUD: u32 = 115_200;

/// Where a controller is that speaks H4, or that Linux gives as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdapterSpec {
    /// `att:unix:PATH`: a Unix socket.
    Unix(PathBuf),
    /// `att:tcp:HOST:PORT`.
    Tcp(String),
    /// `att:serial:PORT[:BAUD]`: a serial port, with RTS/CTS flow control (Core Vol 4 Part A 2).
    Serial(PathBuf, u32),
    /// `att:hci0`: the Linux HCI user channel of an adapter.
    Hci(u16),
}

/// What is no [`AdapterSpec`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write att:unix:PATH, att:tcp:HOST:PORT, att:serial:PORT[:BAUD] or att:hci0")]
pub struct BadAdapter;

impl FromStr for AdapterSpec {
    type Err = BadAdapter;

    fn from_str(text: &str) -> Result<Self, BadAdapter> {
        let rest = text.strip_prefix("att:").ok_or(BadAdapter)?;
        if let Some(number) = rest.strip_prefix("hci").filter(|it| it.bytes().all(|it| it.is_ascii_digit())) {
            return number.parse().map(Self::Hci).map_err(|_| BadAdapter);
        }
        match rest.split_once(':') {
            Some((_, "")) | None => Err(BadAdapter),
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) => match address.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Tcp(address.to_owned()))
                }
                _ => Err(BadAdapter),
            },
            Some(("serial", port)) => match port.rsplit_once(':') {
                // By-path names of serial ports have colons of their own.
                Some((port, baud)) if baud.parse::<u32>().is_ok_and(|baud| baud > 0) && !port.is_empty() => {
                    Ok(Self::Serial(port.into(), baud.parse().map_err(|_| BadAdapter)?))
                }
                _ => Ok(Self::Serial(port.into(), BAUD)),
            },
            Some(_) => Err(BadAdapter),
        }
    }
}

impl fmt::Display for AdapterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "att:unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "att:tcp:{address}"),
            Self::Serial(port, BAUD) => write!(f, "att:serial:{}", port.display()),
            Self::Serial(port, baud) => write!(f, "att:serial:{}:{baud}", port.display()),
            Self::Hci(number) => write!(f, "att:hci{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_and_shown_as_it_was_written() {
        for (text, spec) in [
            ("att:unix:/tmp/c.sock", AdapterSpec::Unix("/tmp/c.sock".into())),
            ("att:unix:odd:name", AdapterSpec::Unix("odd:name".into())),
            ("att:tcp:localhost:9000", AdapterSpec::Tcp("localhost:9000".into())),
            ("att:tcp:[::1]:9000", AdapterSpec::Tcp("[::1]:9000".into())),
            ("att:serial:/dev/ttyUSB0", AdapterSpec::Serial("/dev/ttyUSB0".into(), 115_200)),
            ("att:serial:/dev/ttyUSB0:1000000", AdapterSpec::Serial("/dev/ttyUSB0".into(), 1_000_000)),
            ("att:serial:/dev/pci-0:1.0-port0", AdapterSpec::Serial("/dev/pci-0:1.0-port0".into(), 115_200)),
            ("att:hci12", AdapterSpec::Hci(12)),
        ] {
            assert_eq!(text.parse(), Ok(spec), "{text}");
            assert_eq!(text.parse::<AdapterSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_systems_stack_is_named_with_or_without_its_adapter() {
        assert_eq!("btleplug".parse(), Ok(CentralSpec::System(None)));
        assert_eq!("btleplug:hci1".parse(), Ok(CentralSpec::System(Some("hci1".into()))));
        assert_eq!("att:hci1".parse(), Ok(CentralSpec::Att(AdapterSpec::Hci(1))));
        for text in ["btleplug:", "btleplugs", "btleplug hci0", "hci0", ""] {
            assert_eq!(text.parse::<CentralSpec>(), Err(BadCentral), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        for text in [
            "",
            "att",
            "att:",
            "hci0",
            "att:hci",
            "att:hci70000",
            "att:hcix",
            "att:unix:",
            "att:unix",
            "att:tcp:",
            "att:tcp:9000",
            "att:tcp::9000",
            "att:tcp:host:port",
            "att:tcp:host:70000",
            "att:serial:",
            "att:usb:1",
            "btleplug",
        ] {
            assert_eq!(text.parse::<AdapterSpec>(), Err(BadAdapter), "{text}");
        }
    }
}
