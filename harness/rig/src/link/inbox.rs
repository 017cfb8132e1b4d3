//! What has come from the board: decoded, checked, kept until asked for.

use super::diagnosis;
use crate::fault::Fault;
use std::collections::VecDeque;
use wire::{Answer, Event, FromBoard, Hello, HelloError};

/// Console text kept with a run, in bytes; older text goes first.
const CONSOLE_LIMIT: usize = 64 * 1024;
/// Reports that may wait to be taken. A step of a scenario makes a few dozen.
const REPORT_LIMIT: usize = 64 * 1024;

/// An event of the board, other than [`Event::Received`] (those are only counted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A client connected.
    Connected,
    /// A client disconnected.
    Disconnected {
        /// HCI error code.
        reason: u8,
    },
    /// A handler is about to run.
    Handler {
        /// Characteristic value handle.
        handle: u16,
        /// Event bits.
        event: u16,
        /// For a write, what was written.
        value: Vec<u8>,
    },
    /// What a handler returned was unusable.
    HandlerError {
        /// Characteristic value handle.
        handle: u16,
        /// Why.
        message: String,
    },
    /// A printed line.
    Log(String),
    /// A link is encrypted with the bond's key, for the first time or anew.
    Encrypted {
        /// The key is worth what an authenticated pairing gives.
        authenticated: bool,
        /// Size of the key in bytes.
        key_size: u8,
    },
    /// The board shows this passkey.
    Passkey(u32),
    /// A pairing is complete.
    Paired,
    /// A pairing has failed.
    PairingFailed,
    /// An indication was confirmed.
    Confirmed {
        /// Characteristic value handle.
        handle: u16,
    },
    /// An indication was not confirmed within 30 s.
    IndicationTimeout {
        /// Characteristic value handle.
        handle: u16,
    },
}

/// An answer of the board, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// The application runs under this address, least significant byte first.
    Started([u8; 6]),
    /// How many events were emitted since boot.
    Barrier(u32),
    /// Flags.
    Events(u16),
    /// Bytes.
    Value(Vec<u8>),
    /// A value handle.
    Handle(u16),
    /// The API refused the call.
    Refused(String),
    /// Nobody answered.
    Unhandled,
}

/// Who answered, from [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the image's ELF file; zero on the virtual board.
    pub app_hash: [u8; 32],
    /// Chip name.
    pub chip: String,
    /// MAC address, most significant byte first.
    pub mac: [u8; 6],
    /// Drawn at each boot.
    pub nonce: u32,
}

/// Everything that the reader of the serial line has learnt.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) identity: Option<Identity>,
    pub(crate) reports: VecDeque<Report>,
    /// How many PDUs the board said it received, by opcode.
    received: OpcodeCounts,
    /// The next event's number; `None` until the first barrier has told where the board stands.
    pub(crate) next_seq: Option<u32>,
    /// The request that waits for its answer.
    pub(crate) awaited: Option<u16>,
    pub(crate) reply: Option<Reply>,
    pub(crate) fault: Option<Fault>,
    pub(crate) has_deviated: bool,
    console: VecDeque<u8>,
}

struct OpcodeCounts([u32; 256]);

impl Default for OpcodeCounts {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Inbox {
    /// PDUs received with this first byte since the link was opened.
    pub(crate) fn received(&self, opcode: u8) -> u32 {
        self.received.0.get(usize::from(opcode)).copied().unwrap_or(0)
    }

    /// Keeps the first fault: the later ones follow from it.
    pub(crate) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// The kept console text.
    pub(crate) fn console(&self) -> String {
        let (head, tail) = self.console.as_slices();
        String::from_utf8_lossy(&[head, tail].concat()).into_owned()
    }

    /// Takes what stood between two zero bytes and is no frame.
    pub(crate) fn take_console(&mut self, bytes: &[u8]) {
        let kept = bytes.get(bytes.len().saturating_sub(CONSOLE_LIMIT)..).unwrap_or_default();
        let excess = (self.console.len() + kept.len()).saturating_sub(CONSOLE_LIMIT);
        self.console.drain(..excess.min(self.console.len()));
        self.console.extend(kept);
        self.look_for_reset(bytes);
        // Before Hello anything may be on the line: a ROM speaks at another rate. After it, what is
        // neither a frame nor text was a frame.
        if self.next_seq.is_some() && !is_text(bytes) {
            self.fail(Fault::new(
                "a frame from the board was damaged on the serial line",
                "check cable and baud rate, then run again",
            ));
        }
    }

