//! Discovery requests, on hand-written tables.

use gatts::{
    Bluetooth, CharacteristicConfig, Config, DescriptorConfig, Error, Properties, Security, Server,
    ServiceConfig, Uuid,
};

use crate::common::{CONN, check, empty_service, plain};

const LONG: &[u8; 16] = b"1234567890123456";

/// GAP 1 to 5, GATT 6, then a 128-bit service 7 to 10 with one 128-bit characteristic, and a 16-bit service
/// 11 to 14.
fn two_services() -> Server {
    let bluetooth = Bluetooth::new(Config::default());
    let long = bluetooth.service(ServiceConfig::new(Uuid::from_bytes(LONG).unwrap())).unwrap();
    let uuid = Uuid::from_bytes(b"ab34567890123456").unwrap();
    long.characteristic(CharacteristicConfig::new(uuid)).unwrap();
    let short = bluetooth.service(ServiceConfig::new(Uuid::from_int(1234).unwrap())).unwrap();
    short.characteristic(CharacteristicConfig::new(Uuid::from_int(4567).unwrap())).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    server
}

#[test]
fn primary_services_of_one_uuid_size_come_together() {
    let server = two_services();
    check(&server, "10 01 00 FF FF 00 28", "11 06 01 00 05 00 00 18 06 00 06 00 01 18");
    check(
        &server,
        "10 07 00 FF FF 00 28",
        "11 14 07 00 0A 00 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 36",
    );
    check(&server, "10 0B 00 FF FF 00 28", "11 06 0B 00 0E 00 D2 04");
    check(&server, "10 0F 00 FF FF 00 28", "01 10 0F 00 0A");
}

#[test]
fn a_range_may_begin_inside_a_service_and_end_before_its_end() {
    let server = two_services();
    check(&server, "10 02 00 FF FF 00 28", "11 06 06 00 06 00 01 18");
    check(&server, "10 0B 00 0B 00 00 28", "11 06 0B 00 0E 00 D2 04");
}

#[test]
fn only_services_group() {
    let server = two_services();
    check(&server, "10 01 00 FF FF 03 28", "01 10 01 00 10");
    check(&server, "10 01 00 FF FF 00 2A", "01 10 01 00 10");
    check(&server, "10 01 00 FF FF 01 28", "01 10 01 00 0A");
}

#[test]
fn a_128_bit_request_matches_the_16_bit_type() {
    let server = two_services();
    check(
        &server,
        "10 0B 00 FF FF FB 34 9B 5F 80 00 00 80 00 10 00 00 00 28 00 00",
        "11 06 0B 00 0E 00 D2 04",
    );
    check(&server, "08 01 00 05 00 FB 34 9B 5F 80 00 00 80 00 10 00 00 01 2A 00 00", "09 04 05 00 00 00");
}

#[test]
fn a_service_is_found_by_its_uuid() {
    let server = two_services();
    check(&server, "06 01 00 FF FF 00 28 D2 04", "07 0B 00 0E 00");
    check(&server, "06 01 00 FF FF 00 28 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 36", "07 07 00 0A 00");
    check(&server, "06 01 00 FF FF 00 28 D3 04", "01 06 01 00 0A");
    check(&server, "06 01 00 FF FF 00 28", "01 06 01 00 0A");
    check(&server, "06 0C 00 FF FF 00 28 D2 04", "01 06 0C 00 0A");
}

#[test]
fn a_characteristic_declaration_groups_up_to_its_last_descriptor() {
    let server = two_services();
    check(&server, "06 01 00 FF FF 03 28 1A 0D 00 D7 11", "07 0C 00 0E 00");
    check(&server, "06 01 00 FF FF D7 11 00", "07 0D 00 0D 00");
    check(&server, "06 01 00 FF FF 02 29 00 00", "07 0A 00 0A 00 0E 00 0E 00");
}

#[test]
fn characteristics_carry_properties_value_handle_and_uuid() {
    let server = two_services();
    check(&server, "08 01 00 06 00 03 28", "09 07 02 00 02 03 00 00 2A 04 00 02 05 00 01 2A");
    check(
        &server,
        "08 07 00 0A 00 03 28",
        "09 15 08 00 1A 09 00 61 62 33 34 35 36 37 38 39 30 31 32 33 34 35 36",
    );
    check(&server, "08 0B 00 0E 00 03 28", "09 07 0C 00 1A 0D 00 D7 11");
    check(&server, "08 0D 00 0E 00 03 28", "01 08 0D 00 0A");
}

