//! Every scenario as one test of its own name: `cargo test chr1` runs those that have it in their
//! names. Expected traces are insta snapshots, so that `cargo insta review` shows what changed.
//!
//! With GATTEST_BOARD and GATTEST_CENTRAL set as for `gattest run`, the same tests run on that board.

use std::io::Write as _;
use std::process::ExitCode;

use conformance::report::{Outcome, RunEvent};
use conformance::verdict::{Mismatch, Verdict};
use gattest::report::details;
use gattest::select::{Loaded, Selected, WrongFile, load_one, select};
use gattest::traces;
use libtest_mimic::{Arguments, Failed, Trial};
use rig::run::{Job, run};

/// Their devices are not ours: `ci/bumble.sh` runs them, and they are shown as ignored here.
const ELSEWHERE: &str = "external/";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let found = match select(&[fixtures::scenarios()]) {
        Ok(found) => found,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    // A file is read by its own test: a wrong one fails alone, and a process for one test is quick.
    let wrong = found.wrong.into_iter().map(|file| Trial::test(file.file.clone(), move || show(&file)));
    let trials = found.selected.into_iter().filter(|one| !is_device_table(one)).map(|one| {
        let is_elsewhere = one.id.starts_with(ELSEWHERE);
        let trial = Trial::test(one.id.clone(), move || load_one(one).map_or_else(|file| show(&file), check));
        trial.with_ignored_flag(is_elsewhere)
    });
    // A board has one radio: one test at a time.
    if bench::is_board() {
        arguments.test_threads = Some(1);
    }
    libtest_mimic::run(&arguments, trials.chain(wrong).collect()).exit_code()
}

/// Tables stand among the scenarios that name them.
fn is_device_table(one: &Selected) -> bool {
    std::fs::read_to_string(&one.path).is_ok_and(|text| conformance::parse::is_device_table(&text))
}

fn show(wrong: &WrongFile) -> Result<(), Failed> {
    Err(wrong.messages(false).join("\n").into())
}

/// Runs one scenario without its expected trace: it then ends as "no trace yet" when every written
/// expectation held, and insta judges the trace. A known failure is run with it, if it has one: insta
/// would call its difference a failure.
fn check(loaded: Option<Loaded>) -> Result<(), Failed> {
    let Some(loaded) = loaded else { return Ok(()) };
    let trace = traces::file(&fixtures::traces(), &loaded.scenario.id);
    let expected = if loaded.scenario.xfail.is_some() { traces::read(&trace)? } else { None };
    let jobs = [Job { scenario: loaded.scenario, plan: loaded.plan, expected }];
    let mut ended: Option<Outcome> = None;
    run(&jobs, &bench::options()?, &mut |event| {
        if let RunEvent::Finished(outcome) = event {
            ended = Some(outcome);
        }
    });
    let Some(outcome) = ended else { return Err("the run ended without a verdict".into()) };
    match &outcome.verdict {
        Verdict::Fail(Mismatch { missing_trace: true, .. }) => {
            assert_trace(&outcome.id, &outcome.trace);
            Ok(())
        }
        Verdict::ExpectedFailure(..) => Ok(()),
        Verdict::Skipped(reason) if bench::is_board() => {
            let _ = writeln!(std::io::stderr(), "{}: {reason}", outcome.id);
            Ok(())
        }
        Verdict::Skipped(reason) => Err(format!("skipped on the virtual bench: {reason}").into()),
        _ => Err(anstream::adapter::strip_str(&details(&outcome)).to_string().into()),
    }
}

fn assert_trace(id: &str, trace: &str) {
    // insta turns a `/` of a name into `__`, so the theme goes into the folder.
    let (theme, name) = id.rsplit_once('/').unwrap_or(("", id));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(fixtures::traces().join(theme));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, trace));
}

/// Where the tests run: on the virtual bench, or on the board that the environment names.
mod bench {
    use std::sync::OnceLock;

    use gattest::args::{Cli, Command};
    use rig::run::Options;

    pub(super) fn is_board() -> bool {
        std::env::var_os("GATTEST_BOARD").is_some()
    }

    /// The board is taken with the first test that runs, and kept until the last has ended.
    pub(super) fn options() -> Result<Options, String> {
        static OPTIONS: OnceLock<Result<Options, String>> = OnceLock::new();
        if is_board() {
            OPTIONS.get_or_init(on_board).clone()
        } else {
            Ok(Options { seed: 1, ..Options::default() })
        }
    }

    fn on_board() -> Result<Options, String> {
        // The command line of `gattest run` reads the environment.
        let cli =
            <Cli as clap::Parser>::try_parse_from(["gattest", "run"]).map_err(|error| error.to_string())?;
        let Command::Run(args) = cli.command else { return Err("no run".to_owned()) };
        gattest::run_options(&args).map_err(|fault| format!("{}\nwhat to do: {}", fault.cause, fault.cure))
    }
}
