//! Whether a step's own expectation held, from what was seen during it.

use crate::observation::{BoardEvent, CentralEvent, StepObservation};
use crate::parse::labels;
use crate::scenario::{Action, BoardAction, CharacteristicRef, Device, EventSource, Expect, Push};
use crate::{att_error, spelling, trace};

/// How one expectation ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It held.
    Held,
    /// The device did something else.
    Broken(Broken),
    /// Nothing was reported that could decide it.
    Undecided,
}

/// A broken expectation in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// One sentence.
    pub(crate) summary: String,
    /// The trace line that came, without indent, if there is one.
    pub(crate) came: Option<String>,
    /// The trace line that should have come, if it is known.
    pub(crate) wanted: Option<String>,
}

/// A notification or indication that no step has asked for yet.
pub(crate) type Unclaimed<'o> = Vec<(Push, &'o str, &'o [u8])>;

/// Judges one step. `unclaimed` holds what was pushed in earlier steps, and is brought up to date.
pub(crate) fn judge<'o>(
    device: &Device,
    action: &Action,
    seen: &'o StepObservation,
    unclaimed: &mut Unclaimed<'o>,
) -> Judgement {
    let name = |target: CharacteristicRef| device.name_of(target).to_owned();
    if matches!(action, Action::Connect | Action::Restart) {
        // What an earlier connection brought answers no step of this one.
        unclaimed.clear();
    }
    unclaimed.extend(seen.central.iter().filter_map(|event| match event {
        CentralEvent::Pushed { push, target, value } => Some((*push, target.as_str(), value.as_slice())),
        _ => None,
    }));
    if let Some(came) = seen.central.iter().find(|event| is_breach(action, event)) {
        let wanted = match came {
            CentralEvent::Disconnected => "it to stay connected",
            _ => "it to keep to the protocol",
        };
        return broken("the device", came, wanted, None);
    }
    match action {
        Action::Connect => link(seen, &CentralEvent::Connected, "the client"),
        Action::Disconnect => link(seen, &CentralEvent::Disconnected, "the client"),
        Action::Restart => Judgement::Held,
        Action::Discover => discovery(seen),
        Action::Mtu { expect, .. } => mtu(seen, *expect),
        Action::Read { target, expect } | Action::ReadLong { target, expect } => {
            request(&name(*target), seen, expect)
        }
        Action::ReadDescriptor { target, descriptor, expect }
        | Action::WriteDescriptor { target, descriptor, expect, .. } => {
            request(&labels::descriptor_name(device, *target, *descriptor), seen, expect)
        }
        Action::Write { target, expect, .. } => request(&name(*target), seen, expect),
        Action::Subscribe { target, expect, .. } => request(&format!("{} cccd", name(*target)), seen, expect),
        Action::Expect { push, target, value } => {
            pushed(*push, device.name_of(*target), value.as_deref(), unclaimed, seen)
        }
        Action::Quiet { .. } => quiet(seen),
        Action::Att { expect, .. } => pdu(seen, expect.as_deref()),
        Action::Board(action) => board(device, action, seen),
    }
}

/// True for what no step can ask for, whatever else came.
fn is_breach(action: &Action, event: &CentralEvent) -> bool {
    match event {
        CentralEvent::NoResponse | CentralEvent::Malformed(_) | CentralEvent::Missing(_) => true,
        // The device ended the connection unasked.
        CentralEvent::Disconnected => !matches!(
            action,
            Action::Disconnect | Action::Restart | Action::Board(BoardAction::DisconnectClient)
        ),
        _ => false,
    }
}

/// The first event that answers a step: not one that comes by itself, and a link's end only where
/// there is nothing else.
fn answer(seen: &StepObservation) -> Option<&CentralEvent> {
    let is_link =
        |event: &&CentralEvent| matches!(event, CentralEvent::Connected | CentralEvent::Disconnected);
    let comes_by_itself = |event: &&CentralEvent| {
        matches!(event, CentralEvent::Pushed { .. } | CentralEvent::Mtu(_) | CentralEvent::Found(_))
    };
    let mut events = seen.central.iter().filter(|event| !comes_by_itself(event));
    events.clone().find(|event| !is_link(event)).or_else(|| events.find(is_link))
}

