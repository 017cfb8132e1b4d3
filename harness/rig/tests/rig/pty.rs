//! A serial port that exists only in the operating system, with the virtual board or a script at its other end.

use air::{Air, ControllerConfig};
use async_io::Async;
use board::VirtualBoard;
use embassy_futures::join::join;
use embassy_futures::select::select;
use embedded_io_async::{Read as _, Write as _};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::thread::JoinHandle;

/// A pseudo-terminal. The port goes away when the master does: that is how a board is unplugged.
pub(crate) struct Pty {
    pub(crate) master: OwnedFd,
    pub(crate) path: PathBuf,
}

impl Pty {
    pub(crate) fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        // Nothing is echoed, as on a serial line.
        let slave = rustix::fs::open(
            &path,
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY,
            rustix::fs::Mode::empty(),
        );
        let slave = slave.unwrap();
        let mut settings = rustix::termios::tcgetattr(&slave).unwrap();
        settings.make_raw();
        rustix::termios::tcsetattr(&slave, rustix::termios::OptionalActions::Now, &settings).unwrap();
        Self { master, path }
    }

    /// A board that says the same whatever it is told.
    pub(crate) fn says(self, text: &[u8]) -> Self {
        rustix::io::write(&self.master, text).unwrap();
        self
    }
}

/// The virtual board at a pseudo-terminal, in a thread of its own, until it is unplugged.
pub(crate) struct PluggedBoard {
    pub(crate) path: PathBuf,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl PluggedBoard {
    pub(crate) fn new() -> Self {
        let Pty { master, path } = Pty::new();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || serve(master, stopped));
        Self { path, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn unplug(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for PluggedBoard {
    fn drop(&mut self) {
        self.unplug();
    }
}

fn serve(master: OwnedFd, stopped: UnixStream) {
    let air = Air::real_time(1);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let (mut from_board, mut to_board) = (board.serial(), board.serial());
    let master = Async::new(master).unwrap();
    let stopped = Async::new(stopped).unwrap();
    let out = async {
        let mut chunk = [0; 256];
        loop {
            let len = from_board.read(&mut chunk).await.unwrap();
            // What nobody reads is lost.
            let _ = master.write_with(|master| Ok(rustix::io::write(master, &chunk[..len])?)).await;
        }
    };
    let back = async {
        let mut chunk = [0; 256];
        // Between two openings of the port, reading fails at once.
        loop {
            match master.read_with(|master| Ok(rustix::io::read(master, &mut chunk[..])?)).await {
                Ok(len) => to_board.write_all(&chunk[..len]).await.unwrap(),
                Err(_) => embassy_time::Timer::after_millis(1).await,
            }
        }
    };
    let (mut pump, mut host, mut link) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let until_unplugged = async {
        let copied = join(out, back);
        select(copied, stopped.readable()).await;
    };
    air.run(until_unplugged, &mut [pump.as_mut(), host.as_mut(), link.as_mut()]).unwrap();
}
