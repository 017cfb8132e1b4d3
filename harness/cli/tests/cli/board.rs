//! `gattest board` as a command: what it prints, what it leaves, what it refuses.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::calls::{folder, gattest, shown};

/// A board, and the line with which it says that it is ready.
fn start(here: &Path, arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gattest"));
    let command = command.arg("board").args(arguments).current_dir(here).stdout(Stdio::piped());
    let mut board = command.spawn().expect("the command starts");
    let mut line = String::new();
    let stdout = board.stdout.as_mut().expect("its output");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    (board, line)
}

/// Ends it as an operating system does at its own end.
fn end(mut board: Child) {
    let ended = Command::new("kill").arg(board.id().to_string()).status().expect("kill");
    assert!(ended.success());
    assert_eq!(board.wait().expect("its end").code(), Some(0));
}

#[test]
fn it_says_where_it_is_and_takes_its_files_away_in_the_end() {
    let here = folder(&[]);
    let (board, line) = start(
        here.path(),
        &[
            "--pty",
            "port",
            "--radio",
            "unix:r1",
            "--radio",
            "r2",
            "--control",
            "c",
            "--seed",
            "7",
            "--mac",
            "24:0A:C4:00:00:01",
        ],
    );
    let port = fs::read_link(here.path().join("port")).expect("a link");
    let expected = format!(
        "ready: port {}, radio unix:r1, radio unix:r2, chip esp32c3, MAC 24:0A:C4:00:00:01, seed 7\n",
        port.display()
    );
    assert_eq!(line, expected);
    end(board);
    assert_eq!(fs::read_dir(here.path()).expect("the folder").count(), 0);
}

#[test]
fn for_machines_it_prints_json() {
    let here = folder(&[]);
    let (board, line) = start(here.path(), &["--chip", "esp32c6", "--radio", "unix:r", "--json"]);
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&ready["chip"], &ready["radios"][0]), (&"esp32c6".into(), &"unix:r".into()));
    assert!(Path::new(ready["port"].as_str().expect("a path")).exists());
    end(board);
}

#[test]
fn what_it_cannot_be_is_said_before_it_is_anything() {
    let here = folder(&[("large", &"x".repeat(4 * 1024 * 1024 + 1))]);
    for (arguments, expected) in [
        (
            &["--image", "none.bin"][..],
            "error: failed to read none.bin: No such file or directory (os error 2)\n",
        ),
        (
            &["--image", "large"],
            "error: large does not fit: the flash memory of this board has 4 MiB, and 4032 KiB of them are for the application\n",
        ),
        (&["--chip", "esp8266"], "one of esp32, esp32c3, esp32c6"),
        (&["--mac", "1:2:3:4:5:6"], "six bytes, as 24:0A:C4:01:02:03"),
        (
            &["--radio", "none/r"],
            "error: failed to listen on unix:none/r: No such file or directory (os error 2)\n",
        ),
    ] {
        let output = gattest(here.path(), &[&["board"], arguments].concat());
        let (code, out, err) = shown(&output);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains(expected), "{err}");
    }
}
