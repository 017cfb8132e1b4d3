//! What an operating system's Bluetooth stack cannot do or show, by a plan's own steps.

use crate::plan::Plan;
use crate::scenario::{
    Action, BoardAction, CharacteristicRef, ClientValue, DescriptorRef, Device, Expect, Pair, Service,
};
use crate::spelling;
use std::collections::BTreeMap;

/// The MTU that BlueZ asks for, and no other.
pub const SYSTEM_MTU: u16 = 517;
/// What one Read Response and one notification hold at the MTU that a link begins with (Core Vol 3 Part G 5.2.1).
const READ_LIMIT: usize = 22;
const PUSH_LIMIT: usize = 20;

/// Why an operating system's stack cannot run this plan, as `needs ...`; `None` when it can, as far as
/// [`Plan::needs`] and the capabilities of its bench do not say otherwise.
#[must_use]
pub fn beyond_system(plan: &Plan) -> Option<&'static str> {
    if !plan.centrals.is_empty() {
        return Some("needs several centrals: an operating system's stack is one");
    }
    let is_ending = |action: &Action| *action == Action::ExpectDisconnection;
    if plan.device.external.is_some() && plan.steps.iter().any(|it| is_ending(&it.step.action)) {
        return Some(
            "needs to see who ends a connection: an operating system does not say, and no board of ours can",
        );
    }
    let mut course = Course {
        device: &plan.device,
        connected: false,
        paired: false,
        unpaired: false,
        encrypted: false,
        subscribed: BTreeMap::new(),
    };
    beyond_table(&plan.device).or_else(|| plan.steps.iter().find_map(|it| course.step(&it.step.action)))
}

fn beyond_table(device: &Device) -> Option<&'static str> {
    let is_twice = |uuids: Vec<&[u8]>| {
        let mut seen = std::collections::BTreeSet::new();
        uuids.into_iter().any(|uuid| !seen.insert(uuid))
    };
    let in_service = |service: &Service| {
        let characteristics = &service.characteristics;
        is_twice(characteristics.iter().map(|it| it.uuid.0.as_slice()).collect())
            || characteristics
                .iter()
                .any(|it| is_twice(it.descriptors.iter().map(|it| it.uuid.0.as_slice()).collect()))
    };
    if is_twice(device.services.iter().map(|it| it.uuid.0.as_slice()).collect())
        || device.services.iter().any(in_service)
    {
        return Some(
            "needs handles: an operating system's library tells attributes apart by their UUIDs alone",
        );
    }
    if device.caching {
        return Some("needs the GATT service for itself: an operating system uses it unasked");
    }
    // Services of the SIG have numbers from here up to 18FF (Assigned Numbers 3.4).
    let is_of_sig =
        |it: &Service| spelling::short_uuid(&it.uuid.0).is_some_and(|uuid| (0x1800..=0x18FF).contains(&uuid));
    if device.services.iter().any(is_of_sig) {
        return Some(
            "needs the SIG's services for itself: an operating system reads and subscribes to them unasked",
        );
    }
    None
}

/// What a plan has done up to a step.
struct Course<'p> {
    device: &'p Device,
    connected: bool,
    paired: bool,
    /// A pairing has failed.
    unpaired: bool,
    encrypted: bool,
    subscribed: BTreeMap<CharacteristicRef, u16>,
}

