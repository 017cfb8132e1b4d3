//! `gattest doctor`: what a machine lacks for boards, and what to do about it.

use std::path::Path;
use std::process::{Command, Stdio};

use anstyle::{AnsiColor, Style};
use rig::attach::{Survey, survey};
use rig::firmware::{Chip, firmware_name};

use super::{Outcome, print};
use crate::args::BoardsArgs;
use crate::exit::Exit;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// One thing that was looked at.
enum Finding {
    Good(String),
    /// Only some runs need it.
    Missing(String, String),
    Bad(String, String),
}

use Finding::{Bad, Good, Missing};

pub(super) fn execute(args: &BoardsArgs) -> Outcome {
    let mut findings = boards(args);
    findings.extend(adapters(Path::new("/sys/class/bluetooth")));
    #[cfg(target_os = "linux")]
    findings.extend(own_stack());
    findings.extend(toolchains());
    let mut exit = Exit::Pass;
    for finding in findings {
        print(&match finding {
            Good(what) => format!("{GOOD}good{GOOD:#}     {what}\n"),
            Missing(what, cure) => format!("{NOTE}missing{NOTE:#}  {what}\n         what to do: {cure}\n"),
            Bad(what, cure) => {
                exit = Exit::Inconclusive;
                format!("{BAD}bad{BAD:#}      {what}\n         what to do: {cure}\n")
            }
        });
    }
    Ok(exit)
}

/// Permissions of the ports, and whether the firmware there is one that this version understands.
fn boards(args: &BoardsArgs) -> Vec<Finding> {
    let mut paths: Vec<_> = match rig::serial::ports() {
        Ok(ports) => ports.into_iter().map(|port| port.path).collect(),
        Err(fault) => return vec![Bad(fault.cause, fault.cure)],
    };
    paths.extend(args.ports.iter().cloned());
    if paths.is_empty() {
        let cure = "plug one in, and see that its cable carries data; the virtual board needs none";
        return vec![Missing("no board is plugged in".to_owned(), cure.to_owned())];
    }
    let finding = |path: &std::path::PathBuf| match survey(path) {
        Survey::Locked(who) => Good(format!("{}: in use by {who}", path.display())),
        Survey::Unusable(fault) | Survey::Silent(fault) => {
            Bad(format!("{}: {}", path.display(), fault.cause), fault.cure)
        }
        Survey::Board(board) => {
            let firmware = firmware_name(&board.app_hash);
            Good(format!(
                "{}: {} with {firmware}, which this version understands",
                path.display(),
                board.chip
            ))
        }
    };
    paths.iter().map(finding).collect()
}

fn adapters(folder: &Path) -> Vec<Finding> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("hci") && !name.contains(':'))
        .collect();
    names.sort();
    if names.is_empty() {
        let cure =
            "plug in a Bluetooth adapter, or use a controller on a socket; the virtual board needs none";
        return vec![Missing("no Bluetooth adapter".to_owned(), cure.to_owned())];
    }
    vec![Good(format!("Bluetooth adapters: {}", names.join(", ")))]
}

/// What `--central btleplug` needs, and with `--board virtual` besides.
#[cfg(target_os = "linux")]
fn own_stack() -> Vec<Finding> {
    use rig::bluez;
    let mut findings = match bluez::adapters() {
        Err(fault) => vec![Missing(fault.cause, fault.cure)],
        Ok(adapters) if adapters.is_empty() => {
            let cure = "plug one in, and see that no other program has it (`att:hci0` takes a whole adapter)";
            vec![Missing("bluetoothd has no adapter".to_owned(), cure.to_owned())]
        }
        Ok(adapters) => {
            let (on, off): (Vec<_>, Vec<_>) = adapters.into_iter().partition(|adapter| adapter.powered);
            let on =
                on.into_iter().map(|adapter| Good(format!("bluetoothd has {}, and it is on", adapter.name)));
            let off = off.into_iter().map(|adapter| bluez::off(&adapter.name));
            on.chain(off.map(|fault| Missing(fault.cause, fault.cure))).collect()
        }
    };
    // Without a list of devices, the adapters' finding says why.
    let devices = bluez::devices().unwrap_or_default();
    let used: Vec<String> =
        devices.into_iter().filter(|it| it.connected || it.paired).map(|it| it.shown).collect();
    if !used.is_empty() {
        findings.push(Missing(
            format!("no run uses what is connected to or paired with this machine already: {}", used.join(", ")),
            "for one that is to be tested, `bluetoothctl disconnect ADDRESS` or `bluetoothctl remove ADDRESS`"
                .to_owned(),
        ));
    }
    findings.push(match rig::vhci::check() {
        Ok(()) => Good("/dev/vhci takes the adapter of a virtual board".to_owned()),
        Err(fault) => Missing(fault.cause, fault.cure),
    });
    findings
}

fn toolchains() -> Vec<Finding> {
    let mut findings: Vec<Finding> = ["riscv32imc-unknown-none-elf", "riscv32imac-unknown-none-elf"]
        .into_iter()
        .map(|target| {
            if has_target(target) {
                Good(format!("the compiler's target {target}"))
            } else {
                let cure = format!("rustup target add {target}, or flash with --image FILE");
                Missing(format!("the compiler's target {target}"), cure)
            }
        })
        .collect();
    let xtensa: Vec<&str> = Chip::ALL.into_iter().filter(|chip| chip.is_xtensa()).map(Chip::name).collect();
    let what = format!("Espressif's toolchain for {}", xtensa.join(" and "));
    let answers = succeeds(Command::new("cargo").args(["+esp", "--version"]).env_remove("RUSTUP_TOOLCHAIN"));
    findings.push(if answers { Good(what) } else { Missing(what, "install it with espup".to_owned()) });
    findings
}

/// Whether the compiler has the core library for a target.
fn has_target(target: &str) -> bool {
    let printed = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    printed.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_are_those_of_the_operating_system() {
        let folder = std::env::temp_dir().join(format!("gattest-doctor-{}", std::process::id()));
        for name in ["hci0", "hci1", "hci0:1"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let found = adapters(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(&found[..], [Good(what)] if what.ends_with("hci0, hci1")));
        assert!(matches!(&adapters(Path::new("/no/such/folder"))[..], [Missing(..)]));
    }
}
