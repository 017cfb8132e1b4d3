//! Connections, advertising and the Bluetooth object.

use std::cell::RefCell;
use std::rc::Rc;

use gatts::{Advertisement, Bluetooth, Config, ConnId, Error, Events, Security};

use crate::common::{CONN, OTHER, check, counter, hex, record};

fn bluetooth() -> Bluetooth {
    Bluetooth::new(Config::default())
}

#[test]
fn connecting_and_disconnecting_set_flags_and_run_the_callback() {
    let bluetooth = bluetooth();
    let server = bluetooth.server();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    bluetooth.callback(Events::CLIENT_CONNECTED | Events::CLIENT_DISCONNECTED, move |api, event| {
        log.borrow_mut().push((event, api.events()));
    });
    let lines = record(&server);
    assert!(server.connected(CONN, Security::default()));
    server.disconnected(CONN);
    server.disconnected(CONN);
    let (up, down) = (Events::CLIENT_CONNECTED, Events::CLIENT_DISCONNECTED);
    assert_eq!(*seen.borrow(), [(up, up), (down, down)]);
    assert_eq!(bluetooth.events(), Events::empty());
    let expected = ["Connected { conn: ConnId(64) }", "Disconnected { conn: ConnId(64) }"];
    assert_eq!(*lines.borrow(), expected);
}

#[test]
fn flags_are_set_without_a_callback_and_accumulate() {
    let bluetooth = bluetooth();
    let (calls, counted) = counter();
    bluetooth.callback(Events::CLIENT_DISCONNECTED, move |_, _| *calls.borrow_mut() += 1);
    bluetooth.server().connected(CONN, Security::default());
    assert_eq!(*counted.borrow(), 0);
    bluetooth.callback(Events::empty(), |_, _| ());
    bluetooth.server().disconnected(CONN);
    assert_eq!(*counted.borrow(), 0);
    assert_eq!(bluetooth.events(), Events::CLIENT_CONNECTED | Events::CLIENT_DISCONNECTED);
    assert_eq!(bluetooth.events(), Events::empty());
}

#[test]
fn one_client_is_served_at_a_time_by_default() {
    let bluetooth = bluetooth();
    let server = bluetooth.server();
    let lines = record(&server);
    assert!(server.connected(CONN, Security::default()));
    bluetooth.events();
    assert!(!server.connected(OTHER, Security::default()));
    assert_eq!(bluetooth.events(), Events::empty());
    server.disconnected(OTHER);
    assert_eq!(bluetooth.events(), Events::empty());
    assert_eq!(lines.borrow().len(), 1);
    server.disconnected(CONN);
    assert!(server.connected(OTHER, Security::default()));
}

#[test]
fn a_connection_that_comes_again_has_ended_before() {
    let bluetooth = bluetooth();
    let server = bluetooth.server();
    let lines = record(&server);
    assert!(server.connected(CONN, Security::default()));
    check(&server, "02 40 00", "03 05 02");
    assert!(server.connected(CONN, Security::default()));
    assert_eq!(server.mtu(CONN), Some(23));
    assert_eq!(lines.borrow()[2], "Disconnected { conn: ConnId(64) }");
    assert_eq!(lines.borrow()[3], "Connected { conn: ConnId(64) }");
}

#[test]
fn advertising_pauses_while_there_is_no_room() {
    let bluetooth = bluetooth();
    let server = bluetooth.server();
    assert!(!server.gap().wants_advertising);
    bluetooth.advertise(true);
    assert!(server.gap().wants_advertising);
    server.connected(CONN, Security::default());
    assert!(!server.gap().wants_advertising);
    server.disconnected(CONN);
    assert!(server.gap().wants_advertising);
    bluetooth.advertise(false);
    assert!(!server.gap().wants_advertising);
}

#[test]
fn payloads_are_kept_until_a_new_one_is_right() {
    let bluetooth = bluetooth();
    let server = bluetooth.server();
    assert_eq!(server.gap().adv_data.as_slice(), []);
    let named = Advertisement { name: Some("LoPy"), ..Advertisement::default() };
    bluetooth.set_advertisement(named).unwrap();
    let wrong = Advertisement { manufacturer_data: Some(&[0; 30]), ..named };
    let error = Error::AdvertisementTooLong { field: "manufacturer_data", over: 1 };
    assert_eq!(bluetooth.set_advertisement(wrong), Err(error));
    assert_eq!(hex(server.gap().adv_data.as_slice()), "02 01 06 02 0A 00 05 09 4C 6F 50 79");
    assert_eq!(hex(server.gap().scan_response.as_slice()), "");
}

#[test]
fn disconnect_client_names_each_connection_once() {
    let bluetooth = Bluetooth::new(Config { max_connections: 3, ..Config::default() });
    let server = bluetooth.server();
    for number in 1..=3 {
        server.connected(ConnId(number), Security::default());
    }
    let (woken, count) = counter();
    server.set_waker(move || *woken.borrow_mut() += 1);
    bluetooth.disconnect_client();
    assert_eq!(*count.borrow(), 1);
    server.disconnected(ConnId(2));
    assert_eq!(server.gap().disconnect, [ConnId(1), ConnId(3)]);
    assert_eq!(server.gap().disconnect, []);
}

#[test]
fn the_device_name_and_appearance_are_configured() {
    let config = Config { device_name: "é".repeat(125), appearance: 0x0340, ..Config::default() };
    let server = Bluetooth::new(config).server();
    server.connected(CONN, Security::default());
    check(&server, "0A 05 00", "0B 40 03");
    check(&server, "0C 03 00 F7 00", "0D A9");
    check(&server, "0C 03 00 F8 00", "0D");
    check(&server, "0C 03 00 F9 00", "01 0C 03 00 07");
}

#[test]
fn a_small_mtu_is_never_below_the_default() {
    let server = Bluetooth::new(Config { max_mtu: 5, ..Config::default() }).server();
    server.connected(CONN, Security::default());
    check(&server, "02 FF 00", "03 17 00");
    assert_eq!(server.mtu(CONN), Some(23));
}
