//! HCI packets as bytes: what the bearer reads from the controller and writes to it.

use bt_hci_transport::{PacketKind, PacketToController, PacketToHost, ReadHciError};
use embedded_io::{Read, Write};
use embedded_io_async::{Read as AsyncRead, Write as AsyncWrite};

/// Any packet from the controller, header included, undecoded. The bearer looks at it and keeps it
/// or hands it on to the host, which decodes it then.
pub(super) struct RawPacket<'d> {
    pub(super) kind: PacketKind,
    pub(super) bytes: &'d mut [u8],
}

/// Bytes of a packet's header, and where its length stands (Core Vol 4 Part E 5.4).
fn header(kind: PacketKind) -> (usize, fn(&[u8]) -> usize) {
    fn at<const N: usize>(header: &[u8]) -> usize {
        header.get(N).copied().map_or(0, usize::from)
    }
    match kind {
        PacketKind::Cmd | PacketKind::SyncData => (3, at::<2>),
        PacketKind::Event => (2, at::<1>),
        PacketKind::AclData => (4, |header| at::<2>(header) | at::<3>(header) << 8),
        // The two most significant bits are reserved (Core Vol 4 Part E 5.4.5).
        PacketKind::IsoData => (4, |header| (at::<2>(header) | at::<3>(header) << 8) & 0x3FFF),
    }
}

impl<'d> PacketToHost<'d> for RawPacket<'d> {
    fn read_hci<R: Read>(
        kind: PacketKind,
        data: &mut R,
        buf: &'d mut [u8],
    ) -> Result<Self, ReadHciError<R::Error>> {
        let (header_len, body_len) = header(kind);
        let head = buf.get_mut(..header_len).ok_or(ReadHciError::BufferTooSmall)?;
        data.read_exact(head)?;
        let end = header_len + body_len(head);
        let body = buf.get_mut(header_len..end).ok_or(ReadHciError::BufferTooSmall)?;
        data.read_exact(body)?;
        let bytes = buf.get_mut(..end).ok_or(ReadHciError::BufferTooSmall)?;
        Ok(Self { kind, bytes })
    }

    async fn read_hci_async<R: AsyncRead>(
        kind: PacketKind,
        data: &mut R,
        buf: &'d mut [u8],
    ) -> Result<Self, ReadHciError<R::Error>> {
        let (header_len, body_len) = header(kind);
        let head = buf.get_mut(..header_len).ok_or(ReadHciError::BufferTooSmall)?;
        data.read_exact(head).await?;
        let end = header_len + body_len(head);
        let body = buf.get_mut(header_len..end).ok_or(ReadHciError::BufferTooSmall)?;
        data.read_exact(body).await?;
        let bytes = buf.get_mut(..end).ok_or(ReadHciError::BufferTooSmall)?;
        Ok(Self { kind, bytes })
    }
}

/// One fragment of an L2CAP frame on its way to the controller.
pub(super) struct AclFragment<'a> {
    /// Connection handle.
    pub(super) handle: u16,
    /// Whether a frame begins here.
    pub(super) start: bool,
    /// The fragment.
    pub(super) data: &'a [u8],
}

impl AclFragment<'_> {
    /// Packet boundary flag 00 begins a non-automatically-flushable frame, 01 continues one (Core
    /// Vol 4 Part E 5.4.2).
    fn header(&self) -> [u8; 4] {
        let boundary = if self.start { 0b00 } else { 0b01 };
        let [handle_lo, handle_hi] = (self.handle & 0x0FFF | boundary << 12).to_le_bytes();
        let [len_lo, len_hi] = u16::try_from(self.data.len()).unwrap_or(u16::MAX).to_le_bytes();
        [handle_lo, handle_hi, len_lo, len_hi]
    }
}

impl PacketToController for AclFragment<'_> {
    const KIND: PacketKind = PacketKind::AclData;

    fn size(&self) -> usize {
        4 + self.data.len()
    }

    fn write_hci<W: Write>(&self, mut writer: W) -> Result<(), W::Error> {
        writer.write_all(&self.header())?;
        writer.write_all(self.data)
    }

    async fn write_hci_async<W: AsyncWrite>(&self, mut writer: W) -> Result<(), W::Error> {
        writer.write_all(&self.header()).await?;
        writer.write_all(self.data).await
    }
}

/// A command of the host, header included.
pub(super) struct CommandBytes<'a>(pub(super) &'a [u8]);

impl PacketToController for CommandBytes<'_> {
    const KIND: PacketKind = PacketKind::Cmd;

    fn size(&self) -> usize {
        self.0.len()
    }

    fn write_hci<W: Write>(&self, mut writer: W) -> Result<(), W::Error> {
        writer.write_all(self.0)
    }

    async fn write_hci_async<W: AsyncWrite>(&self, mut writer: W) -> Result<(), W::Error> {
        writer.write_all(self.0).await
    }
}

/// Parts of an ACL packet (Core Vol 4 Part E 5.4.2).
pub(super) struct Acl<'a> {
    /// Connection handle.
    pub(super) handle: u16,
    /// Whether an L2CAP frame begins here.
    pub(super) start: bool,
    /// What follows the header.
    pub(super) data: &'a [u8],
}

impl<'a> Acl<'a> {
    pub(super) fn parse(packet: &'a [u8]) -> Option<Self> {
        let (header, data) = packet.split_first_chunk::<4>()?;
        let [handle_lo, handle_hi, ..] = *header;
        let word = u16::from_le_bytes([handle_lo, handle_hi]);
        Some(Self { handle: word & 0x0FFF, start: (word >> 12) & 0b11 != 0b01, data })
    }
}
