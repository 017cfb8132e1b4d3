//! The expected or observed trace: one event a line, no times, no addresses, no versions.
//!
//! Each step is a head line, its label, and below it two spaces in: first what the board reported,
//! then what the central saw. What an operating system does on its own never appears, so that one
//! trace serves every lane: the GAP and GATT services, and an MTU exchange that no step asked for.

use crate::captures::{Captures, Shown};
use crate::observation::{AdField, BoardEvent, CentralEvent, Found, StepObservation};
use crate::plan::Plan;
use crate::scenario::{Action, Push};
use crate::{att_error, spelling};

/// GAP and GATT services (Core Vol 3 Part C 12, Part G 7): stacks show them as they like.
const SYSTEM_SERVICES: [u16; 2] = [0x1800, 0x1801];

/// A normalised trace. Its text is what stands in the snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Lines without their ends.
    pub lines: Vec<TraceLine>,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// Index of the step that it belongs to.
    pub step: usize,
    /// The text, with its indent.
    pub text: String,
}

impl Trace {
    /// The trace of a run: one head line for each step that was observed, and its events.
    #[must_use]
    pub fn build(plan: &Plan, observations: &[StepObservation]) -> Self {
        let mut lines = Vec::new();
        let mut captures = Captures::default();
        for (index, (planned, seen)) in plan.steps.iter().zip(observations).enumerate() {
            let step = &planned.step;
            lines.push(TraceLine { step: index, text: step.label.clone() });
            let shown = captures.shown(step, seen);
            let board = seen.board.iter().map(|event| board_line(event, &shown));
            let own = central_lines(&step.action, seen.central.iter(), &shown);
            let own = own.into_iter().map(|line| marked(plan, step.central, &line));
            let others = (0..=plan.centrals.len()).flat_map(|central| {
                let events = seen.others.iter().filter(move |other| other.central == central);
                let lines = central_lines(&step.action, events.map(|other| &other.event), &shown);
                lines.into_iter().map(move |line| marked(plan, central, &line))
            });
            let all = board.chain(own).chain(others);
            lines.extend(all.map(|text| TraceLine { step: index, text: format!("  {text}") }));
            captures.take(step, seen);
        }
        Self { lines }
    }

    /// Brings the attributes that a step has found into an order of their own: where a central cannot tell the
    /// device's, only what was found is compared. (With adapters it is compared as it came.)
    #[must_use]
    pub(crate) fn without_order_of(mut self, step: usize) -> Self {
        let (mut service, mut characteristic) = (None, None);
        let mut found: Vec<([Option<String>; 3], TraceLine)> = Vec::new();
        let (own, others): (Vec<_>, Vec<_>) = self.lines.into_iter().partition(|line| line.step == step);
        for line in own {
            let text = line.text.trim_start().to_owned();
            let key = match text.split(' ').next() {
                Some("primary" | "secondary") => {
                    service = Some(text);
                    characteristic = None;
                    [service.clone(), None, None]
                }
                Some("characteristic") => {
                    characteristic = Some(text);
                    [service.clone(), characteristic.clone(), None]
                }
                Some("descriptor" | "include") => [service.clone(), characteristic.clone(), Some(text)],
                // The step's own line and what else was seen, before what was found.
                _ => [None, None, None],
            };
            found.push((key, line));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let at = others.partition_point(|line| line.step < step);
        self.lines = others;
        self.lines.splice(at..at, found.into_iter().map(|(_, line)| line));
        self
    }

    /// The trace as it stands in a file: each line ends with a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.lines.len() * 24);
        for line in &self.lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }

    /// The trace that a text holds. Any text is one: a line without an indent begins a step, empty
    /// lines are skipped, and lines before the first head belong to the first step.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut lines: Vec<TraceLine> = Vec::new();
        let mut step = 0;
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if !line.starts_with(' ') && !lines.is_empty() {
                step += 1;
            }
            lines.push(TraceLine { step, text: line.to_owned() });
        }
        Self { lines }
    }
}

/// A line of a central with its name, if it has one.
pub(crate) fn marked(plan: &Plan, central: usize, line: &str) -> String {
    match central.checked_sub(1).and_then(|index| plan.centrals.get(index)) {
        Some(name) => format!("{name}: {line}"),
        None => line.to_owned(),
    }
}

/// One event of the board as a trace shows it, without indent.
pub(crate) fn board_line(event: &BoardEvent, shown: &Shown<'_>) -> String {
    match event {
        BoardEvent::Connected => "board: client connected".to_owned(),
        BoardEvent::Disconnected => "board: client disconnected".to_owned(),
        BoardEvent::Handler { target, event, value } => {
            let event = spelling::events(*event);
            let value = if event == "write" { format!(" {}", shown.value(value)) } else { String::new() };
            format!("board: {target} handler on {event}{value}")
        }
        BoardEvent::HandlerError { target, message } => {
            format!("board: {target} handler failed {}", spelling::quoted(message))
        }
        BoardEvent::Log(text) => format!("board: log {}", spelling::quoted(text)),
        BoardEvent::Encrypted { level, key_size } => {
            format!("board: {}", spelling::encrypted(*level, *key_size))
        }
        BoardEvent::PasskeyShown => "board: passkey shown".to_owned(),
        BoardEvent::Paired => "board: paired".to_owned(),
        BoardEvent::PairingFailed => "board: pairing failed".to_owned(),
        BoardEvent::Confirmed { target } => format!("board: {target} indication confirmed"),
        BoardEvent::IndicationTimeout { target } => format!("board: {target} indication not confirmed"),
        BoardEvent::Events(bits) => format!("board: events {}", spelling::events(*bits)),
        BoardEvent::Value(bytes) => format!("board: value {}", shown.value(bytes)),
        BoardEvent::Done => "board: done".to_owned(),
        BoardEvent::Refused(words) => format!("board: refused {}", spelling::quoted(words)),
    }
}

