//! The GATT service, the Database Hash and robust caching (Core Vol 3 Part G 2.5.2 and 7).
//!
//! With caching, Service Changed is at handles 7 to 9, Client Supported Features at 10 and 11, Database Hash at
//! 12 and 13. The service of these tests is at 14, with a value at 16 and its CCCD at 17.

use gatts::{
    Bluetooth, Characteristic, CharacteristicConfig, Config, ExtendedProperties, Properties, Security,
    Server, Service, ServiceConfig, ServiceTable, Uuid,
};

use crate::common::{CONN, OTHER, bytes, check, check_on, exchange, plain, pushed, pushed_at, record};

const READ_HASH: &str = "08 01 00 FF FF 2A 2B";

pub(crate) fn config() -> Config {
    Config { caching: true, max_connections: 2, ..Config::default() }
}

/// A server with one more service to stop and start, whose value is at 20.
fn cached() -> (Bluetooth, Server, Characteristic, Service) {
    let bluetooth = Bluetooth::new(config());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    let characteristic = service.characteristic(plain()).unwrap();
    let other = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
    other.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (bluetooth, server, characteristic, other)
}

/// A client with robust caching that is change-unaware.
fn unaware() -> (Bluetooth, Server, Characteristic, Service) {
    let all = cached();
    check(&all.1, "12 0B 00 01", "13");
    all.3.stop();
    all
}

#[test]
fn the_gatt_service_has_its_characteristics() {
    let (_, server, _, _) = cached();
    check(&server, "10 06 00 0D 00 00 28", "11 06 06 00 0D 00 01 18");
    check(&server, "08 06 00 08 00 03 28", "09 07 07 00 20 08 00 05 2A");
    check(&server, "08 08 00 0C 00 03 28", "09 07 0A 00 0A 0B 00 29 2B 0C 00 02 0D 00 2A 2B");
    check(&server, "0A 08 00", "01 0A 08 00 02");
    check(&server, "12 08 00 00", "01 12 08 00 03");
    check(&server, "12 0D 00 00", "01 12 0D 00 03");
    check(&server, "12 09 00 01 00", "01 12 09 00 FD");
    check(&server, "12 09 00 02 00", "13");
    check(&server, "0A 09 00", "0B 02 00");
}

/// The database and the hash of Core Vol 3 Part G Appendix B, GAS/BV-02.
#[test]
fn the_database_hash_of_the_specifications_example_is_right() {
    let bluetooth = Bluetooth::new(Config { writable_device_name: true, ..config() });
    let glucose = ServiceTable::new(ServiceConfig::new(Uuid::from_u16(0x1808))).include(1).characteristic(
        CharacteristicConfig::new(Uuid::from_u16(0x2A18))
            .properties(Properties::READ | Properties::INDICATE)
            .extended_properties(ExtendedProperties::empty()),
    );
    let battery = ServiceTable::new(ServiceConfig::new(Uuid::from_u16(0x180F)).secondary())
        .characteristic(CharacteristicConfig::new(Uuid::from_u16(0x2A19)).properties(Properties::READ));
    bluetooth.load(vec![glucose, battery]).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "08 0E 00 FF FF 02 28", "09 08 0F 00 14 00 16 00 0F 18");
    let mut hash = bytes("F1 CA 2D 48 EC F5 8B AC 8A 88 30 BB B9 FB A9 90");
    hash.reverse();
    assert_eq!(exchange(&server, CONN, &bytes("0A 0D 00")), [&[0x0B][..], &hash].concat());
    assert_eq!(exchange(&server, CONN, &bytes(READ_HASH)), [&[0x09, 18, 0x0D, 0][..], &hash].concat());
}

#[test]
fn the_hash_follows_the_table_and_not_the_values() {
    let (bluetooth, server, characteristic, other) = cached();
    let read = || exchange(&server, CONN, &bytes(READ_HASH));
    let first = read();
    characteristic.set_value("changed").unwrap();
    check(&server, "12 11 00 01 00", "13");
    assert_eq!(read(), first);
    other.stop();
    let stopped = read();
    assert_ne!(stopped, first);
    other.start();
    assert_eq!(read(), first);
    bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x9999))).unwrap();
    assert_ne!(read(), first);
}

/// GAS/BV-03, and the default of Core Vol 3 Part G 7.2.
#[test]
fn client_supported_features_keep_known_bits_for_each_client() {
    let (_, server, _, _) = cached();
    server.connected(OTHER, Security::default());
    check(&server, "0A 0B 00", "0B 00");
    check(&server, "12 0B 00 FA FF 01", "13");
    check(&server, "0A 0B 00", "0B 02");
    check_on(&server, OTHER, "0A 0B 00", "0B 00");
    check(&server, "12 0B 00 07", "13");
    check(&server, "0A 0B 00", "0B 07");
    check(&server, "12 0B 00", "01 12 0B 00 0D");
    // No value is above 512 octets (Core Vol 3 Part F 3.2.9).
    check(&server, "02 05 02", "03 05 02");
    for (length, answer) in [(512, "13"), (513, "01 12 0B 00 0D"), (514, "01 12 0B 00 0D")] {
        let request = [&[0x12, 0x0B, 0][..], &vec![0x07; length]].concat();
        assert_eq!(exchange(&server, CONN, &request), bytes(answer), "{length} octets");
    }
    server.disconnected(CONN);
    server.connected(CONN, Security::default());
    check(&server, "0A 0B 00", "0B 00");
}

