//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Conformance tests for Bluetooth LE GATT servers.
#[derive(Debug, Parser)]
#[command(name = "gattest", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 pass, 1 conformance failure, 2 usage, 3 inconclusive, 4 nothing selected.";

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios on the virtual board
    Run(RunArgs),
    /// List scenarios, one a line: id, what it covers, its sentence
    List(ListArgs),
    /// Measure the virtual bench
    Bench(BenchArgs),
}

/// Options of `gattest run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario files, or folders that hold them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// All that is random on the bench comes from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Run everything under this many seeds, counted up from --seed
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..),
          conflicts_with_all = ["accept", "json", "btsnoop"])]
    pub seeds: Option<u32>,
    /// Benches side by side [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Lose this many of 1,000 radio packets; they are sent again
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=900))]
    pub loss: u16,
    /// Write results as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write all HCI packets for Wireshark
    #[arg(long, value_name = "FILE")]
    pub btsnoop: Option<PathBuf>,
    /// Folder of expected traces [default: fixtures/traces beside the scenario folder, else traces in it]
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,
    /// Show and write the traces that are new or differ, where every written expectation holds
    #[arg(long)]
    pub accept: bool,
}

/// Options of `gattest list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Scenario files, or folders that hold them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
}

/// Options of `gattest bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn runs_repeat_unless_a_seed_is_given() {
        let Command::Run(run) = Cli::parse_from(["gattest", "run"]).command else { panic!("not a run") };
        assert_eq!((run.seed, run.loss, run.paths), (1, 0, vec![PathBuf::from("scenarios")]));
    }
}
