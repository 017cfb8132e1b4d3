//! The host's side of the protocol, by itself.

use board::flash::Flash;
use board::rom::{Chip, Loader, Output};

pub(crate) const MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 0x01, 0xC0, 0xDB];

/// A loader, its flash, and what it gave besides bytes.
pub(crate) struct Bench {
    pub(crate) loader: Loader,
    pub(crate) flash: Flash,
    pub(crate) rest: Vec<Output>,
}

/// A reply taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) value: u32,
    /// Data and status.
    pub(crate) body: Vec<u8>,
}

impl Bench {
    pub(crate) fn new(chip: Chip) -> Self {
        Self { loader: Loader::new(chip, MAC), flash: Flash::default(), rest: vec![] }
    }

    /// A loader with a stub in the ROM's place.
    pub(crate) fn with_stub(chip: Chip) -> Self {
        let mut bench = Self::new(chip);
        bench.ok(0x05, &words(&[4, 1, 4, 0x4038_0000]), 0);
        bench.ok(0x07, &block(0, &[1, 2, 3, 4]), checksum(&[1, 2, 3, 4]));
        let packets = bench.send(0x06, &words(&[0, 0x4038_0002]), 0);
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[1], b"OHAI");
        bench
    }

    /// Sends bytes as they are; gives the packets that come back.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut line = vec![];
        for output in self.loader.push(bytes, &mut self.flash) {
            match output {
                Output::Bytes(bytes) => line.extend(bytes),
                other => self.rest.push(other),
            }
        }
        unslip(&line)
    }

    pub(crate) fn send(&mut self, opcode: u8, body: &[u8], checksum: u32) -> Vec<Vec<u8>> {
        self.raw(&request(opcode, body, checksum))
    }

    /// The one reply to a command.
    pub(crate) fn ask(&mut self, opcode: u8, body: &[u8], checksum: u32) -> Reply {
        let packets = self.send(opcode, body, checksum);
        assert_eq!(packets.len(), 1, "{packets:02X?}");
        reply(&packets[0], opcode)
    }

    /// The same for a command that succeeds; its data without the status.
    pub(crate) fn ok(&mut self, opcode: u8, body: &[u8], checksum: u32) -> Vec<u8> {
        let packets = self.send(opcode, body, checksum);
        let body = reply(&packets[0], opcode).body;
        let status_len = if body.len().is_multiple_of(4) { 4 } else { 2 };
        let (data, status) = body.split_at(body.len() - status_len);
        assert!(status.iter().all(|byte| *byte == 0), "command {opcode:#04x}: {body:02X?}");
        data.to_vec()
    }
}

pub(crate) fn reply(packet: &[u8], opcode: u8) -> Reply {
    assert_eq!(packet[..2], [1, opcode], "{packet:02X?}");
    assert_eq!(usize::from(u16::from_le_bytes([packet[2], packet[3]])), packet.len() - 8);
    Reply { value: u32::from_le_bytes(packet[4..8].try_into().unwrap()), body: packet[8..].to_vec() }
}

pub(crate) fn request(opcode: u8, body: &[u8], checksum: u32) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap();
    slip(&[&[0, opcode], &len.to_le_bytes()[..], &checksum.to_le_bytes(), body].concat())
}

pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub(crate) fn block(seq: u32, data: &[u8]) -> Vec<u8> {
    [words(&[u32::try_from(data.len()).unwrap(), seq, 0, 0]), data.to_vec()].concat()
}

pub(crate) fn checksum(data: &[u8]) -> u32 {
    u32::from(data.iter().fold(0xEF, |sum, byte| sum ^ byte))
}

pub(crate) fn slip(packet: &[u8]) -> Vec<u8> {
    let escaped = packet.iter().flat_map(|byte| match byte {
        0xC0 => vec![0xDB, 0xDC],
        0xDB => vec![0xDB, 0xDD],
        byte => vec![*byte],
    });
    [vec![0xC0], escaped.collect(), vec![0xC0]].concat()
}

pub(crate) fn unslip(line: &[u8]) -> Vec<Vec<u8>> {
    let packets = line.split(|byte| *byte == 0xC0).filter(|packet| !packet.is_empty());
    let mut unescaped = vec![];
    for packet in packets {
        let (mut out, mut bytes) = (vec![], packet.iter());
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                0xDB if *bytes.next().unwrap() == 0xDC => 0xC0,
                0xDB => 0xDB,
                byte => *byte,
            });
        }
        unescaped.push(out);
    }
    unescaped
}
