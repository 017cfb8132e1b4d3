//! Callbacks as rules.

use super::fields::{self, Fields, Plain};
use super::names::Characteristics;
use super::sink::Sink;
use super::vain;
use super::values;
use crate::diagnostic::Code;
use crate::language::device::{self as language, ACTIONS, DISCONNECT, LINK_TRIGGERS, TRIGGERS};
use crate::language::{COUNTERS, Shape, keys};
use crate::scenario::{Callback, Characteristic, Rule, RuleAction};
use crate::yaml::{Content, Entry, Node};

/// What a log line may hold in braces.
const PLACEHOLDERS: [&str; 5] = ["value", "written", "counter", "arg", "events"];
/// Longest delay of an answer: a client gives a request up after 30 s (Core Vol 3 Part F 3.3.3), and
/// what happens then is worth showing.
const MAX_DELAY_MS: u32 = 60_000;

/// Whose callback it is: what can trigger it, and what it can do.
#[derive(Clone, Copy)]
pub(super) enum Owner<'d> {
    /// A characteristic; `None` for one that could not be read.
    Characteristic(Option<&'d Characteristic>),
    /// The Bluetooth object: no value, no answer.
    Bluetooth,
}

impl Owner<'_> {
    fn is_bluetooth(self) -> bool {
        matches!(self, Self::Bluetooth)
    }

    fn shape(self) -> &'static Shape {
        match self {
            Self::Characteristic(_) => &language::CALLBACK,
            Self::Bluetooth => &language::LINK_CALLBACK,
        }
    }

    pub(super) fn triggers(self) -> &'static [(&'static str, u16)] {
        match self {
            Self::Characteristic(_) => TRIGGERS,
            Self::Bluetooth => LINK_TRIGGERS,
        }
    }
}

/// The callback of a table: one that nothing triggers makes no sense there.
pub(super) fn in_table(
    node: &Node<'_>,
    owner: Owner<'_>,
    names: &Characteristics<'_>,
    sink: &mut Sink,
) -> Option<Callback> {
    let fields = Fields::of(node, owner.shape(), sink)?;
    let callback = read(&fields, owner, names, sink);
    if let Some(on) = fields.get("on").filter(|_| callback.on == 0)
        && matches!(&on.content, Content::List(items) if items.is_empty())
    {
        let words: Vec<&str> = owner.triggers().iter().map(|(word, _)| *word).collect();
        let hint = format!("name {}, or leave the callback out", Sink::alternatives(&words));
        sink.report(Code::Empty, on.mark, "nothing triggers this callback", hint);
    }
    Some(callback)
}

/// `on`, `counter`, `arg`, `reads_events` and `rules` of a mapping.
pub(super) fn read(
    fields: &Fields<'_, '_>,
    owner: Owner<'_>,
    names: &Characteristics<'_>,
    sink: &mut Sink,
) -> Callback {
    let on = fields.required("on", sink);
    let on = on.map_or(0, |node| fields::bits(node, "`on`", owner.triggers(), sink));
    let counter = fields.get("counter").and_then(|node| fields::integer(node, "`counter`", COUNTERS, sink));
    let arg = fields.get("arg").and_then(|node| fields::text(node, "`arg`", sink)).map(str::to_owned);
    let reads_events = fields.get("reads_events");
    let reads_events = reads_events.and_then(|node| fields::boolean(node, "`reads_events`", sink));
    let rules = fields.get("rules").and_then(|node| fields::list(node, "`rules`", sink)).unwrap_or_default();
    let read: Vec<_> = rules.iter().map(|node| (node, rule(node, owner, names, sink))).collect();
    let mut callback = Callback {
        on,
        reads_events: reads_events.unwrap_or(false),
        counter: counter.unwrap_or(0),
        arg,
        rules: Vec::new(),
    };
    vain::check(&callback, &read, owner, fields, sink);
    callback.rules = read.into_iter().filter_map(|(_, rule)| rule).collect();
    callback
}

fn rule(node: &Node<'_>, owner: Owner<'_>, names: &Characteristics<'_>, sink: &mut Sink) -> Option<Rule> {
    let fields = Fields::of(node, &language::RULE, sink)?;
    let mut rule = Rule::default();
    if let Some(node) = fields.get("when") {
        guard(node, owner, &mut rule, sink);
    }
    let actions = fields.required("do", sink);
    let actions = actions.and_then(|node| fields::filled_list(node, "`do`", sink)).unwrap_or_default();
    for node in actions {
        let Some(action) = action(node, names, sink) else { continue };
        if owner.is_bluetooth() && needs_request(&action) {
            let hint = "log, set, notify or disconnect";
            sink.report(Code::ConflictingFields, node.mark, "there is no request to answer here", hint);
        }
        rule.actions.push(action);
    }
    Some(rule)
}

