//! What the rig is to do: the scenario's steps with their deadlines.

use crate::scenario::{Action, BoardAction, Device, Need, Scenario, Step, WriteMode};
use crate::verdict::FaultStep;

/// Advertising seen, link up, both ends having reported.
pub const CONNECT_MS: u32 = 10_000;
/// Link down, both ends having reported.
pub const DISCONNECT_MS: u32 = 10_000;
/// `Start` answered and advertising again.
pub const RESTART_MS: u32 = 10_000;
/// The board's answer to one message on its control link.
pub const BOARD_REPLY_MS: u32 = 5_000;
/// A request without a response for this long has failed, and no further one may be sent
/// (Core Vol 3 Part F 3.3.3).
pub const ATT_TRANSACTION_MS: u32 = 30_000;
/// Pairing has failed when nothing came of it for this long (Core Vol 3 Part H 3.4).
pub const PAIRING_MS: u32 = 30_000;
/// A procedure of many transactions, each prompt: reading a long value, discovering everything.
pub const LONG_PROCEDURE_MS: u32 = 60_000;
/// How long a notification or indication may be on its way before it counts as not sent.
pub const PUSH_WINDOW_MS: u32 = 5_000;
/// How long a device may take to advertise what it should: the slowest of usual ones does so every
/// 1.28 s, and scan responses may be lost.
pub const ADVERTISEMENT_WINDOW_MS: u32 = 5_000;
/// How long is watched for an advertisement that must not come: twice the slowest usual interval.
pub const ABSENCE_WINDOW_MS: u32 = 2_560;
/// How long a PDU that nothing may answer is watched.
pub const SILENCE_WINDOW_MS: u32 = 1_000;
/// What a step may take beyond its own wait: its barrier and the way there and back.
pub const MARGIN_MS: u32 = 5_000;

/// A scenario, ready to be driven.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// [`crate::scenario::Scenario::id`].
    pub id: String,
    /// What the bench must be able to do: declared needs and those that the steps imply. Sorted.
    pub needs: Vec<Need>,
    /// The device under test.
    pub device: Device,
    /// Names of the centrals besides the one that has none.
    pub centrals: Vec<String>,
    /// In order.
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    /// A step as faults of the bench name it; for anything beyond the last, that one.
    #[must_use]
    pub fn fault_step(&self, index: usize) -> Option<FaultStep> {
        let index = index.min(self.steps.len().checked_sub(1)?);
        let step = &self.steps.get(index)?.step;
        Some(FaultStep { index, place: step.place, label: step.label.clone() })
    }
}

/// A step with its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// The scenario's step.
    pub step: Step,
    /// The step must be complete this many milliseconds after it began, or the run is inconclusive.
    pub deadline_ms: u32,
}

/// The scenario's steps with their deadlines, and all that the bench must be able to do.
#[must_use]
pub fn plan(scenario: &Scenario) -> Plan {
    let mut needs = scenario.needs.clone();
    if scenario.device.builtin.is_none() && scenario.device.external.is_none() {
        // The table reaches the board over the control link.
        needs.push(Need::Board);
    }
    if scenario.steps.iter().any(|step| step.reports.is_some()) {
        needs.push(Need::Board);
    }
    if scenario.steps.iter().any(|step| matches!(step.action, Action::Bond(_))) {
        // The device's end of a bond is installed over the control link.
        needs.push(Need::Board);
    }
    needs.extend(scenario.steps.iter().filter_map(|step| implied_need(&step.action)));
    needs.sort_unstable();
    needs.dedup();
    let steps = scenario.steps.iter();
    Plan {
        id: scenario.id.clone(),
        needs,
        device: scenario.device.clone(),
        centrals: scenario.centrals.clone(),
        steps: steps
            .map(|step| PlannedStep { step: step.clone(), deadline_ms: deadline_ms(&step.action) })
            .collect(),
    }
}

fn deadline_ms(action: &Action) -> u32 {
    match action {
        Action::Connect => CONNECT_MS,
        Action::Disconnect | Action::ExpectDisconnection => DISCONNECT_MS,
        Action::Reconnect => DISCONNECT_MS + CONNECT_MS,
        Action::Restart => RESTART_MS,
        Action::Discover
        | Action::ReadLong { .. }
        | Action::WriteLong { .. }
        | Action::WriteReliable { .. }
        | Action::Pipelined(_) => LONG_PROCEDURE_MS + MARGIN_MS,
        Action::Mtu { .. }
        | Action::Read { .. }
        | Action::Write { .. }
        | Action::ReadDescriptor { .. }
        | Action::WriteDescriptor { .. }
        | Action::Subscribe { .. }
        | Action::Encrypt
        | Action::Att { expect: Some(_), .. } => ATT_TRANSACTION_MS + MARGIN_MS,
        Action::Att { expect: None, .. } => SILENCE_WINDOW_MS + MARGIN_MS,
        Action::Expect { .. } => PUSH_WINDOW_MS + MARGIN_MS,
        Action::ExpectAdvertisement(expect) => {
            MARGIN_MS + if expect.present { ADVERTISEMENT_WINDOW_MS } else { ABSENCE_WINDOW_MS }
        }
        Action::Pair(_) => PAIRING_MS + MARGIN_MS,
        Action::Quiet { ms } => ms.saturating_add(MARGIN_MS),
        Action::Board(BoardAction::DisconnectClient) => DISCONNECT_MS,
        Action::Board(_) | Action::Bond(_) => BOARD_REPLY_MS + MARGIN_MS,
    }
}

/// What a step needs beyond what every bench can do. What an operating system's stack lacks besides,
/// [`crate::system::beyond_system`] says.
fn implied_need(action: &Action) -> Option<Need> {
    match action {
        Action::Restart | Action::Board(_) => Some(Need::Board),
        // `encrypt` needs what gave the bond its key: a step before it.
        Action::Bond(_) | Action::Write { mode: WriteMode::Signed, .. } => Some(Need::Encryption),
        Action::Pair(_) => Some(Need::Pairing),
        Action::Att { .. } | Action::Pipelined(_) => Some(Need::RawAtt),
        _ => None,
    }
}
