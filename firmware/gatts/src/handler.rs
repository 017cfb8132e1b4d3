//! Running the application's handlers.

use alloc::rc::Rc;
use core::cell::RefCell;

use crate::api::{Bluetooth, Characteristic};
use crate::attribute::CharacteristicState;
use crate::error::AttError;
use crate::events::Events;
use crate::observe::Observed;
use crate::reply::{Call, Reply};
use crate::shared::Shared;

type CharacteristicHandler = dyn FnMut(&Characteristic, &Call<'_>) -> Reply;
type BluetoothHandler = dyn FnMut(&Bluetooth, Events);
type Rule = dyn FnMut(&Characteristic, &[u8]) -> Result<(), AttError>;

#[derive(Clone)]
pub(crate) struct CharacteristicCallback {
    pub(crate) trigger: Events,
    pub(crate) handler: Rc<RefCell<CharacteristicHandler>>,
}

#[derive(Clone)]
pub(crate) struct BluetoothCallback {
    pub(crate) trigger: Events,
    pub(crate) handler: Rc<RefCell<BluetoothHandler>>,
}

/// The authorisation check of a characteristic.
pub(crate) type WriteRule = Rc<RefCell<Rule>>;

/// Sets the event's flag and then runs the handler, if one is registered for it. The flag comes first, so
/// that the handler finds it in `events()`.
pub(crate) fn characteristic_event(
    shared: &Rc<Shared>,
    state: &Rc<CharacteristicState>,
    call: &Call<'_>,
) -> Reply {
    state.flag(call.event);
    let callback =
        state.callback.borrow().as_ref().filter(|found| found.trigger.contains(call.event)).cloned();
    let Some(callback) = callback else {
        return Reply::Stored;
    };
    shared.observe(Observed::Handler { handle: state.handle.get(), event: call.event, value: call.value });
    // Only a handler that feeds the server a PDU can be running already; it is not entered twice.
    let Ok(mut handler) = callback.handler.try_borrow_mut() else {
        return Reply::Stored;
    };
    handler(&Characteristic::new(shared, state), call)
}

/// The authorisation check before a write is stored.
pub(crate) fn authorise_write(
    shared: &Rc<Shared>,
    state: &Rc<CharacteristicState>,
    value: &[u8],
) -> Result<(), AttError> {
    let rule = state.write_rule.borrow().clone();
    let Some(rule) = rule else { return Ok(()) };
    let Ok(mut rule) = rule.try_borrow_mut() else {
        return Ok(());
    };
    rule(&Characteristic::new(shared, state), value)
}

/// Sets the event's flag on the Bluetooth object and then runs its handler, if registered for it.
pub(crate) fn bluetooth_event(shared: &Rc<Shared>, event: Events) {
    shared.events.set(shared.events.get() | event);
    let callback = shared.callback.borrow().as_ref().filter(|found| found.trigger.contains(event)).cloned();
    let Some(callback) = callback else { return };
    let Ok(mut handler) = callback.handler.try_borrow_mut() else {
        return;
    };
    handler(&Bluetooth::new_handle(shared), event);
}
