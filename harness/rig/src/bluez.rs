//! Linux's Bluetooth service, bluetoothd, as the system's message bus shows it: whether it is there, and what its
//! adapters are like.

use crate::fault::Fault;
use dbus::Message;
use dbus::arg::PropMap;
use dbus::blocking::Connection;
use dbus::blocking::stdintf::org_freedesktop_dbus::{ObjectManager as _, Properties as _};
use dbus::message::MatchRule;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

const SERVICE: &str = "org.bluez";
const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";
/// The bus's own interface, and its name in errors.
const BUS: &str = "org.freedesktop.DBus";

/// What the service knows, it says at once.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// It is looked again after each word of the service, and after this time.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// An adapter that the service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// `hci0`.
    pub name: String,
    /// It is on.
    pub powered: bool,
}

/// A device that the service knows: it has heard it, or remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Below `/org/bluez/`: `hci0/dev_C0_11_22_33_44_55`.
    pub id: String,
    /// Its name and address, as a person knows it.
    pub shown: String,
    /// `C0:11:22:33:44:55`.
    pub address: String,
    /// There is a link to it, of whatever program.
    pub connected: bool,
    /// There is a bond with it, of whatever program.
    pub paired: bool,
}

impl Device {
    /// Why no run can use it: BlueZ has one link for all programs, and what a run uses, it ends and forgets.
    #[must_use]
    pub fn taken(&self) -> Option<Fault> {
        let Self { shown, address, .. } = self;
        self.connected.then(|| {
            Fault::new(
                format!(
                    "{shown} is connected to this machine already, by another program or by the system itself"
                ),
                format!("end that program, then `bluetoothctl disconnect {address}`"),
            )
        })
    }

    /// Why a run would not see it as a stranger does: a bond that no scenario made.
    #[must_use]
    pub fn bonded(&self) -> Option<Fault> {
        let Self { shown, address, .. } = self;
        self.paired.then(|| {
            Fault::new(
                format!("{shown} is paired with this machine, which would encrypt each link; a run ends without a bond"),
                format!("`bluetoothctl remove {address}` ends the pairing, or use another adapter: --central att:..."),
            )
        })
    }
}

/// The devices that the service knows.
///
/// # Errors
/// As for [`adapters`].
pub fn devices() -> Result<Vec<Device>, Fault> {
    let bus = connect()?;
    let objects = bus.with_proxy(SERVICE, "/", ANSWER_DEADLINE).get_managed_objects();
    let objects = objects.map_err(|error| fault(&error))?;
    let device = |path: &dbus::Path, properties: &PropMap| {
        let text = |name| dbus::arg::prop_cast::<String>(properties, name).cloned().unwrap_or_default();
        let is = |name| dbus::arg::prop_cast::<bool>(properties, name).copied().unwrap_or(false);
        let (name, address) = (text("Name"), text("Address"));
        Device {
            id: path.trim_start_matches("/org/bluez/").to_owned(),
            shown: if name.is_empty() { address.clone() } else { format!("{name:?} ({address})") },
            address,
            connected: is("Connected"),
            paired: is("Paired"),
        }
    };
    let mut devices: Vec<_> = objects
        .iter()
        .filter_map(|(path, interfaces)| interfaces.get(DEVICE).map(|properties| device(path, properties)))
        .collect();
    devices.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(devices)
}

/// What the service's adapters are like.
///
/// # Errors
/// There is no bus, no service on it, no permission, or no answer.
pub fn adapters() -> Result<Vec<Adapter>, Fault> {
    let bus = connect()?;
    list(&bus).map_err(|error| fault(&error))
}