impl Course<'_> {
    fn step(&mut self, action: &Action) -> Option<&'static str> {
        if self.unpaired {
            return Some("needs the link after a pairing that has failed: an operating system ends it");
        }
        let at_once = matches!(
            action,
            Action::Connect
                | Action::Reconnect
                | Action::Disconnect
                | Action::ExpectDisconnection
                | Action::Restart
                | Action::Board(_)
                | Action::Encrypt
                | Action::Pair(_)
        );
        if self.paired && !self.encrypted && !at_once {
            return Some("needs the link before it is encrypted: an operating system encrypts at once");
        }
        match action {
            Action::Connect | Action::Reconnect => {
                (self.connected, self.encrypted) = (true, false);
                self.subscribed.clear();
                None
            }
            Action::Disconnect | Action::ExpectDisconnection | Action::Restart => {
                self.connected = false;
                None
            }
            Action::Board(action) => self.board(action),
            Action::Discover => self.discovery(),
            Action::Mtu { size: SYSTEM_MTU, .. } => None,
            Action::Mtu { .. } => {
                Some("needs an MTU of its choice: an operating system exchanges it by itself")
            }
            Action::Pair(_) if self.paired => {
                Some("needs to lose a bond: an operating system does not pair with whom it has paired with")
            }
            Action::Pair(pair) => {
                self.paired = *pair == Pair::Complete;
                (self.encrypted, self.unpaired) = (self.paired, !self.paired);
                None
            }
            Action::Encrypt if self.device.external.is_some() => Some(
                "needs to see that a link is encrypted: an operating system does not say, and no board can",
            ),
            Action::Encrypt if std::mem::replace(&mut self.encrypted, true) => {
                Some("needs to encrypt a link anew: an operating system encrypts it once, by itself")
            }
            Action::Quiet { .. } => self.silence(),
            Action::Subscribe { target, bits, confirm, expect } => {
                self.subscription(*target, *bits, *confirm, expect)
            }
            Action::ExpectAdvertisement(_) => {
                Some("needs advertisements as they are: an operating system shows a part of them")
            }
            Action::Expect { value: Some(ClientValue::Bytes(bytes)), .. } if bytes.len() == PUSH_LIMIT => {
                Some("needs an MTU of its choice: the value may have been cut at 20 bytes")
            }
            Action::Expect { target, .. } if !self.is_heard(*target) => {
                Some("needs to hear what is pushed to nobody: an operating system drops it")
            }
            other => request(other),
        }
    }

    fn is_heard(&self, target: CharacteristicRef) -> bool {
        self.subscribed.get(&target).is_some_and(|bits| *bits != 0)
    }

    fn board(&mut self, action: &BoardAction) -> Option<&'static str> {
        match action {
            BoardAction::DisconnectClient => self.connected = false,
            BoardAction::Serve { .. } | BoardAction::AddService { .. } if self.connected => {
                return Some(
                    "needs a second discovery: an operating system discovers once for each connection",
                );
            }
            _ => {}
        }
        None
    }

    fn discovery(&self) -> Option<&'static str> {
        let is_plain = |service: &Service| service.primary && service.includes.is_empty();
        (!self.device.services.iter().all(is_plain))
            .then_some("needs included services: an operating system's library does not show them")
    }

    /// What is pushed without a subscription, an operating system drops.
    fn silence(&self) -> Option<&'static str> {
        let mut can_push =
            self.device.characteristics().filter(|(_, it)| it.can_notify() || it.can_indicate());
        (!can_push.all(|(at, _)| self.is_heard(at)))
            .then_some("needs to hear what is pushed to nobody: an operating system drops it")
    }

    fn subscription(
        &mut self,
        target: CharacteristicRef,
        bits: u16,
        confirm: bool,
        expect: &Expect,
    ) -> Option<&'static str> {
        if !confirm {
            return Some("needs unconfirmed indications: an operating system confirms by itself");
        }
        let before = self.subscribed.insert(target, bits).unwrap_or(0);
        let characteristic = self.device.characteristic(target)?;
        let chosen_by_system = match (characteristic.can_notify(), characteristic.can_indicate()) {
            (true, false) => 1,
            (false, true) => 2,
            // Systems differ.
            _ => u16::MAX,
        };
        let is_plain = *expect == Expect::Success && (bits == 0 || bits == chosen_by_system);
        (!is_plain || before == bits).then_some(
            "needs to write a CCCD: an operating system does so by itself, and only where it changes",
        )
    }
}

fn request(action: &Action) -> Option<&'static str> {
    match action {
        Action::WriteReliable { .. } | Action::WriteLong { expect: Expect::Error(_), .. } => {
            Some("needs prepared writes: an operating system prepares writes by itself, or not")
        }
        Action::WriteDescriptor { descriptor: DescriptorRef::Cccd, .. } => {
            Some("needs to write a CCCD: an operating system does so by itself, and only where it changes")
        }
        Action::Read { expect: Expect::Value(ClientValue::Bytes(bytes)), .. }
            if bytes.len() == READ_LIMIT =>
        {
            Some("needs a read of one part: an operating system reads values to their end")
        }
        Action::Read { expect, .. }
        | Action::ReadLong { expect, .. }
        | Action::ReadDescriptor { expect, .. }
        | Action::Write { expect, .. }
        | Action::WriteDescriptor { expect, .. } => hidden_error(expect),
        _ => None,
    }
}

/// Codes that an operating system does not show, or also shows without a word from the device.
fn hidden_error(expect: &Expect) -> Option<&'static str> {
    match expect {
        Expect::Error(0x05 | 0x0C | 0x0F) => {
            Some("needs to see errors of security: an operating system answers them by pairing")
        }
        Expect::Error(0x0E) => Some(
            "needs to see who says 0x0E: an operating system also says it of answers that it cannot read",
        ),
        _ => None,
    }
}
