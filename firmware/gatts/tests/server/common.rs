//! PDUs in hexadecimal, and a server with one characteristic.

use std::cell::RefCell;
use std::rc::Rc;

use gatts::{
    Bluetooth, Characteristic, CharacteristicConfig, Config, ConnId, Observed, Security, Server, Service,
    ServiceConfig, Uuid,
};

pub(crate) const CONN: ConnId = ConnId(0x40);
pub(crate) const OTHER: ConnId = ConnId(0x41);

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

/// Sends one PDU and gives the response.
pub(crate) fn exchange(server: &Server, conn: ConnId, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; 517];
    let length = server.receive(conn, pdu, &mut out);
    out[..length].to_vec()
}

#[track_caller]
pub(crate) fn check_on(server: &Server, conn: ConnId, request: &str, response: &str) {
    assert_eq!(hex(&exchange(server, conn, &bytes(request))), response, "answer to {request}");
}

#[track_caller]
pub(crate) fn check(server: &Server, request: &str, response: &str) {
    check_on(server, CONN, request, response);
}

/// Everything that waits to be pushed to a client, at a moment.
pub(crate) fn pushed_at(server: &Server, conn: ConnId, now_ms: u64) -> Vec<String> {
    let mut out = [0; 517];
    let mut all = Vec::new();
    loop {
        match server.transmit(conn, now_ms, &mut out) {
            0 => return all,
            length => all.push(hex(&out[..length])),
        }
    }
}

pub(crate) fn pushed(server: &Server, conn: ConnId) -> Vec<String> {
    pushed_at(server, conn, 0)
}

/// A server for two clients, with a service 0x1234 at handle 7.
pub(crate) fn empty_service() -> (Bluetooth, Service) {
    let bluetooth = Bluetooth::new(Config { max_connections: 2, ..Config::default() });
    let service = bluetooth.service(ServiceConfig::new(Uuid::from_u16(0x1234))).unwrap();
    (bluetooth, service)
}

/// A server with one characteristic: declaration at handle 8, value at 9, CCCD, if any, at 10. CONN is
/// connected over a plain link.
pub(crate) fn with_characteristic(config: CharacteristicConfig) -> (Bluetooth, Server, Characteristic) {
    let (bluetooth, service) = empty_service();
    let characteristic = service.characteristic(config).unwrap();
    let server = bluetooth.server();
    assert!(server.connected(CONN, Security::default()));
    (bluetooth, server, characteristic)
}

/// A characteristic 0x2222 with default properties.
pub(crate) fn plain() -> CharacteristicConfig {
    CharacteristicConfig::new(Uuid::from_u16(0x2222))
}

/// Writes down what is observed, one line an event.
pub(crate) fn record(server: &Server) -> Rc<RefCell<Vec<String>>> {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&lines);
    server.observe(move |event| {
        let line = match event {
            Observed::Received { pdu, .. } => format!("received {}", hex(pdu)),
            Observed::Handler { handle, event, value } => {
                format!("handler {handle:04X} {:02X} [{}]", event.bits(), hex(value))
            }
            Observed::HandlerError { handle, error } => format!("handler error {handle:04X}: {error}"),
            other => format!("{other:?}"),
        };
        log.borrow_mut().push(line);
    });
    lines
}

/// A counter that a handler and a test share.
pub(crate) fn counter() -> (Rc<RefCell<u32>>, Rc<RefCell<u32>>) {
    let counter = Rc::new(RefCell::new(0));
    (Rc::clone(&counter), counter)
}
