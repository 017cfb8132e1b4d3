//! The expected or observed trace: one event a line, no times, no addresses, no versions.

/// A normalised trace. Its text is what stands in the snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Lines without their ends.
    pub lines: Vec<TraceLine>,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// Index of the step that it belongs to.
    pub step: usize,
    /// The text.
    pub text: String,
}
