//! Reading a file that may be anything: too long, without an end, no file at all, no text.

use std::fs::{self, FileType};
use std::io::{self, Read as _};
use std::path::Path;

/// The text of a regular file of at most `limit_bytes`. A longer one is refused unread where its
/// length is known, and no more than one byte over the limit is ever read.
///
/// # Errors
///
/// What the system says; `InvalidInput` for what is no regular file, which is not opened, since
/// opening a FIFO waits for a writer; `FileTooLarge`; `InvalidData` for what is not UTF-8.
pub(crate) fn read(path: &Path, limit_bytes: u64) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        let message = format!("it is {}, not a file", kind(metadata.file_type()));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let too_long = |length: String| {
        let message = format!("it has {length} bytes, the limit is {limit_bytes}");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if metadata.len() > limit_bytes {
        return Err(too_long(metadata.len().to_string()));
    }
    // Files of /proc and files that grow say less than they hold.
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit_bytes) {
        return Err(too_long(format!("more than {limit_bytes}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, not_utf8(error.as_bytes(), valid))
    })
}

/// Where the first byte stands that is no text; `valid` is how many come before it.
fn not_utf8(bytes: &[u8], valid: usize) -> String {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let line = before.split('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let byte = bytes.get(valid).copied().unwrap_or_default();
    format!("it is not UTF-8: byte 0x{byte:02X} in line {line}, column {column}")
}

#[cfg(unix)]
fn kind(of: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match of {
        of if of.is_dir() => "a folder",
        of if of.is_fifo() => "a FIFO",
        of if of.is_char_device() || of.is_block_device() => "a device",
        of if of.is_socket() => "a socket",
        _ => "something else",
    }
}

#[cfg(not(unix))]
fn kind(of: FileType) -> &'static str {
    if of.is_dir() { "a folder" } else { "something else" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_at_the_limit_is_read_and_one_above_is_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a");
        fs::write(&file, "12345").expect("a file");
        assert_eq!(read(&file, 5).expect("a text"), "12345");
        let error = read(&file, 4).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it has 5 bytes, the limit is 4");
    }

    #[test]
    fn a_folder_and_bytes_that_are_no_text_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(folder.path(), 9).expect_err("a folder").to_string(), "it is a folder, not a file");
        let file = folder.path().join("a");
        fs::write(&file, b"a\n\xC3\xA9\xFFb").expect("a file");
        let error = read(&file, 9).expect_err("no text");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "it is not UTF-8: byte 0xFF in line 2, column 2");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_says_less_than_it_holds_is_still_bounded() {
        let error = read(Path::new("/proc/self/status"), 10).expect_err("longer than it says");
        assert_eq!(error.to_string(), "it has more than 10 bytes, the limit is 10");
        assert_eq!(
            read(Path::new("/dev/zero"), 10).expect_err("no end").to_string(),
            "it is a device, not a file"
        );
    }
}
