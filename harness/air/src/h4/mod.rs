//! H4 over a socket or any other byte stream, in real time (Core Vol 4 Part A 2): virtual controllers for hosts outside
//! of this process, and [`RemoteController`] for hosts inside of it.
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
mod remote;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;

pub use listener::Listener;
pub use remote::{Remote, RemoteController};

use crate::controller::Controller;
use bt_hci_transport::ReadHciError;
use framing::Writer;
use line::Line;

/// Why a stream is of no use any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum H4Error {
    /// Something else than a packet indicator came where one must be: the stream is out of step.
    #[error("{0:#04x} is not the beginning of an H4 packet")]
    Indicator(u8),
    /// The stream ended within a packet.
    #[error("the stream ended within a packet")]
    Cut,
    /// The other end has closed the stream.
    #[error("the other end closed the stream")]
    Closed,
    /// A controller answered a command with more than it returns.
    #[error("{length} bytes came where command {opcode:#06x} returns fewer")]
    Answer {
        /// The command.
        opcode: u16,
        /// How many bytes it returned after its status.
        length: usize,
    },
    /// A packet that its reader could not decode.
    #[error("a packet cannot be decoded: {0}")]
    Packet(ReadHciError<Infallible>),
    /// The bench runs in virtual time, which nobody outside of it can follow.
    #[error("a stream needs a bench that runs in real time")]
    VirtualTime,
    /// Reading or writing the stream failed.
    #[error("the stream failed: {0}")]
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
    let serving = Serving { line: Line::open(stream.into(), Writer::Host)?, controller };
    poll_fn(|context| serving.line.poll_host(controller, context)).await
}

/// Lets one host after the other that calls on `listener` use the controller. `ended` learns how each was served.
///
/// Never ends but by an error of the listener's own.
pub async fn serve_all(
    controller: &Controller,
    listener: &Listener,
    mut ended: impl FnMut(Result<(), H4Error>),
) -> io::Error {
    loop {
        match listener.accept().await {
            Ok(stream) => ended(serve(controller, stream).await),
            Err(error) => return error,
        }
    }
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
