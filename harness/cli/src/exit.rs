//! How the command ends, as a number that scripts can rely on.

use conformance::report::Summary;

/// Exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: every scenario that ran passed.
    Pass,
    /// 1: the device did something else than it should.
    Fail,
    /// 2: a wrong option, a missing file, or a mistake in a scenario file.
    Usage,
    /// 3: nothing failed, but the bench did not work somewhere.
    Inconclusive,
    /// 4: there was nothing to run, or everything was skipped.
    Nothing,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Nothing => 4,
        }
    }

    /// What a run's counts come to. A run in which nothing passed or failed shows nothing, so it is
    /// no success.
    #[must_use]
    pub fn of(summary: &Summary) -> Self {
        if summary.failed > 0 {
            Self::Fail
        } else if summary.inconclusive > 0 {
            Self::Inconclusive
        } else if summary.passed == 0 && summary.expected_failures == 0 {
            Self::Nothing
        } else {
            Self::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(passed: usize, failed: usize, inconclusive: usize, skipped: usize) -> u8 {
        Exit::of(&Summary { passed, failed, inconclusive, skipped, ..Summary::default() }).code()
    }

    #[test]
    fn a_failure_outweighs_a_fault_of_the_bench_and_that_outweighs_a_pass() {
        assert_eq!(exit(3, 1, 1, 0), 1);
        assert_eq!(exit(3, 0, 1, 1), 3);
        assert_eq!(exit(3, 0, 0, 1), 0);
    }

    #[test]
    fn nothing_run_is_no_success() {
        assert_eq!(exit(0, 0, 0, 0), 4);
        assert_eq!(exit(0, 0, 0, 2), 4);
    }
}
