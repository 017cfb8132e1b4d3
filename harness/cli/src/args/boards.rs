//! The command lines of what has to do with boards at serial ports.

use std::path::PathBuf;

use clap::Args;
use rig::adapter::CentralSpec;
use rig::attach::BoardSpec;
use rig::firmware::Chip;

/// On what a run is done, in the place of the virtual bench.
#[derive(Debug, Clone, Args)]
pub struct Hardware {
    /// An adapter: att:unix:PATH, att:tcp:HOST:PORT, att:serial:PORT, att:serial:PORT:BAUD or
    /// att:hci0; once for each central that the scenarios need. Or btleplug, btleplug:ADAPTER: the operating system's
    /// own stack. Without --board, the devices are those that are not ours
    #[arg(long, value_name = "ADAPTER", env = "GATTEST_CENTRAL", value_delimiter = ' ')]
    #[arg(conflicts_with_all = ["jobs", "loss"])]
    pub central: Vec<CentralSpec>,
    /// The board: `auto` for the only one, its port, or its MAC address. It is flashed first, unless it runs the
    /// firmware already. Or `virtual`, with --central btleplug: a virtual one beside Linux's own Bluetooth stack
    #[arg(long, value_name = "BOARD", env = "GATTEST_BOARD", requires = "central")]
    pub board: Option<BoardSpec>,
    /// ELF file of the board's firmware [default: it is built]
    #[arg(long, value_name = "FILE", requires = "board")]
    pub image: Option<PathBuf>,
    /// Take the board with the firmware that it has, if this version understands it
    #[arg(long, requires = "board", conflicts_with = "image")]
    pub no_flash: bool,
}

/// Options of `gattest flash`.
#[derive(Debug, Args)]
pub struct FlashArgs {
    /// The board: `auto` for the only one, its port, or its MAC address
    #[arg(long, value_name = "BOARD", env = "GATTEST_BOARD", default_value = "auto")]
    pub board: BoardSpec,
    /// ELF file of the firmware [default: it is built]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Baud rate of the flashing
    #[arg(long, value_name = "RATE", default_value_t = rig::flash::BAUD)]
    pub baud: u32,
}

/// Options of `gattest boards` and `gattest doctor`.
#[derive(Debug, Args)]
pub struct BoardsArgs {
    /// Ports to look at besides those that boards are known by
    pub ports: Vec<PathBuf>,
}

/// Options of `gattest firmware`.
#[derive(Debug, Args)]
pub struct FirmwareArgs {
    /// esp32c3, esp32c6 or esp32h2; with Espressif's toolchain also esp32 and esp32s3
    #[arg(long, value_name = "CHIP", default_value = "esp32c3")]
    pub chip: Vec<Chip>,
    /// Copy the ELF files to this folder, for `gattest flash --image`
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
