//! The one stream of events between running and reporting.

use crate::verdict::Verdict;

/// What reporters learn, in order. With several jobs, scenarios interleave.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and most are the large one")]
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// Before the first scenario.
    Started {
        /// How many scenarios were selected.
        total: usize,
        /// The run's seed.
        seed: u64,
    },
    /// A scenario has ended.
    Finished(Outcome),
    /// After the last scenario.
    Ended(Summary),
}

/// One scenario's end.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// [`crate::scenario::Scenario::id`].
    pub id: String,
    /// Its sentence.
    pub name: String,
    /// Its file as the user gave it.
    pub file: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The observed trace's text.
    pub trace: String,
    /// What the board sent besides frames, with the functions of the addresses in it.
    pub console: String,
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// Virtual time that passed on the bench in microseconds; 0 on a bench in real time.
    pub bench_us: u64,
}

impl Summary {
    /// How many scenarios have ended.
    #[must_use]
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.expected_failures + self.inconclusive + self.skipped
    }

    /// Counts one verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Fail(_) => self.failed += 1,
            Verdict::ExpectedFailure(..) => self.expected_failures += 1,
            Verdict::Inconclusive(_) => self.inconclusive += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }
}

/// Counts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Verdict `Pass`.
    pub passed: usize,
    /// Verdict `Fail`.
    pub failed: usize,
    /// Verdict `ExpectedFailure`.
    pub expected_failures: usize,
    /// Verdict `Inconclusive`.
    pub inconclusive: usize,
    /// Verdict `Skipped`.
    pub skipped: usize,
    /// Wall time of the run in microseconds.
    pub wall_us: u64,
}
