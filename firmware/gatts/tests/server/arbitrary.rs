//! Arbitrary PDUs against arbitrary tables: no panic, and each request answered exactly once.

use gatts::{
    Access, AttError, Bluetooth, BondId, CharacteristicConfig, Config, DescriptorConfig, Error, Events,
    ExtendedProperties, Permissions, Properties, Reply, Security, Server, Service, ServiceConfig, Uuid,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{CONN, exchange, pushed};

#[derive(Debug, Clone)]
struct Described {
    uuid: u16,
    long: bool,
    properties: u8,
    access: [u8; 2],
    length: usize,
    max_len: u16,
    gap: u16,
    descriptor: bool,
    fixed: bool,
    handler: u8,
}

fn described() -> impl Strategy<Value = Described> {
    let identity = (0x2A00..0x2A04_u16, any::<bool>(), any::<u8>(), any::<[u8; 2]>());
    let rest = (0..600_usize, 0..600_u16, 0..4_u16, any::<[bool; 2]>(), 0..6_u8);
    (identity, rest).prop_map(|((uuid, long, properties, access), rest)| {
        let (length, max_len, gap, [descriptor, fixed], handler) = rest;
        Described { uuid, long, properties, access, length, max_len, gap, descriptor, fixed, handler }
    })
}

fn access(n: u8) -> Access {
    match n % 8 {
        0 => Access::NONE,
        1 => Access::OPEN.encrypted(),
        2 => Access::OPEN.authenticated(),
        3 => Access::OPEN.key_size(16),
        4 => Access::OPEN.authorised(),
        _ => Access::OPEN,
    }
}

fn uuid_of(described: &Described) -> Uuid {
    let short = Uuid::from_u16(described.uuid);
    if described.long { Uuid::from_bytes(&short.to_le_bytes_128()).unwrap() } else { short }
}

fn add(service: &Service, described: &Described) {
    let [read, write] = described.access.map(access);
    let mut config = CharacteristicConfig::new(uuid_of(described))
        .properties(Properties::from_bits_retain(described.properties))
        .permissions(Permissions { read, write });
    let value = vec![7; described.length];
    config = match described.fixed {
        true => config.value(&value[..described.length.min(512)]).fixed_len(described.length as u16),
        false => config.value(&value).max_len(described.max_len),
    };
    if described.properties & Properties::EXTENDED_PROPERTIES.bits() != 0 {
        config = config.extended_properties(ExtendedProperties::RELIABLE_WRITE);
    }
    if described.gap > 0 {
        config = config.handle(service.end_handle() + described.gap);
    }
    if described.descriptor {
        config = config.descriptor(DescriptorConfig::user_description("text"));
    }
    let characteristic = match service.characteristic(config) {
        Ok(characteristic) => characteristic,
        Err(Error::ValueTooLong { .. }) => return,
        Err(other) => panic!("{other}"),
    };
    let (kind, long) = (described.handler, described.length);
    characteristic.callback(Events::all(), move |owner, _| match kind {
        0 => Reply::Value(vec![1; long]),
        1 => Reply::Reject(AttError(0x80)),
        2 => Reply::from(-1),
        3 => {
            let _ = owner.set_value(long as u32);
            Reply::Stored
        }
        _ => Reply::Stored,
    });
    if kind >= 4 {
        characteristic.remove_callback();
    }
}

fn server(caching: bool, services: &[Vec<Described>]) -> (Server, Vec<Service>) {
    let bluetooth =
        Bluetooth::new(Config { caching, prepare_queue: 4, prepare_bytes: 600, ..Config::default() });
    let (mut last, mut all) = (None, Vec::new());
    for characteristics in services {
        let mut config = ServiceConfig::new(Uuid::from_u16(0x1234));
        if let Some(earlier) = &last {
            config = config.include(earlier);
        }
        let service = bluetooth.service(config).unwrap();
        for described in characteristics {
            add(&service, described);
        }
        all.push(service.clone());
        last = Some(service);
    }
    let server = bluetooth.server();
    server.connected(CONN, Security::default());
    (server, all)
}

/// What happens besides PDUs.
#[derive(Debug, Clone)]
enum Between {
    Nothing,
    Security(Security),
    Toggle(usize),
    Reconnect,
    Identify(u64),
    Restart,
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        12 => Just(Between::Nothing),
        1 => security().prop_map(Between::Security),
        2 => (0..4_usize).prop_map(Between::Toggle),
        1 => Just(Between::Reconnect),
        1 => (0..10_u64).prop_map(Between::Identify),
        1 => Just(Between::Restart),
    ]
}

