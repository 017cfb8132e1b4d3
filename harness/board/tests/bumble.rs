//! Another host stack as the virtual board's client: Bumble, over TCP in real time. Needs a Python that has it:
//! `BUMBLE_PYTHON=/path/to/python cargo test -p board --test bumble -- --ignored`.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests may fail like tests"
)]

use std::process::Command;
use std::sync::Arc;

use air::{Air, ControllerConfig, HostErrors, h4};
use board::VirtualBoard;
use core::pin::pin;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, with_timeout};
use embedded_io_async::Write;
use wire::{Access, ApiValue, Characteristic, Device, Length, Pairing, Request, Service, Start, Table, Uuid};

/// Longest time until the client has ended, on a slow machine.
const CLIENT_DEADLINE: Duration = Duration::from_secs(60);

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../air/tests/bumble/client.py");

/// What a client with these arguments says of a board that runs `device` and advertises `name`.
fn client(device: Device, name: &'static str, arguments: &'static [&'static str]) -> String {
    let air = Air::real_time(1);
    let board_controller = air.controller(ControllerConfig::default());
    let board = VirtualBoard::new(&air, board_controller.clone());
    let client = air.controller(ControllerConfig::default());
    let (pump, host, link) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let main = async {
        let start = Start { device, address: [1, 2, 3, 4, 5, 0xC6], seed: 7, mutant: Vec::new() };
        let request = Request { id: 0, command: wire::Command::Start(Box::new(start)) };
        let payload = postcard::to_allocvec(&request).unwrap();
        let mut frame = vec![0; wire::frame_len(payload.len())];
        let len = wire::encode_frame(&payload, &mut frame).unwrap();
        board.serial().write_all(frame.get(..len).unwrap()).await.unwrap();

        let listener = h4::Listener::tcp(0).unwrap();
        let python = std::env::var("BUMBLE_PYTHON").expect("BUMBLE_PYTHON names a Python with Bumble");
        let transport = format!("tcp-client:127.0.0.1:{}", listener.port().unwrap());
        let done = Arc::new(Signal::<CriticalSectionRawMutex, _>::new());
        let theirs = done.clone();
        std::thread::spawn(move || {
            theirs.signal(Command::new(python).args([SCRIPT, &transport, name]).args(arguments).output());
        });
        let stream = listener.accept().await.unwrap();
        h4::serve(&client, stream).await.unwrap();
        done.wait().await.unwrap()
    };
    let run = air.run(with_timeout(CLIENT_DEADLINE, main), &mut [pump, host, link]);
    let output = run.unwrap().expect("the client ended in time");
    let said = String::from_utf8(output.stdout).unwrap();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    assert_eq!(client.host_errors(), HostErrors::default());
    assert_eq!(board_controller.host_errors(), HostErrors::default());
    said
}

#[test]
#[ignore = "needs Bumble"]
fn a_bumble_client_finds_and_reads_the_board() {
    let said = client(Device::Lopy, "LoPy", &[]);
    // The first characteristic of `lopy`: the stored value twice, since its counter stays below three.
    let chr1 = "characteristic 36353433-3231-3039-3837-363534336261 READ|WRITE|NOTIFY\nvalue 05\nvalue 05\n";
    assert!(said.starts_with("found LoPy\nconnected\n") && said.contains(chr1));
    let chr2 = "READ|WRITE|NOTIFY\nvalue 1234\nvalue f2\ndisconnected\n";
    assert!(said.ends_with(chr2));
}

/// It distributes its identity, as phones do, which our own central and BlueZ do not.
#[test]
#[ignore = "needs Bumble"]
fn a_bumble_client_pairs_with_the_board_and_reads_what_is_encrypted() {
    let characteristic = Characteristic {
        uuid: Uuid::Int(0xA001),
        handle: None,
        cccd_handle: None,
        properties: 0x02,
        read: Access::Encrypted(16),
        write: Access::Never,
        subscribe: Access::Open,
        length: Length::UpTo(20),
        value: ApiValue::Int(0x1234),
        descriptors: Vec::new(),
        callback: None,
    };
    let service = Service {
        uuid: Uuid::Int(0xA000),
        primary: true,
        handle: None,
        includes: Vec::new(),
        characteristics: vec![characteristic],
    };
    let table = Table {
        name: "Pairs".to_owned(),
        pairing: Pairing::JustWorks,
        services: vec![service],
        ..Table::default()
    };
    let said = client(Device::Table(table), "Pairs", &["pair"]);
    assert!(said.starts_with("found Pairs\nconnected\nencrypted True\n"), "{said}");
    assert!(said.ends_with("READ\nvalue 1234\nvalue 1234\ndisconnected\n"), "{said}");
}