    /// A board that boots anew in the middle of a run has lost all that the run knows of it. `pending` is what has come
    /// since the last frame.
    pub(crate) fn look_for_reset(&mut self, pending: &[u8]) {
        if self.next_seq.is_none() || pending.is_empty() || self.fault.is_some() {
            return;
        }
        let text = String::from_utf8_lossy(pending);
        if diagnosis::is_reset(&text)
            && let Some(fault) = diagnosis::diagnose(&text)
        {
            self.fail(fault);
        }
    }

    /// Takes the payload of an intact frame.
    pub(crate) fn take_payload(&mut self, payload: &[u8]) {
        match Hello::decode(payload) {
            Ok(hello) => self.take_hello(&hello),
            Err(HelloError::NotHello) => match postcard::from_bytes::<FromBoard<'_>>(payload) {
                Ok(FromBoard::Event { seq, event }) => self.take_event(seq, &event),
                Ok(FromBoard::Answer { id, answer }) => self.take_answer(id, answer),
                Err(_) => self.fail(flash("the board sent a message that this version does not know")),
            },
            Err(HelloError::Version(version)) => self.fail(flash(format!(
                "the board speaks link version {version}, this harness version {}",
                wire::LINK_VERSION
            ))),
            Err(HelloError::Schema(key)) => self.fail(flash(format!(
                "the board's messages have the schema {}, this harness's {}",
                hex(&key),
                hex(&wire::SCHEMA_KEY)
            ))),
            Err(HelloError::Malformed) => self.fail(flash("the board's Hello cannot be read")),
        }
    }

    fn take_hello(&mut self, hello: &Hello<'_>) {
        if let Some(before) = &self.identity
            && before.nonce != hello.nonce
            && self.next_seq.is_some()
        {
            self.fail(Fault::new(
                "the board was reset during the run",
                "look at its console text for a panic or a brown-out",
            ));
        }
        self.identity = Some(Identity {
            app_hash: hello.app_hash,
            chip: hello.chip.to_owned(),
            mac: hello.mac,
            nonce: hello.nonce,
        });
    }

    fn take_event(&mut self, seq: u32, event: &Event<'_>) {
        if let Event::Deviated = event {
            self.has_deviated = true;
        }
        // What an earlier run left behind, up to the first barrier, is of no interest.
        let Some(expected) = self.next_seq else { return };
        if seq != expected {
            self.fail(Fault::new(
                format!("trace frames were lost: expected event {expected}, got {seq}"),
                "check the serial cable, then run again",
            ));
        }
        self.next_seq = Some(seq.wrapping_add(1));
        if self.reports.len() >= REPORT_LIMIT {
            self.fail(Fault::new(
                format!("over {REPORT_LIMIT} events came within one step"),
                "split the step",
            ));
            return;
        }
        match *event {
            Event::Received { opcode, .. } => {
                if let Some(count) = self.received.0.get_mut(usize::from(opcode)) {
                    *count = count.wrapping_add(1);
                }
            }
            Event::Overflow(lost) => self.fail(Fault::new(
                format!("the board's event queue overflowed: {lost} events lost"),
                "run again; if it recurs, raise the link's baud rate",
            )),
            Event::Deviated => {}
            Event::Connected { .. } => self.reports.push_back(Report::Connected),
            Event::Disconnected { reason, .. } => {
                self.reports.push_back(Report::Disconnected { reason });
            }
            Event::Handler { handle, event, value } => {
                self.reports.push_back(Report::Handler { handle, event, value: value.to_vec() })
            }
            Event::HandlerError { handle, message } => {
                self.reports.push_back(Report::HandlerError { handle, message: message.to_owned() })
            }
            Event::Log(line) => self.reports.push_back(Report::Log(line.to_owned())),
            Event::Encrypted { authenticated, key_size, .. } => {
                self.reports.push_back(Report::Encrypted { authenticated, key_size });
            }
            Event::Passkey { passkey, .. } => self.reports.push_back(Report::Passkey(passkey)),
            Event::Paired { .. } => self.reports.push_back(Report::Paired),
            Event::PairingFailed { .. } => self.reports.push_back(Report::PairingFailed),
            Event::Confirmed { handle, .. } => self.reports.push_back(Report::Confirmed { handle }),
            Event::IndicationTimeout { handle, .. } => {
                self.reports.push_back(Report::IndicationTimeout { handle });
            }
        }
    }

