//! Callbacks and rules that say what can never happen: each call is for the first rule whose guard holds.

use super::callback::Owner;
use super::fields::Fields;
use super::sink::Sink;
use super::values;
use crate::diagnostic::Code;
use crate::scenario::{Callback, Rule, RuleAction};
use crate::yaml::{Content, Node};

const WRITE: u16 = 0x10;
const SUBSCRIBE: u16 = 0x80;

/// A rule where it stands; `None` for one that could not be read.
type Placed<'n, 't> = (&'n Node<'t>, Option<Rule>);

/// Reports what never has an effect in a callback whose own fields are `fields`.
pub(super) fn check(
    callback: &Callback,
    rules: &[Placed<'_, '_>],
    owner: Owner<'_>,
    fields: &Fields<'_, '_>,
    sink: &mut Sink,
) {
    if let (Owner::Characteristic(Some(it)), Some(on)) = (owner, fields.get("on"))
        && callback.on & SUBSCRIBE != 0
        && !it.can_notify()
        && !it.can_indicate()
    {
        let message = "nobody can subscribe: the characteristic neither notifies nor indicates";
        let hint = "add `notify` or `indicate` to its `properties`, or leave `subscribe` out";
        sink.report(Code::NoProperty, on.mark, message, hint);
    }
    for (at, (node, rule)) in rules.iter().enumerate() {
        let Some(rule) = rule else { continue };
        check_guard(callback, rule, owner, node, sink);
        if matches!(owner, Owner::Characteristic(_)) {
            check_answers(callback, rule, node, sink);
        }
        let before = rules.iter().take(at).find_map(|(node, before)| {
            before.as_ref().filter(|before| takes_all(callback, before, rule)).map(|_| *node)
        });
        if let Some(before) = before {
            let line = before.mark.place.line;
            let message = format!("this rule never has its turn: the one in line {line} takes every call");
            let hint = "put it before that one, or give that one a `when` of its own";
            sink.report(Code::Impossible, node.mark, message, hint);
        }
    }
}

/// True if `first` holds for every call for which `second` does.
fn takes_all(callback: &Callback, first: &Rule, second: &Rule) -> bool {
    // The flags may hold more than what has triggered the call.
    let on = if callback.reads_events { 0 } else { callback.on };
    let event = first.event.is_none_or(|event| second.event == Some(event) || on == event);
    let low = first.counter_min.is_none_or(|low| second.counter_min.is_some_and(|other| other >= low));
    let high = first.counter_max.is_none_or(|high| second.counter_max.is_some_and(|other| other <= high));
    event && low && high && (first.value.is_none() || first.value == second.value)
}

fn check_guard(callback: &Callback, rule: &Rule, owner: Owner<'_>, node: &Node<'_>, sink: &mut Sink) {
    let Some(when) = node.get("when") else { return };
    if let (Some(event), Some(place)) = (rule.event, when.get("event"))
        && !callback.reads_events
        && callback.on != 0
        && event & callback.on == 0
    {
        let word = owner.triggers().iter().find(|(_, bit)| *bit == event).map_or("", |(word, _)| *word);
        let message = format!("`{word}` does not trigger this callback");
        sink.report(Code::Impossible, place.mark, message, "add it to `on`, or leave this rule out");
    }
    if let (Owner::Characteristic(Some(it)), Some(value), Some(place)) =
        (owner, &rule.value, when.get("value"))
    {
        let hint = "shorten it, or let the value be longer in the table";
        values::check_len(value, it.length, place, "the guard's value", hint, sink);
    }
}

/// Reports a second answer, and what stands beside the refusal of a write: no handler runs then (CB-9).
fn check_answers(callback: &Callback, rule: &Rule, node: &Node<'_>, sink: &mut Sink) {
    let items = match node.get("do").map(|node| &node.content) {
        Some(Content::List(items)) if items.len() == rule.actions.len() => items,
        // Some of them could not be read.
        _ => return,
    };
    let is_answer = |action: &RuleAction| {
        matches!(action, RuleAction::Reply(_) | RuleAction::ReplyCounter | RuleAction::Reject(_))
    };
    let mut answers = rule.actions.iter().zip(items).filter(|(action, _)| is_answer(action));
    if let (Some(_), Some((_, second))) = (answers.next(), answers.next()) {
        let message = "this rule answers already";
        sink.report(Code::ConflictingFields, second.mark, message, "keep one `reply` or one `reject`");
        return;
    }
    let is_write = !callback.reads_events && (rule.event == Some(WRITE) || callback.on == WRITE);
    let refuses = rule.actions.iter().any(|action| matches!(action, RuleAction::Reject(_)));
    let others = rule.actions.iter().zip(items).find(|(action, _)| !is_answer(action));
    if let (true, true, Some((_, other))) = (is_write, refuses, others) {
        let message = "a write that is refused runs no handler: this never happens";
        sink.report(Code::Impossible, other.mark, message, "leave it out, or leave `reject` out");
    }
}
