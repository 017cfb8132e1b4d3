//! The virtual board as a program of its own: its port, its life between resets, its faults. Real time, each wait
//! with a deadline.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bench;
mod faults;
mod life;
mod speed;
