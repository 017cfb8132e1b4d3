//! Centrals: what the driver asks of one, and our own, a raw ATT client over any HCI transport.

mod att;
mod discovery;
mod hci;
mod interface;
mod l2cap;
mod pairing;
mod parse;
mod prepare;
mod raw;
mod scanner;
mod security;
mod state;
mod system;
mod uuid;

pub use att::TRANSACTION_TIMEOUT;
pub use discovery::{Characteristic, Database, Descriptor, Include, Service};
pub use hci::{Address, Choice, ConnectError};
pub use interface::Central;
pub use pairing::Paired;
pub use scanner::{Heard, Target};
pub use security::{Encryption, Keys, SIGNATURE_LEN};
pub use state::Pushed;
pub use system::{BtleplugCentral, System};
pub use uuid::Uuid;

use crate::fault::Fault;
use bt_hci::ControllerToHostPacket;
use bt_hci::ReadHciError;
use bt_hci::controller::{Controller as _, ExternalController};
use bt_hci::data::{AclBroadcastFlag, AclPacket, AclPacketBoundary};
use bt_hci_transport::Transport;
use embassy_futures::join::join;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, with_timeout};
use hci::RESTART;
use state::{Link, Out, State};
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;

/// HCI commands that may be under way at once: the driver's and the worker's.
const COMMAND_SLOTS: usize = 4;
/// A frame waits for the adapter's buffers while the link lasts: longer than the longest supervision timeout, 32 s
/// (Core Vol 6 Part B 4.5.2).
const SEND_DEADLINE: Duration = Duration::from_secs(35);

/// Unspecified Error (Core Vol 1 Part F 2.31): why a link has ended, where an operating system does not say it.
pub const UNSPECIFIED: u8 = 0x1F;

/// Why an ATT procedure has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// An Error Response with this code.
    Att(u8),
    /// An error whose code the operating system keeps to itself, in its words: it may be the device's, or the
    /// system's own.
    Hidden(String),
    /// No response within [`TRANSACTION_TIMEOUT`]; the bearer cannot be used any more.
    NoResponse,
    /// A response that breaks the specification, in words.
    Malformed(String),
    /// The link ended with this HCI error code; [`UNSPECIFIED`] where the operating system does not say why.
    Gone(u8),
    /// The bench broke.
    Rig(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Rig(fault)
    }
}

