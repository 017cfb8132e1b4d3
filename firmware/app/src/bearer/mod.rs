//! The bearer: takes the Attribute Protocol out of the ACL stream, for `gatts`, and leaves the rest
//! to the Bluetooth host. Pairing (channel 6) is the host's where clients may pair, and refused here where not.
//!
//! The controller's packets pass through [`Bearer::pump`]. Frames of L2CAP channel 4 (ATT) go to the
//! server and its answers back to the controller; everything else goes through a bounded queue to
//! the host, which sees the bearer as its HCI transport. The two share the controller's buffers, so
//! the bearer
//! * shows the host fewer buffers than there are and keeps the rest for itself,
//! * tells the host only of its own completed packets,
//! * lets neither begin a frame while the other's is half sent on the same link,
//! * counts the commands that the controller takes, since it sends some of its own.
//!
//! Connections and disconnections reach the server from the same stream: their order to ATT traffic
//! is exact.

mod commands;
mod events;
mod link;
mod packet;
mod pairing;
mod security;
mod transport;

use crate::api::Server;
use crate::bonds::{Bonds, Identity};
use crate::delay::Delay;
use crate::outbox::Outbox;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;
use bt_hci_transport::{PacketKind, ReadHciError, Transport};
use commands::Commands;
use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::{pending, poll_fn};
use core::pin::pin;
use core::task::{Poll, Waker};
use embassy_futures::select::{Either3, select3};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::mutex::Mutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use link::{Arrived, Link, Owner};
use packet::{Acl, AclFragment, RawPacket};
use security::KeyReply;

/// Longest HCI packet from the controller: an event of 2 + 255 bytes, or ACL data with the 251 bytes
/// of the longest data channel PDU (Core Vol 6 Part B 2.4); some room above.
const RX_LEN: usize = 4 + 255 + 5;

/// Packets that wait for the host. It takes them as fast as it can; when it falls behind, the pump
/// waits.
const HOST_QUEUE: usize = 16;

/// A packet for the host, header included.
struct HostPacket {
    kind: PacketKind,
    bytes: Vec<u8>,
}

/// What can go wrong below the host.
#[derive(Debug)]
pub enum BearerError<E> {
    /// The controller's transport failed.
    Transport(E),
    /// A packet could not be decoded.
    Hci(ReadHciError<Infallible>),
}

impl<E: core::fmt::Debug> core::fmt::Display for BearerError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<E: core::fmt::Debug> core::error::Error for BearerError<E> {}

impl<E: embedded_io::Error> embedded_io::Error for BearerError<E> {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            Self::Transport(error) => error.kind(),
            Self::Hci(error) => error.kind(),
        }
    }
}

impl<E> From<ReadHciError<Infallible>> for BearerError<E> {
    fn from(error: ReadHciError<Infallible>) -> Self {
        Self::Hci(error)
    }
}

/// Buffers of the controller, as LE Read Buffer Size gave them, and how many of ours are free.
#[derive(Debug, Default, Clone, Copy)]
struct Buffers {
    fragment_len: usize,
    /// The only buffer there is: lent to whoever finds the controller empty.
    single: bool,
    reserved: usize,
    free: usize,
}

/// What both directions know.
struct State {
    server: Server,
    links: Vec<Link>,
    buffers: Buffers,
    /// Disconnections so far: lets the host's side notice one that it has slept through.
    gone: u32,
    gone_waker: Option<Waker>,
    /// The host waits here until our frame on its link is whole.
    host_writer: Option<Waker>,
    /// Somebody waits here until every answer has left.
    idle_waker: Option<Waker>,
    /// It is a connection's end that waits for this.
    is_ending: bool,
    commands: Commands,
    /// Answers to questions for keys, oldest first; one for each link at most.
    key_replies: VecDeque<KeyReply>,
}

impl State {
    fn link(&mut self, handle: u16) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.handle == handle)
    }
}

/// The bearer over a controller's transport.
pub(crate) struct Bearer<T> {
    transport: T,
    state: RefCell<State>,
    to_host: Channel<NoopRawMutex, HostPacket, HOST_QUEUE>,
    /// A notification waits, a credit came back, or the host has finished a frame.
    work: Rc<Signal<NoopRawMutex, ()>>,
    /// What the server wants of GAP may have changed.
    gap: Rc<Signal<NoopRawMutex, ()>>,
    /// Chips write a packet in several parts: one writer at a time.
    writing: Mutex<NoopRawMutex, ()>,
    outbox: Rc<Outbox>,
    /// Barriers that wait until everything sent has been acknowledged, or all but responses.
    barriers: RefCell<Vec<(u16, bool)>>,
    last_reason: Rc<Cell<u8>>,
    /// What handlers have asked for.
    delay: Delay,
    bonds: Rc<Bonds>,
    /// Clients may pair.
    pairs: Cell<bool>,
    /// The host has a key to give to this link.
    #[cfg(feature = "pairing")]
    key_asked: Channel<NoopRawMutex, u16, { crate::MAX_CLIENTS }>,
}

