//! `gattest mutants`.

use std::fs::File;
use std::io::Write as _;

use conformance::report::RunEvent;
use defects::Wrong;
use indicatif::ProgressBar;
use rig::mutants::Suspect;
use rig::run::Job;

use super::{Outcome, Prepared, about, count, load, options, prepare, print, say};
use crate::args::{MutantsArgs, Selection};
use crate::exit::Exit;
use crate::report::{self, Fate, Tried};

pub(super) fn execute(args: &MutantsArgs) -> Outcome {
    // Results of an earlier run must not be taken for this one's, however this one ends.
    let json = match &args.json {
        Some(path) => Some((File::create(path).map_err(about(path, "write"))?, path)),
        None => None,
    };
    let paths = args.paths.clone();
    let selection = Selection { paths, filter: Vec::new(), tag: Vec::new(), covers: Vec::new() };
    let loaded = match load(&selection)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let wrong: Vec<Wrong> =
        defects::all().into_iter().filter(|wrong| is_meant(wrong, &args.filter)).collect();
    if wrong.is_empty() {
        say("nothing selected: no wrong device fits --filter\n");
        return Ok(Exit::Nothing);
    }
    let prepared = prepare(loaded, args.bench.traces.as_deref())?;
    let jobs: Vec<Job> = prepared.into_iter().map(|Prepared { job, .. }| job).collect();
    let jobs = match that_pass(jobs, args) {
        Ok(jobs) => jobs,
        Err(exit) => return Ok(exit),
    };
    let (tried, wall_us) = try_all(wrong, &jobs, args);
    print(&shown(&tried, &jobs, args.matrix));
    print(&report::closing(&tried, jobs.len(), wall_us, args.bench.seed));
    if let Some((mut file, path)) = json {
        let text = report::json(&tried, &jobs, args.bench.seed)?;
        file.write_all(text.as_bytes()).map_err(about(path, "write"))?;
    }
    Ok(if tried.iter().all(|one| one.fate() == Fate::Caught) { Exit::Pass } else { Exit::Fail })
}

fn is_meant(wrong: &Wrong, filter: &[String]) -> bool {
    let fits = |text: &String| wrong.id.contains(text.as_str()) || wrong.violates.contains(text);
    filter.is_empty() || filter.iter().any(fits)
}

/// The jobs that pass on the right device. What fails there can tell nothing from it.
fn that_pass(jobs: Vec<Job>, args: &MutantsArgs) -> Result<Vec<Job>, Exit> {
    let mut passed = vec![false; jobs.len()];
    let place = |id: &str| jobs.iter().position(|job| job.scenario.id == id);
    let (summary, _) = rig::run::run(&jobs, &options(&args.bench), &mut |event| {
        if let RunEvent::Finished(outcome) = event
            && outcome.verdict == conformance::verdict::Verdict::Pass
            && let Some(slot) = place(&outcome.id).and_then(|at| passed.get_mut(at))
        {
            *slot = true;
        }
    });
    let exit = Exit::of(&summary);
    if exit != Exit::Pass {
        let troubled = count(summary.failed + summary.inconclusive, "scenario");
        say(&format!("{troubled} did not pass on the right device: mend that first, with gattest run\n"));
        return Err(exit);
    }
    let passing = jobs.into_iter().zip(passed).filter(|(_, passed)| *passed);
    Ok(passing.map(|(job, _)| job).collect())
}

fn try_all(wrong: Vec<Wrong>, jobs: &[Job], args: &MutantsArgs) -> (Vec<Tried>, u64) {
    let suspects: Vec<Suspect> = wrong
        .iter()
        .map(|one| Suspect { mutant: one.mutant.encode(), order: promising_first(one, jobs) })
        .collect();
    let mut tried: Vec<Tried> =
        wrong.into_iter().map(|wrong| Tried { wrong, encounters: Vec::new() }).collect();
    // It hides itself where standard error is no terminal.
    let progress = ProgressBar::new(u64::try_from(tried.len()).unwrap_or(u64::MAX));
    let wall_us = rig::mutants::run(jobs, &suspects, &options(&args.bench), args.matrix, &mut |at, found| {
        if let Some(one) = tried.get_mut(at) {
            one.encounters = found;
        }
        progress.inc(1);
    });
    progress.finish_and_clear();
    (tried, wall_us)
}

/// Scenarios that cover what this device violates, then the others.
fn promising_first(wrong: &Wrong, jobs: &[Job]) -> Vec<usize> {
    let covers = |at: &usize| {
        let covered = jobs.get(*at).map(|job| job.scenario.covers.as_slice()).unwrap_or_default();
        covered.iter().any(|id| wrong.violates.contains(id))
    };
    let (mut first, others): (Vec<usize>, Vec<usize>) = (0..jobs.len()).partition(covers);
    first.extend(others);
    first
}

fn shown(tried: &[Tried], jobs: &[Job], is_matrix: bool) -> String {
    let width = tried.iter().map(|one| one.wrong.id.len()).max().unwrap_or(0);
    let (caught, others): (Vec<&Tried>, Vec<&Tried>) =
        tried.iter().partition(|one| one.fate() == Fate::Caught);
    let lines: String = others.iter().chain(&caught).map(|one| report::line(one, jobs, width)).collect();
    if is_matrix { lines + "\n" + &report::matrix(tried, jobs, width) } else { lines }
}
