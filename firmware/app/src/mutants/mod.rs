//! Devices that are wrong on purpose: the right server with deviations around it.
//!
//! Harnesses are tried on them: each must be told from the right device. The deviations come as data with
//! `Start` ([`wire::mutant`]); nothing inside the server knows of them. [`Bluetooth`] and what it gives stand
//! in for the types of the same names of `gatts`: what they do not do otherwise goes through to those.
//!
//! This module is compiled with the feature `mutants` alone, which no image for a chip has.

mod api;
mod edit;
mod exchange;
mod flags;
mod gap;
mod handlers;
mod layer;
mod lines;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use api::{Bluetooth, Characteristic, Loaded, Server, Service, inherit, right};
pub(crate) use layer::Plan;
pub(crate) use lines::LineRules;
