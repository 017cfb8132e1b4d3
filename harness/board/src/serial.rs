//! A serial line in memory.

use core::cell::RefCell;
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use embedded_io_async::{ErrorType, Read, Write};
use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes that one direction holds, as a UART's driver does. A writer waits when it is full.
const BUFFER: usize = 4096;

/// One read in this many comes in a piece of random length; the others take all there is.
const CUT_ONE_IN: u8 = 8;

/// Both ends of a new line. Chunk lengths are drawn from `rng`.
#[must_use]
pub fn serial(rng: &mut fastrand::Rng) -> (SerialEnd, SerialEnd) {
    let there = Rc::new(RefCell::new(Direction::new(rng.fork())));
    let back = Rc::new(RefCell::new(Direction::new(rng.fork())));
    let near = SerialEnd { incoming: back.clone(), outgoing: there.clone() };
    let far = SerialEnd { incoming: there, outgoing: back };
    (near, far)
}

/// One end of a serial line: reads and writes are cancel-safe and never fail.
#[derive(Clone)]
pub struct SerialEnd {
    incoming: Rc<RefCell<Direction>>,
    outgoing: Rc<RefCell<Direction>>,
}

struct Direction {
    bytes: VecDeque<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    rng: fastrand::Rng,
}

impl Direction {
    fn new(rng: fastrand::Rng) -> Self {
        Self { bytes: VecDeque::with_capacity(BUFFER), reader: None, writer: None, rng }
    }

    fn read(&mut self, buf: &mut [u8]) -> usize {
        let there = self.bytes.len().min(buf.len());
        let len = match self.rng.u8(..CUT_ONE_IN) {
            0 => self.rng.usize(1..=there),
            _ => there,
        };
        // Whole slices: the ring may hold the bytes in two parts.
        let (first, second) = self.bytes.as_slices();
        let from_first = len.min(first.len());
        if let Some((head, tail)) = buf.get_mut(..len).and_then(|buf| buf.split_at_mut_checked(from_first)) {
            head.copy_from_slice(first.get(..from_first).unwrap_or_default());
            tail.copy_from_slice(second.get(..len - from_first).unwrap_or_default());
        }
        self.bytes.drain(..len);
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
        len
    }

    fn write(&mut self, buf: &[u8]) -> usize {
        let len = buf.len().min(BUFFER - self.bytes.len());
        self.bytes.extend(buf.get(..len).unwrap_or_default());
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        len
    }
}

impl ErrorType for SerialEnd {
    type Error = Infallible;
}

impl Read for SerialEnd {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            let mut incoming = self.incoming.borrow_mut();
            if buf.is_empty() {
                return Poll::Ready(Ok(0));
            }
            if incoming.bytes.is_empty() {
                incoming.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Ok(incoming.read(buf)))
        })
        .await
    }
}

impl Write for SerialEnd {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            let mut outgoing = self.outgoing.borrow_mut();
            if outgoing.bytes.len() == BUFFER && !buf.is_empty() {
                outgoing.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Ok(outgoing.write(buf)))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
