//! The chip's end of the serial line: ten bits a byte, at the speed that was chosen.

use super::pty::Pty;
use core::convert::Infallible;
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use std::cell::Cell;

/// What the ROM and the application begin with, in baud.
pub(super) const BAUD: u32 = 115_200;

/// A byte, with its start and stop bits.
const BITS: u64 = 10;

/// Bytes travel in pieces of about this long, so that the clock is not asked for each.
const PIECE: Duration = Duration::from_millis(2);

/// Two speeds understand each other when they differ by less than this part of either: three per cent.
const TOLERANCE: u32 = 33;

/// The line. One reader and one writer at a time.
pub(super) struct Uart<'a> {
    pty: &'a Pty,
    /// The chip's speed; `None` where it takes the host's, as the ROM does.
    baud: Cell<Option<u32>>,
    /// When the latest byte of each direction has passed.
    received: Cell<Instant>,
    sent: Cell<Instant>,
}

impl<'a> Uart<'a> {
    pub(super) fn new(pty: &'a Pty) -> Self {
        let now = Instant::now();
        Self { pty, baud: Cell::new(Some(BAUD)), received: Cell::new(now), sent: Cell::new(now) }
    }

    /// Sets the speed in baud; `None` takes the host's.
    pub(super) fn set_baud(&self, baud: Option<u32>) {
        self.baud.set(baud);
    }

    /// The speed in force, in baud.
    pub(super) fn baud(&self) -> u32 {
        self.baud.get().or_else(|| self.pty.host_baud()).filter(|baud| *baud > 0).unwrap_or(BAUD)
    }

    /// Puts bytes on the line from outside: nobody waits for them.
    pub(super) fn disturb(&self, noise: &[u8]) {
        self.pty.stream.write(noise);
    }

    /// Waits for bytes, and until they have passed.
    pub(super) async fn receive(&self, max: usize) -> Vec<u8> {
        let mut bytes = self.pty.stream.read(max.min(self.piece())).await;
        self.pass(&self.received, bytes.len()).await;
        self.garble(&mut bytes);
        bytes
    }

    /// Sends all of these bytes.
    pub(super) async fn send(&self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece()) {
            self.pass(&self.sent, piece.len()).await;
            let mut piece = piece.to_vec();
            self.garble(&mut piece);
            self.pty.stream.write(&piece);
        }
    }

    /// Bytes in a piece, at least one.
    fn piece(&self) -> usize {
        let bytes = u64::from(self.baud()) * PIECE.as_micros() / BITS / 1_000_000;
        usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
    }

    /// Waits until so many more bytes have passed. A direction that was idle does not make up for it.
    async fn pass(&self, passed: &Cell<Instant>, len: usize) {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        let takes = len.saturating_mul(BITS * 1_000_000) / u64::from(self.baud());
        // Being woken late is no idleness.
        let began = passed.get().max(Instant::now().saturating_sub(PIECE));
        passed.set(began + Duration::from_micros(takes));
        Timer::at(passed.get()).await;
    }

    /// Ends that count the bits at different speeds understand nothing.
    fn garble(&self, bytes: &mut [u8]) {
        let (chip, host) = (self.baud(), self.pty.host_baud().unwrap_or(BAUD));
        if chip.abs_diff(host) > chip.min(host) / TOLERANCE {
            bytes.iter_mut().for_each(|byte| *byte = !byte.rotate_left(1));
        }
    }
}

impl ErrorType for &Uart<'_> {
    type Error = Infallible;
}

impl Read for &Uart<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let bytes = self.receive(buf.len()).await;
        if let Some(place) = buf.get_mut(..bytes.len()) {
            place.copy_from_slice(&bytes);
        }
        Ok(bytes.len())
    }
}

impl Write for &Uart<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        self.send(buf).await;
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
