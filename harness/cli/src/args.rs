//! The command line.

#[cfg(unix)]
mod board;
#[cfg(unix)]
mod boards;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
#[cfg(unix)]
use rig::radio::Socket;

#[cfg(unix)]
pub use board::BoardArgs;
#[cfg(unix)]
pub use boards::{BoardsArgs, FirmwareArgs, FlashArgs, Hardware};

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
    /// Write a starting file for a new scenario
    New(NewArgs),
    /// Look for mistakes in scenario files, and for expected traces that no scenario uses
    Check(CheckArgs),
    /// List scenarios, one a line: id, sentence, what it covers
    List(ListArgs),
    /// Show which requirement has which evidence, and which has none
    Coverage(CoverageArgs),
    /// Run scenarios on the virtual board, or on devices within reach of an adapter
    Run(RunArgs),
    /// Run scenarios again whenever their files are saved
    Watch(WatchArgs),
    /// Run scenarios on devices that are wrong on purpose; each must fail one of them
    Mutants(MutantsArgs),
    /// Measure the virtual bench
    Bench(BenchArgs),
    /// Lend a virtual radio to other programs: one controller for each socket, until Ctrl-C
    #[cfg(unix)]
    Radio(RadioArgs),
    /// Be a board: a serial port with a ROM loader, flash memory and a radio, until Ctrl-C
    #[cfg(unix)]
    Board(BoardArgs),
    /// Put the firmware on a board, unless it runs it already
    #[cfg(unix)]
    Flash(FlashArgs),
    /// List the boards that are plugged in: port, chip, MAC address, firmware, and who has them
    #[cfg(unix)]
    Boards(BoardsArgs),
    /// Look for what this machine lacks, and say what to do about it
    #[cfg(unix)]
    Doctor(BoardsArgs),
    /// Build the firmware for boards, and check the images
    #[cfg(unix)]
    Firmware(FirmwareArgs),
    /// Print the JSON Schema of scenario files, for completion and checks in editors
    Schema(SchemaArgs),
    /// Print what makes a shell complete this command line
    Completions(CompletionsArgs),
}

/// Which scenarios are meant. Options of one kind widen the selection, different kinds narrow it.
#[derive(Debug, Args)]
pub struct Selection {
    /// Scenario files, or folders that hold them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// Only those with this text in their id or name
    #[arg(long, value_name = "TEXT")]
    pub filter: Vec<String>,
    /// Only those with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Only those that cover this requirement or SIG test
    #[arg(long, value_name = "ID")]
    pub covers: Vec<String>,
}

/// How the bench runs.
#[derive(Debug, Clone, Args)]
pub struct Bench {
    /// All that is random on the bench comes from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Benches side by side [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Lose this many of 1,000 radio packets; they are sent again
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=900))]
    pub loss: u16,
    /// Folder of expected traces [default: fixtures/traces beside the scenario folder, else traces in it]
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,
}

/// Options of `gattest new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// What to call it: scenarios/NAME.yaml; a theme may stand before it, as in lopy/reads-twice
    pub name: String,
}

/// Options of `gattest check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scenario files, or folders that hold them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// Folder of expected traces [default: fixtures/traces beside the scenario folder, else traces in it]
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,
}

/// Options of `gattest list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,
    /// List their tags instead, each with the number of scenarios that have it
    #[arg(long)]
    pub tags: bool,
}

/// Options of `gattest coverage`.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// Scenario files, or folders that hold them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// A list of ids: a table with tabs between id, purpose and evidence [default: every .tsv file in
    /// coverage/ inside the scenario folder]
    #[arg(long, value_name = "FILE")]
    pub ids: Vec<PathBuf>,
    /// Write the matrix as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Options of `gattest run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,
    /// How the bench runs.
    #[command(flatten)]
    pub bench: Bench,
    /// What takes the place of the virtual bench.
    #[cfg(unix)]
    #[command(flatten)]
    pub hardware: Hardware,
    /// Start no further scenario after the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Run in an order drawn from the seed
    #[arg(long)]
    pub shuffle: bool,
    /// Run each scenario N times, under seeds counted up from --seed, and compare the traces
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// Show and write the traces that are new or differ, where every written expectation holds
    // One trace serves every bench, and the virtual one shows it whole: no board's run may replace it.
    #[arg(long, conflicts_with_all = ["repeat", "fail_fast", "shuffle"])]
    #[cfg_attr(unix, arg(conflicts_with = "board"))]
    pub accept: bool,
    /// Write results as JUnit XML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["accept", "repeat"])]
    pub junit: Option<PathBuf>,
    /// Write results as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["accept", "repeat"])]
    pub json: Option<PathBuf>,
    /// Write all HCI packets for Wireshark
    #[arg(long, value_name = "FILE", conflicts_with_all = ["accept", "repeat"])]
    pub btsnoop: Option<PathBuf>,
}

/// Options of `gattest watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,
    /// How the bench runs.
    #[command(flatten)]
    pub bench: Bench,
}

/// Options of `gattest mutants`.
#[derive(Debug, Args)]
pub struct MutantsArgs {
    /// Scenario files, or folders that hold them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// How the bench runs.
    #[command(flatten)]
    pub bench: Bench,
    /// Only wrong devices with this text in their id, or that violate this requirement or SIG test
    #[arg(long, value_name = "TEXT")]
    pub filter: Vec<String>,
    /// Run every scenario on each, and show which of them fail
    #[arg(long)]
    pub matrix: bool,
    /// Write results as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Options of `gattest bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `gattest schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Print the schema of files that hold a device table, for `device: lamp.yaml`
    #[arg(long)]
    pub table: bool,
}

/// Options of `gattest radio`.
#[cfg(unix)]
#[derive(Debug, Args)]
pub struct RadioArgs {
    /// Where a host calls for its controller: a path for a new Unix socket, or tcp:PORT on 127.0.0.1
    #[arg(long, value_name = "SOCKET", required = true)]
    pub socket: Vec<Socket>,
    /// All that is random on the radio comes from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Options of `gattest completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: Shell,
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
        assert_eq!((run.bench.seed, run.bench.loss), (1, 0));
        assert_eq!(run.selection.paths, vec![PathBuf::from("scenarios")]);
    }
}
