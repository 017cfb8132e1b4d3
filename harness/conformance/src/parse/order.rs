//! Whether each step can follow the ones before it.

use std::collections::HashSet;

use super::external;
use super::impossible;
use super::link::Client;
use super::sink::{Mark, Sink};
use crate::diagnostic::Code;
use crate::scenario::{
    Action, BoardAction, Bond, BondLevel, Characteristic, CharacteristicRef, ClientValue, DescriptorRef,
    Device, EventSource, Expect, Pair, Pairing, Push, WriteMode,
};
use crate::yaml::{Content, Node};

/// The size of key that pairing gives here, in bytes (Core Vol 3 Part H 2.3.4).
const PAIRED_KEY_SIZE: u8 = 16;

/// What is known of the bench between two steps.
pub(super) struct Order<'d> {
    device: &'d Device,
    clients: Vec<Client>,
    /// Services that steps have added to the running application.
    added: HashSet<usize>,
    /// False once a step could not be read that may have changed anything: what follows cannot be judged.
    known: bool,
    /// True once a step could not be read that may have changed all of a link but its being there.
    blurred: bool,
}

/// What may have changed by a step that could not be read, as far as its word shows.
enum Changed {
    Nothing,
    /// Subscriptions, bonds, encryption, the MTU: not connections, and not which services are there.
    Link,
    Anything,
}

fn changed(word: Option<&str>) -> Changed {
    match word {
        Some(
            "discover"
            | "read"
            | "read_long"
            | "write_command"
            | "write_signed"
            | "write_long"
            | "write_reliable"
            | "expect_notification"
            | "expect_indication"
            | "expect_advertisement"
            | "quiet",
        ) => Changed::Nothing,
        Some("mtu" | "write" | "subscribe" | "unsubscribe" | "bond" | "pair" | "encrypt" | "att") => {
            Changed::Link
        }
        _ => Changed::Anything,
    }
}

/// A step to be judged.
#[derive(Clone, Copy)]
pub(super) struct Judged<'s> {
    pub(super) action: &'s Action,
    /// Which central does it.
    pub(super) central: usize,
    /// The step's word.
    pub(super) word: &'s str,
    pub(super) mark: Mark,
    /// What stands behind the word.
    pub(super) value: Option<&'s Node<'s>>,
    /// A handler may answer what the step asks for.
    pub(super) is_handled: bool,
}

impl Judged<'_> {
    /// The place of one of the step's fields, or of its word where it does not have that field.
    pub(super) fn at(&self, key: &str) -> Mark {
        self.value.and_then(|value| value.get(key)).map_or(self.mark, |node| node.mark)
    }
}

impl<'d> Order<'d> {
    pub(super) fn new(device: &'d Device) -> Self {
        Self { device, clients: Vec::new(), added: HashSet::new(), known: true, blurred: false }
    }

    /// Says that a step could not be read.
    pub(super) fn lose(&mut self, word: Option<&str>) {
        match changed(word) {
            Changed::Nothing => {}
            Changed::Link => self.blurred = true,
            Changed::Anything => self.known = false,
        }
    }

