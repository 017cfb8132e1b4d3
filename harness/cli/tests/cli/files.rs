//! Paths that are no scenario files: each has a clear message, at once, and nothing hangs.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::calls::{GOOD, folder, gattest, shown};

/// Far above what the command needs, and far below what reading 64 GB or waiting for a FIFO takes.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn files_that_are_no_scenarios_are_usage_errors() {
    let here = folder(&[("a.txt", ""), ("b/c.yml", GOOD)]);
    let (code, _, err) = shown(&gattest(here.path(), &["run", "a.txt"]));
    assert_eq!(code, Some(2));
    assert_eq!(err, "error: a.txt is not a scenario: the file's name must end in .yaml\n");
    let (code, _, err) = shown(&gattest(here.path(), &["run", "b"]));
    assert_eq!(code, Some(2));
    assert!(
        err.starts_with(
            "error: b/c.yml is not a scenario: the file's name must end in .yaml\n  = help: rename"
        ),
        "{err}"
    );
    assert!(err.ends_with("\nerror: 1 mistake in 1 file; nothing was run\n"), "{err}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_or_has_no_end_is_refused_unread() {
    use std::os::unix::fs::symlink;
    let here = folder(&[("scenarios/good.yaml", GOOD), ("scenarios/latin.yaml", "")]);
    let at = |name: &str| here.path().join("scenarios").join(name);
    fs::write(at("latin.yaml"), b"name: \xFF\n").expect("a file");
    let fifo = Command::new("mkfifo").arg(at("fifo.yaml")).status().expect("mkfifo");
    assert!(fifo.success());
    symlink("/dev/zero", at("endless.yaml")).expect("a link");
    symlink("itself.yaml", at("itself.yaml")).expect("a link");
    symlink("nowhere", at("nowhere.yaml")).expect("a link");
    symlink("nowhere", at(".#good.yaml")).expect("a link");
    symlink(".", at("loop")).expect("a link");
    // A hole of 64 GB: it takes no room, but reading it would take minutes.
    File::create(at("long.yaml")).expect("a file").set_len(1 << 36).expect("a long file");

    let began = Instant::now();
    let (code, out, err) = shown(&gattest(here.path(), &["check"]));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!((code, out.as_str()), (Some(2), ""));
    insta::assert_snapshot!(err, @r"
    error: scenarios/endless.yaml: it is a device, not a file
      = help: move it away

    error: scenarios/fifo.yaml: it is a FIFO, not a file
      = help: move it away

    error: scenarios/itself.yaml: Too many levels of symbolic links (os error 40)
      = help: move it away

    error: scenarios/latin.yaml: it is not UTF-8: byte 0xFF in line 1, column 7
      = help: save it as UTF-8

    error: scenarios/long.yaml: it has 68719476736 bytes, the limit is 1048576
      = help: split it into several scenarios

    error: scenarios/loop: it is a link back to scenarios, so it has no end
      = help: mend the link, or delete it

    error: scenarios/nowhere.yaml: No such file or directory (os error 2)
      = help: mend the link, or delete it

    error: 7 mistakes in 7 files
    ");
    for command in ["run", "list"] {
        let (code, out, err) = shown(&gattest(here.path(), &[command, "scenarios/endless.yaml"]));
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(err.starts_with("error: scenarios/endless.yaml: it is a device, not a file\n"), "{err}");
    }
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let here = folder(&[("scenarios/good.yaml", GOOD), ("scenarios/closed.yaml", GOOD)]);
    let closed = here.path().join("scenarios/closed.yaml");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("permissions");
    let (code, out, err) = shown(&gattest(here.path(), &["check"]));
    if File::open(&closed).is_ok() {
        // The superuser reads everything.
        assert_eq!((code, out.as_str()), (Some(0), "2 scenarios, no mistakes\n"));
    } else {
        assert_eq!(code, Some(2));
        assert!(err.starts_with("error: scenarios/closed.yaml: Permission denied"), "{err}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_scenario_is_a_scenario_of_the_links_name() {
    use std::os::unix::fs::symlink;
    let here = folder(&[("kept/a.yaml", GOOD), ("scenarios/b.yaml", GOOD)]);
    symlink("../kept", here.path().join("scenarios/theme")).expect("a link");
    symlink("../kept/a.yaml", here.path().join("scenarios/c.yaml")).expect("a link");
    for paths in [&["list"] as &[&str], &["list", "scenarios/b.yaml", "scenarios/c.yaml", "scenarios/theme"]]
    {
        let (code, out, _) = shown(&gattest(here.path(), paths));
        let ids: Vec<&str> = out.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(code, Some(0));
        assert_eq!(ids[..2], ["b", "c"], "{out}");
        assert!(ids[2].ends_with('a'), "{out}");
    }
}

/// How several themes share a table, though its path may not lead upwards.
#[cfg(unix)]
#[test]
fn a_device_table_may_be_a_link() {
    use std::os::unix::fs::symlink;
    let table = "services: [{name: srv1, uuid: 0xA000, characteristics: [{name: chr1, uuid: 0xA001}]}]\n";
    let scenario = "name: a\ncovers: [VAL-2]\ndevice: shared/lamp.yaml\nsteps: [connect, disconnect]\n";
    let here = folder(&[("tables/lamp.yaml", table), ("scenarios/theme/a.yaml", scenario)]);
    symlink("../../tables", here.path().join("scenarios/theme/shared")).expect("a link");
    let (code, out, err) = shown(&gattest(here.path(), &["check"]));
    assert_eq!((code, out.as_str()), (Some(0), "1 scenario and 1 device table, no mistakes\n"), "{err}");
}

#[cfg(unix)]
#[test]
fn an_expected_trace_that_is_no_file_is_refused_unread() {
    let here = folder(&[("scenarios/a.yaml", GOOD), ("scenarios/traces/b.snap", "")]);
    std::os::unix::fs::symlink("/dev/zero", here.path().join("scenarios/traces/a.snap")).expect("a link");
    let (code, out, err) = shown(&gattest(here.path(), &["run"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(err, "error: failed to read scenarios/traces/a.snap: it is a device, not a file\n");
}

#[test]
fn a_thousand_files_are_checked_at_once() {
    let here = folder(&[]);
    for n in 0..1_000 {
        write(here.path(), n);
    }
    let began = Instant::now();
    let (code, out, _) = shown(&gattest(here.path(), &["check"]));
    assert_eq!((code, out.as_str()), (Some(0), "1000 scenarios, no mistakes\n"));
    // `ci/thousand.sh` holds the optimised command to a second.
    assert!(began.elapsed() < 10 * AT_ONCE, "{:?}", began.elapsed());
}

fn write(folder: &Path, n: usize) {
    let path = folder.join(format!("scenarios/theme{}/s{n}.yaml", n % 10));
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, GOOD).expect("a file");
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_to_standard_output_are_an_error() {
    let here = folder(&[("scenarios/a.yaml", GOOD)]);
    let full = File::options().write(true).open("/dev/full").expect("a device that is always full");
    let output = Command::new(env!("CARGO_BIN_EXE_gattest"))
        .current_dir(here.path())
        .arg("list")
        .stdout(full)
        .output()
        .expect("the command runs");
    let (code, _, err) = shown(&output);
    assert_eq!(code, Some(2));
    assert_eq!(err, "error: the results could not be written to standard output\n");
}
