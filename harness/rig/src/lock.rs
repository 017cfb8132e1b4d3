//! Locks on boards: two runs never share one.

use crate::fault::Fault;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// A run may take the minutes of all scenarios before the next gets the board.
pub const LOCK_DEADLINE: Duration = Duration::from_secs(600);

/// Where locks of all users are, if there is such a place.
const SHARED: &str = "/run/lock";

/// Holds a board, or the port at which one is looked for, until it is dropped. The operating system gives it back
/// however a process ends: a file that is left behind is no lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock called `name`, and waits for it up to `deadline`. `waiting` is told who has it when it is not
    /// free at once.
    ///
    /// # Errors
    /// It is not free by then, or its file cannot be used.
    pub fn acquire(name: &str, deadline: Duration, waiting: &mut dyn FnMut(&str)) -> Result<Self, Fault> {
        let path = folder().join(format!("gattest-{name}.lock"));
        Self::acquire_file(&path, deadline, waiting)
    }

    /// Whether somebody has the lock called `name`, and who.
    #[must_use]
    pub fn holder(name: &str) -> Option<String> {
        let path = folder().join(format!("gattest-{name}.lock"));
        let mut file = File::open(path).ok()?;
        // A shared lock is refused while somebody has the exclusive one, and does nobody any harm.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| holder(&mut file))
    }

    fn acquire_file(path: &Path, deadline: Duration, waiting: &mut dyn FnMut(&str)) -> Result<Self, Fault> {
        let unusable = |error: std::io::Error| {
            let cause = format!("the lock file {} cannot be used: {error}", path.display());
            Fault::new(cause, "delete it, or see that you may write it")
        };
        let mut file = open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
            Err(TryLockError::WouldBlock) => {
                let who = holder(&mut file);
                if !deadline.is_zero() {
                    waiting(&who);
                }
                file = wait(file, deadline).map_err(unusable)?.ok_or_else(|| {
                    let longer = match deadline.as_secs() {
                        0 => String::new(),
                        seconds => format!(", for longer than {seconds} s"),
                    };
                    let cause = format!("the board is in use by {who}{longer}");
                    Fault::new(cause, "wait for it or end it, then run again")
                })?;
            }
        }
        // For people; nothing depends on it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn folder() -> PathBuf {
    let shared = PathBuf::from(SHARED);
    let is_writable = rustix::fs::access(&shared, rustix::fs::Access::WRITE_OK).is_ok();
    if is_writable { shared } else { std::env::temp_dir() }
}

/// A file that another user has made is opened without the wish to create it: folders for all users refuse that.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.open(path).or_else(|_| {
        let file = options.create(true).open(path)?;
        // So that other users' runs can lock it as well.
        use std::os::unix::fs::PermissionsExt as _;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o666));
        Ok(file)
    })
}

fn holder(file: &mut File) -> String {
    let mut id = String::new();
    let read = file.rewind().and_then(|()| file.take(20).read_to_string(&mut id));
    let is_id = read.is_ok() && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { format!("process {id}") } else { "another process".to_owned() }
}

/// The file once it is locked, or nothing at the deadline. The operating system has no deadline for it: a thread
/// waits, and gives the lock back when it comes too late.
fn wait(file: File, deadline: Duration) -> std::io::Result<Option<File>> {
    if deadline.is_zero() {
        return Ok(None);
    }
    let (locked, taken) = mpsc::channel();
    std::thread::Builder::new().name("lock".to_owned()).spawn(move || {
        let result = file.lock();
        let _too_late = locked.send(result.map(|()| file));
    })?;
    taken.recv_timeout(deadline).ok().transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    fn path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board.lock");
        (folder, path)
    }

    #[test]
    fn a_second_run_waits_and_then_says_who_has_the_board() {
        let (_folder, path) = path();
        let _first = Lock::acquire_file(&path, SHORT, &mut |_| panic!("nobody has it")).unwrap();
        let mut told = String::new();
        let fault = Lock::acquire_file(&path, SHORT, &mut |who| told = who.to_owned()).unwrap_err();
        assert_eq!(told, format!("process {}", std::process::id()));
        assert!(fault.cause.contains(&told), "{fault}");
    }

    #[test]
    fn the_lock_comes_as_soon_as_it_is_free() {
        let (_folder, path) = path();
        let first = Lock::acquire_file(&path, SHORT, &mut |_| {}).unwrap();
        let mut first = Some(first);
        let second = Lock::acquire_file(&path, LOCK_DEADLINE, &mut |_| drop(first.take()));
        assert!(second.is_ok());
    }

    #[test]
    fn what_a_dead_process_left_behind_is_no_lock() {
        let (_folder, path) = path();
        std::fs::write(&path, "4000000").unwrap();
        assert!(Lock::acquire_file(&path, SHORT, &mut |_| panic!("nobody has it")).is_ok());
    }
}