/// What an event says of the device, as the predicate of a sentence.
fn said(event: &CentralEvent) -> String {
    match event {
        CentralEvent::Connected => "connected".to_owned(),
        CentralEvent::Disconnected => "disconnected".to_owned(),
        CentralEvent::Value(bytes) => format!("answered {}", spelling::value_in_sentence(bytes)),
        CentralEvent::Written => "accepted the write".to_owned(),
        CentralEvent::Sent => "was sent a command".to_owned(),
        CentralEvent::Error(code) => format!("answered error {}", att_error::describe(*code)),
        CentralEvent::Mtu(mtu) => format!("agreed on an MTU of {mtu}"),
        CentralEvent::Pdu(bytes) => format!("answered {}", spelling::pdu(bytes)),
        CentralEvent::Nothing => "did not answer".to_owned(),
        CentralEvent::NoResponse => "gave no response".to_owned(),
        CentralEvent::Malformed(words) => format!("broke the protocol ({})", spelling::escaped(words)),
        CentralEvent::Missing(name) => format!("does not show {name}"),
        CentralEvent::Pushed { .. } | CentralEvent::Found(_) => {
            format!("sent {}", trace::central_line(event))
        }
    }
}

fn broken(subject: &str, came: &CentralEvent, wanted: &str, wanted_line: Option<String>) -> Judgement {
    Judgement::Broken(Broken {
        summary: format!("{subject} {}, expected {wanted}", said(came)),
        came: Some(trace::central_line(came)),
        wanted: wanted_line,
    })
}

fn link(seen: &StepObservation, wanted: &CentralEvent, subject: &str) -> Judgement {
    if seen.central.contains(wanted) {
        return Judgement::Held;
    }
    let Some(came) = answer(seen) else { return Judgement::Undecided };
    let line = trace::central_line(wanted);
    broken(subject, came, &format!("it to be {line}"), Some(line))
}

fn discovery(seen: &StepObservation) -> Judgement {
    let failed = |event: &&CentralEvent| {
        matches!(event, CentralEvent::Error(_) | CentralEvent::Nothing | CentralEvent::Disconnected)
    };
    match seen.central.iter().find(failed) {
        Some(came) => broken("discovery", came, "it to go through", None),
        None => Judgement::Held,
    }
}

fn mtu(seen: &StepObservation, expect: Option<u16>) -> Judgement {
    let agreed = |event: &&CentralEvent| matches!(event, CentralEvent::Mtu(_));
    let Some(came) = seen.central.iter().find(agreed).or_else(|| answer(seen)) else {
        return Judgement::Undecided;
    };
    match (came, expect) {
        (CentralEvent::Mtu(_), None) => Judgement::Held,
        (CentralEvent::Mtu(mtu), Some(expected)) if *mtu == expected => Judgement::Held,
        (_, Some(expected)) => {
            let line = trace::central_line(&CentralEvent::Mtu(expected));
            broken("the device", came, &format!("an MTU of {expected}"), Some(line))
        }
        (_, None) => broken("the device", came, "an MTU", None),
    }
}

fn request(subject: &str, seen: &StepObservation, expect: &Expect) -> Judgement {
    let Some(came) = answer(seen) else { return Judgement::Undecided };
    match (expect, came) {
        (Expect::Success, CentralEvent::Value(_) | CentralEvent::Written | CentralEvent::Sent) => {
            Judgement::Held
        }
        (Expect::Success, _) => broken(subject, came, "success", None),
        (Expect::Value(expected), CentralEvent::Value(bytes)) if expected == bytes => Judgement::Held,
        (Expect::Value(expected), _) => {
            let line = format!("value {}", spelling::value(expected));
            broken(subject, came, &spelling::value_in_sentence(expected), Some(line))
        }
        (Expect::Error(expected), CentralEvent::Error(code)) if expected == code => Judgement::Held,
        (Expect::Error(expected), _) => {
            let line = format!("error {}", att_error::describe(*expected));
            broken(subject, came, &line, Some(line.clone()))
        }
    }
}

fn pushed<'o>(
    push: Push,
    target: &str,
    expect: Option<&[u8]>,
    unclaimed: &mut Unclaimed<'o>,
    seen: &StepObservation,
) -> Judgement {
    let word = trace::push_word(push);
    let wanted = expect.map(|value| format!("{word} {target} {}", spelling::value(value)));
    let first = unclaimed.iter().position(|(kind, from, _)| *kind == push && *from == target);
    let Some(index) = first else {
        return if seen.central.is_empty() {
            Judgement::Undecided
        } else {
            let came = seen.central.iter().map(trace::central_line).next();
            Judgement::Broken(Broken { summary: format!("no {word} came from {target}"), came, wanted })
        };
    };
    let (_, _, value) = unclaimed.remove(index);
    match expect {
        Some(expected) if expected != value => Judgement::Broken(Broken {
            summary: format!(
                "the {word} from {target} holds {}, expected {}",
                spelling::value_in_sentence(value),
                spelling::value_in_sentence(expected)
            ),
            came: Some(format!("{word} {target} {}", spelling::value(value))),
            wanted,
        }),
        _ => Judgement::Held,
    }
}

