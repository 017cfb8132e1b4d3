//! Write Request, Write Command, CCCD.

use gatts::{Access, AttError, DescriptorConfig, Error, Events, Permissions, Properties, Security, Uuid};

use crate::common::{
    CONN, OTHER, bytes, check, check_on, counter, empty_service, exchange, plain, record, with_characteristic,
};

#[test]
fn a_write_replaces_the_value_whatever_its_length() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "12 09 00 68 65 6C 6C 6F", "13");
    assert_eq!(characteristic.value(), b"hello");
    check(&server, "12 09 00 41", "13");
    assert_eq!(characteristic.value(), b"A");
    check(&server, "12 09 00", "13");
    assert_eq!(characteristic.value(), b"");
}

#[test]
fn a_write_command_does_the_same_and_is_never_answered() {
    let (_, server, characteristic) = with_characteristic(plain());
    let lines = record(&server);
    characteristic.callback(Events::CHAR_WRITE_EVENT, |_, _| ());
    check(&server, "52 09 00 41 42", "");
    assert_eq!(characteristic.value(), b"AB");
    assert_eq!(characteristic.events(), Events::CHAR_WRITE_EVENT);
    assert_eq!(*lines.borrow(), ["received 52 09 00 41 42", "handler 0009 10 [41 42]"]);
}

#[test]
fn a_refused_write_changes_nothing() {
    let no_write = Permissions { write: Access::NONE, ..Permissions::default() };
    let secure = Permissions { write: Access::OPEN.encrypted(), ..Permissions::default() };
    let cases = [
        (plain().permissions(no_write), "03"),
        (plain().properties(Properties::READ), "03"),
        (plain().properties(Properties::READ | Properties::AUTHENTICATED_SIGNED_WRITES), "05"),
        (plain().permissions(secure), "05"),
        (plain().max_len(1), "0D"),
    ];
    for (config, code) in cases {
        let (_, server, characteristic) = with_characteristic(config);
        let (calls, counted) = counter();
        characteristic.callback(Events::all(), move |_, _| *calls.borrow_mut() += 1);
        check(&server, "12 09 00 41 42", &format!("01 12 09 00 {code}"));
        check(&server, "52 09 00 41 42", "");
        assert_eq!(characteristic.value(), [0]);
        assert_eq!((*counted.borrow(), characteristic.events()), (0, Events::empty()));
    }
}

#[test]
fn either_write_property_permits_both_kinds_of_write() {
    for property in [Properties::WRITE, Properties::WRITE_WITHOUT_RESPONSE] {
        let (_, server, characteristic) = with_characteristic(plain().properties(property));
        check(&server, "12 09 00 41", "13");
        check(&server, "52 09 00 42", "");
        assert_eq!(characteristic.value(), b"B");
    }
}

#[test]
fn writes_to_unknown_handles_are_refused_or_dropped() {
    let (_, server, _) = with_characteristic(plain());
    check(&server, "12 FF FF 41", "01 12 FF FF 01");
    check(&server, "12 00 00", "01 12 00 00 01");
    check(&server, "52 FF FF 41", "");
}

#[test]
fn a_write_rule_is_asked_before_anything_happens() {
    let (_, server, characteristic) = with_characteristic(plain());
    let (calls, counted) = counter();
    characteristic.callback(Events::all(), move |_, _| *calls.borrow_mut() += 1);
    characteristic.authorise_write(Some(|owner: &gatts::Characteristic, value: &[u8]| {
        assert_eq!(owner.value(), [0]);
        if value == b"A" { Ok(()) } else { Err(AttError::INSUFFICIENT_AUTHORISATION) }
    }));
    check(&server, "12 09 00 42", "01 12 09 00 08");
    check(&server, "52 09 00 42", "");
    assert_eq!((*counted.borrow(), characteristic.events()), (0, Events::empty()));
    assert_eq!(characteristic.value(), [0]);
    check(&server, "12 09 00 41", "13");
    assert_eq!(characteristic.value(), b"A");
    characteristic.authorise_write(None::<fn(&gatts::Characteristic, &[u8]) -> Result<(), AttError>>);
    check(&server, "12 09 00 42", "13");
}

#[test]
fn a_write_of_the_longest_value_needs_a_large_mtu() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "02 05 02", "03 05 02");
    let mut request = bytes("12 09 00");
    request.extend([0x5A; 512]);
    assert_eq!(exchange(&server, CONN, &request), [0x13]);
    assert_eq!(characteristic.value(), [0x5A; 512]);
}

#[test]
fn local_values_obey_the_same_limit() {
    let (_, _, characteristic) = with_characteristic(plain().max_len(3));
    let error = Error::ValueTooLong { length: 4, limit: 3 };
    assert_eq!(characteristic.set_value("four"), Err(error));
    assert_eq!(characteristic.set_value(-1), Err(Error::IntegerOutOfRange(-1)));
    assert_eq!(characteristic.value(), [0]);
    let (_, service) = empty_service();
    let too_long = service.characteristic(plain().value("four").max_len(3)).unwrap_err();
    assert_eq!(too_long, Error::ValueTooLong { length: 4, limit: 3 });
    let negative = service.characteristic(plain().value(-5)).unwrap_err();
    assert_eq!(negative, Error::IntegerOutOfRange(-5));
}

