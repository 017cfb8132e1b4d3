//! Taking PDUs apart and putting them together.

use core::ops::Range;

use crate::error::AttError;

/// Why a request is refused: the attribute handle and code of the Error Response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) handle: u16,
    pub(crate) error: AttError,
}

impl Refusal {
    pub(crate) const fn at(handle: u16, error: AttError) -> Self {
        Self { handle, error }
    }

    /// A refusal of the request as such (Core Vol 3 Part F 3.3).
    pub(crate) const fn of_request(error: AttError) -> Self {
        Self { handle: 0, error }
    }
}

/// Takes a 16-bit field off the front.
pub(crate) fn take_u16(parameters: &[u8]) -> Result<(u16, &[u8]), Refusal> {
    match parameters.split_first_chunk() {
        Some((bytes, rest)) => Ok((u16::from_le_bytes(*bytes), rest)),
        None => Err(Refusal::of_request(AttError::INVALID_PDU)),
    }
}

/// Refuses a PDU with something behind its last field.
pub(crate) fn end(rest: &[u8]) -> Result<(), Refusal> {
    if rest.is_empty() { Ok(()) } else { Err(Refusal::of_request(AttError::INVALID_PDU)) }
}

/// A PDU being written. What goes beyond ATT_MTU is cut.
pub(crate) struct Response<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Response<'a> {
    pub(crate) fn new(out: &'a mut [u8], mtu: usize) -> Self {
        let end = out.len().min(mtu);
        Self { out: out.get_mut(..end).unwrap_or_default(), len: 0 }
    }

    /// Starts the PDU afresh.
    pub(crate) fn begin(&mut self, opcode: u8) {
        self.len = 0;
        self.put(&[opcode]);
    }

    /// Appends as much as fits.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.room());
        let Some(free) = self.out.get_mut(self.len..self.len + taken) else {
            return;
        };
        let Some(part) = bytes.get(..taken) else { return };
        free.copy_from_slice(part);
        self.len += taken;
    }

    /// Appends what has been put before, as much as fits.
    pub(crate) fn repeat(&mut self, range: Range<usize>) {
        let taken = range.len().min(self.room());
        let source = range.start..range.start.saturating_add(taken);
        if source.end <= self.len {
            self.out.copy_within(source, self.len);
            self.len += taken;
        }
    }

    /// Bytes left.
    pub(crate) fn room(&self) -> usize {
        self.out.len() - self.len
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
