//! Descriptions of tables: descriptors, lengths, and what is impossible.

use gatts::{
    Access, AttError, Bluetooth, CharacteristicConfig, Config, DescriptorConfig, Error, ExtendedProperties,
    Permissions, Place, PresentationFormat, Properties, Security, ServiceConfig, ServiceTable, TableError,
    Uuid,
};

use crate::common::{CONN, bytes, check, empty_service, exchange, plain, with_characteristic};

/// GPA/BV-12: the descriptors of Core Vol 3 Part G 3.3.3.
#[test]
fn standard_descriptors_have_their_values() {
    let format =
        PresentationFormat { format: 0x0E, exponent: -2, unit: 0x272F, namespace: 1, description: 0x0106 };
    let config = plain()
        .properties(Properties::READ)
        .extended_properties(ExtendedProperties::RELIABLE_WRITE)
        .descriptor(DescriptorConfig::user_description("text"))
        .descriptor(DescriptorConfig::presentation_format(format));
    let (_, server, characteristic) = with_characteristic(config);
    check(&server, "04 0A 00 FF FF", "05 01 0A 00 00 29 0B 00 01 29 0C 00 04 29");
    check(&server, "0A 08 00", "0B 82 09 00 22 22");
    check(&server, "0A 0A 00", "0B 01 00");
    check(&server, "0A 0B 00", "0B 74 65 78 74");
    check(&server, "0A 0C 00", "0B 0E FE 2F 27 01 06 01");
    check(&server, "12 0A 00 00 00", "01 12 0A 00 03");
    assert_eq!(characteristic.descriptor_handle(Uuid::from_u16(0x2904)), Some(0x0C));
    assert_eq!(characteristic.descriptor_handle(Uuid::from_u16(0x2902)), None);
}

/// GPA/BV-11.
#[test]
fn an_aggregate_names_the_formats_of_its_parts() {
    let (bluetooth, service) = empty_service();
    let format = PresentationFormat { format: 4, exponent: 0, unit: 0x2700, namespace: 1, description: 0 };
    let part = plain().descriptor(DescriptorConfig::presentation_format(format));
    let parts = [(); 2].map(|()| service.characteristic(part.clone()).unwrap());
    let handles = parts.map(|part| part.descriptor_handle(Uuid::from_u16(0x2904)).unwrap());
    assert_eq!(handles, [0x0B, 0x0F]);
    service.characteristic(plain().descriptor(DescriptorConfig::aggregate_format(&handles))).unwrap();
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    check(&server, "08 01 00 FF FF 05 29", "09 06 13 00 0B 00 0F 00");
}

/// GAR/BV-07 and BV-08.
#[test]
fn a_long_descriptor_is_read_in_parts() {
    let text = "0123456789".repeat(3);
    let (_, server, _) = with_characteristic(plain().descriptor(DescriptorConfig::user_description(&text)));
    assert_eq!(exchange(&server, CONN, &bytes("0A 0B 00")).len(), 23);
    check(&server, "0C 0B 00 16 00", "0D 32 33 34 35 36 37 38 39");
    check(&server, "0C 0B 00 1E 00", "0D");
    check(&server, "0C 0B 00 1F 00", "01 0C 0B 00 07");
}

/// Core Vol 3 Part F 3.4.5.1: a shorter write replaces the first octets, a longer one is 0x0D.
#[test]
fn values_of_fixed_length_keep_it() {
    let (_, server, characteristic) = with_characteristic(plain().value("0123").fixed_len(4));
    check(&server, "12 09 00 41 42", "13");
    assert_eq!(characteristic.value(), b"AB23");
    check(&server, "52 09 00 58", "");
    assert_eq!(characteristic.value(), b"XB23");
    check(&server, "12 09 00 41 42 43 44 45", "01 12 09 00 0D");
    check(&server, "52 09 00 41 42 43 44 45", "");
    assert_eq!(characteristic.value(), b"XB23");
    assert_eq!(characteristic.set_value("abc"), Err(Error::ValueTooShort { length: 3, expected: 4 }));
    assert_eq!(characteristic.set_value("abcde"), Err(Error::ValueTooLong { length: 5, limit: 4 }));
    characteristic.set_value("abcd").unwrap();
    let descriptor = DescriptorConfig::new(Uuid::from_u16(0x3333))
        .permissions(Permissions::default())
        .value("12")
        .fixed_len(2);
    let (_, server, _) = with_characteristic(plain().descriptor(descriptor));
    check(&server, "12 0B 00 41", "13");
    check(&server, "0A 0B 00", "0B 41 32");
    check(&server, "12 0B 00 41 42 43", "01 12 0B 00 0D");
}

