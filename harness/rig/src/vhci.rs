//! A controller for the operating system's own stack: Linux's `/dev/vhci`, where each read and each write is one H4
//! packet, as at a HCI user channel, but with the controller on this side.

use crate::fault::Fault;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Where Linux takes controllers that programs play.
pub(crate) const DEVICE: &str = "/dev/vhci";

/// What asks for a controller, and what the kernel answers with: `HCI_VENDOR_PKT` of its `hci.h`.
const VENDOR_PACKET: u8 = 0xFF;

/// A controller like any other: `HCI_PRIMARY` of the kernel's `hci.h`.
const PRIMARY: u8 = 0x00;

/// The kernel answers within the write; this is for machines that are very busy.
const ANSWER_DEADLINE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// A controller that Linux knows, and that somebody must play. It is unplugged when the stream is closed.
#[derive(Debug)]
pub struct Vhci {
    /// Its packets, for [`air::h4::serve`].
    pub stream: OwnedFd,
    /// Its number: 1 for `hci1`.
    pub index: u16,
}

/// Plugs a controller in.
///
/// # Errors
/// The kernel has no `/dev/vhci`, it belongs to somebody else, or makes no controller.
pub fn open() -> Result<Vhci, Fault> {
    plug_in().map_err(|error| Fault::new(format!("{DEVICE}: {error}"), cure(error)))
}

fn plug_in() -> Result<Vhci, Errno> {
    let stream = open_device()?;
    // Left unasked, the kernel makes a controller by itself after a second.
    rustix::io::write(&stream, &[VENDOR_PACKET, PRIMARY])?;
    let mut ready = [PollFd::new(&stream, PollFlags::IN)];
    if rustix::event::poll(&mut ready, Some(&ANSWER_DEADLINE))? == 0 {
        return Err(Errno::TIMEDOUT);
    }
    let mut answer = [0; 4];
    rustix::io::read(&stream, &mut answer)?;
    match answer {
        [VENDOR_PACKET, PRIMARY, low, high] => Ok(Vhci { stream, index: u16::from_le_bytes([low, high]) }),
        _ => Err(Errno::PROTO),
    }
}

fn open_device() -> Result<OwnedFd, Errno> {
    rustix::fs::open(DEVICE, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
}

/// Whether a controller could be plugged in. None is: one that has not been asked for is not made within a second.
///
/// # Errors
/// As for [`open`].
pub fn check() -> Result<(), Fault> {
    open_device().map(drop).map_err(|error| Fault::new(format!("{DEVICE}: {error}"), cure(error)))
}

fn cure(error: Errno) -> &'static str {
    match error {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            "`sudo modprobe hci_vhci` makes it; containers and kernels for clouds have none: run on a whole machine, \
             or in a guest as ci/guest does"
        }
        Errno::ACCESS | Errno::PERM => {
            "it is root's alone by default: `sudo cp ci/udev/60-gattest.rules /etc/udev/rules.d/`, then \
             `sudo udevadm control --reload && sudo udevadm trigger --name-match=vhci`, and be in the group `bluetooth`"
        }
        Errno::BUSY | Errno::MFILE | Errno::NOSPC => {
            "too many controllers are plugged in: end what plays them"
        }
        _ => "see what the kernel says about it: `sudo dmesg | tail`",
    }
}
