//! What the system's errors say: the device's ATT error code, where the system gives it away.
//!
//! BlueZ has the same words for what the device answered and for what it refuses by itself. By its
//! `src/gatt-client.c` (5.66 to 5.86; `create_gatt_dbus_error` makes the ones, each method the others):
//!
//! | method | from the device alone | also, or only, from BlueZ itself |
//! |---|---|---|
//! | `ReadValue` | 02, 03, 06, 07, 08, 0D, and each code shown as a number but 0E | `InProgress`, `InvalidArguments: Invalid arguments in method call`, `Failed: Failed to send read request` |
//! | `WriteValue`, type `request` | the same; 08 also for services that a plug-in of BlueZ has taken, which no plan here has | `NotPermitted: Write acquired`, `InProgress`, `Failed: Failed to initiate write` |
//! | `WriteValue`, type `command` | nothing: a command has no answer | `NotSupported` and all others |
//! | `WriteValue` of a CCCD | nothing: it is never sent | `NotPermitted: Write not permitted` |
//! | `StartNotify` | the same as `ReadValue` | `NotSupported` for a characteristic without notify and indicate, which is not asked for here; `NotPermitted: Notify acquired` |
//! | `StopNotify`, discovery | nothing: they are answered before or without the device | all |
//!
//! 0E stands for an answer that BlueZ cannot read, for a link that ended and for a time that ran out (`process_error`
//! in `src/shared/gatt-client.c`), so it is nobody's. `NotPermitted: Not paired` is 05, 0C or 0F.

use super::super::{Failure, UNSPECIFIED};
use crate::fault::Fault;

/// What to do about a Bluetooth service that does not do its work.
pub(super) const SERVICE_CURE: &str =
    "restart the system's Bluetooth service (on Linux `sudo systemctl restart bluetooth`) and run again";

/// An error of the service itself, before any device comes into it.
pub(super) fn of_service(error: &btleplug::Error) -> Fault {
    fault("asking the system for its Bluetooth adapters", error)
}

/// An error that no device has made.
pub(super) fn fault(what: &str, error: &btleplug::Error) -> Fault {
    let words = words(error);
    let cure = match &words {
        Words { name: Some(name), .. } => cure(name),
        _ => SERVICE_CURE,
    };
    Fault::new(format!("{what} failed: {words}"), cure)
}

/// What the system is asked to do with the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Discovery,
    Read,
    ReadDescriptor,
    Write,
    WriteCommand,
    WriteDescriptor,
    /// A write of a descriptor that the system keeps for itself.
    WriteCccd,
    Subscribe,
    Unsubscribe,
    #[cfg(target_os = "linux")]
    Pairing,
}

impl Method {
    /// Its name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Discovery => "the discovery",
            Self::Read => "a read",
            Self::ReadDescriptor => "a read of a descriptor",
            Self::Write => "a write",
            Self::WriteCommand => "a write command",
            Self::WriteDescriptor | Self::WriteCccd => "a write of a descriptor",
            Self::Subscribe => "subscribing",
            Self::Unsubscribe => "unsubscribing",
            #[cfg(target_os = "linux")]
            Self::Pairing => "pairing",
        }
    }

    /// An answer of the device to the request itself is what the system answers with.
    fn is_answered_by_device(self) -> bool {
        match self {
            Self::Read | Self::ReadDescriptor | Self::Write | Self::WriteDescriptor | Self::Subscribe => true,
            Self::Discovery | Self::WriteCommand | Self::WriteCccd | Self::Unsubscribe => false,
            #[cfg(target_os = "linux")]
            Self::Pairing => false,
        }
    }
}

/// What came of a request to the device.
pub(super) fn failure(method: Method, error: &btleplug::Error) -> Failure {
    if matches!(error, btleplug::Error::NotConnected) {
        return Failure::Gone(UNSPECIFIED);
    }
    let words = words(error);
    let Some(name) = &words.name else { return Failure::Hidden(words.to_string()) };
    match by_name(method, name, &words.message) {
        Meaning::Att(code) => Failure::Att(code),
        Meaning::Gone => Failure::Gone(UNSPECIFIED),
        Meaning::NoResponse => Failure::NoResponse,
        Meaning::Service => Failure::Rig(fault(method.name(), error)),
        Meaning::Unknown => Failure::Hidden(words.to_string()),
    }
}

/// An error as a person reads it.
struct Words {
    /// The D-Bus name of an error of BlueZ or of the bus.
    name: Option<String>,
    message: String,
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(target_os = "linux")]
fn words(error: &btleplug::Error) -> Words {
    use bluez_async::BluetoothError;
    if let btleplug::Error::Other(other) = error
        && let Some(BluetoothError::DbusError(error)) = other.downcast_ref::<BluetoothError>()
    {
        let message = error.message().unwrap_or_default().to_owned();
        return Words { name: error.name().map(str::to_owned), message };
    }
    Words { name: None, message: error.to_string() }
}

#[cfg(not(target_os = "linux"))]
fn words(error: &btleplug::Error) -> Words {
    Words { name: None, message: error.to_string() }
}

/// What an error of BlueZ or of the bus means.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// The device answered with this code.
    Att(u8),
    /// There is no link any more.
    Gone,
    /// Nothing came in time.
    NoResponse,
    /// The service has gone, or does not let us.
    Service,
    /// It may be the device's or the system's.
    Unknown,
}