#[test]
fn a_client_clears_no_bit_that_it_has_set() {
    let (_, server, _, _) = cached();
    check(&server, "12 0B 00 03", "13");
    for cleared in ["00", "01", "02", "04", "06"] {
        check(&server, &format!("12 0B 00 {cleared}"), "01 12 0B 00 13");
    }
    check(&server, "52 0B 00 00", "");
    check(&server, "16 0B 00 00 00 01", "17 0B 00 00 00 01");
    check(&server, "18 01", "01 18 0B 00 13");
    check(&server, "0A 0B 00", "0B 03");
    check(&server, "16 0B 00 00 00 07", "17 0B 00 00 00 07");
    check(&server, "18 01", "19");
    check(&server, "0A 0B 00", "0B 07");
}

/// GAS/BV-01: Service Changed goes to the clients that asked for it, with the affected handles.
#[test]
fn service_changed_is_indicated_to_subscribers() {
    let (_, server, _, other) = cached();
    server.connected(OTHER, Security::default());
    check(&server, "12 09 00 02 00", "13");
    other.stop();
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 15 00"]);
    assert_eq!(pushed(&server, OTHER), [""; 0]);
    check(&server, "1E", "");
    assert_eq!(pushed(&server, CONN), [""; 0]);
    other.stop();
    assert_eq!(pushed(&server, CONN), [""; 0]);
    // Changes that have not been sent yet go together, and it waits like any other indication.
    other.start();
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 15 00"]);
    other.stop();
    other.start();
    assert_eq!(pushed(&server, CONN), [""; 0]);
    check(&server, "1E", "");
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 15 00"]);
    check(&server, "12 09 00 00 00", "13");
    check(&server, "1E", "");
    other.stop();
    assert_eq!(pushed(&server, CONN), [""; 0]);
}

#[test]
fn several_changes_are_told_in_one_range() {
    let (bluetooth, server, _, other) = cached();
    check(&server, "12 09 00 02 00", "13");
    other.stop();
    let added = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x9999)).handle(0x40)).unwrap();
    added.characteristic(plain()).unwrap();
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 43 00"]);
}

/// Core Vol 3 Part G 2.5.2: from the declaration of a service that has changed to its last handle.
#[test]
fn service_changed_names_whole_services() {
    let (bluetooth, server, _, other) = cached();
    check(&server, "12 09 00 02 00", "13");
    let including = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x9999)).include(&other)).unwrap();
    assert_eq!((including.handle(), including.end_handle()), (0x16, 0x17));
    assert_eq!(pushed(&server, CONN), ["1D 08 00 16 00 17 00"]);
    check(&server, "1E", "");
    // The include declaration at 0x17 goes as well: its service changes with the included one.
    other.stop();
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 17 00"]);
    check(&server, "1E", "");
    // What stands behind a service that grows moves up.
    other.characteristic(plain()).unwrap();
    assert_eq!(including.end_handle(), 0x1A);
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 1A 00"]);
}

/// GAT/BV-01 holds for Service Changed too.
#[test]
fn an_unconfirmed_service_changed_times_out_and_is_not_sent_again() {
    let (_, server, _, other) = cached();
    check(&server, "12 09 00 02 00", "13");
    other.stop();
    let lines = record(&server);
    assert_eq!(pushed_at(&server, CONN, 500), ["1D 08 00 12 00 15 00"]);
    assert_eq!(server.next_deadline_ms(), Some(30_500));
    server.poll_timeouts(30_499);
    assert!(lines.borrow().is_empty());
    server.poll_timeouts(30_500);
    assert_eq!(*lines.borrow(), ["IndicationTimeout { conn: ConnId(64), handle: 8 }"]);
    assert_eq!(pushed_at(&server, CONN, 60_000), [""; 0]);
}

/// GAS/BV-05: 0x12 once, whatever the request that acts on a handle; the next request is answered.
#[test]
fn an_unaware_client_is_refused_once() {
    let requests = [
        ("0A 10 00", "10 00"),
        ("0A 0D 00", "0D 00"),
        ("0A FF 00", "FF 00"),
        ("0C 10 00 00 00", "10 00"),
        ("0E 10 00 0D 00", "10 00"),
        ("20 0D 00 10 00", "0D 00"),
        ("12 10 00 41", "10 00"),
        ("16 10 00 00 00 41", "10 00"),
        ("08 01 00 FE FF 2A 2B", "01 00"),
        ("08 0C 00 FF FF 2A 2B", "0C 00"),
        ("08 02 00 FF FF 00 2A", "02 00"),
    ];
    for (request, handle) in requests {
        let (_, server, characteristic, _) = unaware();
        check(&server, request, &format!("01 {} {handle} 12", &request[..2]));
        assert_eq!((characteristic.value(), characteristic.events().bits()), (vec![0], 0));
        assert_ne!(exchange(&server, CONN, &bytes(request)).last(), Some(&0x12), "{request}");
        check(&server, "0A 10 00", if request.starts_with("12") { "0B 41" } else { "0B 00" });
    }
}

