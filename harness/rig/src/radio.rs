//! A virtual radio for other programs: one virtual controller for each socket, in real time.

use air::Air;
pub use air::ControllerConfig;
use air::h4::{Listener, serve_all};
pub use board::process::Stop;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;

/// Where hosts call for a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// `PATH` or `unix:PATH`: a Unix socket that does not exist yet.
    Unix(PathBuf),
    /// `tcp:PORT`: on 127.0.0.1; 0 lets the system choose the port.
    Tcp(u16),
}

impl FromStr for Socket {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("tcp:") {
            Some(port) => port.parse().map(Self::Tcp),
            None => Ok(Self::Unix(text.strip_prefix("unix:").unwrap_or(text).into())),
        }
    }
}

impl Socket {
    /// Listens; gives the socket as it really is.
    ///
    /// # Errors
    /// What went wrong, and at which socket.
    pub fn listen(&self) -> io::Result<(Listener, Self)> {
        let listener = match self {
            Self::Unix(path) => Listener::unix(path),
            Self::Tcp(port) => Listener::tcp(*port),
        };
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("failed to listen on {self}: {error}"));
        let listener = listener.map_err(failed)?;
        let socket = listener.port().map_or_else(|| self.clone(), Self::Tcp);
        Ok((listener, socket))
    }
}

/// A socket that is listened on, as a `--central` names it: `unix:PATH` or `tcp:127.0.0.1:PORT`.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(port) => write!(f, "tcp:127.0.0.1:{port}"),
        }
    }
}

/// Who gets a controller on the radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// Whoever calls on a socket.
    Socket(Socket),
    /// `vhci`: this machine's own Bluetooth stack, which must be Linux's.
    #[cfg(target_os = "linux")]
    Vhci,
}

impl FromStr for Taker {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        #[cfg(target_os = "linux")]
        if text == "vhci" {
            return Ok(Self::Vhci);
        }
        text.parse().map(Self::Socket)
    }
}

/// What happens on a radio.
#[derive(Debug)]
pub enum RadioEvent {
    /// All sockets are listened on, in the order in which they were given; ports are the real ones.
    Ready(Vec<Socket>),
    /// A host has gone, or was sent away with these words.
    Ended(Socket, Result<(), String>),
}

/// Serves a controller on each socket, to one host after the other, until it is stopped. All controllers hear each
/// other. Paths of Unix sockets are removed in the end.
///
/// # Errors
/// A socket cannot be listened on; which one is in the message.
pub fn serve(
    sockets: &[(Socket, ControllerConfig)],
    seed: u64,
    stop: &Stop,
    tell: &mut dyn FnMut(RadioEvent),
) -> io::Result<()> {
    let air = Air::real_time(seed);
    let mut listeners = Vec::new();
    for (socket, config) in sockets {
        let (listener, socket) = socket.listen()?;
        listeners.push((air.controller(config.clone()), listener, socket));
    }
    tell(RadioEvent::Ready(listeners.iter().map(|(_, _, socket)| socket.clone()).collect()));
    let tell = std::cell::RefCell::new(tell);
    let broken = Signal::<CriticalSectionRawMutex, io::Error>::new();
    let mut serving: Vec<_> = listeners
        .iter()
        .map(|(controller, listener, socket)| {
            Box::pin(async {
                let ended = |ended: Result<(), air::h4::H4Error>| {
                    let ended = ended.map_err(|error| error.to_string());
                    (tell.borrow_mut())(RadioEvent::Ended(socket.clone(), ended));
                };
                broken.signal(serve_all(controller, listener, ended).await);
            })
        })
        .collect();
    let mut tasks: Vec<Pin<&mut dyn Future<Output = ()>>> = Vec::new();
    for task in &mut serving {
        tasks.push(task.as_mut());
    }
    match air.run(select(stop.wait(), broken.wait()), &mut tasks) {
        Ok(Either::Second(error)) => Err(error),
        // A bench in real time without a limit does not stall.
        Ok(Either::First(())) | Err(_) => Ok(()),
    }
}
