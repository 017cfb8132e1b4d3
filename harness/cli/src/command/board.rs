//! `gattest board`: the virtual board as a program of its own.

use std::error::Error;
use std::fs;
use std::path::Path;

use rig::board::flash::{self, Flash};
use rig::board::process::{self, Options, Sockets, Stop};
use rig::board::{image, rom::Chip};
use rig::radio::{Socket, Taker};
use serde::Serialize;

use super::{Outcome, about, print};
use crate::args::BoardArgs;
use crate::exit::Exit;

pub(super) fn execute(args: &BoardArgs) -> Outcome {
    let stop = Stop::default();
    let from_outside = stop.clone();
    ctrlc::set_handler(move || from_outside.stop())?;
    let options = Options {
        chip: args.chip,
        mac: args.mac,
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
        flash: contents(args)?,
        download: args.download,
        link: args.pty.clone(),
        state: args.state.clone(),
    };
    let mut named = Vec::new();
    let mut sockets = Sockets::default();
    for taker in &args.radio {
        match taker {
            Taker::Socket(socket) => {
                let (listener, socket) = socket.listen()?;
                named.push(socket.to_string());
                sockets.radios.push(listener);
            }
            #[cfg(target_os = "linux")]
            Taker::Vhci => match rig::vhci::open() {
                Ok(vhci) => {
                    named.push(format!("hci{}", vhci.index));
                    sockets.hosts.push(vhci.stream);
                }
                Err(fault) => return Ok(super::inconclusive(fault)),
            },
        }
    }
    sockets.control = args.control.as_ref().map(Socket::listen).transpose()?.map(|(listener, _)| listener);
    let (chip, seed) = (args.chip, options.seed);
    process::run(options, sockets, &stop, &mut |port, mac| {
        let ready = Ready {
            port: port.display().to_string(),
            radios: named.clone(),
            chip: chip.name(),
            mac: mac.map(|byte| format!("{byte:02X}")).join(":"),
            seed,
        };
        print(&if args.json { ready.json() } else { ready.text() });
    })?;
    Ok(Exit::Pass)
}

/// What flash holds at first: what was asked for, else what it held before, else what the factory put there.
fn contents(args: &BoardArgs) -> Result<Flash, Box<dyn Error>> {
    let kept = args.state.as_deref().filter(|file| file.exists());
    match (&args.image, kept) {
        _ if args.blank => Ok(Flash::default()),
        (Some(file), _) => read(args.chip, file),
        (None, Some(file)) => read(args.chip, file),
        (None, None) => Ok(image::factory(args.chip)),
    }
}

fn read(chip: Chip, file: &Path) -> Result<Flash, Box<dyn Error>> {
    let bytes = fs::read(file).map_err(about(file, "read"))?;
    let flash = if image::is_app(&bytes) { image::with_app(chip, &bytes) } else { Flash::holding(&bytes) };
    let too_large = |_| {
        let (all, app) = (flash::SIZE / 1024 / 1024, image::APP_LEN / 1024);
        let file = file.display();
        format!(
            "{file} does not fit: the flash memory of this board has {all} MiB, and {app} KiB of them are for the \
             application"
        )
    };
    Ok(flash.map_err(too_large)?)
}

/// Where the board is.
#[derive(Serialize)]
struct Ready {
    port: String,
    radios: Vec<String>,
    chip: &'static str,
    mac: String,
    seed: u64,
}

impl Ready {
    /// `ready: port /dev/pts/3, radio unix:board.sock, chip esp32c3, MAC 02:11:22:33:44:55, seed 7`
    fn text(&self) -> String {
        let radios: String = self.radios.iter().map(|radio| format!("radio {radio}, ")).collect();
        let Self { port, chip, mac, seed, .. } = self;
        format!("ready: port {port}, {radios}chip {chip}, MAC {mac}, seed {seed}\n")
    }

    fn json(&self) -> String {
        // Text, numbers and lists of them always have a form in JSON.
        serde_json::to_string(self).map(|line| line + "\n").unwrap_or_default()
    }
}
