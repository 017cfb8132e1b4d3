//! Opens the way to an adapter.

use super::AdapterSpec;
use crate::fault::Fault;
use air::h4::RemoteController;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions};
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Resolving a name, a listener with a full queue, and a serial driver may all take for ever.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);

/// The controller at `spec`, ready for packets.
///
/// # Errors
/// It cannot be opened, or not within 5 s.
pub(crate) fn open(spec: &AdapterSpec) -> Result<RemoteController, Fault> {
    let (done, opened) = mpsc::channel();
    let theirs = spec.clone();
    let thread = std::thread::Builder::new().name("adapter".to_owned()).spawn(move || {
        // Nobody waits any more after the deadline: the stream is closed again.
        let _late = done.send(stream(&theirs));
    });
    let result = match thread {
        Ok(_) => opened.recv_timeout(OPEN_DEADLINE).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        Err(error) => Err(error),
    };
    let controller = result.and_then(RemoteController::new);
    controller.map_err(|error| Fault::new(format!("{spec} cannot be opened: {error}"), cure(spec, &error)))
}

fn stream(spec: &AdapterSpec) -> io::Result<OwnedFd> {
    match spec {
        AdapterSpec::Unix(path) => Ok(UnixStream::connect(path)?.into()),
        AdapterSpec::Tcp(address) => {
            let stream = TcpStream::connect(address.as_str())?;
            // Packets are small, and each is waited for.
            stream.set_nodelay(true)?;
            Ok(stream.into())
        }
        AdapterSpec::Serial(port, baud) => serial(port, *baud),
        AdapterSpec::Hci(number) => user_channel(*number),
    }
}

/// A serial port in raw mode, for this process alone.
fn serial(port: &Path, baud: u32) -> io::Result<OwnedFd> {
    // Without NONBLOCK, opening waits for a carrier that no controller gives.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let line = rustix::fs::open(port, flags, Mode::empty())?;
    rustix::fs::flock(&line, FlockOperation::NonBlockingLockExclusive)?;
    let mut settings = rustix::termios::tcgetattr(&line)?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD | ControlModes::CRTSCTS;
    settings.control_modes -= ControlModes::CSTOPB;
    settings.set_speed(baud)?;
    rustix::termios::tcsetattr(&line, OptionalActions::Flush, &settings)?;
    Ok(line)
}

#[cfg(target_os = "linux")]
fn user_channel(number: u16) -> io::Result<OwnedFd> {
    super::user_channel::open(number)
}

#[cfg(not(target_os = "linux"))]
fn user_channel(_number: u16) -> io::Result<OwnedFd> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has HCI user channels"))
}

/// What to do about it.
fn cure(spec: &AdapterSpec, error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match (spec, error.kind()) {
        (AdapterSpec::Hci(_), Kind::PermissionDenied) => {
            "taking a whole adapter needs the right CAP_NET_ADMIN: run as root, or give it to the program with \
             `sudo setcap cap_net_admin+ep` and its path"
                .to_owned()
        }
        (AdapterSpec::Hci(number), Kind::ResourceBusy) => {
            format!("the adapter is in use: `sudo systemctl stop bluetooth`, then `sudo hciconfig hci{number} down`")
        }
        (AdapterSpec::Hci(_), _) if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => {
            "this kernel has no Bluetooth, or a container hides it: `sudo modprobe bluetooth`, outside of containers"
                .to_owned()
        }
        (AdapterSpec::Hci(_), _) => "`ls /sys/class/bluetooth` shows the adapters that Linux has".to_owned(),
        (AdapterSpec::Serial(..), Kind::PermissionDenied) => {
            "add yourself to the group that owns the port (`ls -l` shows it), and log in again".to_owned()
        }
        (AdapterSpec::Serial(..), Kind::WouldBlock | Kind::ResourceBusy) => {
            "another program has the port: end it".to_owned()
        }
        (AdapterSpec::Serial(..), _) => "see that the controller is plugged in, and that this is its port".to_owned(),
        (AdapterSpec::Unix(_) | AdapterSpec::Tcp(_), _) => {
            "start what serves the controller first, and see that it listens there".to_owned()
        }
    }
}
