//! `gattest run`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use conformance::report::RunEvent;
#[cfg(unix)]
use rig::adapter::CentralSpec;
use rig::fault::Fault;
use rig::run::{Job, Options};

use super::{Outcome, Prepared, about, accept, id_width, inconclusive, load, must_be_there, prepare, repeat};
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::{InOrder, JsonReport, JunitReport, Reporter, Terminal};
use crate::stdout::Stdout;

pub(super) fn execute(args: &RunArgs) -> Outcome {
    #[cfg(unix)]
    must_show_packets(args)?;
    // First of all: results of an earlier run must not be taken for this one's, however this one ends.
    let files = Files::open(args)?;
    if !args.accept {
        must_be_there(args.bench.traces.as_deref())?;
    }
    let loaded = match load(&args.selection)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let prepared = prepare(loaded, args.bench.traces.as_deref())?;
    let options = match options(args) {
        Ok(options) => options,
        Err(fault) => return Ok(inconclusive(fault)),
    };
    if args.accept {
        return accept::execute(args, &options, &prepared);
    }
    let jobs: Vec<Job> = prepared.into_iter().map(|Prepared { job, .. }| job).collect();
    match args.repeat {
        Some(count) => repeat::execute(args, &options, jobs, count),
        None => run_once(args, options, jobs, files),
    }
}

/// An operating system keeps its packets to itself, and an empty file would look like a silence.
#[cfg(unix)]
fn must_show_packets(args: &RunArgs) -> Result<(), String> {
    let hardware = &args.hardware;
    let is_system = hardware.central.iter().any(|central| matches!(central, CentralSpec::System(_)));
    #[cfg(target_os = "linux")]
    let is_virtual = hardware.board == Some(rig::attach::BoardSpec::Virtual);
    #[cfg(not(target_os = "linux"))]
    let is_virtual = false;
    if args.btsnoop.is_some() && is_system && !is_virtual {
        return Err(
            "--btsnoop has nothing to write: an operating system shows no packets to programs; on Linux \
                    `sudo btmon --write FILE` records them, and --board virtual records its own radio"
                .to_owned(),
        );
    }
    Ok(())
}

/// The files that results go to.
struct Files {
    json: Option<File>,
    junit: Option<File>,
    btsnoop: Option<File>,
}

impl Files {
    /// Opens them before anything runs, so that a wrong path shows at once.
    fn open(args: &RunArgs) -> Result<Self, Box<dyn std::error::Error>> {
        let given = || [&args.json, &args.junit, &args.btsnoop].into_iter().flatten();
        if given().any(|path| path.as_os_str() == "-") {
            return Err("results go to a file: write its name in place of `-`".into());
        }
        // A path that has slipped behind the wrong option would be emptied.
        if let Some(input) = given().find(|path| is_input(path)) {
            return Err(format!("{} is no file for results: name another", input.display()).into());
        }
        let mut different = BTreeSet::new();
        if let Some(twice) = given().find(|path| !different.insert(*path)) {
            return Err(format!("two results cannot both be written to {}", twice.display()).into());
        }
        let open = |file: &Option<PathBuf>| {
            file.as_ref().map(|file| File::create(file).map_err(about(file, "write"))).transpose()
        };
        Ok(Self { json: open(&args.json)?, junit: open(&args.junit)?, btsnoop: open(&args.btsnoop)? })
    }
}

/// Scenarios, device tables and expected traces.
fn is_input(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "snap")
}

fn run_once(args: &RunArgs, options: Options, mut jobs: Vec<Job>, files: Files) -> Outcome {
    let mut terminal = Terminal::new(Stdout::new(), id_width(&jobs));
    if let Some(traces) = &args.bench.traces {
        terminal = terminal.with_traces(traces);
    }
    if args.shuffle {
        shuffle(&mut jobs, args.bench.seed);
        terminal = terminal.shuffled();
    }
    let options = Options { capture: files.btsnoop.is_some(), ..options };

    let (mut json, mut junit) = (JsonReport::default(), JunitReport::default());
    let reporters: Vec<&mut dyn Reporter> = vec![&mut terminal, &mut json, &mut junit];
    let mut in_order = InOrder::new(jobs.iter().map(|job| job.scenario.id.as_str()), reporters);
    let (summary, captures) = rig::run::run(&jobs, &options, &mut |event: RunEvent| in_order.event(event));
    drop(in_order);

    if let (Some(mut file), Some(path)) = (files.json, &args.json) {
        file.write_all(json.text()?.as_bytes()).map_err(about(path, "write"))?;
    }
    if let (Some(file), Some(path)) = (files.junit, &args.junit) {
        let mut writer = BufWriter::new(file);
        junit.write(&mut writer).and_then(|()| writer.flush()).map_err(about(path, "write"))?;
    }
    if let (Some(file), Some(path)) = (files.btsnoop, &args.btsnoop) {
        let mut writer = BufWriter::new(file);
        rig::write_btsnoop(&mut writer, &captures)
            .and_then(|()| writer.flush())
            .map_err(about(path, "write"))?;
    }
    Ok(Exit::of(&summary))
}

/// How the rig is to run, by the command line. A board that it names is taken, and flashed if need be.
///
/// # Errors
/// The board cannot be had.
pub fn options(args: &RunArgs) -> Result<Options, Fault> {
    #[cfg(unix)]
    let board = super::flash::board_for_run(&args.hardware, args.bench.seed)?;
    Ok(Options {
        #[cfg(unix)]
        centrals: args.hardware.central.clone(),
        #[cfg(unix)]
        board,
        fail_fast: args.fail_fast,
        ..super::options(&args.bench)
    })
}

/// An order drawn from the seed. What a scenario does depends on its id and the seed alone, never on
/// its place, so that a shuffled run shows only whether that is true.
pub(super) fn shuffle(jobs: &mut [Job], seed: u64) {
    fastrand::Rng::with_seed(seed).shuffle(jobs);
}
