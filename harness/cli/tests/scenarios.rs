//! Every scenario as one test of its own name: `cargo test chr1` runs those that have it in their
//! names. Expected traces are insta snapshots, so that `cargo insta review` shows what changed.

use std::io::Write as _;
use std::process::ExitCode;

use conformance::report::{Outcome, RunEvent};
use conformance::verdict::{Mismatch, Verdict};
use gattest::report::details;
use gattest::select::{LoadError, Loaded, load, select};
use libtest_mimic::{Arguments, Failed, Trial};
use rig::run::{Job, Options, run};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let loaded = match select(&[fixtures::scenarios()]).map_err(LoadError::from).and_then(load) {
        Ok(loaded) => loaded,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}", explain(&error));
            return ExitCode::FAILURE;
        }
    };
    let trials =
        loaded.into_iter().map(|one| Trial::test(one.scenario.id.clone(), move || check(one))).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn explain(error: &LoadError) -> String {
    let LoadError::Wrong(files) = error else { return error.to_string() };
    let rendered = files.iter().flat_map(|file| {
        file.diagnostics.iter().map(|diagnostic| diagnostic.render(&file.file, &file.text, false))
    });
    rendered.collect::<Vec<_>>().join("\n")
}

/// Runs one scenario without its expected trace: it then ends as "no trace yet" when every written
/// expectation held, and insta judges the trace.
fn check(one: Loaded) -> Result<(), Failed> {
    let id = one.scenario.id.clone();
    let job = Job { scenario: one.scenario, plan: one.plan, expected: None };
    let mut ended: Option<Outcome> = None;
    run(&[job], &Options { seed: 1, jobs: 1, ..Options::default() }, &mut |event| {
        if let RunEvent::Finished(outcome) = event {
            ended = Some(outcome);
        }
    });
    let Some(outcome) = ended else { return Err("the run ended without a verdict".into()) };
    match &outcome.verdict {
        Verdict::Fail(Mismatch { missing_trace: true, .. }) => {
            assert_trace(&id, &outcome.trace);
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
