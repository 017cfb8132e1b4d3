//! Framing: COBS between zero bytes, with a CRC-32 of the payload.

use alloc::vec::Vec;
use crc::{CRC_32_ISO_HDLC, Crc};

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CRC_LEN: usize = 4;

/// Longest payload in bytes: a device table of some hundred characteristics.
pub const MAX_PAYLOAD: usize = 16 * 1024;

/// Longest encoded frame body: COBS adds one byte in 254.
const MAX_BODY: usize = cobs::max_encoding_length(MAX_PAYLOAD + CRC_LEN);

/// Why a frame could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The payload is over [`MAX_PAYLOAD`], or `out` is too small.
    TooLong,
}

/// Bytes that a frame of a payload of `len` bytes takes at most, zero bytes included.
#[must_use]
pub const fn frame_len(len: usize) -> usize {
    cobs::max_encoding_length(len + CRC_LEN) + 2
}

/// Writes the frame of `payload` into `out` and returns its length.
///
/// # Errors
/// [`FrameError::TooLong`] when `out` has fewer than [`frame_len`] bytes.
pub fn encode_frame(payload: &[u8], out: &mut [u8]) -> Result<usize, FrameError> {
    if payload.len() > MAX_PAYLOAD || out.len() < frame_len(payload.len()) {
        return Err(FrameError::TooLong);
    }
    let body = out.get_mut(1..).ok_or(FrameError::TooLong)?;
    let mut encoder = cobs::CobsEncoder::new(body);
    encoder.push(payload).map_err(|_| FrameError::TooLong)?;
    encoder.push(&CRC.checksum(payload).to_le_bytes()).map_err(|_| FrameError::TooLong)?;
    let end = 1 + encoder.finalize();
    for delimiter in [0, end] {
        *out.get_mut(delimiter).ok_or(FrameError::TooLong)? = 0;
    }
    Ok(end + 1)
}

/// What the byte stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// The payload of an intact frame.
    Payload(&'a [u8]),
    /// Anything else between two zero bytes: boot text, a panic, a damaged frame.
    Console(&'a [u8]),
}

/// Takes a byte stream apart. Memory is bounded whatever comes.
#[derive(Debug, Default)]
pub struct Decoder {
    body: Vec<u8>,
    payload: Vec<u8>,
}

impl Decoder {
    /// An empty decoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, in chunks of any size, and calls `sink` for each item that they end.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(Item<'_>)) {
        let mut pieces = bytes.split(|&byte| byte == 0);
        if let Some(first) = pieces.next() {
            self.extend(first, &mut sink);
        }
        for piece in pieces {
            self.end_body(&mut sink);
            self.extend(piece, &mut sink);
        }
    }

    /// What has come since the last zero byte: the text of a board that sends no frames.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.body
    }

    fn extend(&mut self, piece: &[u8], sink: &mut impl FnMut(Item<'_>)) {
        if self.body.len() + piece.len() > MAX_BODY {
            self.end_body(sink);
        }
        for chunk in piece.chunks(MAX_BODY) {
            if !self.body.is_empty() && self.body.len() + chunk.len() > MAX_BODY {
                self.end_body(sink);
            }
            self.body.extend_from_slice(chunk);
        }
    }

    fn end_body(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        if self.body.is_empty() {
            return;
        }
        match decode_body(&self.body, &mut self.payload) {
            Some(payload) => sink(Item::Payload(payload)),
            None => sink(Item::Console(&self.body)),
        }
        self.body.clear();
    }
}

/// The payload, if the body is COBS and its CRC is right.
fn decode_body<'a>(body: &[u8], out: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    if out.len() < body.len() {
        out.resize(body.len(), 0);
    }
    let len = cobs::decode(body, out).ok()?;
    let len = len.frame_size();
    let (payload, crc) = out.get(..len)?.split_last_chunk::<CRC_LEN>()?;
    (CRC.checksum(payload) == u32::from_le_bytes(*crc)).then_some(payload)
}
