//! Another host stack on the virtual controllers, over TCP: Bumble. Needs a Python that has it:
//! `BUMBLE_PYTHON=/path/to/python cargo test -p air -- --ignored bumble`.
#![cfg(unix)]

use std::process::Command;

use crate::real_time::{outside, result};
use crate::support::*;
use air::h4::{self, H4Error};
use air::{Air, Controller, ControllerConfig};
use embassy_futures::join::join;

/// Runs a script on a controller; gives its output once both the script and its stream have ended.
async fn script(controller: &Controller, name: &str, arguments: &[&str]) -> String {
    let listener = h4::Listener::tcp(0).unwrap();
    let python = std::env::var("BUMBLE_PYTHON").unwrap();
    let mut command = Command::new(python);
    command.arg(format!("{}/tests/bumble/{name}", env!("CARGO_MANIFEST_DIR")));
    command.arg(format!("tcp-client:127.0.0.1:{}", listener.port().unwrap())).args(arguments);
    let done = outside(move || command.output());
    let serving = async {
        let ended: Result<(), H4Error> = h4::serve(controller, listener.accept().await.unwrap()).await;
        result(&done).await.map(|output| (output, ended))
    };
    let (output, ended) = serving.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(controller.host_errors(), air::HostErrors::default());
    String::from_utf8(output.stdout).unwrap()
}

/// An ATT request and its response, on a link whose host is `host`.
async fn ask(host: &Host, handle: u16, request: &[u8]) -> Vec<u8> {
    let length = u8::try_from(request.len()).unwrap();
    host.send(handle, &[&[length, 0, 4, 0], request].concat());
    loop {
        let (_, pdu) = host.data().await;
        if pdu[2..4] == [4, 0] {
            return pdu[4..].to_vec();
        }
    }
}

/// Connects to the first device that advertises from a random address, and uses its characteristic.
async fn use_server(host: &Host) {
    host.start().await;
    host.must(0x200B, &[0, 0x10, 0, 0x10, 0, 0, 0]).await;
    host.must(0x200C, &[1, 0]).await;
    let report = host.le_event(ADVERTISING_REPORT).await;
    host.must(0x200C, &[0, 0]).await;
    assert_eq!(report[2], 1);
    let mut create = create_connection(report[3..9].try_into().unwrap(), 24, 400);
    create[5] = 1;
    host.must(0x200D, &create).await;
    let handle = handle_of(&host.le_event(CONNECTION_COMPLETE).await);
    // Read By Type: where the value with UUID 0xA001 is, and what.
    let found = ask(host, handle, &[0x08, 1, 0, 0xFF, 0xFF, 0x01, 0xA0]).await;
    assert_eq!((found[0], &found[4..]), (0x09, &b"hello"[..]));
    let (low, high) = (found[2], found[3]);
    assert_eq!(ask(host, handle, &[&[0x12, low, high], &b"world"[..]].concat()).await, [0x13]);
    assert_eq!(ask(host, handle, &[0x0A, low, high]).await, b"\x0Bworld");
    host.disconnect(handle).await;
    assert_eq!(reason(host).await, 0x16);
}

#[test]
#[ignore = "needs Bumble"]
fn a_bumble_server_is_used_by_a_host_of_the_bench() {
    let air = Air::real_time(1);
    let (host, controller) =
        (Host::new(&air, ControllerConfig::default()), air.controller(ControllerConfig::default()));
    air.run(
        async {
            let server = script(&controller, "server.py", &["Bumble"]);
            let both = join(server, use_server(&host));
            let (said, ()) = both.await;
            print!("{said}");
            let expected = ["advertising", "connected", "written 776f726c64", "disconnected 19"];
            assert_eq!(said.lines().collect::<Vec<_>>(), expected);
        },
        &mut [],
    )
    .unwrap();
    host.no_errors();
}

#[test]
#[ignore = "needs Bumble"]
fn two_bumble_hosts_pair_and_encrypt_their_link() {
    let air = Air::real_time(2);
    let (peripheral, central) =
        (air.controller(ControllerConfig::default()), air.controller(ControllerConfig::default()));
    air.capture();
    air.run(
        async {
            let server = script(&peripheral, "server.py", &["Bumble", "encrypted"]);
            let client = script(&central, "client.py", &["Bumble", "pair"]);
            let (server, client) = join(server, client).await;
            print!("{server}{client}");
            assert!(client.contains("encrypted True") && client.contains("value 68656c6c6f"), "{client}");
            assert!(server.contains("disconnected 19"), "{server}");
        },
        &mut [],
    )
    .unwrap();
    if let Ok(path) = std::env::var("AIR_BTSNOOP") {
        air::write_btsnoop(&mut std::fs::File::create(path).unwrap(), &[air.take_capture()]).unwrap();
    }
}
