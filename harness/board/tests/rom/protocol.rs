use crate::host::*;
use board::flash::Flash;
use board::rom::{Chip, Output};

const SYNC: [u8; 36] = {
    let mut body = [0x55; 36];
    [body[0], body[1], body[2], body[3]] = [7, 7, 0x12, 0x20];
    body
};

#[test]
fn sync_is_answered_eight_times() {
    let mut bench = Bench::new(Chip::Esp32c3);
    let packets = bench.send(0x08, &SYNC, 0);
    assert_eq!(packets.len(), 8);
    for packet in packets {
        assert_eq!(packet, [1, 8, 4, 0, 0x07, 0x07, 0x12, 0x20, 0, 0, 0, 0]);
    }
    assert_eq!(bench.ask(0x08, &SYNC[..35], 0).body, [1, 5, 0, 0]);
}

#[test]
fn a_request_is_found_in_noise_and_in_pieces() {
    let mut bench = Bench::new(Chip::Esp32);
    assert!(bench.raw(b"\xFFnoise\xC0\x01\x02\xC0").is_empty());
    let line = request(0x0A, &words(&[0x4000_1000]), 0);
    let (last, first) = line.split_last().unwrap();
    for byte in first {
        assert!(bench.raw(&[*byte]).is_empty());
    }
    assert_eq!(reply(&bench.raw(&[*last])[0], 0x0A).value, 0x00F0_1D83);
}

#[test]
fn registers_keep_what_is_written_through_a_mask() {
    let mut bench = Bench::new(Chip::Esp32c3);
    let two = words(&[0x100, 0x1234_5678, 0xFFFF_FFFF, 0, 0x104, 9, 1, 0]);
    bench.ok(0x09, &two, 0);
    bench.ok(0x09, &words(&[0x100, 0xFFFF_FFFF, 0xFF, 0]), 0);
    assert_eq!(bench.ask(0x0A, &words(&[0x100]), 0).value, 0x1234_56FF);
    assert_eq!(bench.ask(0x0A, &words(&[0x104]), 0).value, 1);
    assert_eq!(bench.ask(0x09, &words(&[0x100, 1, 1]), 0).body, [1, 5, 0, 0]);
}

/// The CRC-8 beside the MAC is that of Dallas 1-Wire: worked out bit by bit here.
#[test]
fn the_factory_mac_is_in_the_efuses() {
    let mut bench = Bench::new(Chip::Esp32c3);
    assert_eq!(bench.ask(0x0A, &words(&[0x6000_8844]), 0).value, 0xC401_C0DB);
    assert_eq!(bench.ask(0x0A, &words(&[0x6000_8848]), 0).value, 0x240A);
    let mut bench = Bench::new(Chip::Esp32);
    assert_eq!(bench.ask(0x0A, &words(&[0x3FF5_A004]), 0).value, 0xC401_C0DB);
    let mut crc = 0_u8;
    for bit in MAC.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1)) {
        let feedback = (crc & 1) ^ bit;
        crc = (crc >> 1) ^ (feedback * 0x8C);
    }
    assert_eq!(bench.ask(0x0A, &words(&[0x3FF5_A008]), 0).value, u32::from(crc) << 16 | 0x240A);
}

#[test]
fn security_information_names_the_chip_where_the_rom_has_it() {
    for (chip, id) in [(Chip::Esp32c3, 5), (Chip::Esp32c6, 13)] {
        let info = Bench::new(chip).ok(0x14, &[], 0);
        assert_eq!((info.len(), info[12]), (20, id));
    }
    assert_eq!(Bench::new(Chip::Esp32).ask(0x14, &[], 0).body, [1, 5, 0, 0]);
}

#[test]
fn the_flash_memory_tells_its_id_over_spi() {
    for (chip, base, user_2, data) in [
        (Chip::Esp32, 0x3FF4_2000, 0x24, 0x80),
        (Chip::Esp32c3, 0x6000_2000, 0x20, 0x58),
        (Chip::Esp32c6, 0x6000_3000, 0x20, 0x58),
    ] {
        let mut bench = Bench::new(chip);
        let all = u32::MAX;
        bench.ok(0x09, &words(&[base + user_2, 0x7000_009F, all, 0]), 0);
        bench.ok(0x09, &words(&[base, 1 << 18, all, 0]), 0);
        assert_eq!(bench.ask(0x0A, &words(&[base]), 0).value, 0, "the transaction is over");
        assert_eq!(bench.ask(0x0A, &words(&[base + data]), 0).value, 0x0016_40EF);
    }
}

