//! The same seed gives the same packets at the same times; captures as files.

use crate::support::*;
use air::{Air, Capture, Direction, write_btsnoop};
use embassy_time::Timer;

/// A bench with everything that is drawn from the seed: phases, delays, loss, random numbers.
fn bench(seed: u64) -> Capture {
    let air = Air::new(seed);
    let (central, peripheral) = pair(&air);
    air.capture();
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            air.set_loss(200);
            central.must(0x2018, &[]).await;
            for number in 0..50 {
                // A Read Request and its response on the ATT channel.
                central.send(there, &[3, 0, 4, 0, 0x0A, number, 0]);
                peripheral.data().await;
                Timer::after_millis(air.rng("pause").u64(0..20)).await;
                peripheral.send(here, &[4, 0, 4, 0, 0x0B, number, 2, 3]);
                central.data().await;
            }
            central.disconnect(there).await;
            central.event(DISCONNECTION_COMPLETE).await;
            peripheral.event(DISCONNECTION_COMPLETE).await;
        },
        &mut [],
    )
    .unwrap();
    air.take_capture()
}

#[test]
fn the_seed_decides_everything() {
    let (first, again, other) = (bench(1), bench(1), bench(2));
    assert!(first.len() > 200);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn benches_on_two_threads_do_not_disturb_each_other() {
    let alone: Vec<Capture> = (0..6).map(bench).collect();
    let threads: Vec<_> =
        (0..2).map(|_| std::thread::spawn(|| (0..6).map(bench).collect::<Vec<_>>())).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), alone);
    }
}

#[test]
fn a_capture_holds_the_packets_of_all_controllers_in_order() {
    let capture = bench(3);
    let packets: Vec<_> = capture.packets().collect();
    assert!(packets.is_sorted_by_key(|packet| packet.at_us));
    assert_eq!((packets[0].at_us, packets[0].controller, packets[0].bytes), (0, 0, &[3, 12, 0][..]));
    assert_eq!(packets[0].direction, Direction::ToController);
    assert_eq!(packets[1].bytes, [0x0E, 4, 1, 3, 12, 0]);
    assert_eq!(packets[1].direction, Direction::ToHost);
    assert_eq!(capture.adapters().len(), 2);
    assert_eq!(capture.adapters()[1].name, "air1");
    assert_eq!(capture.dropped(), 0);
    let air = Air::new(1);
    assert!(air.take_capture().is_empty(), "nothing is recorded unasked");
}

/// Length, flags, time of each record.
fn records(file: &[u8]) -> Vec<(usize, u32, u64)> {
    let mut rest = &file[16..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let number = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
        let length = number(4) as usize;
        assert_eq!(number(0), number(4));
        assert_eq!(number(12), 0);
        records.push((length, number(8), u64::from_be_bytes(rest[16..24].try_into().unwrap())));
        rest = &rest[24 + length..];
    }
    records
}

#[test]
fn a_btsnoop_file_has_the_captures_one_after_the_other() {
    let captures = [bench(1), bench(2)];
    let mut file = Vec::new();
    write_btsnoop(&mut file, &captures).unwrap();
    let mut again = Vec::new();
    write_btsnoop(&mut again, &[bench(1), bench(2)]).unwrap();
    assert_eq!(file, again);
    assert_eq!(file[..16], *b"btsnoop\0\0\0\0\x01\0\0\x07\xD1");
    let records = records(&file);
    assert_eq!(records.len(), captures[0].len() + captures[1].len() + 4);
    assert!(records.is_sorted_by_key(|(_, _, at)| *at));
    let new_indices: Vec<_> = records.iter().filter(|(_, flags, _)| flags & 0xFFFF == 0).collect();
    assert_eq!(new_indices.iter().map(|(_, flags, _)| flags >> 16).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(new_indices.iter().all(|(length, _, _)| *length == 16));
    let opcodes = |first: u32| {
        let mut opcodes: Vec<u32> =
            records.iter().filter(|r| r.1 >> 17 == first).map(|r| r.1 & 0xFFFF).collect();
        opcodes.sort_unstable();
        opcodes.dedup();
        opcodes
    };
    assert_eq!((opcodes(0), opcodes(1)), (vec![0, 2, 3, 4, 5], vec![0, 2, 3, 4, 5]));
}

/// For a look with Wireshark: `AIR_BTSNOOP=file cargo test -p air -- --ignored written`.
#[test]
#[ignore = "writes a file for a look by hand"]
fn a_file_is_written_where_the_environment_says() {
    let path = std::env::var("AIR_BTSNOOP").expect("AIR_BTSNOOP names the file");
    write_btsnoop(&mut std::fs::File::create(path).unwrap(), &[bench(1), bench(2)]).unwrap();
}