fn quiet(seen: &StepObservation) -> Judgement {
    match seen.central.iter().find(|event| !matches!(event, CentralEvent::Nothing | CentralEvent::Mtu(_))) {
        Some(came) => broken("the device", came, "nothing", Some("nothing".to_owned())),
        None if seen.central.contains(&CentralEvent::Nothing) => Judgement::Held,
        None => Judgement::Undecided,
    }
}

fn pdu(seen: &StepObservation, expect: Option<&[u8]>) -> Judgement {
    let Some(came) = answer(seen) else { return Judgement::Undecided };
    match (expect, came) {
        (None, CentralEvent::Nothing) => Judgement::Held,
        (Some(expected), CentralEvent::Pdu(bytes)) if expected == bytes.as_slice() => Judgement::Held,
        (None, _) => broken("the device", came, "nothing", Some("nothing".to_owned())),
        (Some(expected), _) => {
            let line = format!("pdu {}", spelling::pdu(expected));
            broken("the device", came, &spelling::pdu(expected), Some(line))
        }
    }
}

fn board(device: &Device, action: &BoardAction, seen: &StepObservation) -> Judgement {
    let is_answer = |event: &&BoardEvent| {
        matches!(
            event,
            BoardEvent::Events(_) | BoardEvent::Value(_) | BoardEvent::Done | BoardEvent::Refused(_)
        )
    };
    let Some(came) = seen.board.iter().find(is_answer) else { return Judgement::Undecided };
    let name = |target: CharacteristicRef| device.name_of(target).to_owned();
    let (subject, wanted) = match action {
        BoardAction::Events { of, expect } => {
            let subject = match of {
                EventSource::Bluetooth => "bluetooth".to_owned(),
                EventSource::Characteristic(target) => name(*target),
            };
            match (expect, came) {
                (None, BoardEvent::Events(_)) => return Judgement::Held,
                (expect, _) => (format!("{subject}.events()"), expect.map(BoardEvent::Events)),
            }
        }
        BoardAction::Value { target, expect } => match (expect, came) {
            (None, BoardEvent::Value(_)) => return Judgement::Held,
            (expect, _) => (format!("{}.value()", name(*target)), expect.clone().map(BoardEvent::Value)),
        },
        BoardAction::Set { target, refused: true, .. } => match came {
            BoardEvent::Refused(_) => return Judgement::Held,
            _ => return board_broken(&format!("{}.value(v)", name(*target)), came, None, "a refusal"),
        },
        BoardAction::Set { target, .. } => (format!("{}.value(v)", name(*target)), Some(BoardEvent::Done)),
        BoardAction::Callback { target, .. } => {
            (format!("{}.callback()", name(*target)), Some(BoardEvent::Done))
        }
        BoardAction::Advertise { .. } => ("advertise()".to_owned(), Some(BoardEvent::Done)),
        BoardAction::DisconnectClient if *came == BoardEvent::Done => {
            return link(seen, &CentralEvent::Disconnected, "the client");
        }
        BoardAction::DisconnectClient => ("disconnect_client()".to_owned(), Some(BoardEvent::Done)),
    };
    match wanted {
        Some(wanted) if wanted == *came => Judgement::Held,
        Some(wanted) => {
            let words = board_said(&wanted);
            board_broken(&subject, came, Some(&wanted), &words)
        }
        None => board_broken(&subject, came, None, "an answer"),
    }
}

fn board_broken(subject: &str, came: &BoardEvent, wanted: Option<&BoardEvent>, words: &str) -> Judgement {
    Judgement::Broken(Broken {
        summary: format!("{subject} gave {}, expected {words}", board_said(came)),
        came: Some(trace::board_line(came)),
        wanted: wanted.map(trace::board_line),
    })
}

fn board_said(event: &BoardEvent) -> String {
    match event {
        BoardEvent::Events(bits) => spelling::events(*bits),
        BoardEvent::Value(bytes) => spelling::value_in_sentence(bytes),
        BoardEvent::Refused(words) => format!("a refusal ({})", spelling::quoted(words)),
        other => trace::board_line(other).replacen("board: ", "", 1),
    }
}
