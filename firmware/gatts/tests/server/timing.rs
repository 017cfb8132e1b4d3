//! How long a request takes. Run with `cargo test --release -- --ignored --nocapture timing`.

use std::hint::black_box;
use std::time::Instant;

use gatts::{Bluetooth, CharacteristicConfig, Config, Events, Security, Server, ServiceConfig, Uuid};

use crate::common::{CONN, bytes};

const BATCHES: u32 = 40;
const ROUNDS: u32 = 50_000;

fn table_of(characteristics: u16) -> (Server, gatts::Characteristic) {
    let bluetooth = Bluetooth::new(Config::default());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    let add = |n| service.characteristic(CharacteristicConfig::new(Uuid::from_u16(n))).unwrap();
    let last = (0..characteristics).map(add).fold(None, |_, one| Some(one)).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (server, last)
}

/// The best of several batches, since other work on the machine only ever adds.
fn ns_per_round(server: &Server, request: &[u8]) -> f64 {
    let mut out = [0; 517];
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(server.receive(CONN, black_box(request), &mut out));
        }
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "a measurement, not a check"]
fn requests_are_fast() {
    for size in [1, 1_000] {
        let (server, characteristic) = table_of(size);
        let [low, high] = characteristic.value_handle().to_le_bytes();
        let requests = [
            ("Read", vec![0x0A, low, high]),
            ("Write of 20 bytes", [&[0x12, low, high][..], &[7; 20]].concat()),
            ("Read By Group Type", bytes("10 01 00 FF FF 00 28")),
        ];
        for (name, request) in requests {
            println!("{size:5} characteristics, {name}: {:.1} ns", ns_per_round(&server, &request));
        }
        characteristic.callback(Events::CHAR_READ_EVENT, |_, _| ());
        let read = [0x0A, low, high];
        println!("{size:5} characteristics, Read with a handler: {:.1} ns", ns_per_round(&server, &read));
    }
}
