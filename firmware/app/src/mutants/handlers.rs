//! Handlers that run otherwise.

use super::layer::Layer;
use super::values;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use gatts::{Call, ConnId, Events, Observed, Reply, Value};
use wire::mutant::{Deviation, HandlerAct, Registration};

/// Runs a handler.
pub(super) type Run = dyn FnMut(&Call<'_>) -> Reply;

/// What is registered, by the handle of the value.
#[derive(Default)]
pub(super) struct Handlers {
    registered: BTreeMap<u16, (Events, Rc<RefCell<Run>>)>,
    /// Answers kept for the next read.
    later: BTreeMap<u16, Reply>,
}

impl Handlers {
    pub(super) fn clear(&mut self) {
        self.registered.clear();
        self.later.clear();
    }

    pub(super) fn register(&mut self, handle: u16, trigger: Events, run: Rc<RefCell<Run>>) {
        self.registered.insert(handle, (trigger, run));
    }

    pub(super) fn remove(&mut self, handle: u16) {
        self.registered.remove(&handle);
    }
}

impl Layer {
    fn registrations(&self) -> impl Iterator<Item = Registration> {
        self.deviations.iter().filter_map(|deviation| match deviation {
            Deviation::Registration(registration) => Some(*registration),
            _ => None,
        })
    }

    fn handler_acts(&self, event: Events) -> impl Iterator<Item = HandlerAct> {
        self.deviations.iter().filter_map(move |deviation| match deviation {
            Deviation::Handler(bits, act) if event.bits() & bits != 0 => Some(*act),
            _ => None,
        })
    }

    /// The triggers that a callback really gets; `None`: what is registered stays.
    pub(super) fn trigger(&self, handle: u16, trigger: Events) -> Option<Events> {
        let has_one = self.handlers.borrow().registered.contains_key(&handle);
        let mut given = trigger;
        for registration in self.registrations() {
            match registration {
                Registration::Add(where_any, then) if given.bits() & where_any != 0 => {
                    given |= Events::from_bits_retain(then);
                }
                Registration::Add(..) => {}
                Registration::Remove(which) => given -= Events::from_bits_retain(which),
                Registration::FirstStays if has_one && !trigger.is_empty() => {
                    self.deviated();
                    return None;
                }
                Registration::NotRemoved if has_one && trigger.is_empty() => {
                    self.deviated();
                    return None;
                }
                Registration::FirstStays | Registration::NotRemoved => {}
            }
        }
        self.deviated_if(given != trigger);
        Some(given)
    }

    /// Whether the trace learns of a handler's run, and how often.
    pub(super) fn reports_of(&self, event: Events) -> usize {
        match self.quiet.get() {
            true => 0,
            false if self.handler_acts(event).any(|act| act == HandlerAct::Skip) => 0,
            false if self.handler_acts(event).any(|act| act == HandlerAct::Twice) => 2,
            false => 1,
        }
    }

    /// Runs a characteristic's handler as this device does.
    pub(super) fn run(&self, handle: u16, call: &Call<'_>, run: &mut Run) -> Reply {
        if self.quiet.get() {
            return Reply::Stored;
        }
        let before = self.values.borrow().before(handle);
        let acts: Vec<HandlerAct> = self.handler_acts(call.event).collect();
        let told = match &before {
            Some(before) if acts.contains(&HandlerAct::ToldOldValue) => before.as_slice(),
            _ => call.value,
        };
        self.deviated_if(told != call.value);
        let call = Call { value: told, ..*call };
        self.running(handle, call.event);
        let mut reply = Reply::Stored;
        let mut times = 1;
        for act in &acts {
            match act {
                HandlerAct::Skip => times = 0,
                HandlerAct::Twice => times = 2,
                HandlerAct::OldValue => self.values.borrow_mut().show_old(handle),
                _ => {}
            }
        }
        self.deviated_if(times != 1);
        for _ in 0..times {
            reply = run(&call);
        }
        self.deviated_if(self.values.borrow_mut().show_new());
        self.running(handle, Events::empty());
        let real = reply.clone();
        let given =
            acts.into_iter().fold(reply, |reply, act| self.replied(handle, act, reply, before.as_deref()));
        let given = self.kept_for_read(handle, call.event, given);
        self.deviated_if(given != real);
        given
    }

    fn replied(&self, handle: u16, act: HandlerAct, reply: Reply, before: Option<&[u8]>) -> Reply {
        match (act, reply) {
            (HandlerAct::ReplyDropped, Reply::Value(_)) => Reply::Stored,
            (HandlerAct::ReplyStored, Reply::Value(bytes)) => {
                if let Some(characteristic) = self.characteristic(handle)
                    && characteristic.value() != bytes
                {
                    self.deviated_if(characteristic.set_value(Value::Bytes(&bytes)).is_ok());
                }
                Reply::Value(bytes)
            }
            (HandlerAct::ReplyKeep(count), Reply::Value(mut bytes)) => {
                bytes.truncate(usize::from(count));
                Reply::Value(bytes)
            }
            (HandlerAct::ReplyModulo, Reply::Value(bytes)) if bytes.len() % 256 == 0 => {
                Reply::Value(Vec::new())
            }
            (HandlerAct::ReplyReversed, Reply::Value(mut bytes)) => {
                bytes.reverse();
                Reply::Value(bytes)
            }
            (HandlerAct::ReplyLater, reply @ Reply::Value(_)) => {
                self.handlers.borrow_mut().later.insert(handle, reply);
                Reply::Stored
            }
            (HandlerAct::StoredBefore, Reply::Stored) => {
                before.map_or(Reply::Stored, |before| Reply::Value(before.to_vec()))
            }
            (HandlerAct::NoReject, Reply::Reject(_)) => Reply::Stored,
            (_, reply) => reply,
        }
    }

    /// An answer that was kept answers the next read.
    fn kept_for_read(&self, handle: u16, event: Events, reply: Reply) -> Reply {
        if event != Events::CHAR_READ_EVENT {
            return reply;
        }
        self.handlers.borrow_mut().later.remove(&handle).unwrap_or(reply)
    }

    /// Runs the Bluetooth object's handler as this device does.
    pub(super) fn run_bluetooth(&self, event: Events, mut run: impl FnMut()) {
        let mut times = 1;
        for act in self.handler_acts(event) {
            match act {
                HandlerAct::Skip => times = 0,
                HandlerAct::Twice => times = 2,
                _ => {}
            }
        }
        self.deviated_if(times != 1);
        self.running(0, event);
        for _ in 0..times {
            run();
        }
        self.running(0, Events::empty());
    }

    /// Lets a value that the application has set count as a client's write.
    pub(super) fn as_write(&self, handle: u16) {
        let event = Events::CHAR_WRITE_EVENT;
        self.stash(handle, event);
        let registered = self.handlers.borrow().registered.get(&handle).cloned();
        let Some((trigger, run)) = registered else { return };
        // A handler that sets its own value is not entered again.
        if let Ok(mut run) = run.try_borrow_mut()
            && trigger.contains(event)
        {
            let value = self.characteristic(handle).map(|it| it.value()).unwrap_or_default();
            self.report(Observed::Handler { handle, event, value: &value });
            let _ = run(&Call { event, value: &value, conn: ConnId(values::NO_CLIENT) });
        }
    }
}
