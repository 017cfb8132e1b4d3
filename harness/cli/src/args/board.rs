//! The command line of `gattest board`.

use std::path::PathBuf;

use clap::Args;
use rig::board::rom::Chip;
use rig::radio::{Socket, Taker};

/// Options of `gattest board`.
#[derive(Debug, Args)]
pub struct BoardArgs {
    /// Its chip
    #[arg(long, value_name = "CHIP", default_value = "esp32c3", value_parser = chip)]
    pub chip: Chip,
    /// Its factory MAC address, as 24:0A:C4:01:02:03 [default: drawn from the seed]
    #[arg(long, value_name = "MAC", value_parser = mac)]
    pub mac: Option<[u8; 6]>,
    /// All that is random comes from this number [default: another one each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Lend a controller on its radio to a host on this socket, unix:PATH or tcp:PORT, or with `vhci` to this machine's
    /// own Bluetooth stack (Linux); once for each central
    #[arg(long, value_name = "SOCKET")]
    pub radio: Vec<Taker>,
    /// Make a symbolic link to its serial port
    #[arg(long, value_name = "LINK")]
    pub pty: Option<PathBuf>,
    /// What its flash holds: an application image, or the whole memory [default: its own application]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Its flash is erased
    #[arg(long, conflicts_with = "image")]
    pub blank: bool,
    /// Keep its flash in this file; what the file holds comes back, unless --image or --blank is given
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Begin in the ROM loader, as if the boot button were held
    #[arg(long)]
    pub download: bool,
    /// Take modem lines, button presses and faults, as lines of text, on this socket
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<Socket>,
    /// Print JSON: one object a line, each time that its port is there
    #[arg(long)]
    pub json: bool,
}

fn chip(text: &str) -> Result<Chip, String> {
    let all = Chip::ALL;
    let names = || all.map(Chip::name).join(", ");
    all.into_iter().find(|chip| chip.name() == text).ok_or_else(|| format!("one of {}", names()))
}

fn mac(text: &str) -> Result<[u8; 6], String> {
    let bytes = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2));
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "six bytes, as 24:0A:C4:01:02:03".to_owned())
}
