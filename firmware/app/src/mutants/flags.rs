//! What `events()` gives otherwise.

use super::layer::Layer;
use alloc::collections::BTreeMap;
use gatts::Events;
use wire::mutant::{Deviation, Flags};

/// By the handle of the value; 0 is the Bluetooth object.
pub(super) type FlagStates = BTreeMap<u16, FlagState>;

/// What is kept for one object besides the server's own flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlagState {
    /// To be given as well.
    stash: Events,
    /// Given once, given always.
    kept: Events,
    /// Handlers ran for them since the last call.
    handled: Events,
    /// What the handler that is running now runs for.
    running: Events,
}

impl Default for FlagState {
    fn default() -> Self {
        let none = Events::empty();
        Self { stash: none, kept: none, handled: none, running: none }
    }
}

impl Layer {
    fn flag_state<R>(&self, handle: u16, with: impl FnOnce(&mut FlagState) -> R) -> R {
        with(self.flags.borrow_mut().entry(handle).or_default())
    }

    fn flag_deviations(&self) -> impl Iterator<Item = Flags> {
        self.deviations.iter().filter_map(|deviation| match deviation {
            Deviation::Flags(flags) => Some(*flags),
            _ => None,
        })
    }

    /// A handler begins or, with nothing, has ended.
    pub(super) fn running(&self, handle: u16, event: Events) {
        self.flag_state(handle, |state| {
            state.running = event;
            state.handled |= event;
        });
    }

    /// Sets a flag besides those that the server sets.
    pub(super) fn stash(&self, handle: u16, events: Events) {
        self.flag_state(handle, |state| state.stash |= events);
    }

    /// What `events()` of an object gives. `take` reads and clears the server's.
    pub(super) fn events(&self, handle: u16, take: &dyn Fn() -> Events) -> Events {
        let real = take();
        let right = real | self.flag_state(handle, |state| core::mem::take(&mut state.stash));
        let given = self.flag_deviations().fold(right, |given, flags| self.given(handle, flags, given));
        self.flag_state(handle, |state| state.handled = Events::empty());
        self.deviated_if(given != real);
        given
    }

    fn given(&self, handle: u16, flags: Flags, given: Events) -> Events {
        let bits = Events::from_bits_retain;
        match flags {
            Flags::Keep(which) => self.flag_state(handle, |state| {
                state.kept |= given & bits(which);
                given | state.kept
            }),
            Flags::Lose(which) => given - bits(which),
            Flags::Rename(from, to) if given.intersects(bits(from)) => (given - bits(from)) | bits(to),
            Flags::Rename(..) => given,
            Flags::One => bits(given.bits() & given.bits().wrapping_neg()),
            Flags::Unhandled(which) => self.flag_state(handle, |state| given - (bits(which) - state.handled)),
            Flags::Late(which) => self.flag_state(handle, |state| {
                let late = given & bits(which) & state.running;
                state.stash |= late;
                given - late
            }),
            Flags::EndWithConnection => given,
            Flags::Shared if handle == 0 => given,
            Flags::Shared => {
                let all = self.characteristics.borrow();
                all.iter().fold(given, |sum, characteristic| sum | characteristic.events())
            }
        }
    }

    /// A connection has ended.
    pub(super) fn clear_flags(&self) {
        if !self.flag_deviations().any(|flags| flags == Flags::EndWithConnection) {
            return;
        }
        for characteristic in self.characteristics.borrow().iter() {
            self.deviated_if(!characteristic.events().is_empty());
        }
    }

    /// Lets `ask` leave no flags behind.
    pub(super) fn quietly<R>(&self, ask: impl FnOnce() -> R) -> R {
        let all = self.characteristics.borrow().clone();
        for characteristic in &all {
            self.stash(characteristic.value_handle(), characteristic.events());
        }
        let was = self.quiet.replace(true);
        let result = ask();
        self.quiet.set(was);
        for characteristic in &all {
            characteristic.events();
        }
        result
    }
}
