//! Faults of the bench: nothing is known about the device.

use conformance::verdict::{FaultStep, RigFault};

/// Something of the bench broke. Never blamed on the device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Fault {
    /// What happened.
    pub cause: String,
    /// What to do with one's hands.
    pub cure: String,
}

impl Fault {
    /// A fault with its remedy.
    pub fn new(cause: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { cause: cause.into(), cure: cure.into() }
    }

    /// The same, as the verdict names it.
    #[must_use]
    pub fn at(self, step: Option<FaultStep>) -> RigFault {
        RigFault { step, cause: self.cause, cure: self.cure }
    }
}
