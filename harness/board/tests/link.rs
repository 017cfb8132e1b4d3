//! The virtual board's control link, frame by frame.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use air::{Air, ControllerConfig};
use board::{SerialEnd, VirtualBoard};
use core::pin::pin;
use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use wire::{Call, Command, Decoder, Device, Hello, Item, Object, Request, Start, Table};

/// Longest virtual time until a board has answered: it may have to end a connection first.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// Sends a request and gives what came up to its answer, as text.
async fn ask(line: &mut SerialEnd, decoder: &mut Decoder, id: u16, command: Command) -> Vec<String> {
    let payload = postcard::to_allocvec(&Request { id, command }).unwrap();
    let mut frame = vec![0; wire::frame_len(payload.len())];
    let len = wire::encode_frame(&payload, &mut frame).unwrap();
    line.write_all(&frame[..len]).await.unwrap();
    let answer = format!("Answer {{ id: {id},");
    let mut came: Vec<String> = Vec::new();
    let all = async {
        while !came.last().is_some_and(|last| last.starts_with(&answer)) {
            let mut chunk = [0; 64];
            let len = line.read(&mut chunk).await.unwrap();
            decoder.push(&chunk[..len], |item| match item {
                Item::Payload(payload) => came.push(match Hello::decode(payload) {
                    Ok(hello) => format!("{hello:?}"),
                    Err(_) => format!("{:?}", postcard::from_bytes::<wire::FromBoard<'_>>(payload).unwrap()),
                }),
                Item::Console(text) => panic!("console text from the board: {}", text.escape_ascii()),
            });
        }
    };
    with_timeout(ANSWER_DEADLINE, all).await.unwrap();
    came
}

/// Runs the requests on a board of its own, one after the other.
fn answers(seed: u64, commands: Vec<Command>) -> Vec<Vec<String>> {
    let air = Air::new(seed);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let (pump, host, link) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let main = async {
        let (mut line, mut decoder) = (board.serial(), Decoder::new());
        let mut all = Vec::new();
        for (id, command) in (1..).zip(commands) {
            all.push(ask(&mut line, &mut decoder, id, command).await);
        }
        all
    };
    air.run(main, &mut [pump, host, link]).unwrap()
}

fn start(device: Device) -> Command {
    Command::Start(Box::new(Start { device, address: [1, 2, 3, 4, 5, 0xC6], seed: 7, mutant: Vec::new() }))
}

#[test]
fn a_board_says_who_it_is_and_starts_an_application() {
    for seed in 0..20 {
        let got =
            answers(seed, vec![Command::Hello, start(Device::Lopy), Command::Barrier { answered: false }]);
        assert!(got[0][0].starts_with("Hello {") && got[0][0].contains("chip: \"virtual\""), "{got:?}");
        assert_eq!(got[0][1], "Answer { id: 1, answer: Done }");
        assert_eq!(got[1], ["Answer { id: 2, answer: Started { address: [1, 2, 3, 4, 5, 198] } }"]);
        assert_eq!(got[2], ["Answer { id: 3, answer: Barrier { events: 0 } }"]);
    }
}

#[test]
fn an_application_can_be_started_again_and_again() {
    let commands =
        (0..5).flat_map(|_| [start(Device::Lopy), start(Device::Table(Table::default()))]).collect();
    for answer in answers(3, commands) {
        assert!(answer[0].contains("Started"), "{answer:?}");
    }
}

fn characteristic() -> wire::Characteristic {
    wire::Characteristic {
        uuid: wire::Uuid::Int(0xA001),
        handle: None,
        cccd_handle: None,
        properties: 0x0A,
        read: wire::Access::Open,
        write: wire::Access::Open,
        subscribe: wire::Access::Open,
        length: wire::Length::UpTo(4),
        value: wire::ApiValue::Int(5),
        descriptors: Vec::new(),
        callback: None,
    }
}

fn service(characteristics: Vec<wire::Characteristic>) -> wire::Service {
    let uuid = wire::Uuid::Int(0xA000);
    wire::Service { uuid, primary: true, handle: None, includes: Vec::new(), characteristics }
}

fn descriptor(uuid: u32) -> wire::Descriptor {
    let (read, write) = (wire::Access::Open, wire::Access::Never);
    let (uuid, length) = (wire::Uuid::Int(uuid), wire::Length::UpTo(2));
    wire::Descriptor { uuid, read, write, value: Vec::new(), length, handle: None }
}

/// A second service with mistakes, and what the board says of each.
fn impossible() -> Vec<(wire::Service, &'static str)> {
    let with = |change: fn(&mut wire::Characteristic)| {
        let mut last = characteristic();
        change(&mut last);
        service(vec![characteristic(), last])
    };
    let bytes = |length| wire::Uuid::Bytes(vec![7; length]);
    let too_long = wire::Descriptor { value: vec![7; 3], ..descriptor(0xA0D1) };
    let mut with_descriptors = with(|_| ());
    with_descriptors.characteristics[1].descriptors = vec![descriptor(0xA0D1), too_long];
    vec![
        (
            wire::Service { uuid: bytes(15), ..service(vec![]) },
            "service 1: a UUID given as bytes has 16 of them, not 15",
        ),
        (
            with(|one| one.uuid = wire::Uuid::Bytes(vec![7; 17])),
            "service 1, characteristic 1: a UUID given as bytes has 16 of them, not 17",
        ),
        (
            with(|one| one.handle = Some(12)),
            "service 1, characteristic 1: handle 0x000c was asked for, but the lowest free one here is 0x000d",
        ),
        (
            wire::Service { handle: Some(7), ..service(vec![]) },
            "service 1: handle 0x0007 was asked for, but the lowest free one here is 0x000a",
        ),
        (
            with(|one| one.value = wire::ApiValue::Text("12345".into())),
            "service 1, characteristic 1: value of 5 bytes is over the limit of 4",
        ),
        (
            with(|one| one.length = wire::Length::Fixed(4)),
            "service 1, characteristic 1: value of 1 bytes is short of the fixed length of 4",
        ),
        (
            with_descriptors,
            "service 1, characteristic 1, descriptor 1: value of 3 bytes is over the limit of 2",
        ),
        (
            with(|one| one.cccd_handle = Some(0x20)),
            "service 1, characteristic 1: a CCCD needs the property NOTIFY or INDICATE",
        ),
        (
            with(|one| one.descriptors.push(descriptor(0x2902))),
            "service 1, characteristic 1, descriptor 0: a CCCD needs the property NOTIFY or INDICATE",
        ),
        (
            wire::Service { includes: vec![2], ..service(vec![]) },
            "service 1: there is no service 2 to include",
        ),
    ]
}

#[test]
fn an_impossible_table_is_refused_in_words_and_nothing_of_it_is_loaded() {
    let first = wire::CharRef { service: 0, characteristic: 0 };
    for (wrong, why) in impossible() {
        let services = vec![service(vec![characteristic()]), wrong.clone()];
        let table = Table { services, ..Table::default() };
        let sound = Table { services: vec![service(vec![characteristic()])], ..Table::default() };
        let commands = vec![
            start(Device::Table(table)),
            Command::Call(Call::Value(first)),
            start(Device::Table(sound)),
            Command::Call(Call::AddService(1, Box::new(wrong))),
            Command::Call(Call::AddService(1, Box::new(service(vec![characteristic()])))),
            Command::Call(Call::Value(wire::CharRef { service: 1, characteristic: 0 })),
        ];
        let got = answers(1, commands);
        let refused = |id: u16, why: &str| [format!("Answer {{ id: {id}, answer: Refused({why:?}) }}")];
        assert_eq!(got[0], refused(1, why));
        assert_eq!(got[1], refused(2, "no such characteristic in the running application"), "after: {why}");
        assert!(got[2][0].contains("Started"), "{got:?}");
        assert_eq!(got[3], refused(4, why), "added to a running application");
        assert_eq!(got[4], ["Answer { id: 5, answer: Done }"], "after: {why}");
        assert_eq!(got[5], ["Answer { id: 6, answer: Value([5]) }"], "after: {why}");
    }
}

#[test]
fn calls_without_an_application_are_refused() {
    let chr1 = wire::CharRef { service: 0, characteristic: 0 };
    let got =
        answers(1, vec![Command::Call(Call::Value(chr1)), Command::Call(Call::Events(Object::Bluetooth))]);
    assert!(got[0][0].contains("Refused"), "{got:?}");
    assert_eq!(got[1], ["Answer { id: 2, answer: Events(0) }"]);
}
