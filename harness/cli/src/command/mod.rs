//! What each subcommand does.

mod accept;
mod bench;
#[cfg(unix)]
mod board;
#[cfg(unix)]
mod boards;
mod check;
mod completions;
mod coverage;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod firmware;
#[cfg(unix)]
mod flash;
mod list;
mod mutants;
mod new;
#[cfg(unix)]
mod radio;
mod repeat;
mod run;
mod watch;

pub use run::options as run_options;

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use rig::fault::Fault;
use rig::run::Job;

use crate::args::{Bench, Command, Selection};
use crate::exit::Exit;
use crate::filter::Filter;
use crate::select::{self, Loaded, SelectError, WrongFile};
use crate::stdout::Stdout;
use crate::traces;

const ERROR: Style = AnsiColor::Red.on_default().bold();

type Outcome = Result<Exit, Box<dyn Error>>;

/// Carries a command out.
pub(crate) fn execute(command: &Command) -> Outcome {
    match command {
        Command::New(args) => new::execute(args),
        Command::Check(args) => check::execute(args),
        Command::List(args) => list::execute(args),
        Command::Coverage(args) => coverage::execute(args),
        Command::Run(args) => run::execute(args),
        Command::Watch(args) => watch::execute(args),
        Command::Mutants(args) => mutants::execute(args),
        Command::Bench(args) => bench::execute(args),
        #[cfg(unix)]
        Command::Radio(args) => radio::execute(args),
        #[cfg(unix)]
        Command::Board(args) => board::execute(args),
        #[cfg(unix)]
        Command::Flash(args) => flash::execute(args),
        #[cfg(unix)]
        Command::Boards(args) => boards::execute(args),
        #[cfg(unix)]
        Command::Doctor(args) => doctor::execute(args),
        #[cfg(unix)]
        Command::Firmware(args) => firmware::execute(args),
        Command::Schema(args) => {
            use conformance::schema;
            print(&if args.table { schema::device_json() } else { schema::json() });
            Ok(Exit::Pass)
        }
        Command::Completions(args) => Ok(completions::execute(args)),
    }
}

/// One message on standard error, after the pattern of clap's own.
pub(crate) fn complain(error: &dyn Error) {
    say(&format!("{ERROR}error:{ERROR:#} {error}\n"));
}

/// The bench does not work: why, and what to do about it.
fn inconclusive(fault: Fault) -> Exit {
    let Fault { cause, cure } = fault;
    say(&format!("{ERROR}inconclusive:{ERROR:#} {cause}\nwhat to do: {cure}\n"));
    Exit::Inconclusive
}

