//! The virtual radio, as hosts see it.

mod advertising;
mod commands;
mod determinism;
mod links;
mod speed;
mod support;
mod time;
mod trouble;
