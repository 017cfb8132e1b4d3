//! The pseudo-terminal that stands for the board's serial port.

use super::stream::{OnHangUp, Stream};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The port, and the link to it by another name.
#[derive(Debug)]
pub(super) struct Pty {
    pub(super) stream: Stream,
    path: PathBuf,
    link: Option<PathBuf>,
}

impl Pty {
    /// Makes a port at this speed. `link` becomes a symbolic link to it, in the place of one that is there.
    pub(super) fn open(baud: u32, link: Option<&Path>) -> io::Result<Self> {
        let board_side = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&board_side)?;
        unlockpt(&board_side)?;
        let path = PathBuf::from(OsString::from_vec(ptsname(&board_side, Vec::new())?.into_bytes()));
        // Nothing is known of the port's other side before it was opened once.
        let host_side = open_host_side(&path)?;
        let mut settings = tcgetattr(&host_side)?;
        settings.make_raw();
        settings.set_speed(baud)?;
        tcsetattr(&host_side, OptionalActions::Now, &settings)?;
        drop(host_side);
        if let Some(link) = link {
            if link.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                std::fs::remove_file(link)?;
            }
            std::os::unix::fs::symlink(&path, link)?;
        }
        let port = path.clone();
        let stream = Stream::new(board_side, OnHangUp::Wait(Box::new(move || forget_unread(&port))))?;
        Ok(Self { stream, path, link: link.map(Path::to_path_buf) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The speed that the host has set, in baud.
    pub(super) fn host_baud(&self) -> Option<u32> {
        tcgetattr(self.stream.fd()).ok().map(|settings| settings.output_speed())
    }
}

/// Drops what the host did not read before it closed the port, so that whoever opens it next does not read it.
fn forget_unread(path: &Path) {
    let forget = || tcflush(open_host_side(path)?, QueueSelector::IFlush);
    let _nothing_to_forget = forget();
}

fn open_host_side(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(link) = &self.link
            && std::fs::read_link(link).is_ok_and(|target| target == self.path)
        {
            let _gone_already = std::fs::remove_file(link);
        }
    }
}