#[test]
fn find_information_mixes_no_uuid_sizes() {
    let server = two_services();
    check(&server, "04 06 00 FF FF", "05 01 06 00 00 28 07 00 00 28 08 00 03 28");
    check(&server, "04 09 00 FF FF", "05 02 09 00 61 62 33 34 35 36 37 38 39 30 31 32 33 34 35 36");
    check(&server, "04 0A 00 FF FF", "05 01 0A 00 02 29 0B 00 00 28 0C 00 03 28 0D 00 D7 11 0E 00 02 29");
    check(&server, "04 0F 00 FF FF", "01 04 0F 00 0A");
}

#[test]
fn find_information_fills_the_mtu_and_no_more() {
    let server = two_services();
    // (23 - 2) / 4 = 5 pairs.
    check(&server, "04 01 00 FF FF", "05 01 01 00 00 28 02 00 03 28 03 00 00 2A 04 00 03 28 05 00 01 2A");
}

#[test]
fn ranges_that_are_none_are_refused_with_their_start() {
    let server = two_services();
    for opcode in ["04", "06", "08", "10"] {
        let rest = match opcode {
            "04" => "",
            "06" => " 00 28 D2 04",
            _ => " 00 28",
        };
        check(&server, &format!("{opcode} 00 00 FF FF{rest}"), &format!("01 {opcode} 00 00 01"));
        check(&server, &format!("{opcode} 05 00 04 00{rest}"), &format!("01 {opcode} 05 00 01"));
    }
}

#[test]
fn a_32_bit_uuid_goes_out_in_its_128_bit_form() {
    let (bluetooth, service) = empty_service();
    let uuid = Uuid::from_int(0x1234_5678).unwrap();
    service.characteristic(CharacteristicConfig::new(uuid)).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(
        &server,
        "08 07 00 FF FF 03 28",
        "09 15 08 00 1A 09 00 FB 34 9B 5F 80 00 00 80 00 10 00 00 78 56 34 12",
    );
}

#[test]
fn includes_name_the_service_and_its_uuid_only_if_that_is_short() {
    let bluetooth = Bluetooth::new(Config::default());
    let short = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1111)).secondary()).unwrap();
    let long = bluetooth.service(ServiceConfig::new(Uuid::from_bytes(LONG).unwrap())).unwrap();
    let both = ServiceConfig::new(Uuid::from_u16(0x2222)).include(&short).include(&long);
    let owner = bluetooth.service(both).unwrap();
    owner.characteristic(plain()).unwrap();
    // The included service grows after it has been included.
    short.characteristic(plain().properties(Properties::READ)).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());

    assert_eq!((short.handle(), short.end_handle()), (7, 9));
    assert_eq!((long.handle(), long.end_handle()), (10, 10));
    assert_eq!((owner.handle(), owner.end_handle()), (11, 16));
    check(&server, "08 01 00 FF FF 02 28", "09 08 0C 00 07 00 09 00 11 11");
    check(&server, "08 0D 00 FF FF 02 28", "09 06 0D 00 0A 00 0A 00");
    check(&server, "08 0E 00 FF FF 02 28", "01 08 0E 00 0A");
    check(&server, "10 01 00 FF FF 01 28", "11 06 07 00 09 00 11 11");
    check(&server, "06 01 00 FF FF 01 28 11 11", "07 07 00 09 00");
}

#[test]
fn fixed_handles_leave_gaps() {
    let bluetooth = Bluetooth::new(Config::default());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1111)).handle(0x20)).unwrap();
    let described = plain()
        .handle(0x30)
        .cccd_handle(0x40)
        .descriptor(DescriptorConfig::user_description("x").handle(0x50));
    let characteristic = service.characteristic(described).unwrap();
    let server = bluetooth.server();
    assert_eq!(characteristic.value_handle(), 0x31);

    let taken = Error::HandleTaken { handle: 0x50, lowest_free: 0x51 };
    assert_eq!(service.characteristic(plain().handle(0x50)).unwrap_err(), taken);
    assert_eq!(service.end_handle(), 0x50);

    server.connected(CONN, Security::default());
    check(&server, "10 07 00 FF FF 00 28", "11 06 20 00 50 00 11 11");
    check(&server, "04 21 00 FF FF", "05 01 30 00 03 28 31 00 22 22 40 00 02 29 50 00 01 29");
    check(&server, "08 21 00 FF FF 03 28", "09 07 30 00 1A 31 00 22 22");
    check(&server, "0A 21 00", "01 0A 21 00 01");
    check(&server, "0A 50 00", "0B 78");
}

