//! Adapters at the other end of a socket, in real time: right ones of every kind, and broken ones.
#![cfg(unix)]

use air::{Air, ControllerConfig, h4};
use board::VirtualBoard;
use conformance::parse::parse;
use conformance::plan::plan;
use conformance::report::RunEvent;
use conformance::verdict::Verdict;
use embassy_futures::select::select;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use rig::adapter::{AdapterSpec, CentralSpec};
use rig::convert;
use rig::link::BoardLink;
use rig::run::{Job, Options, run};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LAMP: &str = "
device:
  DEVICE
  services:
    - name: lamp
      uuid: 0xA000
      characteristics:
        - {name: chr1, uuid: 0xA001, properties: [read, write, write-without-response, notify, indicate], max_len: 512}
";
/// Every way in which bytes go to and fro, in PDUs of one fragment and of many.
const STEPS: [&str; 12] = [
    "connect",
    "mtu: 517",
    "write: {char: chr1, value: \"VALUE\"}",
    "read: {char: chr1, expect: \"VALUE\"}",
    "write_long: {char: chr1, value: \"VALUEVALUE\"}",
    "read_long: {char: chr1, expect: \"VALUEVALUE\"}",
    "subscribe: {char: chr1, to: indications}",
    "write_command: {char: chr1, value: \"VALUE\"}",
    "reconnect",
    "read_long: {char: chr1, expect: \"VALUE\"}",
    "att: {send: \"52 FF FF\", expect: nothing}",
    "disconnect",
];

fn text(device: &str, steps: &[&str]) -> String {
    let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let text = format!("name: a\ncovers: [VAL-6]{LAMP}steps:\n{steps}").replace("DEVICE", device);
    let value = "a value of 40 bytes, in several fragments".repeat(5);
    text.replace("mtu: 517", "mtu: {size: 517}").replace("VALUE", &value)
}

fn job(steps: &[&str], expected: Option<String>) -> Job {
    let scenario = parse("a.yaml", "a", &text("external: {name: Lamp}", steps)).unwrap();
    let plan = plan(&scenario);
    Job { scenario, plan, expected }
}

/// A path for a socket of this test's own, which goes with its thread.
fn path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    thread_local!(static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    FOLDER.with(|folder| folder.path().join(format!("{count}.sock")))
}

/// Runs a job on the adapter; gives the verdict and the trace.
fn ended(job: Job, path: PathBuf) -> (Verdict, String) {
    let options = Options { centrals: vec![CentralSpec::Att(AdapterSpec::Unix(path))], ..Options::default() };
    let mut ended = None;
    run(&[job], &options, &mut |event| {
        if let RunEvent::Finished(outcome) = event {
            ended = Some((outcome.verdict, outcome.trace));
        }
    });
    ended.unwrap()
}

/// A board on a radio of its own, and an adapter to it on a socket; until the stop.
struct Lamp {
    path: PathBuf,
    stop: Arc<Signal<CriticalSectionRawMutex, ()>>,
    thread: Option<JoinHandle<air::HostErrors>>,
}

impl Lamp {
    fn new(adapter: ControllerConfig) -> Self {
        let (path, stop) = (path(), Arc::new(Signal::new()));
        let (ready, is_ready) = mpsc::channel();
        let (at, stopped) = (path.clone(), stop.clone());
        let thread = std::thread::spawn(move || serve_lamp(&at, adapter, &stopped, &ready));
        is_ready.recv().unwrap();
        Self { path, stop, thread: Some(thread) }
    }

    /// What the host did wrong.
    fn end(mut self) -> air::HostErrors {
        self.stop.signal(());
        self.thread.take().unwrap().join().unwrap()
    }
}

fn serve_lamp(
    path: &PathBuf,
    adapter: ControllerConfig,
    stop: &Signal<CriticalSectionRawMutex, ()>,
    ready: &mpsc::Sender<()>,
) -> air::HostErrors {
    let own = parse("b.yaml", "b", &text("name: Lamp", &["connect"])).unwrap();
    let air = Air::real_time(5);
    let adapter = air.controller(adapter);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let link = BoardLink::new();
    let listener = h4::Listener::unix(path).unwrap();
    let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let mut line = pin!(link.run(board.serial()));
    let mut adapter_served = pin!(async {
        h4::serve_all(&adapter, &listener, drop).await;
    });
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 5] =
        [pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut(), adapter_served.as_mut()];
    let work = async {
        link.hello().await.unwrap();
        let (device, address) = (convert::device(&own.device), [1, 2, 3, 4, 5, 0xC6]);
        link.start(wire::Start { device, address, seed: 1, mutant: Vec::new() }).await.unwrap();
        ready.send(()).unwrap();
        select(stop.wait(), std::future::pending::<()>()).await;
    };
    air.run(work, &mut tasks).unwrap();
    adapter.host_errors()
}

