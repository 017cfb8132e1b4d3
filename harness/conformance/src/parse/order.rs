//! Whether each step can follow the ones before it.

use std::collections::HashMap;

use super::sink::{Mark, Sink};
use crate::diagnostic::Code;
use crate::scenario::{
    Action, BoardAction, Characteristic, CharacteristicRef, DescriptorRef, Device, Expect, Push,
};

/// What is known of the bench between two steps.
pub(super) struct Order<'d> {
    device: &'d Device,
    connected: bool,
    /// CCCD bits that were set at any time during this connection: what was sent before an
    /// unsubscription may still be asked for.
    subscribed: HashMap<CharacteristicRef, u16>,
    /// A raw PDU may have subscribed to anything.
    raw: bool,
    /// False once a step could not be read: what follows it cannot be judged.
    known: bool,
}

impl<'d> Order<'d> {
    pub(super) fn new(device: &'d Device) -> Self {
        Self { device, connected: false, subscribed: HashMap::new(), raw: false, known: true }
    }

    /// Says that a step could not be read.
    pub(super) fn lose(&mut self) {
        self.known = false;
    }

    /// Judges a step and goes on to the state after it.
    pub(super) fn step(&mut self, action: &Action, word: &str, mark: Mark, sink: &mut Sink) {
        if !self.known {
            return;
        }
        if *action == Action::Connect && self.connected {
            let hint = "remove this step, or put `disconnect` before it";
            sink.report(Code::AlreadyConnected, mark, "the client is connected already", hint);
        }
        if needs_connection(action) && !self.connected {
            let message = format!("`{word}` needs a connection, and there is none here");
            sink.report(Code::NotConnected, mark, message, "put `connect` before this step");
            // One report for each gap is enough.
            self.connect();
        }
        match action {
            Action::Connect => self.connect(),
            Action::Disconnect | Action::Restart | Action::Board(BoardAction::DisconnectClient) => {
                self.connected = false;
            }
            Action::Att { .. } => self.raw = true,
            Action::Subscribe { target, bits, expect: Expect::Success } => {
                self.subscribe(*target, *bits, mark, sink);
            }
            Action::WriteDescriptor {
                target,
                descriptor: DescriptorRef::Cccd,
                value,
                expect: Expect::Success,
            } => {
                let bits = value.first().map_or(0, |low| u16::from(*low));
                *self.subscribed.entry(*target).or_default() |= bits;
            }
            Action::Expect { push, target, .. } => self.expect(*push, *target, mark, sink),
            _ => {}
        }
    }

    fn connect(&mut self) {
        self.connected = true;
        // CCCDs begin at 0000 in each unbonded connection (GAP-8).
        self.subscribed.clear();
        self.raw = false;
    }

    fn subscribe(&mut self, target: CharacteristicRef, bits: u16, mark: Mark, sink: &mut Sink) {
        let Some(characteristic) = self.device.characteristic(target) else { return };
        if let Some(property) = missing_property(characteristic, bits) {
            let message = format!("`{}` does not have the property `{property}`", characteristic.name);
            let hint = match (characteristic.can_notify(), characteristic.can_indicate()) {
                (false, true) => "write `to: indications`, or expect an error with `error:`",
                (true, false) => "write `to: notifications`, or expect an error with `error:`",
                _ => "add the property to the table, or expect an error with `error:`",
            };
            sink.report(Code::NoProperty, mark, message, hint);
        }
        *self.subscribed.entry(target).or_default() |= bits;
    }

    fn expect(&self, push: Push, target: CharacteristicRef, mark: Mark, sink: &mut Sink) {
        let (bit, word, hint) = match push {
            Push::Notification => (1, "notifications", "put `subscribe` before this step"),
            Push::Indication => (2, "indications", "put `subscribe` with `to: indications` before this step"),
        };
        let bits = self.subscribed.get(&target).copied().unwrap_or(0);
        if bits & bit == 0 && !self.raw {
            let name = self.device.name_of(target);
            let message = format!("nothing has subscribed to {word} of `{name}` in this connection");
            sink.report(Code::NoSubscription, mark, message, hint);
        }
    }
}

fn needs_connection(action: &Action) -> bool {
    match action {
        Action::Connect | Action::Restart | Action::Quiet { .. } => false,
        Action::Board(action) => *action == BoardAction::DisconnectClient,
        _ => true,
    }
}

/// The property that a subscription lacks. Unsubscribing needs a CCCD, so any of the two.
fn missing_property(characteristic: &Characteristic, bits: u16) -> Option<&'static str> {
    let (notify, indicate) = (characteristic.can_notify(), characteristic.can_indicate());
    if (bits & 1 != 0 && !notify) || (bits == 0 && !notify && !indicate) {
        return Some("notify");
    }
    (bits & 2 != 0 && !indicate).then_some("indicate")
}
