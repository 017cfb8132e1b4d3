//! The command as its users see it: exit codes, messages, files, and what README.md shows.
#![expect(clippy::expect_used, reason = "a test that lacks what it needs says so and stops")]

mod adapters;
mod authoring;
mod board;
#[cfg(unix)]
mod boards;
mod calls;
mod commands;
mod coverage;
mod files;
mod junit;
mod junit_schema;
mod mutants;
mod readme;
mod selection;
mod watch;