/// Waits until the service has the adapter with this name, and switches it on.
///
/// # Errors
/// Not so within `deadline`, and what it was waited for; or it can never be so.
pub fn await_adapter(name: &str, deadline: Duration) -> Result<(), Fault> {
    let missing = Arc::new(Mutex::new(Fault::new("the message bus of the system does not answer", BUS_CURE)));
    let given_up = Arc::new(AtomicBool::new(false));
    let (done, ready) = mpsc::channel();
    let (name, noted, stop) = (name.to_owned(), missing.clone(), given_up.clone());
    let waiting = move || {
        let _nobody_waits = done.send(wait(&name, &noted, &stop));
    };
    let thread = std::thread::Builder::new().name("bluetoothd".to_owned()).spawn(waiting);
    thread.map_err(|error| Fault::new(format!("no thread: {error}"), "end other programs and run again"))?;
    ready.recv_timeout(deadline).unwrap_or_else(|_| {
        given_up.store(true, Ordering::Relaxed);
        let Fault { cause, cure } = missing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(Fault::new(format!("{cause}, for {} s", deadline.as_secs_f32().round()), cure))
    })
}

/// Waits without a deadline, until told to stop. Notes what is missing yet.
fn wait(name: &str, missing: &Mutex<Fault>, stop: &AtomicBool) -> Result<(), Fault> {
    let bus = connect()?;
    // Before the first look, so that no word is missed.
    let mut changes = MatchRule::new_signal(BUS, "NameOwnerChanged");
    changes.sender = Some(BUS.into());
    let mut words = MatchRule::new();
    words.sender = Some(SERVICE.into());
    for rule in [changes, words] {
        bus.add_match(rule, |(): (), _, _: &Message| true).map_err(|error| fault(&error))?;
    }
    while !stop.load(Ordering::Relaxed) {
        let Some(not_yet) = look(&bus, name)? else { return Ok(()) };
        *missing.lock().unwrap_or_else(PoisonError::into_inner) = not_yet;
        bus.process(LOOK_INTERVAL).map_err(|error| fault(&error))?;
    }
    Ok(())
}

/// What is missing yet; nothing when the adapter is ready.
///
/// # Errors
/// What no waiting helps against.
fn look(bus: &Connection, name: &str) -> Result<Option<Fault>, Fault> {
    let adapters = match list(bus) {
        Ok(adapters) => adapters,
        Err(error) if may_pass(&error) => return Ok(Some(fault(&error))),
        Err(error) => return Err(fault(&error)),
    };
    match adapters.iter().find(|adapter| adapter.name == name) {
        Some(Adapter { powered: true, .. }) => Ok(None),
        Some(_) => switch_on(bus, name),
        None => Ok(Some(Fault::new(
            format!("bluetoothd does not take {name}"),
            "see what it says: `journalctl --unit bluetooth`, and what the kernel says: `sudo dmesg | tail`",
        ))),
    }
}

/// What is missing yet, for an adapter that is off.
fn switch_on(bus: &Connection, name: &str) -> Result<Option<Fault>, Fault> {
    let proxy = bus.with_proxy(SERVICE, format!("/org/bluez/{name}"), ANSWER_DEADLINE);
    let off = || off(name);
    match proxy.set(ADAPTER, "Powered", true) {
        Err(error) if error.name() == Some("org.bluez.Error.Blocked") => Err(off()),
        Err(error) if error.name() == Some("org.freedesktop.DBus.Error.AccessDenied") => Err(fault(&error)),
        // It may be busy with switching itself on.
        Ok(()) | Err(_) => Ok(Some(off())),
    }
}

/// An adapter is off.
#[must_use]
pub fn off(name: &str) -> Fault {
    Fault::new(
        format!("the Bluetooth adapter {name} is off"),
        "`rfkill list` shows what holds it off: a switch of the machine, or `rfkill unblock bluetooth` lets it go; then \
         `bluetoothctl power on`",
    )
}

const BUS_CURE: &str =
    "start it: `sudo systemctl start dbus`; in a container, mount /run/dbus/system_bus_socket";

fn connect() -> Result<Connection, Fault> {
    Connection::new_system().map_err(|error| {
        let why = error.message().unwrap_or("it gives no reason");
        Fault::new(format!("the message bus of the system cannot be reached: {why}"), BUS_CURE)
    })
}

