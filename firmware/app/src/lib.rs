//! What every board runs: the bearer, GAP through `trouble-host`, the control link, the trace, the
//! built-in application `lopy`, and the interpreter of device tables.
//!
//! [`App`] knows no chip and no operating system: it takes an HCI transport and a serial line. Its
//! three loops, [`App::pump`], [`App::host`] and [`App::link`], share one thread; [`App::run`] joins
//! them for a board that has nothing else to do.
#![no_std]

extern crate alloc;

mod api;
mod application;
mod bearer;
mod bonds;
mod control;
mod delay;
mod gap;
mod interpreter;
mod lopy;
#[cfg(feature = "mutants")]
mod mutants;
mod outbox;
mod packets;
mod pairing;
mod trace;

pub use outbox::Console;

use crate::application::Application;
use crate::bearer::Bearer;
use crate::bonds::Bonds;
use crate::control::Starts;
use crate::delay::Delay;
use crate::outbox::Outbox;
use alloc::rc::Rc;
use bt_hci_transport::Transport;
use core::cell::RefCell;
use embassy_futures::join::join3;
use embedded_io_async::{Read, Write};

/// Largest ATT MTU: an attribute of 512 bytes in one Write Request and its response's headers (Core
/// Vol 3 Part F 3.2.9), the value that other stacks use as well.
pub const MAX_MTU: u16 = 517;

/// Clients that a table may ask to be served at the same time.
pub const MAX_CLIENTS: usize = 4;

/// Who this board is, for `Hello`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the application's ELF file, zero where there is none.
    pub app_hash: [u8; 32],
    /// Chip, as `esp32c3`, or `virtual`.
    pub chip: &'static str,
    /// Factory MAC address, most significant byte first.
    pub mac: [u8; 6],
    /// Drawn at each boot.
    pub nonce: u32,
}

/// A board's application.
pub struct App<T> {
    identity: Identity,
    outbox: Rc<Outbox>,
    bearer: Bearer<T>,
    application: RefCell<Application>,
    starts: Starts,
    delay: Delay,
    bonds: Rc<Bonds>,
    #[cfg(feature = "pairing")]
    spent: pairing::Spent,
}

impl<T: Transport> App<T> {
    /// An application over the HCI transport of a controller. It does nothing on the air until the
    /// harness says `Start`.
    pub fn new(controller: T, identity: Identity) -> Self {
        let outbox = Outbox::new();
        let application = Application::idle();
        let delay = Delay::default();
        let server = application.bluetooth.server();
        let bonds = Rc::new(Bonds::default());
        let bearer = Bearer::new(controller, server, outbox.clone(), delay.clone(), bonds.clone());
        let application = RefCell::new(application);
        Self {
            identity,
            outbox,
            bearer,
            application,
            starts: Starts::new(),
            delay,
            bonds,
            #[cfg(feature = "pairing")]
            spent: pairing::Spent::default(),
        }
    }

    /// Moves HCI packets and answers ATT, until the controller's transport fails.
    pub async fn pump(&self) {
        let error = self.bearer.pump().await;
        Console::new(self.outbox.clone()).line(format_args!("HCI transport failed: {error:?}"));
    }

    /// Runs the Bluetooth host for one application after the other, for ever.
    pub async fn host(&self) {
        self.run_host().await;
    }

    /// Serves the control link until the line fails in either direction.
    pub async fn link(&self, from_harness: impl Read, to_harness: impl Write) {
        self.run_link(from_harness, to_harness).await;
    }

    /// All three together.
    pub async fn run(&self, from_harness: impl Read, to_harness: impl Write) {
        join3(self.pump(), self.host(), self.link(from_harness, to_harness)).await;
    }
}
