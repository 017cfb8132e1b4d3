//! Prepare Write and Execute Write (Core Vol 3 Part F 3.4.6).

use gatts::{
    Access, AttError, Bluetooth, Characteristic, CharacteristicConfig, Config, DescriptorConfig, Events,
    Permissions, Properties, Security, Server, ServiceConfig, Uuid,
};

use crate::common::{
    CONN, OTHER, bytes, check, check_on, counter, empty_service, exchange, plain, record, with_characteristic,
};

/// Two characteristics without CCCD: values at handles 9 and 11.
fn two() -> (Server, [Characteristic; 2]) {
    let (bluetooth, service) = empty_service();
    let config = plain().properties(Properties::READ | Properties::WRITE);
    let both = [(); 2].map(|()| service.characteristic(config.clone()).unwrap());
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (server, both)
}

/// GAW/BV-05 and BV-06: each part is echoed, and nothing is stored before the execution.
#[test]
fn a_long_write_is_stored_when_it_is_executed() {
    let (_, server, characteristic) = with_characteristic(plain());
    let part = |offset: u8| [&[0x16, 9, 0, offset, 0][..], &[offset; 18]].concat();
    for offset in [0, 18, 36] {
        let mut echo = part(offset);
        echo[0] = 0x17;
        assert_eq!(exchange(&server, CONN, &part(offset)), echo);
        assert_eq!(characteristic.value(), [0]);
    }
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), [[0; 18], [18; 18], [36; 18]].concat());
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value().len(), 54);
}

/// GAW/BV-07 and BV-11.
#[test]
fn a_cancelled_or_empty_queue_writes_nothing() {
    let (_, server, characteristic) = with_characteristic(plain());
    let lines = record(&server);
    characteristic.callback(Events::all(), |_, _| ());
    check(&server, "18 01", "19");
    check(&server, "18 00", "19");
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    check(&server, "18 00", "19");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), [0]);
    assert_eq!(characteristic.events(), Events::empty());
    assert!(lines.borrow().iter().all(|line| line.starts_with("received")));
}

/// Core Vol 3 Part F 3.4.6.3 has two flags; the queue outlives a PDU that is invalid.
#[test]
fn other_flags_are_malformed_and_keep_the_queue() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    for malformed in ["18", "18 02", "18 FF", "18 01 00"] {
        check(&server, malformed, "01 18 00 00 04");
    }
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"A");
}

/// GAW/BV-10, and CB-10: one call for each attribute, with the whole value, after everything is stored.
#[test]
fn interleaved_parts_store_both_values_and_run_each_handler_once() {
    let (server, [one, two]) = two();
    let lines = record(&server);
    let other = two.clone();
    one.callback(Events::all(), move |owner, _| {
        assert_eq!((owner.value(), other.value()), (b"ABCD".to_vec(), b"ab".to_vec()))
    });
    two.callback(Events::all(), |_, call| assert_eq!(call.value, b"ab"));
    for (handle, offset, part) in [("09", 0, "41 42"), ("0B", 0, "61"), ("09", 2, "43 44"), ("0B", 1, "62")] {
        let fields = format!("{handle} 00 0{offset} 00 {part}");
        check(&server, &format!("16 {fields}"), &format!("17 {fields}"));
    }
    check(&server, "18 01", "19");
    let handlers: Vec<_> =
        lines.borrow().iter().filter(|line| line.starts_with("handler")).cloned().collect();
    assert_eq!(handlers, ["handler 0009 10 [41 42 43 44]", "handler 000B 10 [61 62]"]);
    assert_eq!((one.events(), two.events()), (Events::CHAR_WRITE_EVENT, Events::CHAR_WRITE_EVENT));
}