impl<T: Transport> Bearer<T> {
    /// A bearer that serves nobody until a server is given.
    pub(crate) fn new(
        transport: T,
        server: Server,
        outbox: Rc<Outbox>,
        delay: Delay,
        bonds: Rc<Bonds>,
    ) -> Self {
        let bearer = Self {
            transport,
            state: RefCell::new(State {
                server: server.clone(),
                links: Vec::new(),
                buffers: Buffers::default(),
                gone: 0,
                gone_waker: None,
                host_writer: None,
                idle_waker: None,
                is_ending: false,
                commands: Commands::new(),
                key_replies: VecDeque::new(),
            }),
            to_host: Channel::new(),
            work: Rc::new(Signal::new()),
            gap: Rc::new(Signal::new()),
            writing: Mutex::new(()),
            outbox,
            barriers: RefCell::new(Vec::new()),
            last_reason: Rc::new(Cell::new(0)),
            delay,
            bonds,
            pairs: Cell::new(false),
            #[cfg(feature = "pairing")]
            key_asked: Channel::new(),
        };
        bearer.serve(server, false);
        bearer
    }

    /// Hands over to another server, with whose clients the host pairs or not. Links that are still up stay with
    /// the old one's state gone: the caller disconnects first.
    pub(crate) fn serve(&self, server: Server, pairs: bool) {
        self.pairs.set(pairs);
        let (work, gap) = (self.work.clone(), self.gap.clone());
        server.set_waker(move || {
            work.signal(());
            gap.signal(());
        });
        crate::trace::observe(&server, &self.outbox, &self.last_reason);
        self.state.borrow_mut().server = server;
    }

    /// The server in charge.
    pub(crate) fn server(&self) -> Server {
        self.state.borrow().server.clone()
    }

    /// Returns when what the server wants of GAP may have changed since the last call.
    pub(crate) async fn gap_changed(&self) {
        self.gap.wait().await;
    }

    /// How often a client has disconnected.
    pub(crate) fn disconnections(&self) -> u32 {
        self.state.borrow().gone
    }

