//! What the system's errors say: the device's ATT error code, where the system gives it away.

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

/// What came of a request to the device.
pub(super) fn failure(what: &str, error: &btleplug::Error) -> Failure {
    if matches!(error, btleplug::Error::NotConnected) {
        return Failure::Gone(UNSPECIFIED);
    }
    let words = words(error);
    let Some(name) = &words.name else { return Failure::Hidden(words.to_string()) };
    match by_name(name, &words.message) {
        Meaning::Att(code) => Failure::Att(code),
        Meaning::Gone => Failure::Gone(UNSPECIFIED),
        Meaning::NoResponse => Failure::NoResponse,
        Meaning::Service => Failure::Rig(fault(what, error)),
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

/// BlueZ gives some codes a name of their own (`create_gatt_dbus_error` in its `src/gatt-client.c`), and all others as
/// a number. 05, 0C and 0F it answers by pairing.
fn by_name(name: &str, message: &str) -> Meaning {
    const BLUEZ: &str = "org.bluez.Error.";
    const BUS: &str = "org.freedesktop.DBus.Error.";
    if let Some(kind) = name.strip_prefix(BLUEZ) {
        return match (kind, message) {
            ("NotPermitted", "Read not permitted") => Meaning::Att(0x02),
            ("NotPermitted", "Write not permitted") => Meaning::Att(0x03),
            ("NotSupported", _) => Meaning::Att(0x06),
            ("InvalidArguments", "Invalid offset") => Meaning::Att(0x07),
            ("NotAuthorized", _) => Meaning::Att(0x08),
            ("InvalidArguments", "Invalid Length") => Meaning::Att(0x0D),
            ("NotConnected", _) | ("Failed", "Not connected") => Meaning::Gone,
            ("Failed", message) => numbered(message),
            _ => Meaning::Unknown,
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

/// `Operation failed with ATT error: 0x80`; a later BlueZ puts words behind it. The code 0 is none: the link ended.
fn numbered(message: &str) -> Meaning {
    let digits = message.strip_prefix("Operation failed with ATT error: 0x").and_then(|rest| rest.get(..2));
    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(0) => Meaning::Gone,
        Some(code) => Meaning::Att(code),
        None => Meaning::Unknown,
    }
}

fn cure(name: &str) -> &'static str {
    match name {
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
            ("org.bluez.Error.NotSupported", "Operation is not supported", Meaning::Att(0x06)),
            ("org.bluez.Error.InvalidArguments", "Invalid offset", Meaning::Att(0x07)),
            ("org.bluez.Error.NotAuthorized", "Operation Not Authorized", Meaning::Att(0x08)),
            ("org.bluez.Error.InvalidArguments", "Invalid Length", Meaning::Att(0x0D)),
            ("org.bluez.Error.InvalidArguments", "Invalid arguments in method call", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e", Meaning::Att(0x0E)),
            (
                "org.bluez.Error.Failed",
                "Operation failed with ATT error: 0x80 (Application)",
                Meaning::Att(0x80),
            ),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x00", Meaning::Gone),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x", Meaning::Unknown),
            ("org.bluez.Error.Failed", "Not connected", Meaning::Gone),
            ("org.bluez.Error.InProgress", "In Progress", Meaning::Unknown),
            ("org.freedesktop.DBus.Error.NoReply", "Did not receive a reply.", Meaning::NoResponse),
            ("org.freedesktop.DBus.Error.ServiceUnknown", "", Meaning::Service),
            ("org.freedesktop.DBus.Error.UnknownObject", "", Meaning::Gone),
            ("org.example.Error", "", Meaning::Unknown),
        ] {
            assert_eq!(by_name(name, message), meaning, "{name} {message}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_error_of_the_bus_is_found_within_that_of_the_library() {
        let denied = dbus::Error::new_custom("org.bluez.Error.NotPermitted", "Read not permitted");
        let error = btleplug::Error::Other(Box::new(bluez_async::BluetoothError::DbusError(denied)));
        assert_eq!(failure("a read", &error), Failure::Att(0x02));
        let other = btleplug::Error::Other("Service with UUID 1 not found.".into());
        assert_eq!(failure("a read", &other), Failure::Hidden("Service with UUID 1 not found.".into()));
    }
}
