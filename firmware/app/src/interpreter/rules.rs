//! Callbacks as rules.

use super::{Means, value};
use crate::api::Characteristic;
use crate::lopy::PyBytes;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;
use gatts::{AttError, Events, Reply, Value};
use wire::{Callback, CharRef, Rule, RuleAction};

/// Registers a callback given as rules; `None` removes what is registered.
pub(crate) fn set_callback(
    characteristic: &Characteristic,
    callback: Option<&Callback>,
    all: &[Vec<Characteristic>],
    means: &Means,
) {
    authorise_writes(characteristic, None);
    let Some(callback) = callback else { return characteristic.remove_callback() };
    let trigger = Events::from_bits_retain(callback.on);
    let rules = Rc::new(Rules::new(callback, Some(characteristic.clone()), all, means));
    if trigger.contains(Events::CHAR_WRITE_EVENT) {
        authorise_writes(characteristic, Some(rules.clone()));
    }
    match callback.arg.clone() {
        Some(arg) => characteristic.callback_with(trigger, arg, move |arg: &String, call| {
            rules.run(|| arg.clone(), call.event, call.value)
        }),
        None => characteristic
            .callback(trigger, move |chr, call| rules.run(|| describe(chr), call.event, call.value)),
    }
}

/// Registers the callback of the Bluetooth object.
pub(crate) fn set_bluetooth_callback(callback: &Callback, all: &[Vec<Characteristic>], means: &Means) {
    let rules = Rules::new(callback, None, all, means);
    means.bluetooth.callback(Events::from_bits_retain(callback.on), move |_, event| {
        // There is nobody to answer.
        let _ = rules.run(String::new, event, &[]);
    });
}

/// A rule that rejects a write is asked before the value is stored (CB-9), a rule that rejects a read is
/// the handler's answer (CB-15).
fn authorise_writes(characteristic: &Characteristic, rules: Option<Rc<Rules>>) {
    let rejecting = rules.filter(|rules| rules.rules.iter().any(|rule| rule.rejects().is_some()));
    characteristic.authorise_write(rejecting.map(|rules| {
        move |_: &Characteristic, value: &[u8]| match rules.judge_write(value) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }));
}

/// What `{arg}` prints when the handler receives its characteristic (CB-6): no name reaches the board,
/// so it is the UUID.
fn describe(characteristic: &Characteristic) -> String {
    format!("characteristic {}", characteristic.uuid())
}

/// The characteristics that rules set or push, by place.
fn targets(rules: &[Rule], all: &[Vec<Characteristic>]) -> Vec<(CharRef, Characteristic)> {
    let set = |action: &RuleAction| match action {
        RuleAction::Set(at, _) | RuleAction::Notify(at) => Some(*at),
        _ => None,
    };
    let places = rules.iter().flat_map(|rule| &rule.actions).filter_map(set);
    places
        .filter_map(|at| {
            let found = all.get(usize::from(at.service))?.get(usize::from(at.characteristic))?;
            Some((at, found.clone()))
        })
        .collect()
}

/// How a rule is judged.
trait Guarded {
    /// Whether the guard holds for this event, with this count of calls and this stored value.
    fn holds(&self, event: Events, counter: i64, stored: &[u8]) -> bool;
    /// The code that the rule rejects with.
    fn rejects(&self) -> Option<AttError>;
}

impl Guarded for Rule {
    fn holds(&self, event: Events, counter: i64, stored: &[u8]) -> bool {
        self.event.is_none_or(|bits| event.intersects(Events::from_bits_retain(bits)))
            && self.counter_min.is_none_or(|min| counter >= min)
            && self.counter_max.is_none_or(|max| counter <= max)
            && self.value.as_ref().is_none_or(|value| stored == value)
    }

    fn rejects(&self) -> Option<AttError> {
        self.actions.iter().find_map(|action| match action {
            RuleAction::Reject(code) => Some(AttError(*code)),
            _ => None,
        })
    }
}

/// A callback's rules and its counter.
struct Rules {
    counter: Cell<i64>,
    rules: Vec<Rule>,
    reads_events: bool,
    /// `None`: the Bluetooth object.
    owner: Option<Characteristic>,
    targets: Vec<(CharRef, Characteristic)>,
    means: Means,
}

/// One run of a handler.
struct Run<'r, A> {
    counter: i64,
    arg: A,
    /// The flags that `events()` gave, where it was called first.
    flags: Option<Events>,
    /// What the call brought with it (CB-14).
    written: &'r [u8],
    rules: &'r Rules,
}

