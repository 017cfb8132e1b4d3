//! Streams of the system's events, read on the bench's own thread.

use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A stream that needs the runtime of the system's stack to be in reach whenever it is touched, also when it is
/// dropped: it tells the bus then that nobody listens any more.
pub(super) struct Events<T> {
    runtime: Handle,
    stream: Option<Pin<Box<dyn Stream<Item = T> + Send>>>,
}

impl<T> Events<T> {
    pub(super) fn new(runtime: &Handle, stream: Pin<Box<dyn Stream<Item = T> + Send>>) -> Self {
        Self { runtime: runtime.clone(), stream: Some(stream) }
    }

    /// The next event; `Ready(None)` when there will be none any more.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let _inside = self.runtime.enter();
        match &mut self.stream {
            Some(stream) => stream.as_mut().poll_next(context),
            None => Poll::Ready(None),
        }
    }

    /// The next event that is here already.
    pub(super) fn next_here(&mut self) -> Option<T> {
        match self.poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        }
    }
}

impl<T> Drop for Events<T> {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        drop(self.stream.take());
    }
}