#[test]
fn the_write_rule_of_a_fixed_value_sees_the_whole() {
    let (_, server, characteristic) = with_characteristic(plain().value("0123").fixed_len(4));
    characteristic.authorise_write(Some(|_: &gatts::Characteristic, value: &[u8]| match value {
        b"A123" => Ok(()),
        _ => Err(AttError(0x80)),
    }));
    check(&server, "12 09 00 41", "13");
    check(&server, "12 09 00 42", "01 12 09 00 80");
}

fn service(uuid: u16) -> ServiceTable {
    ServiceTable::new(ServiceConfig::new(Uuid::from_u16(uuid)))
}

fn at(service: usize, characteristic: Option<usize>, descriptor: Option<usize>) -> Place {
    Place { service, characteristic, descriptor }
}

fn sound() -> ServiceTable {
    service(1).characteristic(plain())
}

/// A sound service, and one whose second characteristic is this.
fn with(config: CharacteristicConfig) -> Vec<ServiceTable> {
    vec![sound(), sound().characteristic(config)]
}

/// An impossible table, with the place of its error.
type Impossible = (Vec<ServiceTable>, Place, Error);

fn impossible_values() -> Vec<Impossible> {
    let short = &b"123456789012345"[..];
    let wrong_uuid = Error::UuidLength(15);
    let cccd = Uuid::from_u16(0x2902);
    let read_only = plain().properties(Properties::READ);
    let too_long = DescriptorConfig::user_description("four").max_len(3);
    vec![
        (vec![sound(), ServiceTable::new(ServiceConfig::new(short))], at(1, None, None), wrong_uuid.clone()),
        (with(CharacteristicConfig::new(short)), at(1, Some(1), None), wrong_uuid.clone()),
        (
            with(
                plain()
                    .descriptor(DescriptorConfig::user_description(""))
                    .descriptor(DescriptorConfig::new(short)),
            ),
            at(1, Some(1), Some(1)),
            wrong_uuid,
        ),
        (with(CharacteristicConfig::new(1_u64 << 32)), at(1, Some(1), None), Error::UuidOutOfRange(1 << 32)),
        (
            with(plain().value("four").max_len(3)),
            at(1, Some(1), None),
            Error::ValueTooLong { length: 4, limit: 3 },
        ),
        (
            with(plain().value("no").fixed_len(3)),
            at(1, Some(1), None),
            Error::ValueTooShort { length: 2, expected: 3 },
        ),
        (with(plain().value(-1)), at(1, Some(1), None), Error::IntegerOutOfRange(-1)),
        (
            with(plain().descriptor(too_long)),
            at(1, Some(1), Some(0)),
            Error::ValueTooLong { length: 4, limit: 3 },
        ),
        (with(read_only.clone().cccd_handle(50)), at(1, Some(1), None), Error::CccdWithoutProperty),
        (
            with(plain().properties(Properties::READ | Properties::EXTENDED_PROPERTIES)),
            at(1, Some(1), None),
            Error::ExtendedPropertiesMissing,
        ),
        (
            with(read_only.descriptor(DescriptorConfig::new(cccd))),
            at(1, Some(1), Some(0)),
            Error::CccdWithoutProperty,
        ),
        (
            with(plain().descriptor(DescriptorConfig::new(cccd))),
            at(1, Some(1), Some(0)),
            Error::DescriptorReserved(cccd),
        ),
    ]
}

/// Core Vol 3 Part G 3.1 to 3.3.
fn impossible_types() -> Vec<Impossible> {
    let declaration = Uuid::from_u16(0x2803);
    let extended = || DescriptorConfig::new(Uuid::from_u16(0x2900)).value(&[1, 0]);
    vec![
        (
            with(CharacteristicConfig::new(declaration)),
            at(1, Some(1), None),
            Error::DeclarationType(declaration),
        ),
        (
            with(plain().descriptor(DescriptorConfig::new(declaration))),
            at(1, Some(1), Some(0)),
            Error::DeclarationType(declaration),
        ),
        (
            with(
                plain().descriptor(
                    extended().permissions(Permissions { read: Access::OPEN, write: Access::OPEN }),
                ),
            ),
            at(1, Some(1), Some(0)),
            Error::DescriptorWritable(Uuid::from_u16(0x2900)),
        ),
        (
            with(plain().descriptor(extended()).descriptor(extended())),
            at(1, Some(1), Some(1)),
            Error::DescriptorRepeated(Uuid::from_u16(0x2900)),
        ),
        (
            with(plain().descriptor(extended().value(&[1]))),
            at(1, Some(1), Some(0)),
            Error::DescriptorLength { uuid: Uuid::from_u16(0x2900), length: 1 },
        ),
    ]
}

