use crate::bench::*;
use board::flash::Flash;
use board::rom::Chip;
use std::time::{Duration, Instant};

#[test]
fn the_line_carries_ten_bits_a_byte_and_follows_the_host_until_it_is_told_a_speed() {
    let (_board, mut port) = Board::start(Chip::Esp32c3, Flash::default(), true);
    port.expect("waiting for download");
    for baud in [115_200_u32, 460_800, 57_600] {
        port.set_baud(baud);
        let began = Instant::now();
        // Bytes between packets, which nobody answers; then a question.
        port.write(&[0x55; 3000]);
        port.sync();
        let took = began.elapsed();
        // Less the piece that a direction which was idle begins with.
        let least = Duration::from_secs_f64(3000.0 * 10.0 / f64::from(baud)) - Duration::from_millis(5);
        assert!(took >= least, "{took:?} at {baud}");
    }
    // CHANGE_BAUDRATE: answered at the old speed, and then in force.
    port.set_baud(115_200);
    port.sync();
    port.write(&command(0x0F, &[&921_600_u32.to_le_bytes()[..], &[0; 4]].concat(), 0));
    port.expect("\u{1}\u{F}\u{4}\0\0\0\0\0\0\0\0\0");
    port.write(&sync_request());
    assert!(port.is_silent_for(Duration::from_millis(300)), "the host is still at the old speed");
    port.set_baud(921_600);
    // What the board took for noise ends here.
    port.write(&[0xC0]);
    port.sync();
}
