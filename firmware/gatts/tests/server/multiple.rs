//! Read Multiple, Read Multiple Variable Length, and Multiple Handle Value Notification.

use gatts::{
    Access, AttError, Bluetooth, Characteristic, Config, Events, Permissions, Properties, Security, Server,
    ServiceConfig, Uuid,
};

use crate::common::{
    CONN, OTHER, bytes, check, check_on, counter, empty_service, exchange, plain, pushed, with_characteristic,
};

/// Values `AB` at 9, `CDE` at 11, nothing readable at 13, and no attribute at 14.
fn three() -> (Server, [Characteristic; 3]) {
    let (bluetooth, service) = empty_service();
    let read = Properties::READ;
    let ab = service.characteristic(plain().properties(read).value("AB")).unwrap();
    let cde = service.characteristic(plain().properties(read).value("CDE")).unwrap();
    let write_only = service.characteristic(plain().properties(Properties::WRITE)).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (server, [ab, cde, write_only])
}

/// GAR/BV-05.
#[test]
fn values_come_in_the_order_asked_for() {
    let (server, states) = three();
    check(&server, "0E 09 00 0B 00", "0F 41 42 43 44 45");
    check(&server, "0E 0B 00 09 00 0B 00", "0F 43 44 45 41 42 43 44 45");
    assert_eq!(states[0].events(), Events::CHAR_READ_EVENT);
}

/// GAR/BV-09.
#[test]
fn tuples_carry_the_length_of_each_value() {
    let (server, _) = three();
    check(&server, "20 09 00 0B 00", "21 02 00 41 42 03 00 43 44 45");
    check(&server, "20 0B 00 0B 00", "21 03 00 43 44 45 03 00 43 44 45");
}

/// GAR/BI-18 to BI-22 and BI-36 to BI-44: the first handle that cannot be read is named.
#[test]
fn the_first_handle_in_error_is_named() {
    let (server, _) = three();
    for opcode in ["0E", "20"] {
        check(&server, &format!("{opcode} 09 00 0D 00"), &format!("01 {opcode} 0D 00 02"));
        check(&server, &format!("{opcode} 09 00 FF 00 0D 00"), &format!("01 {opcode} FF 00 01"));
        check(&server, &format!("{opcode} 0D 00 FF 00"), &format!("01 {opcode} 0D 00 02"));
        check(&server, &format!("{opcode} 00 00 09 00"), &format!("01 {opcode} 00 00 01"));
    }
    let encrypted = Security { encrypted: true, key_size: 7, ..Security::default() };
    let cases = [
        (Access::OPEN.authorised(), Security::default(), "08"),
        (Access::OPEN.authenticated(), Security::default(), "05"),
        (Access::OPEN.key_size(16), encrypted, "0C"),
    ];
    for (read, security, code) in cases {
        let (bluetooth, service) = empty_service();
        let permissions = Permissions { read, ..Permissions::default() };
        service.characteristic(plain().permissions(permissions)).unwrap();
        let server = bluetooth.server();
        server.connected(CONN, security);
        check(&server, "0E 03 00 09 00", &format!("01 0E 09 00 {code}"));
        check(&server, "20 03 00 09 00", &format!("01 20 09 00 {code}"));
    }
}

#[test]
fn one_handle_or_half_a_handle_is_malformed() {
    let (server, _) = three();
    for parameters in ["", " 09", " 09 00", " 09 00 0B", " 09 00 0B 00 09"] {
        for opcode in ["0E", "20"] {
            check(&server, &format!("{opcode}{parameters}"), &format!("01 {opcode} 00 00 04"));
        }
    }
}

/// CB-10: no handler runs before every permission has passed, and each runs once.
#[test]
fn each_handler_runs_once_and_only_if_all_may_be_read() {
    let (server, [ab, cde, _]) = three();
    let (calls, counted) = counter();
    ab.callback(Events::CHAR_READ_EVENT, move |_, _| {
        *calls.borrow_mut() += 1;
        *calls.borrow()
    });
    check(&server, "0E 09 00 0D 00", "01 0E 0D 00 02");
    assert_eq!((*counted.borrow(), ab.events()), (0, Events::empty()));
    check(&server, "0E 09 00 0B 00 09 00", "0F 01 43 44 45 01");
    check(&server, "20 09 00 09 00", "21 01 00 02 01 00 02");
    assert_eq!(*counted.borrow(), 2);
    cde.callback(Events::CHAR_READ_EVENT, |_, _| AttError(0x81));
    check(&server, "20 09 00 0B 00", "01 20 0B 00 81");
}

