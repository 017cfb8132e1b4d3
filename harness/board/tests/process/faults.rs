use crate::bench::*;
use board::image;
use board::rom::Chip;
use std::time::Duration;

fn running() -> (Board, Port) {
    let (board, mut port) = Board::start(Chip::Esp32c3, image::factory(Chip::Esp32c3), false);
    port.hello();
    (board, port)
}

#[test]
fn a_brown_out_is_a_reset_that_says_why() {
    let (mut board, mut port) = running();
    board.control("brown-out");
    port.expect("Brownout detector was triggered");
    port.expect("rst:0xf (RTCWDT_BROWN_OUT_RESET)");
    port.hello();
}

#[test]
fn a_board_in_a_boot_loop_panics_until_it_is_reset() {
    let (mut board, mut port) = running();
    board.control("boot-loop");
    for _ in 0..2 {
        port.expect("PANIC");
        port.expect("rst:0x3 (RTC_SW_SYS_RST)");
    }
    board.control("reset");
    port.expect("rst:0x1 (POWERON)");
    port.hello();
}

#[test]
fn a_silent_board_takes_what_it_gets_and_says_nothing_until_it_is_reset() {
    let (mut board, mut port) = running();
    // What was on its way before.
    while !port.is_silent_for(Duration::from_millis(200)) {}
    board.control("silence");
    port.write(&[b'x'; 20_000]);
    assert!(port.is_silent_for(Duration::from_millis(500)));
    board.control("reset");
    port.hello();
}

#[test]
fn noise_comes_between_the_frames_and_the_board_goes_on() {
    let (mut board, mut port) = running();
    while !port.is_silent_for(Duration::from_millis(200)) {}
    board.control("noise 1000");
    while port.came.len() < 1000 {
        assert!(!port.gone);
        port.read();
    }
    port.hello();
}

#[test]
fn an_unplugged_port_is_gone_and_comes_back_under_its_link() {
    let (mut board, mut port) = running();
    board.control("unplug");
    while !port.gone {
        port.read();
    }
    let link = board.folder.path().join("port");
    assert!(link.symlink_metadata().is_err(), "the link went with it");
    board.control("plug");
    let mut again = board.port();
    again.expect("rst:0x1 (POWERON)");
    again.hello();
}

#[test]
fn a_port_that_nobody_reads_holds_up_nothing_and_is_fresh_when_it_is_opened() {
    let (mut board, port) = running();
    let path = std::fs::read_link(board.folder.path().join("port")).unwrap();
    drop(port);
    for _ in 0..50 {
        board.control("noise 4096");
    }
    let mut again = Port::open(&path, 115_200);
    again.hello();
}
