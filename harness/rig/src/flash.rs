//! Writes an image into a board's flash memory, through its ROM loader.

use crate::fault::Fault;
use crate::firmware::{Chip, Image};
use crate::serial::usb_info;
use espflash::command::Command;
use espflash::connection::{Connection, ResetAfterOperation, ResetBeforeOperation};
use espflash::flasher::Flasher;
use espflash::image_format::Segment;
use espflash::target::ProgressCallbacks;
use serialport::SerialPort as _;
use std::error::Error as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The ROM's baud rate at first.
const ROM_BAUD: u32 = 115_200;
/// Baud rate of the flashing, where none is asked for: every bridge and cable of today takes it.
pub const BAUD: u32 = 921_600;
/// How long a single answer of the loader may take, unless its command has a time of its own.
const REPLY_DEADLINE: Duration = Duration::from_secs(3);
/// How long nothing at all may be heard of the flashing: the longest commands erase or read all that an image takes, some
/// 20 s as the loader's users count it.
const STUCK_DEADLINE: Duration = Duration::from_secs(45);

/// What goes on, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The loader answers.
    Connected {
        /// The chip that it is.
        chip: Chip,
        /// Its MAC address, as `01:23:45:67:89:ab`.
        mac: String,
    },
    /// So many blocks of so many have been written at an address.
    Writing {
        /// Of the flash memory.
        address: u32,
        /// Blocks that the loader has taken.
        written: usize,
        /// Blocks in all.
        total: usize,
    },
    /// What was written is read back.
    Verifying,
    /// A part is in place, and was there before.
    Unchanged,
}

