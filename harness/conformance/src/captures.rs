//! Values that steps have saved, for the steps after them.

use std::collections::BTreeMap;

use crate::observation::{CentralEvent, StepObservation};
use crate::scenario::{Action, BoardAction, ClientValue, Expect, Step};
use crate::spelling;

/// What has been saved so far in a run.
#[derive(Default)]
pub(crate) struct Captures(BTreeMap<String, Vec<u8>>);

impl Captures {
    /// Keeps what a step has read, if it says so.
    pub(crate) fn take(&mut self, step: &Step, seen: &StepObservation) {
        self.0.extend(saved(step, seen).map(|(name, bytes)| (name.to_owned(), bytes.to_owned())));
    }

    /// The bytes that a value stands for; `None` when its step read nothing.
    pub(crate) fn bytes<'v>(&'v self, value: &'v ClientValue) -> Option<&'v [u8]> {
        match value {
            ClientValue::Bytes(bytes) => Some(bytes),
            ClientValue::Saved(name) => self.0.get(name).map(Vec::as_slice),
        }
    }

    /// How values are shown in a step: those that it calls by name keep that name. So does the one that it
    /// saves without expecting any: it may be another in each run.
    pub(crate) fn shown<'c>(&'c self, step: &'c Step, seen: &'c StepObservation) -> Shown<'c> {
        let expected = values(&step.action);
        let new = saved(step, seen).filter(|_| expected.is_empty());
        let names = expected.iter().filter_map(|value| match value {
            ClientValue::Saved(name) => Some(name),
            ClientValue::Bytes(_) => None,
        });
        let known = names.filter_map(|name| self.0.get_key_value(name));
        let known = known.map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        Shown(known.chain(new).collect())
    }
}

/// What a step has read, under the name for it.
fn saved<'s>(step: &'s Step, seen: &'s StepObservation) -> Option<(&'s str, &'s [u8])> {
    let name = step.save.as_deref()?;
    seen.central.iter().find_map(|event| match event {
        CentralEvent::Value(bytes) => Some((name, bytes.as_slice())),
        _ => None,
    })
}

/// Names for values in one step. Only what the step itself names is shown so: two short values are
/// easily equal by chance.
#[derive(Default)]
pub(crate) struct Shown<'c>(Vec<(&'c str, &'c [u8])>);

impl Shown<'_> {
    /// A value in a trace: its name, or its bytes.
    pub(crate) fn value(&self, bytes: &[u8]) -> String {
        match self.0.iter().find(|(_, known)| *known == bytes) {
            Some((name, _)) => format!("${name}"),
            None => spelling::value(bytes),
        }
    }

    /// A value in a sentence: its name and its bytes.
    pub(crate) fn in_sentence(&self, bytes: &[u8]) -> String {
        let plain = spelling::value_in_sentence(bytes);
        match self.0.iter().find(|(_, known)| *known == bytes) {
            Some((name, _)) => format!("${name}, which is {plain},"),
            None => plain,
        }
    }
}

/// The values that a client writes or expects in a step.
fn values(action: &Action) -> Vec<&ClientValue> {
    match action {
        Action::Read { expect: Expect::Value(value), .. }
        | Action::ReadLong { expect: Expect::Value(value), .. }
        | Action::ReadDescriptor { expect: Expect::Value(value), .. }
        | Action::Expect { value: Some(value), .. }
        | Action::Board(BoardAction::Value { expect: Some(value), .. })
        | Action::Write { value, .. }
        | Action::WriteDescriptor { value, .. }
        | Action::WriteLong { value, .. } => vec![value],
        Action::WriteReliable { writes, .. } => writes.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}
