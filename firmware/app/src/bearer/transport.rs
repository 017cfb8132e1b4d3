//! The bearer as the host's controller: what the host sends goes through in its turn, and what is the host's comes out.

use super::packet::{Acl, AclFragment, CommandBytes};
use super::{Bearer, BearerError};
use alloc::vec::Vec;
use bt_hci_transport::{PacketKind, PacketToController, PacketToHost, Transport};
use core::convert::Infallible;

impl<T: Transport> embedded_io::ErrorType for &Bearer<T> {
    type Error = BearerError<T::Error>;
}

/// The host's view: a transport without ATT.
impl<T: Transport> Transport for &Bearer<T> {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, Self::Error> {
        let packet = self.to_host.receive().await;
        P::read_hci(packet.kind, &mut packet.bytes.as_slice(), rx).map_err(BearerError::Hci)
    }

    /// The host's packets become bytes first, so that a chip's transport, which sends each of them in parts, is
    /// compiled once for commands and once for data and not for every command there is.
    async fn write<P: PacketToController>(&self, tx: &P) -> Result<(), Self::Error> {
        let mut bytes = Vec::with_capacity(tx.size());
        // Writing to a `Vec` cannot fail.
        let _ = tx.write_hci(VecWriter(&mut bytes));
        self.write_bytes(P::KIND, &bytes).await.map_err(BearerError::Transport)
    }
}

impl<T: Transport> Bearer<T> {
    async fn write_bytes(&self, kind: PacketKind, bytes: &[u8]) -> Result<(), T::Error> {
        match kind {
            PacketKind::Cmd => {
                let _turn = self.command_turn().await;
                self.transport.write(&CommandBytes(bytes)).await
            }
            PacketKind::AclData => {
                let Some(Acl { handle, start, data }) = Acl::parse(bytes) else {
                    return Ok(());
                };
                self.host_turn(handle, start, data).await;
                let _turn = self.writing.lock().await;
                self.transport.write(&AclFragment { handle, start, data }).await
            }
            // The host has no use for isochronous or synchronous data.
            PacketKind::IsoData | PacketKind::SyncData | PacketKind::Event => Ok(()),
        }
    }
}

/// `embedded_io::Write` into memory.
struct VecWriter<'a>(&'a mut Vec<u8>);

impl embedded_io::ErrorType for VecWriter<'_> {
    type Error = Infallible;
}

impl embedded_io::Write for VecWriter<'_> {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        self.0.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
