//! `gattest completions`.

use clap::CommandFactory as _;

use super::print;
use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;

pub(super) fn execute(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gattest", &mut script);
    print(&String::from_utf8_lossy(&script));
    Exit::Pass
}