    /// Returns once there have been more disconnections than `epoch`.
    pub(crate) async fn gone_since(&self, epoch: u32) {
        poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            if state.gone != epoch {
                return Poll::Ready(());
            }
            state.gone_waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// How many clients are connected.
    pub(crate) fn connections(&self) -> usize {
        self.state.borrow().links.len()
    }

    /// Returns once every answer that was asked for has reached its client, or after `deadline`.
    pub(crate) async fn idle(&self, deadline: Duration) {
        self.state.borrow_mut().is_ending = true;
        let idle = poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            if state.links.iter().all(Link::is_idle) {
                return Poll::Ready(());
            }
            state.idle_waker = Some(cx.waker().clone());
            Poll::Pending
        });
        // Best effort: a client that acknowledges nothing is gone anyway.
        let _ = with_timeout(deadline, idle).await;
        self.state.borrow_mut().is_ending = false;
    }

    /// Answers the barrier `id` once the client's controller has acknowledged every ATT PDU that the server
    /// had to send: what a client will ever get of it, it has then. `answered`: it has the responses already.
    pub(crate) fn barrier(&self, id: u16, answered: bool) {
        self.barriers.borrow_mut().push((id, answered));
        self.work.signal(());
    }

    fn answer_barriers(&self) {
        let mut barriers = self.barriers.borrow_mut();
        if barriers.is_empty() {
            return;
        }
        let state = self.state.borrow();
        barriers.retain(|(id, answered)| {
            // A connection that is to end waits for its answers: the client's next request would be answered as well.
            let answered = *answered && !state.is_ending;
            let passed = state.links.iter().all(|link| link.is_quiet(answered));
            if passed {
                self.outbox.barrier(*id);
            }
            !passed
        });
    }

    /// Moves packets between controller, server and host, for ever or until the transport fails.
    pub(crate) async fn pump(&self) -> T::Error {
        let mut rx = [0u8; RX_LEN];
        loop {
            let packet = {
                let mut read = pin!(self.transport.read::<RawPacket<'_>>(&mut rx));
                loop {
                    // Reads of real transports must not be cancelled: the same read goes on.
                    match select3(&mut read, self.work.wait(), self.deadline()).await {
                        Either3::First(Ok(packet)) => break packet,
                        Either3::First(Err(error)) => return error,
                        Either3::Second(()) => {}
                        Either3::Third(now) => self.on_deadline(now),
                    }
                    if let Err(error) = self.send_all().await {
                        return error;
                    }
                    self.answer_barriers();
                }
            };
            self.route(packet).await;
            if let Err(error) = self.send_all().await {
                return error;
            }
            self.answer_barriers();
            if let Some(waker) = self.state.borrow_mut().idle_waker.take() {
                waker.wake();
            }
        }
    }

    /// Returns the time once an indication or an answer has waited long enough.
    async fn deadline(&self) -> Instant {
        let held = self.state.borrow().links.iter().filter_map(|link| link.held_until).min();
        let indication = self.server().next_deadline_ms().map(Instant::from_millis);
        let Some(deadline) = held.into_iter().chain(indication).min() else {
            return pending().await;
        };
        Timer::at(deadline).await;
        Instant::now()
    }

    fn on_deadline(&self, now: Instant) {
        for link in &mut self.state.borrow_mut().links {
            link.held_until = link.held_until.filter(|until| *until > now);
        }
        self.server().poll_timeouts(now.as_millis());
    }

    async fn route(&self, packet: RawPacket<'_>) {
        let RawPacket { kind, bytes } = packet;
        let for_host = match kind {
            PacketKind::Event => self.on_event(bytes),
            PacketKind::AclData => match self.on_acl(bytes) {
                HostsShare::Nothing => return,
                HostsShare::AsItCame => true,
                HostsShare::Instead(bytes) => {
                    self.to_host.send(HostPacket { kind, bytes }).await;
                    return;
                }
            },
            _ => true,
        };
        if for_host {
            let len = match (kind, &*bytes) {
                (PacketKind::Event, [_, parameters, ..]) => 2 + usize::from(*parameters),
                _ => bytes.len(),
            };
            let bytes = bytes.get(..len).unwrap_or(bytes).to_vec();
            self.to_host.send(HostPacket { kind, bytes }).await;
        }
    }

    fn on_acl(&self, packet: &[u8]) -> HostsShare {
        let Some(acl) = Acl::parse(packet) else {
            return HostsShare::Nothing;
        };
        let mut state = self.state.borrow_mut();
        let server = state.server.clone();
        let Some(link) = state.link(acl.handle) else {
            return HostsShare::AsItCame;
        };
        let id = link.id();
        let Link { inbound, inbox, out, held_until, .. } = link;
        let busy = !out.is_empty() || !inbox.is_empty() || held_until.is_some();
        match inbound.arrive(acl.start, acl.data) {
            Arrived::Kept => HostsShare::Nothing,
            Arrived::Host => match !acl.start || link.on_host_frame(acl.data, self.pairs.get()) {
                true => HostsShare::AsItCame,
                false => HostsShare::Nothing,
            },
            Arrived::HostStart(frame) => match link.on_host_frame(&frame, self.pairs.get()) {
                true => HostsShare::Instead(start_packet(acl.handle, &frame)),
                false => HostsShare::Nothing,
            },
            Arrived::Pdu(pdu) if busy => {
                if !inbox.hold(pdu) {
                    crate::trace::received(&self.outbox, id, pdu);
                }
                HostsShare::Nothing
            }
            // Handlers run in here. They reach the server's API and the console, never the bearer.
            Arrived::Pdu(pdu) => {
                out.fill(Owner::of_answer(pdu), |response| server.receive(id, pdu, response));
                *held_until = self.hold();
                HostsShare::Nothing
            }
        }
    }

    /// Until when the link whose request was just handled is held back, if a handler asked for it.
    fn hold(&self) -> Option<Instant> {
        match self.delay.take() {
            0 => None,
            ms => Some(Instant::now() + Duration::from_millis(u64::from(ms))),
        }
    }

    /// Sends what there is to send on every link, as far as the controller has room.
    async fn send_all(&self) -> Result<(), T::Error> {
        self.answer_key_requests().await?;
        let count = self.state.borrow().links.len();
        for index in 0..count {
            while self.refill(index) {
                if !self.send_fragments(index).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Puts the next PDU into the link's empty place: first what answers a waiting request, then what
    /// the server sends of its own accord. False when there is none.
    fn refill(&self, index: usize) -> bool {
        let mut state = self.state.borrow_mut();
        let server = state.server.clone();
        let Some(link) = state.links.get_mut(index) else {
            return false;
        };
        if link.held_until.is_some() {
            return false;
        }
        if !link.out.is_empty() {
            return true;
        }
        let id = link.id();
        if link.fill_refusal() {
            self.outbox.event(wire::Event::PairingFailed { conn: link.handle });
            return true;
        }
        match link.inbox.next() {
            Some(pdu) => {
                link.out.fill(Owner::of_answer(&pdu), |response| server.receive(id, &pdu, response));
                link.held_until = self.hold();
                if link.held_until.is_some() {
                    return false;
                }
            }
            None => {
                link.out.fill(Owner::Unasked, |push| server.transmit(id, Instant::now().as_millis(), push));
            }
        }
        !link.out.is_empty() || !link.inbox.is_empty()
    }

    /// Sends fragments of the link's current PDU. False when the controller has no room, or the host
    /// is in the middle of a frame of its own.
    async fn send_fragments(&self, index: usize) -> Result<bool, T::Error> {
        loop {
            let _turn = self.writing.lock().await;
            let mut fragment = [0u8; RX_LEN];
            let (handle, start, len) = {
                let mut state = self.state.borrow_mut();
                let buffers = state.buffers;
                let Some(link) = state.links.get_mut(index) else {
                    return Ok(false);
                };
                let taken = buffers.single && !link.in_controller.is_empty();
                if buffers.free == 0 || taken || link.host_unsent > 0 {
                    return Ok(link.out.is_empty());
                }
                let handle = link.handle;
                let max = buffers.fragment_len.min(fragment.len());
                let Some((start, data)) = link.out.next_fragment(max) else {
                    return Ok(true);
                };
                let len = data.len();
                let Some(copy) = fragment.get_mut(..len) else {
                    return Ok(true);
                };
                copy.copy_from_slice(data);
                link.in_controller.push_back(link.out.owner());
                let split = link.out.is_split();
                state.buffers.free -= 1;
                if !split && let Some(waker) = state.host_writer.take() {
                    waker.wake();
                }
                (handle, start, len)
            };
            let data = fragment.get(..len).unwrap_or_default();
            self.transport.write(&AclFragment { handle, start, data }).await?;
        }
    }

    /// Waits until the host may write this fragment, and notes that it is the host's.
    async fn host_turn(&self, handle: u16, start: bool, data: &[u8]) {
        poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            let single = state.buffers.single;
            let Some(link) = state.link(handle) else {
                return Poll::Ready(());
            };
            if (start && link.out.is_split()) || (single && !link.in_controller.is_empty()) {
                state.host_writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if start {
                let [len_lo, len_hi] = data.first_chunk().copied().unwrap_or_default();
                let whole = link::L2CAP_HEADER + usize::from(u16::from_le_bytes([len_lo, len_hi]));
                link.host_unsent = whole.saturating_sub(data.len());
            } else {
                link.host_unsent = link.host_unsent.saturating_sub(data.len());
            }
            link.in_controller.push_back(Owner::Host);
            if link.host_unsent == 0 && !link.out.is_empty() {
                self.work.signal(());
            }
            Poll::Ready(())
        })
        .await;
    }

    fn connected(&self, handle: u16, client: Identity) {
        let security = self.security_of(client);
        let mut state = self.state.borrow_mut();
        let server = state.server.clone();
        state.forget_link(handle);
        state.links.push(Link::new(handle, usize::from(crate::MAX_MTU), client, security));
        drop(state);
        let conn = gatts::ConnId(handle);
        if server.connected(conn, security) && security.bonded {
            server.identify(conn, client.bond_id());
        }
    }

    fn disconnected(&self, handle: u16, reason: u8) {
        self.last_reason.set(reason);
        let mut state = self.state.borrow_mut();
        if let Some(link) = state.link(handle) {
            // The controller forgets the packets of a link that is gone (Core Vol 4 Part E 4.3).
            let ours = link.in_controller.iter().filter(|owner| **owner != Owner::Host).count();
            state.buffers.free = (state.buffers.free + ours).min(state.buffers.reserved);
        }
        state.forget_link(handle);
        state.gone = state.gone.wrapping_add(1);
        let wakers = [state.gone_waker.take(), state.host_writer.take()];
        let server = state.server.clone();
        drop(state);
        server.disconnected(gatts::ConnId(handle));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// What of an ACL packet is the host's.
enum HostsShare {
    Nothing,
    AsItCame,
    Instead(Vec<u8>),
}

/// An ACL packet with boundary flag 10, as controllers deliver the start of a frame.
fn start_packet(handle: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(4 + payload.len());
    packet.extend((handle & 0x0FFF | 0b10 << 12).to_le_bytes());
    packet.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_le_bytes());
    packet.extend_from_slice(payload);
    packet
}
