//! A controller at the other end of a stream, as its host sees it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;

use bt_hci_transport::{PacketKind, PacketToController, PacketToHost, ReadHciError, Transport};

use super::H4Error;
use super::framing::Writer;
use super::line::Line;
use crate::capture::{Direction, Recorder};

/// A controller outside of this process: an adapter, or a virtual one of another process. It outlives benches; a host
/// uses it through [`crate::Air::host_of`].
#[derive(Debug)]
pub struct RemoteController {
    line: Line,
}

impl RemoteController {
    /// The controller at the other end of `stream`: a socket, a serial port in raw mode, or anything else that can be
    /// polled. Each packet is written by itself, as a Linux HCI user channel wants it.
    ///
    /// # Errors
    /// What making a thread and its wake-up gives.
    pub fn new(stream: impl Into<OwnedFd>) -> io::Result<Self> {
        Ok(Self { line: Line::open(stream.into(), Writer::Controller)? })
    }

    /// Throws away what came and was not read: it belongs to a host before this one.
    pub fn forget_unread(&self) {
        self.line.forget_unread();
    }
}

/// A host's way to a [`RemoteController`], on one bench.
pub struct Remote<'a> {
    controller: &'a RemoteController,
    recorder: Recorder,
}

impl<'a> Remote<'a> {
    pub(crate) fn new(controller: &'a RemoteController, recorder: Recorder) -> Self {
        Self { controller, recorder }
    }
}

impl embedded_io::ErrorType for Remote<'_> {
    type Error = H4Error;
}

impl Transport for Remote<'_> {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, Self::Error> {
        let mut packet = Vec::new();
        let tag = poll_fn(|context| {
            self.controller.line.poll_read(context, |tag, bytes| {
                packet.extend_from_slice(bytes);
                tag
            })
        })
        .await?;
        let kind = kind(tag);
        self.recorder.record(Direction::ToHost, kind, &[&packet]);
        check_answer(kind, &packet)?;
        P::read_hci(kind, &mut &packet[..], rx).map_err(H4Error::from)
    }

    async fn write<P: PacketToController>(&self, tx: &P) -> Result<(), Self::Error> {
        let mut packet = Vec::with_capacity(tx.size());
        let Ok(()) = tx.write_hci(&mut packet);
        self.recorder.record(Direction::ToController, P::KIND, &[&packet]);
        poll_fn(|context| self.controller.line.poll_write(context, P::KIND as u8, &packet)).await;
        Ok(())
    }
}

impl From<ReadHciError<Infallible>> for H4Error {
    fn from(error: ReadHciError<Infallible>) -> Self {
        Self::Packet(error)
    }
}

impl embedded_io::Error for H4Error {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            Self::Packet(error) => embedded_io::Error::kind(error),
            Self::Closed | Self::Cut => embedded_io::ErrorKind::BrokenPipe,
            Self::Indicator(_) | Self::Answer { .. } => embedded_io::ErrorKind::InvalidData,
            Self::VirtualTime => embedded_io::ErrorKind::Unsupported,
            Self::Io(_) => embedded_io::ErrorKind::Other,
        }
    }
}

/// The kind with this indicator; the framer lets no other than these through.
fn kind(indicator: u8) -> PacketKind {
    match indicator {
        2 => PacketKind::AclData,
        3 => PacketKind::SyncData,
        5 => PacketKind::IsoData,
        _ => PacketKind::Event,
    }
}

/// Hosts copy what a command returns into a place of the right size, and some of them end where there is more of it.
fn check_answer(kind: PacketKind, packet: &[u8]) -> Result<(), H4Error> {
    const COMMAND_COMPLETE: u8 = 0x0E;
    let (PacketKind::Event, [COMMAND_COMPLETE, _, _, low, high, returned @ ..]) = (kind, packet) else {
        return Ok(());
    };
    let opcode = u16::from_le_bytes([*low, *high]);
    // After the status.
    let length = returned.len().saturating_sub(1);
    match return_length(opcode) {
        Some(limit) if length > limit => Err(H4Error::Answer { opcode, length }),
        _ => Ok(()),
    }
}

/// How many bytes a command returns after its status (Core Vol 4 Part E 7), of those that hosts here use; none for a
/// command that Command Status answers.
fn return_length(opcode: u16) -> Option<usize> {
    match opcode {
        // Reset, Set Event Mask, LE Set Event Mask, LE Set Random Address, LE Set Scan Parameters and Enable,
        // LE Create Connection Cancel.
        0x0C03 | 0x0C01 | 0x2001 | 0x2005 | 0x200B | 0x200C | 0x200E => Some(0),
        // Disconnect, LE Create Connection, LE Connection Update, LE Enable Encryption.
        0x0406 | 0x200D | 0x2013 | 0x2019 => Some(0),
        // Read BD_ADDR, Read Buffer Size, LE Read Buffer Size.
        0x1009 => Some(6),
        0x1005 => Some(7),
        0x2002 => Some(3),
        _ => None,
    }
}
