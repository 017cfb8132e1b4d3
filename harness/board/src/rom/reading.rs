//! READ_FLASH of the stub: flash goes to the host in packets, a window of them ahead of the host's
//! acknowledgements, and their MD5 at the end.

use super::packet::{Refusal, Request};
use super::transfer::to_usize;
use crate::flash::Flash;
use md5::{Digest as _, Md5};
use std::collections::VecDeque;

/// Longest packet, in bytes.
const PACKET_LEN: usize = 4096;
/// Most packets ahead of the host's acknowledgement, whatever it allows.
const WINDOW: usize = 16;

/// A read under way.
#[derive(Debug)]
pub(super) struct Reading {
    offset: usize,
    len: usize,
    packet_len: usize,
    window: usize,
    sent: usize,
    /// What was sent by the end of each packet that is not acknowledged.
    ahead: VecDeque<usize>,
    digest_sent: bool,
}

impl Reading {
    /// Takes READ_FLASH: offset, bytes, longest packet, packets ahead.
    pub(super) fn begin(request: &Request<'_>, flash: &Flash) -> Result<Self, Refusal> {
        let ([offset, len, packet_len, window], []) = request.words()? else {
            return Err(Refusal::Malformed);
        };
        let (offset, len) = (to_usize(offset)?, to_usize(len)?);
        let (packet_len, window) = (to_usize(packet_len)?, to_usize(window)?);
        flash.read(offset, len)?;
        if packet_len == 0 || packet_len > PACKET_LEN || window == 0 {
            return Err(Refusal::Malformed);
        }
        let ahead = VecDeque::new();
        let window = window.min(WINDOW);
        Ok(Self { offset, len, packet_len, window, sent: 0, ahead, digest_sent: false })
    }

    /// What may go out now.
    pub(super) fn next_packets(&mut self, flash: &Flash) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        while self.ahead.len() < self.window && self.sent < self.len {
            let len = self.packet_len.min(self.len - self.sent);
            packets.push(flash.read(self.offset + self.sent, len).unwrap_or_default().to_vec());
            self.sent += len;
            self.ahead.push_back(self.sent);
        }
        if self.sent == self.len && self.ahead.is_empty() && !self.digest_sent {
            self.digest_sent = true;
            let all = flash.read(self.offset, self.len).unwrap_or_default();
            packets.push(Md5::digest(all).to_vec());
        }
        packets
    }

    /// Takes an acknowledgement, which is the count of bytes that have arrived; gives what may go out
    /// then. `None` if the packet is something else.
    pub(super) fn acknowledge(&mut self, packet: &[u8], flash: &Flash) -> Option<Vec<Vec<u8>>> {
        let arrived = u32::from_le_bytes(packet.try_into().ok()?);
        let arrived = usize::try_from(arrived).ok().filter(|arrived| *arrived <= self.sent)?;
        while self.ahead.front().is_some_and(|end| *end <= arrived) {
            self.ahead.pop_front();
        }
        Some(self.next_packets(flash))
    }

    pub(super) fn is_over(&self) -> bool {
        self.digest_sent
    }
}
