//! How a scenario ended.

use crate::scenario::{Place, Xfail};

/// How a scenario ended. Only [`Verdict::Fail`] speaks of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every expectation held and the trace is the expected one.
    Pass,
    /// The device did something else than it should.
    Fail(Mismatch),
    /// The device did something else than it should, and the scenario says that it would.
    ExpectedFailure(Mismatch, Xfail),
    /// The bench did not work, so nothing is known about the device.
    Inconclusive(RigFault),
    /// The bench cannot do what the scenario needs.
    Skipped(String),
}

impl Verdict {
    /// The verdict on a scenario that is known to fail, or on any other where `xfail` is `None`: a failure
    /// is expected, and a pass is a failure with words of its own. Where there is no expected trace, all
    /// written expectations held: that is no failure either.
    #[must_use]
    pub fn with_xfail(self, xfail: Option<&Xfail>) -> Self {
        let Some(xfail) = xfail else { return self };
        match self {
            Self::Fail(mismatch) if !mismatch.missing_trace => Self::ExpectedFailure(mismatch, xfail.clone()),
            Self::Pass | Self::Fail(_) => Self::Fail(Mismatch {
                step: 0,
                place: xfail.place,
                summary: format!(
                    "it passes, though `xfail` says that it fails ({}): take `xfail` out",
                    xfail.reason
                ),
                diff: Vec::new(),
                missing_trace: false,
            }),
            other => other,
        }
    }
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
    /// The step during which it happened, if the run had begun.
    pub step: Option<FaultStep>,
    /// What happened.
    pub cause: String,
    /// What to do with one's hands.
    pub cure: String,
}

/// The step during which the bench broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultStep {
    /// Its index.
    pub index: usize,
    /// Where it stands.
    pub place: Place,
    /// Its label.
    pub label: String,
}