    /// Judges a step and goes on to the state after it.
    pub(super) fn step(&mut self, step: Judged<'_>, sink: &mut Sink) {
        if self.device.external.is_some() {
            external::check_step(step, sink);
        }
        if !self.known {
            return;
        }
        if self.clients.len() <= step.central {
            self.clients.resize_with(step.central + 1, Client::default);
        }
        self.check_link(step, sink);
        self.check_added(step, sink);
        self.check_bond(step, sink);
        self.check_pairing(step, sink);
        if let (Some(client), false) = (self.clients.get(step.central), self.blurred) {
            impossible::check(step, client, self.device, sink);
        }
        match step.action {
            Action::Connect | Action::Reconnect => self.change(step.central, Client::connect),
            Action::Disconnect | Action::ExpectDisconnection => {
                self.change(step.central, |client| client.connected = false);
            }
            Action::Restart | Action::Board(BoardAction::DisconnectClient) => {
                self.clients.iter_mut().for_each(|client| client.connected = false);
                if *step.action == Action::Restart {
                    self.added.clear();
                }
            }
            Action::Bond(bond) => self.change(step.central, |client| client.bond = Some(*bond)),
            Action::Board(BoardAction::AddService { service, refused: false }) => {
                self.added.insert(*service);
            }
            Action::Att { send, expect } => {
                self.change(step.central, |client| client.att(send, expect.as_deref()));
            }
            Action::Pipelined(exchanges) => self.change(step.central, |client| {
                exchanges.iter().for_each(|one| client.att(&one.send, Some(&one.expect)));
            }),
            Action::Mtu { size, expect } => {
                self.change(step.central, |client| client.exchange(expect.unwrap_or(*size)));
            }
            Action::Pair(Pair::Complete) => {
                // What an external device's key is worth, only the run shows: it may be all that a step asks for.
                let level = self.device.pairing.map_or(BondLevel::Authenticated, Pairing::level);
                let bond = Bond { level, key_size: PAIRED_KEY_SIZE, csrk: None };
                self.change(step.central, |client| {
                    (client.bond, client.encrypted) = (Some(bond), Some(bond));
                });
            }
            Action::Encrypt => self.change(step.central, |client| client.encrypted = client.bond),
            Action::Subscribe { target, bits, expect: Expect::Success, .. } => {
                self.check_property(*target, *bits, step.mark, sink);
                self.change(step.central, |client| *client.subscribed.entry(*target).or_default() |= bits);
            }
            Action::WriteDescriptor {
                target,
                descriptor: DescriptorRef::Cccd,
                value,
                expect: Expect::Success,
            } => {
                let bits = match value {
                    ClientValue::Bytes(bytes) => bytes.first().map_or(0, |low| u16::from(*low)),
                    // Whatever was saved.
                    ClientValue::Saved(_) => 3,
                };
                self.change(step.central, |client| *client.subscribed.entry(*target).or_default() |= bits);
            }
            Action::Expect { push, target, .. } => {
                self.check_subscription(step.central, *push, *target, step.mark, sink);
            }
            _ => {}
        }
    }

    fn change(&mut self, central: usize, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.get_mut(central) {
            change(client);
        }
    }

    fn is_connected(&self, central: usize) -> bool {
        self.clients.get(central).is_some_and(|client| client.connected)
    }

    fn check_link(&mut self, step: Judged<'_>, sink: &mut Sink) {
        let Judged { action, central, word, mark, .. } = step;
        if *action == Action::Connect {
            let is_assumed = self.clients.get(central).is_some_and(|client| client.assumed);
            if self.is_connected(central) && !is_assumed {
                let hint = "remove this step, or put `disconnect` before it";
                sink.report(Code::AlreadyConnected, mark, "the client is connected already", hint);
            }
            let connected = self.clients.iter().filter(|client| client.connected).count();
            let clients = usize::from(self.device.clients);
            if self.device.external.is_none() && !self.is_connected(central) && connected >= clients {
                let message = match clients {
                    1 => "the device serves one client at a time, and one is connected".to_owned(),
                    _ => format!("the device serves {clients} clients at a time, and so many are connected"),
                };
                let hint = "put `disconnect` before this step, or raise `clients` in the table";
                sink.report(Code::AlreadyConnected, mark, message, hint);
            }
        }
        let is_there = match action {
            Action::Board(_) => self.clients.iter().any(|client| client.connected),
            _ => self.is_connected(central),
        };
        if needs_connection(action) && !is_there {
            let message = format!("`{word}` needs a connection, and there is none here");
            let who = step.value.and_then(|value| value.get("as")).map(|node| &node.content);
            let hint = match who {
                Some(Content::Scalar { text, .. }) => {
                    format!("put `connect: {{as: {}}}` before this step", Sink::short(text))
                }
                _ => "put `connect` before this step".to_owned(),
            };
            sink.report(Code::NotConnected, mark, message, hint);
            // One report for each gap is enough.
            self.change(central, |client| {
                client.connect();
                client.assumed = true;
            });
        }
    }

    /// What a step adds can be used after that step, and until the application starts anew.
    fn check_added(&self, step: Judged<'_>, sink: &mut Sink) {
        let not_there = |service: usize| {
            let found = self.device.services.get(service).filter(|service| service.added);
            found.filter(|_| !self.added.contains(&service))
        };
        if let Some(service) = services(step.action).into_iter().find_map(not_there) {
            let message = format!("the service `{}` is not there before a step adds it", service.name);
            let hint = "put `board: {add_service: ..}` before this step, and after any `restart`";
            sink.report(Code::UnknownName, step.mark, message, hint);
        }
    }

