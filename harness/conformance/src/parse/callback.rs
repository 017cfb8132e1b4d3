//! Callbacks as rules.

use super::fields::{self, Fields, Plain};
use super::names::Characteristics;
use super::sink::Sink;
use super::values;
use crate::diagnostic::Code;
use crate::scenario::{Callback, Rule, RuleAction};
use crate::yaml::{Content, Entry, Node};

/// What can trigger a callback.
const TRIGGERS: &[(&str, u16)] = &[("read", 0x08), ("write", 0x10), ("subscribe", 0x80)];
/// What a log line may hold in braces.
const PLACEHOLDERS: [&str; 4] = ["value", "counter", "arg", "events"];
/// Counters stay within what every device's integers hold.
const COUNTERS: std::ops::RangeInclusive<i64> = -0x8000_0000..=0x7FFF_FFFF;

/// The callback of a table: one that nothing triggers makes no sense there.
pub(super) fn in_table(node: &Node<'_>, names: &Characteristics<'_>, sink: &mut Sink) -> Option<Callback> {
    let fields = Fields::of(node, "a callback", &["on", "counter", "arg", "rules"], sink)?;
    let callback = read(&fields, names, sink);
    if let Some(on) = fields.get("on").filter(|_| callback.on == 0)
        && matches!(&on.content, Content::List(items) if items.is_empty())
    {
        let hint = "name `read`, `write` or `subscribe`, or leave the callback out";
        sink.report(Code::Empty, on.mark, "nothing triggers this callback", hint);
    }
    Some(callback)
}

/// `on`, `counter`, `arg` and `rules` of a mapping.
pub(super) fn read(fields: &Fields<'_, '_>, names: &Characteristics<'_>, sink: &mut Sink) -> Callback {
    let on = fields.required("on", "name what triggers it: `on: [read, write]`", sink);
    let on = on.map_or(0, |node| fields::bits(node, "`on`", TRIGGERS, sink));
    let counter = fields.get("counter").and_then(|node| fields::integer(node, "`counter`", COUNTERS, sink));
    let arg = fields.get("arg").and_then(|node| fields::text(node, "`arg`", sink)).map(str::to_owned);
    let rules = fields.get("rules").and_then(|node| fields::list(node, "`rules`", sink)).unwrap_or_default();
    Callback {
        on,
        counter: counter.unwrap_or(0),
        arg,
        rules: rules.iter().filter_map(|node| rule(node, names, sink)).collect(),
    }
}

fn rule(node: &Node<'_>, names: &Characteristics<'_>, sink: &mut Sink) -> Option<Rule> {
    let fields = Fields::of(node, "a rule", &["when", "do"], sink)?;
    let mut rule = Rule::default();
    if let Some(node) = fields.get("when") {
        guard(node, &mut rule, sink);
    }
    let actions = fields.required("do", "say what it does: `do: [reply: 5]`", sink);
    let actions = actions.and_then(|node| fields::filled_list(node, "`do`", sink)).unwrap_or_default();
    rule.actions = actions.iter().filter_map(|node| action(node, names, sink)).collect();
    Some(rule)
}

fn guard(node: &Node<'_>, rule: &mut Rule, sink: &mut Sink) -> Option<()> {
    let fields = Fields::of(node, "a guard", &["event", "counter", "value"], sink)?;
    rule.event = fields.get("event").and_then(|node| fields::word(node, "`event`", TRIGGERS, sink));
    if let Some(node) = fields.get("counter") {
        (rule.counter_min, rule.counter_max) = counter_range(node, sink);
    }
    rule.value = fields.get("value").and_then(|node| values::client_bytes(node, "the guard's value", sink));
    Some(())
}

/// One number, or `{min: 3}`, `{max: 2}`, or both.
fn counter_range(node: &Node<'_>, sink: &mut Sink) -> (Option<i64>, Option<i64>) {
    if !matches!(node.content, Content::Map(_)) {
        let exact = fields::integer(node, "`counter`", COUNTERS, sink);
        return (exact, exact);
    }
    let Some(fields) = Fields::of(node, "a counter's range", &["min", "max"], sink) else {
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
    const ACTIONS: [&str; 4] = ["log", "reply", "reject", "set"];
    const HINT: &str = "write `log: \"text\"`, `reply: 5`, `reject: 0x80` or `set: {char: chr2, value: 7}`";
    let entries = match &node.content {
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
            let fields = Fields::of(value, "`set`", &["char", "value"], sink)?;
            let target = fields.required("char", "name the characteristic: `char: chr2`", sink);
            let target = target.and_then(|node| names.read(node, sink));
            let value = fields.required("value", "write the new value: `value: 7`", sink);
            let value = value.and_then(|node| values::api_value(node, "the value", sink));
            Some(RuleAction::Set { target: target?, value: value? })
        }
        _ => {
            let message = format!("there is no action `{}`", Sink::short(key));
            sink.report_unknown(Code::UnknownWord, *key_mark, message, key, ACTIONS.iter().copied());
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
