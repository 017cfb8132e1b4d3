//! Reads: values, lengths, errors, and Read By Type.

use gatts::{
    Access, AttError, CharacteristicConfig, DescriptorConfig, Events, Permissions, Properties, Security, Uuid,
};

use crate::common::{
    CONN, OTHER, bytes, check, check_on, counter, empty_service, exchange, plain, with_characteristic,
};

#[test]
fn a_read_gives_the_stored_value() {
    let (_, server, characteristic) = with_characteristic(plain());
    check(&server, "0A 09 00", "0B 00");
    characteristic.set_value(0x1234).unwrap();
    check(&server, "0A 09 00", "0B 12 34");
    characteristic.set_value("").unwrap();
    check(&server, "0A 09 00", "0B");
}

#[test]
fn the_gap_service_comes_first_and_names_the_device() {
    let (_, server, _) = with_characteristic(plain());
    check(&server, "0A 01 00", "0B 00 18");
    check(&server, "0A 03 00", "0B 67 61 74 74 73");
    check(&server, "0A 05 00", "0B 00 00");
    check(&server, "0A 06 00", "0B 01 18");
    check(&server, "12 03 00 41", "01 12 03 00 03");
}

#[test]
fn a_long_value_is_cut_at_the_mtu_and_read_on_with_blobs() {
    let (_, server, characteristic) = with_characteristic(plain());
    let value: Vec<u8> = (0..50).collect();
    characteristic.set_value(&value).unwrap();
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")), [&[0x0B], &value[..22]].concat());
    assert_eq!(exchange(&server, CONN, &bytes("0C 09 00 16 00")), [&[0x0D], &value[22..44]].concat());
    assert_eq!(exchange(&server, CONN, &bytes("0C 09 00 2C 00")), [&[0x0D], &value[44..]].concat());
    check(&server, "0C 09 00 32 00", "0D");
    check(&server, "0C 09 00 33 00", "01 0C 09 00 07");
    assert_eq!(exchange(&server, CONN, &bytes("0C 09 00 00 00")), [&[0x0D], &value[..22]].concat());
}

#[test]
fn both_ends_use_the_smaller_mtu() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.set_value(&[7; 512]).unwrap();
    assert_eq!(server.mtu(CONN), Some(23));
    check(&server, "02 40 00", "03 05 02");
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")).len(), 64);
    check(&server, "02 FF FF", "03 05 02");
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")).len(), 513);
    // Below the default the default holds.
    check(&server, "02 16 00", "03 05 02");
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")).len(), 23);
    check(&server, "02 00 00", "03 05 02");
    assert_eq!(server.mtu(CONN), Some(23));
}

#[test]
fn the_mtu_belongs_to_one_connection() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.set_value(&[7; 100]).unwrap();
    server.connected(OTHER, Security::default());
    check_on(&server, OTHER, "02 64 00", "03 05 02");
    assert_eq!(exchange(&server, OTHER, &bytes("0A 09 00")).len(), 100);
    assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")).len(), 23);
    server.disconnected(OTHER);
    server.connected(OTHER, Security::default());
    assert_eq!(exchange(&server, OTHER, &bytes("0A 09 00")).len(), 23);
}

#[test]
fn a_value_that_may_not_be_read_is_refused_for_permissions_and_properties_alike() {
    let none = Permissions { read: Access::NONE, ..Permissions::default() };
    for config in [plain().permissions(none), plain().properties(Properties::WRITE)] {
        let (_, server, characteristic) = with_characteristic(config);
        let (calls, counted) = counter();
        characteristic.callback(Events::all(), move |_, _| *calls.borrow_mut() += 1);
        check(&server, "0A 09 00", "01 0A 09 00 02");
        check(&server, "0C 09 00 00 00", "01 0C 09 00 02");
        check(&server, "08 01 00 FF FF 22 22", "01 08 09 00 02");
        check(&server, "06 01 00 FF FF 22 22 00", "01 06 01 00 0A");
        assert_eq!((*counted.borrow(), characteristic.events()), (0, Events::empty()));
    }
}

#[test]
fn each_lack_of_security_answers_its_own_code() {
    let read = Access::OPEN.authenticated().key_size(16).authorised();
    let config = plain().permissions(Permissions { read, ..Permissions::default() });
    let (_, server, characteristic) = with_characteristic(config);
    let bonded = Security { bonded: true, ..Security::default() };
    let encrypted = Security { encrypted: true, key_size: 7, ..bonded };
    let authenticated = Security { authenticated: true, ..encrypted };
    let long_key = Security { key_size: 16, ..authenticated };
    let cases = [
        (Security::default(), "05"),
        (bonded, "0F"),
        (encrypted, "05"),
        (authenticated, "0C"),
        (long_key, "08"),
    ];
    for (security, code) in cases {
        server.set_security(CONN, security);
        check(&server, "0A 09 00", &format!("01 0A 09 00 {code}"));
        check(&server, "0C 09 00 00 00", &format!("01 0C 09 00 {code}"));
        check(&server, "08 01 00 FF FF 22 22", &format!("01 08 09 00 {code}"));
        assert_eq!(characteristic.events(), Events::empty());
    }
    server.set_security(CONN, Security { authorised: true, ..long_key });
    check(&server, "0A 09 00", "0B 00");
    assert_eq!(characteristic.events(), Events::CHAR_READ_EVENT);
}

