//! A virtual LE controller, as a host sees it: HCI packets in and out (Core Vol 4 Part E).

mod commands;
mod events;
mod port;
mod security;
pub(crate) mod settings;
mod station;
mod table;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use bt_hci_transport::{PacketKind, PacketToController, PacketToHost, ReadHciError, Transport};

pub(crate) use commands::{Outcome, Parameters};
pub(crate) use events::{Report, Timing};
pub use port::{HostError, HostErrors};
pub(crate) use station::{Address, Connection, Listener, Settings, Station, own_address_kind};

use crate::radio::Radio;

/// Error codes of Core Vol 1 Part F.
pub(crate) mod status {
    pub(crate) const SUCCESS: u8 = 0x00;
    pub(crate) const UNKNOWN_COMMAND: u8 = 0x01;
    pub(crate) const UNKNOWN_CONNECTION: u8 = 0x02;
    pub(crate) const KEY_MISSING: u8 = 0x06;
    pub(crate) const MEMORY_CAPACITY_EXCEEDED: u8 = 0x07;
    pub(crate) const CONNECTION_TIMEOUT: u8 = 0x08;
    pub(crate) const CONNECTION_LIMIT_EXCEEDED: u8 = 0x09;
    pub(crate) const CONNECTION_EXISTS: u8 = 0x0B;
    pub(crate) const COMMAND_DISALLOWED: u8 = 0x0C;
    pub(crate) const UNSUPPORTED: u8 = 0x11;
    pub(crate) const INVALID_PARAMETERS: u8 = 0x12;
    pub(crate) const TERMINATED_BY_LOCAL_HOST: u8 = 0x16;
    pub(crate) const RESPONSE_TIMEOUT: u8 = 0x22;
    pub(crate) const ADVERTISING_TIMEOUT: u8 = 0x3C;
    pub(crate) const MIC_FAILURE: u8 = 0x3D;
    pub(crate) const FAILED_TO_BE_ESTABLISHED: u8 = 0x3E;
}

/// What a controller is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerConfig {
    /// The name in captures; empty: `air0`, `air1`, ...
    pub name: String,
    /// The public address, least significant byte first. All zeros: one is drawn from the seed.
    pub public_address: [u8; 6],
    /// The longest ACL data packet that it takes from the host, in bytes without the header; less than 27 counts as 27
    /// (Core Vol 4 Part E 7.8.2).
    pub acl_packet_length: u16,
    /// How many ACL data packets it takes from the host before it has completed one; 0 counts as 1.
    pub acl_packet_count: u8,
    /// Whether it supports the LE Data Packet Length Extension.
    pub data_length_extension: bool,
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            public_address: [0; 6],
            acl_packet_length: 251,
            acl_packet_count: 8,
            data_length_extension: true,
        }
    }
}

/// A virtual controller: the end that its host holds. A cheap handle; clones mean the same controller, and only one
/// of them should read at a time.
#[derive(Clone)]
pub struct Controller {
    radio: Rc<RefCell<Radio>>,
    index: usize,
}

impl Controller {
    pub(crate) fn new(radio: Rc<RefCell<Radio>>, index: usize) -> Self {
        Self { radio, index }
    }

    /// Reads one packet into `buf`, from its header on without the H4 type: gives the kind and the packet's length.
    /// A packet longer than `buf` is cut to it; 258 bytes hold any event, 4 + 251 any ACL data packet.
    ///
    /// Cancel-safe: a packet is taken only when this future is ready.
    pub async fn read_packet(&self, buf: &mut [u8]) -> (PacketKind, usize) {
        loop {
            self.readable().await;
            let copied = self.take_packet(|kind, bytes| {
                let length = bytes.len().min(buf.len());
                let (from, to) = (bytes.get(..length), buf.get_mut(..length));
                if let (Some(from), Some(to)) = (from, to) {
                    to.copy_from_slice(from);
                }
                (kind, length)
            });
            if let Some(copied) = copied {
                return copied;
            }
        }
    }

