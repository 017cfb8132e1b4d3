//! Standard output, and whether results were lost on it.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static LOST: AtomicBool = AtomicBool::new(false);

/// Standard output with colour where it is wanted. A reader that went away (`gattest list | head`) is no
/// error; a full disk is one, and [`lost`] says so.
pub(crate) struct Stdout(anstream::AutoStream<std::io::Stdout>);

impl Stdout {
    pub(crate) fn new() -> Self {
        Self(anstream::stdout())
    }
}

/// Whether results could not be written for another reason than that nobody reads them.
pub(crate) fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

fn noted<T>(result: std::io::Result<T>) -> std::io::Result<T> {
    result.inspect_err(|error| {
        if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) {
            LOST.store(true, Ordering::Relaxed);
        }
    })
}

impl Write for Stdout {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        noted(self.0.write(buf))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        noted(self.0.flush())
    }
}