fn impossible_handles_and_includes() -> Vec<Impossible> {
    let fixed =
        |handle| vec![sound(), ServiceTable::new(ServiceConfig::new(Uuid::from_u16(2)).handle(handle))];
    vec![
        (fixed(0x0A), at(1, None, None), Error::HandleTaken { handle: 0x0A, lowest_free: 0x0B }),
        (fixed(0), at(1, None, None), Error::HandleTaken { handle: 0, lowest_free: 0x0B }),
        (
            with(plain().handle(0x0C)),
            at(1, Some(1), None),
            Error::HandleTaken { handle: 0x0C, lowest_free: 0x0F },
        ),
        (
            with(plain().cccd_handle(0x10)),
            at(1, Some(1), None),
            Error::HandleTaken { handle: 0x10, lowest_free: 0x11 },
        ),
        (with(plain().handle(0xFFFF)), at(1, Some(1), None), Error::HandlesExhausted),
        (
            with(plain().handle(0x20).descriptor(DescriptorConfig::user_description("").handle(0x22))),
            at(1, Some(1), Some(0)),
            Error::HandleTaken { handle: 0x22, lowest_free: 0x23 },
        ),
        (vec![service(1).include(2), service(2)], at(0, None, None), Error::UnknownService(2)),
        (vec![service(1), service(2).include(1)], at(1, None, None), Error::CircularInclude),
        (
            vec![service(1).include(1), service(2).include(2), service(3).include(0)],
            at(0, None, None),
            Error::CircularInclude,
        ),
    ]
}

#[test]
fn an_impossible_table_names_the_attribute_and_loads_nothing() {
    let bluetooth = Bluetooth::new(Config::default());
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    for (table, place, error) in
        impossible_values().into_iter().chain(impossible_types()).chain(impossible_handles_and_includes())
    {
        let expected = TableError { place, error };
        assert_eq!(bluetooth.check(&table), Err(expected.clone()));
        assert_eq!(bluetooth.load(table).unwrap_err(), expected);
        check(&server, "04 07 00 FF FF", "01 04 07 00 0A");
    }
    let sound = vec![service(1).include(1).characteristic(plain()), service(2)];
    assert_eq!(bluetooth.check(&sound), Ok(()));
    check(&server, "04 07 00 FF FF", "01 04 07 00 0A");
    let loaded = bluetooth.load(sound).unwrap();
    assert_eq!((loaded[0].service.handle(), loaded[0].service.end_handle()), (7, 11));
    assert_eq!((loaded[1].service.handle(), loaded[0].characteristics[0].value_handle()), (12, 10));
    check(&server, "08 01 00 FF FF 02 28", "09 08 08 00 0C 00 0C 00 02 00");
    // What is included grows: the include says so.
    loaded[1].service.characteristic(plain()).unwrap();
    check(&server, "08 01 00 FF FF 02 28", "09 08 08 00 0C 00 0F 00 02 00");
}

#[test]
fn errors_say_where_in_words() {
    let error = TableError { place: at(1, Some(2), Some(0)), error: Error::CccdWithoutProperty };
    let words = "service 1, characteristic 2, descriptor 0: a CCCD needs the property NOTIFY or INDICATE";
    assert_eq!(error.to_string(), words);
}

#[test]
fn single_descriptions_have_the_same_errors() {
    let (bluetooth, service) = empty_service();
    assert_eq!(bluetooth.service(ServiceConfig::new(&b"x"[..])).unwrap_err(), Error::UuidLength(1));
    let refused = service.characteristic(plain().properties(Properties::READ).cccd_handle(20)).unwrap_err();
    assert_eq!(refused, Error::CccdWithoutProperty);
    assert_eq!(service.end_handle(), 7);
}
