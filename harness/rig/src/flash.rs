//! Writes an image into a board's flash memory, through its ROM loader.

use crate::fault::Fault;
use crate::firmware::{Chip, Image};
use crate::serial::usb_info;
use espflash::command::Command;
use espflash::connection::{Connection, ResetAfterOperation, ResetBeforeOperation};
use espflash::flasher::Flasher;
use espflash::target::ProgressCallbacks;
use serialport::SerialPort as _;
use std::path::Path;
use std::time::Duration;

/// The ROM's baud rate at first.
const ROM_BAUD: u32 = 115_200;
/// Baud rate of the flashing, where none is asked for: every bridge and cable of today takes it.
pub const BAUD: u32 = 921_600;
/// How long a single answer of the loader may take, unless its command has a time of its own.
const REPLY_DEADLINE: Duration = Duration::from_secs(3);

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
    let mut loader = connect(path, baud)?;
    let (chip, mac) = identify(&mut loader.flasher)?;
    progress(Progress::Connected { chip, mac });
    let image = image(chip)?;
    if image.chip != chip {
        let cause = format!("the board is an {chip}, the image is for an {}", image.chip);
        return Err(Fault::new(
            cause,
            format!("name an image for it, or build it: `gattest firmware --chip {chip}`"),
        ));
    }
    let mut callbacks = Callbacks { progress, address: 0, total: 0 };
    let written = loader.flasher.write_bins_to_flash(&image.segments, &mut callbacks);
    written.map_err(|error| failed(&error))?;
    loader.start(chip)?;
    Ok(image)
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
    match error {
        Error::Connection(_) => Fault::new(
            format!("the board's ROM loader does not answer: {error}"),
            "hold the boot button, press and let go the reset button, let go the boot button, and try again",
        ),
        Error::VerifyFailed => Fault::new(
            "what was written is not what the flash memory holds",
            "try again with --baud 115200; if it stays, the flash memory is worn out or write-protected",
        ),
        _ => Fault::new(
            format!("the board's ROM loader refused: {error}"),
            "try again with --baud 115200 and another cable",
        ),
    }
}

/// Blocks of one part after the other.
struct Callbacks<'a> {
    progress: &'a mut dyn FnMut(Progress),
    address: u32,
    total: usize,
}

impl ProgressCallbacks for Callbacks<'_> {
    fn init(&mut self, addr: u32, total: usize) {
        (self.address, self.total) = (addr, total);
        self.update(0);
    }

    fn update(&mut self, current: usize) {
        (self.progress)(Progress::Writing { address: self.address, written: current, total: self.total });
    }

    fn verifying(&mut self) {
        (self.progress)(Progress::Verifying);
    }

    fn finish(&mut self, skipped: bool) {
        if skipped {
            (self.progress)(Progress::Unchanged);
        }
    }
}
