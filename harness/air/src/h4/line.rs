//! One stream: the thread that reads and writes it, and what it shares with the bench.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use bt_hci_transport::PacketKind;
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::H4Error;
use super::framing::{Framer, Writer};
use super::readiness::{self, Poke, Poked};
use crate::controller::Controller;
use crate::packets::PacketQueue;

/// How many bytes may wait between the thread and the bench, each way. More waits where it comes from: in the stream,
/// or in the controller.
const QUEUE_SIZE: usize = 16 * 1024;

/// How many bytes are read at once.
const READ_SIZE: usize = 4096;

/// What the thread and the bench share.
#[derive(Debug, Default)]
struct Shared {
    /// Packets that have been read, and packets to be written.
    incoming: PacketQueue,
    outgoing: PacketQueue,
    /// The bench's tasks that are to be woken when something has changed.
    tasks: Vec<Waker>,
    /// The bench does not want the stream any more.
    stop: bool,
    /// The thread is done with it.
    end: Option<Result<(), H4Error>>,
}

impl Shared {
    fn wake(&mut self) {
        self.tasks.drain(..).for_each(Waker::wake);
    }

    fn register(&mut self, waker: &Waker) {
        if !self.tasks.iter().any(|task| task.will_wake(waker)) {
            self.tasks.push(waker.clone());
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // Whole after each single operation, so a panic elsewhere leaves nothing half done.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bench's end of a stream. The thread ends and the stream is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Line {
    shared: Arc<Mutex<Shared>>,
    poke: Poke,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// `writer` is who is at the other end.
    pub(super) fn open(stream: OwnedFd, writer: Writer) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&stream, true)?;
        let (poke, poked) = readiness::poke()?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name("h4 stream".to_owned()).spawn(move || {
            let end = Pump { stream, poked, framer: Framer::new(writer), writing: Vec::new() }.run(&theirs);
            let mut shared = lock(&theirs);
            // Who hangs up with something unread does so all the same.
            shared.end = Some(if matches!(end, Err(H4Error::Closed)) { Ok(()) } else { end });
            shared.wake();
        })?;
        Ok(Self { shared, poke, thread: Some(thread) })
    }

    /// Moves what can be moved between the stream of a host and the controller; ready when the stream has ended.
    pub(super) fn poll_host(
        &self,
        controller: &Controller,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), H4Error>> {
        let mut shared = lock(&self.shared);
        shared.register(context.waker());
        let mut moved = false;
        // The host's packets are answered at once, so both ways are looked at until there is nothing more to do.
        while send_one(&mut shared, controller, context.waker()) || take_one(&mut shared, controller) {
            moved = true;
        }
        if shared.incoming.is_empty()
            && let Some(end) = shared.end.take()
        {
            return Poll::Ready(end);
        }
        drop(shared);
        if moved {
            self.poke.poke();
        }
        Poll::Pending
    }

    /// Takes the oldest packet that has come, after `read` has seen it.
    ///
    /// # Errors
    /// The stream has ended and nothing is left: how, the first time, and [`H4Error::Closed`] from then on.
    pub(super) fn poll_read<T>(
        &self,
        context: &mut Context<'_>,
        read: impl FnOnce(u8, &[u8]) -> T,
    ) -> Poll<Result<T, H4Error>> {
        let mut shared = lock(&self.shared);
        let Some((tag, bytes)) = shared.incoming.front() else {
            shared.register(context.waker());
            return match &mut shared.end {
                Some(end) => {
                    Poll::Ready(Err(std::mem::replace(end, Ok(())).err().unwrap_or(H4Error::Closed)))
                }
                None => Poll::Pending,
            };
        };
        let result = read(tag, bytes);
        let was_full = shared.incoming.size() >= QUEUE_SIZE;
        shared.incoming.pop();
        drop(shared);
        if was_full {
            self.poke.poke();
        }
        Poll::Ready(Ok(result))
    }

    /// Takes a packet that is to be written, once there is room for it. After the end it goes nowhere: how the stream
    /// ended, its reader is told.
    pub(super) fn poll_write(&self, context: &mut Context<'_>, tag: u8, bytes: &[u8]) -> Poll<()> {
        let mut shared = lock(&self.shared);
        if shared.end.is_some() {
            return Poll::Ready(());
        }
        if shared.outgoing.size() >= QUEUE_SIZE {
            shared.register(context.waker());
            return Poll::Pending;
        }
        shared.outgoing.push(tag, &[bytes]);
        drop(shared);
        self.poke.poke();
        Poll::Ready(())
    }

