//! Virtual radio: a virtual clock, a deterministic executor, virtual HCI controllers, and the air between them.
//! The same controllers serve hosts outside of the process, in real time: see [`Air::real_time`] and `h4`.
//!
//! One [`Air`] is one bench: it belongs to one thread, has its own clock in microseconds and draws every choice
//! from one seed, so that a run repeats bit for bit. Many benches run side by side on many threads.
//!
//! ```
//! use air::{Air, ControllerConfig};
//! use bt_hci_transport::PacketKind;
//!
//! let air = Air::new(1);
//! let controller = air.controller(ControllerConfig::default());
//! let answer = air.run(
//!     async {
//!         controller.write_packet(PacketKind::Cmd, &[0x03, 0x0C, 0x00])?; // Reset
//!         let mut packet = [0; 258];
//!         let (_, length) = controller.read_packet(&mut packet).await;
//!         Ok::<_, air::HostError>(packet[..length].to_vec())
//!     },
//!     &mut [],
//! );
//! assert_eq!(answer.unwrap().unwrap(), [0x0E, 0x04, 0x01, 0x03, 0x0C, 0x00]); // Command Complete, success
//! ```
//!
//! # Time
//! This crate is the process's `embassy-time` driver (1 MHz). While [`Air::run`] runs, `embassy_time::Instant::now()`
//! on that thread is the bench's own clock. Outside of `run` the time is always 0 and a timer never wakes anybody:
//! there is no clock that could bring its deadline nearer.
//!
//! # What the radio is true to, and what it leaves out
//! * A connection event happens as a whole at its anchor: what a host writes in answer to it waits for the next one.
//! * The three advertising channels are one: an advertising event is heard by whoever listens at that moment.
//! * `CONNECT_IND` is never lost; advertising PDUs, scan requests and responses, and everything on a link may be.
//! * Peripheral latency is accepted and reported, and the peripheral listens all the same, as it may
//!   (Core Vol 6 Part B 4.5.1).
//! * Encryption runs its procedures and compares keys; payloads are not ciphered.
//! * One PHY (LE 1M), no extended advertising, no LL privacy; the supported features say so.

// The implementation of critical sections that embassy-sync and embassy-time link against.
use critical_section as _;

mod bench;
mod btsnoop;
mod capture;
mod clock;
mod controller;
mod executor;
#[cfg(unix)]
pub mod h4;
mod packets;
mod radio;
mod wall;

pub use bench::Air;
pub use btsnoop::write_btsnoop;
pub use capture::{Adapter, Capture, CapturedPacket, Direction};
pub use controller::{Controller, ControllerConfig, HostError, HostErrors, TransportError};
pub use executor::Stalled;
pub use radio::{Carried, Fate, Transmission};