fn central_lines<'e>(
    action: &Action,
    events: impl Iterator<Item = &'e CentralEvent>,
    shown: &Shown<'_>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_system_service = false;
    for event in events {
        match event {
            CentralEvent::Mtu(_) if !matches!(action, Action::Mtu { .. }) => continue,
            CentralEvent::Found(found) => {
                if let Found::Service { uuid, .. } = found {
                    in_system_service =
                        spelling::short_uuid(uuid).is_some_and(|uuid| SYSTEM_SERVICES.contains(&uuid));
                }
                if in_system_service || !matches!(action, Action::Discover) {
                    continue;
                }
            }
            _ => {}
        }
        lines.push(step_line(action, event, shown));
    }
    lines
}

/// One event of a central in a step, without indent.
pub(crate) fn step_line(action: &Action, event: &CentralEvent, shown: &Shown<'_>) -> String {
    match (action, event) {
        // The step's subject alone: what else is advertised may still be what an earlier call asked for.
        (Action::ExpectAdvertisement(expect), CentralEvent::Advertised(fields)) if expect.present => {
            let asked = fields.iter().filter(|field| expect.asks_for(field)).cloned().collect();
            central_line(&CentralEvent::Advertised(asked), shown)
        }
        _ => central_line(event, shown),
    }
}

/// One event of the central as a trace shows it, without indent.
pub(crate) fn central_line(event: &CentralEvent, shown: &Shown<'_>) -> String {
    match event {
        CentralEvent::Connected => "connected".to_owned(),
        CentralEvent::Disconnected => "disconnected".to_owned(),
        CentralEvent::Value(bytes) => format!("value {}", shown.value(bytes)),
        CentralEvent::Written => "written".to_owned(),
        CentralEvent::Sent => "sent".to_owned(),
        CentralEvent::Paired => "paired".to_owned(),
        CentralEvent::NotPaired => "not paired".to_owned(),
        CentralEvent::Encrypted => "encrypted".to_owned(),
        CentralEvent::NotEncrypted(code) => format!("not encrypted 0x{code:02X}"),
        CentralEvent::Error(code) => format!("error {}", att_error::describe(*code)),
        CentralEvent::HiddenError(words) => format!("error unknown {}", spelling::quoted(words)),
        CentralEvent::Mtu(mtu) => format!("mtu {mtu}"),
        CentralEvent::Pushed { push, target, value } => {
            format!("{} {target} {}", push_word(*push), shown.value(value))
        }
        CentralEvent::Pdu(bytes) => format!("pdu {}", spelling::pdu(bytes)),
        CentralEvent::Nothing => "nothing".to_owned(),
        CentralEvent::NoResponse => "no response".to_owned(),
        CentralEvent::Malformed(words) => format!("malformed {}", spelling::quoted(words)),
        CentralEvent::Missing(name) => format!("missing {name}"),
        CentralEvent::Advertised(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| format!(" {}", ad_field(field))).collect();
            format!("advertised{}", fields.join(","))
        }
        CentralEvent::Found(found) => found_line(found),
    }
}

/// What a push is called in traces.
pub(crate) fn push_word(push: Push) -> &'static str {
    match push {
        Push::Notification => "notification",
        Push::Indication => "indication",
    }
}

/// A field of an advertisement.
pub(crate) fn ad_field(field: &AdField) -> String {
    match field {
        AdField::Flags(flags) => format!("flags 0x{flags:02X}"),
        AdField::Name(name) => format!("name {}", spelling::quoted(name)),
        AdField::TxPower(dbm) => format!("tx power {dbm} dBm"),
        AdField::ServiceUuid(uuid) => format!("service {}", spelling::uuid(uuid)),
        AdField::ServiceData { uuid, data } => {
            format!("service {} data {}", spelling::uuid(uuid), spelling::value(data))
        }
        AdField::ManufacturerData(data) => format!("manufacturer data {}", spelling::value(data)),
        AdField::Other { kind, data } => format!("type 0x{kind:02X} {}", spelling::pdu(data)),
    }
}

fn found_line(found: &Found) -> String {
    match found {
        Found::Service { uuid, primary } => {
            let kind = if *primary { "primary" } else { "secondary" };
            format!("{kind} service {}", spelling::uuid(uuid))
        }
        Found::Include { uuid } => format!("include {}", spelling::uuid(uuid)),
        Found::Characteristic { uuid, properties } => {
            format!("characteristic {} {}", spelling::uuid(uuid), spelling::properties(*properties))
        }
        Found::Descriptor { uuid } => format!("descriptor {}", spelling::uuid(uuid)),
    }
}
