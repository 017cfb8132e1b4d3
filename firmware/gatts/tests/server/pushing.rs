//! Notifications and indications.

use gatts::{Access, Characteristic, Error, Events, Permissions, Properties, Security, Server};

use crate::common::{
    CONN, OTHER, check, check_on, counter, empty_service, plain, pushed, pushed_at, record,
    with_characteristic,
};

const NONE: [&str; 0] = [];

fn indicating() -> (Server, Characteristic) {
    let properties = Properties::READ | Properties::WRITE | Properties::NOTIFY | Properties::INDICATE;
    let (_, server, characteristic) = with_characteristic(plain().properties(properties));
    (server, characteristic)
}

#[test]
fn a_set_value_notifies_subscribers_and_nobody_else() {
    let (_, server, characteristic) = with_characteristic(plain());
    server.connected(OTHER, Security::default());
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), NONE);
    check(&server, "12 0A 00 01 00", "13");
    // A subscription pushes nothing by itself.
    assert_eq!(pushed(&server, CONN), NONE);
    characteristic.set_value(2).unwrap();
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 02", "1B 09 00 02"]);
    assert_eq!(pushed(&server, OTHER), NONE);
    check(&server, "12 0A 00 00 00", "13");
    characteristic.set_value(3).unwrap();
    assert_eq!(pushed(&server, CONN), NONE);
}

#[test]
fn a_clients_write_pushes_nothing() {
    let (_, server, _) = with_characteristic(plain());
    server.connected(OTHER, Security::default());
    check(&server, "12 0A 00 01 00", "13");
    check_on(&server, OTHER, "12 0A 00 01 00", "13");
    check(&server, "12 09 00 41", "13");
    assert_eq!(pushed(&server, CONN), NONE);
    assert_eq!(pushed(&server, OTHER), NONE);
}

#[test]
fn a_push_is_cut_at_the_mtu_of_its_connection() {
    let (_, server, characteristic) = with_characteristic(plain());
    server.connected(OTHER, Security::default());
    check_on(&server, OTHER, "02 1A 00", "03 05 02");
    for conn in [CONN, OTHER] {
        check_on(&server, conn, "12 0A 00 01 00", "13");
    }
    characteristic.set_value(&[0x11; 100]).unwrap();
    assert_eq!(pushed(&server, CONN), [format!("1B 09 00{}", " 11".repeat(20))]);
    assert_eq!(pushed(&server, OTHER), [format!("1B 09 00{}", " 11".repeat(23))]);
}

#[test]
fn indications_go_one_at_a_time() {
    let (server, characteristic) = indicating();
    let lines = record(&server);
    check(&server, "12 0A 00 02 00", "13");
    characteristic.set_value(1).unwrap();
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), ["1D 09 00 01"]);
    check(&server, "0A 09 00", "0B 02");
    assert_eq!(pushed(&server, CONN), NONE);
    check(&server, "1E", "");
    assert_eq!(lines.borrow().last().unwrap(), "Confirmed { conn: ConnId(64), handle: 9 }");
    assert_eq!(pushed(&server, CONN), ["1D 09 00 02"]);
}

#[test]
fn confirmations_out_of_turn_are_ignored() {
    let (server, characteristic) = indicating();
    check(&server, "12 0A 00 02 00", "13");
    check(&server, "1E", "");
    characteristic.set_value(1).unwrap();
    check(&server, "1E", "");
    assert_eq!(pushed(&server, CONN), ["1D 09 00 01"]);
    characteristic.set_value(2).unwrap();
    check(&server, "1E 00", "");
    assert_eq!(pushed(&server, CONN), NONE);
}

#[test]
fn both_bits_mean_notification() {
    let (server, characteristic) = indicating();
    check(&server, "12 0A 00 03 00", "13");
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 01"]);
}

#[test]
fn a_notification_does_not_wait_for_a_confirmation() {
    let (bluetooth, service) = empty_service();
    let indicate = service.characteristic(plain().properties(Properties::INDICATE)).unwrap();
    let notify = service.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "12 0A 00 02 00", "13");
    check(&server, "12 0D 00 01 00", "13");
    for value in [1, 2] {
        indicate.set_value(value).unwrap();
        notify.set_value(value).unwrap();
    }
    assert_eq!(pushed(&server, CONN), ["1D 09 00 01", "1B 0C 00 01", "1B 0C 00 02"]);
    check(&server, "1E", "");
    assert_eq!(pushed(&server, CONN), ["1D 09 00 02"]);
}

#[test]
fn what_waits_is_dropped_when_its_subscription_ends() {
    let (server, characteristic) = indicating();
    check(&server, "12 0A 00 02 00", "13");
    characteristic.set_value(1).unwrap();
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), ["1D 09 00 01"]);
    check(&server, "12 0A 00 01 00", "13");
    characteristic.set_value(3).unwrap();
    check(&server, "1E", "");
    assert_eq!(pushed(&server, CONN), ["1B 09 00 03"]);
}

