//! The transport's side of the server.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::mem;

use crate::advertise::Payload;
use crate::bonds::{self, BondId, BondRecord, SigningKey};
use crate::client::Client;
use crate::events::Events;
use crate::handler;
use crate::observe::Observed;
use crate::permissions::Security;
use crate::reply::ConnId;
use crate::shared::Shared;
use crate::{att, push};

/// What a transport calls. A cheap handle: clones speak to the same server.
///
/// After each [`Server::receive`] the transport sends the response, if any, and then calls
/// [`Server::transmit`] until it gives 0; it does the latter again whenever it is woken.
#[derive(Clone)]
pub struct Server {
    shared: Rc<Shared>,
}

/// What the application wants of the transport, besides PDUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Advertise now. It is false while as many clients as are allowed are connected.
    pub wants_advertising: bool,
    /// The advertising payload.
    pub adv_data: Payload,
    /// The scan response payload.
    pub scan_response: Payload,
    /// Connections to end. Each is given once.
    pub disconnect: Vec<ConnId>,
}

impl Server {
    pub(crate) fn new(shared: Rc<Shared>) -> Self {
        Self { shared }
    }

    /// A client has connected. Gives false, and serves nothing on that connection, if there is no room for
    /// another client.
    ///
    /// A connection that is still known under this number has ended unnoticed: it is closed first.
    pub fn connected(&self, conn: ConnId, security: Security) -> bool {
        self.disconnected(conn);
        {
            let mut clients = self.shared.clients.borrow_mut();
            if clients.len() >= self.shared.config.max_connections {
                return false;
            }
            clients.push(Client::new(conn, security));
        }
        self.shared.observe(Observed::Connected { conn });
        handler::bluetooth_event(&self.shared, Events::CLIENT_CONNECTED);
        self.shared.wake();
        true
    }

    /// A connection has ended. One that is not served is ignored.
    pub fn disconnected(&self, conn: ConnId) {
        let gone = {
            let mut clients = self.shared.clients.borrow_mut();
            let position = clients.iter().position(|client| client.conn == conn);
            position.map(|index| clients.remove(index))
        };
        let Some(gone) = gone else { return };
        bonds::keep(&self.shared, &gone);
        self.shared.gap.borrow_mut().disconnect.retain(|pending| *pending != conn);
        self.shared.observe(Observed::Disconnected { conn });
        handler::bluetooth_event(&self.shared, Events::CLIENT_DISCONNECTED);
        self.shared.wake();
    }

    /// The security of a link has changed. If that encrypts the link of a client that has been identified,
    /// what is kept for its bond is restored. Values that wait to be pushed, and that the client may no longer
    /// read, are dropped (Core Vol 3 Part F 3.2.5).
    pub fn set_security(&self, conn: ConnId, security: Security) {
        self.shared.client(conn, |client| {
            client.security = security;
            client
                .pushes
                .retain(|push| push.characteristic.permissions.read.check_security(security).is_ok());
        });
        bonds::restore_if_encrypted(&self.shared, conn);
    }

    /// Says which bonded client this is: at connection, if its address tells, else once its link is
    /// encrypted with the bond's key. What is kept for the bond (subscriptions, Client Supported Features,
    /// what it knows of the table) is restored when the link is encrypted; until then only its signing key
    /// is used. A bond that is new is remembered from then on.
    ///
    /// Gives false, and changes nothing, if the connection is not served, if another one has this identity,
    /// or if the bond is new and [`crate::Config::max_bonds`] are remembered already.
    pub fn identify(&self, conn: ConnId, id: BondId) -> bool {
        bonds::identify(&self.shared, conn, id)
    }

    /// What is kept for all bonds, those of connected clients included: plain data, for storage that
    /// outlasts the application.
    pub fn bonds(&self) -> Vec<BondRecord> {
        bonds::export(&self.shared)
    }

