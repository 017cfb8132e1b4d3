//! Callbacks and event flags of characteristics.

use std::cell::RefCell;
use std::rc::Rc;

use gatts::{AttError, Call, Characteristic, Events, Reply};

use crate::common::{CONN, bytes, check, counter, exchange, plain, pushed, record, with_characteristic};

const READ: Events = Events::CHAR_READ_EVENT;
const WRITE: Events = Events::CHAR_WRITE_EVENT;

#[test]
fn a_trigger_runs_the_handler_for_its_events_only() {
    for (trigger, expected) in [(READ, 1), (WRITE, 1), (READ | WRITE, 2), (Events::CHAR_SUBSCRIBE_EVENT, 0)] {
        let (_, server, characteristic) = with_characteristic(plain());
        let (calls, counted) = counter();
        characteristic.callback(trigger, move |_, call| {
            assert!(trigger.contains(call.event));
            *calls.borrow_mut() += 1;
        });
        check(&server, "0A 09 00", "0B 00");
        check(&server, "12 09 00 41", "13");
        assert_eq!(*counted.borrow(), expected, "{trigger:?}");
    }
}

#[test]
fn a_handler_gets_its_argument_or_else_the_characteristic() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback_with(READ, String::from("arg"), |arg, _| arg.as_str().into_reply());
    check(&server, "0A 09 00", "0B 61 72 67");
    characteristic.callback(READ, |owner: &Characteristic, _: &Call<'_>| u32::from(owner.value_handle()));
    check(&server, "0A 09 00", "0B 09");
}

trait IntoReply {
    fn into_reply(self) -> Reply;
}

impl<T: Into<Reply>> IntoReply for T {
    fn into_reply(self) -> Reply {
        self.into()
    }
}

#[test]
fn a_second_callback_replaces_the_first_and_no_trigger_removes_it() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(READ, |_, _| 1);
    characteristic.callback(READ, |_, _| 2);
    check(&server, "0A 09 00", "0B 02");
    characteristic.callback(Events::empty(), |_, _| 3);
    check(&server, "0A 09 00", "0B 00");
    characteristic.callback(READ, |_, _| 4);
    characteristic.remove_callback();
    check(&server, "0A 09 00", "0B 00");
}

#[test]
fn a_reply_answers_one_read_and_is_not_stored() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(READ, |owner, _| {
        assert_eq!(owner.value(), [0]);
        "reply"
    });
    check(&server, "0A 09 00", "0B 72 65 70 6C 79");
    assert_eq!(characteristic.value(), [0]);
    characteristic.remove_callback();
    check(&server, "0A 09 00", "0B 00");
}

#[test]
fn no_reply_gives_the_value_stored_after_the_handler() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(READ, |owner, _| owner.set_value("after").unwrap());
    check(&server, "0A 09 00", "0B 61 66 74 65 72");
}

#[test]
fn a_reply_without_bytes_or_above_512_is_a_handler_error() {
    let (_, server, characteristic) = with_characteristic(plain());
    let lines = record(&server);
    characteristic.callback(READ, |_, _| vec![1; 513]);
    check(&server, "0A 09 00", "01 0A 00 00 0E");
    characteristic.callback(READ, |_, _| -1);
    check(&server, "0A 09 00", "01 0A 00 00 0E");
    check(&server, "08 01 00 FF FF 22 22", "01 08 00 00 0E");
    let errors: Vec<_> = lines.borrow().iter().filter(|line| line.contains("error")).cloned().collect();
    let range = "handler error 0009: integer -1 is outside 0 to 4294967295";
    assert_eq!(errors, ["handler error 0009: value of 513 bytes is over the limit of 512", range, range]);
    assert_eq!(characteristic.events(), READ);

    characteristic.callback(READ, |_, _| vec![1; 512]);
    check(&server, "02 05 02", "03 05 02");
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")).len(), 513);
}

#[test]
fn a_read_handler_may_reject() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(READ, |_, _| AttError(0x9F));
    check(&server, "0A 09 00", "01 0A 09 00 9F");
    assert_eq!(characteristic.events(), READ);
    assert_eq!(characteristic.value(), [0]);
}

#[test]
fn a_write_handler_sees_the_new_value_and_its_reply_is_ignored() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(WRITE, |owner, call| {
        assert_eq!((owner.value().as_slice(), call.value), (&b"AB"[..], &b"AB"[..]));
        Reply::Reject(AttError(0x80))
    });
    check(&server, "12 09 00 41 42", "13");
    characteristic.callback(WRITE, |_, _| vec![0; 600]);
    let lines = record(&server);
    check(&server, "12 09 00 41 42", "13");
    assert_eq!(lines.borrow().len(), 2);
}

#[test]
fn two_quick_writes_are_seen_as_two() {
    let (_, server, characteristic) = with_characteristic(plain());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    characteristic.callback(WRITE, move |_, call| log.borrow_mut().push(call.value.to_vec()));
    check(&server, "52 09 00 01", "");
    check(&server, "52 09 00 02", "");
    assert_eq!(*seen.borrow(), [[1], [2]]);
}

