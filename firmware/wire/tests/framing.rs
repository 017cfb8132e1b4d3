//! Frames survive noise, truncation and bit flips; nothing damaged is accepted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wire::{Answer, Decoder, Event, FromBoard, Item, MAX_PAYLOAD, encode_frame, frame_len};

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0xEE; frame_len(payload.len())];
    let len = encode_frame(payload, &mut out).unwrap();
    out.truncate(len);
    out
}

/// Payloads and console text that a stream holds when it comes in chunks of `chunk` bytes.
fn decode(stream: &[u8], chunk: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut payloads, mut console) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new();
    for bytes in stream.chunks(chunk) {
        decoder.push(bytes, |item| match item {
            Item::Payload(payload) => payloads.push(payload.to_vec()),
            Item::Console(text) => console.extend_from_slice(text),
        });
    }
    (payloads, console)
}

fn event_frame(event: Event<'_>) -> usize {
    let mut buf = [0; 600];
    frame(postcard::to_slice(&FromBoard::Event { seq: 100, event }, &mut buf).unwrap()).len()
}

#[test]
fn a_read_event_takes_at_most_20_bytes() {
    let received = event_frame(Event::Received { conn: 1, opcode: 0x0A, len: 3 });
    let handler = event_frame(Event::Handler { handle: 0x2A, event: 8, value: &[] });
    assert!(received <= 20 && handler <= 20, "{received} and {handler}");
}

#[test]
fn boot_text_before_a_frame_is_console_and_the_frame_is_found() {
    let mut stream = b"ESP-ROM:esp32c3-api1-20210207\r\nboot:0xc".to_vec();
    stream.extend(frame(b"payload"));
    assert_eq!(
        decode(&stream, 7),
        (vec![b"payload".to_vec()], b"ESP-ROM:esp32c3-api1-20210207\r\nboot:0xc".to_vec())
    );
}

#[test]
fn the_longest_payload_passes_and_one_more_byte_does_not() {
    let payload = vec![0x55; MAX_PAYLOAD];
    assert_eq!(decode(&frame(&payload), 1000).0, vec![payload]);
    let mut out = vec![0; frame_len(MAX_PAYLOAD + 1)];
    assert!(encode_frame(&vec![0; MAX_PAYLOAD + 1], &mut out).is_err());
}

#[test]
fn a_stream_without_zero_bytes_keeps_memory_bounded() {
    let mut decoder = Decoder::new();
    let mut console = 0;
    for _ in 0..100 {
        decoder.push(&[b'x'; 5000], |item| match item {
            Item::Console(text) => console += text.len(),
            Item::Payload(_) => panic!("no frame was sent"),
        });
        assert!(decoder.pending().len() <= 2 * MAX_PAYLOAD);
    }
    assert_eq!(console + decoder.pending().len(), 500_000);
}

#[test]
fn a_message_comes_back() {
    let message = FromBoard::Answer { id: 7, answer: Answer::Refused("value over 512 bytes") };
    let mut buf = [0; 64];
    let payload = postcard::to_slice(&message, &mut buf).unwrap();
    assert_eq!(postcard::from_bytes::<FromBoard<'_>>(payload).unwrap(), message);
}

proptest! {
    #[test]
    fn every_frame_comes_back_whatever_the_chunks(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..600), 1..8),
        chunk in 1usize..300,
    ) {
        let stream: Vec<u8> = payloads.iter().flat_map(|p| frame(p)).collect();
        prop_assert_eq!(decode(&stream, chunk), (payloads, Vec::new()));
    }

    #[test]
    fn frames_around_a_damaged_one_are_intact_and_it_is_not_accepted(
        payload in prop::collection::vec(any::<u8>(), 1..100),
        bit in 0usize..800,
    ) {
        let good = frame(b"good");
        let mut bad = frame(&payload);
        let bit = bit % (bad.len() * 8);
        bad[bit / 8] ^= 1 << (bit % 8);
        let stream = [good.clone(), bad, good].concat();
        let (payloads, _) = decode(&stream, 64);
        let good_ones = payloads.iter().filter(|p| p.as_slice() == b"good").count();
        prop_assert!(good_ones >= 2 || payload == b"good");
        // A flipped delimiter may leave the frame itself whole; nothing else may come out.
        prop_assert!(payloads.iter().all(|p| p == b"good" || *p == payload));
    }

    #[test]
    fn arbitrary_bytes_never_panic(stream in prop::collection::vec(any::<u8>(), 0..2000), chunk in 1usize..100) {
        let (payloads, console) = decode(&stream, chunk);
        prop_assert!(payloads.is_empty() && console.len() <= stream.len());
    }
}