    /// Replaces what is kept for all bonds, and gives how many were taken: [`crate::Config::max_bonds`] at
    /// most, and one for each id. To be called once the table is built and before clients connect. A client
    /// that knows another table than this is change-unaware when it comes back, and gets a Service Changed
    /// indication if it has subscribed to that.
    pub fn restore_bonds(&self, records: Vec<BondRecord>) -> usize {
        bonds::import(&self.shared, records)
    }

    /// Forgets a bond.
    pub fn forget_bond(&self, id: BondId) {
        bonds::forget(&self.shared, id);
    }

    /// Sets the key that a bonded client signs its commands with, least significant octet first, and the
    /// lowest sign counter that it has not used: 0 after pairing. Gives false if the bond is new and
    /// [`crate::Config::max_bonds`] are remembered already.
    pub fn set_signing_key(&self, id: BondId, csrk: [u8; 16], next_counter: u32) -> bool {
        let key = SigningKey { csrk, next_counter: Some(next_counter) };
        bonds::set_signing_key(&self.shared, id, key)
    }

    /// Takes one ATT PDU from a client and writes the response into `out`, which should have room for
    /// [`crate::Config::max_mtu`] bytes. Gives the response's length; 0 means that nothing is to be sent.
    pub fn receive(&self, conn: ConnId, pdu: &[u8], out: &mut [u8]) -> usize {
        self.shared.observe(Observed::Received { conn, pdu });
        att::receive(&self.shared, conn, pdu, out)
    }

    /// Writes the next notification or indication for a client into `out` and gives its length; 0 means
    /// that there is none now. To be called once the response to the last request has left.
    ///
    /// `now_ms` is any clock that does not go back; an indication must be confirmed within 30 s of it.
    pub fn transmit(&self, conn: ConnId, now_ms: u64, out: &mut [u8]) -> usize {
        push::transmit(&self.shared, conn, now_ms, out)
    }

    /// When [`Server::poll_timeouts`] should be called next, on the clock of [`Server::transmit`].
    pub fn next_deadline_ms(&self) -> Option<u64> {
        push::next_deadline_ms(&self.shared)
    }

    /// Gives up indications that no client has confirmed in time.
    pub fn poll_timeouts(&self, now_ms: u64) {
        push::poll_timeouts(&self.shared, now_ms);
    }

    /// ATT_MTU of a connection, in bytes.
    pub fn mtu(&self, conn: ConnId) -> Option<u16> {
        self.shared.client(conn, |client| client.mtu)
    }

    /// `waker` is called whenever [`Server::transmit`] may have something new or [`Server::gap`] may have
    /// changed.
    pub fn set_waker(&self, waker: impl Fn() + 'static) {
        self.shared.set_waker(Some(Rc::new(waker)));
    }

    /// What the application wants of the transport now.
    pub fn gap(&self) -> Gap {
        let room = self.shared.clients.borrow().len() < self.shared.config.max_connections;
        let mut gap = self.shared.gap.borrow_mut();
        Gap {
            wants_advertising: gap.advertise && room,
            adv_data: gap.adv_data,
            scan_response: gap.scan_response,
            disconnect: mem::take(&mut gap.disconnect),
        }
    }

    /// `observer` is called with everything that happens, in order.
    pub fn observe(&self, observer: impl FnMut(Observed<'_>) + 'static) {
        self.shared.set_observer(Some(Rc::new(RefCell::new(observer))));
    }

    /// Drops every callback, write rule, observer and waker. A server whose handlers hold clones of its own
    /// [`crate::Bluetooth`] or [`crate::Characteristic`] is freed only after this.
    pub fn shut_down(&self) {
        drop(self.shared.callback.take());
        self.shared.set_observer(None);
        self.shared.set_waker(None);
        let states: Vec<_> = self.shared.table.borrow().characteristics().cloned().collect();
        for state in states {
            drop(state.callback.take());
            drop(state.write_rule.take());
        }
    }
}
