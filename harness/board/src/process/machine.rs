//! The board's life: from one reset to the next, with whatever flash holds in between.

use super::controls::{Controls, Event};
use super::pty::Pty;
use super::uart::{BAUD, Uart};
use super::{Options, ProcessError, boot};
use crate::image::{self, PROJECT};
use crate::process::boot::Cause;
use crate::rom::{Loader, Output};
use air::{Air, Controller};
use app::{App, Identity};
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer};
use std::cell::{Cell, RefCell};
use std::path::Path;

/// The watchdog that watches over a start.
const WATCHDOG: Duration = Duration::from_millis(300);

/// Bytes that are taken from the line at once.
const CHUNK: usize = 1024;

/// What the board does until something happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In reset, or hung: it takes nothing and says nothing.
    Dead,
    /// The reset pin was let go; the boot button is held or not.
    Rising { download: bool },
    /// The supply breaks down.
    BrownOut,
    /// It starts: in the loader, or from flash.
    Start { cause: Cause, download: bool },
}

/// A board, whether it is plugged in or not.
pub(super) struct Machine<'a> {
    options: RefCell<Options>,
    mac: [u8; 6],
    controller: &'a Controller,
    controls: &'a Controls,
    rng: RefCell<fastrand::Rng>,
    /// Its application panics at each start.
    panics: Cell<bool>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        air: &Air,
        controller: &'a Controller,
        controls: &'a Controls,
        options: Options,
    ) -> Self {
        let mut rng = air.rng("board");
        // Locally administered, so that it is nobody's.
        let mac =
            options.mac.unwrap_or_else(|| [0x02, rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..)]);
        let options = RefCell::new(options);
        Self { options, mac, controller, controls, rng: RefCell::new(rng), panics: Cell::new(false) }
    }

    /// Runs it for ever, plugged in again and again.
    pub(super) async fn run(&self, tell: &mut dyn FnMut(&Path, [u8; 6])) -> Result<(), ProcessError> {
        let mut download = self.options.borrow().download;
        loop {
            let link = self.options.borrow().link.clone();
            let pty = Pty::open(BAUD, link.as_deref()).map_err(ProcessError::Port)?;
            tell(pty.path(), self.mac);
            self.plugged_in(&Uart::new(&pty), std::mem::take(&mut download)).await?;
            drop(pty);
            while self.controls.next().await != Event::Plug {}
        }
    }

    /// From power to the loss of it.
    async fn plugged_in(&self, uart: &Uart<'_>, download: bool) -> Result<(), ProcessError> {
        let mut state = State::Start { cause: Cause::PowerOn, download };
        loop {
            let mut life = core::pin::pin!(self.live(state, uart));
            state = loop {
                let event = match select(life.as_mut(), self.controls.next()).await {
                    Either::First(next) => break next,
                    Either::Second(event) => event,
                };
                match event {
                    Event::Unplug => return Ok(()),
                    Event::HeldInReset | Event::Silence => break State::Dead,
                    Event::Released { download } => {
                        self.panics.set(false);
                        break State::Rising { download };
                    }
                    Event::BrownOut => break State::BrownOut,
                    Event::BootLoop => {
                        self.panics.set(true);
                        break State::Start { cause: Cause::Software, download: false };
                    }
                    Event::Noise(len) => {
                        let noise: Vec<u8> = (0..len).map(|_| self.rng.borrow_mut().u8(..)).collect();
                        uart.disturb(&noise);
                    }
                    Event::WriteProtect(on) => self.options.borrow_mut().flash.protect(on),
                    Event::Plug => {}
                }
            };
            self.keep_flash()?;
        }
    }

    /// Lives in one state; gives the next.
    async fn live(&self, state: State, uart: &Uart<'_>) -> State {
        uart.set_baud(Some(BAUD));
        match state {
            State::Dead => discard(uart).await,
            State::Rising { download } => {
                let boot_pin_is_low = self.controls.reset_pin_rises().await;
                let download = download || boot_pin_is_low;
                State::Start { cause: Cause::PowerOn, download }
            }
            State::BrownOut => {
                uart.send(boot::BROWN_OUT.as_bytes()).await;
                State::Start { cause: Cause::BrownOut, download: false }
            }
            State::Start { cause, download } => {
                let chip = self.options.borrow().chip;
                uart.send(boot::rom(chip, cause, download).as_bytes()).await;
                if download { self.load(uart).await } else { self.boot(uart).await }
            }
        }
    }

    /// In the ROM loader, until it is told to leave.
    async fn load(&self, uart: &Uart<'_>) -> State {
        uart.set_baud(None);
        let mut loader = Loader::new(self.options.borrow().chip, self.mac);
        loop {
            let bytes = uart.receive(CHUNK).await;
            loader.set_baud(uart.baud());
            let outputs = loader.push(&bytes, &mut self.options.borrow_mut().flash);
            for output in outputs {
                // A restart reads the boot pin as it was: only the reset pin looks at it anew.
                let (cause, download) = match output {
                    Output::Bytes(bytes) => {
                        uart.send(&bytes).await;
                        continue;
                    }
                    Output::Baud(baud) => {
                        uart.set_baud(Some(baud));
                        continue;
                    }
                    Output::Restart => (Cause::Software, true),
                    Output::Crash => (Cause::Watchdog, true),
                    Output::Boot => (Cause::Software, false),
                };
                return State::Start { cause, download };
            }
        }
    }

    /// Writes flash to its file when it has changed.
    pub(super) fn keep_flash(&self) -> Result<(), ProcessError> {
        let mut options = self.options.borrow_mut();
        let changed = options.flash.take_changed();
        let Some(file) = options.state.as_ref().filter(|_| changed) else { return Ok(()) };
        std::fs::write(file, options.flash.contents())
            .map_err(|error| ProcessError::State(file.clone(), error))
    }

    /// What flash holds, until it ends.
    async fn boot(&self, uart: &Uart<'_>) -> State {
        let found = image::bootable(self.options.borrow().chip, &self.options.borrow().flash);
        let app = match found {
            Ok(app) => app,
            Err(why) => {
                uart.send(boot::nothing_to_boot(&why).as_bytes()).await;
                deaf(uart).await;
                return State::Start { cause: Cause::Watchdog, download: false };
            }
        };
        uart.send(boot::application(&app.project, &app.version).as_bytes()).await;
        if self.panics.get() {
            uart.send(boot::PANIC.as_bytes()).await;
            deaf(uart).await;
            return State::Start { cause: Cause::Software, download: false };
        }
        if app.project != PROJECT {
            // Somebody else's program: it runs, and knows nothing of the link.
            return State::Dead;
        }
        self.application(app.elf_sha256, uart).await;
        State::Start { cause: Cause::Software, download: false }
    }

    /// The application, until it ends, which it does not by itself.
    async fn application(&self, app_hash: [u8; 32], uart: &Uart<'_>) {
        let chip = self.options.borrow().chip.name();
        let nonce = self.rng.borrow_mut().u32(..);
        let _radio = PowerOff(self.controller);
        let app = App::new(self.controller.clone(), Identity { app_hash, chip, mac: self.mac, nonce });
        app.run(uart, uart).await;
    }
}

/// Until the watchdog loses its patience. What comes meanwhile is lost: a UART has no way to refuse it.
async fn deaf(uart: &Uart<'_>) {
    select(Timer::after(WATCHDOG), discard::<()>(uart)).await;
}

async fn discard<T>(uart: &Uart<'_>) -> T {
    loop {
        uart.receive(CHUNK).await;
    }
}

/// Cuts the radio's power in the end: links end without a word.
struct PowerOff<'a>(&'a Controller);

impl Drop for PowerOff<'_> {
    fn drop(&mut self) {
        self.0.power_cycle();
    }
}
