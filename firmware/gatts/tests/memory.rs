//! Peak memory of a table of 100 characteristics with a busy client, measured with a counting allocator.

use std::alloc::System;

use cap::Cap;
use gatts::{Bluetooth, BondId, CharacteristicConfig, Config, ConnId, Security, ServiceConfig, Uuid};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const CONN: ConnId = ConnId(1);

/// Stated in the documentation of the crate: the table, and the peak with a busy client, in bytes.
const LIMITS: [usize; 2] = match usize::BITS {
    32 => [42_000, 52_000],
    _ => [61_000, 72_000],
};

#[test]
fn a_hundred_characteristics_and_a_busy_client_stay_within_the_stated_memory() {
    let before = ALLOCATOR.allocated();
    let bluetooth = Bluetooth::new(Config { caching: true, ..Config::default() });
    let mut all = Vec::with_capacity(100);
    for number in 0..10 {
        let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1000 + number))).unwrap();
        for number in 0..10 {
            let config = CharacteristicConfig::new(Uuid::from_u16(0x2000 + number)).value(&[7; 20]);
            all.push(service.characteristic(config).unwrap());
        }
    }
    let table = ALLOCATOR.allocated() - before;
    let server = bluetooth.server();
    let mut out = [0; 517];
    server.connected(CONN, Security { encrypted: true, ..Security::default() });
    assert!(server.identify(CONN, BondId(1)));
    let mut send = |pdu: &[u8]| server.receive(CONN, pdu, &mut out);
    send(&[0x02, 0x05, 0x02]);
    for characteristic in &all {
        let cccd = characteristic.value_handle() + 1;
        assert_eq!(send(&[&[0x12], &cccd.to_le_bytes()[..], &[1, 0]].concat()), 1);
    }
    let last = all.last().unwrap();
    let [low, high] = last.value_handle().to_le_bytes();
    let part = [&[0x16, low, high, 0, 0][..], &[9; 500]].concat();
    while send(&part) != 5 {}
    while last.set_value(&[5; 512]).is_ok() {}
    send(&[0x0A, low, high]);
    send(&[0x18, 0x01]);
    let peak = ALLOCATOR.max_allocated() - before;
    println!("table of 100 characteristics: {table} bytes; peak with a busy client: {peak} bytes");
    assert!(table < LIMITS[0], "{table}");
    assert!(peak < LIMITS[1], "{peak}");
}
