//! One read, one handler call: what Read Blob is served from.

use gatts::{AttError, Characteristic, Events, Security, Server};

use crate::common::{CONN, OTHER, bytes, check, check_on, counter, exchange, plain, with_characteristic};

/// A characteristic whose handler answers with 30 bytes, each the number of the call, counted from 1.
fn counting() -> (Server, Characteristic, std::rc::Rc<std::cell::RefCell<u32>>) {
    let (_, server, characteristic) = with_characteristic(plain());
    let (calls, counted) = counter();
    characteristic.callback(Events::CHAR_READ_EVENT, move |_, _| {
        *calls.borrow_mut() += 1;
        vec![*calls.borrow() as u8; 30]
    });
    (server, characteristic, counted)
}

fn first_byte(server: &Server, request: &str) -> u8 {
    exchange(server, CONN, &bytes(request))[1]
}

#[test]
fn a_long_read_runs_the_handler_once_and_flags_once() {
    let (server, characteristic, counted) = counting();
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")), [&[0x0B][..], &[1; 22]].concat());
    assert_eq!(characteristic.events(), Events::CHAR_READ_EVENT);
    check(&server, "0C 09 00 16 00", "0D 01 01 01 01 01 01 01 01");
    check(&server, "0C 09 00 1E 00", "0D");
    check(&server, "0C 09 00 1F 00", "01 0C 09 00 07");
    // A refused offset leaves the snapshot as it is.
    check(&server, "0C 09 00 1D 00", "0D 01");
    assert_eq!(*counted.borrow(), 1);
    assert_eq!(characteristic.events(), Events::empty());
}

#[test]
fn a_blob_at_offset_0_or_without_a_snapshot_runs_the_handler() {
    let (server, characteristic, _) = counting();
    check(&server, "0C 09 00 1D 00", "0D 01");
    check(&server, "0C 09 00 1D 00", "0D 01");
    assert_eq!(first_byte(&server, "0C 09 00 00 00"), 2);
    check(&server, "0C 09 00 1D 00", "0D 02");
    assert_eq!(first_byte(&server, "0A 09 00"), 3);
    characteristic.events();
    server.disconnected(CONN);
    server.connected(CONN, Security::default());
    check(&server, "0C 09 00 FF 00", "01 0C 09 00 07");
    assert_eq!(characteristic.events(), Events::CHAR_READ_EVENT);
    check(&server, "0C 09 00 1D 00", "0D 04");
}

#[test]
fn any_other_request_closes_the_snapshot() {
    let others = [
        "02 17 00",
        "04 01 00 FF FF",
        "06 01 00 FF FF 00 28 00 18",
        "08 01 00 FF FF 00 2A",
        "0A 03 00",
        "0C 03 00 01 00",
        "0C 09",
        "0E 03 00 05 00",
        "20 03 00 05 00",
        "0E 09 00",
        "16 09 00 00 00 41",
        "18 00",
        "3F",
        "10 01 00 FF FF 00 28",
        "12 0A 00 00 00",
        "12 FF FF 00",
    ];
    for other in others {
        let (server, _, _) = counting();
        exchange(&server, CONN, &bytes("0A 09 00"));
        assert_ne!(exchange(&server, CONN, &bytes(other)), []);
        check(&server, "0C 09 00 1D 00", "0D 02");
    }
}

#[test]
fn commands_local_values_and_other_clients_leave_the_snapshot_open() {
    let (server, characteristic, _) = counting();
    server.connected(OTHER, Security::default());
    exchange(&server, CONN, &bytes("0A 09 00"));
    check(&server, "52 09 00 41", "");
    check(&server, "1E", "");
    check_on(&server, OTHER, "0C 09 00 1D 00", "0D 02");
    characteristic.set_value("new").unwrap();
    check(&server, "0C 09 00 1D 00", "0D 01");
}

#[test]
fn a_stored_value_is_not_torn_either() {
    let (_, server, characteristic) = with_characteristic(plain().value(&[1; 30]));
    exchange(&server, CONN, &bytes("0A 09 00"));
    characteristic.set_value(&[2; 25]).unwrap();
    check(&server, "0C 09 00 16 00", "0D 01 01 01 01 01 01 01 01");
    assert_eq!(first_byte(&server, "0A 09 00"), 2);
    check(&server, "0C 09 00 16 00", "0D 02 02 02");
}

#[test]
fn a_snapshot_does_not_outlive_the_right_to_read() {
    use gatts::{Access, Permissions};
    let read = Access::OPEN.encrypted();
    let config = plain().value(&[1; 30]).permissions(Permissions { read, ..Permissions::default() });
    let (_, server, _) = with_characteristic(config);
    server.set_security(CONN, Security { encrypted: true, ..Security::default() });
    assert_eq!(first_byte(&server, "0A 09 00"), 1);
    server.set_security(CONN, Security::default());
    check(&server, "0C 09 00 16 00", "01 0C 09 00 05");
}

#[test]
fn a_handler_that_rejects_leaves_no_snapshot() {
    let (_, server, characteristic) = with_characteristic(plain());
    let (calls, counted) = counter();
    characteristic.callback(Events::CHAR_READ_EVENT, move |_, _| {
        *calls.borrow_mut() += 1;
        AttError(0x80)
    });
    check(&server, "0A 09 00", "01 0A 09 00 80");
    check(&server, "0C 09 00 01 00", "01 0C 09 00 80");
    assert_eq!(*counted.borrow(), 2);
}
