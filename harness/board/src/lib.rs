//! The virtual board: the firmware application on the host, over the virtual radio.
//!
//! It runs the same [`app::App`] as an ESP32. Its radio is a controller of [`air`], its serial line an
//! in-memory pipe that carries the same frames, cut into chunks as the seed has it. [`mod@process`] is the same board
//! as a program of its own, with a serial port, flash memory and a ROM loader.

pub mod flash;
pub mod image;
#[cfg(unix)]
pub mod process;
pub mod rom;
mod serial;

pub use serial::{SerialEnd, serial};

use air::{Air, Controller};
use app::{App, Identity};

/// Chip name in `Hello`.
const CHIP: &str = "virtual";

/// A board that exists only in memory.
pub struct VirtualBoard {
    app: App<Controller>,
    own_end: SerialEnd,
    host_end: SerialEnd,
}

impl VirtualBoard {
    /// A board just out of reset, with `controller` as its radio.
    #[must_use]
    pub fn new(air: &Air, controller: Controller) -> Self {
        let mut rng = air.rng("board");
        let identity = Identity {
            app_hash: [0; 32],
            chip: CHIP,
            mac: [0x02, rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..)],
            nonce: rng.u32(..),
        };
        let (own_end, host_end) = serial(&mut rng);
        Self { app: App::new(controller, identity), own_end, host_end }
    }

    /// The host's end of the serial line. Clones share the line.
    #[must_use]
    pub fn serial(&self) -> SerialEnd {
        self.host_end.clone()
    }

    /// [`App::pump`]: to be polled for the bench's whole life.
    pub async fn pump(&self) {
        self.app.pump().await;
    }

    /// [`App::host`]: likewise.
    pub async fn host(&self) {
        self.app.host().await;
    }

    /// [`App::link`]: likewise.
    pub async fn link(&self) {
        self.app.link(self.own_end.clone(), self.own_end.clone()).await;
    }
}
