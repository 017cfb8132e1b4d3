//! Bringing the adapter up, finding the device, connecting and disconnecting.

use super::l2cap::ConnectionParameters;
use super::scanner::{Scan, Target};
use super::state::Link;
use super::{AttCentral, Failure};
use crate::fault::Fault;
use bt_hci::cmd::controller_baseband::{Reset, SetEventMask};
use bt_hci::cmd::info::ReadBdAddr;
use bt_hci::cmd::le::{
    LeConnUpdate, LeCreateConn, LeCreateConnCancel, LeEnableEncryption, LeReadBufferSize, LeSetEventMask,
    LeSetScanEnable, LeSetScanParams,
};
use bt_hci::cmd::link_control::Disconnect;
use bt_hci::cmd::{self, AsyncCmd, SyncCmd};
use bt_hci::param::{
    AddrKind, BdAddr, DisconnectReason, Duration as HciDuration, EventMask, LeEventMask, LeScanKind,
    ScanningFilterPolicy,
};
use bt_hci::{FixedSizeValue, ReadHciError};
use bt_hci_transport::Transport;
use conformance::observation::AdField;
use embassy_time::{Duration, with_timeout};
use std::convert::Infallible;

/// A controller answers a command within a second (Core Vol 4 Part E 4.4).
const COMMAND_DEADLINE: Duration = Duration::from_secs(2);
/// Longer than the supervision timeout of every link made here.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// 7.5 ms in units of 1.25 ms: the shortest interval, since a request takes two of them.
const INTERVAL: u16 = 6;
/// 4 s in units of 10 ms: hundreds of connection events, so that packet loss alone ends no link.
const SUPERVISION_TIMEOUT: u16 = 400;
/// 60 ms scan interval and window in units of 0.625 ms: the whole time.
const SCAN_INTERVAL: u16 = 96;
/// The link failed before the first packet came through (Core Vol 1 Part F 2.59).
const FAILED_TO_BE_ESTABLISHED: u8 = 0x3E;

/// A device address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Least significant byte first.
    pub bytes: [u8; 6],
    /// Random rather than public.
    pub random: bool,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectError {
    /// The address was not seen advertising within the deadline.
    NotSeen,
    /// The radio lost the link before it was established.
    NotEstablished,
    /// The bench broke.
    Rig(Fault),
}

