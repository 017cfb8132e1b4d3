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
    Command::Start(Box::new(Start { device, address: [1, 2, 3, 4, 5, 0xC6], seed: 7 }))
}

#[test]
fn a_board_says_who_it_is_and_starts_an_application() {
    for seed in 0..20 {
        let got = answers(seed, vec![Command::Hello, start(Device::Lopy), Command::Barrier]);
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

#[test]
fn an_impossible_table_is_refused_in_words_and_the_board_goes_on() {
    let mut table = Table::default();
    table.services.push(wire::Service {
        uuid: wire::Uuid::Bytes(vec![1, 2, 3]),
        primary: true,
        handle: None,
        includes: vec![],
        characteristics: vec![],
    });
    let got = answers(1, vec![start(Device::Table(table)), start(Device::Lopy)]);
    let refused =
        "Answer { id: 1, answer: Refused(\"service 0: a UUID given as bytes has 16 of them, not 3\") }";
    assert_eq!(got[0], [refused]);
    assert!(got[1][0].contains("Started"));
}

#[test]
fn calls_without_an_application_are_refused() {
    let chr1 = wire::CharRef { service: 0, characteristic: 0 };
    let got =
        answers(1, vec![Command::Call(Call::Value(chr1)), Command::Call(Call::Events(Object::Bluetooth))]);
    assert!(got[0][0].contains("Refused"), "{got:?}");
    assert_eq!(got[1], ["Answer { id: 2, answer: Events(0) }"]);
}