#[test]
fn a_full_queue_refuses_the_value_for_everybody() {
    let (_, server, characteristic) = with_characteristic(plain());
    server.connected(OTHER, Security::default());
    for conn in [CONN, OTHER] {
        check_on(&server, conn, "12 0A 00 01 00", "13");
    }
    for value in 1..=8 {
        characteristic.set_value(value).unwrap();
    }
    assert_eq!(pushed(&server, OTHER).len(), 8);
    assert_eq!(characteristic.set_value(9), Err(Error::QueueFull { limit: 8 }));
    assert_eq!(characteristic.value(), [8]);
    assert_eq!(pushed(&server, OTHER), NONE);
    assert_eq!(pushed(&server, CONN).len(), 8);
    characteristic.set_value(9).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 09"]);
    assert_eq!(pushed(&server, OTHER), ["1B 09 00 09"]);
}

#[test]
fn pushed_values_need_the_security_of_reading() {
    let read = Access::OPEN.encrypted();
    let config = plain().permissions(Permissions { read, ..Permissions::default() });
    let (_, server, characteristic) = with_characteristic(config);
    check(&server, "12 0A 00 01 00", "13");
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), NONE);
    server.set_security(CONN, Security { encrypted: true, ..Security::default() });
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 02"]);
    // A value that waits is not sent once the client may no longer read it.
    characteristic.set_value(3).unwrap();
    server.set_security(CONN, Security::default());
    assert_eq!(pushed(&server, CONN), NONE);
}

#[test]
fn a_value_that_cannot_be_read_can_be_notified() {
    let (_, server, characteristic) = with_characteristic(plain().properties(Properties::NOTIFY));
    check(&server, "12 0A 00 01 00", "13");
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 01"]);
    // What reading would demand holds for it all the same.
    let read = Access::OPEN.encrypted();
    let config =
        plain().properties(Properties::NOTIFY).permissions(Permissions { read, ..Permissions::default() });
    let (_, server, characteristic) = with_characteristic(config);
    check(&server, "0A 09 00", "01 0A 09 00 02");
    check(&server, "12 0A 00 01 00", "13");
    characteristic.set_value(1).unwrap();
    assert_eq!(pushed(&server, CONN), NONE);
    server.set_security(CONN, Security { encrypted: true, ..Security::default() });
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 09 00 02"]);
}

#[test]
fn an_indication_times_out_after_30_seconds_and_silences_the_connection() {
    let (server, characteristic) = indicating();
    let lines = record(&server);
    check(&server, "12 0A 00 02 00", "13");
    assert_eq!(server.next_deadline_ms(), None);
    characteristic.set_value(1).unwrap();
    characteristic.set_value(2).unwrap();
    assert_eq!(pushed_at(&server, CONN, 1_000), ["1D 09 00 01"]);
    assert_eq!(server.next_deadline_ms(), Some(31_000));
    server.poll_timeouts(30_999);
    assert_eq!(lines.borrow().len(), 1);
    server.poll_timeouts(31_000);
    assert_eq!(lines.borrow().last().unwrap(), "IndicationTimeout { conn: ConnId(64), handle: 9 }");
    assert_eq!(server.next_deadline_ms(), None);

    check(&server, "1E", "");
    characteristic.set_value(3).unwrap();
    assert_eq!(pushed_at(&server, CONN, 40_000), NONE);
    check(&server, "0A 09 00", "0B 03");
    assert_eq!(lines.borrow().iter().filter(|line| line.starts_with("Confirmed")).count(), 0);

    server.disconnected(CONN);
    server.connected(CONN, Security::default());
    check(&server, "12 0A 00 02 00", "13");
    characteristic.set_value(4).unwrap();
    assert_eq!(pushed_at(&server, CONN, u64::MAX), ["1D 09 00 04"]);
    assert_eq!(server.next_deadline_ms(), Some(u64::MAX));
}

#[test]
fn the_queue_does_not_outlive_the_connection() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "12 0A 00 01 00", "13");
    characteristic.set_value(1).unwrap();
    server.disconnected(CONN);
    assert_eq!(pushed(&server, CONN), NONE);
    server.connected(CONN, Security::default());
    assert_eq!(pushed(&server, CONN), NONE);
}

#[test]
fn the_transport_is_woken_when_there_is_something_to_send() {
    let (server, characteristic) = indicating();
    check(&server, "12 0A 00 02 00", "13");
    let (woken, count) = counter();
    server.set_waker(move || *woken.borrow_mut() += 1);
    characteristic.set_value(1).unwrap();
    characteristic.set_value(2).unwrap();
    assert_eq!(*count.borrow(), 2);
    assert_eq!(pushed(&server, CONN).len(), 1);
    check(&server, "1E", "");
    assert_eq!(*count.borrow(), 3);
    check(&server, "12 0A 00 00 00", "13");
    characteristic.set_value(3).unwrap();
    assert_eq!(*count.borrow(), 3);
}

#[test]
fn a_local_value_sets_no_flag() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(Events::all(), |_, _| ());
    characteristic.set_value(1).unwrap();
    assert_eq!(characteristic.events(), Events::empty());
    assert_eq!(pushed(&server, CONN), NONE);
}
