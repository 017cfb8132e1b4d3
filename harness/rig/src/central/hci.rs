//! Bringing the adapter up, finding the device, connecting and disconnecting.

use super::l2cap::ConnectionParameters;
use super::scanner::{Heard, Scan, Target};
use super::state::Link;
use super::{AttCentral, Failure};
use crate::fault::Fault;
use bt_hci::cmd::controller_baseband::{Reset, SetEventMask};
use bt_hci::cmd::info::ReadBdAddr;
use bt_hci::cmd::le::{
    LeConnUpdate, LeCreateConn, LeCreateConnCancel, LeEnableEncryption, LeReadBufferSize, LeSetEventMask,
    LeSetRandomAddr, LeSetScanEnable, LeSetScanParams,
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
use embassy_futures::select::{Either, select};
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
/// How long is listened for a second device of the same name: twice the slowest usual interval.
const CHOICE_WINDOW: Duration = Duration::from_millis(conformance::plan::ABSENCE_WINDOW_MS as u64);
/// What Read BD_ADDR gives where there is none.
const NO_ADDRESS: [[u8; 6]; 2] = [[0; 6], [0xFF; 6]];
/// What to do about an adapter that does not do its work.
pub(super) const RESTART: &str = "unplug the adapter, or restart what serves it, and run again";
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

impl Address {
    fn kind(self) -> AddrKind {
        if self.random { AddrKind::RANDOM } else { AddrKind::PUBLIC }
    }
}

/// What came of looking for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// It is the only one that fits.
    One(Address),
    /// None fits; these were heard.
    None(Vec<Heard>),
    /// Several fit.
    Several(Vec<Heard>),
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
        self.answer(name, command.exec(&self.controller)).await
    }

    async fn start<C: AsyncCmd>(&self, name: &str, command: C) -> Result<(), Fault> {
        self.answer(name, command.exec(&self.controller)).await
    }

    /// Waits for what answers a command.
    async fn answer<R>(
        &self,
        name: &str,
        answer: impl Future<Output = Result<R, cmd::Error<T::Error>>>,
    ) -> Result<R, Fault> {
        // A transport that breaks meanwhile says more than the silence that follows.
        let broken = self.until(|_| None::<Infallible>);
        let why = match with_timeout(COMMAND_DEADLINE, select(answer, broken)).await {
            Ok(Either::First(Ok(value))) => return Ok(value),
            Ok(Either::First(Err(cmd::Error::Hci(error)))) => {
                let code = error.to_status().into_inner();
                format!("the Bluetooth adapter refused {name}: error 0x{code:02X}")
            }
            Ok(Either::First(Err(cmd::Error::Io(error)))) => {
                format!("the Bluetooth adapter does not take {name}: {error}")
            }
            Ok(Either::Second(Err(fault))) => return Err(fault),
            Err(_) => {
                format!("the Bluetooth adapter did not answer {name} in {} s", COMMAND_DEADLINE.as_secs())
            }
        };
        Err(Fault::new(why, RESTART))
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
        self.take_address().await?;
        let size = self.sync("LE Read Buffer Size", LeReadBufferSize::new()).await?;
        let (len, total) = (size.le_acl_data_packet_length, size.total_num_le_acl_data_packets);
        if len == 0 || total == 0 {
            return Err(Fault::new(
                "the Bluetooth adapter has no buffers of its own for LE",
                "use another adapter",
            ));
        }
        let mut state = self.state.borrow_mut();
        state.acl_len = usize::from(len);
        state.acl_total = u16::from(total);
        state.credits = u16::from(total);
        state.link = Link::Idle;
        Ok(())
    }

    /// Many controllers for development boards have no public address: those get a random static one.
    async fn take_address(&self) -> Result<(), Fault> {
        let public = self.sync("Read BD_ADDR", ReadBdAddr::new()).await?.into_inner();
        let mut own = Address { bytes: public, random: false };
        if NO_ADDRESS.contains(&public) {
            own = crate::drive::static_address(fastrand::u64(..));
            let command = LeSetRandomAddr::new(BdAddr::new(own.bytes));
            self.sync("LE Set Random Address", command).await?;
        }
        self.state.borrow_mut().own = own;
        Ok(())
    }

    /// Waits until what the adapter has received so far is here: the answer to a command comes behind it. An adapter
    /// at the far end of a stream acknowledges to the device what has not reached its host yet.
    ///
    /// # Errors
    /// The adapter is silent.
    pub async fn catch_up(&self) -> Result<(), Fault> {
        self.sync("LE Read Buffer Size", LeReadBufferSize::new()).await.map(drop)
    }

    /// Shows that a silence is the device's own: the adapter answers, and the device's controller has acknowledged
    /// all that was sent.
    ///
    /// # Errors
    /// The adapter is silent itself.
    pub async fn vouch(&self) -> Result<(), Fault> {
        self.catch_up().await?;
        let state = self.state.borrow();
        if state.credits == state.acl_total {
            return Ok(());
        }
        let cause = "the Bluetooth adapter has not sent what it was given";
        Err(Fault::new(cause, "see that the device is in reach and that the adapter works, then run again"))
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
        {
            let mut state = self.state.borrow_mut();
            (state.link, state.peer) = (Link::Idle, address);
        }
        let (kind, own_kind) = (address.kind(), self.address().kind());
        let create = LeCreateConn::new(
            HciDuration::from_u16(SCAN_INTERVAL),
            HciDuration::from_u16(SCAN_INTERVAL),
            false,
            kind,
            BdAddr::new(address.bytes),
            own_kind,
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
            Some(Link::Failed(code) | Link::Down(code)) => {
                Err(Fault::new(format!("the adapter could not connect: error 0x{code:02X}"), RESTART).into())
            }
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
            self.address().kind(),
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

    /// Scans for the one device that fits: until one is heard, and then for as long as a second one may take.
    ///
    /// # Errors
    /// The bench broke.
    pub async fn choose(&self, target: Target, deadline: Duration) -> Result<Choice, Fault> {
        let (found, scan) = self.scan(target.clone(), true, deadline, |scan| scan.found).await?;
        let Some(address) = found else { return Ok(Choice::None(scan.heard)) };
        if target.is_address() {
            return Ok(Choice::One(address));
        }
        let first = scan.fitting().next().cloned();
        let second = |scan: &Scan| scan.fitting().any(|heard| heard.address != address).then_some(());
        let (_, scan) = self.scan(target, true, CHOICE_WINDOW, second).await?;
        let mut fitting: Vec<Heard> = scan.fitting().cloned().collect();
        // The first one may not have been heard a second time.
        if fitting.iter().all(|heard| heard.address == address) {
            return Ok(Choice::One(address));
        }
        if fitting.iter().all(|heard| heard.address != address) {
            fitting.extend(first);
        }
        Ok(Choice::Several(fitting))
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
        let result = self.sync("Disconnect", command).await;
        // The device may have ended it in the same moment: then the handle is unknown by now.
        if self.is_connected() {
            result?;
        }
        let gone = self.wait_gone(DISCONNECT_DEADLINE).await?;
        gone.map(drop).ok_or_else(|| Fault::new("the link did not end within 10 s", RESTART))
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
        self.state.borrow().own
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
