//! Serial ports: which there are, and one as a stream.

mod line;
mod ports;

pub use line::SerialLine;
pub(crate) use ports::usb_info;
pub use ports::{Port, ports};
