//! Tables that change while clients are connected.

use gatts::{Events, Properties, Security, ServiceConfig, Uuid};

use crate::common::{CONN, check, empty_service, plain, pushed};

/// SRV-3: a stopped service is not discoverable, and its handles answer 0x01.
#[test]
fn a_stopped_service_is_out_of_sight() {
    let (bluetooth, service) = empty_service();
    let characteristic = service.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    service.stop();
    assert!(service.is_stopped());
    check(&server, "10 07 00 FF FF 00 28", "01 10 07 00 0A");
    check(&server, "06 01 00 FF FF 00 28 34 12", "01 06 01 00 0A");
    check(&server, "08 07 00 FF FF 03 28", "01 08 07 00 0A");
    check(&server, "04 07 00 FF FF", "01 04 07 00 0A");
    for handle in ["07", "08", "09", "0A"] {
        check(&server, &format!("0A {handle} 00"), &format!("01 0A {handle} 00 01"));
        check(&server, &format!("12 {handle} 00 00"), &format!("01 12 {handle} 00 01"));
    }
    check(&server, "52 09 00 41", "");
    assert_eq!((characteristic.value(), characteristic.events()), (vec![0], Events::empty()));
    service.start();
    check(&server, "10 07 00 FF FF 00 28", "11 06 07 00 0A 00 34 12");
    check(&server, "0A 09 00", "0B 00");
}

#[test]
fn a_stopped_service_keeps_handles_values_and_subscriptions_but_pushes_nothing() {
    let (bluetooth, service) = empty_service();
    let characteristic = service.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "12 0A 00 01 00", "13");
    characteristic.set_value(1).unwrap();
    service.stop();
    characteristic.set_value(2).unwrap();
    let later = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
    assert_eq!(later.handle(), 0x0B);
    service.start();
    assert_eq!(pushed(&server, CONN), [""; 0]);
    check(&server, "0A 0A 00", "0B 01 00");
    check(&server, "0A 09 00", "0B 02");
    characteristic.set_value(3).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 03"]);
}

#[test]
fn an_include_of_a_stopped_service_is_out_of_sight_too() {
    let (bluetooth, service) = empty_service();
    let including = ServiceConfig::new(Uuid::from_u16(0x5678)).include(&service);
    let including = bluetooth.service(including).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "08 01 00 FF FF 02 28", "09 08 09 00 07 00 07 00 34 12");
    service.stop();
    check(&server, "08 01 00 FF FF 02 28", "01 08 01 00 0A");
    check(&server, "10 07 00 FF FF 00 28", "11 06 08 00 09 00 78 56");
    including.stop();
    service.start();
    check(&server, "08 01 00 FF FF 02 28", "01 08 01 00 0A");
}

#[test]
fn services_and_characteristics_are_added_while_a_client_is_connected() {
    let (bluetooth, first) = empty_service();
    let second = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
    let moved = second.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "12 0B 00 01 00", "13");
    moved.set_value(1).unwrap();
    first.characteristic(plain().properties(Properties::READ)).unwrap();
    assert_eq!(moved.value_handle(), 0x0C);
    // Subscription and pushed value belong to the characteristic, wherever it is.
    check(&server, "0A 0D 00", "0B 01 00");
    assert_eq!(pushed(&server, CONN), ["1B 0C 00 01"]);
    check(&server, "0A 09 00", "0B 00");
}

#[test]
fn a_change_closes_the_snapshot_of_a_long_read() {
    let (bluetooth, service) = empty_service();
    let characteristic = service.characteristic(plain()).unwrap();
    characteristic.callback(Events::CHAR_READ_EVENT, |_, _| vec![7; 30]);
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    crate::common::exchange(&server, CONN, &[0x0A, 9, 0]);
    characteristic.callback(Events::CHAR_READ_EVENT, |_, _| vec![8; 30]);
    check(&server, "0C 09 00 1D 00", "0D 07");
    bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
    check(&server, "0C 09 00 1D 00", "0D 08");
}

#[test]
fn a_handler_may_stop_its_own_service() {
    let (bluetooth, service) = empty_service();
    let characteristic = service.characteristic(plain()).unwrap();
    let own = service.clone();
    characteristic.callback(Events::CHAR_READ_EVENT, move |_, _| own.stop());
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "0E 09 00 09 00", "0F 00 00");
    check(&server, "0A 09 00", "01 0A 09 00 01");
    server.shut_down();
}
