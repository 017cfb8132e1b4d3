//! `gattest watch`: scenarios run again whenever their files, or their expected traces, are saved.
//!
//! **Invariant:** nothing polls. The operating system reports changes, and each wait ends by an
//! event or by the named window that lets a burst of them settle.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use conformance::report::RunEvent;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use rig::run::Job;

use super::{Outcome, count, id_width, must_be_there, options, prepare, say};
use crate::args::WatchArgs;
use crate::exit::Exit;
use crate::filter::Filter;
use crate::report::{InOrder, Reporter, Terminal};
use crate::select::{self, WrongFile};
use crate::stdout::Stdout;
use crate::traces;

/// Saving a file is several changes for the system: what comes within this time of the last one
/// belongs to it.
const SETTLE: Duration = Duration::from_millis(50);

/// A stream of changes that never settles is cut after this many, so that runs go on.
const BURST_MAX: usize = 1_000;

/// What happens while watching.
enum Signal {
    Changed(notify::Event),
    Broken(notify::Error),
    Stop,
}

pub(super) fn execute(args: &WatchArgs) -> Outcome {
    must_be_there(args.bench.traces.as_deref())?;
    let (signals, received) = mpsc::channel();
    let folders = folders(args)?;
    // Armed before the first look, so that no change falls between the two.
    let _watcher = watch(&folders, signals.clone())?;
    stop_on_interrupt(signals)?;
    let mut rounds = Rounds {
        args,
        filter: Filter::from(&args.selection),
        seen: BTreeMap::new(),
        mistakes: BTreeMap::new(),
    };
    let mut touched = BTreeSet::new();
    loop {
        match rounds.round(&touched) {
            Ok(Heard::Yes) => {}
            Ok(Heard::No) => return Ok(Exit::Pass),
            Err(error) if folders.keys().all(|folder| folder.is_dir()) => super::complain(error.as_ref()),
            // The system forgets a folder that is gone: nothing would ever be heard again.
            Err(error) => return Err(error),
        }
        match next_change(&received) {
            Some(changed) => touched = changed,
            None => return Ok(Exit::Pass),
        }
    }
}

/// The folders to watch, and whether those below them count as well.
fn folders(args: &WatchArgs) -> Result<BTreeMap<PathBuf, RecursiveMode>, Box<dyn Error>> {
    let mut folders = BTreeMap::new();
    // Also finds out whether all of them exist.
    select::select(&args.selection.paths)?;
    for given in &args.selection.paths {
        let given = std::fs::canonicalize(given)?;
        let root = select::root_of(&given);
        let traces = args.bench.traces.clone().unwrap_or_else(|| traces::default_folder(&root));
        if let Ok(traces) = std::fs::canonicalize(traces) {
            folders.insert(traces, RecursiveMode::Recursive);
        }
        if given.is_dir() {
            folders.insert(given, RecursiveMode::Recursive);
        } else if let Some(folder) = given.parent() {
            // Many editors replace a file by another one, so it is the folder that tells.
            folders.entry(folder.to_path_buf()).or_insert(RecursiveMode::NonRecursive);
        }
    }
    Ok(folders)
}

fn watch(
    folders: &BTreeMap<PathBuf, RecursiveMode>,
    signals: Sender<Signal>,
) -> Result<RecommendedWatcher, Box<dyn Error>> {
    let report = move |event: notify::Result<notify::Event>| {
        let signal = match event {
            // Reading is an event too, and we read.
            Ok(event) if event.kind.is_access() => return,
            Ok(event) => Signal::Changed(event),
            Err(error) => Signal::Broken(error),
        };
        // Nobody listens any more: the command is ending.
        let _ = signals.send(signal);
    };
    let mut watcher = notify::recommended_watcher(report)?;
    for (folder, mode) in folders {
        watcher
            .watch(folder, *mode)
            .map_err(|error| format!("failed to watch {}: {error}", folder.display()))?;
    }
    Ok(watcher)
}

/// The first Ctrl-C ends watching after the run that is under way, the second one at once.
fn stop_on_interrupt(signals: Sender<Signal>) -> Result<(), Box<dyn Error>> {
    let interrupted = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Inconclusive.code()));
        }
        let _ = signals.send(Signal::Stop);
    })?;
    Ok(())
}

