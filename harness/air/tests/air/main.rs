//! The virtual radio, as hosts see it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod advertising;
mod bumble;
mod commands;
mod determinism;
mod encryption;
mod endings;
mod faults;
mod links;
mod real_time;
mod speed;
mod support;
mod time;
mod trouble;
