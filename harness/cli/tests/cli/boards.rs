//! Commands for boards, on a machine that has none, and with a virtual one at a port.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use crate::calls::{folder, gattest, shown};
use crate::readme::{CALL, without_times};
use regex::Regex;

/// A board that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Starts the board and gives the line that says that it is ready.
fn start(here: &std::path::Path, arguments: &str) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gattest"));
    let child = command.args(arguments.split(' ')).current_dir(here).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("the board starts"));
    let mut ready = String::new();
    let out = running.0.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut ready).expect("a line");
    (running, ready.trim_end().to_owned())
}

#[test]
fn what_the_readme_shows_of_boards_is_what_comes() {
    let readme = std::fs::read_to_string(fixtures::repository().join("README.md")).expect("README.md");
    let block = readme.split("```console board\n$ ").nth(1).and_then(|rest| rest.split("\n```\n").next());
    let mut commands = block.expect("a transcript").split("\n$ ");
    let here = folder(&[]);
    for name in ["scenarios", "fixtures"] {
        symlink(fixtures::repository().join(name), here.path().join(name)).expect("a link");
    }

    let (board, is_ready) =
        commands.next().and_then(|text| text.split_once('\n')).expect("the board's command");
    let arguments =
        board.strip_prefix(CALL).and_then(|text| text.strip_suffix(" &")).expect("the board's options");
    let (_board, ready) = start(here.path(), arguments);
    let port = Regex::new("port [^,]+,").expect("a pattern");
    assert_eq!(port.replace(&ready, "port,"), port.replace(is_ready, "port,"));
    for text in commands {
        let (command, printed) = text.split_once('\n').expect("what it prints");
        let arguments: Vec<&str> = command.strip_prefix(CALL).expect("a call").split(' ').collect();
        let (_, out, err) = shown(&gattest(here.path(), &arguments));
        let words = |text: &str| without_times(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&out), words(printed), "`{command}`: {err}");
    }
}

#[test]
fn a_port_that_is_not_there_is_inconclusive_with_cause_and_cure() {
    let here = folder(&[]);
    let (code, out, err) = shown(&gattest(here.path(), &["flash", "--board", "/dev/ttyNone"]));
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert_eq!(
        err,
        "inconclusive: the port /dev/ttyNone is not there\n\
         what to do: plug the board in; `gattest boards` lists the ports\n"
    );
}

#[test]
fn a_file_is_neither_a_port_nor_an_image() {
    let here = folder(&[("file", "text")]);
    let (code, _, err) = shown(&gattest(here.path(), &["flash", "--board", "file", "--image", "file"]));
    assert_eq!(code, Some(3));
    assert!(err.contains("the port file is no serial port"), "{err}");
}

#[test]
fn named_ports_are_listed_with_what_is_wrong_and_what_to_do() {
    let here = folder(&[]);
    let (code, out, _) = shown(&gattest(here.path(), &["boards", "/dev/ttyNone"]));
    assert_eq!(code, Some(0));
    assert!(
        out.contains("/dev/ttyNone  named  the port /dev/ttyNone is not there\n    what to do: "),
        "{out}"
    );
}

#[test]
fn the_doctor_finds_what_is_missing_and_says_what_to_do() {
    let here = folder(&[]);
    let (code, out, _) = shown(&gattest(here.path(), &["doctor", "/dev/ttyNone"]));
    assert_eq!(code, Some(3), "{out}");
    let bad = out.lines().position(|line| line.starts_with("bad ") && line.contains("/dev/ttyNone"));
    let cure = out.lines().nth(bad.expect("the port is found bad") + 1);
    assert!(cure.is_some_and(|line| line.trim_start().starts_with("what to do: ")), "{out}");
    assert!(out.contains("riscv32imc-unknown-none-elf"), "{out}");
}

#[test]
fn firmware_is_built_in_the_repository_alone() {
    let here = folder(&[]);
    let (code, _, err) = shown(&gattest(here.path(), &["firmware"]));
    assert_eq!(code, Some(3));
    assert!(err.contains("there is no firmware/esp32 in"), "{err}");
    let (code, _, err) = shown(&gattest(here.path(), &["firmware", "--chip", "esp8266"]));
    assert_eq!(code, Some(2));
    assert!(err.contains("there is no firmware for `esp8266`"), "{err}");
}
