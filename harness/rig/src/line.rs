//! A serial line that damages one frame: what the harness makes of it is under test, not the device.

use embedded_io_async::{ErrorType, Read, Write};

/// Damage to the frame with this number, counted from 0, of those that the board sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFault {
    /// It never arrives.
    Drop(u32),
    /// One of its bytes is another.
    Corrupt(u32),
}

/// A line with at most one fault.
pub struct FaultyLine<S> {
    line: S,
    fault: Option<LinkFault>,
    /// Number of the frame under way.
    frame: u32,
    /// Bytes of it so far.
    body_len: usize,
}

impl<S> FaultyLine<S> {
    /// `line` as it is, but for `fault`.
    pub fn new(line: S, fault: Option<LinkFault>) -> Self {
        Self { line, fault, frame: 0, body_len: 0 }
    }

    /// Applies the fault to bytes in place; gives how many are left.
    fn damage(&mut self, bytes: &mut [u8]) -> usize {
        let Some(fault) = self.fault else { return bytes.len() };
        let mut kept = 0;
        for at in 0..bytes.len() {
            let Some(&byte) = bytes.get(at) else { break };
            let damaged = self.damage_byte(fault, byte);
            if let (Some(byte), Some(slot)) = (damaged, bytes.get_mut(kept)) {
                *slot = byte;
                kept += 1;
            }
        }
        kept
    }

    fn damage_byte(&mut self, fault: LinkFault, byte: u8) -> Option<u8> {
        if byte == 0 {
            self.frame += u32::from(self.body_len > 0);
            self.body_len = 0;
            return Some(byte);
        }
        self.body_len += 1;
        match fault {
            LinkFault::Drop(frame) if frame == self.frame => None,
            // The second byte is data in any frame; never a zero, which would make two frames of it.
            LinkFault::Corrupt(frame) if frame == self.frame && self.body_len == 2 => {
                Some(if byte == 0x55 { 0xAA } else { byte ^ 0x55 })
            }
            _ => Some(byte),
        }
    }
}

impl<S: ErrorType> ErrorType for FaultyLine<S> {
    type Error = S::Error;
}

impl<S: Read> Read for FaultyLine<S> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            let len = self.line.read(buf).await?;
            let kept = self.damage(buf.get_mut(..len).unwrap_or_default());
            // Zero bytes read would mean the end of the line.
            if kept > 0 || len == 0 {
                return Ok(kept);
            }
        }
    }
}

impl<S: Write> Write for FaultyLine<S> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Self::Error> {
        self.line.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.line.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(fault: Option<LinkFault>, bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut line = FaultyLine::new((), fault);
        let mut out = Vec::new();
        for piece in bytes.chunks(chunk) {
            let mut piece = piece.to_vec();
            let kept = line.damage(&mut piece);
            out.extend_from_slice(&piece[..kept]);
        }
        out
    }

    #[test]
    fn exactly_one_frame_is_damaged_whatever_the_chunks() {
        let stream = [0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 7, 8, 9, 0];
        for chunk in 1..=stream.len() {
            assert_eq!(through(None, &stream, chunk), stream);
            let dropped = through(Some(LinkFault::Drop(1)), &stream, chunk);
            assert_eq!(dropped, [0, 1, 2, 3, 0, 0, 0, 0, 7, 8, 9, 0]);
            let corrupt = through(Some(LinkFault::Corrupt(2)), &stream, chunk);
            assert_eq!(corrupt, [0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 7, 8 ^ 0x55, 9, 0]);
        }
    }
}
