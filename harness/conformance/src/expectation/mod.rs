//! Whether a step's own expectations held, from what was seen during it.

mod advertisement;
mod board;

use crate::captures::{Captures, Shown};
use crate::observation::{BoardEvent, CentralEvent, StepObservation};
use crate::parse::labels;
use crate::plan::Plan;
use crate::scenario::{
    Action, BoardAction, CharacteristicRef, ClientValue, Exchange, Expect, Pair, Push, Step,
};
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
    /// An error came whose code the operating system keeps to itself: its words.
    Hidden(String),
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
struct Unclaimed<'o> {
    central: usize,
    push: Push,
    target: &'o str,
    value: &'o [u8],
}

/// Judges the steps of a run, one after the other.
pub(crate) struct Judge<'o> {
    plan: &'o Plan,
    captures: Captures,
    unclaimed: Vec<Unclaimed<'o>>,
}

impl<'o> Judge<'o> {
    pub(crate) fn new(plan: &'o Plan) -> Self {
        Self { plan, captures: Captures::default(), unclaimed: Vec::new() }
    }

    /// Judges the next step.
    pub(crate) fn step(&mut self, step: &'o Step, seen: &'o StepObservation) -> Judgement {
        self.note_pushes(step, seen);
        let claimed = self.claim(step);
        let shown = self.captures.shown(step, seen);
        let judged = Judged { plan: self.plan, step, seen, captures: &self.captures, shown };
        let judgement = match judged.breach().or_else(|| judged.hidden()) {
            Some(ended) => ended,
            None => match judged.action(claimed) {
                Judgement::Held => judged.reports(),
                other => other,
            },
        };
        drop(judged);
        self.captures.take(step, seen);
        judgement
    }

    fn note_pushes(&mut self, step: &Step, seen: &'o StepObservation) {
        // What an earlier connection brought answers no step of this one.
        match step.action {
            Action::Restart => self.unclaimed.clear(),
            Action::Connect | Action::Reconnect => {
                self.unclaimed.retain(|push| push.central != step.central);
            }
            _ => {}
        }
        let own = seen.central.iter().map(|event| (step.central, event));
        let others = seen.others.iter().map(|other| (other.central, &other.event));
        self.unclaimed.extend(own.chain(others).filter_map(|(central, event)| match event {
            CentralEvent::Pushed { push, target, value } => {
                Some(Unclaimed { central, push: *push, target, value })
            }
            _ => None,
        }));
    }

    /// Takes the push that the step asks for.
    fn claim(&mut self, step: &Step) -> Option<&'o [u8]> {
        let Action::Expect { push, target, .. } = &step.action else { return None };
        let name = self.plan.device.name_of(*target);
        let is_it = |it: &Unclaimed<'_>| it.central == step.central && it.push == *push && it.target == name;
        let first = self.unclaimed.iter().position(is_it)?;
        Some(self.unclaimed.remove(first).value)
    }
}

/// One step with what was seen.
struct Judged<'j> {
    plan: &'j Plan,
    step: &'j Step,
    seen: &'j StepObservation,
    captures: &'j Captures,
    shown: Shown<'j>,
}

