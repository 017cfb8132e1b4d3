//! A device made of a script, over a bare HCI host: it does what no right device would.

use air::{Air, Controller, ControllerConfig};
use bt_hci_transport::PacketKind;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use std::cell::{Cell, RefCell};
use wire::Event;

pub(crate) const ATT: u16 = 4;

/// What the scripted device does about one PDU.
pub(crate) enum Act {
    /// Sends these frames: channel and payload.
    Send(Vec<(u16, Vec<u8>)>),
    /// Ends the connection.
    Disconnect,
    /// Is never heard of again.
    Vanish,
}

/// Name and text of each YAML file in a folder of the repository, by name.
pub(crate) fn files(folder: &str) -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// One ATT PDU in answer.
pub(crate) fn att(pdu: &[u8]) -> Act {
    Act::Send(vec![(ATT, pdu.to_vec())])
}

type Script<'a> = Box<dyn FnMut(u16, &[u8]) -> Act + 'a>;

/// The radio side of the device.
pub(crate) struct Peer<'a> {
    air: Air,
    radio: Controller,
    script: RefCell<Script<'a>>,
    /// What the control link reports.
    pub(crate) events: RefCell<Vec<Event<'static>>>,
    /// There are new ones.
    pub(crate) reported: Signal<NoopRawMutex, ()>,
    handle: Cell<u16>,
}

impl<'a> Peer<'a> {
    pub(crate) fn new(air: &Air, script: impl FnMut(u16, &[u8]) -> Act + 'a) -> Self {
        Self {
            air: air.clone(),
            radio: air.controller(ControllerConfig::default()),
            script: RefCell::new(Box::new(script)),
            events: RefCell::default(),
            reported: Signal::new(),
            handle: Cell::new(0),
        }
    }

    fn command(&self, opcode: u16, parameters: &[u8]) {
        let [low, high] = opcode.to_le_bytes();
        let packet = [&[low, high, parameters.len() as u8], parameters].concat();
        self.radio.write_packet(PacketKind::Cmd, &packet).unwrap();
    }

    pub(crate) fn advertise(&self, address: [u8; 6]) {
        self.command(0x0C03, &[]);
        self.command(0x0C01, &[0xFF; 8]);
        self.command(0x2005, &address);
        self.command(0x2006, &[0x30, 0, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
        self.command(0x200A, &[1]);
    }

    fn send(&self, cid: u16, payload: &[u8]) {
        let mut frame = (payload.len() as u16).to_le_bytes().to_vec();
        frame.extend_from_slice(&cid.to_le_bytes());
        frame.extend_from_slice(payload);
        let mut boundary = 0x0000;
        for fragment in frame.chunks(27) {
            let mut packet = (self.handle.get() | boundary).to_le_bytes().to_vec();
            packet.extend_from_slice(&(fragment.len() as u16).to_le_bytes());
            packet.extend_from_slice(fragment);
            // No more than the controller's 8 buffers are ever needed here.
            self.radio.write_packet(PacketKind::AclData, &packet).unwrap();
            boundary = 0x1000;
        }
    }

    /// Serves the radio for ever.
    pub(crate) async fn run(&self) {
        let mut packet = [0; 300];
        let mut frame = Vec::new();
        loop {
            let (kind, len) = self.radio.read_packet(&mut packet).await;
            let packet = &packet[..len];
            match kind {
                PacketKind::Event if packet[0] == 0x3E && packet[2] == 0x01 && packet[3] == 0 => {
                    self.handle.set(u16::from_le_bytes([packet[4], packet[5]]));
                    self.report(Event::Connected { conn: 0 });
                }
                PacketKind::Event if packet[0] == 0x05 => {
                    self.report(Event::Disconnected { conn: 0, reason: packet[5] });
                }
                PacketKind::AclData => {
                    frame.extend_from_slice(&packet[4..]);
                    let wanted = 4 + usize::from(u16::from_le_bytes([frame[0], frame[1]]));
                    if frame.len() == wanted {
                        let cid = u16::from_le_bytes([frame[2], frame[3]]);
                        self.serve(cid, &frame[4..]);
                        frame.clear();
                    }
                }
                _ => {}
            }
        }
    }

    fn report(&self, event: Event<'static>) {
        self.events.borrow_mut().push(event);
        self.reported.signal(());
    }

    fn serve(&self, cid: u16, payload: &[u8]) {
        if cid == ATT {
            let opcode = payload.first().copied().unwrap_or(0);
            let len = payload.len() as u16;
            self.report(Event::Received { conn: 0, opcode, len });
        }
        match (self.script.borrow_mut())(cid, payload) {
            Act::Send(frames) => frames.iter().for_each(|(cid, payload)| self.send(*cid, payload)),
            Act::Disconnect => {
                let [low, high] = self.handle.get().to_le_bytes();
                self.command(0x0406, &[low, high, 0x13]);
            }
            Act::Vanish => self.air.set_loss(1000),
        }
    }
}
