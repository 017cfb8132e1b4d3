//! A host without a stack: it writes commands and data, and waits for the packets it wants.

use std::cell::RefCell;
use std::collections::VecDeque;

use air::{Air, Controller, ControllerConfig};
use bt_hci_transport::PacketKind;

pub(crate) const RESET: u16 = 0x0C03;
pub(crate) const DISCONNECT: u16 = 0x0406;

/// Event codes.
pub(crate) const DISCONNECTION_COMPLETE: u8 = 0x05;
pub(crate) const COMPLETED_PACKETS: u8 = 0x13;
/// LE subevent codes.
pub(crate) const CONNECTION_COMPLETE: u8 = 0x01;
pub(crate) const ADVERTISING_REPORT: u8 = 0x02;

pub(crate) struct Host {
    pub(crate) controller: Controller,
    /// Read, and not yet wanted.
    backlog: RefCell<VecDeque<(PacketKind, Vec<u8>)>>,
}

impl Host {
    pub(crate) fn new(air: &Air, config: ControllerConfig) -> Self {
        Self { controller: air.controller(config), backlog: RefCell::default() }
    }

    async fn read(&self) -> (PacketKind, Vec<u8>) {
        let mut buf = [0; 300];
        let (kind, length) = self.controller.read_packet(&mut buf).await;
        (kind, buf[..length].to_vec())
    }

    /// The next packet that `want` makes something of; others are kept.
    async fn wait<T>(&self, want: impl Fn(PacketKind, &[u8]) -> Option<T>) -> T {
        let found = self
            .backlog
            .borrow()
            .iter()
            .enumerate()
            .find_map(|(i, (kind, bytes))| Some((i, want(*kind, bytes)?)));
        if let Some((index, found)) = found {
            self.backlog.borrow_mut().remove(index);
            return found;
        }
        loop {
            let (kind, bytes) = self.read().await;
            match want(kind, &bytes) {
                Some(found) => return found,
                None => self.backlog.borrow_mut().push_back((kind, bytes)),
            }
        }
    }

    pub(crate) fn write_command(&self, opcode: u16, parameters: &[u8]) {
        let packet = [&opcode.to_le_bytes()[..], &[parameters.len() as u8], parameters].concat();
        self.controller.write_packet(PacketKind::Cmd, &packet).unwrap();
    }

    /// Gives the status and the return parameters.
    pub(crate) async fn command(&self, opcode: u16, parameters: &[u8]) -> Vec<u8> {
        self.write_command(opcode, parameters);
        let [low, high] = opcode.to_le_bytes();
        self.wait(|_, bytes| match bytes {
            [0x0E, _, _, l, h, returned @ ..] if [*l, *h] == [low, high] => Some(returned.to_vec()),
            [0x0F, 4, status, _, l, h] if [*l, *h] == [low, high] => Some(vec![*status]),
            _ => None,
        })
        .await
    }

    /// A command that must succeed; gives what it returns.
    pub(crate) async fn must(&self, opcode: u16, parameters: &[u8]) -> Vec<u8> {
        let returned = self.command(opcode, parameters).await;
        assert_eq!(returned[0], 0, "command {opcode:#06x} {parameters:02x?}");
        returned[1..].to_vec()
    }

    pub(crate) async fn event(&self, code: u8) -> Vec<u8> {
        let event =
            |kind, bytes: &[u8]| (kind == PacketKind::Event && bytes[0] == code).then(|| bytes[2..].to_vec());
        self.wait(event).await
    }

    pub(crate) async fn le_event(&self, subcode: u8) -> Vec<u8> {
        self.wait(|kind, bytes| {
            (kind == PacketKind::Event && bytes[0] == 0x3E && bytes[2] == subcode)
                .then(|| bytes[3..].to_vec())
        })
        .await
    }

    /// The next ACL data packet: handle with flags, and data.
    pub(crate) async fn data(&self) -> (u16, Vec<u8>) {
        self.wait(|kind, bytes| {
            let head = u16::from_le_bytes([bytes[0], bytes[1]]);
            (kind == PacketKind::AclData).then(|| (head, bytes[4..].to_vec()))
        })
        .await
    }