/// Passes the bytes on between a host that calls on the path and the adapter, as `pass` has it.
fn relay(adapter: PathBuf, pass: impl Fn(UnixStream, UnixStream) + Clone + Send + 'static) -> PathBuf {
    let path = path();
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for host in listener.incoming() {
            let (host, adapter) = (host.unwrap(), UnixStream::connect(&adapter).unwrap());
            let (host_2, adapter_2) = (host.try_clone().unwrap(), adapter.try_clone().unwrap());
            let there = pass.clone();
            std::thread::spawn(move || there(host_2, adapter_2));
            pass(adapter, host);
        }
    });
    path
}

/// One byte after the other, at a slow line's pace.
fn slowly(mut from: UnixStream, mut to: UnixStream) {
    /// A byte at 115,200 baud.
    const PACE: Duration = Duration::from_micros(87);
    let mut buffer = [0; 64];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        for byte in &buffer[..length] {
            let next = Instant::now() + PACE;
            if to.write_all(&[*byte]).is_err() {
                return;
            }
            while Instant::now() < next {
                std::thread::yield_now();
            }
        }
    }
}

#[test]
fn controllers_of_every_kind_give_the_same_trace() {
    let usual = ControllerConfig::default();
    let smallest = ControllerConfig {
        acl_packet_length: 27,
        acl_packet_count: 1,
        data_length_extension: false,
        ..ControllerConfig::default()
    };
    let mut expected = None;
    for (what, adapter, is_slow) in
        [("usual", usual.clone(), false), ("smallest", smallest, false), ("slow", usual, true)]
    {
        let lamp = Lamp::new(adapter);
        let path = if is_slow { relay(lamp.path.clone(), slowly) } else { lamp.path.clone() };
        let (verdict, trace) = ended(job(&STEPS, expected.clone()), path);
        if expected.is_some() {
            assert_eq!(verdict, Verdict::Pass, "{what}");
        } else {
            assert!(matches!(&verdict, Verdict::Fail(mismatch) if mismatch.missing_trace), "{verdict:?}");
            assert!(trace.contains("205 bytes") && trace.contains("410 bytes"), "{trace}");
        }
        expected = Some(trace);
        let errors = lamp.end();
        assert_eq!(errors, air::HostErrors::default(), "{what}");
    }
}

#[test]
fn a_wrong_value_behind_an_adapter_fails() {
    let lamp = Lamp::new(ControllerConfig::default());
    let (verdict, _) = ended(job(&["connect", "read: {char: chr1, expect: 7}"], None), lamp.path.clone());
    assert!(
        matches!(&verdict, Verdict::Fail(mismatch) if mismatch.step == 1 && !mismatch.missing_trace),
        "{verdict:?}"
    );
    lamp.end();
}

/// Cause and cure of a scenario on an adapter, which must end without a word about the device in so many seconds.
fn fault(path: PathBuf, seconds: u64) -> (String, String) {
    let began = Instant::now();
    let (verdict, _) = ended(job(&["connect", "disconnect"], Some(String::new())), path);
    assert!(began.elapsed() < Duration::from_secs(seconds), "{:?}", began.elapsed());
    match verdict {
        Verdict::Inconclusive(fault) => (fault.cause, fault.cure),
        other => panic!("{other:?}"),
    }
}

/// What comes of an adapter that does this with each host.
fn broken(with: impl Fn(UnixStream) + Send + 'static) -> (String, String) {
    let path = path();
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|host| with(host.unwrap())));
    fault(path, 4)
}

const STILL_RUNS: &str = "see that a controller that speaks H4 is there and still runs, then run again";
const RESTART: &str = "unplug the adapter, or restart what serves it, and run again";

fn read_command(host: &mut UnixStream) -> [u8; 2] {
    let mut header = [0; 4];
    host.read_exact(&mut header).unwrap();
    let mut parameters = vec![0; usize::from(header[3])];
    host.read_exact(&mut parameters).unwrap();
    [header[1], header[2]]
}

