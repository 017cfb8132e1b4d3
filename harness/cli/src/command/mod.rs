//! What each subcommand does.

mod accept;
mod bench;
mod list;
mod run;
mod seeds;

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};

use crate::args::Command;
use crate::exit::Exit;
use crate::select::{self, LoadError, Loaded, WrongFile};

const ERROR: Style = AnsiColor::Red.on_default().bold();

type Outcome = Result<Exit, Box<dyn Error>>;

/// Carries a command out.
pub(crate) fn execute(command: &Command) -> Outcome {
    match command {
        Command::Run(args) => run::execute(args),
        Command::List(args) => list::execute(args),
        Command::Bench(args) => bench::execute(args),
    }
}

/// One message on standard error, after the pattern of clap's own.
pub(crate) fn complain(error: &dyn Error) {
    say(&format!("{ERROR}error:{ERROR:#} {error}\n"));
}

/// Text for a person who looks at what goes on; nothing depends on its arrival.
fn say(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Results. A reader that went away (`gattest list | head`) is no error.
fn print(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// The scenarios that `paths` mean, or how the command ends without them: mistakes are shown, all
/// of them, and nothing runs.
fn load(paths: &[PathBuf]) -> Result<Result<Vec<Loaded>, Exit>, Box<dyn Error>> {
    let selected = select::select(paths)?;
    if selected.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        say(&format!("{ERROR}nothing to run:{ERROR:#} no .yaml file below {}\n", paths.join(", ")));
        return Ok(Err(Exit::Nothing));
    }
    match select::load(selected) {
        Ok(loaded) => Ok(Ok(loaded)),
        Err(LoadError::Select(error)) => Err(error.into()),
        Err(LoadError::Wrong(files)) => {
            show_mistakes(&files);
            Ok(Err(Exit::Usage))
        }
    }
}

fn show_mistakes(files: &[WrongFile]) {
    let colour = std::io::stderr().is_terminal();
    let mut mistakes = 0;
    for file in files {
        for diagnostic in &file.diagnostics {
            say(&diagnostic.render(&file.file, &file.text, colour));
            say("\n");
            mistakes += 1;
        }
    }
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (mistakes, files) = (count(mistakes, "mistake"), count(files.len(), "file"));
    say(&format!("{ERROR}error:{ERROR:#} {mistakes} in {files}; nothing was run\n"));
}

/// An error with the file that it happened to.
fn about(file: &Path, doing: &str) -> impl FnOnce(std::io::Error) -> Box<dyn Error> {
    let context = format!("failed to {doing} {}", file.display());
    move |error| format!("{context}: {error}").into()
}