impl Judged<'_> {
    fn action(&self, claimed: Option<&[u8]>) -> Judgement {
        match &self.step.action {
            Action::Connect => self.link(&CentralEvent::Connected, "the client"),
            Action::Disconnect => self.link(&CentralEvent::Disconnected, "the client"),
            Action::ExpectDisconnection => self.link(&CentralEvent::Disconnected, "the client"),
            Action::Reconnect => match self.link(&CentralEvent::Disconnected, "the client") {
                Judgement::Held => self.link(&CentralEvent::Connected, "the client"),
                other => other,
            },
            Action::Restart => Judgement::Held,
            Action::Discover => self.discovery(),
            Action::Mtu { expect, .. } => self.mtu(*expect),
            Action::Read { target, expect }
            | Action::ReadLong { target, expect }
            | Action::Write { target, expect, .. }
            | Action::WriteLong { target, expect, .. } => self.request(&self.name(*target), expect),
            Action::ReadDescriptor { target, descriptor, expect }
            | Action::WriteDescriptor { target, descriptor, expect, .. } => {
                let subject = labels::descriptor_name(&self.plan.device, *target, *descriptor);
                self.request(&subject, expect)
            }
            Action::WriteReliable { expect, .. } => self.request("the device", expect),
            Action::Subscribe { target, expect, .. } => {
                self.request(&format!("{} cccd", self.name(*target)), expect)
            }
            Action::Expect { push, target, value } => {
                self.pushed(*push, &self.name(*target), value.as_ref(), claimed)
            }
            Action::ExpectAdvertisement(expect) => self.advertisement(expect),
            Action::Bond(_) => self.bond(),
            Action::Pair(pair) => self.pairing(*pair),
            Action::Encrypt => self.encryption(),
            Action::Quiet { .. } => self.quiet(),
            Action::Att { expect, .. } => self.pdu(expect.as_deref()),
            Action::Pipelined(exchanges) => self.pdus(exchanges),
            Action::Board(action) => self.board(action),
        }
    }

    fn name(&self, target: CharacteristicRef) -> String {
        self.plan.device.name_of(target).to_owned()
    }

    /// One event of the step's own central as its trace shows it.
    fn line(&self, event: &CentralEvent) -> String {
        self.marked(&trace::step_line(&self.step.action, event, &self.shown))
    }

    fn marked(&self, line: &str) -> String {
        trace::marked(self.plan, self.step.central, line)
    }

    fn broken(
        &self,
        subject: &str,
        came: &CentralEvent,
        wanted: &str,
        wanted_line: Option<String>,
    ) -> Judgement {
        Judgement::Broken(Broken {
            summary: format!("{subject} {}, expected {wanted}", said(came)),
            came: Some(self.line(came)),
            wanted: wanted_line.map(|line| self.marked(&line)),
        })
    }

    /// What no step can ask for, whatever else came.
    fn breach(&self) -> Option<Judgement> {
        let own = self.seen.central.iter().find(|event| is_breach(&self.step.action, event, true));
        if let Some(came) = own {
            return Some(self.broken("the device", came, expected_instead(came), None));
        }
        let is_breach = |event| is_breach(&self.step.action, event, false);
        let other = self.seen.others.iter().find(|other| is_breach(&other.event))?;
        let came = &other.event;
        Some(Judgement::Broken(Broken {
            summary: format!("the device {}, expected {}", said(came), expected_instead(came)),
            came: Some(trace::marked(self.plan, other.central, &trace::central_line(came, &self.shown))),
            wanted: None,
        }))
    }

    fn hidden(&self) -> Option<Judgement> {
        self.seen.central.iter().find_map(|event| match event {
            CentralEvent::HiddenError(words) => Some(Judgement::Hidden(words.clone())),
            _ => None,
        })
    }

    /// The first event that answers a step: not one that comes by itself, and a link's end only where
    /// there is nothing else.
    fn answer(&self) -> Option<&CentralEvent> {
        let is_link =
            |event: &&CentralEvent| matches!(event, CentralEvent::Connected | CentralEvent::Disconnected);
        let comes_by_itself = |event: &&CentralEvent| {
            matches!(event, CentralEvent::Pushed { .. } | CentralEvent::Mtu(_) | CentralEvent::Found(_))
        };
        let mut events = self.seen.central.iter().filter(|event| !comes_by_itself(event));
        events.clone().find(|event| !is_link(event)).or_else(|| events.find(is_link))
    }

    fn link(&self, wanted: &CentralEvent, subject: &str) -> Judgement {
        if self.seen.central.contains(wanted) {
            return Judgement::Held;
        }
        let Some(came) = self.answer() else { return Judgement::Undecided };
        let line = trace::central_line(wanted, &self.shown);
        self.broken(subject, came, &format!("it to be {line}"), Some(line))
    }

    fn discovery(&self) -> Judgement {
        let failed = |event: &&CentralEvent| {
            matches!(event, CentralEvent::Error(_) | CentralEvent::Nothing | CentralEvent::Disconnected)
        };
        match self.seen.central.iter().find(failed) {
            Some(came) => self.broken("discovery", came, "it to go through", None),
            None => Judgement::Held,
        }
    }

    fn mtu(&self, expect: Option<u16>) -> Judgement {
        let agreed = |event: &&CentralEvent| matches!(event, CentralEvent::Mtu(_));
        let Some(came) = self.seen.central.iter().find(agreed).or_else(|| self.answer()) else {
            return Judgement::Undecided;
        };
        match (came, expect) {
            (CentralEvent::Mtu(_), None) => Judgement::Held,
            (CentralEvent::Mtu(mtu), Some(expected)) if *mtu == expected => Judgement::Held,
            (_, Some(expected)) => {
                let line = trace::central_line(&CentralEvent::Mtu(expected), &self.shown);
                self.broken("the device", came, &format!("an MTU of {expected}"), Some(line))
            }
            (_, None) => self.broken("the device", came, "an MTU", None),
        }
    }

    fn request(&self, subject: &str, expect: &Expect) -> Judgement {
        let Some(came) = self.answer() else { return Judgement::Undecided };
        match (expect, came) {
            (Expect::Success, CentralEvent::Value(_) | CentralEvent::Written | CentralEvent::Sent) => {
                Judgement::Held
            }
            (Expect::Success, _) => self.broken(subject, came, "success", None),
            (Expect::Value(value), _) => {
                let Some(expected) = self.captures.bytes(value) else { return Judgement::Undecided };
                if matches!(came, CentralEvent::Value(bytes) if bytes == expected) {
                    return Judgement::Held;
                }
                let line = format!("value {}", self.shown.value(expected));
                self.broken(subject, came, &self.shown.in_sentence(expected), Some(line))
            }
            (Expect::Error(expected), CentralEvent::Error(code)) if expected == code => Judgement::Held,
            (Expect::Error(expected), _) => {
                let line = format!("error {}", att_error::describe(*expected));
                self.broken(subject, came, &line, Some(line.clone()))
            }
        }
    }

    fn pushed(
        &self,
        push: Push,
        target: &str,
        expect: Option<&ClientValue>,
        claimed: Option<&[u8]>,
    ) -> Judgement {
        let word = trace::push_word(push);
        let expected = match expect {
            Some(value) => match self.captures.bytes(value) {
                Some(bytes) => Some(bytes),
                None => return Judgement::Undecided,
            },
            None => None,
        };
        let line = |value: &[u8]| self.marked(&format!("{word} {target} {}", self.shown.value(value)));
        let wanted = expected.map(line);
        let Some(value) = claimed else {
            let Some(came) = self.seen.central.first() else { return Judgement::Undecided };
            let summary = format!("no {word} came from {target}");
            return Judgement::Broken(Broken { summary, came: Some(self.line(came)), wanted });
        };
        match expected {
            Some(expected) if expected != value => Judgement::Broken(Broken {
                summary: format!(
                    "the {word} from {target} holds {}, expected {}",
                    spelling::value_in_sentence(value),
                    self.shown.in_sentence(expected)
                ),
                came: Some(line(value)),
                wanted,
            }),
            _ => Judgement::Held,
        }
    }

    fn quiet(&self) -> Judgement {
        let is_something =
            |event: &&CentralEvent| !matches!(event, CentralEvent::Nothing | CentralEvent::Mtu(_));
        if let Some(came) = self.seen.central.iter().find(is_something) {
            return self.broken("the device", came, "nothing", Some("nothing".to_owned()));
        }
        if let Some(other) = self.seen.others.iter().find(|other| is_something(&&other.event)) {
            let line = trace::central_line(&other.event, &self.shown);
            return Judgement::Broken(Broken {
                summary: format!("the device {}, expected nothing", said(&other.event)),
                came: Some(trace::marked(self.plan, other.central, &line)),
                wanted: None,
            });
        }
        match self.seen.central.contains(&CentralEvent::Nothing) {
            true => Judgement::Held,
            false => Judgement::Undecided,
        }
    }

    fn pdu(&self, expect: Option<&[u8]>) -> Judgement {
        let Some(came) = self.answer() else { return Judgement::Undecided };
        match (expect, came) {
            (None, CentralEvent::Nothing) => Judgement::Held,
            (Some(expected), CentralEvent::Pdu(bytes)) if expected == bytes.as_slice() => Judgement::Held,
            (None, _) => self.broken("the device", came, "nothing", Some("nothing".to_owned())),
            (Some(expected), _) => {
                let line = format!("pdu {}", spelling::pdu(expected));
                self.broken("the device", came, &spelling::pdu(expected), Some(line))
            }
        }
    }

    /// One response for each request, in order.
    fn pdus(&self, exchanges: &[Exchange]) -> Judgement {
        let mut responses = self.seen.central.iter().filter_map(|event| match event {
            CentralEvent::Pdu(bytes) => Some(bytes),
            _ => None,
        });
        for Exchange { expect, .. } in exchanges {
            match responses.next() {
                Some(came) if came == expect => {}
                Some(came) => {
                    let (came, line) =
                        (CentralEvent::Pdu(came.clone()), format!("pdu {}", spelling::pdu(expect)));
                    return self.broken("the device", &came, &spelling::pdu(expect), Some(line));
                }
                None => return Judgement::Undecided,
            }
        }
        Judgement::Held
    }

    /// What the board reported, against the list that the step gives.
    fn reports(&self) -> Judgement {
        let Some(expected) = &self.step.reports else { return Judgement::Held };
        let reported = self.seen.board.iter().filter(|event| !board::is_answer(event));
        let lines: Vec<String> = reported.map(|event| trace::board_line(event, &self.shown)).collect();
        let came: Vec<&str> = lines.iter().map(|line| line.trim_start_matches("board: ")).collect();
        if came == *expected {
            return Judgement::Held;
        }
        let same = came.iter().zip(expected).take_while(|(came, expected)| came == expected).count();
        let (next, wanted) = (came.get(same), expected.get(same));
        let summary = match (next, wanted) {
            (Some(next), Some(wanted)) => format!("the board reported `{next}`, expected `{wanted}`"),
            (Some(next), None) => format!("the board reported `{next}`, expected no further report"),
            (None, Some(wanted)) => format!("the board did not report `{wanted}`"),
            (None, None) => "the board's reports differ".to_owned(),
        };
        Judgement::Broken(Broken {
            summary,
            came: next.map(|line| format!("board: {line}")),
            wanted: wanted.map(|line| format!("board: {line}")),
        })
    }

    fn pairing(&self, pair: Pair) -> Judgement {
        let Some(came) = self.answer() else { return Judgement::Undecided };
        let (wanted, words) = match pair {
            Pair::Complete => (CentralEvent::Paired, "it to pair"),
            Pair::WrongPasskey => (CentralEvent::NotPaired, "it not to pair by a wrong passkey"),
            Pair::Refused => (CentralEvent::NotPaired, "it not to pair"),
        };
        if *came == wanted {
            return Judgement::Held;
        }
        let line = trace::central_line(&wanted, &self.shown);
        self.broken("the device", came, words, Some(line))
    }

    fn encryption(&self) -> Judgement {
        let Some(came) = self.answer() else { return Judgement::Undecided };
        if *came == CentralEvent::Encrypted {
            return Judgement::Held;
        }
        let line = trace::central_line(&CentralEvent::Encrypted, &self.shown);
        self.broken("the device", came, "an encrypted link", Some(line))
    }

    /// A bond is made when the board has taken its half.
    fn bond(&self) -> Judgement {
        match self.seen.board.iter().find(|event| board::is_answer(event)) {
            Some(BoardEvent::Done) => Judgement::Held,
            Some(came) => board::broken("bond", came, Some(&BoardEvent::Done), "done", &self.shown),
            None => Judgement::Undecided,
        }
    }
}

