//! Whatever comes over the line, the loader neither panics nor answers without bound.

use crate::host::*;
use board::rom::{Chip, Output};
use proptest::prelude::*;

const OPCODES: [u8; 22] =
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 0xD0, 0xD1, 0xD2, 0xD3];

/// Requests that are nearly right: known opcodes, small or extreme words, data with its checksum.
fn near_request() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![0..20_u32, Just(0x1000), Just(u32::MAX), Just(4 * 1024 * 1024 - 1), any::<u32>()];
    let body = (prop::collection::vec(word, 0..6), prop::collection::vec(any::<u8>(), 0..40));
    (prop::sample::select(&OPCODES[..]), body, any::<bool>()).prop_map(|(opcode, (head, data), as_block)| {
        let body =
            if as_block { block(head.len() as u32, &data) } else { [words(&head), data.clone()].concat() };
        request(opcode, &body, checksum(&data))
    })
}

fn answers_are_bounded(bench: &mut Bench, bytes: &[u8]) {
    let outputs = bench.loader.push(bytes, &mut bench.flash);
    let len: usize =
        outputs.iter().map(|output| if let Output::Bytes(out) = output { out.len() } else { 0 }).sum();
    // A request has twelve bytes or more; the longest answer is a read's window of packets, escaped.
    let requests = bytes.len() / 6 + 1;
    assert!(len <= requests * 17 * 2 * 4100, "{len} bytes for {}", bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut bench = Bench::new(Chip::Esp32c3);
        chunks.iter().for_each(|chunk| answers_are_bounded(&mut bench, chunk));
    }

    #[test]
    fn any_requests(stub in any::<bool>(), requests in prop::collection::vec(near_request(), 0..60)) {
        let mut bench = if stub { Bench::with_stub(Chip::Esp32) } else { Bench::new(Chip::Esp32c6) };
        requests.iter().for_each(|request| answers_are_bounded(&mut bench, request));
    }
}
