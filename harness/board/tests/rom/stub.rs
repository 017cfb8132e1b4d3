use crate::host::*;
use board::rom::{Chip, Output};

#[test]
fn the_stub_answers_with_two_bytes_of_status_and_a_raw_digest() {
    let mut bench = Bench::with_stub(Chip::Esp32c3);
    bench.flash.program(0, b"abcd").unwrap();
    let digest = bench.ask(0x13, &words(&[0, 4, 0, 0]), 0).body;
    let expected =
        [0xE2, 0xFC, 0x71, 0x4C, 0x47, 0x27, 0xEE, 0x93, 0x95, 0xF3, 0x24, 0xCD, 0x2E, 0x7F, 0x33, 0x1F];
    assert_eq!(digest, [&expected[..], &[0, 0]].concat());
    let sync = [&[7, 7, 0x12, 0x20][..], &[0x55; 32]].concat();
    let packets = bench.send(0x08, &sync, 0);
    assert_eq!(packets.len(), 8);
    assert_eq!(packets[0], [1, 8, 2, 0, 0, 0, 0, 0, 0, 0], "the value 0 is how a stub is known");
    assert_eq!(bench.ask(0x55, &[], 0).body, [0xFF, 0]);
}

#[test]
fn a_program_is_entered_only_where_it_was_loaded() {
    let mut bench = Bench::new(Chip::Esp32);
    assert_eq!(bench.ask(0x06, &words(&[0, 0x4000]), 0).body, [1, 6, 0, 0], "nothing was begun");
    bench.ok(0x05, &words(&[8, 2, 4, 0x4000]), 0);
    bench.ok(0x07, &block(0, b"abcd"), checksum(b"abcd"));
    assert_eq!(bench.ask(0x06, &words(&[0, 0x4000]), 0).body, [1, 6, 0, 0], "half of it is missing");
    bench.ok(0x05, &words(&[4, 1, 4, 0x4000]), 0);
    bench.ok(0x07, &block(0, b"abcd"), checksum(b"abcd"));
    bench.ok(0x06, &words(&[1, 0]), 0);
    assert!(bench.rest.is_empty(), "it was told to stay");
    bench.ok(0x05, &words(&[4, 1, 4, 0x5000]), 0);
    bench.ok(0x07, &block(0, b"abcd"), checksum(b"abcd"));
    bench.ok(0x06, &words(&[0, 0x6000]), 0);
    assert_eq!(bench.rest, [Output::Crash]);
}

#[test]
fn flash_is_read_in_packets_that_wait_for_acknowledgements() {
    let mut bench = Bench::with_stub(Chip::Esp32);
    let plain: Vec<u8> = (0..1000_u32).map(|n| n as u8).collect();
    bench.flash.program(100, &plain).unwrap();
    // 1,000 bytes in packets of 300, two ahead.
    let packets = bench.send(0xD2, &words(&[100, 1000, 300, 2]), 0);
    assert_eq!(packets.iter().map(Vec::len).collect::<Vec<_>>(), [10, 300, 300]);
    let ack = |bench: &mut Bench, count: u32| bench.raw(&slip(&count.to_le_bytes()));
    let mut all = packets[1..].concat();
    let third = ack(&mut bench, 300);
    let fourth = ack(&mut bench, 600);
    assert_eq!((third[0].len(), fourth[0].len()), (300, 100));
    all.extend([third.concat(), fourth.concat()].concat());
    assert_eq!(all, plain);
    assert!(ack(&mut bench, 900).is_empty());
    let digest = ack(&mut bench, 1000);
    assert_eq!(digest, [bench.ok(0x13, &words(&[100, 1000, 0, 0]), 0)]);
}

#[test]
fn a_read_that_the_host_gives_up_is_forgotten() {
    let mut bench = Bench::with_stub(Chip::Esp32);
    assert_eq!(bench.send(0xD2, &words(&[0, 8192, 4096, 1]), 0).len(), 2);
    assert_eq!(bench.ask(0x0A, &words(&[0]), 0).value, 0);
    for wrong in [[0, 1, 0, 1], [0, 1, 4097, 1], [0, 1, 1, 0]] {
        assert_eq!(bench.ask(0xD2, &words(&wrong), 0).body, [0xC0, 0]);
    }
    assert_eq!(bench.ask(0xD2, &words(&[0, u32::MAX, 1, 1]), 0).body, [0xC4, 0]);
}

#[test]
fn the_stub_erases_by_the_sector() {
    let mut bench = Bench::with_stub(Chip::Esp32c6);
    bench.flash.program(0, &[0; 0x4000]).unwrap();
    assert_eq!(bench.ask(0xD1, &words(&[0x1000, 0x800]), 0).body, [0xC0, 0]);
    bench.ok(0xD1, &words(&[0x1000, 0x1000]), 0);
    let count = |bench: &Bench| bench.flash.contents().iter().filter(|byte| **byte == 0).count();
    assert_eq!(count(&bench), 0x3000);
    bench.ok(0xD0, &[], 0);
    assert_eq!(count(&bench), 0);
}

#[test]
fn the_stub_stays_boots_or_restarts_as_it_is_told() {
    for (commands, expected) in [
        (vec![(0x04, words(&[1]))], vec![]),
        (vec![(0x04, words(&[0]))], vec![Output::Restart]),
        (vec![(0xD3, vec![])], vec![Output::Boot]),
    ] {
        let mut bench = Bench::with_stub(Chip::Esp32c3);
        bench.ok(0x02, &words(&[0, 0, 0x4000, 0, 0]), 0);
        for (opcode, body) in commands {
            bench.ok(opcode, &body, 0);
        }
        assert_eq!(bench.rest, expected);
    }
}
