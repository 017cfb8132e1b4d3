//! What a person's hands and the port's modem lines do to a board, as lines of text on a socket:
//!
//! | line | what it does |
//! |---|---|
//! | `lines DTR RTS` | sets the modem lines, each 0 or 1; two transistors make reset and boot pin of them |
//! | `reset` | resets the board: it boots what is in flash |
//! | `download` | resets it with the boot button held: it stays in the ROM loader |
//! | `brown-out` | its supply breaks down for a moment |
//! | `boot-loop` | its application panics at each start, until `reset` |
//! | `silence` | its application hangs, until `reset` |
//! | `noise N` | so many random bytes appear on the line, 4096 at most |
//! | `write-protect ON` | its flash memory refuses to be written, from 1 on until 0 |
//! | `unplug`, `plug` | the port is gone, and comes back under its link |
//!
//! Each is answered by `ok`, or by `error: ` and why not.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Instant, Timer};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// Most that `noise` makes, in bytes.
const NOISE: usize = 4096;

/// Commands that may wait.
const QUEUE: usize = 64;

/// The reset pin rises through a capacitor: the boot pin is looked at this long after the pin was let go, so
/// that a host that moves its two lines one after the other has moved both.
const RESET_PIN_RISES: Duration = Duration::from_millis(5);

/// What happens to the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The reset pin is held low.
    HeldInReset,
    /// The reset pin is high again, and the boot pin is low or not.
    Released {
        download: bool,
    },
    BrownOut,
    BootLoop,
    Silence,
    Noise(usize),
    WriteProtect(bool),
    Unplug,
    Plug,
}

/// The board's pins and what waits to happen to it.
#[derive(Default)]
pub(super) struct Controls {
    events: RefCell<VecDeque<Event>>,
    /// DTR and RTS, as pins: `true` is asserted.
    lines: Cell<(bool, bool)>,
    /// When the boot pin is to be looked at.
    look_at: Cell<Option<Instant>>,
    /// It was low then.
    boot_pin_was_low: Cell<bool>,
    changed: Signal<NoopRawMutex, ()>,
}

impl Controls {
    /// The next thing that happens. One at a time may wait.
    pub(super) async fn next(&self) -> Event {
        loop {
            let event = self.events.borrow_mut().pop_front();
            match event {
                Some(event) => return event,
                None => self.changed.wait().await,
            }
        }
    }

    /// Carries out one line; gives the answer.
    pub(super) fn command(&self, line: &str) -> String {
        match self.parse(line) {
            Ok(events) if self.events.borrow().len() + events.len() <= QUEUE => {
                self.events.borrow_mut().extend(events);
                self.changed.signal(());
                "ok\n".to_owned()
            }
            Ok(_) => "error: the board has too much to do\n".to_owned(),
            Err(why) => format!("error: {why}\n"),
        }
    }

    fn parse(&self, line: &str) -> Result<Vec<Event>, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match *words {
            ["reset"] => vec![Event::HeldInReset, Event::Released { download: false }],
            ["download"] => vec![Event::HeldInReset, Event::Released { download: true }],
            ["brown-out"] => vec![Event::BrownOut],
            ["boot-loop"] => vec![Event::BootLoop],
            ["silence"] => vec![Event::Silence],
            ["unplug"] => vec![Event::Unplug],
            ["plug"] => vec![Event::Plug],
            ["write-protect", on @ ("0" | "1")] => vec![Event::WriteProtect(on == "1")],
            ["noise", len] => match len.parse() {
                Ok(len @ 1..=NOISE) => vec![Event::Noise(len)],
                _ => return Err(format!("noise takes a number from 1 to {NOISE}")),
            },
            ["lines", dtr @ ("0" | "1"), rts @ ("0" | "1")] => {
                self.set_lines(dtr == "1", rts == "1").into_iter().collect()
            }
            _ => return Err(format!("there is no command {line:?}")),
        })
    }

    /// What the modem lines do to the board: each of two transistors pulls its pin down while its own line
    /// is asserted and the other is not, so that a port that is opened with both asserted resets nothing.
    fn set_lines(&self, dtr: bool, rts: bool) -> Option<Event> {
        // A board that is late must not see the lines as they are only now.
        self.look_at_boot_pin();
        let in_reset = |(dtr, rts): (bool, bool)| rts && !dtr;
        let before = in_reset(self.lines.replace((dtr, rts)));
        match (before, in_reset((dtr, rts))) {
            (false, true) => Some(Event::HeldInReset),
            // The boot pin is looked at later, when the reset pin has risen.
            (true, false) => Some(Event::Released { download: false }),
            _ => None,
        }
    }

    /// Waits until the reset pin, which was let go, has risen; tells whether the modem lines held the boot pin low
    /// then.
    pub(super) async fn reset_pin_rises(&self) -> bool {
        let risen = Instant::now() + RESET_PIN_RISES;
        self.look_at.set(Some(risen));
        Timer::at(risen).await;
        self.look_at_boot_pin();
        self.boot_pin_was_low.get()
    }

    fn look_at_boot_pin(&self) {
        if self.look_at.get().is_some_and(|at| at <= Instant::now()) {
            let (dtr, rts) = self.lines.get();
            self.boot_pin_was_low.set(dtr && !rts);
            self.look_at.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &[&str]) -> Vec<Event> {
        let controls = Controls::default();
        for line in lines {
            assert_eq!(controls.command(line), "ok\n", "{line}");
        }
        controls.events.take().into()
    }

    #[test]
    fn only_one_line_alone_pulls_a_pin() {
        assert_eq!(events(&["lines 1 1", "lines 0 0", "lines 1 0", "lines 1 1"]), []);
        let released = Event::Released { download: false };
        assert_eq!(events(&["lines 0 1", "lines 1 1"]), [Event::HeldInReset, released]);
        assert_eq!(events(&["lines 0 1", "lines 0 1", "lines 1 0"]), [Event::HeldInReset, released]);
    }

    #[test]
    fn what_is_no_command_is_said_to_be_none() {
        let controls = Controls::default();
        for line in [
            "",
            "lines 2 0",
            "lines 1",
            "noise",
            "noise 0",
            "noise 9999",
            "write-protect",
            "reset now",
            "\u{0}",
        ] {
            assert!(controls.command(line).starts_with("error: "), "{line}");
        }
        assert!(controls.events.borrow().is_empty());
    }

    #[test]
    fn commands_do_not_pile_up_without_end() {
        let controls = Controls::default();
        let answers: Vec<String> = (0..100).map(|_| controls.command("reset")).collect();
        assert_eq!(answers.iter().filter(|answer| *answer == "ok\n").count(), 32);
    }
}