fn by_name(method: Method, name: &str, message: &str) -> Meaning {
    const BLUEZ: &str = "org.bluez.Error.";
    const BUS: &str = "org.freedesktop.DBus.Error.";
    if let Some(kind) = name.strip_prefix(BLUEZ) {
        return match (kind, message) {
            ("NotConnected", _) | ("Failed", "Not connected") => Meaning::Gone,
            _ => answered(method, kind, message).map_or(Meaning::Unknown, Meaning::Att),
        };
    }
    match name.strip_prefix(BUS) {
        Some("NoReply" | "Timeout" | "TimedOut") => Meaning::NoResponse,
        // BlueZ takes the objects of a device away when the link has ended.
        Some("UnknownObject" | "UnknownMethod") => Meaning::Gone,
        Some("ServiceUnknown" | "NameHasNoOwner" | "Disconnected" | "AccessDenied") => Meaning::Service,
        _ => Meaning::Unknown,
    }
}

/// The code that the device must have answered with, where nothing else makes BlueZ say these words.
fn answered(method: Method, kind: &str, message: &str) -> Option<u8> {
    if !method.is_answered_by_device() {
        return None;
    }
    match (kind, message) {
        ("NotPermitted", "Read not permitted") => Some(0x02),
        ("NotPermitted", "Write not permitted") => Some(0x03),
        ("NotSupported", _) => Some(0x06),
        ("InvalidArguments", "Invalid offset") => Some(0x07),
        ("NotAuthorized", _) => Some(0x08),
        ("InvalidArguments", "Invalid Length") => Some(0x0D),
        ("Failed", message) => numbered(message).filter(|code| ![0, UNLIKELY_ERROR].contains(code)),
        _ => None,
    }
}

/// Core Vol 3 Part F 3.4.1.1.
const UNLIKELY_ERROR: u8 = 0x0E;

/// `Operation failed with ATT error: 0x80`; a later BlueZ puts words behind it.
fn numbered(message: &str) -> Option<u8> {
    let digits = message.strip_prefix("Operation failed with ATT error: 0x")?.get(..2)?;
    u8::from_str_radix(digits, 16).ok()
}

fn cure(name: &str) -> &'static str {
    match name {
        "org.bluez.Error.InProgress" => {
            "end other programs that use the adapter; if it stays, the adapter does not answer: unplug it, or switch it \
             off and on (on Linux `bluetoothctl power off`, then `power on`)"
        }
        "org.freedesktop.DBus.Error.AccessDenied" => {
            "join the group that may use Bluetooth (often `bluetooth`) and log in again, or run as root"
        }
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
            "start the system's Bluetooth service: `sudo systemctl start bluetooth`"
        }
        "org.freedesktop.DBus.Error.FileNotFound" | "org.freedesktop.DBus.Error.NoServer" => {
            "start the system's message bus: `sudo systemctl start dbus`"
        }
        _ => SERVICE_CURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_taken_from_what_bluez_says_and_never_guessed() {
        for (name, message, meaning) in [
            ("org.bluez.Error.NotPermitted", "Read not permitted", Meaning::Att(0x02)),
            ("org.bluez.Error.NotPermitted", "Write not permitted", Meaning::Att(0x03)),
            ("org.bluez.Error.NotPermitted", "Write acquired", Meaning::Unknown),
            ("org.bluez.Error.NotPermitted", "Notify acquired", Meaning::Unknown),
            ("org.bluez.Error.NotPermitted", "Not paired", Meaning::Unknown),
            ("org.bluez.Error.NotSupported", "Operation is not supported", Meaning::Att(0x06)),
            ("org.bluez.Error.InvalidArguments", "Invalid offset", Meaning::Att(0x07)),
            ("org.bluez.Error.NotAuthorized", "Operation Not Authorized", Meaning::Att(0x08)),
            ("org.bluez.Error.InvalidArguments", "Invalid Length", Meaning::Att(0x0D)),
            ("org.bluez.Error.InvalidArguments", "Invalid arguments in method call", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0a", Meaning::Att(0x0A)),
            (
                "org.bluez.Error.Failed",
                "Operation failed with ATT error: 0x80 (Application)",
                Meaning::Att(0x80),
            ),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x00", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Failed to send read request", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Not connected", Meaning::Gone),
            ("org.bluez.Error.NotConnected", "Not Connected", Meaning::Gone),
            ("org.bluez.Error.InProgress", "In Progress", Meaning::Unknown),
            ("org.freedesktop.DBus.Error.NoReply", "Did not receive a reply.", Meaning::NoResponse),
            ("org.freedesktop.DBus.Error.ServiceUnknown", "", Meaning::Service),
            ("org.freedesktop.DBus.Error.UnknownObject", "", Meaning::Gone),
            ("org.example.Error", "", Meaning::Unknown),
        ] {
            for method in [
                Method::Read,
                Method::ReadDescriptor,
                Method::Write,
                Method::WriteDescriptor,
                Method::Subscribe,
            ] {
                assert_eq!(by_name(method, name, message), meaning, "{method:?} {name} {message}");
            }
            // These words are BlueZ's own where the device is not asked, or cannot answer.
            for method in [Method::Discovery, Method::WriteCommand, Method::WriteCccd, Method::Unsubscribe] {
                let meaning = match &meaning {
                    Meaning::Att(_) => &Meaning::Unknown,
                    other => other,
                };
                assert_eq!(&by_name(method, name, message), meaning, "{method:?} {name} {message}");
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_error_of_the_bus_is_found_within_that_of_the_library() {
        let denied = dbus::Error::new_custom("org.bluez.Error.NotPermitted", "Read not permitted");
        let error = btleplug::Error::Other(Box::new(bluez_async::BluetoothError::DbusError(denied)));
        assert_eq!(failure(Method::Read, &error), Failure::Att(0x02));
        let other = btleplug::Error::Other("Service with UUID 1 not found.".into());
        assert_eq!(failure(Method::Read, &other), Failure::Hidden("Service with UUID 1 not found.".into()));
    }
}
