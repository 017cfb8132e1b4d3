//! Boards that break at any moment of a scenario, and other programs at their ports: the virtual board as a process has
//! it, at a real port of the operating system. Whatever happens, the run ends in time, blames no device, and the next one
//! works.
//!
//! GATTEST_FAULT_RUNS says how many of each kind are done.

use crate::support::files;
use air::h4::Listener;
use conformance::parse::parse;
use conformance::plan::plan;
use conformance::report::{Outcome, RunEvent};
use conformance::verdict::Verdict;
use rig::adapter::{AdapterSpec, CentralSpec};
use rig::attach::{BoardSpec, SharedBoard, attach};
use rig::board::process::{self, Sockets, Stop};
use rig::board::{image, rom::Chip};
use rig::run::{Job, Options, run};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest wait of a run is for the board's answer and for the end of a lost connection, one after the other.
const LONGEST: Duration = Duration::from_secs(60);

struct Desk {
    folder: tempfile::TempDir,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    control: UnixStream,
}

impl Desk {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let sockets = Sockets {
            radios: vec![Listener::unix(at("radio")).unwrap()],
            control: Some(Listener::unix(at("control")).unwrap()),
            ..Sockets::default()
        };
        let options = process::Options {
            chip: Chip::Esp32c3,
            mac: None,
            // And with it its MAC address: boards with one address would wait for each other.
            seed,
            flash: image::factory(Chip::Esp32c3),
            download: false,
            link: Some(at("port")),
            state: None,
        };
        let (stop, (ready, is_ready)) = (Stop::default(), mpsc::channel());
        let theirs = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut tell = |_: &Path, _| ready.send(()).unwrap_or_default();
            process::run(options, sockets, &theirs, &mut tell).unwrap();
        });
        is_ready.recv_timeout(Duration::from_secs(10)).unwrap();
        let control = UnixStream::connect(at("control")).unwrap();
        Self { folder, stop, thread: Some(thread), control }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What happens to the board.
    fn suffer(&self, fault: &str) {
        if fault == THEFT { self.read_along() } else { self.tell(fault) }
    }

    /// Another program reads what was meant for the run. The operating system lets it only if it is root's.
    fn read_along(&self) {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let Ok(port) = rustix::fs::open(self.path("port"), flags, Mode::empty()) else { return };
        let end = Instant::now() + Duration::from_millis(200);
        let mut stolen = [0; 1024];
        while Instant::now() < end {
            let _nothing = rustix::io::read(&port, &mut stolen);
        }
    }

    fn tell(&self, line: &str) {
        (&self.control).write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(&self.control).read_line(&mut answer).unwrap();
        assert_eq!(answer, "ok\n", "{line}");
    }

    /// Takes the board and runs the job; `fault` happens after so long.
    fn run(&self, job: &Job, fault: Option<(&str, Duration)>) -> Option<Outcome> {
        let attached =
            attach(&BoardSpec::Port(self.path("port")), &mut |who| panic!("{who} has the board")).ok()?;
        attached.board.as_ref().ok()?;
        let options = Options {
            centrals: vec![CentralSpec::Att(AdapterSpec::Unix(self.path("radio")))],
            board: Some(SharedBoard::new(attached)),
            ..Options::default()
        };
        std::thread::scope(|scope| {
            if let Some((line, after)) = fault {
                scope.spawn(move || {
                    let (_never, moment) = mpsc::channel::<()>();
                    let _over = moment.recv_timeout(after);
                    self.suffer(line);
                });
            }
            let mut ended = None;
            run(std::slice::from_ref(job), &options, &mut |event| {
                if let RunEvent::Finished(outcome) = event {
                    ended = Some(outcome);
                }
            });
            ended
        })
    }

    /// Runs until the board has come back from what happened to it.
    fn passes_again(&self, job: &Job) {
        let deadline = Instant::now() + LONGEST;
        loop {
            let outcome = self.run(job, None);
            match outcome.as_ref().map(|outcome| &outcome.verdict) {
                Some(Verdict::Pass) => return,
                Some(Verdict::Fail(mismatch)) => panic!("a right board fails: {mismatch:?}"),
                _ => assert!(Instant::now() < deadline, "the bench does not work again: {outcome:?}"),
            }
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn job() -> Job {
    let name = "counters-survive-reconnection";
    let (_, text) = files("scenarios/lopy").into_iter().find(|(file, _)| file.starts_with(name)).unwrap();
    let snap = format!("{}/../../fixtures/traces/lopy/{name}.snap", env!("CARGO_MANIFEST_DIR"));
    let snap = std::fs::read_to_string(snap).unwrap();
    let (_, trace) = snap.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    let scenario = parse("a.yaml", "a", &text).unwrap();
    let plan = plan(&scenario);
    Job { scenario, plan, expected: Some(trace.to_owned()) }
}

fn runs() -> u64 {
    std::env::var("GATTEST_FAULT_RUNS").map_or(1, |runs| runs.parse().unwrap())
}

/// The fault that another program takes what the board says.
const THEFT: &str = "another program at the port";

/// `fault` and `cure` are lines of the control socket, or [`THEFT`].
fn breaks(fault: &str, cure: Option<&str>) {
    let seed = fault
        .bytes()
        .fold(u64::from(std::process::id()), |seed, byte| seed << 8 ^ seed >> 56 ^ u64::from(byte));
    let (desk, job) = (Desk::new(seed), job());
    desk.passes_again(&job);
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut passed, mut inconclusive, mut longest) = (0, 0, Duration::ZERO);
    let mut causes = BTreeSet::new();
    for _ in 0..runs() {
        let after = Duration::from_micros(rng.u64(0..900_000));
        let began = Instant::now();
        let outcome = desk.run(&job, Some((fault, after))).unwrap();
        let took = began.elapsed();
        assert!(took < LONGEST, "{fault} after {after:?}: the run took {took:?}");
        longest = longest.max(took);
        match outcome.verdict {
            Verdict::Pass => passed += 1,
            Verdict::Inconclusive(found) => {
                assert!(!found.cause.is_empty() && !found.cure.is_empty(), "{found:?}");
                inconclusive += 1;
                causes.insert(found.cause);
            }
            other => panic!("{fault} after {after:?}: {other:?}"),
        }
        cure.iter().for_each(|line| desk.tell(line));
        desk.passes_again(&job);
    }
    println!("{fault}: {passed} passed, {inconclusive} inconclusive, the longest took {longest:.1?}");
    causes.iter().for_each(|cause| println!("    {cause}"));
}

#[test]
fn a_board_that_is_unplugged_is_nobodys_failure_and_works_again() {
    breaks("unplug", Some("plug"));
}

#[test]
fn a_board_that_browns_out_is_nobodys_failure_and_works_again() {
    breaks("brown-out", None);
}

#[test]
fn a_board_that_is_reset_is_nobodys_failure_and_works_again() {
    breaks("reset", None);
}

#[test]
fn a_board_that_falls_silent_is_nobodys_failure_and_works_again() {
    breaks("silence", Some("reset"));
}

#[test]
fn a_board_that_boots_over_and_over_is_nobodys_failure_and_works_again() {
    breaks("boot-loop", Some("reset"));
}

#[test]
fn noise_on_the_line_is_nobodys_failure_and_the_board_works_again() {
    breaks("noise 400", None);
}

#[test]
fn a_program_that_reads_along_is_nobodys_failure_and_the_board_works_again() {
    breaks(THEFT, None);
}
