//! Commands for boards, on a machine that has none.

use crate::calls::{folder, gattest, shown};

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
