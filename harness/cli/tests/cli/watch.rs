//! `gattest watch` with files that are really saved.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::calls::{GOOD, folder};

/// Far above what a change takes to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

struct Watching {
    child: Child,
    /// Results.
    out: Lines,
    /// Mistakes, and that it goes on watching.
    err: Lines,
}

struct Lines(Receiver<String>);

impl Watching {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gattest"))
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let out = Lines::of(child.stdout.take().expect("a pipe"));
        let err = Lines::of(child.stderr.take().expect("a pipe"));
        Self { child, out, err }
    }

    fn interrupt(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    }
}

impl Lines {
    fn of(from: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// Reads on to the first line that holds `text`; returns that line.
    fn until(&self, text: &str) -> String {
        let mut seen = Vec::new();
        let found = std::iter::from_fn(|| self.0.recv_timeout(PATIENCE).ok()).find(|line| {
            seen.push(line.clone());
            line.contains(text)
        });
        assert!(found.is_some(), "no `{text}` in {seen:#?}");
        found.unwrap_or_default()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_saved_runs_again_and_a_wrong_file_does_not_end_it() {
    let here = folder(&[("scenarios/a.yaml", GOOD), ("scenarios/b.yaml", GOOD)]);
    let save = |name: &str, text: &str| fs::write(here.path().join(name), text).expect("a saved file");
    let mut watching = Watching::start(here.path(), &["watch"]);
    watching.out.until("0 passed, 2 failed");
    watching.err.until("watching 2 scenarios");

    save("scenarios/b.yaml", &GOOD.replace("expect: 5", "expect: 6"));
    assert!(watching.out.until("FAIL").contains(" b "), "only b was saved");
    watching.out.until("0 passed, 1 failed");
    watching.err.until("watching 2 scenarios");

    save("scenarios/b.yaml", &GOOD.replace("- read:", "- raed:"));
    watching.err.until("there is no step `raed`");
    watching.err.until("watching 1 scenario, 1 file with mistakes");

    // Editors write a new file and put it in the old one's place.
    save("scenarios/b.tmp", GOOD);
    fs::rename(here.path().join("scenarios/b.tmp"), here.path().join("scenarios/b.yaml")).expect("a rename");
    assert!(watching.out.until("FAIL").contains(" b "), "only b was saved");
    watching.err.until("watching 2 scenarios");

    // A folder that comes later is watched as well.
    fs::create_dir(here.path().join("scenarios/new")).expect("a folder");
    save("scenarios/new/c.yaml", GOOD);
    watching.out.until("new/c");
    watching.err.until("watching 3 scenarios");

    watching.interrupt();
    assert_eq!(watching.child.wait().expect("an end").code(), Some(0));
}

#[test]
fn an_accepted_trace_runs_its_scenario_again() {
    let here = folder(&[("scenarios/a.yaml", GOOD), ("scenarios/b.yaml", GOOD), ("kept/x", "")]);
    let watching = Watching::start(here.path(), &["watch", "scenarios/a.yaml", "--traces", "kept"]);
    watching.out.until("0 passed, 1 failed");
    watching.err.until("watching 1 scenario;");
    let accept = ["run", "scenarios/a.yaml", "--traces", "kept", "--accept"];
    assert!(crate::calls::gattest(here.path(), &accept).status.success());
    watching.out.until("1 passed, 0 failed");
}

#[test]
fn a_folder_that_is_gone_ends_it() {
    let here = folder(&[("mine/a.yaml", GOOD)]);
    let mut watching = Watching::start(here.path(), &["watch", "mine"]);
    watching.err.until("watching 1 scenario");
    fs::remove_dir_all(here.path().join("mine")).expect("a removed folder");
    watching.err.until("error: failed to read mine: ");
    assert_eq!(watching.child.wait().expect("an end").code(), Some(2));
}