#[test]
fn an_adapter_that_is_not_there_is_named() {
    let path = path();
    let (cause, cure) = fault(path.clone(), 2);
    let expected =
        format!("att:unix:{} cannot be opened: No such file or directory (os error 2)", path.display());
    assert_eq!(cause, expected);
    assert_eq!(cure, "start what serves the controller first, and see that it listens there");
}

#[test]
fn an_adapter_that_hangs_up_is_a_fault_of_the_bench() {
    let (cause, cure) = broken(drop);
    assert_eq!(cause, "the Bluetooth adapter cannot be read: the other end closed the stream");
    assert_eq!(cure, STILL_RUNS);
}

#[test]
fn an_adapter_that_is_silent_is_a_fault_of_the_bench() {
    let keep = std::sync::Mutex::new(Vec::new());
    let (cause, cure) = broken(move |host| keep.lock().unwrap().push(host));
    assert_eq!(cause, "the Bluetooth adapter did not answer Reset in 2 s");
    assert_eq!(cure, RESTART);
}

#[test]
fn an_adapter_that_refuses_a_reset_is_a_fault_of_the_bench() {
    let (cause, cure) = broken(|mut host| {
        let [low, high] = read_command(&mut host);
        host.write_all(&[4, 0x0E, 4, 1, low, high, 0x0C]).unwrap();
        let _until_it_hangs_up = host.read(&mut [0]);
    });
    assert_eq!(cause, "the Bluetooth adapter refused Reset: error 0x0C");
    assert_eq!(cure, RESTART);
}

#[test]
fn an_adapter_that_talks_something_else_is_a_fault_of_the_bench() {
    let (cause, cure) = broken(|mut host| {
        host.write_all(b"login: ").unwrap();
        let _until_it_hangs_up = host.read_to_end(&mut Vec::new());
    });
    assert_eq!(cause, "the Bluetooth adapter cannot be read: 0x6c is not the beginning of an H4 packet");
    assert_eq!(cure, STILL_RUNS);
}

#[test]
fn an_adapter_that_answers_more_than_was_asked_is_a_fault_of_the_bench() {
    let (cause, cure) = broken(|mut host| {
        let [low, high] = read_command(&mut host);
        host.write_all(&[4, 0x0E, 6, 1, low, high, 0, 1, 2]).unwrap();
        let _until_it_hangs_up = host.read_to_end(&mut Vec::new());
    });
    let what = "2 bytes came where command 0x0c03 returns fewer";
    assert_eq!(cause, format!("the Bluetooth adapter cannot be read: {what}"));
    assert_eq!(cure, STILL_RUNS);
}

/// Hangs up after so many bytes from the adapter.
fn cut_after(limit: usize) -> impl Fn(UnixStream, UnixStream) + Clone + Send {
    move |mut from, mut to| {
        let mut buffer = [0; 256];
        let mut passed = 0;
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let length = length.min(limit - passed);
            passed += length;
            if to.write_all(&buffer[..length]).is_err() || passed == limit {
                break;
            }
        }
        let _gone_already = (from.shutdown(std::net::Shutdown::Both), to.shutdown(std::net::Shutdown::Both));
    }
}

/// Unplugs a lamp's adapter after so many bytes; says whether that was before the scenario's end.
fn is_cut_short(limit: usize) -> bool {
    let lamp = Lamp::new(ControllerConfig::default());
    let path = relay(lamp.path.clone(), cut_after(limit));
    let (verdict, _) = ended(job(&["connect", "read: chr1", "disconnect"], Some(String::new())), path);
    lamp.end();
    match verdict {
        Verdict::Inconclusive(fault) => {
            assert!(fault.cause.starts_with("the Bluetooth adapter "), "{limit}: {}", fault.cause);
            true
        }
        // The scenario was over before: its trace is not the empty one.
        Verdict::Fail(mismatch) => {
            assert!(mismatch.summary.contains("the expected trace does not have"), "{}", mismatch.summary);
            false
        }
        other => panic!("{limit}: {other:?}"),
    }
}

#[test]
fn an_adapter_that_is_unplugged_at_any_moment_says_nothing_about_the_device() {
    let threads: Vec<_> =
        (3..700).step_by(17).map(|limit| std::thread::spawn(move || is_cut_short(limit))).collect();
    let cut: Vec<bool> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let count = cut.iter().filter(|cut| **cut).count();
    assert!(count >= 20 && count < cut.len(), "{count} of {} were cut short", cut.len());
    assert!(cut.is_sorted_by(|before, after| before >= after), "{cut:?}");
}
