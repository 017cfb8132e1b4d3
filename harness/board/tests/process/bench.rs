//! A board in a thread of its own, and a host that holds its port.

use air::h4::Listener;
use board::flash::Flash;
use board::process::{Options, Sockets, Stop, run};
use board::rom::Chip;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wire::{Command, Decoder, Hello, Item, Request};

/// Longest time that a board takes for anything, on a slow machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Board {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    ports: Receiver<(PathBuf, Port)>,
    control: BufReader<UnixStream>,
    pub(crate) folder: tempfile::TempDir,
}

impl Board {
    /// A board, and its port.
    pub(crate) fn start(chip: Chip, flash: Flash, download: bool) -> (Self, Port) {
        let folder = tempfile::tempdir().unwrap();
        let (link, state) = (folder.path().join("port"), folder.path().join("flash"));
        let socket = folder.path().join("control");
        let (seed, link, state) = (1, Some(link), Some(state));
        let options = Options { chip, mac: None, seed, flash, download, link, state };
        let control = Some(Listener::unix(&socket).unwrap());
        let (stop, (told, ports)) = (Stop::default(), channel());
        let theirs = stop.clone();
        let thread = std::thread::spawn(move || {
            let sockets = Sockets { control, ..Sockets::default() };
            // Opened before the board boots: what it says to nobody is lost.
            let mut tell =
                |path: &Path, _: [u8; 6]| told.send((path.to_owned(), Port::open(path, 115_200))).unwrap();
            run(options, sockets, &theirs, &mut tell).unwrap();
        });
        let control = BufReader::new(UnixStream::connect(&socket).unwrap());
        control.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
        let board = Self { stop, thread: Some(thread), ports, control, folder };
        let port = board.port();
        (board, port)
    }

    /// The port, once it is there.
    pub(crate) fn port(&self) -> Port {
        let (path, port) = self.ports.recv_timeout(DEADLINE).unwrap();
        assert_eq!(std::fs::read_link(self.folder.path().join("port")).unwrap(), path);
        port
    }

    pub(crate) fn control(&mut self, line: &str) {
        self.control.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.control.read_line(&mut answer).unwrap();
        assert_eq!(answer, "ok\n");
    }

    /// Ends it; what flash holds then.
    pub(crate) fn end(mut self) -> Option<Vec<u8>> {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap();
        assert!(!self.folder.path().join("port").exists(), "the link is gone");
        std::fs::read(self.folder.path().join("flash")).ok()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// A host's end of the line.
pub(crate) struct Port {
    fd: OwnedFd,
    /// What has come and was not looked for yet.
    pub(crate) came: Vec<u8>,
    pub(crate) gone: bool,
}

impl Port {
    pub(crate) fn open(path: &Path, baud: u32) -> Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let port =
            Self { fd: rustix::fs::open(path, flags, Mode::empty()).unwrap(), came: vec![], gone: false };
        port.set_baud(baud);
        port
    }

    pub(crate) fn set_baud(&self, baud: u32) {
        let mut settings = tcgetattr(&self.fd).unwrap();
        settings.set_speed(baud).unwrap();
        tcsetattr(&self.fd, OptionalActions::Now, &settings).unwrap();
    }

    pub(crate) fn write(&self, mut bytes: &[u8]) {
        let deadline = Instant::now() + DEADLINE;
        while !bytes.is_empty() {
            assert!(Instant::now() < deadline, "the board takes nothing");
            match rustix::io::write(&self.fd, bytes) {
                Ok(len) => bytes = &bytes[len..],
                Err(rustix::io::Errno::AGAIN) => self.wait(PollFlags::OUT, Duration::from_secs(1)),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn wait(&self, events: PollFlags, longest: Duration) {
        let longest = Timespec { tv_sec: 0, tv_nsec: longest.subsec_nanos().max(1).into() };
        poll(&mut [PollFd::new(&self.fd, events)], Some(&longest)).unwrap();
    }

    /// Reads what there is, or waits a moment for it.
    pub(crate) fn read(&mut self) {
        self.wait(PollFlags::IN, Duration::from_millis(20));
        let mut chunk = [0; 4096];
        match rustix::io::read(&self.fd, &mut chunk) {
            Ok(0) | Err(rustix::io::Errno::IO) => self.gone = true,
            Ok(len) => self.came.extend(&chunk[..len]),
            Err(_) => {}
        }
    }

    /// Waits for this text; everything up to it is done with.
    pub(crate) fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let found = self.came.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                self.came.drain(..at + text.len());
                return;
            }
            let late = Instant::now() >= deadline || self.gone;
            assert!(
                !late,
                "no {text:?} in {:?}",
                String::from_utf8_lossy(&self.came[..self.came.len().min(500)])
            );
            self.read();
        }
    }

    /// Asks who is there until it is told: the application may not run yet.
    pub(crate) fn hello(&mut self) -> ([u8; 32], String, u32) {
        let payload = postcard::to_allocvec(&Request { id: 1, command: Command::Hello }).unwrap();
        let mut frame = vec![0; wire::frame_len(payload.len())];
        let len = wire::encode_frame(&payload, &mut frame).unwrap();
        let (deadline, mut decoder, mut hello) = (Instant::now() + DEADLINE, Decoder::new(), None);
        while hello.is_none() {
            assert!(Instant::now() < deadline, "no Hello");
            self.write(&frame[..len]);
            self.read();
            decoder.push(&std::mem::take(&mut self.came), |item| {
                if let Item::Payload(payload) = item
                    && let Ok(Hello { app_hash, chip, nonce, .. }) = Hello::decode(payload)
                {
                    hello = Some((app_hash, chip.to_owned(), nonce));
                }
            });
        }
        hello.unwrap()
    }

    /// SYNC, answered by the ROM.
    pub(crate) fn sync(&mut self) {
        self.write(&sync_request());
        for _ in 0..8 {
            self.expect(SYNCED);
        }
    }

    /// Whether nothing comes for so long.
    pub(crate) fn is_silent_for(&mut self, long: Duration) -> bool {
        self.came.clear();
        let end = Instant::now() + long;
        while Instant::now() < end && self.came.is_empty() {
            self.read();
        }
        self.came.is_empty()
    }
}

/// A command of the serial protocol, for a body without the bytes that SLIP escapes.
pub(crate) fn command(opcode: u8, body: &[u8], checksum: u8) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap().to_le_bytes();
    [&[0xC0, 0, opcode, len[0], len[1], checksum, 0, 0, 0], body, &[0xC0]].concat()
}

pub(crate) fn sync_request() -> Vec<u8> {
    command(0x08, &[&[7, 7, 0x12, 0x20][..], &[0x55; 32]].concat(), 0)
}

/// What the ROM answers it with, eight times.
const SYNCED: &str = "\u{1}\u{8}\u{4}\0\u{7}\u{7}\u{12} \0\0\0\0";
