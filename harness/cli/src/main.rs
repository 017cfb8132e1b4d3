//! The `gattest` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gattest::main()
}
