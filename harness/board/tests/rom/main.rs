//! The virtual ROM loader, as Espressif's serial protocol describes it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod arbitrary;
mod host;
mod protocol;
mod stub;