    fn take_answer(&mut self, id: u16, answer: Answer<'_>) {
        if self.awaited != Some(id) {
            // Before the first barrier it may be the answer to an earlier run.
            if self.next_seq.is_none() {
                return;
            }
            self.fail(Fault::new(
                format!("the board answered request {id}, which nobody waits for"),
                "reset the board and run again",
            ));
            return;
        }
        self.awaited = None;
        self.reply = Some(match answer {
            Answer::Done => Reply::Done,
            Answer::Started { address } => Reply::Started(address),
            Answer::Barrier { events } => Reply::Barrier(events),
            Answer::Events(flags) => Reply::Events(flags),
            Answer::Value(bytes) => Reply::Value(bytes.to_vec()),
            Answer::Handle(handle) => Reply::Handle(handle),
            Answer::Refused(why) => Reply::Refused(why.to_owned()),
            Answer::Unhandled => Reply::Unhandled,
        });
    }
}

/// The other side has other messages.
fn flash(cause: impl Into<String>) -> Fault {
    Fault::new(cause, "flash the board with the image of this version")
}

/// Text as boards print it: printable, with line ends, tabs and colour sequences.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x1b')))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(message: &FromBoard<'_>) -> Vec<u8> {
        postcard::to_allocvec(message).unwrap()
    }

    fn ready() -> Inbox {
        Inbox { next_seq: Some(0), ..Inbox::default() }
    }

    #[test]
    fn a_gap_is_a_fault_and_the_first_fault_stays() {
        let mut inbox = ready();
        let event = |seq| payload(&FromBoard::Event { seq, event: Event::Log("x") });
        inbox.take_payload(&event(0));
        assert_eq!(inbox.fault, None);
        inbox.take_payload(&event(2));
        inbox.take_payload(&event(9));
        assert!(inbox.fault.unwrap().cause.contains("expected event 1, got 2"));
    }

    #[test]
    fn an_overflow_is_a_fault() {
        let mut inbox = ready();
        inbox.take_payload(&payload(&FromBoard::Event { seq: 0, event: Event::Overflow(3) }));
        assert!(inbox.fault.unwrap().cause.contains("3 events lost"));
    }

    #[test]
    fn console_text_is_kept_within_its_bound() {
        let mut inbox = ready();
        for _ in 0..3 {
            inbox.take_console(&[b'a'; 50_000]);
        }
        inbox.take_console(b"the end\n");
        let text = inbox.console();
        assert_eq!(text.len(), CONSOLE_LIMIT);
        assert!(text.ends_with("the end\n"));
        assert_eq!(inbox.fault, None);
    }

    #[test]
    fn what_is_neither_frame_nor_text_is_a_damaged_frame() {
        let mut inbox = ready();
        inbox.take_console(&[5, 1, 2, 3, 4]);
        assert!(inbox.fault.unwrap().cause.contains("damaged"));
    }

    #[test]
    fn another_version_says_what_to_flash() {
        let mut inbox = Inbox::default();
        inbox.take_payload(b"gattest\0\x07\x00........");
        let fault = inbox.fault.unwrap();
        assert!(fault.cause.contains("link version 7"), "{fault}");
        assert!(fault.cure.starts_with("flash"));
    }

    #[test]
    fn any_payload_is_taken_without_a_panic() {
        for first in 0..=255u8 {
            for len in 0..40 {
                let mut inbox = ready();
                inbox.take_payload(&vec![first; len]);
            }
        }
    }
}
