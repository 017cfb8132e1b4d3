//! Waiting for a file descriptor, in a thread that can be told to stop.

use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

/// What a thread that waits is woken with.
#[derive(Debug)]
pub(super) struct Poke(UnixStream);

/// The thread's end of a [`Poke`].
#[derive(Debug)]
pub(super) struct Poked(UnixStream);

/// A pair of ends that never block.
pub(super) fn poke() -> io::Result<(Poke, Poked)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    Ok((Poke(near), Poked(far)))
}

impl Poke {
    pub(super) fn poke(&self) {
        // When it is full, the thread has enough to wake up for.
        let _full_or_gone = (&self.0).write(&[0]);
    }
}

/// Waits until `fd` is ready for one of `events`, or until poked. Without events it waits for the poke alone.
pub(super) fn wait(fd: BorrowedFd<'_>, events: PollFlags, poked: &Poked) -> io::Result<()> {
    let mut all = [PollFd::new(&poked.0, PollFlags::IN), PollFd::from_borrowed_fd(fd, events)];
    // A descriptor that has hung up is always ready, so it is left out while nothing is wanted of it.
    let wanted = if events.is_empty() { all.split_at_mut(1).0 } else { &mut all[..] };
    match rustix::event::poll(wanted, None) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut pokes = [0; 64];
    while matches!((&poked.0).read(&mut pokes), Ok(1..)) {}
    Ok(())
}

#[derive(Debug, Default)]
struct Readiness {
    result: Option<io::Result<()>>,
    waker: Option<Waker>,
    stop: bool,
}

/// Waits once, in a thread of its own, for a descriptor to become readable.
#[derive(Debug)]
pub(super) struct Readable {
    shared: Arc<Mutex<Readiness>>,
    poke: Poke,
    thread: Option<JoinHandle<()>>,
}

impl Readable {
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        let (poke, poked) = poke()?;
        let shared = Arc::new(Mutex::new(Readiness::default()));
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name("h4 listener".to_owned()).spawn(move || {
            use std::os::fd::AsFd;
            let result = wait(fd.as_fd(), PollFlags::IN, &poked);
            let mut readiness = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            readiness.result = Some(result);
            if let Some(waker) = readiness.waker.take().filter(|_| !readiness.stop) {
                waker.wake();
            }
        })?;
        Ok(Self { shared, poke, thread: Some(thread) })
    }

    pub(super) fn poll(&self, waker: &Waker) -> Poll<io::Result<()>> {
        let mut readiness = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match readiness.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                readiness.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Readable {
    fn drop(&mut self) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.poke.poke();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
