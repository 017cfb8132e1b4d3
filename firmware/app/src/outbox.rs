//! What waits to go to the harness: a bounded queue of encoded frames that never blocks.

use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::fmt::{self, Write as _};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use embedded_io_async::Write;
use wire::{Answer, Event, FromBoard, Hello};

/// Bytes that may wait. At 921600 baud this is 0.18 s of the line.
const QUEUE: usize = 16 * 1024;
/// Room that events leave to answers, so that a barrier is answered even after an overflow.
const KEPT_FOR_ANSWERS: usize = 1024;
/// Longest payload that the board sends: a value of 512 bytes and the fields around it.
const MAX_PAYLOAD: usize = 560;
/// Longest line of the application's that is sent, in bytes; the rest is cut.
const MAX_LOG: usize = 400;

/// The board's half of the link, sending.
pub(crate) struct Outbox {
    queue: Pipe<NoopRawMutex, QUEUE>,
    scratch: RefCell<Scratch>,
    seq: Cell<u32>,
    lost: Cell<u32>,
}

struct Scratch {
    payload: [u8; MAX_PAYLOAD],
    frame: [u8; wire::frame_len(MAX_PAYLOAD)],
}

impl Outbox {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            queue: Pipe::new(),
            scratch: RefCell::new(Scratch {
                payload: [0; MAX_PAYLOAD],
                frame: [0; wire::frame_len(MAX_PAYLOAD)],
            }),
            seq: Cell::new(0),
            lost: Cell::new(0),
        })
    }

    /// Queues an event. When there is no room it is counted as lost; its number is not used again, so
    /// that the gap shows, and an [`Event::Overflow`] follows as soon as there is room.
    pub(crate) fn event(&self, event: Event<'_>) {
        let lost = self.lost.get();
        if lost > 0 {
            if !self.numbered(Event::Overflow(lost)) {
                self.lost.set(lost.saturating_add(1));
                self.skip_number();
                return;
            }
            self.lost.set(0);
        }
        if !self.numbered(event) {
            self.lost.set(1);
            self.skip_number();
        }
    }

    fn numbered(&self, event: Event<'_>) -> bool {
        let sent = self.message(&FromBoard::Event { seq: self.seq.get(), event }, KEPT_FOR_ANSWERS);
        if sent {
            self.skip_number();
        }
        sent
    }

    fn skip_number(&self) {
        self.seq.set(self.seq.get().wrapping_add(1));
    }

    /// Queues the answer to request `id`.
    pub(crate) fn answer(&self, id: u16, answer: Answer<'_>) {
        // No room for it means that nobody has read the line for a long time: nobody waits for it.
        let _ = self.message(&FromBoard::Answer { id, answer }, 0);
    }

    /// Queues the answer to a barrier: how many events have been emitted.
    pub(crate) fn barrier(&self, id: u16) {
        if self.lost.get() > 0 && self.numbered(Event::Overflow(self.lost.get())) {
            self.lost.set(0);
        }
        self.answer(id, Answer::Barrier { events: self.seq.get() });
    }

    /// Queues a Hello.
    pub(crate) fn hello(&self, hello: &Hello<'_>) {
        let mut scratch = self.scratch.borrow_mut();
        let Scratch { payload, frame } = &mut *scratch;
        if let Some(payload) = hello.encode(payload) {
            self.frame(payload, frame, 0);
        }
    }

    fn message(&self, message: &FromBoard<'_>, keep_free: usize) -> bool {
        let mut scratch = self.scratch.borrow_mut();
        let Scratch { payload, frame } = &mut *scratch;
        match postcard::to_slice(message, payload) {
            Ok(payload) => self.frame(payload, frame, keep_free),
            Err(_) => false,
        }
    }

    /// A frame goes in whole or not at all.
    fn frame(&self, payload: &[u8], frame: &mut [u8], keep_free: usize) -> bool {
        let Ok(len) = wire::encode_frame(payload, frame) else {
            return false;
        };
        let Some(mut rest) = frame.get(..len) else {
            return false;
        };
        if self.queue.free_capacity() < len + keep_free {
            return false;
        }
        // The queue is a ring: a frame may go in in two parts.
        while let Ok(written @ 1..) = self.queue.try_write(rest) {
            rest = rest.get(written..).unwrap_or_default();
        }
        rest.is_empty()
    }

    /// Moves the queue's bytes to the line, for ever. A line that nobody reads stops this, and nothing
    /// else.
    pub(crate) async fn drain<W: Write>(&self, mut line: W) -> W::Error {
        let mut chunk = [0u8; 256];
        loop {
            let len = self.queue.read(&mut chunk).await;
            let result = line.write_all(chunk.get(..len).unwrap_or_default()).await;
            let result = match result {
                Ok(()) if self.queue.is_empty() => line.flush().await,
                other => other,
            };
            if let Err(error) = result {
                return error;
            }
        }
    }
}