/// Core Vol 3 Part F 3.4.4.8 and 3.4.4.12: cut at ATT_MTU-1, though not within a Value Length.
#[test]
fn long_answers_are_cut() {
    for (length, values, tuples) in [(18, 22, 22), (19, 22, 22), (20, 22, 22)] {
        let (bluetooth, service) = empty_service();
        service.characteristic(plain().properties(Properties::READ).value(&vec![7; length])).unwrap();
        let late = service.characteristic(plain().properties(Properties::READ).value("xyz")).unwrap();
        let server = bluetooth.server();
        server.connected(CONN, Security::default());
        let answer = exchange(&server, CONN, &[0x0E, 9, 0, 11, 0]);
        assert_eq!(answer.len(), values.min(length + 3) + 1);
        let answer = exchange(&server, CONN, &[0x20, 9, 0, 11, 0]);
        // 2 + 18 leave 2 octets for a length; 2 + 19 leave one, which is not used.
        let expected = match length {
            18 => tuples,
            _ => length + 2,
        };
        assert_eq!(answer.len(), expected + 1, "{length}");
        assert_eq!(&answer[1..3], &[length as u8, 0]);
        assert_eq!(late.events(), Events::CHAR_READ_EVENT);
    }
}

/// A value that is asked for again is cut as any other.
#[test]
fn a_repeated_tuple_is_not_cut_within_its_length_either() {
    let (_, server, _) = with_characteristic(plain().value(&[7; 19]));
    for (request, length) in [("20 09 00 09 00", 22), ("20 09 00 09 00 09 00", 22)] {
        assert_eq!(exchange(&server, CONN, &bytes(request)).len(), length, "{request}");
    }
    let (_, server, _) = with_characteristic(plain().value(&[7; 18]));
    assert_eq!(exchange(&server, CONN, &bytes("20 09 00 09 00")).len(), 23);
}

/// Two notifying characteristics, values at 16 and 19, behind a GATT service with caching.
fn notifying() -> (Server, [Characteristic; 2]) {
    let config = Config { caching: true, max_connections: 2, ..Config::default() };
    let bluetooth = Bluetooth::new(config);
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    let both = [(); 2].map(|()| service.characteristic(plain()).unwrap());
    let server = bluetooth.server();
    for conn in [CONN, OTHER] {
        server.connected(conn, Security::default());
        check_on(&server, conn, "12 11 00 01 00", "13");
        check_on(&server, conn, "12 14 00 01 00", "13");
    }
    (server, both)
}

/// GAN/BV-02: only the client that has set its bit gets several values at once.
#[test]
fn several_values_go_together_to_the_client_that_supports_it() {
    let (server, [one, two]) = notifying();
    check(&server, "12 0B 00 04", "13");
    one.set_value("AB").unwrap();
    two.set_value("C").unwrap();
    one.set_value("").unwrap();
    assert_eq!(pushed(&server, CONN), ["23 10 00 02 00 41 42 13 00 01 00 43 10 00 00 00"]);
    assert_eq!(pushed(&server, OTHER), ["1B 10 00 41 42", "1B 13 00 43", "1B 10 00"]);
    one.set_value("D").unwrap();
    assert_eq!(pushed(&server, CONN), ["1B 10 00 44"]);
}

/// Core Vol 3 Part F 3.4.7.4: no tuple is cut, and there are two or more.
#[test]
fn what_does_not_fit_whole_goes_in_the_next_one() {
    let (server, [one, two]) = notifying();
    check(&server, "12 0B 00 04", "13");
    for value in ["0123456", "0123456", "89"] {
        one.set_value(value).unwrap();
    }
    two.set_value("A").unwrap();
    let together = pushed(&server, CONN);
    assert_eq!(together[0].len(), 3 * 23 - 1);
    assert_eq!(together[1..], ["23 10 00 02 00 38 39 13 00 01 00 41"]);
    one.set_value(&[1; 15]).unwrap();
    two.set_value("A").unwrap();
    assert_eq!(pushed(&server, CONN).len(), 2);
}
