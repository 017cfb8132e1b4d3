//! How a scenario ended.

use crate::scenario::Place;

/// How a scenario ended. Only [`Verdict::Fail`] speaks of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every expectation held and the trace is the expected one.
    Pass,
    /// The device did something else than it should.
    Fail(Mismatch),
    /// The bench did not work, so nothing is known about the device.
    Inconclusive(RigFault),
    /// The bench cannot do what the scenario needs.
    Skipped(String),
}

/// What differs, with the place in the scenario that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Index of the first step that differs.
    pub step: usize,
    /// Where that step stands.
    pub place: Place,
    /// One sentence: what was expected and what came.
    pub summary: String,
    /// The trace as it was, and as it should have been where an expected trace is known.
    pub diff: Vec<DiffLine>,
    /// True when there is no expected trace yet and all written expectations held.
    pub missing_trace: bool,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffLine {
    /// In both.
    Same(String),
    /// Expected, and did not come.
    Missing(String),
    /// Came, and was not expected.
    Extra(String),
}

/// A fault of the bench, never of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RigFault {
    /// Index of the step during which it happened, if the run had begun.
    pub step: Option<usize>,
    /// What happened.
    pub cause: String,
    /// What to do with one's hands.
    pub cure: String,
}