    /// Throws away what has come and has not been taken.
    pub(super) fn forget_unread(&self) {
        lock(&self.shared).incoming.clear();
        self.poke.poke();
    }
}

/// One packet from the controller on its way to the host.
fn send_one(shared: &mut Shared, controller: &Controller, waker: &Waker) -> bool {
    if shared.outgoing.size() >= QUEUE_SIZE || controller.poll_readable(waker).is_pending() {
        return false;
    }
    let outgoing = &mut shared.outgoing;
    controller.take_packet(|kind, bytes| outgoing.push(kind as u8, &[bytes])).is_some()
}

/// One packet from the host, unless so much waits for the host that it should read first.
fn take_one(shared: &mut Shared, controller: &Controller) -> bool {
    if controller.is_backed_up() {
        return false;
    }
    let Some((tag, bytes)) = shared.incoming.front() else { return false };
    let kind = [PacketKind::Cmd, PacketKind::AclData, PacketKind::SyncData, PacketKind::IsoData]
        .into_iter()
        .find(|kind| *kind as u8 == tag);
    if let Some(kind) = kind {
        let _noted_by_the_controller = controller.write_packet(kind, bytes);
    }
    shared.incoming.pop();
    true
}

impl Drop for Line {
    fn drop(&mut self) {
        lock(&self.shared).stop = true;
        self.poke.poke();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// The thread's side.
struct Pump {
    stream: OwnedFd,
    poked: Poked,
    framer: Framer,
    /// What is left of the packet that is being written, with its indicator.
    writing: Vec<u8>,
}

impl Pump {
    fn run(mut self, shared: &Mutex<Shared>) -> Result<(), H4Error> {
        loop {
            self.write(shared)?;
            let mut events = PollFlags::empty();
            {
                let shared = lock(shared);
                if shared.stop {
                    return Ok(());
                }
                events.set(PollFlags::IN, shared.incoming.size() < QUEUE_SIZE);
            }
            events.set(PollFlags::OUT, !self.writing.is_empty());
            readiness::wait(self.stream.as_fd(), events, &self.poked)?;
            if events.contains(PollFlags::IN) && !self.read(shared)? {
                return Ok(());
            }
        }
    }

    /// Writes what waits, as far as the stream takes it.
    fn write(&mut self, shared: &Mutex<Shared>) -> Result<(), H4Error> {
        loop {
            if self.writing.is_empty() {
                let mut shared = lock(shared);
                let Some((indicator, bytes)) = shared.outgoing.front() else { return Ok(()) };
                self.writing.push(indicator);
                self.writing.extend_from_slice(bytes);
                let was_full = shared.outgoing.size() >= QUEUE_SIZE;
                shared.outgoing.pop();
                if was_full {
                    shared.wake();
                }
            }
            match rustix::io::write(&self.stream, &self.writing) {
                Ok(written) => drop(self.writing.drain(..written.min(self.writing.len()))),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                // Linux takes no packets for an adapter that is off (`hci_recv_frame` in its `hci_core.c`), and is its
                // host again when it is on.
                Err(Errno::NXIO) => self.writing.clear(),
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(H4Error::Closed),
                Err(error) => return Err(H4Error::Io(error.into())),
            }
        }
    }

    /// Reads what is there; says whether the stream goes on.
    fn read(&mut self, shared: &Mutex<Shared>) -> Result<bool, H4Error> {
        let mut buffer = [0; READ_SIZE];
        let length = match rustix::io::read(&self.stream, &mut buffer) {
            Ok(0) if self.framer.is_within_packet() => return Err(H4Error::Cut),
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(true),
            Err(Errno::CONNRESET) => return Err(H4Error::Closed),
            Err(error) => return Err(H4Error::Io(error.into())),
        };
        let mut shared = lock(shared);
        let bytes = buffer.get(..length).unwrap_or_default();
        let framed = self.framer.push(bytes, |kind, bytes| shared.incoming.push(kind as u8, &[bytes]));
        shared.wake();
        framed.map(|()| true).map_err(H4Error::Indicator)
    }
}
