//! A serial port and the board at it: real ports of the operating system, with the virtual board, with a script or with
//! nobody at their other ends.

use crate::pty::{PluggedBoard, Pty};
use rig::attach::{Attached, BoardSpec, attach};
use rig::fault::Fault;
use std::path::Path;

fn take(path: &Path) -> Result<Attached, Fault> {
    attach(&BoardSpec::Port(path.to_owned()), &mut |_| {})
}

/// Why nobody answers as this version understands it.
fn silence(pty: &Pty) -> Fault {
    let attached = take(&pty.path).unwrap();
    attached.board.unwrap_err()
}

const BOOT: &str = "ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n";

#[test]
fn the_board_at_a_port_says_who_it_is() {
    let board = PluggedBoard::new();
    let attached = take(&board.path).unwrap();
    let identity = attached.board.as_ref().unwrap();
    assert_eq!((identity.chip.as_str(), identity.app_hash), ("virtual", [0; 32]));
    assert_eq!(attached.console, "");
}

#[test]
fn a_board_can_be_taken_again_when_it_was_given_back() {
    let board = PluggedBoard::new();
    let nonces: Vec<u32> = (0..3).map(|_| take(&board.path).unwrap().board.unwrap().nonce).collect();
    assert_eq!(nonces, vec![nonces[0]; 3], "opening the port must not reset the board");
}

#[test]
fn the_port_is_lent_and_comes_back() {
    let board = PluggedBoard::new();
    let mut attached = take(&board.path).unwrap();
    let lent = attached.lend(|path| Ok(std::fs::File::open(path).is_ok()), &mut |_| {}).unwrap();
    assert!(lent && attached.board.is_ok());
}

#[test]
fn a_silent_board_is_told_from_one_that_boots_over_and_over() {
    let fault = silence(&Pty::new());
    assert_eq!(fault.cause, "the board gave no Hello within 4 s");
    let fault = silence(&Pty::new().says(BOOT.repeat(5).as_bytes()));
    assert!(fault.cause.contains("resets over and over"), "{fault}");
}

#[test]
fn a_board_without_firmware_and_one_in_its_loader_are_named() {
    let fault = silence(&Pty::new().says(format!("{BOOT}invalid header: 0xffffffff\r\n").as_bytes()));
    assert!(fault.cure.contains("gattest flash"), "{fault} {}", fault.cure);
    let fault = silence(
        &Pty::new().says(b"rst:0x1 (POWERON),boot:0x4 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n"),
    );
    assert!(fault.cause.contains("ROM loader"), "{fault}");
}

#[test]
fn a_port_without_a_loader_refuses_to_be_flashed_in_time() {
    let (pty, began) = (Pty::new(), std::time::Instant::now());
    let image = |_| panic!("there is no chip to give an image for");
    let fault = rig::flash::flash(&pty.path, rig::flash::BAUD, image, &mut |_| {}).unwrap_err();
    assert!(fault.cause.starts_with("the board's ROM loader does not answer"), "{fault}");
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(take(&pty.path).is_ok(), "a refusal must leave nothing locked");
}

#[test]
fn noise_on_the_line_is_no_board() {
    let noise: Vec<u8> = (0..3000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let fault = silence(&Pty::new().says(&noise));
    assert_eq!(fault.cause, "the board gave no Hello within 4 s");
}

#[test]
fn an_older_firmware_is_told_from_this_versions() {
    let mut frame = vec![0; 64];
    let len = wire::encode_frame(b"gattest\0\x07\x00........", &mut frame).unwrap();
    let fault = silence(&Pty::new().says(&frame[..len]));
    assert!(fault.cause.contains("link version 7") && fault.cure.starts_with("flash"), "{fault}");
}

#[test]
fn a_port_that_another_program_has_is_named_with_what_to_do() {
    let pty = Pty::new();
    let theirs = std::fs::File::open(&pty.path).unwrap();
    rustix::fs::flock(&theirs, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let fault = take(&pty.path).unwrap_err();
    assert!(fault.cause.ends_with("is in use by another program"), "{fault}");
    drop(theirs);
    assert!(take(&pty.path).is_ok(), "a refusal must leave nothing locked");
}

#[test]
fn a_board_that_is_gone_is_a_fault() {
    let mut board = PluggedBoard::new();
    let path = board.path.clone();
    drop(take(&path).unwrap());
    board.unplug();
    assert!(take(&path).is_err());
}

#[test]
fn a_file_is_no_port() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let fault = take(file.path()).unwrap_err();
    assert!(fault.cause.ends_with("is no serial port"), "{fault}");
}
