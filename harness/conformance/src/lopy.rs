//! The built-in device: the example application of requirements.md.

use std::sync::OnceLock;

use crate::parse::device_table;
use crate::parse::sink::Sink;
use crate::scenario::{Builtin, Device};

/// The device's table, as a scenario would write it.
pub const TABLE: &str = include_str!("lopy.yaml");

/// The device's description, for looking up names and properties: the board runs the application
/// itself, so that nothing of this is sent to it.
///
/// `None` only if [`TABLE`] had a mistake, which a test excludes.
#[must_use]
pub fn device() -> Option<Device> {
    // Most scenarios ask for it, and it never changes: reading it takes longer than reading them.
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    DEVICE.get_or_init(|| describe(&mut Sink::default())).clone()
}

/// Reads the table anew, to report what is wrong with it.
pub(crate) fn describe(sink: &mut Sink) -> Option<Device> {
    device_table(TABLE, Builtin::Lopy, sink)
}
