//! The I/O half of gattest: it drives a plan against a board and observes what comes of it.
//!
//! [`link`] is the harness's end of the control link, [`central`] our own ATT client over HCI,
//! [`drive`] carries a plan out with both; [`mod@bench`] is the bench that exists only in memory, `real` the one of
//! adapters, boards at serial ports and devices that are not ours, and [`run`] takes many scenarios through many of
//! them. [`attach`] finds and takes a board, [`update`] sees to its firmware. [`radio`] lends a virtual radio to other
//! programs.
//!
//! **Invariants:** nothing here prints or judges. Every wait has a condition and a named deadline on
//! the bench's own clock, and no order of events depends on how long anything took.

#[cfg(unix)]
pub mod adapter;
#[cfg(unix)]
pub mod attach;
pub mod bench;
#[cfg(target_os = "linux")]
pub mod bluez;
pub mod central;
pub mod convert;
pub mod drive;
pub mod fault;
pub mod firmware;
#[cfg(unix)]
pub mod flash;
mod hex;
pub mod limits;
pub mod line;
pub mod link;
#[cfg(unix)]
pub mod lock;
pub mod measure;
pub mod mutants;
#[cfg(unix)]
pub mod radio;
#[cfg(unix)]
mod real;
pub mod run;
#[cfg(unix)]
pub mod serial;
#[cfg(unix)]
pub mod update;
#[cfg(target_os = "linux")]
pub mod vhci;
#[cfg(target_os = "linux")]
pub mod virtual_board;

pub use air::{Capture, write_btsnoop};
#[cfg(unix)]
pub use board;