/// Discovery is how a client gets a new picture: it is not refused.
#[test]
fn discovery_is_not_refused_and_does_not_make_aware() {
    let requests = [
        "02 17 00",
        "04 01 00 FF FF",
        "06 01 00 FF FF 00 28 34 12",
        "10 01 00 FF FF 00 28",
        "08 0E 00 11 00 03 28",
        "08 0E 00 11 00 02 28",
        "08 01 00 FF FF 00 2A",
        "18 01",
        "18 00",
        "3F",
        "0A 10",
        "0E 10 00",
        "16 10 00 00",
        "08 05 00 01 00 2A 2B",
    ];
    for request in requests {
        let (_, server, _, _) = unaware();
        for _ in 0..2 {
            assert_ne!(exchange(&server, CONN, &bytes(request)).get(4), Some(&0x12), "{request}");
        }
        check(&server, "0A 10 00", "01 0A 10 00 12");
        check(&server, "0A 10 00", "0B 00");
    }
}

/// GAS/BV-06: reading the hash over all handles, and then another request.
#[test]
fn reading_the_hash_makes_aware_with_the_next_request() {
    let (_, server, characteristic, _) = unaware();
    exchange(&server, CONN, &bytes(READ_HASH));
    // Commands are no requests.
    check(&server, "52 10 00 41", "");
    assert_eq!(characteristic.value(), [0]);
    check(&server, "0A 10 00", "0B 00");
    check(&server, "52 10 00 41", "");
    assert_eq!(characteristic.value(), b"A");
}

/// GAS/BV-06: a confirmed Service Changed makes aware, one that is not confirmed does not.
#[test]
fn a_confirmed_service_changed_makes_aware() {
    let (_, server, _, other) = cached();
    check(&server, "12 0B 00 01", "13");
    check(&server, "12 09 00 02 00", "13");
    other.stop();
    assert_eq!(pushed(&server, CONN).len(), 1);
    check(&server, "0A 10 00", "01 0A 10 00 12");
    other.start();
    // The table has changed again since the indication left.
    check(&server, "1E", "");
    check(&server, "0A 10 00", "01 0A 10 00 12");
    other.stop();
    assert_eq!(pushed(&server, CONN).len(), 1);
    check(&server, "1E", "");
    check(&server, "0A 10 00", "0B 00");
}

#[test]
fn each_change_is_refused_anew() {
    let (_, server, _, other) = unaware();
    check(&server, "0A 10 00", "01 0A 10 00 12");
    other.start();
    check(&server, "0A 10 00", "01 0A 10 00 12");
    check(&server, "0A 10 00", "0B 00");
    exchange(&server, CONN, &bytes(READ_HASH));
    other.stop();
    check(&server, "0A 10 00", "01 0A 10 00 12");
    check(&server, "0A 10 00", "0B 00");
}

#[test]
fn a_client_without_the_bit_is_never_refused() {
    let (_, server, characteristic, other) = cached();
    check(&server, "12 0B 00 06", "13");
    other.stop();
    check(&server, "52 10 00 41", "");
    assert_eq!(characteristic.value(), b"A");
    check(&server, "0A 10 00", "0B 41");
    check(&server, "20 10 00 10 00", "21 01 00 41 01 00 41");
    check(&server, "0A 14 00", "01 0A 14 00 01");
}

/// Nothing but Service Changed is pushed to an unaware client; what waits is sent once it is aware.
#[test]
fn pushes_wait_until_the_client_is_aware() {
    let (_, server, characteristic, other) = cached();
    for request in ["12 0B 00 01", "12 09 00 02 00", "12 11 00 01 00"] {
        check(&server, request, "13");
    }
    other.stop();
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 15 00"]);
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), [""; 0]);
    check(&server, "1E", "");
    assert_eq!(pushed(&server, CONN), ["1B 10 00 01", "1B 10 00 02"]);
}

/// GAW/BI-41.
#[test]
fn an_execution_after_a_change_is_refused_and_clears_the_queue() {
    let (_, server, characteristic, other) = cached();
    check(&server, "12 0B 00 01", "13");
    check(&server, "16 10 00 00 00 41", "17 10 00 00 00 41");
    check(&server, "16 14 00 00 00 42", "17 14 00 00 00 42");
    other.stop();
    check(&server, "18 01", "01 18 10 00 12");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), [0]);
    check(&server, "16 14 00 00 00 42", "01 16 14 00 01");
}

#[test]
fn without_caching_nobody_is_told_or_refused() {
    let bluetooth = Bluetooth::new(Config::default());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    service.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "0A 09 00", "0B 00");
    service.stop();
    check(&server, "0A 09 00", "01 0A 09 00 01");
    assert_eq!(pushed(&server, CONN), [""; 0]);
}