/// True for what answers a client's request.
fn needs_request(action: &RuleAction) -> bool {
    match action {
        RuleAction::Reply(_)
        | RuleAction::ReplyCounter
        | RuleAction::Reject(_)
        | RuleAction::Delay { .. } => true,
        RuleAction::Log(_) | RuleAction::Set { .. } | RuleAction::Notify(_) | RuleAction::Disconnect => false,
    }
}

fn guard(node: &Node<'_>, owner: Owner<'_>, rule: &mut Rule, sink: &mut Sink) -> Option<()> {
    let fields = Fields::of(node, &language::GUARD, sink)?;
    let event = fields.get("event");
    rule.event = event.and_then(|node| fields::word(node, "`event`", owner.triggers(), sink));
    if let Some(node) = fields.get("counter") {
        (rule.counter_min, rule.counter_max) = counter_range(node, sink);
    }
    if let Some(node) = fields.get("value") {
        if owner.is_bluetooth() {
            let hint = "leave it out";
            sink.report(Code::ConflictingFields, node.mark, "the Bluetooth object has no value", hint);
        }
        rule.value = values::client_bytes(node, "the guard's value", sink);
    }
    Some(())
}

/// One number, or `{min: 3}`, `{max: 2}`, or both.
fn counter_range(node: &Node<'_>, sink: &mut Sink) -> (Option<i64>, Option<i64>) {
    if !matches!(node.content, Content::Map(_)) {
        let exact = fields::integer(node, "`counter`", COUNTERS, sink);
        return (exact, exact);
    }
    let Some(fields) = Fields::of(node, &language::COUNTER_RANGE, sink) else {
        return (None, None);
    };
    let min = fields.get("min").and_then(|node| fields::integer(node, "`min`", COUNTERS, sink));
    let max = fields.get("max").and_then(|node| fields::integer(node, "`max`", COUNTERS, sink));
    if let (Some(low), Some(high)) = (min, max)
        && low > high
    {
        let message = format!("no counter is at least {low} and at most {high}");
        sink.report(Code::NumberRange, node.mark, message, "exchange `min` and `max`");
    }
    (min, max)
}

fn action(node: &Node<'_>, names: &Characteristics<'_>, sink: &mut Sink) -> Option<RuleAction> {
    const HINT: &str = "write `log: \"text\"`, `reply: 5`, `reject: 0x80` or `set: {char: chr2, value: 7}`";
    let entries = match &node.content {
        Content::Scalar { .. } if is_word(node, DISCONNECT) => return Some(RuleAction::Disconnect),
        Content::Map(entries) => entries.as_slice(),
        Content::Broken => return None,
        Content::Scalar { .. } | Content::List(_) => &[],
    };
    let [Entry { key, key_mark, value }] = entries else {
        sink.report(Code::WrongType, node.mark, "an action is one key with its value", HINT);
        return None;
    };
    match key.as_ref() {
        "log" => log_line(value, sink).map(RuleAction::Log),
        "reply" if is_word(value, "counter") => Some(RuleAction::ReplyCounter),
        "reply" => values::api_value(value, "the reply", sink).map(RuleAction::Reply),
        "reject" => values::error_code(value, "an ATT error code", sink).map(RuleAction::Reject),
        "set" => {
            let fields = Fields::of(value, &language::SET, sink)?;
            let target = fields.required("char", sink).and_then(|node| names.read(node, sink));
            let value = fields.required("value", sink);
            let value = value.and_then(|node| values::api_value(node, "the value", sink));
            Some(RuleAction::Set { target: target?, value: value? })
        }
        "notify" => {
            let fields = Fields::of(value, &language::NOTIFY, sink)?;
            fields.required("char", sink).and_then(|node| names.read(node, sink)).map(RuleAction::Notify)
        }
        "delay" => values::duration_ms(value, MAX_DELAY_MS, sink).map(|ms| RuleAction::Delay { ms }),
        _ => {
            let message = format!("there is no action `{}`", Sink::short(key));
            let known = keys(ACTIONS).chain([DISCONNECT]);
            sink.report_unknown(Code::UnknownWord, *key_mark, message, key, known);
            None
        }
    }
}

/// True for the word itself; in quotes it is a text like any other.
fn is_word(node: &Node<'_>, word: &str) -> bool {
    matches!(&node.content, Content::Scalar { text, plain: true }
        if text == word && matches!(fields::resolve(text), Plain::Text))
}

/// A line to print; what stands in braces must be a known placeholder.
fn log_line(node: &Node<'_>, sink: &mut Sink) -> Option<String> {
    let text = fields::text(node, "a log line", sink)?;
    for word in text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(word, _)| word) {
        let is_word =
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_word && !PLACEHOLDERS.contains(&word) {
            let message = format!("a log line has no placeholder `{}`", Sink::short(word));
            let known = PLACEHOLDERS.iter().copied();
            sink.report_unknown(Code::UnknownPlaceholder, node.mark, message, word, known);
        }
    }
    Some(text.to_owned())
}
