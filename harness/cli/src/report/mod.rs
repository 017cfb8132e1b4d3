//! Reporters: each consumes the run's one stream of events and nothing else.

mod json;
mod junit;
mod mutants;
mod style;
mod terminal;

use std::collections::{BTreeMap, HashMap};

use conformance::report::{Outcome, RunEvent};

pub use json::JsonReport;
pub use junit::JunitReport;
pub use mutants::{Fate, Tried, closing, json, line, matrix};
pub(crate) use style::{duration, visible};
pub use terminal::{Terminal, details};
pub(crate) use terminal::{closing_line, diff, marked};

/// What a reporter does with each event.
pub trait Reporter {
    /// Called once for each event, in order.
    fn event(&mut self, event: &RunEvent);
}

/// Brings the ends of scenarios, which come as they complete, into the order of the selection, so
/// that two runs read alike. Each is passed on as soon as all before it have been.
pub struct InOrder<'a> {
    positions: HashMap<String, usize>,
    waiting: BTreeMap<usize, Outcome>,
    next: usize,
    reporters: Vec<&'a mut dyn Reporter>,
}

impl<'a> InOrder<'a> {
    /// `ids` are the selected scenarios, in order.
    pub fn new<'b>(ids: impl Iterator<Item = &'b str>, reporters: Vec<&'a mut dyn Reporter>) -> Self {
        let positions = ids.enumerate().map(|(position, id)| (id.to_owned(), position)).collect();
        Self { positions, waiting: BTreeMap::new(), next: 0, reporters }
    }

    /// Takes the next event of the run.
    pub fn event(&mut self, event: RunEvent) {
        let RunEvent::Finished(outcome) = event else { return self.pass_on(&event) };
        let Some(position) = self.positions.get(&outcome.id) else {
            return self.pass_on(&RunEvent::Finished(outcome));
        };
        self.waiting.insert(*position, outcome);
        while let Some(outcome) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.pass_on(&RunEvent::Finished(outcome));
        }
    }

    fn pass_on(&mut self, event: &RunEvent) {
        for reporter in &mut self.reporters {
            reporter.event(event);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use conformance::verdict::Verdict;

    /// An outcome for tests.
    pub(crate) fn outcome(id: &str, verdict: Verdict) -> Outcome {
        Outcome {
            id: id.to_owned(),
            name: format!("{id} does what it should"),
            file: format!("scenarios/{id}.yaml"),
            verdict,
            trace: "connect\n  connected\nread chr1\n  value 05\n".to_owned(),
            console: String::new(),
            wall_us: 412,
            bench_us: 123_456,
        }
    }

    struct Seen(Vec<String>);

    impl Reporter for Seen {
        fn event(&mut self, event: &RunEvent) {
            if let RunEvent::Finished(outcome) = event {
                self.0.push(outcome.id.clone());
            }
        }
    }

    #[test]
    fn ends_are_reported_in_the_order_of_the_selection() {
        let mut seen = Seen(Vec::new());
        let mut in_order = InOrder::new(["a", "b", "c"].into_iter(), vec![&mut seen]);
        for id in ["b", "c", "a"] {
            in_order.event(RunEvent::Finished(outcome(id, Verdict::Pass)));
        }
        drop(in_order);
        assert_eq!(seen.0, ["a", "b", "c"]);
    }
}