#[test]
fn unknown_handles_are_invalid() {
    let (_, server, _) = with_characteristic(plain());
    check(&server, "0A 00 00", "01 0A 00 00 01");
    check(&server, "0A FF FF", "01 0A FF FF 01");
    check(&server, "0C 0B 00 00 00", "01 0C 0B 00 01");
}

#[test]
fn declarations_and_descriptors_are_read_like_values() {
    let config = plain().descriptor(DescriptorConfig::user_description("counter"));
    let (_, server, _) = with_characteristic(config);
    check(&server, "0A 07 00", "0B 34 12");
    check(&server, "0A 08 00", "0B 1A 09 00 22 22");
    check(&server, "0A 0A 00", "0B 00 00");
    check(&server, "0A 0B 00", "0B 63 6F 75 6E 74 65 72");
    check(&server, "0C 0B 00 04 00", "0D 74 65 72");
    check(&server, "12 0B 00 41", "01 12 0B 00 03");
    check(&server, "12 08 00 41", "01 12 08 00 03");
}

/// Three characteristics 0x2222 whose values are at 9, 11 and 13.
fn three(configs: [CharacteristicConfig; 3]) -> (gatts::Server, [gatts::Characteristic; 3]) {
    let (bluetooth, service) = empty_service();
    let all = configs.map(|config| service.characteristic(config).unwrap());
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (server, all)
}

fn read_only() -> CharacteristicConfig {
    plain().properties(Properties::READ)
}

#[test]
fn read_by_type_stops_at_the_first_value_of_another_length() {
    let (server, all) = three([read_only().value(1), read_only().value(2), read_only().value(0x333)]);
    check(&server, "08 01 00 FF FF 22 22", "09 03 09 00 01 0B 00 02");
    // Only what was answered counts as read.
    assert_eq!(all.each_ref().map(|one| one.events().bits()), [0x08, 0x08, 0x00]);
    check(&server, "08 0C 00 FF FF 22 22", "09 04 0D 00 03 33");
    check(&server, "08 0E 00 FF FF 22 22", "01 08 0E 00 0A");
}

#[test]
fn read_by_type_stops_before_a_later_value_that_cannot_be_read() {
    let hidden = Permissions { read: Access::OPEN.encrypted(), ..Permissions::default() };
    let (server, _) = three([read_only(), read_only().permissions(hidden), read_only()]);
    check(&server, "08 01 00 FF FF 22 22", "09 03 09 00 00");
    check(&server, "08 0A 00 FF FF 22 22", "01 08 0B 00 05");
}

#[test]
fn read_by_type_answers_a_characteristic_with_a_read_handler_alone() {
    let (server, [first, second, third]) = three([read_only(), read_only(), read_only()]);
    let (calls, counted) = counter();
    second.callback(Events::CHAR_READ_EVENT, move |_, _| {
        *calls.borrow_mut() += 1;
        0x55
    });
    check(&server, "08 01 00 FF FF 22 22", "09 03 09 00 00");
    assert_eq!(*counted.borrow(), 0);
    check(&server, "08 0A 00 FF FF 22 22", "09 03 0B 00 55");
    assert_eq!(*counted.borrow(), 1);
    let flags = [first, second, third].map(|one| one.events().bits());
    assert_eq!(flags, [0x08, 0x08, 0x00]);
}

#[test]
fn a_handler_that_rejects_ends_read_by_type() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.callback(Events::CHAR_READ_EVENT, |_, _| AttError(0x81));
    check(&server, "08 01 00 FF FF 22 22", "01 08 09 00 81");
    assert_eq!(characteristic.events(), Events::CHAR_READ_EVENT);
}

#[test]
fn read_by_type_cuts_at_mtu_minus_4_and_at_253() {
    let (_, server, characteristic) = with_characteristic(plain());
    characteristic.set_value(&[9; 400]).unwrap();
    let cut = exchange(&server, CONN, &bytes("08 01 00 FF FF 22 22"));
    assert_eq!((cut.len(), cut[1]), (23, 21));
    check(&server, "02 05 02", "03 05 02");
    let cut = exchange(&server, CONN, &bytes("08 01 00 FF FF 22 22"));
    assert_eq!((cut.len(), cut[1]), (2 + 255, 255));
    characteristic.callback(Events::CHAR_READ_EVENT, |_, _| [8; 300]);
    let cut = exchange(&server, CONN, &bytes("08 01 00 FF FF 22 22"));
    assert_eq!((cut.len(), cut[1], cut[4]), (2 + 255, 255, 8));
}

#[test]
fn read_by_type_lists_no_two_lengths_even_where_both_are_cut() {
    let (server, _) = three([
        read_only().value(&[1; 253]),
        read_only().value(&[2; 400]),
        CharacteristicConfig::new(Uuid::from_u16(0x3333)),
    ]);
    check(&server, "02 05 02", "03 05 02");
    let list = exchange(&server, CONN, &bytes("08 01 00 FF FF 22 22"));
    assert_eq!(list.len(), 2 + 255);
}
