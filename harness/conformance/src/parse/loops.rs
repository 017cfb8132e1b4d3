//! Loops: their steps are read once for each round, with the round's value put in.

use super::fields::{self, Fields};
use super::names;
use super::sink::{Mark, Sink};
use super::steps::Reader;
use super::values;
use crate::diagnostic::Code;
use crate::language::{TIMES, steps};
use crate::yaml::{Content, Entry, Node};

/// Loops within loops.
const MAX_DEPTH: usize = 4;
/// All that loops may put in, in values and bytes: a short file must not stand for a very large one.
const MAX_WEIGHT: usize = 4 << 20;

/// A bound was passed and reported: reading ends.
pub(super) struct Stop;

/// What loops have used of their bounds.
#[derive(Default)]
pub(super) struct Loops {
    /// Names of the loops around the step that is being read.
    pub(super) names: Vec<String>,
    depth: usize,
    weight: usize,
}

impl Loops {
    /// True while a loop's steps are read.
    pub(super) fn is_inside(&self) -> bool {
        self.depth > 0
    }

    fn add(&mut self, weight: usize, mark: Mark, sink: &mut Sink) -> Result<(), Stop> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        let message = "the loops of this file stand for more than 4 MiB of steps";
        sink.report(Code::LoopTooLarge, mark, message, "let them run less often, or shorten their values");
        Err(Stop)
    }
}

impl Reader<'_, '_> {
    /// `repeat:`
    pub(super) fn repeat(&mut self, node: &Node<'_>) -> Result<(), Stop> {
        let Some(fields) = Fields::of(node, &steps::REPEAT, self.sink) else { return Ok(()) };
        let times = fields.required("times", self.sink);
        let times = times.and_then(|node| fields::integer(node, "`times`", TIMES, self.sink));
        let list = fields.required("steps", self.sink);
        let items = list.and_then(|node| fields::filled_list(node, "`steps`", self.sink)).unwrap_or_default();
        self.enter(node.mark)?;
        // With no sound count, the steps are still read once, for their own mistakes.
        let rounds = if items.is_empty() { 0 } else { times.unwrap_or(1) };
        for _ in 0..rounds {
            self.loops.add(items.iter().map(weight).sum(), node.mark, self.sink)?;
            self.steps(items)?;
        }
        self.loops.depth -= 1;
        Ok(())
    }

    /// `for_each:`
    pub(super) fn for_each(&mut self, node: &Node<'_>) -> Result<(), Stop> {
        let Some(fields) = Fields::of(node, &steps::FOR_EACH, self.sink) else { return Ok(()) };
        let name = fields.required("as", self.sink).and_then(|node| self.loop_name(node));
        let values = fields.required("in", self.sink);
        let values = values.and_then(|node| fields::filled_list(node, "`in`", self.sink)).unwrap_or_default();
        let list = fields.required("steps", self.sink);
        let items = list.and_then(|node| fields::filled_list(node, "`steps`", self.sink)).unwrap_or_default();
        // Without sound values, the steps are still read once, for their own mistakes.
        let unreadable = [Node { mark: node.mark, content: Content::Broken }];
        let is_sound = name.is_some() && !values.is_empty();
        let values = if is_sound { values } else { &unreadable };
        self.enter(node.mark)?;
        self.loops.names.extend(name.clone());
        for value in values {
            let mut round = Round { name: name.as_deref(), value, weight: weight(value), used: 0 };
            let steps: Option<Vec<Node<'_>>> = items.iter().map(|item| round.put_in(item)).collect();
            self.loops.add(round.used, node.mark, self.sink)?;
            self.steps(&steps.unwrap_or_default())?;
        }
        if name.is_some() {
            self.loops.names.pop();
        }
        self.loops.depth -= 1;
        Ok(())
    }

    fn enter(&mut self, mark: Mark) -> Result<(), Stop> {
        self.loops.depth += 1;
        if self.loops.depth <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!("loops are nested more than {MAX_DEPTH} deep");
        self.sink.report(Code::LoopTooLarge, mark, message, "write the inner steps out");
        Err(Stop)
    }

    fn loop_name(&mut self, node: &Node<'_>) -> Option<String> {
        let name = names::shaped(node, self.sink)?;
        if self.loops.names.iter().any(|known| known == name) || self.saved.contains_key(name) {
            let message = format!("the name `{name}` is taken");
            self.sink.report(Code::DuplicateName, node.mark, message, "choose another name");
            return None;
        }
        Some(name.to_owned())
    }
}

/// One round of a loop.
struct Round<'r, 't> {
    /// What the steps call the value; `None` where that could not be read, so that any `$name` may be it.
    name: Option<&'r str>,
    value: &'r Node<'t>,
    /// Of the value.
    weight: usize,
    /// The weight of all that was made so far.
    used: usize,
}

impl<'t> Round<'_, 't> {
    /// The node with `$name` replaced by the value; `None` as soon as it gets too large.
    fn put_in(&mut self, node: &Node<'t>) -> Option<Node<'t>> {
        if values::reference(node).is_some_and(|name| self.name.is_none_or(|own| own == name)) {
            self.used += self.weight;
            return (self.used <= MAX_WEIGHT).then(|| self.value.clone());
        }
        self.used += 1;
        let content = match &node.content {
            Content::Scalar { text, plain } => {
                self.used += text.len();
                Content::Scalar { text: text.clone(), plain: *plain }
            }
            Content::List(items) => {
                Content::List(items.iter().map(|item| self.put_in(item)).collect::<Option<_>>()?)
            }
            Content::Map(entries) => {
                let mut copies = Vec::with_capacity(entries.len());
                for Entry { key, key_mark, value } in entries {
                    self.used += 1 + key.len();
                    let value = self.put_in(value)?;
                    copies.push(Entry { key: key.clone(), key_mark: *key_mark, value });
                }
                Content::Map(copies)
            }
            Content::Broken => Content::Broken,
        };
        (self.used <= MAX_WEIGHT).then_some(Node { mark: node.mark, content })
    }
}

/// How much a value takes: one for itself, and its bytes.
fn weight(node: &Node<'_>) -> usize {
    match &node.content {
        Content::Scalar { text, .. } => 1 + text.len(),
        Content::List(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Content::Map(entries) => {
            1 + entries.iter().map(|entry| 1 + entry.key.len() + weight(&entry.value)).sum::<usize>()
        }
        Content::Broken => 1,
    }
}
