//! Data on its way into memory: to flash as it is, to flash decompressed, to RAM.

use super::packet::{Refusal, Request};
use crate::flash::{Flash, OutOfRange};
use miniz_oxide::DataFormat;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{MZError, MZFlush, MZStatus};
use std::ops::Range;

impl From<OutOfRange> for Refusal {
    fn from(_: OutOfRange) -> Self {
        Self::OutOfRange
    }
}

pub(super) fn to_usize(word: u32) -> Result<usize, Refusal> {
    usize::try_from(word).map_err(|_| Refusal::OutOfRange)
}

/// A transfer to flash that has been begun.
pub(super) struct FlashTransfer {
    /// Where the next byte goes.
    at: usize,
    /// Behind the last byte that may be written.
    end: usize,
    /// Number of the next block.
    next: u32,
    blocks: u32,
    /// The transfer is compressed.
    inflate: Option<Box<InflateState>>,
    stream_ended: bool,
}

impl FlashTransfer {
    /// Takes FLASH_BEGIN or FLASH_DEFL_BEGIN: bytes to erase, blocks, length of each, offset; some loaders
    /// have a fifth word, whether to encrypt.
    pub(super) fn begin(request: &Request<'_>, flash: &mut Flash, compressed: bool) -> Result<Self, Refusal> {
        let ([size, blocks, block_len, offset], rest) = request.words::<4>()?;
        if !matches!(rest, [] | [_, _, _, _]) {
            return Err(Refusal::Malformed);
        }
        let (offset, size, block_len) = (to_usize(offset)?, to_usize(size)?, to_usize(block_len)?);
        let of_blocks = || to_usize(blocks)?.checked_mul(block_len).ok_or(Refusal::OutOfRange);
        // Blocks are filled up to their length; what is compressed ends where it was said to.
        let len = if compressed { size } else { of_blocks()? };
        let end = offset.checked_add(len).ok_or(Refusal::OutOfRange)?;
        flash.read(offset, len)?;
        if size > 0 {
            flash.erase(offset, size)?;
        }
        let inflate = compressed.then(|| InflateState::new_boxed(DataFormat::Zlib));
        Ok(Self { at: offset, end, next: 0, blocks, inflate, stream_ended: false })
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.inflate.is_some()
    }

    /// Takes the next block.
    pub(super) fn data(&mut self, request: &Request<'_>, flash: &mut Flash) -> Result<(), Refusal> {
        let (seq, block) = request.block()?;
        if seq != self.next || seq >= self.blocks {
            return Err(Refusal::NotBegun);
        }
        match self.inflate.take() {
            None => self.program(flash, block)?,
            Some(mut state) => {
                let done = self.decompress(&mut state, flash, block);
                self.inflate = Some(state);
                done?;
            }
        }
        self.next += 1;
        Ok(())
    }

    fn decompress(
        &mut self,
        state: &mut InflateState,
        flash: &mut Flash,
        mut input: &[u8],
    ) -> Result<(), Refusal> {
        let mut output = [0; 4096];
        loop {
            let step = inflate(state, input, &mut output, MZFlush::None);
            input = input.get(step.bytes_consumed..).unwrap_or_default();
            self.program(flash, output.get(..step.bytes_written).unwrap_or_default())?;
            match step.status {
                Ok(MZStatus::StreamEnd) => {
                    self.stream_ended = true;
                    return Ok(());
                }
                // It wants more input: the next block's.
                Ok(MZStatus::Ok) | Err(MZError::Buf)
                    if input.is_empty() && step.bytes_written < output.len() =>
                {
                    return Ok(());
                }
                Ok(MZStatus::Ok) if step.bytes_consumed + step.bytes_written > 0 => {}
                _ => return Err(Refusal::Deflate),
            }
        }
    }

    fn program(&mut self, flash: &mut Flash, data: &[u8]) -> Result<(), Refusal> {
        let end = self.at.checked_add(data.len()).filter(|end| *end <= self.end).ok_or(Refusal::TooMuch)?;
        flash.program(self.at, data)?;
        self.at = end;
        Ok(())
    }

    /// Whether every byte that was announced has come. A tool that writes nothing announces nothing.
    pub(super) fn finish(&self) -> Result<(), Refusal> {
        let whole = self.inflate.is_none() || self.stream_ended || self.blocks == 0;
        if self.next == self.blocks && whole { Ok(()) } else { Err(Refusal::NotEnough) }
    }
}

/// Pieces of a program that RAM can take.
const RAM_PIECES: usize = 16;

/// Longest piece in bytes: more than any of the chips has.
const RAM_LEN: u32 = 1024 * 1024;

/// Where the chip goes on at the end of a transfer to RAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// In the loader.
    Stay,
    /// In the program that was loaded.
    Program,
    /// Where no program was loaded.
    Nowhere,
}

/// What has been loaded to RAM. Only where it lies is kept: nothing here runs it.
#[derive(Debug, Default)]
pub(super) struct Ram {
    pieces: Vec<Range<u32>>,
    /// Bytes that are missing in the piece under way, and the number of its next block.
    open: Option<(u32, u32)>,
}

impl Ram {
    /// Takes MEM_BEGIN: bytes, blocks, length of each, address.
    pub(super) fn begin(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        let ([len, _, _, address], []) = request.words::<4>()? else { return Err(Refusal::Malformed) };
        let end = address.checked_add(len).filter(|_| len <= RAM_LEN).ok_or(Refusal::OutOfRange)?;
        if self.pieces.len() == RAM_PIECES {
            return Err(Refusal::TooMuch);
        }
        self.pieces.push(address..end);
        self.open = Some((len, 0));
        Ok(())
    }

    /// Takes MEM_DATA.
    pub(super) fn data(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        let (seq, block) = request.block()?;
        let (missing, next) = self.open.as_mut().ok_or(Refusal::NotBegun)?;
        if seq != *next {
            return Err(Refusal::NotBegun);
        }
        let len = u32::try_from(block.len()).map_err(|_| Refusal::TooMuch)?;
        *missing = missing.checked_sub(len).ok_or(Refusal::TooMuch)?;
        *next += 1;
        Ok(())
    }

    /// Takes MEM_END: whether to stay, and else where to go on.
    pub(super) fn end(&mut self, request: &Request<'_>) -> Result<Entry, Refusal> {
        let ([stay, entry], []) = request.words::<2>()? else { return Err(Refusal::Malformed) };
        let (missing, _) = self.open.take().ok_or(Refusal::NotBegun)?;
        if missing > 0 {
            return Err(Refusal::NotEnough);
        }
        Ok(match stay {
            0 if self.pieces.iter().any(|piece| piece.contains(&entry)) => Entry::Program,
            0 => Entry::Nowhere,
            _ => Entry::Stay,
        })
    }
}