/// GAW/BI-07, BI-08, BI-11, BI-12, BI-13: judged when the part comes.
#[test]
fn handle_permissions_and_security_are_judged_at_the_prepare_write() {
    let write = |access| plain().permissions(Permissions { write: access, ..Permissions::default() });
    let encrypted = Security { encrypted: true, key_size: 7, ..Security::default() };
    let cases = [
        (write(Access::NONE), Security::default(), "03"),
        (plain().properties(Properties::READ), Security::default(), "03"),
        (write(Access::OPEN.authorised()), Security::default(), "08"),
        (write(Access::OPEN.authenticated()), Security::default(), "05"),
        (write(Access::OPEN.key_size(16)), encrypted, "0C"),
        (write(Access::OPEN.encrypted()), Security { bonded: true, ..Security::default() }, "0F"),
    ];
    for (config, security, code) in cases {
        let (_, server, characteristic) = with_characteristic(config);
        server.set_security(CONN, security);
        check(&server, "16 09 00 00 00 41", &format!("01 16 09 00 {code}"));
        check(&server, "18 01", "19");
        assert_eq!(characteristic.value(), [0]);
    }
    let (server, _) = two();
    check(&server, "16 FF FF 00 00 41", "01 16 FF FF 01");
    check(&server, "16 08 00 00 00 41", "01 16 08 00 03");
}

/// A Prepare Write that is refused leaves the queue as it was (Core Vol 3 Part F 3.4.6.1).
#[test]
fn a_refused_prepare_write_leaves_the_queue() {
    let (server, [one, _]) = two();
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    check(&server, "16 FF FF 00 00 41", "01 16 FF FF 01");
    check(&server, "16 09 00 00", "01 16 00 00 04");
    check(&server, "18 01", "19");
    assert_eq!(one.value(), b"A");
}

/// GAW/BI-09: an offset beyond the value is accepted, and fails at the execution.
#[test]
fn an_offset_beyond_the_value_fails_at_the_execution_of_everything() {
    let (server, [one, two]) = two();
    for state in [&one, &two] {
        state.callback(Events::all(), |_, _| -> () { panic!("a failed execution runs no handler") });
    }
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    check(&server, "16 0B 00 02 00 42", "17 0B 00 02 00 42");
    check(&server, "18 01", "01 18 0B 00 07");
    assert_eq!((one.value(), two.value()), (vec![0], vec![0]));
    assert_eq!((one.events(), two.events()), (Events::empty(), Events::empty()));
    check(&server, "18 01", "19");
    assert_eq!(one.value(), [0]);
}

/// An offset equal to the present length is right.
#[test]
fn a_part_may_begin_where_the_value_ends() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "16 09 00 01 00 41", "17 09 00 01 00 41");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), [0x00, 0x41]);
}

/// GAW/BI-33: over the limit is accepted, and fails at the execution.
#[test]
fn a_value_over_its_limit_fails_at_the_execution() {
    let (_, server, characteristic) = with_characteristic(plain().max_len(3));
    check(&server, "16 09 00 00 00 41 42", "17 09 00 00 00 41 42");
    check(&server, "16 09 00 02 00 43 44", "17 09 00 02 00 43 44");
    check(&server, "18 01", "01 18 09 00 0D");
    assert_eq!(characteristic.value(), [0]);
    check(&server, "16 09 00 00 00 41 42 43", "17 09 00 00 00 41 42 43");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"ABC");
}

#[test]
fn a_value_of_variable_length_ends_with_the_part_that_reaches_furthest() {
    let (_, server, characteristic) = with_characteristic(plain().value("0123456789"));
    check(&server, "16 09 00 03 00 44 45", "17 09 00 03 00 44 45");
    check(&server, "16 09 00 01 00 42", "17 09 00 01 00 42");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"0B2DE");
    check(&server, "16 09 00 00 00", "17 09 00 00 00");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"");
}

#[test]
fn a_value_of_fixed_length_keeps_what_no_part_covers() {
    let (_, server, characteristic) = with_characteristic(plain().value("0123").fixed_len(4));
    check(&server, "16 09 00 01 00 42", "17 09 00 01 00 42");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"0B23");
    check(&server, "16 09 00 03 00 44 45", "17 09 00 03 00 44 45");
    check(&server, "18 01", "01 18 09 00 0D");
    assert_eq!(characteristic.value(), b"0B23");
}

