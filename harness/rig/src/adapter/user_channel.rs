//! The Linux HCI user channel: an adapter as a whole, without the kernel's Bluetooth stack. Each read and each write
//! is one H4 packet.

use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, bind, socket_with};
use std::io;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;

/// `BTPROTO_HCI` of the kernel's `bluetooth.h`.
const PROTOCOL_HCI: NonZeroU32 = NonZeroU32::MIN;
/// `HCI_CHANNEL_USER` of its `hci_sock.h`.
const CHANNEL_USER: u16 = 1;

/// `struct sockaddr_hci` of its `hci_sock.h`.
#[repr(C)]
struct Address {
    family: u16,
    device: u16,
    channel: u16,
}

/// Takes an adapter, which must be down.
///
/// # Errors
/// Without the right (`PermissionDenied`), while it is up (`ResourceBusy`), or when there is no such adapter.
pub(super) fn open(device: u16) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = Some(Protocol::from_raw(PROTOCOL_HCI));
    let socket = socket_with(AddressFamily::BLUETOOTH, SocketType::RAW, flags, protocol)?;
    let family = AddressFamily::BLUETOOTH.as_raw();
    bind(&socket, &Address { family, device, channel: CHANNEL_USER })?;
    Ok(socket)
}

#[expect(unsafe_code, reason = "no library has this kind of socket address")]
// SAFETY: the pointer is to a whole `Address`, which lives until `f` has returned, and is laid out as the kernel's
// own structure.
unsafe impl SocketAddrArg for Address {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        const LENGTH: SocketAddrLen = 6;
        const { assert!(size_of::<Address>() == LENGTH as usize) };
        f(std::ptr::from_ref(self).cast(), LENGTH)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_not_there_or_not_allowed_is_an_error() {
        // No machine has so many adapters; one without Bluetooth or without the right says so before.
        let error = super::open(0xFFF0).unwrap_err();
        println!("{error}");
    }
}