/// True for what no step can ask for. `own`: it is the step's own central that saw it.
fn is_breach(action: &Action, event: &CentralEvent, own: bool) -> bool {
    match event {
        CentralEvent::NoResponse | CentralEvent::Malformed(_) | CentralEvent::Missing(_) => true,
        // The device ended the connection unasked.
        CentralEvent::Disconnected => match action {
            Action::Restart | Action::Board(BoardAction::DisconnectClient) => false,
            Action::Disconnect | Action::Reconnect | Action::ExpectDisconnection => !own,
            _ => true,
        },
        _ => false,
    }
}

fn expected_instead(came: &CentralEvent) -> &'static str {
    match came {
        CentralEvent::Disconnected => "it to stay connected",
        _ => "it to keep to the protocol",
    }
}

/// What an event says of the device, as the predicate of a sentence.
fn said(event: &CentralEvent) -> String {
    match event {
        CentralEvent::Connected => "connected".to_owned(),
        CentralEvent::Disconnected => "disconnected".to_owned(),
        CentralEvent::Value(bytes) => format!("answered {}", spelling::value_in_sentence(bytes)),
        CentralEvent::Written => "accepted the write".to_owned(),
        CentralEvent::Sent => "was sent a command".to_owned(),
        CentralEvent::Paired => "paired".to_owned(),
        CentralEvent::NotPaired => "did not pair".to_owned(),
        CentralEvent::Encrypted => "was encrypted".to_owned(),
        CentralEvent::NotEncrypted(code) => format!("did not encrypt the link (error 0x{code:02X})"),
        CentralEvent::Error(code) => format!("answered error {}", att_error::describe(*code)),
        CentralEvent::HiddenError(words) => {
            format!("answered an unknown error ({})", spelling::escaped(words))
        }
        CentralEvent::Mtu(mtu) => format!("agreed on an MTU of {mtu}"),
        CentralEvent::Pdu(bytes) => format!("answered {}", spelling::pdu(bytes)),
        CentralEvent::Nothing => "did not answer".to_owned(),
        CentralEvent::NoResponse => "gave no response".to_owned(),
        CentralEvent::Malformed(words) => format!("broke the protocol ({})", spelling::escaped(words)),
        CentralEvent::Missing(name) => format!("does not show {name}"),
        CentralEvent::Pushed { .. } | CentralEvent::Found(_) => {
            format!("sent {}", trace::central_line(event, &Shown::default()))
        }
        CentralEvent::Advertised(_) => trace::central_line(event, &Shown::default()),
    }
}
