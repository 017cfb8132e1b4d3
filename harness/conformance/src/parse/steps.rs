//! Steps, one after the other.

use std::collections::{HashMap, HashSet};

use super::fields::{self, Fields};
use super::labels;
use super::loops::{Loops, Stop};
use super::names::{self, Characteristics};
use super::order::{self, Judged, Order};
use super::reports;
use super::sink::{Mark, Sink};
use super::{board, values};
use crate::diagnostic::Code;
use crate::language::steps::{self as language, STEPS, WORDS};
use crate::language::{Shape, keys};
use crate::scenario::{
    Action, BoardAction, Builtin, CharacteristicRef, ClientValue, Device, Expect, Pair, Push, Step, WriteMode,
};
use crate::yaml::{Content, Entry, Node};

/// Longest quiet window: ten minutes.
const MAX_QUIET_MS: u32 = 600_000;
/// Steps that the loops of one file may stand for.
const MAX_LOOPED: usize = 10_000;
/// Centrals besides the one without a name: adapters of a bench are few.
const MAX_CENTRALS: usize = 3;

/// The steps of a scenario.
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    /// Names of the centrals besides the one that has none.
    pub(super) centrals: Vec<String>,
}

/// Reads `steps:`. Without a device, names mean nothing and are passed over; all else is still checked.
pub(super) fn read(node: &Node<'_>, device: Option<&Device>, sink: &mut Sink) -> Option<Steps> {
    let items = fields::filled_list(node, "`steps`", sink)?;
    let names = device.map_or_else(Characteristics::unknown, Characteristics::of);
    let application = device.map_or_else(Characteristics::unknown, Characteristics::of_application);
    let nothing = Device::default();
    let device = device.unwrap_or(&nothing);
    let mut reader = Reader {
        device,
        names,
        application,
        next_added: device.services.iter().position(|service| service.added).unwrap_or(0),
        handled: handled_from_start(device),
        saved: HashMap::new(),
        loops: Loops::default(),
        looped: 0,
        order: Order::new(device),
        steps: Vec::with_capacity(items.len()),
        centrals: Vec::new(),
        sink,
    };
    // What stops reading is reported.
    let _ = reader.steps(items);
    Some(Steps { steps: reader.steps, centrals: reader.centrals })
}

/// The services that steps add, in order; those within loops are reported when they are read.
pub(super) fn added_services<'n, 't>(node: &'n Node<'t>) -> Vec<&'n Node<'t>> {
    node.items().iter().filter_map(|step| step.get("board")?.get("add_service")).collect()
}

/// Characteristics whose read answers come from a handler: their length is the handler's.
fn handled_from_start(device: &Device) -> HashSet<CharacteristicRef> {
    device.characteristics().filter(|(_, entry)| entry.callback.is_some()).map(|(at, _)| at).collect()
}

/// A step's word and what stands after it.
struct Parts<'n, 't> {
    word: &'n str,
    mark: Mark,
    value: Option<&'n Node<'t>>,
}

/// Reads steps one after the other.
pub(super) struct Reader<'d, 's> {
    pub(super) device: &'d Device,
    /// What clients may name.
    pub(super) names: Characteristics<'d>,
    /// What steps of the board may name.
    pub(super) application: Characteristics<'d>,
    /// Index of the service that the next step adds, if one does.
    next_added: usize,
    handled: HashSet<CharacteristicRef>,
    /// Names of saved values with the line of each.
    pub(super) saved: HashMap<String, u32>,
    pub(super) loops: Loops,
    /// Steps read within loops.
    looped: usize,
    order: Order<'d>,
    steps: Vec<Step>,
    centrals: Vec<String>,
    pub(super) sink: &'s mut Sink,
}

impl Reader<'_, '_> {
    /// True when a handler may answer reads of it, at this step.
    pub(super) fn has_handler(&self, target: CharacteristicRef) -> bool {
        self.handled.contains(&target)
    }

