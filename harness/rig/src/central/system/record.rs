//! What BlueZ remembers of a device: its attributes and its bond.

use super::{BtleplugCentral, errors};
use crate::fault::Fault;
use btleplug::api::Peripheral as _;
use dbus::Path;
use dbus::blocking::Connection;
use embassy_time::Duration;

/// BlueZ takes 2 s to end a link before it forgets the device.
const REMOVE_DEADLINE: Duration = Duration::from_secs(12);
/// Somebody has removed it already.
const ALREADY_GONE: [&str; 2] = ["org.bluez.Error.DoesNotExist", "org.freedesktop.DBus.Error.UnknownObject"];

impl BtleplugCentral<'_> {
    /// Makes the system forget the device: neither its attributes nor a bond are there at the next connection. The
    /// library has no call for it.
    pub(super) async fn forget(&self) -> Result<(), Fault> {
        let Some(device) = self.link.borrow().as_ref().map(|link| link.peripheral.id().to_string()) else {
            return Ok(());
        };
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