/// Waits for a change that may matter and takes what belongs to it: the paths, or `None` to stop.
fn next_change(received: &Receiver<Signal>) -> Option<BTreeSet<PathBuf>> {
    let mut touched = BTreeSet::new();
    let mut heard = false;
    for _ in 0..BURST_MAX {
        let signal = match heard {
            false => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
            true => received.recv_timeout(SETTLE),
        };
        match signal {
            Ok(Signal::Changed(event)) => {
                // After a lost event, and for a folder, everything is looked at again.
                heard |= event.need_rescan() || event.paths.iter().any(|path| matters(path));
                touched.extend(event.paths);
            }
            Ok(Signal::Broken(error)) => super::complain(&error),
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    Some(touched)
}

/// True for scenarios, expected traces and what may be a folder.
fn matters(path: &Path) -> bool {
    path.extension().is_none_or(|extension| ["yaml", "yml", "snap"].iter().any(|it| extension == *it))
}

/// Whether somebody still reads the results.
enum Heard {
    Yes,
    No,
}

/// What was seen at the last look, to tell what has changed.
struct Rounds<'a> {
    args: &'a WatchArgs,
    filter: Filter,
    /// By file: what was run last.
    seen: BTreeMap<PathBuf, Job>,
    /// By file: the mistakes shown last.
    mistakes: BTreeMap<PathBuf, Vec<String>>,
}

impl Rounds<'_> {
    /// Looks at everything, shows new mistakes and runs what is new, differs or was saved. What a
    /// scenario takes from other files counts as its own, since the whole of it is compared.
    fn round(&mut self, touched: &BTreeSet<PathBuf>) -> Result<Heard, Box<dyn Error>> {
        let (mut loaded, wrong) = select::load(select::select(&self.args.selection.paths)?);
        loaded.retain(|one| self.filter.takes(&one.scenario));
        let prepared = prepare(loaded, self.args.bench.traces.as_deref())?;
        let all = prepared.len();
        let mut seen = BTreeMap::new();
        let mut changed = Vec::new();
        for one in prepared {
            let saved = touched.contains(&one.file) || touched.contains(&one.trace);
            if saved || self.seen.get(&one.file) != Some(&one.job) {
                changed.push(one.job.clone());
            }
            seen.insert(one.file, one.job);
        }
        self.seen = seen;
        let shown = self.show_mistakes(&wrong, touched);
        if changed.is_empty() && !shown && !touched.is_empty() {
            return Ok(Heard::Yes);
        }
        let heard = if changed.is_empty() { Heard::Yes } else { self.run(&changed) };
        let wrong = match wrong.len() {
            0 => String::new(),
            wrong => format!(", {} with mistakes", count(wrong, "file")),
        };
        say(&format!("watching {}{wrong}; Ctrl-C ends\n\n", count(all, "scenario")));
        Ok(heard)
    }

    /// Shows the mistakes that are new or were saved again; true if there are any.
    fn show_mistakes(&mut self, wrong: &[WrongFile], touched: &BTreeSet<PathBuf>) -> bool {
        let mut mistakes = BTreeMap::new();
        let mut news = Vec::new();
        for file in wrong {
            let messages = file.messages(false);
            if touched.contains(&file.path) || self.mistakes.get(&file.path) != Some(&messages) {
                news.push(file);
            }
            mistakes.insert(file.path.clone(), messages);
        }
        self.mistakes = mistakes;
        if !news.is_empty() {
            super::show_mistakes(news.iter().copied());
        }
        !news.is_empty()
    }

    fn run(&self, jobs: &[Job]) -> Heard {
        let mut terminal = Terminal::new(Stdout::new(), id_width(jobs));
        if let Some(traces) = &self.args.bench.traces {
            terminal = terminal.with_traces(traces);
        }
        let reporters: Vec<&mut dyn Reporter> = vec![&mut terminal];
        let mut in_order = InOrder::new(jobs.iter().map(|job| job.scenario.id.as_str()), reporters);
        rig::run::run(jobs, &options(&self.args.bench), &mut |event: RunEvent| in_order.event(event));
        drop(in_order);
        if terminal.reader_is_gone() { Heard::No } else { Heard::Yes }
    }
}