/// Where the application prints its lines: the harness sees each as an event.
#[derive(Clone)]
pub struct Console {
    outbox: Rc<Outbox>,
    /// For devices that are wrong on purpose.
    #[cfg(feature = "mutants")]
    rules: crate::mutants::LineRules,
}

impl Console {
    pub(crate) fn new(outbox: Rc<Outbox>) -> Self {
        Self {
            outbox,
            #[cfg(feature = "mutants")]
            rules: crate::mutants::LineRules::default(),
        }
    }

    /// Prints one line. What is over 400 bytes is cut, at a character's edge.
    pub fn line(&self, text: impl fmt::Display) {
        let mut line = Line { bytes: [0; MAX_LOG], len: 0 };
        // The only error is a full line, which is cut.
        let _ = write!(line, "{text}");
        #[cfg(feature = "mutants")]
        if self.rules.print_otherwise(line.text(), self) {
            return;
        }
        self.outbox.event(Event::Log(line.text()));
    }
}

#[cfg(feature = "mutants")]
impl Console {
    /// The same console with other rules.
    pub(crate) fn with_rules(&self, rules: crate::mutants::LineRules) -> Self {
        Self { outbox: self.outbox.clone(), rules }
    }

    /// Prints a line as it is.
    pub(crate) fn print(&self, line: &str) {
        self.outbox.event(Event::Log(line));
    }

    /// Tells the harness that the device has been wrong.
    pub(crate) fn deviated(&self) {
        self.outbox.event(Event::Deviated);
    }
}

struct Line {
    bytes: [u8; MAX_LOG],
    len: usize,
}

impl Line {
    fn text(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_LOG - self.len;
        let cut = text.get(..floor_char_boundary(text, room)).unwrap_or_default();
        if let Some(place) = self.bytes.get_mut(self.len..self.len + cut.len()) {
            place.copy_from_slice(cut.as_bytes());
            self.len += cut.len();
        }
        if cut.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// The greatest character boundary that is not above `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;
    use wire::{Decoder, Item};

    /// Everything that waits, decoded.
    fn take(outbox: &Outbox) -> Vec<String> {
        let (mut decoder, mut messages) = (Decoder::new(), Vec::new());
        let mut chunk = [0; 100];
        while let Ok(len) = outbox.queue.try_read(&mut chunk) {
            decoder.push(&chunk[..len], |item| {
                let Item::Payload(payload) = item else { panic!("console text from the outbox") };
                messages
                    .push(alloc::format!("{:?}", postcard::from_bytes::<FromBoard<'_>>(payload).unwrap()));
            });
        }
        messages
    }

    #[test]
    fn an_overflow_leaves_a_gap_and_says_how_much_was_lost() {
        let outbox = Outbox::new();
        for conn in 0..2000 {
            outbox.event(Event::Connected { conn });
        }
        outbox.barrier(1);
        let before = take(&outbox);
        let sent = before.len() - 1;
        assert!(sent < 2000 && before[sent].contains("Barrier { events: 2000 }"), "{}", before[sent]);
        outbox.barrier(2);
        let after = take(&outbox);
        let lost = 2000 - sent;
        assert_eq!(
            after,
            [
                alloc::format!("Event {{ seq: 2000, event: Overflow({lost}) }}"),
                "Answer { id: 2, answer: Barrier { events: 2001 } }".into(),
            ]
        );
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let outbox = Outbox::new();
        Console::new(outbox.clone()).line("ä".repeat(MAX_LOG));
        assert_eq!(take(&outbox)[0].matches('ä').count(), MAX_LOG / 2);
    }
}