#[test]
fn flash_is_erased_and_written_block_by_block() {
    let mut bench = Bench::new(Chip::Esp32c3);
    bench.flash.program(0x1000, &[0; 0x2000]).unwrap();
    bench.ok(0x02, &words(&[8, 2, 4, 0x1000, 0]), 0);
    bench.ok(0x03, &block(0, &[1, 2, 3, 0xC0]), checksum(&[1, 2, 3, 0xC0]));
    assert_eq!(bench.ask(0x04, &words(&[1]), 0).body, [1, 6, 0, 0], "a block is missing");
    bench.ok(0x03, &block(1, b"abcd"), checksum(b"abcd"));
    assert_eq!(bench.flash.read(0x1000, 9).unwrap(), [1, 2, 3, 0xC0, b'a', b'b', b'c', b'd', 0xFF]);
    assert_eq!(bench.flash.read(0x2000, 1).unwrap(), [0], "the next sector was not erased");
    // 32 characters from the ROM; md5 of the eight bytes by another program.
    let digest = bench.ok(0x13, &words(&[0x1000, 8, 0, 0]), 0);
    assert_eq!(digest, b"4d1b881a999a780274fbc5a3b5a957ee");
    bench.ok(0x04, &words(&[1]), 0);
    assert_eq!(bench.rest, [Output::Boot]);
}

#[test]
fn a_wrong_block_is_refused_and_can_be_sent_again() {
    let mut bench = Bench::new(Chip::Esp32);
    assert_eq!(bench.ask(0x03, &block(0, b"abcd"), checksum(b"abcd")).body, [1, 6, 0, 0]);
    bench.ok(0x02, &words(&[4096, 2, 4, 0]), 0);
    assert_eq!(bench.ask(0x03, &block(0, b"abcd"), 0).body, [1, 7, 0, 0], "checksum");
    assert_eq!(bench.ask(0x03, &block(1, b"abcd"), checksum(b"abcd")).body, [1, 6, 0, 0], "number");
    bench.ok(0x03, &block(0, b"abcd"), checksum(b"abcd"));
    assert_eq!(bench.ask(0x03, &block(1, b"abcde"), checksum(b"abcde")).body, [1, 6, 0, 0], "too long");
    bench.ok(0x03, &block(1, b"efgh"), checksum(b"efgh"));
    assert_eq!(bench.flash.read(0, 9).unwrap(), b"abcdefgh\xFF");
}

#[test]
fn what_lies_beyond_the_memory_is_refused() {
    let mut bench = Bench::new(Chip::Esp32c3);
    for begin in [[1, 1, 1, u32::MAX], [u32::MAX, 1, 1, 0], [0, u32::MAX, u32::MAX, 0], [1, 2, 1, 0x3F_FFFF]]
    {
        assert_eq!(bench.ask(0x02, &words(&begin), 0).body, [1, 8, 0, 0], "{begin:?}");
        assert_eq!(bench.ask(0x03, &block(0, b"a"), checksum(b"a")).body, [1, 6, 0, 0]);
    }
    assert_eq!(bench.ask(0x13, &words(&[0x3F_FFFF, 2, 0, 0]), 0).body, [1, 8, 0, 0]);
}

#[test]
fn compressed_data_arrives_decompressed_whatever_the_blocks() {
    let plain: Vec<u8> = (0..20_000_u32).map(|n| (n / 7 % 251) as u8).collect();
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&plain, 9);
    for block_len in [1, 7, 100, 0x400] {
        let mut bench = Bench::new(Chip::Esp32c3);
        let blocks: Vec<&[u8]> = packed.chunks(block_len).collect();
        let len = u32::try_from(plain.len()).unwrap();
        let begin = words(&[len, u32::try_from(blocks.len()).unwrap(), 0x400, 0x1_0000, 0]);
        bench.ok(0x10, &begin, 0);
        for (seq, data) in (0..).zip(&blocks) {
            bench.ok(0x11, &block(seq, data), checksum(data));
        }
        bench.ok(0x12, &words(&[1]), 0);
        assert_eq!(bench.flash.read(0x1_0000, plain.len()).unwrap(), plain);
        assert_eq!(bench.rest, [Output::Boot]);
    }
}

