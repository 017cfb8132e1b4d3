//! Characteristics.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use crate::attribute::CharacteristicState;
use crate::error::{AttError, Error};
use crate::events::Events;
use crate::handler::CharacteristicCallback;
use crate::push;
use crate::reply::{Call, Reply};
use crate::shared::Shared;
use crate::uuid::Uuid;
use crate::value::Value;

/// A characteristic in the table. A cheap handle: clones are the same characteristic.
///
/// A handler that holds a clone of its own characteristic keeps the server alive until
/// [`crate::Server::shut_down`]; it need not, since it is given one.
#[derive(Clone)]
pub struct Characteristic {
    shared: Rc<Shared>,
    state: Rc<CharacteristicState>,
}

impl Characteristic {
    pub(crate) fn new(shared: &Rc<Shared>, state: &Rc<CharacteristicState>) -> Self {
        Self { shared: Rc::clone(shared), state: Rc::clone(state) }
    }

    /// The stored value.
    pub fn value(&self) -> Vec<u8> {
        self.state.value().to_vec()
    }

    /// Stores a value and queues it as a notification, or else an indication, for each client that has
    /// subscribed. It runs no handler. Inside a handler, what is queued leaves after the response.
    ///
    /// # Errors
    /// An integer out of range, a value above this characteristic's limit or not of its fixed length, or
    /// [`Error::QueueFull`] if a subscribed client has [`crate::Config::push_queue`] values waiting already.
    /// The old value stays and nothing is queued for anybody.
    pub fn set_value<'a>(&self, value: impl Into<Value<'a>>) -> Result<(), Error> {
        let bytes = value.into().encode()?;
        self.state.check_length(bytes.len())?;
        push::set_value(&self.shared, &self.state, bytes.into())
    }

    /// Runs `handler` with this characteristic at each event in `trigger`, in place of any earlier handler.
    /// With an empty `trigger` the callback is removed.
    pub fn callback<R: Into<Reply>>(
        &self,
        trigger: Events,
        mut handler: impl FnMut(&Characteristic, &Call<'_>) -> R + 'static,
    ) {
        let erased = move |owner: &Characteristic, call: &Call<'_>| handler(owner, call).into();
        let callback = CharacteristicCallback { trigger, handler: Rc::new(RefCell::new(erased)) };
        self.replace_callback(Some(callback).filter(|callback| !callback.trigger.is_empty()));
    }

    /// Like [`Characteristic::callback`], but the handler is given `arg` instead.
    pub fn callback_with<A: 'static, R: Into<Reply>>(
        &self,
        trigger: Events,
        arg: A,
        mut handler: impl FnMut(&A, &Call<'_>) -> R + 'static,
    ) {
        self.callback(trigger, move |_, call| handler(&arg, call));
    }

    /// Removes the callback.
    pub fn remove_callback(&self) {
        self.replace_callback(None);
    }

    fn replace_callback(&self, callback: Option<CharacteristicCallback>) {
        // The old one is dropped after the borrow: dropping it may run code of the application.
        drop(self.state.callback.replace(callback));
    }

    /// The events since the last call, which clears them.
    pub fn events(&self) -> Events {
        self.state.events.take()
    }

    /// Sets a rule that is asked before a client's write is stored, or removes it. If the rule refuses, the
    /// client gets its error, no handler runs and nothing changes.
    ///
    /// It is given the value that would be stored. For a write in parts it is asked at each Prepare Write,
    /// with that part, and at Execute Write with the whole value.
    pub fn authorise_write(
        &self,
        rule: Option<impl FnMut(&Characteristic, &[u8]) -> Result<(), AttError> + 'static>,
    ) {
        let rule = rule.map(|rule| Rc::new(RefCell::new(rule)) as _);
        drop(self.state.write_rule.replace(rule));
    }

    /// Handle of the characteristic value.
    pub fn value_handle(&self) -> u16 {
        self.state.handle.get()
    }

    /// Handle of its first descriptor with this UUID, the CCCD included; `None` if there is none, or its
    /// service is stopped.
    pub fn descriptor_handle(&self, uuid: Uuid) -> Option<u16> {
        self.shared.table.borrow().descriptor_handle(self.value_handle(), uuid)
    }

    /// UUID of the characteristic.
    pub fn uuid(&self) -> Uuid {
        self.state.uuid
    }
}

impl fmt::Debug for Characteristic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Characteristic({} at {:#06x})", self.uuid(), self.value_handle())
    }
}
