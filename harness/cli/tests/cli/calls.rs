//! Running the command as a user does.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A scenario whose expectations hold.
pub(crate) const GOOD: &str = "\
name: a read gives the stored value
covers: [VAL-2]
device:
  services:
    - name: srv1
      uuid: 0xA000
      characteristics:
        - {name: chr1, uuid: 0xA001, value: 5}
steps:
  - connect
  - read: {char: chr1, expect: 5}
  - disconnect
";

/// Runs `gattest` in `folder`.
pub(crate) fn gattest(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gattest"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the command starts")
}

/// What a run printed and how it ended.
pub(crate) fn shown(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A new folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
    folder
}
