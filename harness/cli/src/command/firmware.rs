//! `gattest firmware`.

use rig::firmware::{Image, Symbols, build, source_folder};

use super::{Outcome, about, inconclusive, print, shown};
use crate::args::FirmwareArgs;
use crate::exit::Exit;

pub(super) fn execute(args: &FirmwareArgs) -> Outcome {
    let source = match source_folder(&std::env::current_dir()?) {
        Ok(source) => source,
        Err(fault) => return Ok(inconclusive(fault)),
    };
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).map_err(about(folder, "make"))?;
    }
    for chip in &args.chip {
        let built = build(*chip, &source).and_then(|built| {
            // A panic on the board is only as good as what the file says of its addresses.
            Symbols::load(&built.elf)?;
            Ok((Image::from_elf(&built.elf)?, built.elf))
        });
        let (image, mut elf) = match built {
            Ok(built) => built,
            Err(fault) => return Ok(inconclusive(fault)),
        };
        if let Some(folder) = &args.out {
            let copy = folder.join(format!("gattest-{chip}.elf"));
            std::fs::copy(&elf, &copy).map_err(about(&copy, "write"))?;
            elf = copy;
        }
        let report = &image.report;
        print(&format!(
            "{chip}: {} bytes of {}, {} segments, hash {}, {}\n",
            report.app_len,
            report.partition_len,
            report.segments,
            image.short_hash(),
            shown(&elf)
        ));
    }
    Ok(Exit::Pass)
}