impl From<Fault> for ConnectError {
    fn from(fault: Fault) -> Self {
        Self::Rig(fault)
    }
}

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    async fn sync<C>(&self, name: &str, command: C) -> Result<C::Return, Fault>
    where
        C: SyncCmd,
        C::Return: FixedSizeValue,
    {
        answered(name, with_timeout(COMMAND_DEADLINE, command.exec(&self.controller)).await)
    }

    async fn start<C: AsyncCmd>(&self, name: &str, command: C) -> Result<(), Fault> {
        answered(name, with_timeout(COMMAND_DEADLINE, command.exec(&self.controller)).await)
    }

    /// Resets the adapter and asks what it can hold.
    ///
    /// # Errors
    /// The adapter does not answer as it must.
    pub async fn init(&self) -> Result<(), Fault> {
        self.sync("Reset", Reset::new()).await?;
        let events = EventMask::new()
            .enable_disconnection_complete(true)
            .enable_encryption_change_v1(true)
            .enable_hardware_error(true)
            .enable_encryption_key_refresh_complete(true)
            .enable_le_meta(true);
        self.sync("Set Event Mask", SetEventMask::new(events)).await?;
        let le_events = LeEventMask::new()
            .enable_le_conn_complete(true)
            .enable_le_adv_report(true)
            .enable_le_conn_update_complete(true)
            .enable_le_data_length_change(true);
        self.sync("LE Set Event Mask", LeSetEventMask::new(le_events)).await?;
        let size = self.sync("LE Read Buffer Size", LeReadBufferSize::new()).await?;
        let (len, total) = (size.le_acl_data_packet_length, size.total_num_le_acl_data_packets);
        if len == 0 || total == 0 {
            return Err(Fault::new(
                "the Bluetooth adapter has no buffers of its own for LE",
                "use another adapter",
            ));
        }
        let address = self.sync("Read BD_ADDR", ReadBdAddr::new()).await?;
        let mut state = self.state.borrow_mut();
        state.address = address.into_inner();
        state.acl_len = usize::from(len);
        state.acl_total = u16::from(total);
        state.credits = u16::from(total);
        state.link = Link::Idle;
        Ok(())
    }

    /// Scans until `address` advertises, and connects to it.
    ///
    /// # Errors
    /// [`ConnectError`]; each of the two waits has `deadline`.
    pub async fn connect(&self, address: Address, deadline: Duration) -> Result<(), ConnectError> {
        if self.is_connected() {
            return Err(
                Fault::new("a connect step while connected", "put a disconnect step before it").into()
            );
        }
        let found = self.find(Target::Address(address.bytes), deadline).await?;
        found.ok_or(ConnectError::NotSeen)?;
        self.state.borrow_mut().link = Link::Idle;
        let kind = if address.random { AddrKind::RANDOM } else { AddrKind::PUBLIC };
        let create = LeCreateConn::new(
            HciDuration::from_u16(SCAN_INTERVAL),
            HciDuration::from_u16(SCAN_INTERVAL),
            false,
            kind,
            BdAddr::new(address.bytes),
            AddrKind::PUBLIC,
            HciDuration::from_u16(INTERVAL),
            HciDuration::from_u16(INTERVAL),
            0,
            HciDuration::from_u16(SUPERVISION_TIMEOUT),
            HciDuration::from_u16(0),
            HciDuration::from_u16(0),
        );
        self.start("LE Create Connection", create).await?;
        match self.within(deadline, |state| (state.link != Link::Idle).then_some(state.link)).await? {
            Some(Link::Up(_)) => Ok(()),
            Some(Link::Failed(FAILED_TO_BE_ESTABLISHED) | Link::Down(FAILED_TO_BE_ESTABLISHED)) => {
                Err(ConnectError::NotEstablished)
            }
            Some(Link::Failed(code) | Link::Down(code)) => Err(Fault::new(
                format!("the adapter could not connect: error 0x{code:02X}"),
                "unplug the adapter, plug it in and run again",
            )
            .into()),
            Some(Link::Idle) | None => {
                self.sync("LE Create Connection Cancel", LeCreateConnCancel::new()).await?;
                // The cancelled attempt ends with a Connection Complete of its own.
                self.within(COMMAND_DEADLINE, |state| (state.link != Link::Idle).then_some(())).await?;
                Err(ConnectError::NotSeen)
            }
        }
    }

    /// Scans until `look` finds something, and gives that with what was heard of the device.
    async fn scan<R>(
        &self,
        target: Target,
        filter_duplicates: bool,
        deadline: Duration,
        mut look: impl FnMut(&Scan) -> Option<R>,
    ) -> Result<(Option<R>, Scan), Fault> {
        let parameters = LeSetScanParams::new(
            LeScanKind::Active,
            HciDuration::from_u16(SCAN_INTERVAL),
            HciDuration::from_u16(SCAN_INTERVAL),
            AddrKind::PUBLIC,
            ScanningFilterPolicy::BasicUnfiltered,
        );
        self.sync("LE Set Scan Parameters", parameters).await?;
        self.state.borrow_mut().scan = Some(Scan::new(target.clone()));
        self.sync("LE Set Scan Enable", LeSetScanEnable::new(true, filter_duplicates)).await?;
        let found = self.within(deadline, |state| look(state.scan.as_ref()?)).await?;
        self.sync("LE Set Scan Enable", LeSetScanEnable::new(false, false)).await?;
        let scan = self.state.borrow_mut().scan.take();
        Ok((found, scan.unwrap_or_else(|| Scan::new(target))))
    }

    /// Scans until the device is heard, and gives its address; `None` when it is not within `deadline`.
    ///
    /// # Errors
    /// The bench broke.
    pub async fn find(&self, target: Target, deadline: Duration) -> Result<Option<Address>, Fault> {
        Ok(self.scan(target, true, deadline, |scan| scan.found).await?.0)
    }

    /// Scans until the device advertises what `fits`, and gives that; after `deadline` gives what it
    /// advertised last, and `None` when it was not heard. The flag says whether it fitted.
    ///
    /// # Errors
    /// The bench broke.
    pub async fn watch(
        &self,
        target: Target,
        deadline: Duration,
        fits: impl Fn(&[AdField]) -> bool,
    ) -> Result<(Option<Vec<AdField>>, bool), Fault> {
        let look = |scan: &Scan| scan.latest.clone().filter(|fields| fits(fields));
        let (found, scan) = self.scan(target, false, deadline, look).await?;
        match found {
            Some(fields) => Ok((Some(fields), true)),
            None => {
                let last = scan.latest.or(scan.alone);
                let fits = last.as_ref().is_some_and(|fields| fits(fields));
                Ok((last, fits))
            }
        }
    }

    /// Ends the link and waits until it has ended, whoever ended it.
    ///
    /// # Errors
    /// The adapter does not end it.
    pub async fn disconnect(&self) -> Result<(), Fault> {
        let Link::Up(handle) = self.state.borrow().link else {
            return Ok(());
        };
        let command = Disconnect::new(handle, DisconnectReason::RemoteUserTerminatedConn);
        let result = with_timeout(COMMAND_DEADLINE, command.exec(&self.controller)).await;
        // The device may have ended it in the same moment: then the handle is unknown by now.
        if self.is_connected() {
            answered("Disconnect", result)?;
        }
        let gone = self.wait_gone(DISCONNECT_DEADLINE).await?;
        gone.map(drop).ok_or_else(|| {
            Fault::new("the link did not end within 10 s", "unplug the adapter, plug it in and run again")
        })
    }

    /// Waits until the link has ended, and gives the HCI error code; `None` when it has not within
    /// `deadline`.
    ///
    /// # Errors
    /// The bench broke.
    pub async fn wait_gone(&self, deadline: Duration) -> Result<Option<u8>, Fault> {
        self.within(deadline, |state| match state.link {
            Link::Up(_) => None,
            Link::Down(reason) | Link::Failed(reason) => Some(reason),
            Link::Idle => Some(0),
        })
        .await
    }

    /// Waits until the adapter is the only one that may speak next: the link is up, or it has ended.
    pub(super) fn check_up(&self) -> Result<(), Failure> {
        match self.state.borrow().link {
            Link::Up(_) => Ok(()),
            Link::Down(reason) | Link::Failed(reason) => Err(Failure::Gone(reason)),
            Link::Idle => Err(Failure::Rig(super::not_connected())),
        }
    }

    /// The address that this central connects from; known after [`Self::init`].
    pub fn address(&self) -> Address {
        Address { bytes: self.state.borrow().address, random: false }
    }

    /// LE Enable Encryption with this key. Random number and diversifier are zero: there is one key for
    /// the device (Core Vol 3 Part H 2.4.4).
    pub(super) async fn enable_encryption(&self, key: [u8; 16]) -> Result<(), Fault> {
        let Link::Up(handle) = self.state.borrow().link else {
            return Ok(());
        };
        self.state.borrow_mut().encryption = None;
        let command = LeEnableEncryption::new(handle, [0; 8], 0, key);
        let result = self.start("LE Enable Encryption", command).await;
        // The wait for the outcome tells of a link that has ended meanwhile.
        if self.is_connected() { result } else { Ok(()) }
    }

    /// Applies parameters that the device asked for.
    pub(super) async fn update_connection(&self, parameters: ConnectionParameters) -> Result<(), Fault> {
        let Link::Up(handle) = self.state.borrow().link else {
            return Ok(());
        };
        let command = LeConnUpdate::new(
            handle,
            HciDuration::from_u16(parameters.interval_min),
            HciDuration::from_u16(parameters.interval_max),
            parameters.latency,
            HciDuration::from_u16(parameters.timeout),
            HciDuration::from_u16(0),
            HciDuration::from_u16(0),
        );
        let result = self.start("LE Connection Update", command).await;
        // A link that ends meanwhile needs no parameters.
        if self.is_connected() { result } else { Ok(()) }
    }
}

fn answered<R, E: std::fmt::Debug>(
    name: &str,
    result: Result<Result<R, cmd::Error<E>>, embassy_time::TimeoutError>,
) -> Result<R, Fault> {
    let why = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => format!("the Bluetooth adapter refused {name}: {error:?}"),
        Err(_) => format!("the Bluetooth adapter did not answer {name}"),
    };
    Err(Fault::new(why, "unplug the adapter, plug it in and run again"))
}
