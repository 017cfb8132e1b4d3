//! `gattest run`.

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use conformance::report::RunEvent;
use rig::run::{Job, Options};

use super::{Outcome, about, accept, load, seeds};
use crate::args::RunArgs;
use crate::exit::Exit;
use crate::report::{InOrder, JsonReport, Reporter, Terminal};
use crate::select::Loaded;
use crate::traces;

/// A scenario to run and where its expected trace stands.
pub(super) struct Prepared {
    pub(super) job: Job,
    pub(super) trace: PathBuf,
}

pub(super) fn execute(args: &RunArgs) -> Outcome {
    let loaded = match load(&args.paths)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let prepared = prepare(loaded, args.traces.as_deref())?;
    if args.accept {
        accept::execute(args, &prepared)
    } else if let Some(count) = args.seeds {
        Ok(seeds::execute(args, prepared, count))
    } else {
        run_once(args, prepared)
    }
}

/// How the rig is to run, by the command line.
pub(super) fn options(args: &RunArgs, seed: u64) -> Options {
    let processors = || available_parallelism().map_or(1, |count| count.get());
    Options {
        seed,
        jobs: args.jobs.map_or_else(processors, usize::from),
        loss_per_mille: args.loss,
        capture: args.btsnoop.is_some(),
        ..Options::default()
    }
}

fn prepare(loaded: Vec<Loaded>, folder: Option<&Path>) -> Result<Vec<Prepared>, Box<dyn std::error::Error>> {
    let mut prepared = Vec::with_capacity(loaded.len());
    for one in loaded {
        let folder = folder.map_or_else(|| traces::default_folder(&one.selected.root), Path::to_path_buf);
        let trace = traces::file(&folder, &one.scenario.id);
        let expected = traces::read(&trace).map_err(about(&trace, "read"))?;
        prepared.push(Prepared { job: Job { scenario: one.scenario, plan: one.plan, expected }, trace });
    }
    Ok(prepared)
}

fn run_once(args: &RunArgs, prepared: Vec<Prepared>) -> Outcome {
    let jobs: Vec<Job> = prepared.into_iter().map(|one| one.job).collect();
    // Opened first: a wrong path shows before the run, not after it.
    let open = |file: &PathBuf| fs::File::create(file).map_err(about(file, "write"));
    let json_file = args.json.as_ref().map(open).transpose()?;
    let btsnoop_file = args.btsnoop.as_ref().map(open).transpose()?;

    let mut json = JsonReport::default();
    let mut terminal = Terminal::new(anstream::stdout(), id_width(&jobs));
    let reporters: Vec<&mut dyn Reporter> = vec![&mut terminal, &mut json];
    let mut in_order = InOrder::new(jobs.iter().map(|job| job.scenario.id.as_str()), reporters);
    let (summary, captures) =
        rig::run::run(&jobs, &options(args, args.seed), &mut |event: RunEvent| in_order.event(event));
    drop(in_order);

    if let (Some(mut file), Some(path)) = (json_file, &args.json) {
        std::io::Write::write_all(&mut file, json.text()?.as_bytes()).map_err(about(path, "write"))?;
    }
    if let (Some(file), Some(path)) = (btsnoop_file, &args.btsnoop) {
        let mut writer = BufWriter::new(file);
        rig::write_btsnoop(&mut writer, &captures)
            .and_then(|()| std::io::Write::flush(&mut writer))
            .map_err(about(path, "write"))?;
    }
    Ok(Exit::of(&summary))
}

/// Length in characters of the longest id.
pub(super) fn id_width(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.scenario.id.chars().count()).max().unwrap_or(0)
}