    /// Reads a list of steps, of the scenario or of a loop.
    pub(super) fn steps(&mut self, items: &[Node<'_>]) -> Result<(), Stop> {
        for item in items {
            if self.loops.is_inside() {
                self.looped += 1;
                if self.looped > MAX_LOOPED {
                    let message = format!("the loops of this file stand for more than {MAX_LOOPED} steps");
                    self.sink.report(Code::LoopTooLarge, item.mark, message, "let them run less often");
                    return Err(Stop);
                }
            }
            match self.parts(item) {
                Some(Parts { word: "repeat", value: Some(value), .. }) => self.repeat(value)?,
                Some(Parts { word: "for_each", value: Some(value), .. }) => self.for_each(value)?,
                Some(parts) => self.step(item, &parts),
                None => self.order.lose(None),
            }
        }
        Ok(())
    }

    fn step(&mut self, item: &Node<'_>, parts: &Parts<'_, '_>) {
        let Parts { word, mark, value } = *parts;
        let mistakes = self.sink.count();
        let action = match value {
            Some(value) => self.keyed(word, mark, value),
            None => self.word(word, mark),
        };
        let central = value.and_then(|value| value.get("as")).map_or(Some(0), |node| self.central(node));
        let reports = value.and_then(|value| value.get("reports"));
        let reports = reports.map(|node| reports::read(self, node));
        let (Some(action), Some(central)) = (action, central) else { return self.order.lose(Some(word)) };
        // A step with a mistake is still in its order; its own report is enough.
        let is_sound = self.sink.count() == mistakes;
        if is_sound || !matches!(action, Action::Expect { .. }) {
            let is_handled = order::targets(&action).iter().any(|target| self.has_handler(*target));
            let step = Judged { action: &action, central, word, mark, value, is_handled };
            self.order.step(step, self.sink);
        }
        let save = value.and_then(|value| value.get("save")).and_then(|node| self.save(node, &action));
        let who = central.checked_sub(1).and_then(|index| self.centrals.get(index));
        let label = labels::label(self.device, &action, who.map(String::as_str), save.as_deref());
        self.steps.push(Step { place: item.mark.place, label, central, action, reports, save });
    }

    /// The position of a central, which is new where its name is.
    fn central(&mut self, node: &Node<'_>) -> Option<usize> {
        let name = names::shaped(node, self.sink)?;
        if let Some(index) = self.centrals.iter().position(|known| known == name) {
            return Some(index + 1);
        }
        if self.centrals.len() >= MAX_CENTRALS {
            let message = format!("`{name}` is one central too many");
            let hint = format!("a bench has at most {MAX_CENTRALS} besides the one without a name");
            self.sink.report(Code::NumberRange, node.mark, message, hint);
            return None;
        }
        self.centrals.push(name.to_owned());
        Some(self.centrals.len())
    }

    /// Takes a name for the value that a step reads.
    fn save(&mut self, node: &Node<'_>, action: &Action) -> Option<String> {
        let name = names::shaped(node, self.sink)?;
        if let Action::Read { expect, .. }
        | Action::ReadLong { expect, .. }
        | Action::ReadDescriptor { expect, .. } = action
            && matches!(expect, Expect::Error(_))
        {
            let hint = "leave `save` out, or expect a value";
            self.sink.report(Code::ConflictingFields, node.mark, "an error has no value to save", hint);
        }
        if let Some(line) = self.saved.get(name) {
            let message = format!("the name `{name}` is taken by line {line}");
            let hint = "choose another name; what a loop reads cannot be saved";
            self.sink.report(Code::DuplicateName, node.mark, message, hint);
            return None;
        }
        if self.loops.names.iter().any(|known| known == name) {
            let message = format!("the name `{name}` is taken by a loop");
            self.sink.report(Code::DuplicateName, node.mark, message, "choose another name");
            return None;
        }
        self.saved.insert(name.to_owned(), node.mark.place.line);
        Some(name.to_owned())
    }

    /// A value that a client writes or expects: bytes, or the `$name` of a saved one.
    pub(super) fn client_value(&mut self, node: &Node<'_>, what: &str) -> Option<ClientValue> {
        let Some(name) = values::reference(node) else {
            return values::client_bytes(node, what, self.sink).map(ClientValue::Bytes);
        };
        if self.saved.contains_key(name) {
            return Some(ClientValue::Saved(name.to_owned()));
        }
        let message = format!("nothing has been saved as `${}` before this step", Sink::short(name));
        let mut known: Vec<&str> = self.saved.keys().map(String::as_str).collect();
        known.sort_unstable();
        let known = known.into_iter().chain(self.loops.names.iter().map(String::as_str));
        self.sink.report_unknown(Code::UnknownReference, node.mark, message, name, known);
        None
    }

    fn parts<'n, 't>(&mut self, node: &'n Node<'t>) -> Option<Parts<'n, 't>> {
        match &node.content {
            Content::Scalar { text, .. } => Some(Parts { word: text, mark: node.mark, value: None }),
            Content::Map(entries) => match entries.as_slice() {
                [Entry { key, key_mark, value }] => {
                    Some(Parts { word: key, mark: *key_mark, value: Some(value) })
                }
                [] => {
                    self.sink.report(Code::StepShape, node.mark, "this step is empty", "write `- connect`");
                    None
                }
                [first, second, ..] => {
                    let message =
                        format!("a step has one key, this one has `{}` too", Sink::short(&second.key));
                    let hint = format!(
                        "put its fields in braces, or further in: `{}: {{char: chr1}}`",
                        Sink::short(&first.key)
                    );
                    self.sink.report(Code::StepShape, second.key_mark, message, hint);
                    None
                }
            },
            Content::List(_) => {
                let hint = "write one word, or one key with its value: `- read: chr1`";
                self.sink.report(Code::StepShape, node.mark, "a step is no list", hint);
                None
            }
            Content::Broken => None,
        }
    }

    fn word(&mut self, word: &str, mark: Mark) -> Option<Action> {
        if let Some((_, action)) = plain(word) {
            return Some(action);
        }
        if word == "pair" {
            return Some(Action::Pair(Pair::Complete));
        }
        if keys(STEPS).any(|key| key == word) {
            let message = format!("`{word}` needs a value");
            self.sink.report(Code::StepShape, mark, message, format!("write `{word}: ...`"));
            return None;
        }
        self.unknown(word, mark)
    }

    fn unknown(&mut self, word: &str, mark: Mark) -> Option<Action> {
        let message = format!("there is no step `{}`", Sink::short(word));
        self.sink.report_unknown(Code::UnknownStep, mark, message, word, keys(STEPS));
        None
    }

    fn keyed(&mut self, word: &str, mark: Mark, value: &Node<'_>) -> Option<Action> {
        if let Some((shape, action)) = plain(word) {
            return self.with_fields(word, mark, value, shape).then_some(action);
        }
        match word {
            "mtu" => self.mtu(value),
            "read" => self.read(value),
            "read_long" => self.read_long(value),
            "write" => self.write(value),
            "write_command" => self.command(value, &language::WRITE_COMMAND, WriteMode::Command),
            "write_signed" => self.command(value, &language::WRITE_SIGNED, WriteMode::Signed),
            "write_long" => self.write_long(value),
            "write_reliable" => self.write_reliable(value),
            "subscribe" => self.subscribe(value),
            "unsubscribe" => self.unsubscribe(value),
            "expect_notification" => {
                self.expect_push(value, &language::EXPECT_NOTIFICATION, Push::Notification)
            }
            "expect_indication" => self.expect_push(value, &language::EXPECT_INDICATION, Push::Indication),
            "expect_advertisement" => self.expect_advertisement(value),
            "bond" => self.bond(value),
            "pair" => self.pair(value),
            "quiet" => self.quiet(value),
            "att" => self.att(value),
            "board" => {
                let action = board::read(self, value)?;
                if let BoardAction::Callback { target, callback: Some(_) } = &action {
                    self.handled.insert(*target);
                }
                Some(Action::Board(action))
            }
            _ => self.unknown(word, mark),
        }
    }

    /// Checks the fields of a step that is a word.
    fn with_fields(&mut self, word: &str, mark: Mark, value: &Node<'_>, shape: &'static Shape) -> bool {
        if matches!(value.content, Content::Map(_)) {
            return Fields::of(value, shape, self.sink).is_some();
        }
        let message = format!("`{word}` takes no value");
        self.sink.report(Code::StepShape, mark, message, format!("write `- {word}`"));
        false
    }

    fn quiet(&mut self, node: &Node<'_>) -> Option<Action> {
        let node = match &node.content {
            Content::Map(_) => Fields::of(node, &language::QUIET, self.sink)?.required("for", self.sink)?,
            _ => node,
        };
        values::duration_ms(node, MAX_QUIET_MS, self.sink).map(|ms| Action::Quiet { ms })
    }

    /// The service that this step adds, by its position: the table has it already.
    pub(super) fn added_service(&mut self, node: &Node<'_>) -> Option<usize> {
        if self.loops.is_inside() {
            let hint = "put this step before or after the loop";
            self.sink.report(Code::StepShape, node.mark, "a loop cannot add a service", hint);
            return None;
        }
        if self.device.builtin == Some(Builtin::Lopy) {
            let message = "the built-in application takes no further service";
            self.sink.report(Code::ConflictingFields, node.mark, message, "write a table: `device: {..}`");
            return None;
        }
        self.next_added += 1;
        Some(self.next_added - 1)
    }
}

/// The steps that are a word, with the fields that they may have.
fn plain(word: &str) -> Option<(&'static Shape, Action)> {
    debug_assert!(WORDS.iter().all(|word| keys(STEPS).any(|key| key == *word)), "each word is a key too");
    Some(match word {
        "connect" => (&language::CONNECT, Action::Connect),
        "disconnect" => (&language::DISCONNECT, Action::Disconnect),
        "reconnect" => (&language::RECONNECT, Action::Reconnect),
        "restart" => (&language::RESTART, Action::Restart),
        "discover" => (&language::DISCOVER, Action::Discover),
        "expect_disconnection" => (&language::EXPECT_DISCONNECTION, Action::ExpectDisconnection),
        "encrypt" => (&language::ENCRYPT, Action::Encrypt),
        _ => return None,
    })
}
