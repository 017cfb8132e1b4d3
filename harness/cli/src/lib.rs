//! The `gattest` command as a library, so that tests use what the command uses: the selection of
//! scenario files ([`select`]), the files of expected traces ([`traces`]) and the reporters
//! ([`report`]).
//!
//! **Invariant:** only this crate prints. Results go to standard output, everything else to
//! standard error.

pub mod args;
mod command;
pub mod exit;
pub mod filter;
pub mod report;
pub mod select;
mod stdout;
mod text_file;
pub mod traces;

pub use command::run_options;

use std::process::ExitCode;

use clap::Parser;

/// Reads the command line, does what it says, and returns the exit code of [`exit::Exit`].
#[must_use]
pub fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let exit = match command::execute(&cli.command) {
        Ok(exit) => exit,
        Err(error) => {
            command::complain(error.as_ref());
            exit::Exit::Usage
        }
    };
    if stdout::lost() {
        command::complain(&*Box::<dyn std::error::Error>::from(
            "the results could not be written to standard output",
        ));
        return ExitCode::from(exit::Exit::Usage.code());
    }
    ExitCode::from(exit.code())
}