#[test]
fn handles_end_at_ffff() {
    let bluetooth = Bluetooth::new(Config::default());
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1111)).handle(0xFFFC)).unwrap();
    let read = || plain().properties(Properties::READ);
    assert_eq!(service.characteristic(plain().handle(0xFFFE)).unwrap_err(), Error::HandlesExhausted);
    assert_eq!(service.characteristic(read().handle(0xFFFF)).unwrap_err(), Error::HandlesExhausted);
    service.characteristic(plain()).unwrap();
    assert_eq!(service.characteristic(read()).unwrap_err(), Error::HandlesExhausted);
    let full = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x2222))).unwrap_err();
    assert_eq!(full, Error::HandlesExhausted);

    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "04 07 00 FF FF", "05 01 FC FF 00 28 FD FF 03 28 FE FF 22 22 FF FF 02 29");
    check(&server, "10 FF FF FF FF 00 28", "01 10 FF FF 0A");
}

#[test]
fn a_characteristic_added_to_an_earlier_service_moves_the_later_ones_up() {
    let bluetooth = Bluetooth::new(Config::default());
    let first = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1111))).unwrap();
    let second = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x2222))).unwrap();
    let late = second.characteristic(plain()).unwrap();
    assert_eq!((second.handle(), late.value_handle()), (8, 10));
    first.characteristic(plain()).unwrap();
    assert_eq!((second.handle(), late.value_handle()), (11, 13));

    let fixed = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x3333)).handle(17)).unwrap();
    assert_eq!((second.handle(), late.value_handle(), fixed.handle()), (11, 13, 17));
    let taken = Error::HandleTaken { handle: 17, lowest_free: 18 };
    assert_eq!(first.characteristic(plain()).unwrap_err(), taken);
    assert_eq!((second.handle(), late.value_handle(), fixed.handle()), (11, 13, 17));
    // What did not fit has left no trace: something smaller does fit.
    first.characteristic(plain().properties(Properties::READ)).unwrap();
    assert_eq!((second.handle(), late.value_handle(), fixed.handle()), (13, 15, 17));
}

/// Services 0x1111 with one characteristic 0x2222 of 9 bytes each, from handle 7 on, four handles a piece.
fn alike(count: usize) -> Server {
    let bluetooth = Bluetooth::new(Config::default());
    for _ in 0..count {
        let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1111))).unwrap();
        service.characteristic(plain().value(&[9; 9])).unwrap();
    }
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    server
}

#[test]
fn no_list_ends_with_half_an_entry() {
    let server = alike(8);
    // One byte is missing for the next entry each time: entries of 11, 6, 4 and 4 bytes.
    check(&server, "08 07 00 FF FF 22 22", "09 0B 09 00 09 09 09 09 09 09 09 09 09");
    check(&server, "02 19 00", "03 05 02");
    let groups = "11 06 07 00 0A 00 11 11 0B 00 0E 00 11 11 0F 00 12 00 11 11";
    check(&server, "10 07 00 FF FF 00 28", groups);
    let pairs = "05 01 07 00 00 28 08 00 03 28 09 00 22 22 0A 00 02 29 0B 00 00 28";
    check(&server, "04 07 00 FF FF", pairs);
    check(&server, "02 18 00", "03 05 02");
    let ranges = "07 07 00 0A 00 0B 00 0E 00 0F 00 12 00 13 00 16 00 17 00 1A 00";
    check(&server, "06 01 00 FF FF 00 28 11 11", ranges);
}

#[test]
fn uuid_sizes_are_not_mixed_even_where_there_is_room() {
    let server = two_services();
    check(&server, "02 00 01", "03 05 02");
    check(&server, "04 07 00 0A 00", "05 01 07 00 00 28 08 00 03 28");
    check(&server, "04 09 00 0A 00", "05 02 09 00 61 62 33 34 35 36 37 38 39 30 31 32 33 34 35 36");
    check(&server, "10 01 00 FF FF 00 28", "11 06 01 00 05 00 00 18 06 00 06 00 01 18");
    check(&server, "08 04 00 FF FF 03 28", "09 07 04 00 02 05 00 01 2A");
}
