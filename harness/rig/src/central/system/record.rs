//! What BlueZ remembers of a device: its attributes and its bond.

use super::{BtleplugCentral, errors};
use crate::bluez;
use crate::fault::Fault;
use btleplug::api::Peripheral as _;
use btleplug::platform::Peripheral;
use dbus::Path;
use dbus::blocking::Connection;
use embassy_time::Duration;

/// BlueZ takes 2 s to end a link before it forgets the device.
const REMOVE_DEADLINE: Duration = Duration::from_secs(12);
/// Somebody has removed it already.
const ALREADY_GONE: [&str; 2] = ["org.bluez.Error.DoesNotExist", "org.freedesktop.DBus.Error.UnknownObject"];

impl BtleplugCentral<'_> {
    /// Fails where others use one of these devices: their link would be used here, ended and forgotten. BlueZ does not
    /// say to whom a link or a bond belongs; before a scenario's first link, neither is its own.
    pub(super) async fn check_free(&self, peripherals: &[Peripheral]) -> Result<(), Fault> {
        self.check_untaken(peripherals, !self.met.get()).await
    }

    /// The same; bonds are looked at or not.
    pub(super) async fn check_untaken(&self, peripherals: &[Peripheral], bonds: bool) -> Result<(), Fault> {
        let known = self.known_devices().await?;
        let ids: Vec<String> = peripherals.iter().map(|peripheral| peripheral.id().to_string()).collect();
        let mut theirs = known.iter().filter(|device| ids.contains(&device.id));
        match theirs.find_map(|device| device.taken().or_else(|| device.bonded().filter(|_| bonds))) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    async fn known_devices(&self) -> Result<Vec<bluez::Device>, Fault> {
        let asking = async {
            let listed = tokio::task::spawn_blocking(bluez::devices).await;
            listed.map_err(|error| btleplug::Error::Other(Box::new(error)))
        };
        self.local("listing the devices that the system knows", asking).await?
    }

    /// Fails where the system has paired with the device and no step has: it does so when the device refuses a request
    /// for want of security, and shows but the answer that comes then. Nothing else would say what the device did.
    pub(super) async fn check_unpaired(&self) -> Result<(), Fault> {
        let id = self.link.borrow().as_ref().map(|link| link.peripheral.id().to_string());
        if self.paired.get()
            || !self.known_devices().await?.iter().any(|one| one.paired && Some(&one.id) == id.as_ref())
        {
            return Ok(());
        }
        Err(Fault::new(
            "the device asked for security that no step gives, and the system paired with it behind the scenario's back",
            "if it should not ask, correct what its attributes need; if it should, begin with `pair`; --central att:... \
             shows the device's own answer",
        ))
    }

    /// Makes the system forget the device: neither its attributes nor a bond are there at the next connection. The
    /// library has no call for it.
    pub(super) async fn forget(&self, peripheral: &Peripheral) -> Result<(), Fault> {
        let device = peripheral.id().to_string();
        let work = async move {
            let removed = tokio::task::spawn_blocking(move || remove(&device)).await;
            removed.map_err(|error| btleplug::Error::Other(Box::new(error)))?.map_err(|error| {
                btleplug::Error::Other(Box::new(bluez_async::BluetoothError::DbusError(error)))
            })
        };
        let what = "forgetting the device";
        self.call(what, REMOVE_DEADLINE, work).await?.map_err(|error| errors::fault(what, &error))
    }
}

/// `Adapter1.RemoveDevice`. `device` is its path below `/org/bluez/`: adapter and device.
fn remove(device: &str) -> Result<(), dbus::Error> {
    let adapter = device.split('/').next().unwrap_or_default();
    let path =
        |name: &str| Path::new(format!("/org/bluez/{name}")).map_err(|why| dbus::Error::new_failed(&why));
    let (adapter, device) = (path(adapter)?, path(device)?);
    let connection = Connection::new_system()?;
    let timeout = std::time::Duration::from_secs(REMOVE_DEADLINE.as_secs());
    let proxy = connection.with_proxy("org.bluez", adapter, timeout);
    match proxy.method_call("org.bluez.Adapter1", "RemoveDevice", (device,)) {
        Err(error) if error.name().is_some_and(|name| ALREADY_GONE.contains(&name)) => Ok(()),
        result => result,
    }
}
