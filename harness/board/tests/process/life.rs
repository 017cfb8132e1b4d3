use crate::bench::*;
use board::flash::Flash;
use board::image;
use board::rom::Chip;

const HASH: [u8; 32] = [0xA5; 32];

fn other_image(chip: Chip) -> Flash {
    image::with_app(chip, &image::app(chip, "9.9.9", HASH)).unwrap()
}

#[test]
fn a_board_out_of_the_factory_boots_and_says_who_it_is() {
    for chip in Chip::ALL {
        let (board, mut port) = Board::start(chip, image::factory(chip), false);
        port.expect("(SPI_FAST_FLASH_BOOT)");
        port.expect("gattest-esp32");
        let (hash, name, _) = port.hello();
        assert_eq!((hash, name.as_str()), ([0; 32], chip.name()));
        assert_eq!(board.end(), None, "flash was not written, so it was not kept");
    }
}

#[test]
fn another_image_is_told_apart_by_its_hash() {
    let (_board, mut port) = Board::start(Chip::Esp32c3, other_image(Chip::Esp32c3), false);
    port.expect("gattest-esp32 9.9.9");
    assert_eq!(port.hello().0, HASH);
}

#[test]
fn each_reset_is_a_new_boot_and_two_lines_alone_make_one() {
    let (mut board, mut port) = Board::start(Chip::Esp32c3, image::factory(Chip::Esp32c3), false);
    let (.., first) = port.hello();
    board.control("reset");
    port.expect("rst:0x1 (POWERON)");
    let (.., second) = port.hello();
    assert_ne!(first, second);
    // As the operating system opens a port, and as a tool sets lines that hold nothing.
    for lines in ["lines 1 1", "lines 0 0", "lines 1 0", "lines 1 1"] {
        board.control(lines);
    }
    assert_eq!(port.hello().2, second, "no reset");
    for lines in ["lines 0 1", "lines 0 0"] {
        board.control(lines);
    }
    port.expect("boot:0xc (SPI_FAST_FLASH_BOOT)");
    assert_ne!(port.hello().2, second);
}

#[test]
fn the_modem_lines_lead_into_the_loader_one_after_the_other_too() {
    let (mut board, mut port) = Board::start(Chip::Esp32, Flash::default(), false);
    port.expect("invalid header: 0xffffffff");
    port.expect("rst:0x10 (RTCWDT_RTC_RESET)");
    // Both at once, then one after the other: for a moment no pin is held.
    for sequence in [&["lines 0 1", "lines 1 0"][..], &["lines 0 1", "lines 1 1", "lines 1 0"]] {
        sequence.iter().for_each(|lines| board.control(lines));
        port.expect("waiting for download");
        port.sync();
    }
    board.control("lines 1 1");
    board.control("reset");
    port.expect("invalid header: 0xffffffff");
}

/// Sends a command and waits for the reply without a refusal.
fn must(port: &mut Port, opcode: u8, body: &[u8], checksum: u8) {
    port.write(&command(opcode, body, checksum));
    let reply = ["\u{1}", &char::from(opcode).to_string(), "\u{4}\0\0\0\0\0\0\0\0\0"].concat();
    port.expect(&reply);
}

#[test]
fn what_the_loader_writes_is_kept_and_boots() {
    let (board, mut port) = Board::start(Chip::Esp32c3, Flash::default(), true);
    port.expect("waiting for download");
    let flash = other_image(Chip::Esp32c3);
    for offset in [0_usize, 0x8000, 0x1_0000] {
        // Longer than any of the three; no byte of them is one that SLIP escapes but those in the hash's block.
        let data = &flash.contents()[offset..offset + 0x200];
        let le = |word: usize| u32::try_from(word).unwrap().to_le_bytes();
        must(&mut port, 0x02, &[le(0x200), le(1), le(0x200), le(offset), le(0)].concat(), 0);
        let escaped: Vec<u8> = data
            .iter()
            .flat_map(|&byte| match byte {
                0xC0 => vec![0xDB, 0xDC],
                0xDB => vec![0xDB, 0xDD],
                byte => vec![byte],
            })
            .collect();
        let sum = data.iter().fold(0xEF, |sum, byte| sum ^ byte);
        let header = [&[0xC0, 0, 0x03, 0x10, 0x02, sum, 0, 0, 0], &le(0x200)[..], &[0; 12]].concat();
        port.write(&[header, escaped, vec![0xC0]].concat());
        port.expect("\u{1}\u{3}\u{4}\0\0\0\0\0\0\0\0\0");
    }
    must(&mut port, 0x02, &[0; 20], 0);
    port.write(&command(0x04, &[1, 0, 0, 0], 0));
    port.expect("gattest-esp32 9.9.9");
    assert_eq!(port.hello().0, HASH);
    assert_eq!(board.end().unwrap(), flash.contents());
}

#[test]
fn somebody_else_s_program_runs_and_knows_no_hello() {
    let mut app = image::app(Chip::Esp32c3, "1.0", HASH);
    // Its name, and the checksum and hash that go with it.
    let at = app.windows(7).position(|window| window == b"gattest").unwrap();
    app[at] ^= 0x20;
    let checksum_at = app.len() - 33;
    app[checksum_at] ^= 0x20;
    app[23] = 0;
    let flash = image::with_app(Chip::Esp32c3, &app).unwrap();
    let (mut board, mut port) = Board::start(Chip::Esp32c3, flash, false);
    port.expect("Gattest-esp32 1.0\r\n");
    port.write(b"\0hello?\0");
    assert!(port.is_silent_for(std::time::Duration::from_millis(300)));
    board.control("reset");
    port.expect("Gattest-esp32");
}
