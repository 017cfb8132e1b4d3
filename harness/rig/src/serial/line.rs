//! One serial port as a stream, for a bench in real time.

use crate::fault::Fault;
use async_io::Async;
use embedded_io_async::{ErrorType, Read, Write};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, QueueSelector};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Baud rate of the control link: that of the ROM's boot text on every chip with the usual crystal.
const BAUD: u32 = 115_200;

/// An open serial port in raw mode, this process's alone. Reads are cancel-safe.
///
/// Opening resets no board: the operating system asserts DTR and RTS together, which the boards' two-transistor
/// circuit takes for neither, and they stay as they are when the port is closed.
#[derive(Debug)]
pub struct SerialLine {
    port: Async<OwnedFd>,
}

impl SerialLine {
    /// Opens the port at `path`.
    ///
    /// # Errors
    /// It is not there, belongs to somebody else, or is no serial port.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let opened = open(path).and_then(Async::new);
        let port = opened.map_err(|error| cannot_open(path, &error))?;
        Ok(Self { port })
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    // Without NONBLOCK, opening waits for a carrier that boards do not give.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = rustix::fs::open(path, flags, Mode::empty())?;
    rustix::termios::ioctl_tiocexcl(&port)?;
    rustix::fs::flock(&port, FlockOperation::NonBlockingLockExclusive)?;
    let mut settings = rustix::termios::tcgetattr(&port)?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    settings.control_modes -= ControlModes::CSTOPB | ControlModes::CRTSCTS | ControlModes::HUPCL;
    settings.set_speed(BAUD)?;
    rustix::termios::tcsetattr(&port, OptionalActions::Now, &settings)?;
    Ok(port)
}

fn cannot_open(path: &Path, error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    let path = path.display();
    let (what, cure) = match error.kind() {
        Kind::NotFound => {
            ("is not there".to_owned(), "plug the board in; `gattest boards` lists the ports".to_owned())
        }
        Kind::PermissionDenied => (
            "does not belong to you".to_owned(),
            format!("install the rules of ci/udev, or add yourself to the group that `ls -l {path}` shows"),
        ),
        Kind::WouldBlock | Kind::ResourceBusy => {
            ("is in use by another program".to_owned(), format!("end that program; `fuser {path}` names it"))
        }
        _ if Errno::from_io_error(error) == Some(Errno::NOTTY) => {
            ("is no serial port".to_owned(), "name a serial port; `gattest boards` lists them".to_owned())
        }
        _ => (format!("cannot be opened: {error}"), "plug the board out and in again".to_owned()),
    };
    Fault::new(format!("the port {path} {what}"), cure)
}

impl Drop for SerialLine {
    fn drop(&mut self) {
        // Closing a port waits for what is unsent, and a board that does not take it would hold everything up.
        let _ = rustix::termios::tcflush(&self.port, QueueSelector::OFlush);
        // A pseudo-terminal keeps this when it is closed, and then only root could open it again.
        let _ = rustix::termios::ioctl_tiocnxcl(&self.port);
    }
}

impl ErrorType for SerialLine {
    type Error = io::Error;
}

impl Read for SerialLine {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.port.read_with(|port| Ok(rustix::io::read(port, &mut *buf)?)).await
    }
}

impl Write for SerialLine {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.port.write_with(|port| Ok(rustix::io::write(port, buf)?)).await
    }

    /// What was written is the driver's; nobody needs to know when the last bit has left.
    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