/// A central with one link. [`AttCentral::run`] must be polled beside everything else.
pub struct AttCentral<T> {
    controller: ExternalController<T, COMMAND_SLOTS>,
    state: RefCell<State>,
    /// Wakes whoever waits for the state to change.
    user: RefCell<WakerRegistration>,
    keys: RefCell<Option<Keys>>,
    /// Frame under way: fragments of two frames must not mix (Core Vol 3 Part A 7.2.1).
    frame: Mutex<NoopRawMutex, Vec<u8>>,
}

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// A central over `transport`; nothing is sent before [`AttCentral::init`].
    pub fn new(transport: T) -> Self {
        Self {
            controller: ExternalController::new(transport),
            state: RefCell::new(State::new()),
            user: RefCell::new(WakerRegistration::new()),
            keys: RefCell::new(None),
            frame: Mutex::new(Vec::new()),
        }
    }

    /// Reads the controller and answers what needs no decision. Never ends; when the transport
    /// breaks, every other method returns that fault.
    pub async fn run(&self) {
        // Both halves are one task, and the reader is polled first: what it queues, the worker sees
        // in the same poll.
        join(self.read_packets(), self.work()).await;
    }

    async fn read_packets(&self) {
        let mut buffer = [0; 259];
        loop {
            let relevant = match self.controller.read(&mut buffer).await {
                Ok(ControllerToHostPacket::Acl(packet)) => self.state.borrow_mut().on_acl(&packet),
                Ok(ControllerToHostPacket::Event(event)) => self.state.borrow_mut().on_event(&event),
                Ok(_) => false,
                Err(error) => {
                    self.state.borrow_mut().fail(Fault::new(
                        format!("the Bluetooth adapter cannot be read: {error}"),
                        "see that a controller that speaks H4 is there and still runs, then run again",
                    ));
                    self.user.borrow_mut().wake();
                    return std::future::pending().await;
                }
            };
            if relevant {
                self.user.borrow_mut().wake();
            }
        }
    }

    async fn work(&self) {
        loop {
            let out = poll_fn(|_| match self.state.borrow_mut().outbox.pop_front() {
                Some(out) => Poll::Ready(out),
                None => Poll::Pending,
            })
            .await;
            let result = match out {
                Out::Frame(cid, payload) => self.send_frame(cid, &payload).await,
                Out::Update(parameters) => self.update_connection(parameters).await.map_err(Failure::Rig),
            };
            if let Err(Failure::Rig(fault)) = result {
                self.state.borrow_mut().fail(fault);
                self.user.borrow_mut().wake();
            }
        }
    }

    /// Waits until `look` finds something or the bench has broken.
    async fn until<R>(&self, mut look: impl FnMut(&mut State) -> Option<R>) -> Result<R, Fault> {
        poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            if let Some(fault) = &state.fault {
                return Poll::Ready(Err(fault.clone()));
            }
            if let Some(found) = look(&mut state) {
                return Poll::Ready(Ok(found));
            }
            self.user.borrow_mut().register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// As [`Self::until`]; `None` when `deadline` passes first.
    async fn within<R>(
        &self,
        deadline: Duration,
        look: impl FnMut(&mut State) -> Option<R>,
    ) -> Result<Option<R>, Fault> {
        match with_timeout(deadline, self.until(look)).await {
            Ok(found) => found.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Sends one frame in as many fragments as the controller's buffers demand.
    async fn send_frame(&self, cid: u16, payload: &[u8]) -> Result<(), Failure> {
        let sent = with_timeout(SEND_DEADLINE, self.send_fragments(cid, payload)).await;
        sent.unwrap_or_else(|_| {
            let cause =
                format!("the Bluetooth adapter did not send a packet in {} s", SEND_DEADLINE.as_secs());
            Err(Failure::Rig(Fault::new(cause, RESTART)))
        })
    }

    async fn send_fragments(&self, cid: u16, payload: &[u8]) -> Result<(), Failure> {
        let mut frame = self.frame.lock().await;
        let len = u16::try_from(payload.len())
            .map_err(|_| Fault::new("a PDU over 65535 bytes", "make the PDU shorter"))?;
        frame.clear();
        frame.extend_from_slice(&len.to_le_bytes());
        frame.extend_from_slice(&cid.to_le_bytes());
        frame.extend_from_slice(payload);
        let fragment_len = self.state.borrow().acl_len.max(1);
        let mut boundary = AclPacketBoundary::FirstNonFlushable;
        for fragment in frame.chunks(fragment_len) {
            let handle = self.credit().await?;
            let packet = AclPacket::new(handle, boundary, AclBroadcastFlag::PointToPoint, fragment);
            self.controller.write_acl_data(&packet).await.map_err(|error| {
                Fault::new(format!("the Bluetooth adapter does not take data: {error}"), RESTART)
            })?;
            boundary = AclPacketBoundary::Continuing;
        }
        Ok(())
    }

    /// Takes one of the controller's buffers (Core Vol 4 Part E 4.1.1).
    async fn credit(&self) -> Result<bt_hci::param::ConnHandle, Failure> {
        self.until(|state| match state.link {
            Link::Up(handle) if state.credits > 0 => {
                state.credits -= 1;
                Some(Ok(handle))
            }
            Link::Up(_) => None,
            Link::Down(reason) | Link::Failed(reason) => Some(Err(Failure::Gone(reason))),
            Link::Idle => Some(Err(Failure::Rig(not_connected()))),
        })
        .await?
    }

    /// The ATT MTU of the link.
    pub fn mtu(&self) -> u16 {
        self.state.borrow().mtu
    }

    /// True while the link is up.
    pub fn is_connected(&self) -> bool {
        matches!(self.state.borrow().link, Link::Up(_))
    }

    /// Why the link ended, if it has.
    pub fn gone(&self) -> Option<u8> {
        match self.state.borrow().link {
            Link::Down(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether indications of this handle are confirmed by themselves, as they are from the start of
    /// each connection.
    pub fn set_confirm(&self, handle: u16, confirm: bool) {
        let unconfirmed = &mut self.state.borrow_mut().unconfirmed;
        unconfirmed.retain(|known| *known != handle);
        if !confirm {
            unconfirmed.push(handle);
        }
    }

    /// Takes notifications of several values from now on; until then they are unasked PDUs.
    pub fn take_multiple(&self) {
        self.state.borrow_mut().takes_multiple = true;
    }

    /// How many indications have been confirmed on this link.
    pub fn confirmed(&self) -> u32 {
        self.state.borrow().confirmed
    }

    /// How many indications have come on this link.
    pub fn indications(&self) -> u32 {
        self.state.borrow().indications
    }

    /// Takes all notifications and indications that wait, in the order of their arrival.
    pub fn take_pushes(&self) -> Vec<Pushed> {
        self.state.borrow_mut().pushes.drain(..).collect()
    }

    /// Takes the first push of this kind; `None` when none comes within `deadline`.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    pub async fn next_push(
        &self,
        kind: conformance::scenario::Push,
        deadline: Duration,
    ) -> Result<Option<Pushed>, Failure> {
        let found = self.within(deadline, |state| {
            let at = state.pushes.iter().position(|pushed| pushed.push == kind);
            match at.and_then(|at| state.pushes.remove(at)) {
                Some(pushed) => Some(Ok(pushed)),
                None => match state.link {
                    Link::Up(_) => None,
                    Link::Down(reason) | Link::Failed(reason) => Some(Err(Failure::Gone(reason))),
                    Link::Idle => Some(Err(Failure::Rig(not_connected()))),
                },
            }
        });
        found.await?.transpose()
    }

    /// Takes the rules that the device broke outside of any request, and PDUs that nobody asked for.
    pub fn take_breaches(&self) -> Vec<String> {
        let mut state = self.state.borrow_mut();
        let mut breaches = std::mem::take(&mut state.breaches);
        while let Some(pdu) = state.responses.pop_front() {
            breaches.push(format!("an unasked PDU {}", crate::hex::spaced(&pdu)));
            state.spare.push(pdu);
        }
        breaches
    }
}

fn not_connected() -> Fault {
    Fault::new("a step needs a connection and there is none", "put a connect step before it")
}
