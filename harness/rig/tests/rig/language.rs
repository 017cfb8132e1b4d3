//! Scenario files on the virtual bench: the handbook's, the language's own under many seeds, and the
//! example application once as Rust and once as a table.

use crate::support::files;
use conformance::parse::parse_with;
use conformance::plan;
use conformance::report::{Outcome, RunEvent};
use conformance::verdict::{Mismatch, Verdict};
use rig::run::{Job, Options, run};

const README: &str = include_str!("../../../../scenarios/README.md");

/// A scenario that may use the tables of `scenarios/devices/`.
fn job(id: &str, text: &str) -> Job {
    let read_file = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let found = files("scenarios/devices").into_iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text).ok_or_else(|| "no such file".to_owned())
    };
    let scenario = parse_with(id, id, text, &read_file).unwrap_or_else(|mistakes| {
        let shown: Vec<String> = mistakes.iter().map(|it| it.render(id, text, false)).collect();
        panic!("{}", shown.join("\n"))
    });
    Job { plan: plan::plan(&scenario), scenario, expected: None }
}

fn outcome(job: &Job, options: Options) -> Outcome {
    let mut outcomes = Vec::new();
    run(std::slice::from_ref(job), &options, &mut |event| {
        if let RunEvent::Finished(outcome) = event {
            outcomes.push(outcome);
        }
    });
    outcomes.remove(0)
}

/// Runs a scenario that must keep what it says, and gives its trace.
fn trace(id: &str, text: &str) -> String {
    let outcome = outcome(&job(id, text), Options::default());
    assert_held(id, &outcome);
    outcome.trace
}

/// Every written expectation held: all that is missing is an expected trace.
fn assert_held(id: &str, outcome: &Outcome) {
    let held = matches!(&outcome.verdict, Verdict::Fail(Mismatch { missing_trace: true, .. }));
    assert!(held, "{id}: {:?}\n{}", outcome.verdict, outcome.trace);
}

#[test]
fn the_example_as_a_table_leaves_the_traces_of_the_application() {
    let scenarios = files("scenarios/lopy");
    assert!(scenarios.len() > 10);
    for (name, text) in scenarios {
        assert!(text.contains("\ndevice: lopy\n"), "{name}");
        let table = text.replace("\ndevice: lopy\n", "\ndevice: devices/lopy.yaml\n");
        assert_eq!(trace(&name, &table), trace(&name, &text), "{name}");
    }
}

#[test]
fn both_examples_advertise_the_same() {
    let steps = "  - expect_advertisement: {name: LoPy, service_uuid: \"1234567890123456\", tx_power: 0}\n";
    for device in ["lopy", "devices/lopy.yaml"] {
        trace(device, &format!("name: a\ncovers: [EX-1]\ndevice: {device}\nsteps:\n{steps}"));
    }
}

#[test]
fn every_whole_example_of_the_handbook_runs() {
    let blocks = README.split("```yaml\n").skip(1).filter_map(|part| part.split("```").next());
    let whole: Vec<&str> = blocks.filter(|block| block.starts_with("name:")).collect();
    assert!(whole.len() >= 3);
    for text in whole {
        trace("README.md", text);
    }
}

#[test]
fn the_languages_scenarios_have_one_trace_under_every_seed_and_any_loss() {
    let scenarios = files("scenarios/language");
    assert!(scenarios.len() >= 12);
    for (name, text) in &scenarios {
        let job = job(name, text);
        let first = trace(name, text);
        for seed in 0..24 {
            let loss_per_mille = (seed % 4) as u16 * 100;
            let ended = outcome(&job, Options { seed, loss_per_mille, ..Options::default() });
            assert_held(name, &ended);
            assert_eq!(ended.trace, first, "{name}, seed {seed}, {loss_per_mille} lost of 1000");
        }
    }
}

#[test]
fn an_answer_waits_for_as_long_as_its_rule_says() {
    let text = |delay: &str| {
        format!(
            "name: a\ncovers: [CB-13]\ndevice:\n  services:\n    - name: s\n      uuid: 0xA000\n      \
             characteristics:\n        - name: chr1\n          uuid: 0xA001\n          \
             callback: {{on: [read], rules: [do: [{delay}reply: 1]]}}\nsteps: [connect, read: chr1]\n"
        )
    };
    let time = |delay: &str| outcome(&job("x", &text(delay)), Options::default()).bench_us;
    let waited_us = time("delay: 20s, ") - time("");
    assert!((19_900_000..20_100_000).contains(&waited_us), "{waited_us} us");
    // Longer than a client waits (Core Vol 3 Part F 3.3.3).
    let given_up = outcome(&job("x", &text("delay: 31s, ")), Options::default());
    assert!(matches!(&given_up.verdict, Verdict::Fail(it) if !it.missing_trace), "{:?}", given_up.verdict);
    assert!(given_up.trace.ends_with("  no response\n"), "{}", given_up.trace);
}

#[test]
fn a_known_failure_is_expected_and_its_pass_fails() {
    let text = |expect: u8| {
        format!(
            "name: a\ncovers: [EX-2]\nxfail: {{reason: wrong on purpose}}\ndevice: lopy\nsteps:\n  - connect\n  \
             - read: {{char: chr1, expect: {expect}}}\n"
        )
    };
    let failing = outcome(&job("x", &text(6)), Options::default());
    assert!(
        matches!(&failing.verdict, Verdict::ExpectedFailure(_, xfail) if xfail.reason == "wrong on purpose")
    );
    let mut passing = job("x", &text(5));
    passing.expected = Some(outcome(&passing, Options::default()).trace);
    let ended = outcome(&passing, Options::default());
    assert!(matches!(&ended.verdict, Verdict::Fail(it) if it.summary.contains("wrong on purpose")));
}

#[test]
fn what_this_bench_cannot_do_is_skipped_with_the_reason() {
    let skipped = |device: &str, steps: &str| {
        let text = format!("name: a\ncovers: [EX-1]\ndevice: {device}\nsteps:\n  - connect\n{steps}");
        match outcome(&job("x", &text), Options::default()).verdict {
            Verdict::Skipped(reason) => reason,
            other => panic!("{other:?}"),
        }
    };
    let external = "{external: {name: x}, services: [{name: s, uuid: 1}]}";
    assert!(skipped(external, "").starts_with("needs an adapter: "));
}