#[test]
fn descriptors_are_written_within_their_permissions_and_length() {
    let uuid = Uuid::from_u16(0x3333);
    let writable = DescriptorConfig::new(uuid).permissions(Permissions::default()).max_len(2);
    let (_, server, characteristic) = with_characteristic(plain().descriptor(writable));
    check(&server, "12 0B 00 41 42", "13");
    check(&server, "0A 0B 00", "0B 41 42");
    check(&server, "12 0B 00 41 42 43", "01 12 0B 00 0D");
    check(&server, "0A 0B 00", "0B 41 42");
    assert_eq!(characteristic.events(), Events::empty());
}

#[test]
fn the_cccd_cannot_be_described_twice() {
    let (_, service) = empty_service();
    let cccd = Uuid::from_u16(0x2902);
    let error = service.characteristic(plain().descriptor(DescriptorConfig::new(cccd))).unwrap_err();
    assert_eq!(error, Error::DescriptorReserved(cccd));
}

#[test]
fn a_cccd_write_is_a_subscribe_event_alone() {
    let (_, server, characteristic) = with_characteristic(plain());
    let lines = record(&server);
    characteristic.callback(Events::CHAR_READ_EVENT | Events::CHAR_WRITE_EVENT, |_, _| ());
    check(&server, "12 0A 00 01 00", "13");
    assert_eq!(characteristic.events(), Events::CHAR_SUBSCRIBE_EVENT);
    assert_eq!(lines.borrow().len(), 1);
    characteristic.callback(Events::CHAR_SUBSCRIBE_EVENT, |_, call| {
        assert_eq!((call.event, call.value, call.conn), (Events::CHAR_SUBSCRIBE_EVENT, &[0, 0][..], CONN));
    });
    check(&server, "12 0A 00 00 00", "13");
    assert_eq!(lines.borrow().last().unwrap(), "handler 0009 80 [00 00]");
    check(&server, "0A 0A 00", "0B 00 00");
    assert_eq!(characteristic.events(), Events::CHAR_SUBSCRIBE_EVENT);
}

/// Core Vol 3 Part F 3.4.5.1: its length is fixed, so a longer write is refused, and a shorter one leaves the
/// other octets.
#[test]
fn a_cccd_has_two_octets_at_every_length_of_a_write() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "12 0A 00 01", "13");
    check(&server, "0A 0A 00", "0B 01 00");
    assert_eq!(characteristic.events(), Events::CHAR_SUBSCRIBE_EVENT);
    check(&server, "12 0A 00", "13");
    check(&server, "0A 0A 00", "0B 01 00");
    check(&server, "52 0A 00 00", "");
    check(&server, "0A 0A 00", "0B 00 00");
    check(&server, "12 0A 00 02", "01 12 0A 00 FD");
    for length in 3..21 {
        let request = [&[0x12, 0x0A, 0][..], &vec![0; length]].concat();
        assert_eq!(exchange(&server, CONN, &request), [0x01, 0x12, 0x0A, 0, 0x0D], "{length} octets");
    }
}

#[test]
fn a_cccd_takes_the_bits_that_the_properties_allow() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "12 0A 00 01 00 00", "01 12 0A 00 0D");
    check(&server, "12 0A 00 02 00", "01 12 0A 00 FD");
    check(&server, "12 0A 00 03 00", "01 12 0A 00 FD");
    check(&server, "0A 0A 00", "0B 00 00");
    assert_eq!(characteristic.events(), Events::empty());
    // Bits reserved for future use are ignored.
    check(&server, "12 0A 00 F5 FF", "13");
    check(&server, "0A 0A 00", "0B 01 00");

    let both = plain().properties(Properties::NOTIFY | Properties::INDICATE);
    let (_, server, _) = with_characteristic(both);
    check(&server, "12 0A 00 03 00", "13");
    check(&server, "0A 0A 00", "0B 03 00");
}

#[test]
fn there_is_no_cccd_without_notify_or_indicate() {
    let (_, server, _) = with_characteristic(plain().properties(Properties::READ));
    check(&server, "04 09 00 FF FF", "05 01 09 00 22 22");
    check(&server, "12 0A 00 01 00", "01 12 0A 00 01");
}

#[test]
fn writing_the_cccd_may_need_security() {
    let (_, server, _) = with_characteristic(plain().subscribe_access(Access::OPEN.encrypted()));
    check(&server, "12 0A 00 01 00", "01 12 0A 00 05");
    check(&server, "0A 0A 00", "0B 00 00");
    server.set_security(CONN, Security { encrypted: true, ..Security::default() });
    check(&server, "12 0A 00 01 00", "13");
}

#[test]
fn each_client_has_its_own_cccd_and_loses_it_with_the_connection() {
    let (_, server, _) = with_characteristic(plain());
    server.connected(OTHER, Security::default());
    check(&server, "12 0A 00 01 00", "13");
    check_on(&server, OTHER, "0A 0A 00", "0B 00 00");
    check(&server, "0A 0A 00", "0B 01 00");
    server.disconnected(CONN);
    server.connected(CONN, Security::default());
    check(&server, "0A 0A 00", "0B 00 00");
}
