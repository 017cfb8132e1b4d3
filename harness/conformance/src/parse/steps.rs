//! Steps of the client.

use std::collections::HashSet;

use super::board;
use super::fields;
use super::labels;
use super::names::Characteristics;
use super::order::Order;
use super::sink::{Mark, Sink};
use super::values;
use crate::diagnostic::Code;
use crate::scenario::{Action, BoardAction, CharacteristicRef, Device, Expect, Push, Step};
use crate::yaml::{Content, Entry, Node};

/// Steps that are one word.
const WORDS: &[(&str, Action)] = &[
    ("connect", Action::Connect),
    ("disconnect", Action::Disconnect),
    ("restart", Action::Restart),
    ("discover", Action::Discover),
];
/// Steps that are a key with a value.
const KEYS: &[&str] = &[
    "mtu",
    "read",
    "read_long",
    "write",
    "write_command",
    "subscribe",
    "unsubscribe",
    "expect_notification",
    "expect_indication",
    "quiet",
    "att",
    "board",
];

/// Reads `steps:`. Without a device names mean nothing, and steps that hold one are passed over.
pub(super) fn read(node: &Node<'_>, device: Option<&Device>, sink: &mut Sink) -> Option<Vec<Step>> {
    let items = fields::filled_list(node, "`steps`", sink)?;
    let device = device?;
    let mut reader =
        Reader { device, names: Characteristics::of(device), handled: handled_from_start(device), sink };
    let mut order = Order::new(device);
    let mut steps = Vec::with_capacity(items.len());
    for item in items {
        let Some(Parts { word, mark, value }) = reader.parts(item) else {
            order.lose();
            continue;
        };
        let mistakes = reader.sink.count();
        let action = match value {
            Some(value) => reader.keyed(word, mark, value),
            None => reader.word(word, mark),
        };
        match action {
            Some(action) => {
                // A step with a mistake is still in its order; its own report is enough.
                let is_sound = reader.sink.count() == mistakes;
                if is_sound || !matches!(action, Action::Expect { .. }) {
                    order.step(&action, word, mark, reader.sink);
                }
                let label = labels::label(device, &action);
                steps.push(Step { place: item.mark.place, label, action });
            }
            None => order.lose(),
        }
    }
    Some(steps)
}

/// Characteristics whose read answers come from a handler: their length is the handler's.
fn handled_from_start(device: &Device) -> HashSet<CharacteristicRef> {
    let mut handled = HashSet::new();
    for (service, entry) in device.services.iter().enumerate() {
        for (characteristic, entry) in entry.characteristics.iter().enumerate() {
            if entry.callback.is_some() {
                handled.insert(CharacteristicRef { service, characteristic });
            }
        }
    }
    handled
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
    pub(super) names: Characteristics<'d>,
    handled: HashSet<CharacteristicRef>,
    pub(super) sink: &'s mut Sink,
}

impl Reader<'_, '_> {
    /// True when a handler may answer reads of it, at this step.
    pub(super) fn has_handler(&self, target: CharacteristicRef) -> bool {
        self.handled.contains(&target)
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
        if let Some((_, action)) = WORDS.iter().find(|(known, _)| *known == word) {
            return Some(action.clone());
        }
        if KEYS.contains(&word) {
            let message = format!("`{word}` needs a value");
            self.sink.report(Code::StepShape, mark, message, format!("write `{word}: ...`"));
            return None;
        }
        self.unknown(word, mark)
    }

    fn unknown(&mut self, word: &str, mark: Mark) -> Option<Action> {
        let message = format!("there is no step `{}`", Sink::short(word));
        let known = WORDS.iter().map(|(word, _)| *word).chain(KEYS.iter().copied());
        self.sink.report_unknown(Code::UnknownStep, mark, message, word, known);
        None
    }

    fn keyed(&mut self, word: &str, mark: Mark, value: &Node<'_>) -> Option<Action> {
        match word {
            "mtu" => self.mtu(value),
            "read" => self.read(value),
            "read_long" => self.read_long(value),
            "write" => self.write(value),
            "write_command" => self.write_command(value),
            "subscribe" => self.subscribe(value),
            "unsubscribe" => {
                let target = self.target(value, "`unsubscribe`")?;
                Some(Action::Subscribe { target, bits: 0, expect: Expect::Success })
            }
            "expect_notification" => self.expect_push(value, "`expect_notification`", Push::Notification),
            "expect_indication" => self.expect_push(value, "`expect_indication`", Push::Indication),
            "quiet" => values::duration_ms(value, self.sink).map(|ms| Action::Quiet { ms }),
            "att" => self.att(value),
            "board" => {
                let action = board::read(self, value)?;
                if let BoardAction::Callback { target, callback: Some(_) } = &action {
                    self.handled.insert(*target);
                }
                Some(Action::Board(action))
            }
            _ if WORDS.iter().any(|(known, _)| *known == word) => {
                let message = format!("`{word}` takes no value");
                self.sink.report(Code::StepShape, mark, message, format!("write `- {word}`"));
                None
            }
            _ => self.unknown(word, mark),
        }
    }
}
