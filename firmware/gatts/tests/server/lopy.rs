//! The example application of the requirements.

use std::cell::RefCell;
use std::rc::Rc;

use gatts::{Bluetooth, CharacteristicConfig, Config, Events, Security, Server, ServiceConfig, Uuid};

use crate::common::{CONN, check};

/// `chr1` is at handle 9, `chr2` at 13.
fn lopy() -> (Server, Rc<RefCell<Vec<String>>>) {
    let bluetooth = Bluetooth::new(Config::default());
    let srv1 = ServiceConfig::new(Uuid::from_bytes(b"1234567890123456").unwrap());
    let srv1 = bluetooth.service(srv1).unwrap();
    let uuid = Uuid::from_bytes(b"ab34567890123456").unwrap();
    let chr1 = srv1.characteristic(CharacteristicConfig::new(uuid).value(5)).unwrap();
    let srv2 = bluetooth.service(ServiceConfig::new(Uuid::from_int(1234).unwrap())).unwrap();
    let uuid = Uuid::from_int(4567).unwrap();
    let chr2 = srv2.characteristic(CharacteristicConfig::new(uuid).value(0x1234)).unwrap();

    let printed = Rc::new(RefCell::new(Vec::new()));
    let (console, mut counter1, mut counter2) = (Rc::clone(&printed), 0, 0xF0_u32);
    chr1.callback(Events::CHAR_READ_EVENT | Events::CHAR_WRITE_EVENT, move |chr, _| {
        counter1 += 1;
        if chr.events().contains(Events::CHAR_WRITE_EVENT) {
            let value = String::from_utf8_lossy(&chr.value()).into_owned();
            console.borrow_mut().push(format!("Write request with value = b'{value}'"));
            None
        } else if counter1 < 3 {
            console.borrow_mut().push(String::from("Read request on char 1"));
            None
        } else {
            Some("ABC DEF")
        }
    });
    chr2.callback(Events::CHAR_READ_EVENT, move |_, _| {
        counter2 += 1;
        (counter2 > 0xF1).then_some(counter2)
    });
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (server, printed)
}

#[test]
fn chr1_answers_abc_def_from_the_third_read_on() {
    let (server, printed) = lopy();
    check(&server, "0A 09 00", "0B 05");
    check(&server, "0A 09 00", "0B 05");
    check(&server, "0A 09 00", "0B 41 42 43 20 44 45 46");
    check(&server, "0A 09 00", "0B 41 42 43 20 44 45 46");
    assert_eq!(*printed.borrow(), ["Read request on char 1", "Read request on char 1"]);
}

#[test]
fn writes_of_chr1_count_too() {
    let (server, printed) = lopy();
    check(&server, "12 09 00 68 65 6C 6C 6F", "13");
    check(&server, "52 09 00 78", "");
    check(&server, "0A 09 00", "0B 41 42 43 20 44 45 46");
    let expected = ["Write request with value = b'hello'", "Write request with value = b'x'"];
    assert_eq!(*printed.borrow(), expected);
}

#[test]
fn counters_last_over_a_reconnection() {
    let (server, _) = lopy();
    check(&server, "0A 09 00", "0B 05");
    check(&server, "12 09 00 78", "13");
    server.disconnected(CONN);
    server.connected(CONN, Security::default());
    check(&server, "0A 09 00", "0B 41 42 43 20 44 45 46");
}

#[test]
fn chr2_counts_up_from_f2_whatever_is_written() {
    let (server, _) = lopy();
    check(&server, "0A 0D 00", "0B 12 34");
    check(&server, "12 0D 00 77", "13");
    for expected in 0xF2..=0xFF {
        check(&server, "0A 0D 00", &format!("0B {expected:02X}"));
    }
    check(&server, "0A 0D 00", "0B 01 00");
}

#[test]
fn chr2_gives_what_was_written_before_its_first_read() {
    let (server, _) = lopy();
    check(&server, "12 0D 00 77", "13");
    check(&server, "0A 0D 00", "0B 77");
    check(&server, "0A 0D 00", "0B F2");
}
