//! Bonded clients: what outlasts their connections (Core Vol 3 Part G 2.5.2.1, 3.3.3.3 and 7.2).

use gatts::{
    Bluetooth, BondId, BondRecord, CccdRecord, Characteristic, Config, HandleRange, KnownTable, Properties,
    Security, Server, Service, ServiceConfig, Uuid,
};

use crate::caching::config;
use crate::common::{CONN, OTHER, check, check_on, exchange, plain, pushed};

const BOND: BondId = BondId(0xC0FFEE);
const PLAIN: Security =
    Security { bonded: true, encrypted: false, authenticated: false, authorised: false, key_size: 0 };
const ENCRYPTED: Security = Security { encrypted: true, key_size: 16, ..PLAIN };

/// A service at 14 with a value at 16 and its CCCD at 17, and one at 18 to stop and start.
fn application() -> (Bluetooth, Server, Characteristic, Service) {
    let bluetooth = Bluetooth::new(config());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    let properties = Properties::READ | Properties::NOTIFY | Properties::INDICATE;
    let characteristic = service.characteristic(plain().properties(properties)).unwrap();
    let other = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
    (bluetooth.clone(), bluetooth.server(), characteristic, other)
}

fn connect(server: &Server) {
    server.connected(CONN, PLAIN);
    assert!(server.identify(CONN, BOND));
}

fn encrypt(server: &Server) {
    server.set_security(CONN, ENCRYPTED);
}

/// A client that has bonded, subscribed to the value and to Service Changed, supports robust caching, and has
/// gone.
fn bonded() -> (Bluetooth, Server, Characteristic, Service) {
    let all = application();
    all.1.connected(CONN, ENCRYPTED);
    assert!(all.1.identify(CONN, BOND));
    for request in ["12 11 00 01 00", "12 09 00 02 00", "12 0B 00 01"] {
        check(&all.1, request, "13");
    }
    all.1.disconnected(CONN);
    all
}

/// GAN/BV-03, GAI/BV-02, GAS/BV-04 and GAP-8.
#[test]
fn subscriptions_and_features_come_back_with_the_encryption() {
    let (_, server, characteristic, _) = bonded();
    connect(&server);
    check(&server, "0A 11 00", "0B 00 00");
    check(&server, "0A 0B 00", "0B 00");
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), [""; 0]);
    encrypt(&server);
    check(&server, "0A 11 00", "0B 01 00");
    check(&server, "0A 09 00", "0B 02 00");
    check(&server, "0A 0B 00", "0B 01");
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 10 00 02"]);
    assert!(characteristic.events().is_empty() || characteristic.events().bits() & 0x80 == 0);
}

#[test]
fn a_client_that_is_identified_after_the_encryption_gets_the_same() {
    let (_, server, _, _) = bonded();
    server.connected(CONN, PLAIN);
    encrypt(&server);
    check(&server, "0A 11 00", "0B 00 00");
    assert!(server.identify(CONN, BOND));
    check(&server, "0A 11 00", "0B 01 00");
}

#[test]
fn another_client_gets_nothing_of_it() {
    let (_, server, _, _) = bonded();
    server.connected(CONN, ENCRYPTED);
    assert!(server.identify(CONN, BondId(1)));
    check(&server, "0A 11 00", "0B 00 00");
    server.connected(OTHER, ENCRYPTED);
    check_on(&server, OTHER, "0A 11 00", "0B 00 00");
    assert!(!server.identify(OTHER, BondId(1)));
    assert!(!server.identify(gatts::ConnId(99), BOND));
}

#[test]
fn what_is_set_before_the_encryption_stays() {
    let (_, server, _, _) = bonded();
    connect(&server);
    check(&server, "12 11 00 02 00", "13");
    check(&server, "12 0B 00 02", "13");
    encrypt(&server);
    check(&server, "0A 11 00", "0B 02 00");
    check(&server, "0A 0B 00", "0B 03");
}

#[test]
fn unsubscribing_outlasts_the_connection_too() {
    let (_, server, _, _) = bonded();
    connect(&server);
    encrypt(&server);
    check(&server, "12 11 00 00 00", "13");
    server.disconnected(CONN);
    connect(&server);
    encrypt(&server);
    check(&server, "0A 11 00", "0B 00 00");
}

/// GAS/BV-01 and GAS/BV-07: a change between connections.
#[test]
fn a_change_while_the_client_is_away_is_told_when_it_comes_back() {
    let (_, server, _, other) = bonded();
    other.stop();
    connect(&server);
    assert_eq!(pushed(&server, CONN), [""; 0]);
    encrypt(&server);
    check(&server, "0A 11 00", "01 0A 11 00 12");
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 12 00"]);
    // Not confirmed: it is told again, and refused again.
    server.disconnected(CONN);
    connect(&server);
    encrypt(&server);
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 12 00"]);
    check(&server, "0A 11 00", "01 0A 11 00 12");
    check(&server, "1E", "");
    check(&server, "0A 11 00", "0B 01 00");
    server.disconnected(CONN);
    connect(&server);
    encrypt(&server);
    assert_eq!(pushed(&server, CONN), [""; 0]);
    check(&server, "0A 11 00", "0B 01 00");
    check(&server, "12 0B 00 00", "01 12 0B 00 13");
}

