//! The command as its users see it: exit codes, messages, files, and what README.md shows.
#![expect(clippy::expect_used, reason = "a test that lacks what it needs says so and stops")]

mod calls;
mod commands;
mod readme;