#[test]
fn damaged_or_surplus_compressed_data_is_refused() {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&[7; 5000], 9);
    let mut damaged = packed.clone();
    *damaged.last_mut().unwrap() ^= 1; // of the Adler-32
    for (len, data, refusal) in [(5000, damaged, 0x0B), (4999, packed.clone(), 6), (5000, vec![9; 40], 0x0B)]
    {
        let mut bench = Bench::new(Chip::Esp32);
        bench.ok(0x10, &words(&[len, 1, 0x400, 0]), 0);
        assert_eq!(bench.ask(0x11, &block(0, &data), checksum(&data)).body, [1, refusal, 0, 0]);
    }
    let mut bench = Bench::new(Chip::Esp32);
    bench.ok(0x10, &words(&[5000, 1, 0x400, 0]), 0);
    bench.ok(0x11, &block(0, &packed[..9]), checksum(&packed[..9]));
    assert_eq!(bench.ask(0x12, &words(&[1]), 0).body, [1, 6, 0, 0], "the stream has not ended");
}

#[test]
fn the_speed_changes_behind_the_reply() {
    let mut bench = Bench::new(Chip::Esp32);
    let outputs = bench.loader.push(&request(0x0F, &words(&[921_600, 0]), 0), &mut bench.flash);
    assert!(matches!(outputs[..], [Output::Bytes(_), Output::Baud(921_600)]), "{outputs:?}");
    // 40 MHz over the speed.
    assert_eq!(bench.ask(0x0A, &words(&[0x3FF4_0014]), 0).value, 43);
    assert_eq!(bench.ask(0x0F, &words(&[0, 0]), 0).body, [1, 5, 0, 0]);
}

#[test]
fn flash_end_restarts_or_boots_and_nothing_follows() {
    for (word, output) in [(0, Output::Restart), (1, Output::Boot)] {
        let mut bench = Bench::new(Chip::Esp32c3);
        let two = [request(0x02, &words(&[0, 0, 0x400, 0]), 0), request(0x04, &words(&[word]), 0)];
        let sync = request(0x08, &SYNC, 0);
        assert_eq!(bench.raw(&[two.concat(), sync].concat()).len(), 2);
        assert_eq!(bench.rest, [output]);
    }
}

#[test]
fn the_rom_gives_flash_in_small_pieces() {
    let mut bench = Bench::new(Chip::Esp32);
    bench.flash.program(10, b"hello").unwrap();
    let data = bench.ok(0x0E, &words(&[10, 5]), 0);
    assert_eq!((data.len(), &data[..6]), (64, &b"hello\0"[..]));
    assert_eq!(bench.ask(0x0E, &words(&[0, 65]), 0).body, [1, 5, 0, 0]);
}

#[test]
fn commands_of_the_stub_are_unknown_to_the_rom() {
    for opcode in [0xD0, 0xD1, 0xD2, 0xD3, 0x55] {
        assert_eq!(Bench::new(Chip::Esp32c3).ask(opcode, &[], 0).body, [1, 5, 0, 0]);
    }
}

#[test]
fn what_is_write_protected_is_neither_erased_nor_programmed_and_says_so() {
    for (mut bench, refused) in
        [(Bench::new(Chip::Esp32c3), &[1, 6, 0, 0][..]), (Bench::with_stub(Chip::Esp32c3), &[0xC5, 0][..])]
    {
        let (begin, data) = (words(&[0x400, 1, 0x400, 0, 0]), [0x55; 0x400]);
        bench.flash.protect(true);
        assert_eq!(bench.ask(0x02, &begin, 0).body, refused);
        // In the middle of a transfer too.
        bench.flash.protect(false);
        bench.ok(0x02, &begin, 0);
        bench.flash.protect(true);
        assert_eq!(bench.ask(0x03, &block(0, &data), checksum(&data)).body, refused);
        assert_eq!(bench.flash.contents(), Flash::default().contents());
    }
}