    /// Writes one packet, from its header on without the H4 type. Commands are answered at once: the event is there to
    /// be read when this returns. (Host Number Of Completed Packets has no answer.)
    ///
    /// # Errors
    /// [`HostError`] for what a host must not send; the packet is dropped. The same is on [`Controller::host_errors`].
    pub fn write_packet(&self, kind: PacketKind, bytes: &[u8]) -> Result<(), HostError> {
        self.radio.borrow_mut().packet_from_host(self.index, kind, bytes)
    }

    /// What the host did wrong so far, such as sending more ACL data packets than the controller has room for.
    pub fn host_errors(&self) -> HostErrors {
        let radio = self.radio.borrow();
        radio.station(self.index).map(|station| station.port.errors.clone()).unwrap_or_default()
    }

    /// Which controller of its bench it is, counted from 0 in the order in which they were added.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The public address, least significant byte first.
    pub fn public_address(&self) -> [u8; 6] {
        let radio = self.radio.borrow();
        radio.station(self.index).map(|station| station.config.public_address).unwrap_or_default()
    }

    /// Waits until a packet can be taken.
    async fn readable(&self) {
        poll_fn(|context| self.poll_readable(context.waker())).await;
    }

    pub(crate) fn poll_readable(&self, waker: &Waker) -> Poll<()> {
        let mut radio = self.radio.borrow_mut();
        match radio.station_mut(self.index) {
            Some(station) => station.port.poll_readable(waker),
            None => Poll::Pending,
        }
    }

    /// Whether the bench's time is the wall clock's.
    pub(crate) fn is_in_real_time(&self) -> bool {
        self.radio.borrow().is_in_real_time()
    }

    /// Whether so much waits for the host that it should read before it writes.
    pub(crate) fn is_backed_up(&self) -> bool {
        let radio = self.radio.borrow();
        radio.station(self.index).is_some_and(|station| station.port.is_full())
    }

    /// As when its host is unplugged: what Reset does, and no host to hear of it. Links end without a word.
    pub fn power_cycle(&self) {
        self.radio.borrow_mut().reset(self.index);
    }

    /// Takes the oldest packet, if there is one, after `read` has seen it.
    pub(crate) fn take_packet<T>(&self, read: impl FnOnce(PacketKind, &[u8]) -> T) -> Option<T> {
        let mut radio = self.radio.borrow_mut();
        let station = radio.station_mut(self.index)?;
        let (kind, bytes) = station.port.front()?;
        let result = read(kind, bytes);
        station.port.pop();
        Some(result)
    }
}

/// Why a packet could not be read from a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The host's packet type did not take the packet: its buffer was too small, or a value unknown to it.
    #[error("the host could not decode a packet from the controller: {0}")]
    Packet(#[from] ReadHciError<Infallible>),
}

impl embedded_io::Error for TransportError {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            Self::Packet(error) => embedded_io::Error::kind(error),
        }
    }
}

impl embedded_io::ErrorType for Controller {
    type Error = TransportError;
}

impl Transport for Controller {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, Self::Error> {
        self.readable().await;
        let read = self.take_packet(|kind, bytes| P::read_hci(kind, &mut &*bytes, rx));
        // Readable and taken within one poll, so there is a packet.
        Ok(read.unwrap_or(Err(ReadHciError::InvalidValue))?)
    }

    /// What the host must not send is dropped and noted in [`Controller::host_errors`]; the write itself succeeds,
    /// since a transport knows nothing of what it carries.
    async fn write<P: PacketToController>(&self, tx: &P) -> Result<(), Self::Error> {
        // Not borrowed while the packet writes itself.
        let mut scratch = self.radio.borrow_mut().take_scratch();
        scratch.clear();
        let Ok(()) = tx.write_hci(&mut scratch);
        let mut radio = self.radio.borrow_mut();
        let _noted_already = radio.packet_from_host(self.index, P::KIND, &scratch);
        radio.put_scratch(scratch);
        Ok(())
    }
}

impl embedded_io::ErrorType for &Controller {
    type Error = TransportError;
}

impl Transport for &Controller {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, Self::Error> {
        Controller::read(self, rx).await
    }

    async fn write<P: PacketToController>(&self, tx: &P) -> Result<(), Self::Error> {
        Controller::write(self, tx).await
    }
}
