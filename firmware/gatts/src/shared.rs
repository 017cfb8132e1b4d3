//! The state that all handles of one server share.
//!
//! Each part has a cell of its own, and no borrow is held while a handler, the observer or the waker runs:
//! they may call back into this crate.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use crate::advertise::GapState;
use crate::api::Config;
use crate::attribute::CharacteristicState;
use crate::bonds::Bonds;
use crate::client::Client;
use crate::events::Events;
use crate::handler::BluetoothCallback;
use crate::observe::Observed;
use crate::reply::ConnId;
use crate::table::Table;

type Observer = dyn FnMut(Observed<'_>);

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) table: RefCell<Table>,
    pub(crate) clients: RefCell<Vec<Client>>,
    pub(crate) bonds: RefCell<Bonds>,
    /// The Service Changed characteristic, if there is one.
    pub(crate) service_changed: RefCell<Option<Rc<CharacteristicState>>>,
    pub(crate) gap: RefCell<GapState>,
    pub(crate) events: Cell<Events>,
    pub(crate) callback: RefCell<Option<BluetoothCallback>>,
    last_id: Cell<u32>,
    observer: RefCell<Option<Rc<RefCell<Observer>>>>,
    waker: RefCell<Option<Rc<dyn Fn()>>>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            table: RefCell::default(),
            clients: RefCell::default(),
            bonds: RefCell::default(),
            service_changed: RefCell::default(),
            gap: RefCell::default(),
            last_id: Cell::default(),
            events: Cell::default(),
            callback: RefCell::default(),
            observer: RefCell::default(),
            waker: RefCell::default(),
        }
    }

    /// A number for a new characteristic.
    pub(crate) fn new_id(&self) -> u32 {
        let id = self.last_id.get().wrapping_add(1);
        self.last_id.set(id);
        id
    }

    /// Looks at one client; `None` if the connection is not served. `f` must run nothing of the application.
    #[inline]
    pub(crate) fn client<R>(&self, conn: ConnId, f: impl FnOnce(&mut Client) -> R) -> Option<R> {
        self.clients.borrow_mut().iter_mut().find(|client| client.conn == conn).map(f)
    }

    pub(crate) fn set_observer(&self, observer: Option<Rc<RefCell<Observer>>>) {
        // The old one is dropped after the borrow: dropping it may run code of the application.
        drop(self.observer.replace(observer));
    }

    pub(crate) fn set_waker(&self, waker: Option<Rc<dyn Fn()>>) {
        drop(self.waker.replace(waker));
    }

    #[inline]
    pub(crate) fn observe(&self, event: Observed<'_>) {
        let Some(observer) = self.observer.borrow().clone() else {
            return;
        };
        // An observer that calls the server does not observe what it causes itself.
        if let Ok(mut observer) = observer.try_borrow_mut() {
            observer(event);
        }
    }

    pub(crate) fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker();
        }
    }
}
