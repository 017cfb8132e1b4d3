//! The virtual board as a process of its own, in real time: a serial port, a radio for hosts on sockets, and
//! a life from reset to reset, of which flash decides what it is.

mod boot;
mod controls;
mod machine;
mod pty;
mod recorder;
mod stream;
mod uart;

use crate::flash::Flash;
use crate::rom::Chip;
use air::h4::{self, Listener};
use air::{Air, ControllerConfig};
use controls::Controls;
use embassy_futures::select::{Either3, select3};
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
use embassy_sync::signal::Signal;
use machine::Machine;
pub use recorder::Recorder;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use stream::{OnHangUp, Stream};

/// Programs that may hold the control socket at the same time.
const CONTROL_CLIENTS: usize = 4;

/// Longest line on the control socket, in bytes.
const CONTROL_LINE: usize = 256;

/// What kind of board it is.
#[derive(Debug)]
pub struct Options {
    /// Its chip.
    pub chip: Chip,
    /// Its factory MAC address, most significant byte first; drawn from the seed without one.
    pub mac: Option<[u8; 6]>,
    /// Draws all that is left open.
    pub seed: u64,
    /// What its flash holds.
    pub flash: Flash,
    /// It begins in the ROM loader, as if the boot button were held.
    pub download: bool,
    /// A symbolic link to its port, which is made, and removed in the end.
    pub link: Option<PathBuf>,
    /// A file that the contents of flash are written to whenever the loader has changed them.
    pub state: Option<PathBuf>,
}

/// Where others reach the board, apart from its port.
#[derive(Debug, Default)]
pub struct Sockets {
    /// One controller on the board's radio for each, over H4.
    pub radios: Vec<Listener>,
    /// Likewise, for hosts that are there already.
    pub hosts: Vec<OwnedFd>,
    /// The board's pins and faults, in lines of text; see `harness/board/src/process/controls.rs`.
    pub control: Option<Listener>,
    /// Records what goes on between the radio's controllers and their hosts.
    pub recorder: Option<Recorder>,
}

/// Ends what runs until it is stopped, from any thread. Clones end the same thing.
#[derive(Clone, Default)]
pub struct Stop(Arc<Signal<CriticalSectionRawMutex, ()>>);

impl Stop {
    /// Ends it, now or as soon as it begins.
    pub fn stop(&self) {
        self.0.signal(());
    }

    /// Waits for it.
    pub async fn wait(&self) {
        self.0.wait().await;
    }
}

/// Why a board could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The operating system gave no port.
    #[error("failed to make a serial port: {0}")]
    Port(io::Error),
    /// A socket failed.
    #[error("failed to accept a connection: {0}")]
    Accept(io::Error),
    /// A host that was there has gone or broken the protocol.
    #[error("failed to serve a host on the radio: {0}")]
    Host(h4::H4Error),
    /// The contents of flash could not be kept.
    #[error("failed to write {0}: {1}")]
    State(PathBuf, io::Error),
}

/// Runs a board until it is stopped. `tell` is called with its port and MAC address each time that the port is there.
///
/// # Errors
/// [`ProcessError`]
pub fn run(
    options: Options,
    sockets: Sockets,
    stop: &Stop,
    tell: &mut dyn FnMut(&Path, [u8; 6]),
) -> Result<(), ProcessError> {
    let air = Air::real_time(options.seed);
    let controller = air.controller(ControllerConfig { name: "board".to_owned(), ..Default::default() });
    let controls = Controls::default();
    let machine = Machine::new(&air, &controller, &controls, options);
    let broken: Signal<NoopRawMutex, ProcessError> = Signal::new();

    let lend =
        |at: usize| air.controller(ControllerConfig { name: format!("central {at}"), ..Default::default() });
    let Sockets { radios, hosts, control, recorder } = sockets;
    let after_radios = 1 + radios.len();
    let serve_radio = |(at, listener)| {
        let (controller, broken) = (lend(at), &broken);
        Box::pin(async move {
            // A host that breaks the protocol is sent away, and the next one is served.
            let error = h4::serve_all(&controller, listener, |_ended| ()).await;
            broken.signal(ProcessError::Accept(error));
        })
    };
    let serve_host = |(at, stream)| {
        let (controller, broken) = (lend(at), &broken);
        Box::pin(async move {
            let ended = h4::serve(&controller, stream).await;
            broken.signal(ProcessError::Host(ended.err().unwrap_or(h4::H4Error::Closed)));
        })
    };
    let mut radios: Vec<_> = (1..).zip(&radios).map(serve_radio).collect();
    let mut hosts: Vec<_> = (after_radios..).zip(hosts).map(serve_host).collect();
    let clients = control.iter().flat_map(|listener| std::iter::repeat_n(listener, CONTROL_CLIENTS));
    let mut clients: Vec<_> =
        clients.map(|listener| Box::pin(serve_controls(&controls, listener, &broken))).collect();
    let mut recorder = recorder.as_ref().map(|recorder| Box::pin(recorder.serve(&air)));
    let mut tasks: Vec<Pin<&mut dyn Future<Output = ()>>> = Vec::new();
    if let Some(recorder) = &mut recorder {
        tasks.push(recorder.as_mut());
    }
    for radio in &mut radios {
        tasks.push(radio.as_mut());
    }
    for host in &mut hosts {
        tasks.push(host.as_mut());
    }
    for client in &mut clients {
        tasks.push(client.as_mut());
    }
    match air.run(select3(stop.wait(), machine.run(tell), broken.wait()), &mut tasks) {
        Ok(Either3::Second(Err(error)) | Either3::Third(error)) => Err(error),
        // A bench in real time without a limit does not stall.
        Ok(Either3::First(()) | Either3::Second(Ok(()))) | Err(_) => machine.keep_flash(),
    }
}

async fn serve_controls(
    controls: &Controls,
    listener: &Listener,
    broken: &Signal<NoopRawMutex, ProcessError>,
) {
    loop {
        let accepted = listener.accept().await.and_then(|fd| Stream::new(fd, OnHangUp::End));
        match accepted {
            Ok(stream) => take_commands(controls, &stream).await,
            Err(error) => return broken.signal(ProcessError::Accept(error)),
        }
    }
}

/// Carries out the lines of one client until it goes, or sends one that is too long.
async fn take_commands(controls: &Controls, stream: &Stream) {
    let mut line = Vec::new();
    loop {
        let bytes = stream.read(CONTROL_LINE).await;
        if bytes.is_empty() {
            return;
        }
        for byte in bytes {
            match byte {
                b'\n' => {
                    let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                    stream.write(controls.command(&text).as_bytes());
                }
                _ if line.len() == CONTROL_LINE => return,
                byte => line.push(byte),
            }
        }
    }
}
