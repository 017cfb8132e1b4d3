//! A byte stream of the operating system, read by a thread of its own, so that the bench's thread never
//! waits for anything but its own clock.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread::JoinHandle;

/// Bytes that may wait for the bench. More waits in the operating system, and then with whoever writes.
const QUEUE: usize = 4096;

/// How often it is looked whether somebody has opened the other side of a pseudo-terminal: the operating
/// system tells that to nobody. In nanoseconds.
const OPENED_CHECK_NS: i64 = 5_000_000;

/// What becomes of a stream whose other side is closed.
pub(super) enum OnHangUp {
    /// It has ended.
    End,
    /// The other side may be opened again. This is done first.
    Wait(Box<dyn Fn() + Send>),
}

#[derive(Debug, Default)]
struct Shared {
    bytes: VecDeque<u8>,
    reader: Option<Waker>,
    /// The other side is closed.
    hung_up: bool,
    ended: bool,
    stop: bool,
}

/// A stream. It is closed, and its thread has ended, when it is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    fd: Arc<OwnedFd>,
    shared: Arc<Mutex<Shared>>,
    /// Wakes the thread.
    poke: UnixStream,
    thread: Option<JoinHandle<()>>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // Whole after each single operation, so a panic elsewhere leaves nothing half done.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stream {
    pub(super) fn new(fd: OwnedFd, on_hang_up: OnHangUp) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        let (poke, poked) = UnixStream::pair()?;
        poke.set_nonblocking(true)?;
        poked.set_nonblocking(true)?;
        let (fd, shared) = (Arc::new(fd), Arc::new(Mutex::new(Shared::default())));
        let (their_fd, theirs) = (fd.clone(), shared.clone());
        let thread = std::thread::Builder::new().name("board line".to_owned()).spawn(move || {
            let _broken = pump(&their_fd, &poked, &theirs, &on_hang_up);
            let mut shared = lock(&theirs);
            shared.ended = true;
            if let Some(reader) = shared.reader.take() {
                reader.wake();
            }
        })?;
        Ok(Self { fd, shared, poke, thread: Some(thread) })
    }

    /// Waits for bytes and takes up to `max` of them; none at the end. Cancel-safe.
    pub(super) async fn read(&self, max: usize) -> Vec<u8> {
        poll_fn(|cx| {
            let mut shared = lock(&self.shared);
            if shared.bytes.is_empty() && !shared.ended {
                shared.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let len = shared.bytes.len().min(max);
            let was_full = shared.bytes.len() >= QUEUE;
            let bytes = shared.bytes.drain(..len).collect();
            drop(shared);
            if was_full {
                self.poke();
            }
            Poll::Ready(bytes)
        })
        .await
    }

    /// Writes what the other side has room for. The rest is lost, and so is everything while nobody has it open.
    pub(super) fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !lock(&self.shared).hung_up {
            match rustix::io::write(&*self.fd, bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn poke(&self) {
        // When it is full, the thread has enough to wake up for.
        let _full_or_gone = (&self.poke).write(&[0]);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        lock(&self.shared).stop = true;
        self.poke();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// The thread: moves bytes to the queue until the stream ends or is not wanted any more.
fn pump(fd: &OwnedFd, poked: &UnixStream, shared: &Mutex<Shared>, on_hang_up: &OnHangUp) -> io::Result<()> {
    let mut buffer = [0; QUEUE];
    loop {
        let (room, hung_up) = {
            let shared = lock(shared);
            if shared.stop {
                return Ok(());
            }
            (QUEUE.saturating_sub(shared.bytes.len()), shared.hung_up)
        };
        if hung_up {
            wait(None, poked)?;
            lock(shared).hung_up = is_hung_up(fd)?;
            continue;
        }
        wait((room > 0).then(|| fd.as_fd()), poked)?;
        if room == 0 {
            continue;
        }
        match rustix::io::read(fd, buffer.get_mut(..room).unwrap_or_default()) {
            Ok(len @ 1..) => {
                let mut shared = lock(shared);
                shared.bytes.extend(buffer.get(..len).unwrap_or_default());
                if let Some(reader) = shared.reader.take() {
                    reader.wake();
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // The other side of a pseudo-terminal is closed.
            Err(Errno::IO) if let OnHangUp::Wait(first) = on_hang_up => {
                lock(shared).hung_up = true;
                first();
            }
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until the descriptor can be read or has hung up, or until poked; without one, for
/// [`OPENED_CHECK_NS`] at most.
fn wait(fd: Option<BorrowedFd<'_>>, poked: &UnixStream) -> io::Result<()> {
    let mut all = vec![PollFd::new(poked, PollFlags::IN)];
    let mut timeout = Some(Timespec { tv_sec: 0, tv_nsec: OPENED_CHECK_NS });
    if let Some(fd) = fd {
        all.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        timeout = None;
    }
    match poll(&mut all, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut pokes = [0; 64];
    while matches!((&*poked).read(&mut pokes), Ok(1..)) {}
    Ok(())
}

fn is_hung_up(fd: &OwnedFd) -> io::Result<bool> {
    let mut one = [PollFd::new(fd, PollFlags::IN)];
    match poll(&mut one, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => Ok(one.iter().any(|fd| fd.revents().contains(PollFlags::HUP))),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