impl Rules {
    fn new(
        callback: &Callback,
        owner: Option<Characteristic>,
        all: &[Vec<Characteristic>],
        means: &Means,
    ) -> Self {
        Self {
            counter: Cell::new(callback.counter),
            rules: callback.rules.clone(),
            reads_events: callback.reads_events,
            owner,
            targets: targets(&callback.rules, all),
            means: means.clone(),
        }
    }

    fn run(&self, arg: impl Fn() -> String, event: Events, written: &[u8]) -> Reply {
        let counter = self.counter.get().saturating_add(1);
        self.counter.set(counter);
        let flags = self.reads_events.then(|| self.events());
        let stored = self.stored();
        let event = flags.unwrap_or(event);
        let Some(rule) = self.rules.iter().find(|rule| rule.holds(event, counter, &stored)) else {
            return Reply::Stored;
        };
        let run = Run { counter, arg, flags, written, rules: self };
        let mut reply = Reply::Stored;
        for action in &rule.actions {
            match action {
                RuleAction::Log(text) => self.means.console.line(run.fill_in(text)),
                RuleAction::Reply(with) => reply = value(with).into(),
                RuleAction::ReplyCounter => reply = counter.into(),
                RuleAction::Reject(code) => reply = AttError(*code).into(),
                RuleAction::Set(at, to) => self.set(*at, value(to)),
                RuleAction::Notify(at) => {
                    if let Some(target) = self.target(*at) {
                        self.set(*at, Value::Bytes(&target.value()));
                    }
                }
                RuleAction::Delay(ms) => self.means.delay.add(*ms),
                RuleAction::Disconnect => self.means.bluetooth.disconnect_client(),
            }
        }
        reply
    }

    /// Reads and clears the flags of whatever owns the callback.
    fn events(&self) -> Events {
        match &self.owner {
            Some(owner) => owner.events(),
            None => self.means.bluetooth.events(),
        }
    }

    fn stored(&self) -> Vec<u8> {
        self.owner.as_ref().map(|owner| owner.value().to_vec()).unwrap_or_default()
    }

    /// What a write of `value` would be refused with: the rule that would hold once it is stored decides. A
    /// refused write is not counted.
    fn judge_write(&self, value: &[u8]) -> Option<AttError> {
        let counter = self.counter.get().saturating_add(1);
        let rule = self.rules.iter().find(|rule| rule.holds(Events::CHAR_WRITE_EVENT, counter, value))?;
        rule.rejects()
    }

    fn target(&self, at: CharRef) -> Option<&Characteristic> {
        self.targets.iter().find(|(place, _)| *place == at).map(|(_, target)| target)
    }

    fn set(&self, at: CharRef, to: Value<'_>) {
        if let Some(Err(error)) = self.target(at).map(|target| target.set_value(to)) {
            self.means.console.line(format_args!("set refused: {error}"));
        }
    }
}

impl<A: Fn() -> String> Run<'_, A> {
    /// One pass: what is filled in is not looked at again, whatever braces it has.
    fn fill_in(&self, text: &str) -> String {
        let mut line = String::with_capacity(text.len());
        let mut flags = self.flags;
        for (at, piece) in text.split('{').enumerate() {
            let named = piece.split_once('}').filter(|_| at > 0);
            match named.and_then(|(name, rest)| Some((self.word(name, &mut flags)?, rest))) {
                Some((word, rest)) => {
                    line += &word;
                    line += rest;
                }
                None => {
                    line += if at > 0 { "{" } else { "" };
                    line += piece;
                }
            }
        }
        line
    }

    /// What `{name}` stands for. `flags` are read at most once: reading clears them.
    fn word(&self, name: &str, flags: &mut Option<Events>) -> Option<String> {
        Some(match name {
            "counter" => self.counter.to_string(),
            "arg" => (self.arg)(),
            "value" => PyBytes(&self.rules.stored()).to_string(),
            "written" => PyBytes(self.written).to_string(),
            "events" => names(*flags.get_or_insert_with(|| self.rules.events())),
            _ => return None,
        })
    }
}

/// Flags as a line shows them: `READ | WRITE`, or `0`.
fn names(events: Events) -> String {
    let named = [
        (Events::CLIENT_CONNECTED, "CONNECTED"),
        (Events::CLIENT_DISCONNECTED, "DISCONNECTED"),
        (Events::CHAR_READ_EVENT, "READ"),
        (Events::CHAR_WRITE_EVENT, "WRITE"),
        (Events::CHAR_SUBSCRIBE_EVENT, "SUBSCRIBE"),
    ];
    let set: Vec<&str> =
        named.iter().filter(|(bit, _)| events.contains(*bit)).map(|(_, name)| *name).collect();
    if set.is_empty() { "0".to_string() } else { set.join(" | ") }
}
