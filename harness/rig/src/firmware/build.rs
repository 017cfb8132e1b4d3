//! Builds `firmware/esp32` for a chip, with cargo.

use super::Chip;
use crate::fault::Fault;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the chip binary's source stands in the repository.
const SOURCE: &str = "firmware/esp32";

/// A firmware that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The chip that it is for.
    pub chip: Chip,
    /// The ELF file.
    pub elf: PathBuf,
}

/// The folder of the chip binary's source, in `from` or the nearest folder above.
///
/// # Errors
/// There is none.
pub fn source_folder(from: &Path) -> Result<PathBuf, Fault> {
    let found = from.ancestors().map(|folder| folder.join(SOURCE)).find(|it| it.join("Cargo.toml").is_file());
    found.ok_or_else(|| {
        Fault::new(
            format!("there is no {SOURCE} in {} or above it", from.display()),
            "run this in the repository, or name an ELF file with --image",
        )
    })
}

/// Builds the firmware in `source` for `chip`. The compiler's messages go to standard error.
///
/// # Errors
/// Cargo is not there, or says that it failed.
pub fn build(chip: Chip, source: &Path) -> Result<Built, Fault> {
    // Everything must be there before the build, so that its flags do not depend on what was downloaded before.
    run(cargo(chip, source).args(["fetch", "--locked", "--quiet", "--target", chip.target()]), chip)?;
    let mut command = cargo(chip, source);
    command.args(["build", "--locked", "--release", "--message-format", "json-render-diagnostics"]);
    command.args(["--target", chip.target(), "--features", chip.name()]);
    command.arg("--config").arg(shorter_paths(chip, source));
    if chip.is_xtensa() {
        command.args(["-Z", "build-std=core,alloc"]);
    }
    let messages = run(&mut command, chip)?;
    let elf = executable(&messages).ok_or_else(|| {
        Fault::new(format!("the build for {chip} gave no executable"), "look at what cargo said above")
    })?;
    Ok(Built { chip, elf })
}

fn cargo(chip: Chip, source: &Path) -> Command {
    let mut command = if chip.is_xtensa() {
        let mut command = Command::new("cargo");
        command.arg("+esp").env_remove("RUSTUP_TOOLCHAIN");
        command
    } else {
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
    };
    command.current_dir(source);
    // They would replace the flags of the configuration there, and with them the link script.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_RUSTFLAGS");
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}

fn run(command: &mut Command, chip: Chip) -> Result<Vec<u8>, Fault> {
    let cure = if chip.is_xtensa() {
        "install Espressif's toolchain with espup, so that `cargo +esp --version` answers".to_owned()
    } else {
        format!("correct what cargo says above; `rustup target add {}` gives the target", chip.target())
    };
    match command.output() {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => {
            let how = output.status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            Err(Fault::new(format!("cargo ended with {how} for {chip}"), cure))
        }
        Err(error) => {
            Err(Fault::new(format!("cargo cannot be started: {error}"), "install Rust from rustup.rs"))
        }
    }
}

/// Panics name source files. Without the folders that differ from one machine to the next the image is smaller, and
/// the same wherever it is built.
fn shorter_paths(chip: Chip, source: &Path) -> OsString {
    let repository = source.ancestors().nth(2).unwrap_or(source);
    let mut folders: Vec<PathBuf> = vec![repository.to_owned()];
    if let Some(registry) = cargo_home().map(|home| home.join("registry/src")) {
        let entries = std::fs::read_dir(registry).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path()));
    }
    folders.sort();
    let flags = folders.iter().map(|it| Value::from(format!("--remap-path-prefix={}/=", it.display())));
    // A JSON array of strings is one of TOML as well.
    format!("target.{}.rustflags={}", chip.target(), Value::from_iter(flags)).into()
}

fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// The executable that cargo's messages name.
fn executable(messages: &[u8]) -> Option<PathBuf> {
    let messages = serde_json::Deserializer::from_slice(messages).into_iter::<Value>();
    let executables = messages.flatten().filter_map(|message| {
        let path = message.get("executable")?.as_str()?;
        Some(PathBuf::from(path))
    });
    executables.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = br#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/t/release/gattest-esp32"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/release/gattest-esp32")));
        assert_eq!(executable(b"{}"), None);
        assert_eq!(executable(b"no JSON"), None);
    }

    #[test]
    fn the_source_is_found_from_below() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(source_folder(here).unwrap().ends_with(SOURCE));
        let fault = source_folder(Path::new("/")).unwrap_err();
        assert!(fault.cure.contains("--image"), "{fault}");
    }
}
