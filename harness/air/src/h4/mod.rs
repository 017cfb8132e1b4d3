//! Virtual controllers for hosts outside of this process: H4 over a socket or any other byte stream, in real time
//! (Core Vol 4 Part A 2).
//!
//! ```no_run
//! use air::{Air, ControllerConfig, h4};
//!
//! let air = Air::real_time(1);
//! let controller = air.controller(ControllerConfig::default());
//! let listener = h4::Listener::tcp(0)?; // 127.0.0.1, on a port of the system's choice
//! let served = air.run(async { h4::serve(&controller, listener.accept().await?).await }, &mut []);
//! # let _ = served;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Each stream has a thread of its own that reads and writes it, so that a host that is slow or stuck holds up nobody
//! else: what it does not read waits in its controller within limits, and then is lost to it
//! ([`crate::HostError::NotReading`]). A host that writes faster than its controller answers has to wait.

mod framing;
mod line;
mod listener;
mod readiness;

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;

pub use listener::Listener;

use crate::controller::Controller;
use line::Line;

/// Why a host on a stream is not served any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum H4Error {
    /// The host sent something else than a packet indicator where one must be: the stream is out of step.
    #[error("{0:#04x} from the host is not the beginning of an H4 packet")]
    Indicator(u8),
    /// The stream ended within a packet.
    #[error("the stream from the host ended within a packet")]
    Cut,
    /// The bench runs in virtual time, which no host outside of it can follow.
    #[error("a host on a stream needs a bench that runs in real time")]
    VirtualTime,
    /// Reading or writing the stream failed.
    #[error("the stream to the host failed: {0}")]
    Io(#[from] io::Error),
}

/// Lets the host at the other end of `stream` use the controller, until the stream ends: a socket, a pseudo-terminal in
/// raw mode, or anything else that can be polled. Each packet is written by itself.
///
/// In the end, and likewise when this future is dropped, the stream is closed and the controller is reset: its links
/// end without a word, as when a host is unplugged.
///
/// # Errors
/// [`H4Error`] when the stream did not end between two packets.
pub async fn serve(controller: &Controller, stream: impl Into<OwnedFd>) -> Result<(), H4Error> {
    if !controller.is_in_real_time() {
        return Err(H4Error::VirtualTime);
    }
    let serving = Serving { line: Line::open(stream.into())?, controller };
    poll_fn(|context| serving.line.poll(controller, context)).await
}

struct Serving<'a> {
    line: Line,
    controller: &'a Controller,
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.controller.power_cycle();
    }
}