/// Text for a person who looks at what goes on; nothing depends on its arrival.
fn say(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Results. A reader that went away (`gattest list | head`) is no error.
fn print(text: &str) {
    let mut out = Stdout::new();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The scenarios that are selected, or how the command ends without them: mistakes are shown, all
/// of them, and nothing runs.
fn load(selection: &Selection) -> Result<Result<Vec<Loaded>, Exit>, Box<dyn Error>> {
    let found = select::select(&selection.paths).map_err(|error| with_hint(&error))?;
    if found.is_empty() {
        return Ok(Err(nothing_below(&selection.paths)));
    }
    let (mut loaded, wrong) = select::load(found);
    if !wrong.is_empty() {
        let count = show_mistakes(wrong.iter());
        say(&format!("{ERROR}error:{ERROR:#} {count}; nothing was run\n"));
        return Ok(Err(Exit::Usage));
    }
    if loaded.is_empty() {
        say(&format!("{ERROR}nothing selected:{ERROR:#} only device tables, which scenarios name\n"));
        return Ok(Err(Exit::Nothing));
    }
    let (all, filter) = (loaded.len(), Filter::from(selection));
    loaded.retain(|one| filter.takes(&one.scenario));
    if loaded.is_empty() {
        let all = count(all, "scenario");
        say(&format!("{ERROR}nothing selected:{ERROR:#} none of {all} fits {}\n", filter.options()));
        return Ok(Err(Exit::Nothing));
    }
    Ok(Ok(loaded))
}

/// A word where a path is wanted is most likely meant to select.
fn with_hint(error: &SelectError) -> String {
    match error {
        SelectError::Unreadable { path, source }
            if source.kind() == ErrorKind::NotFound && !path.contains(['/', '.']) && path != "scenarios" =>
        {
            format!("{error}; to select by text, write --filter {path}")
        }
        _ => error.to_string(),
    }
}

fn nothing_below(paths: &[PathBuf]) -> Exit {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    say(&format!("{ERROR}nothing selected:{ERROR:#} no .yaml file below {}\n", paths.join(", ")));
    Exit::Nothing
}

/// Shows every mistake of every file, and says how many there are: `3 mistakes in 2 files`.
///
/// A table that several scenarios use is shown once.
fn show_mistakes<'a>(files: impl Iterator<Item = &'a WrongFile>) -> String {
    let colour = std::io::stderr().is_terminal();
    let (mut files_count, mut shown) = (0, BTreeSet::new());
    for file in files {
        let known = shown.len();
        for message in file.messages(colour) {
            if !shown.contains(&message) {
                say(&format!("{message}\n"));
                shown.insert(message);
            }
        }
        files_count += usize::from(shown.len() > known);
    }
    format!("{} in {}", count(shown.len(), "mistake"), count(files_count, "file"))
}

/// `1 file`, `2 files`
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A scenario to run and where its expected trace stands.
struct Prepared {
    job: Job,
    /// The scenario's file, absolute.
    file: PathBuf,
    trace: PathBuf,
}

/// A folder of expected traces that was asked for must be there: a slip in its name would make every trace
/// a new one.
fn must_be_there(traces: Option<&Path>) -> Result<(), Box<dyn Error>> {
    match traces {
        Some(folder) if !folder.is_dir() => {
            Err(format!("there is no folder {}; `gattest run --accept` makes it", shown(folder)).into())
        }
        _ => Ok(()),
    }
}

/// Adds the expected traces, from `folder` or from where they stand by default.
fn prepare(loaded: Vec<Loaded>, folder: Option<&Path>) -> Result<Vec<Prepared>, Box<dyn Error>> {
    let prepare = |one: Loaded| {
        let Loaded { selected, scenario, plan } = one;
        let folder = folder.map_or_else(|| traces::default_folder(&selected.root), Path::to_path_buf);
        let trace = traces::file(&folder, &scenario.id);
        let expected = traces::read(&trace).map_err(about(&trace, "read"))?;
        Ok(Prepared { job: Job { scenario, plan, expected }, file: selected.path, trace })
    };
    loaded.into_iter().map(prepare).collect()
}

/// How the rig is to run, by the command line.
fn options(bench: &Bench) -> rig::run::Options {
    let processors = || std::thread::available_parallelism().map_or(1, |count| count.get());
    rig::run::Options {
        seed: bench.seed,
        jobs: bench.jobs.map_or_else(processors, usize::from),
        loss_per_mille: bench.loss,
        ..rig::run::Options::default()
    }
}

/// Lines for a terminal, cut to its width; a pipe gets everything.
fn fitted(lines: impl Iterator<Item = String>) -> String {
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    lines.map(|line| columns.map_or_else(|| line.clone(), |columns| clipped(&line, columns)) + "\n").collect()
}

fn clipped(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let kept = line.chars().take(columns.saturating_sub(1));
    kept.chain(['\u{2026}']).collect()
}

/// Columns are not wider than this, whatever one id is called.
const WIDEST: usize = 60;

/// Length in characters of the longest id, within bounds.
fn id_width(jobs: &[Job]) -> usize {
    width(jobs.iter().map(|job| job.scenario.id.as_str()))
}

/// Characters of the longest of these, within bounds.
fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0).min(WIDEST)
}

/// A path as a person writes it from here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    select::slashes(below.unwrap_or(path))
}

/// An error with the file that it happened to.
fn about(file: &Path, doing: &str) -> impl FnOnce(std::io::Error) -> Box<dyn Error> {
    let context = format!("failed to {doing} {}", shown(file));
    move |error| format!("{context}: {error}").into()
}

#[cfg(test)]
mod tests {
    use super::clipped;

    #[test]
    fn a_line_fits_the_terminal() {
        assert_eq!(clipped("abcd", 4), "abcd");
        assert_eq!(clipped("abcde", 4), "abc\u{2026}");
        assert_eq!(clipped("\u{e9}\u{e9}\u{e9}", 2), "\u{e9}\u{2026}");
    }
}
