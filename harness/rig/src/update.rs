//! Sees to it that a board runs the firmware that it is to run.

use crate::attach::Attached;
use crate::fault::Fault;
use crate::firmware::{Chip, Image, firmware_name};
use crate::flash::{Progress, flash};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It ran it already: nothing was written.
    Unchanged,
    /// It was flashed.
    Flashed,
    /// It is a virtual one, which runs what it was built with.
    NotNeeded,
}

/// What goes on, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// The board is about to be flashed, and why.
    Why(&'a str),
    /// How far that is.
    Flash(Progress),
    /// Another run has the board, and is waited for.
    Waiting(&'a str),
}

/// Flashes `attached` unless its `Hello` says that it runs what `image` gives for its chip, and waits for the `Hello` of
/// the new firmware. `baud` is the rate of the flashing alone.
///
/// # Errors
/// There is no image, it is for another chip, flashing fails, or the board does not come back with it.
pub fn update(
    attached: &mut Attached,
    baud: u32,
    image: &mut dyn FnMut(Chip) -> Result<Image, Fault>,
    tell: &mut dyn FnMut(Step<'_>),
) -> Result<Update, Fault> {
    let (known, why) = match &attached.board {
        Ok(board) => {
            let Ok(chip) = board.chip.parse::<Chip>() else { return Ok(Update::NotNeeded) };
            let image = image(chip)?;
            if image.app_hash == board.app_hash {
                attached.elf = Some(image.elf);
                return Ok(Update::Unchanged);
            }
            let why = format!(
                "the board runs {}, this is {}",
                firmware_name(&board.app_hash),
                firmware_name(&image.app_hash)
            );
            (Some(image), why)
        }
        Err(fault) => (None, fault.cause.clone()),
    };
    tell(Step::Why(&why));
    let flashed = {
        let tell = std::cell::RefCell::new(&mut *tell);
        let work = |path: &std::path::Path| {
            let image = |chip| known.map_or_else(|| image(chip), Ok);
            flash(path, baud, image, &mut |progress| (tell.borrow_mut())(Step::Flash(progress)))
        };
        attached.lend(work, &mut |who| (tell.borrow_mut())(Step::Waiting(who)))?
    };
    let board = attached.board.as_ref().map_err(|fault| {
        let cause = format!("the board was flashed, and then {}", fault.cause);
        Fault::new(cause, fault.cure.clone())
    })?;
    if board.app_hash != flashed.app_hash {
        let (new, runs) = (firmware_name(&flashed.app_hash), firmware_name(&board.app_hash));
        let cause = format!("the board was flashed with {new}, and runs {runs}");
        return Err(Fault::new(
            cause,
            "see that its partition table boots the factory application, and flash it again",
        ));
    }
    attached.elf = Some(flashed.elf);
    Ok(Update::Flashed)
}
