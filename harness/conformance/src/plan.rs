//! What the rig is to do: the scenario's steps with their deadlines.

use crate::scenario::{Device, Need, Step};

/// A scenario, ready to be driven.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// [`crate::scenario::Scenario::id`].
    pub id: String,
    /// What the bench must be able to do: declared needs and those that the steps imply. Sorted.
    pub needs: Vec<Need>,
    /// The device under test.
    pub device: Device,
    /// In order.
    pub steps: Vec<PlannedStep>,
}

/// A step with its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// The scenario's step.
    pub step: Step,
    /// The step must be complete this many milliseconds after it began, or the run is inconclusive.
    pub deadline_ms: u32,
}