fn list(bus: &Connection) -> Result<Vec<Adapter>, dbus::Error> {
    let objects = bus.with_proxy(SERVICE, "/", ANSWER_DEADLINE).get_managed_objects()?;
    let adapter = |path: &dbus::Path, properties: &PropMap| Adapter {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        powered: dbus::arg::prop_cast::<bool>(properties, "Powered").copied().unwrap_or(false),
    };
    let mut adapters: Vec<_> = objects
        .iter()
        .filter_map(|(path, interfaces)| interfaces.get(ADAPTER).map(|properties| adapter(path, properties)))
        .collect();
    adapters.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(adapters)
}

/// Whether it may be over in a moment: the service is starting, or starts anew.
fn may_pass(error: &dbus::Error) -> bool {
    let kind = error.name().and_then(|name| name.strip_prefix("org.freedesktop.DBus.Error."));
    matches!(kind, Some("ServiceUnknown" | "NameHasNoOwner" | "NoReply" | "UnknownObject" | "UnknownMethod"))
}

/// An error of the bus, as the bench's.
fn fault(error: &dbus::Error) -> Fault {
    // The bus lists possible causes after its first sentence, and all that it knows of a message after a semicolon.
    let message = error.message().unwrap_or_default();
    let message = message.split([';', '.']).next().unwrap_or_default();
    match error.name().and_then(|name| name.strip_prefix("org.freedesktop.DBus.Error.")) {
        Some("ServiceUnknown" | "NameHasNoOwner" | "UnknownObject" | "UnknownMethod") => Fault::new(
            "bluetoothd does not run: nobody has the name org.bluez on the system's message bus",
            "start it: `sudo systemctl start bluetooth`; it comes with the package bluez",
        ),
        Some("AccessDenied") => Fault::new(
            format!("the message bus keeps this user from bluetoothd: {message}"),
            "join the group that may use it, often `bluetooth`, and log in again; or run as root",
        ),
        Some("NoReply" | "Timeout" | "TimedOut") => Fault::new(
            format!("bluetoothd does not answer: {message}"),
            "restart it: `sudo systemctl restart bluetooth`",
        ),
        Some("Disconnected") => Fault::new("the message bus of the system has gone", BUS_CURE),
        _ => Fault::new(
            format!(
                "asking bluetoothd failed: {}: {message}",
                error.name().unwrap_or("an error without a name")
            ),
            "restart it: `sudo systemctl restart bluetooth`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_others_use_is_no_runs() {
        let id = "hci0/dev_C0_11_22_33_44_55".to_owned();
        let (shown, address) = ("\"Lamp\" (C0:11:22:33:44:55)".to_owned(), "C0:11:22:33:44:55".to_owned());
        let free = Device { id, shown, address, connected: false, paired: false };
        assert_eq!((free.taken(), free.bonded()), (None, None));
        let taken = Device { connected: true, ..free.clone() }.taken().unwrap();
        assert!(taken.cause.contains("\"Lamp\" (C0:11:22:33:44:55) is connected"), "{taken:?}");
        assert!(taken.cure.contains("bluetoothctl disconnect C0:11:22:33:44:55"), "{taken:?}");
        let bonded = Device { paired: true, ..free }.bonded().unwrap();
        assert!(bonded.cure.contains("bluetoothctl remove C0:11:22:33:44:55"), "{bonded:?}");
    }

    #[test]
    fn each_error_of_the_bus_has_cause_and_cure() {
        let error = |kind| dbus::Error::new_custom(format!("org.freedesktop.DBus.Error.{kind}"), "words");
        for (kind, cause, passes) in [
            ("ServiceUnknown", "bluetoothd does not run", true),
            ("NameHasNoOwner", "bluetoothd does not run", true),
            ("AccessDenied", "keeps this user from bluetoothd: words", false),
            ("NoReply", "does not answer: words", true),
            ("Disconnected", "has gone", false),
            ("Failed", "org.freedesktop.DBus.Error.Failed: words", false),
        ] {
            let error = error(kind);
            assert!(fault(&error).cause.contains(cause), "{:?}", fault(&error));
            assert_eq!(may_pass(&error), passes, "{kind}");
        }
    }
}
