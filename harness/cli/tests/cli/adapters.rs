//! `--central`, and `gattest radio`.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::calls::{GOOD, folder, gattest, shown};

/// A scenario for a device that is not ours.
fn external() -> String {
    let device = "device:\n  external: {name: Nobody}\n";
    GOOD.replace("device:\n", device).replace(", value: 5}", "}")
}

#[test]
fn a_device_that_is_not_ours_is_skipped_with_what_to_do() {
    let here = folder(&[("scenarios/a.yaml", &external())]);
    let (code, out, _) = shown(&gattest(here.path(), &["run"]));
    assert_eq!(code, Some(4));
    let reason = "needs an adapter: its device is an external one; name yours with --central, as in --central att:hci0";
    assert!(out.starts_with(&format!("skip  a  {reason}\n")), "{out}");
    let (code, out, _) = shown(&gattest(here.path(), &["run", "--repeat", "3"]));
    assert_eq!(code, Some(4));
    assert!(out.starts_with("0 of 0 scenarios passed in each of 3 runs"), "{out}");
}

#[test]
fn wrong_adapters_and_options_are_usage_errors() {
    let here = folder(&[("scenarios/a.yaml", &external())]);
    let adapter = "att:unix:nowhere";
    for arguments in [
        &["run", "--central", "hci0"] as &[&str],
        &["run", "--central", "att:usb:1"],
        &["run", "--central", adapter, "--jobs", "2"],
        &["run", "--central", adapter, "--loss", "10"],
        &["radio"],
        &["radio", "--socket", "tcp:x"],
        &["radio", "--socket", "no/such/folder/x.sock"],
    ] {
        assert_eq!(shown(&gattest(here.path(), arguments)).0, Some(2), "{arguments:?}");
    }
    let (_, _, err) = shown(&gattest(here.path(), &["run", "--central", "hci0"]));
    assert!(
        err.contains(
            "write att:unix:PATH, att:tcp:HOST:PORT, att:serial:PORT[:BAUD], att:hci0, or btleplug[:ADAPTER]"
        ),
        "{err}"
    );
}

#[test]
fn packets_that_nobody_shows_are_not_promised() {
    let here = folder(&[("scenarios/a.yaml", &external())]);
    let arguments = ["run", "--central", "btleplug", "--btsnoop", "out.btsnoop"];
    let (code, _, err) = shown(&gattest(here.path(), &arguments));
    assert_eq!(code, Some(2));
    assert!(err.contains("an operating system shows no packets") && err.contains("btmon --write"), "{err}");
    assert!(!here.path().join("out.btsnoop").exists());
}

#[test]
fn an_adapter_that_cannot_be_opened_is_inconclusive_and_says_what_to_do() {
    let here =
        folder(&[("scenarios/a.yaml", &external()), ("scenarios/b.yaml", GOOD), ("scenarios/c.yaml", GOOD)]);
    for (adapter, cause, cure) in [
        ("att:unix:nowhere", "No such file or directory", "start what serves the controller first"),
        ("att:serial:/dev/null", "Inappropriate ioctl for device", "see that the controller is plugged in"),
        ("att:tcp:127.0.0.1:1", "Connection refused", "start what serves the controller first"),
    ] {
        let (code, out, _) = shown(&gattest(here.path(), &["run", "--central", adapter]));
        assert_eq!(code, Some(3), "{out}");
        assert!(out.contains(&format!("\n  {adapter} cannot be opened: {cause}")), "{out}");
        assert!(out.contains(&format!("\n  what to do: {cure}")), "{out}");
        // A board of ours is not behind an adapter alone.
        assert!(out.contains("\nskip  b  needs board: "), "{out}");
        assert!(
            out.contains("\n\n2 skipped: needs board: there is no control link to this device\n0 passed, "),
            "{out}"
        );
    }
}

/// A radio that runs; it is ended at the latest when this is dropped.
struct Radio {
    process: Child,
    ready: String,
}

impl Radio {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gattest"));
        command.arg("radio").args(arguments).current_dir(folder).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the command starts");
        let mut ready = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut ready).expect("a line");
        Self { process, ready }
    }

    /// As Ctrl-C does; gives the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let kill = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(kill.expect("a signal").success());
        self.process.wait().expect("an end").code()
    }
}

impl Drop for Radio {
    fn drop(&mut self) {
        let _ended_already = (self.process.kill(), self.process.wait());
    }
}

fn reset(mut host: impl std::io::Read + std::io::Write) {
    host.write_all(&[1, 3, 12, 0]).expect("a command");
    let mut answer = [0; 7];
    host.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, [4, 0x0E, 4, 1, 3, 12, 0]);
}

#[test]
fn a_radio_serves_hosts_until_it_is_interrupted_and_leaves_nothing_behind() {
    let here = folder(&[("a.yaml", &external())]);
    let radio = Radio::start(here.path(), &["--socket", "a.sock", "--socket", "tcp:0"]);
    let port =
        radio.ready.trim_end().strip_prefix("ready: unix:a.sock tcp:127.0.0.1:").expect("what is served");
    for _ in 0..2 {
        reset(UnixStream::connect(here.path().join("a.sock")).expect("a socket"));
        reset(TcpStream::connect(format!("127.0.0.1:{port}")).expect("a port"));
    }
    let adapter = format!("att:tcp:127.0.0.1:{port}");
    let (code, out, _) = shown(&gattest(here.path(), &["run", "a.yaml", "--central", &adapter]));
    assert_eq!(code, Some(3));
    let cause =
        "the device named \"Nobody\" was not seen advertising in 5 s; nothing else was heard either\n";
    assert!(out.contains(cause), "{out}");
    let (code, _, err) = shown(&gattest(here.path(), &["radio", "--socket", "a.sock"]));
    assert_eq!(code, Some(2));
    assert_eq!(err, "error: failed to listen on unix:a.sock: Address already in use (os error 98)\n");
    assert_eq!(radio.interrupt(), Some(0));
    assert!(!here.path().join("a.sock").exists());
}

#[test]
fn packets_of_an_adapter_are_recorded() {
    let here = folder(&[("a.yaml", &external())]);
    let radio = Radio::start(here.path(), &["--socket", "a.sock"]);
    let arguments = ["run", "a.yaml", "--central", "att:unix:a.sock", "--btsnoop", "out.btsnoop"];
    gattest(here.path(), &arguments);
    let recorded = fs::read(here.path().join("out.btsnoop")).expect("a capture");
    let holds = |bytes: &[u8]| recorded.windows(bytes.len()).any(|window| window == bytes);
    // Reset, its answer, and the name of the adapter.
    assert!(holds(&[0x03, 0x0C, 0x00]) && holds(&[0x0E, 0x04, 0x01, 0x03, 0x0C, 0x00]));
    assert_eq!(radio.interrupt(), Some(0));
}