/// Flashes the board at `path` with the image that `image` gives for its chip, and starts it. What is in the flash
/// memory already is left; what was written is verified.
///
/// # Errors
/// The port cannot be used, the loader does not answer or refuses, or the image is none for this chip.
pub fn flash(
    path: &Path,
    baud: u32,
    image: impl FnOnce(Chip) -> Result<Image, Fault>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Image, Fault> {
    let port = path.to_owned();
    supervised(STUCK_DEADLINE, move |talk| write(&port, baud, talk), image, progress)
}

/// What the thread that has the port says.
enum Said {
    Progress(Progress),
    /// The loader answers: an image for this chip is wanted.
    Wanted(Chip),
    Ended(Result<(), Fault>),
}

/// The thread's side of it.
struct Talk {
    say: Sender<Said>,
    images: Receiver<Vec<Segment<'static>>>,
}

/// Has `work` done by a thread. A port that takes nothing holds up whoever writes for ever, and a board that boots over
/// and over whoever waits for an answer among its text: so a thread that says nothing for longer than `deadline` is left to
/// itself, and ends with the process.
fn supervised(
    deadline: Duration,
    work: impl FnOnce(&Talk) -> Result<(), Fault> + Send + 'static,
    image: impl FnOnce(Chip) -> Result<Image, Fault>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Image, Fault> {
    let (say, said) = channel();
    let (give, images) = channel();
    let thread = std::thread::Builder::new().name("flash".to_owned()).spawn(move || {
        let talk = Talk { say, images };
        let ended = work(&talk);
        let _nobody_listens = talk.say.send(Said::Ended(ended));
    });
    let thread =
        thread.map_err(|error| Fault::new(format!("no thread can be started: {error}"), "report it"))?;
    let mut wanted = Some((image, give));
    let mut given = Err(Fault::new("nothing was flashed", "report it"));
    let ended = loop {
        match said.recv_timeout(deadline) {
            Ok(Said::Progress(step)) => progress(step),
            Ok(Said::Wanted(chip)) => {
                let Some((image, give)) = wanted.take() else { continue };
                given = image(chip).and_then(|image| for_chip(image, chip));
                // Without one, the channel's end tells the thread to give the port back.
                if let Ok(image) = &given {
                    let _it_has_ended = give.send(image.segments.clone());
                }
            }
            Ok(Said::Ended(ended)) => break ended,
            Err(RecvTimeoutError::Disconnected) => {
                break Err(Fault::new("the flashing panicked", "report it"));
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(Fault::new(
                    format!("the flashing has come no further for {} s", deadline.as_secs()),
                    "plug the board out and in again, then try again",
                ));
            }
        }
    };
    let _port_is_closed = thread.join();
    ended?;
    given
}

fn for_chip(image: Image, chip: Chip) -> Result<Image, Fault> {
    if image.chip == chip {
        return Ok(image);
    }
    let cause = format!("the board is an {chip}, the image is for an {}", image.chip);
    Err(Fault::new(cause, format!("name an image for it, or build it: `gattest firmware --chip {chip}`")))
}

/// What the thread does.
fn write(path: &Path, baud: u32, talk: &Talk) -> Result<(), Fault> {
    let mut loader = connect(path, baud)?;
    let (chip, mac) = identify(&mut loader.flasher)?;
    talk.say(Said::Progress(Progress::Connected { chip, mac }));
    talk.say(Said::Wanted(chip));
    // Who asked for it says why there is none.
    let Ok(segments) = talk.images.recv() else { return Ok(()) };
    let mut callbacks = Callbacks { talk, address: 0, total: 0 };
    let written = loader.flasher.write_bins_to_flash(&segments, &mut callbacks);
    written.map_err(|error| failed(&error))?;
    loader.start(chip)
}

impl Talk {
    /// Whoever has given up listens no more.
    fn say(&self, said: Said) {
        let _nobody_listens = self.say.send(said);
    }
}

struct Loader {
    flasher: Flasher,
    /// The port has lines that reset the chip.
    has_lines: bool,
}

fn connect(path: &Path, baud: u32) -> Result<Loader, Fault> {
    let builder = serialport::new(path.to_string_lossy(), ROM_BAUD).timeout(REPLY_DEADLINE);
    let mut port = builder.open_native().map_err(|error| {
        let cause = format!("the port {} cannot be opened for flashing: {error}", path.display());
        Fault::new(cause, format!("end the program that uses it; `fuser {}` names it", path.display()))
    })?;
    // A pseudo-terminal has none: whoever is at its other end enters the loader by itself.
    let has_lines = port.read_clear_to_send().is_ok();
    let (before, after) = if has_lines {
        (ResetBeforeOperation::DefaultReset, ResetAfterOperation::HardReset)
    } else {
        (ResetBeforeOperation::NoReset, ResetAfterOperation::NoReset)
    };
    let connection = Connection::new(port, usb_info(path), after, before, ROM_BAUD);
    // The stub is small and quick; the ROM's own routines refuse some commands.
    let flasher =
        Flasher::connect(connection, true, true, true, None, Some(baud)).map_err(|error| failed(&error))?;
    Ok(Loader { flasher, has_lines })
}

fn identify(flasher: &mut Flasher) -> Result<(Chip, String), Fault> {
    let info = flasher.device_info().map_err(|error| failed(&error))?;
    let chip = info.chip.to_string().parse().map_err(|unknown: crate::firmware::UnknownChip| {
        Fault::new(unknown.to_string(), "use a board with one of these chips")
    })?;
    Ok((chip, info.mac_address.unwrap_or_else(|| "unknown".to_owned())))
}

impl Loader {
    /// Leaves the loader for the application.
    fn start(mut self, chip: Chip) -> Result<(), Fault> {
        let connection = self.flasher.connection();
        let started = if self.has_lines {
            connection.reset_after(true, chip.espflash())
        } else {
            // A loader that obeys has no more to say: the application's Hello will.
            connection.write_command(Command::RunUserCode)
        };
        started.map_err(|error| failed(&error))
    }
}

fn failed(error: &espflash::Error) -> Fault {
    use espflash::Error;
    let why = std::iter::successors(error.source(), |error| (*error).source());
    let why: String = why.map(|error| format!(": {error}")).collect();
    match error {
        Error::Connection(_) => Fault::new(
            format!("the board's ROM loader does not answer{why}"),
            "hold the boot button, press and let go the reset button, let go the boot button, and try again",
        ),
        Error::VerifyFailed => Fault::new(
            "what was written is not what the flash memory holds",
            "try again with --baud 115200; if it stays, the flash memory is worn out or write-protected",
        ),
        _ => Fault::new(
            format!("the board's ROM loader refused: {error}{why}"),
            "try again with --baud 115200 and another cable; if it stays, the flash memory may be write-protected",
        ),
    }
}

/// Blocks of one part after the other.
struct Callbacks<'a> {
    talk: &'a Talk,
    address: u32,
    total: usize,
}

impl ProgressCallbacks for Callbacks<'_> {
    fn init(&mut self, addr: u32, total: usize) {
        (self.address, self.total) = (addr, total);
        self.update(0);
    }

    fn update(&mut self, current: usize) {
        let step = Progress::Writing { address: self.address, written: current, total: self.total };
        self.talk.say(Said::Progress(step));
    }

    fn verifying(&mut self) {
        self.talk.say(Said::Progress(Progress::Verifying));
    }

    fn finish(&mut self, skipped: bool) {
        if skipped {
            self.talk.say(Said::Progress(Progress::Unchanged));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flashing_that_does_not_go_on_is_given_up() {
        let (_never, stuck) = channel::<()>();
        let work = move |_: &Talk| {
            let _for_ever = stuck.recv();
            Ok(())
        };
        let image = |_| panic!("nobody asked for it");
        let fault = supervised(Duration::from_millis(20), work, image, &mut |_| {}).unwrap_err();
        assert!(fault.cause.starts_with("the flashing has come no further"), "{fault}");
    }

    #[test]
    fn without_an_image_the_thread_gives_the_port_back_first() {
        let (end, ended) = channel();
        let work = move |talk: &Talk| {
            talk.say(Said::Wanted(Chip::Esp32c3));
            let nothing = talk.images.recv();
            end.send(nothing.is_err()).unwrap();
            Ok(())
        };
        let image = |_| Err(Fault::new("no image", "build one"));
        let fault = supervised(Duration::from_secs(10), work, image, &mut |_| {}).unwrap_err();
        assert_eq!((fault.cause.as_str(), ended.try_recv()), ("no image", Ok(true)));
    }
}