#[test]
fn an_indication_that_timed_out_is_told_again_at_the_next_connection() {
    let (_, server, _, other) = bonded();
    connect(&server);
    encrypt(&server);
    other.stop();
    assert_eq!(pushed(&server, CONN).len(), 1);
    server.poll_timeouts(30_000);
    assert_eq!(pushed(&server, CONN), [""; 0]);
    server.disconnected(CONN);
    connect(&server);
    encrypt(&server);
    assert_eq!(pushed(&server, CONN), ["1D 08 00 12 00 12 00"]);
}

#[test]
fn a_client_that_did_not_subscribe_to_service_changed_is_not_told() {
    let (_, server, _, other) = application();
    server.connected(CONN, ENCRYPTED);
    server.identify(CONN, BOND);
    check(&server, "12 11 00 01 00", "13");
    server.disconnected(CONN);
    other.stop();
    connect(&server);
    encrypt(&server);
    assert_eq!(pushed(&server, CONN), [""; 0]);
    check(&server, "0A 11 00", "0B 01 00");
}

/// GAP-9: the application restarts with the same table.
#[test]
fn records_survive_a_restart_of_the_application() {
    let (_, server, _, _) = bonded();
    let records = server.bonds();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].id, records[0].features), (BOND, 0x01));
    assert_eq!(records[0].cccds.len(), 2);
    let (_, again, _, _) = application();
    assert_eq!(again.restore_bonds(records.clone()), 1);
    connect(&again);
    encrypt(&again);
    check(&again, "0A 11 00", "0B 01 00");
    check(&again, "0A 0B 00", "0B 01");
    assert_eq!(pushed(&again, CONN), [""; 0]);
    assert_eq!(again.bonds(), records);
}

/// The records of a client that is still connected are up to date.
#[test]
fn records_of_connected_clients_are_included() {
    let (_, server, _, _) = application();
    server.connected(CONN, ENCRYPTED);
    server.identify(CONN, BOND);
    check(&server, "12 11 00 03 00", "13");
    let expected = CccdRecord {
        service: Uuid::from_u16(0x1234),
        characteristic: Uuid::from_u16(0x2222),
        handle: 16,
        bits: 3,
    };
    assert_eq!(server.bonds()[0].cccds, [expected]);
    assert!(matches!(server.bonds()[0].table, KnownTable::Hash(_)));
}

/// Another table gets no subscription by mistake, and its client is told that everything has changed.
#[test]
fn another_table_gets_only_what_is_surely_the_same() {
    let (_, server, _, _) = bonded();
    let bluetooth = Bluetooth::new(config());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x4321))).unwrap();
    service.characteristic(plain()).unwrap();
    let changed = bluetooth.server();
    changed.restore_bonds(server.bonds());
    connect(&changed);
    encrypt(&changed);
    assert_eq!(pushed(&changed, CONN), ["1D 08 00 01 00 FF FF"]);
    check(&changed, "0A 11 00", "01 0A 11 00 12");
    check(&changed, "0A 11 00", "0B 00 00");
    check(&changed, "0A 09 00", "0B 02 00");
}

#[test]
fn restored_bits_are_those_that_the_properties_allow() {
    let (_, server, _, _) = bonded();
    let mut records = server.bonds();
    for one in &mut records[0].cccds {
        one.bits = 0xFF;
    }
    records[0].features = 0xFF;
    let (_, again, _, _) = application();
    again.restore_bonds(records);
    connect(&again);
    encrypt(&again);
    check(&again, "0A 11 00", "0B 03 00");
    check(&again, "0A 09 00", "0B 02 00");
    check(&again, "0A 0B 00", "0B 07");
}

#[test]
fn bonds_are_bounded_and_can_be_forgotten() {
    let bluetooth = Bluetooth::new(Config { max_bonds: 1, ..config() });
    let server = bluetooth.server();
    server.connected(CONN, ENCRYPTED);
    assert!(server.identify(CONN, BOND));
    server.connected(OTHER, ENCRYPTED);
    assert!(!server.identify(OTHER, BondId(2)));
    assert!(!server.set_signing_key(BondId(2), [0; 16], 0));
    server.forget_bond(BOND);
    assert_eq!(server.bonds(), []);
    assert!(server.identify(OTHER, BondId(2)));
    check(&server, "12 09 00 02 00", "13");
    server.disconnected(CONN);
    assert_eq!(server.bonds().len(), 1);
    let twice = vec![BondRecord::new(BOND), BondRecord::new(BOND), BondRecord::new(BondId(3))];
    assert_eq!(server.restore_bonds(twice), 1);
}

#[test]
fn a_pending_change_is_part_of_the_record() {
    let (_, server, _, other) = bonded();
    other.stop();
    let record = &server.bonds()[0];
    assert_eq!(record.service_changed, Some(HandleRange { first: 18, last: 18 }));
    other.start();
    // The client knows this very table: it is told, but need not be refused.
    connect(&server);
    encrypt(&server);
    assert_eq!(pushed(&server, CONN).len(), 1);
    assert_ne!(exchange(&server, CONN, &[0x0A, 0x11, 0]).get(4), Some(&0x12));
}