/// GAW/BV-09, and the descriptors that the server itself makes.
#[test]
fn descriptors_take_prepared_writes() {
    let uuid = Uuid::from_u16(0x3333);
    let long = DescriptorConfig::new(uuid).permissions(Permissions::default());
    let (_, server, characteristic) = with_characteristic(plain().descriptor(long));
    check(&server, "16 0B 00 00 00 41", "17 0B 00 00 00 41");
    check(&server, "16 0A 00 00 00 01", "17 0A 00 00 00 01");
    check(&server, "16 0B 00 01 00 42", "17 0B 00 01 00 42");
    check(&server, "18 01", "19");
    check(&server, "0A 0B 00", "0B 41 42");
    check(&server, "0A 0A 00", "0B 01 00");
    assert_eq!(characteristic.events(), Events::CHAR_SUBSCRIBE_EVENT);
    check(&server, "16 0A 00 00 00 02", "17 0A 00 00 00 02");
    check(&server, "18 01", "01 18 0A 00 FD");
    check(&server, "16 0A 00 02 00 00", "17 0A 00 02 00 00");
    check(&server, "18 01", "01 18 0A 00 0D");
}

#[test]
fn the_write_rule_judges_each_part_and_the_whole() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.authorise_write(Some(|_: &Characteristic, value: &[u8]| match value {
        b"Z" | b"AC" => Err(AttError(0x80)),
        _ => Ok(()),
    }));
    check(&server, "16 09 00 00 00 5A", "01 16 09 00 80");
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    check(&server, "16 09 00 01 00 43", "17 09 00 01 00 43");
    check(&server, "18 01", "01 18 09 00 80");
    assert_eq!(characteristic.value(), [0]);
}

#[test]
fn the_queue_is_bounded_in_writes_and_in_bytes() {
    let config = Config { prepare_queue: 3, prepare_bytes: 20, ..Config::default() };
    let bluetooth = Bluetooth::new(config);
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    let characteristic = service.characteristic(CharacteristicConfig::new(Uuid::from_u16(0x2222))).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    for _ in 0..3 {
        check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    }
    check(&server, "16 09 00 00 00 41", "01 16 09 00 09");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"A");
    let long = |fill| [&bytes("16 09 00 00 00")[..], &[fill; 18]].concat();
    assert_eq!(exchange(&server, CONN, &long(1))[0], 0x17);
    assert_eq!(exchange(&server, CONN, &long(2)), bytes("01 16 09 00 09"));
    check(&server, "16 09 00 00 00 41 42", "17 09 00 00 00 41 42");
    check(&server, "18 00", "19");
}

/// Each client has a queue of its own, and loses it with the connection (Core Vol 3 Part F 3.4.6.1).
#[test]
fn queues_belong_to_clients() {
    let (_, server, characteristic) = with_characteristic(plain());
    server.connected(OTHER, Security::default());
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    check_on(&server, OTHER, "18 01", "19");
    assert_eq!(characteristic.value(), [0]);
    server.disconnected(CONN);
    server.connected(CONN, Security::default());
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), [0]);
}

/// Other operations proceed as if the queue did not exist (Core Vol 3 Part F 3.4.6.1).
#[test]
fn other_requests_leave_the_queue_alone() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "16 09 00 01 00 43", "17 09 00 01 00 43");
    check(&server, "12 09 00 41 42", "13");
    check(&server, "0A 09 00", "0B 41 42");
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), b"AC");
}

/// Core Vol 3 Part F 3.4.6.3: a database change is 0x12 for every client, and clears the queue.
#[test]
fn an_attribute_that_has_gone_fails_the_execution() {
    let (bluetooth, service) = empty_service();
    let characteristic = service.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "16 09 00 00 00 41", "17 09 00 00 00 41");
    service.stop();
    check(&server, "18 01", "01 18 09 00 12");
    service.start();
    check(&server, "18 01", "19");
    assert_eq!(characteristic.value(), [0]);
}

#[test]
fn a_prepared_write_does_not_reach_another_attribute_that_takes_the_handle() {
    let (bluetooth, first) = empty_service();
    let second = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x5678))).unwrap();
    let moved = second.characteristic(plain()).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "16 0A 00 00 00 41", "17 0A 00 00 00 41");
    let (calls, counted) = counter();
    moved.callback(Events::all(), move |_, _| *calls.borrow_mut() += 1);
    first.characteristic(plain().properties(Properties::READ | Properties::WRITE)).unwrap();
    first.characteristic(plain().properties(Properties::READ | Properties::WRITE)).unwrap();
    assert_ne!(moved.value_handle(), 0x0A);
    check(&server, "18 01", "01 18 0A 00 12");
    assert_eq!((*counted.borrow(), moved.value()), (0, vec![0]));
}