#[test]
fn flags_accumulate_and_are_cleared_by_reading_them() {
    let (bluetooth, server, characteristic) = with_characteristic(plain());
    assert_eq!(characteristic.events(), Events::empty());
    check(&server, "0A 09 00", "0B 00");
    check(&server, "12 09 00 41", "13");
    assert_eq!(characteristic.events(), READ | WRITE);
    assert_eq!(characteristic.events(), Events::empty());
    assert_eq!(bluetooth.events(), Events::CLIENT_CONNECTED);
}

#[test]
fn a_handler_finds_its_own_flag_set() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(READ | WRITE, |owner, call| {
        assert_eq!(owner.events(), call.event);
        assert_eq!(owner.events(), Events::empty());
    });
    check(&server, "12 09 00 41", "13");
    check(&server, "0A 09 00", "0B 41");
}

#[test]
fn a_handler_may_call_anything() {
    let (bluetooth, server, characteristic) = with_characteristic(plain());
    let (api, radio) = (bluetooth.clone(), server.clone());
    characteristic.callback(READ | WRITE, move |owner, _| {
        owner.set_value("first").unwrap();
        assert_eq!(owner.value(), b"first");
        owner.events();
        owner.authorise_write(None::<fn(&Characteristic, &[u8]) -> Result<(), AttError>>);
        owner.callback(READ, |_, _| "second handler");
        api.events();
        api.callback(Events::all(), |_, _| ());
        api.advertise(true);
        api.disconnect_client();
        radio.observe(|_| ());
        radio.set_waker(|| ());
        radio.set_security(CONN, gatts::Security::default());
        let added = api.service(gatts::ServiceConfig::new(owner.uuid())).unwrap();
        added.characteristic(plain()).unwrap();
        added.stop();
        radio.identify(CONN, gatts::BondId(1));
        assert_eq!(radio.bonds().len(), 1);
        radio.forget_bond(gatts::BondId(1));
        assert_eq!(radio.gap().disconnect, [CONN]);
    });
    check(&server, "0A 09 00", "0B 66 69 72 73 74");
    check(&server, "0C 09 00 00 00", "0D 73 65 63 6F 6E 64 20 68 61 6E 64 6C 65 72");
    server.shut_down();
    check(&server, "0A 09 00", "0B 66 69 72 73 74");
}

#[test]
fn a_handler_that_feeds_the_server_is_not_entered_twice() {
    let (_, server, characteristic) = with_characteristic(plain());
    let (radio, (calls, counted)) = (server.clone(), counter());
    characteristic.callback(READ, move |_, _| {
        *calls.borrow_mut() += 1;
        check(&radio, "0A 09 00", "0B 00");
        radio.disconnected(CONN);
        check(&radio, "0A 09 00", "");
        "outer"
    });
    check(&server, "0A 09 00", "0B 6F 75 74 65 72");
    assert_eq!(*counted.borrow(), 1);
    server.shut_down();
}

#[test]
fn a_value_set_in_a_handler_is_pushed_after_the_response_and_runs_nothing() {
    let (_, server, characteristic) = with_characteristic(plain());
    let (calls, counted) = counter();
    characteristic.callback(READ | WRITE, move |owner, _| {
        *calls.borrow_mut() += 1;
        owner.set_value("pushed").unwrap();
    });
    check(&server, "12 0A 00 01 00", "13");
    check(&server, "12 09 00 41", "13");
    assert_eq!(pushed(&server, CONN), ["1B 09 00 70 75 73 68 65 64"]);
    assert_eq!(*counted.borrow(), 1);
    assert_eq!(characteristic.value(), b"pushed");
}

#[test]
fn the_observer_hears_of_a_pdu_before_the_handler_it_runs() {
    let (_, server, characteristic) = with_characteristic(plain());
    let lines = record(&server);
    characteristic.callback(READ | WRITE, |_, _| ());
    check(&server, "0A 09 00", "0B 00");
    check(&server, "52 09 00 41", "");
    check(&server, "FF", "");
    check(&server, "", "");
    assert_eq!(
        *lines.borrow(),
        [
            "received 0A 09 00",
            "handler 0009 08 []",
            "received 52 09 00 41",
            "handler 0009 10 [41]",
            "received FF",
            "received ",
        ]
    );
}

#[test]
fn a_server_is_freed_after_shut_down_even_if_handlers_hold_it() {
    struct Witness(Rc<RefCell<u32>>);
    impl Drop for Witness {
        fn drop(&mut self) {
            *self.0.borrow_mut() += 1;
        }
    }
    let (dropped, counted) = counter();
    let (bluetooth, server, characteristic) = with_characteristic(plain());
    let held = (Witness(dropped), bluetooth.clone(), characteristic.clone());
    characteristic.callback(READ, move |_, _| {
        let (_witness, api, _) = &held;
        u32::from(api.events().bits())
    });
    drop((bluetooth, characteristic));
    server.shut_down();
    assert_eq!(*counted.borrow(), 1);
}
