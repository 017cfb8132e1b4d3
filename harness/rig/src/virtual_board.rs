//! The virtual board beside this machine's own Bluetooth stack: in this process, in real time, with the second
//! controller of its radio plugged into the system.

use crate::bluez::await_adapter;
use crate::fault::Fault;
use crate::vhci;
use board::image;
use board::process::{self, Options, Recorder, Sockets, Stop};
use board::rom::Chip;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// For all of it. A pseudo-terminal and a thread are there at once; bluetoothd takes a new controller within a second,
/// and needs a few to start.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A board that runs until it is dropped; its adapter is unplugged with it.
pub struct VirtualBoard {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    recorder: Recorder,
    port: PathBuf,
    adapter: String,
}

impl std::fmt::Debug for VirtualBoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualBoard").field("port", &self.port).field("adapter", &self.adapter).finish()
    }
}

impl VirtualBoard {
    /// Starts one, and waits until bluetoothd has its adapter. `seed` draws all that the board and its radio leave open.
    ///
    /// # Errors
    /// The system takes no controller, or bluetoothd does not have it within its deadline.
    pub fn start(seed: u64) -> Result<Self, Fault> {
        let until = Instant::now() + START_DEADLINE;
        let rest = || until.saturating_duration_since(Instant::now());
        let vhci = vhci::open()?;
        let options = Options {
            chip: Chip::Esp32c3,
            // Boards with one address would wait for each other: never the same, and shown nowhere.
            mac: Some([
                0x02,
                fastrand::u8(..),
                fastrand::u8(..),
                fastrand::u8(..),
                fastrand::u8(..),
                fastrand::u8(..),
            ]),
            seed,
            flash: image::factory(Chip::Esp32c3),
            download: false,
            link: None,
            state: None,
        };
        let (stop, recorder) = (Stop::default(), Recorder::default());
        let sockets =
            Sockets { hosts: vec![vhci.stream], recorder: Some(recorder.clone()), ..Sockets::default() };
        let (tell, told) = mpsc::channel();
        let theirs = stop.clone();
        let run = move || {
            let mut ready = |port: &Path, _| {
                let _nobody_waits = tell.send(Ok(port.to_owned()));
            };
            if let Err(error) = process::run(options, sockets, &theirs, &mut ready) {
                let _nobody_waits = tell.send(Err(error.to_string()));
            }
        };
        let thread = std::thread::Builder::new().name("virtual board".to_owned()).spawn(run);
        let thread = thread.map_err(|error| broken(&error.to_string()))?;
        // From here on the thread is ended, whatever comes.
        let adapter = format!("hci{}", vhci.index);
        let mut started = Self { stop, thread: Some(thread), recorder, port: PathBuf::new(), adapter };
        let port = told.recv_timeout(rest()).map_err(|_| broken("it does not start"))?;
        started.port = port.map_err(|why| broken(&why))?;
        await_adapter(&started.adapter, rest())?;
        Ok(started)
    }

    /// Its serial port.
    #[must_use]
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// What the system calls the adapter that hears it: `hci1`.
    #[must_use]
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Records the packets of its radio's controllers.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}

fn broken(why: &str) -> Fault {
    Fault::new(
        format!("the virtual board cannot run: {why}"),
        "end other programs, and see that /dev/pts is mounted",
    )
}

impl Drop for VirtualBoard {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