    fn check_bond(&self, step: Judged<'_>, sink: &mut Sink) {
        if self.blurred {
            return;
        }
        let bond = self.clients.get(step.central).and_then(|client| client.bond);
        let is_signed = matches!(step.action, Action::Write { mode: WriteMode::Signed, .. });
        if is_signed && bond.and_then(|bond| bond.csrk).is_none() {
            let message = "a signed write needs a bond with a `csrk`, and there is none here";
            let hint = "put `bond: {level: unauthenticated, csrk: \"..\"}` before this step";
            sink.report(Code::NoBond, step.mark, message, hint);
        }
        if *step.action == Action::Encrypt && bond.is_none() {
            let hint = "put `bond: {level: unauthenticated}` or `pair` before this step";
            sink.report(Code::NoBond, step.mark, "`encrypt` needs a bond, and there is none here", hint);
        }
    }

    /// Whether the device pairs as the step has it.
    fn check_pairing(&self, step: Judged<'_>, sink: &mut Sink) {
        let Action::Pair(pair) = step.action else { return };
        if self.device.external.is_some() {
            return;
        }
        let (message, hint) = match (pair, self.device.pairing) {
            (Pair::Complete | Pair::WrongPasskey, None) => (
                "the device does not pair",
                "put `pairing: just-works` or `pairing: passkey` into the table, or expect it: `pair: {refused: true}`",
            ),
            (Pair::WrongPasskey, Some(Pairing::JustWorks)) => {
                ("the device shows no passkey", "write `pairing: passkey` in the table")
            }
            (Pair::Refused, Some(_)) => ("the device pairs", "leave `pairing` out of the table"),
            _ => return,
        };
        sink.report(Code::Impossible, step.mark, message, hint);
    }

    fn check_property(&self, target: CharacteristicRef, bits: u16, mark: Mark, sink: &mut Sink) {
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
    }

    fn check_subscription(
        &self,
        central: usize,
        push: Push,
        target: CharacteristicRef,
        mark: Mark,
        sink: &mut Sink,
    ) {
        let (bit, word, hint) = match push {
            Push::Notification => (1, "notifications", "put `subscribe` before this step"),
            Push::Indication => (2, "indications", "put `subscribe` with `to: indications` before this step"),
        };
        let Some(client) = self.clients.get(central) else { return };
        let bits = client.subscribed.get(&target).copied().unwrap_or(0);
        if bits & bit == 0 && !client.raw && !self.blurred {
            let name = self.device.name_of(target);
            let message = format!("nothing has subscribed to {word} of `{name}` in this connection");
            sink.report(Code::NoSubscription, mark, message, hint);
        }
    }
}

fn needs_connection(action: &Action) -> bool {
    match action {
        Action::Connect
        | Action::Restart
        | Action::Quiet { .. }
        | Action::ExpectAdvertisement(_)
        | Action::Bond(_) => false,
        Action::Board(action) => *action == BoardAction::DisconnectClient,
        _ => true,
    }
}

/// The characteristics that a step is about.
pub(super) fn targets(action: &Action) -> Vec<CharacteristicRef> {
    match action {
        Action::Read { target, .. }
        | Action::ReadLong { target, .. }
        | Action::Write { target, .. }
        | Action::WriteLong { target, .. }
        | Action::ReadDescriptor { target, .. }
        | Action::WriteDescriptor { target, .. }
        | Action::Subscribe { target, .. }
        | Action::Expect { target, .. }
        | Action::Board(
            BoardAction::Events { of: EventSource::Characteristic(target), .. }
            | BoardAction::Value { target, .. }
            | BoardAction::Set { target, .. }
            | BoardAction::Callback { target, .. },
        ) => vec![*target],
        Action::WriteReliable { writes, .. } => writes.iter().map(|(target, _)| *target).collect(),
        _ => Vec::new(),
    }
}

/// The services that a step is about.
fn services(action: &Action) -> Vec<usize> {
    match action {
        Action::Board(BoardAction::Serve { service, .. }) => vec![*service],
        _ => targets(action).into_iter().map(|target| target.service).collect(),
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