    /// The next event or data of any kind, in the order of arrival.
    pub(crate) async fn any(&self) -> (PacketKind, Vec<u8>) {
        self.wait(|kind, bytes| Some((kind, bytes.to_vec()))).await
    }

    /// Whether anything of this event code was read and not taken.
    pub(crate) fn has_event(&self, code: u8) -> bool {
        self.backlog.borrow().iter().any(|(kind, bytes)| *kind == PacketKind::Event && bytes[0] == code)
    }

    pub(crate) fn try_send(&self, head: u16, data: &[u8]) -> Result<(), air::HostError> {
        let packet = [&head.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat();
        self.controller.write_packet(PacketKind::AclData, &packet)
    }

    pub(crate) fn send(&self, head: u16, data: &[u8]) {
        self.try_send(head, data).unwrap();
    }

    /// Reset, and no event masked.
    pub(crate) async fn start(&self) {
        self.must(RESET, &[]).await;
        self.must(0x0C01, &[0xFF; 8]).await;
        self.must(0x2001, &[0xFF; 8]).await;
    }

    pub(crate) async fn advertise(&self) {
        self.must(0x2006, &advertising_parameters(0x00A0, 0, 0)).await;
        self.must(0x200A, &[1]).await;
    }

    pub(crate) async fn disconnect(&self, handle: u16) {
        let [low, high] = handle.to_le_bytes();
        self.must(DISCONNECT, &[low, high, 0x13]).await;
    }

    pub(crate) fn no_errors(&self) {
        assert_eq!(self.controller.host_errors(), air::HostErrors::default());
    }
}

/// Interval in 625 us, Advertising_Type, filter policy; public address.
pub(crate) fn advertising_parameters(interval: u16, kind: u8, filter: u8) -> [u8; 15] {
    let [l, h] = interval.to_le_bytes();
    [l, h, l, h, kind, 0, 0, 0, 0, 0, 0, 0, 0, 7, filter]
}

/// LE Create Connection to a public address: interval in 1.25 ms, supervision timeout in 10 ms; listens always.
pub(crate) fn create_connection(peer: [u8; 6], interval: u16, timeout: u16) -> Vec<u8> {
    let (interval, timeout) = (interval.to_le_bytes(), timeout.to_le_bytes());
    let mut parameters = vec![0x10, 0, 0x10, 0, 0, 0];
    parameters.extend(peer);
    parameters.push(0);
    parameters.extend([interval, interval, [0, 0], timeout, [0, 0], [0, 0]].concat());
    parameters
}

pub(crate) fn handle_of(connection_complete: &[u8]) -> u16 {
    assert_eq!(connection_complete[0], 0, "the connection failed");
    u16::from_le_bytes([connection_complete[1], connection_complete[2]])
}

pub(crate) fn pair(air: &Air) -> (Host, Host) {
    (Host::new(air, ControllerConfig::default()), Host::new(air, ControllerConfig::default()))
}

/// Both started and connected; gives the handles.
pub(crate) async fn connect(central: &Host, peripheral: &Host, interval: u16, timeout: u16) -> (u16, u16) {
    central.start().await;
    peripheral.start().await;
    reconnect(central, peripheral, interval, timeout).await
}

pub(crate) async fn reconnect(central: &Host, peripheral: &Host, interval: u16, timeout: u16) -> (u16, u16) {
    peripheral.advertise().await;
    central.must(0x200D, &create_connection(peripheral.controller.public_address(), interval, timeout)).await;
    let handles =
        (central.le_event(CONNECTION_COMPLETE).await, peripheral.le_event(CONNECTION_COMPLETE).await);
    (handle_of(&handles.0), handle_of(&handles.1))
}

/// The last byte of Disconnection Complete.
pub(crate) async fn reason(host: &Host) -> u8 {
    host.event(DISCONNECTION_COMPLETE).await[3]
}
