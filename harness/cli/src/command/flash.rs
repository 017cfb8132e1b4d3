//! `gattest flash`, and the flashing before a run on a board.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
#[cfg(target_os = "linux")]
use rig::adapter::CentralSpec;
use rig::attach::{Attached, Mac, SharedBoard, attach};
#[cfg(target_os = "linux")]
use rig::attach::{BoardSpec, attach_virtual};
use rig::fault::Fault;
use rig::firmware::{Chip, Image, build, firmware_name, source_folder};
use rig::flash::{BAUD, Progress};
use rig::update::{Step, Update, update};
#[cfg(target_os = "linux")]
use rig::virtual_board::VirtualBoard;

use super::{Outcome, inconclusive, print, say};
use crate::args::{FlashArgs, Hardware};
use crate::exit::Exit;

pub(super) fn execute(args: &FlashArgs) -> Outcome {
    let spec = &args.board;
    let flashed = attach(spec, &mut waiting).and_then(|mut attached| {
        let update = bring_up(&mut attached, args.image.as_deref(), args.baud)?;
        Ok((attached, update))
    });
    match flashed {
        Ok((attached, update)) => {
            print(&line(&attached, update));
            Ok(Exit::Pass)
        }
        Err(fault) => Ok(inconclusive(fault)),
    }
}

fn line(attached: &Attached, update: Update) -> String {
    let what = match update {
        Update::Unchanged => "unchanged",
        Update::Flashed => "flashed",
        Update::NotNeeded => "virtual, not flashed",
    };
    let board = attached.board.as_ref().map_or_else(
        |fault| fault.cause.clone(),
        |board| format!("{} {} {}", board.chip, Mac(board.mac), firmware_name(&board.app_hash)),
    );
    format!("{what}: {} {board}\n", attached.path.display())
}

/// The board that a run is to be done on, with the firmware that it is to have.
pub(super) fn board_for_run(hardware: &Hardware, seed: u64) -> Result<Option<SharedBoard>, Fault> {
    let Some(spec) = &hardware.board else { return Ok(None) };
    #[cfg(target_os = "linux")]
    if *spec == BoardSpec::Virtual {
        if hardware.central != [CentralSpec::System(None)] {
            return Err(Fault::new(
                "a virtual board is heard by this machine's own stack alone, on the adapter that is plugged in for it",
                "give --central btleplug, once and without the name of an adapter",
            ));
        }
        let attached = attach_virtual(VirtualBoard::start(seed)?)?;
        attached.board.as_ref().map_err(Clone::clone)?;
        return Ok(Some(SharedBoard::new(attached)));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = seed;
    let mut attached = attach(spec, &mut waiting)?;
    // The virtual board that nobody has flashed runs what it was built with, as this command was.
    let is_virtual = attached.board.as_ref().is_ok_and(|board| board.app_hash == [0; 32]);
    if !hardware.no_flash && !is_virtual {
        bring_up(&mut attached, hardware.image.as_deref(), BAUD)?;
    }
    attached.board.as_ref().map_err(Clone::clone)?;
    Ok(Some(SharedBoard::new(attached)))
}

/// Flashes a board whose `Hello` is not that of the image: the one named, or else one that is built.
fn bring_up(attached: &mut Attached, image: Option<&Path>, baud: u32) -> Result<Update, Fault> {
    let bar = ProgressBar::hidden();
    let updated = update(attached, baud, &mut |chip| image_for(chip, image), &mut |step| show(step, &bar));
    bar.finish_and_clear();
    updated
}

fn image_for(chip: Chip, named: Option<&Path>) -> Result<Image, Fault> {
    if let Some(path) = named {
        return Image::from_elf(path);
    }
    let here = std::env::current_dir().unwrap_or_default();
    Image::from_elf(&build(chip, &source_folder(&here)?)?.elf)
}

/// Somebody else has the board.
fn waiting(who: &str) {
    say(&format!("waiting for the board: {who} has it\n"));
}

fn show(step: Step<'_>, bar: &ProgressBar) {
    match step {
        Step::Why(why) => say(&format!("flashing: {why}\n")),
        Step::Waiting(who) => waiting(who),
        Step::Flash(Progress::Connected { chip, mac }) => {
            say(&format!("the loader of an {chip}, {mac}, answers\n"));
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}").unwrap_or(bar.style()));
        }
        Step::Flash(Progress::Writing { address, written, total }) => {
            bar.set_message(format!("0x{address:06x}"));
            bar.set_length(total as u64);
            bar.set_position(written as u64);
        }
        Step::Flash(Progress::Verifying) => bar.set_message("verifying"),
        Step::Flash(Progress::Unchanged) => bar.set_message("unchanged"),
    }
}