fn do_between(server: &Server, services: &[Service], between: &Between) {
    match between {
        Between::Nothing => {}
        Between::Security(security) => server.set_security(CONN, *security),
        Between::Toggle(index) => match services.get(*index) {
            Some(service) if service.is_stopped() => service.start(),
            Some(service) => service.stop(),
            None => {}
        },
        Between::Reconnect => {
            server.connected(CONN, Security::default());
        }
        Between::Identify(id) => {
            server.identify(CONN, BondId(*id));
            server.set_signing_key(BondId(*id), [7; 16], 0);
        }
        Between::Restart => {
            let records = server.bonds();
            assert_eq!(server.restore_bonds(records.clone()), records.len());
        }
    }
}

/// Random bytes, and PDUs that come close to right ones.
fn pdu() -> impl Strategy<Value = Vec<u8>> {
    let opcodes = [
        0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x16, 0x18, 0x1E, 0x20, 0x52, 0xD2, 0x3F, 0x7F,
    ];
    let handle = (0..40_u16).prop_map(|handle| handle.to_le_bytes().to_vec());
    let types = prop_oneof![Just([0x00, 0x28]), Just([0x03, 0x28]), Just([0x02, 0x29]), Just([0x01, 0x2A])];
    let field = prop_oneof![
        4 => handle,
        2 => types.prop_map(|uuid| uuid.to_vec()),
        1 => Just(vec![0xFF, 0xFF]),
        1 => Just(vec![0x01]),
        1 => Just(vec![0x01, 0x00, 0xFF, 0xFF, 0x2A, 0x2B]),
        1 => vec(any::<u8>(), 0..4),
    ];
    let near = (proptest::sample::select(opcodes.to_vec()), vec(field, 0..5))
        .prop_map(|(opcode, fields)| [vec![opcode], fields.concat()].concat());
    prop_oneof![4 => near, 1 => vec(any::<u8>(), 0..600)]
}

fn security() -> impl Strategy<Value = Security> {
    (any::<[bool; 4]>(), 0..17_u8).prop_map(|([bonded, encrypted, authenticated, authorised], key_size)| {
        Security { bonded, encrypted, authenticated, authorised, key_size }
    })
}

fn is_request(opcode: u8) -> bool {
    let for_client = [1, 3, 5, 7, 9, 0x0B, 0x0D, 0x0F, 0x11, 0x13, 0x17, 0x19, 0x1B, 0x1D, 0x1E, 0x21, 0x23];
    opcode & 0x40 == 0 && !for_client.contains(&opcode)
}

proptest! {
    #[test]
    fn each_request_is_answered_once_within_the_mtu(
        caching in any::<bool>(),
        services in vec(vec(described(), 0..4), 0..4),
        steps in vec((pdu(), between()), 1..60),
    ) {
        let (server, services) = server(caching, &services);
        for (now_ms, (pdu, between)) in steps.iter().enumerate() {
            do_between(&server, &services, between);
            let mtu = usize::from(server.mtu(CONN).unwrap());
            let answer = exchange(&server, CONN, pdu);
            let request = pdu.first().is_some_and(|opcode| is_request(*opcode));
            prop_assert_eq!(!answer.is_empty(), request, "{:02X?}", pdu);
            prop_assert!(answer.len() <= mtu);
            if let (Some(answered), Some(asked)) = (answer.first(), pdu.first()) {
                prop_assert!(*answered == asked + 1 || (*answered == 1 && answer[1] == *asked && answer.len() == 5));
            }
            for push in pushed(&server, CONN) {
                prop_assert!(push.len() <= 517 * 3);
            }
            server.poll_timeouts(now_ms as u64 * 1_000);
        }
    }
}
