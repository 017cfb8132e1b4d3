//! SLIP: packets between 0xC0 bytes (RFC 1055).

const END: u8 = 0xC0;
const ESC: u8 = 0xDB;
const ESC_END: u8 = 0xDC;
const ESC_ESC: u8 = 0xDD;

/// Longest packet in bytes: a block of 16 KiB, its header and some more. Longer ones are dropped.
pub(super) const MAX_PACKET: usize = 0x5000;

/// Takes a byte stream apart into packets. Memory is bounded whatever comes.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    packet: Vec<u8>,
    escaped: bool,
    /// The packet is too long or has a wrong escape: it is dropped at its end.
    damaged: bool,
}

impl Decoder {
    /// Takes one byte; gives the packet that it ends. Empty packets are none.
    pub(super) fn push(&mut self, byte: u8) -> Option<Vec<u8>> {
        match (std::mem::take(&mut self.escaped), byte) {
            (false, ESC) => self.escaped = true,
            (false, END) => return self.end(),
            // An escape that the end cuts short damages its packet, not the next one.
            (true, END) => {
                self.damaged = true;
                return self.end();
            }
            (false, byte) => self.add(byte),
            (true, ESC_END) => self.add(END),
            (true, ESC_ESC) => self.add(ESC),
            (true, _) => self.damaged = true,
        }
        None
    }

    fn add(&mut self, byte: u8) {
        if self.packet.len() == MAX_PACKET {
            self.damaged = true;
        } else {
            self.packet.push(byte);
        }
    }

    fn end(&mut self) -> Option<Vec<u8>> {
        let packet = std::mem::take(&mut self.packet);
        let whole = !std::mem::take(&mut self.damaged);
        (whole && !packet.is_empty()).then_some(packet)
    }
}

/// A packet as it goes over the line.
pub(super) fn encode(packet: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(packet.len() + 2);
    line.push(END);
    for &byte in packet {
        match byte {
            END => line.extend([ESC, ESC_END]),
            ESC => line.extend([ESC, ESC_ESC]),
            byte => line.push(byte),
        }
    }
    line.push(END);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|&byte| decoder.push(byte)).collect()
    }

    #[test]
    fn a_packet_comes_back() {
        let packet = [1, END, 2, ESC, 3];
        assert_eq!(encode(&packet), [END, 1, ESC, ESC_END, 2, ESC, ESC_ESC, 3, END]);
        assert_eq!(decode(&[encode(&packet), encode(&[9])].concat()), [packet.to_vec(), vec![9]]);
    }

    #[test]
    fn what_is_damaged_or_too_long_is_dropped_alone() {
        assert_eq!(decode(&[END, 1, ESC, 7, END, 2, END]), [vec![2]]);
        assert_eq!(decode(&[END, 1, ESC, END, 2, END]), [vec![2]]);
        let long = encode(&vec![5; MAX_PACKET + 1]);
        assert_eq!(decode(&[long, encode(&[6])].concat()), [vec![6]]);
    }
}
