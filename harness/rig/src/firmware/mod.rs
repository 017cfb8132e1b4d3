//! Firmware for boards: which chips there are, how their images are built, and what an image holds.

mod build;
mod image;
mod symbols;

pub use build::{Built, build, source_folder};
pub use image::{Image, Report, firmware_name, short_hash};
pub use symbols::Symbols;

use std::fmt;
use std::str::FromStr;

/// A chip that `firmware/esp32` has a feature for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chip {
    /// ESP32, Xtensa.
    Esp32,
    /// ESP32-S3, Xtensa.
    Esp32s3,
    /// ESP32-C3, RISC-V.
    Esp32c3,
    /// ESP32-C6, RISC-V.
    Esp32c6,
    /// ESP32-H2, RISC-V.
    Esp32h2,
}

/// What is no [`Chip`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no firmware for `{0}`; one of esp32, esp32s3, esp32c3, esp32c6, esp32h2")]
pub struct UnknownChip(String);

impl Chip {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Esp32, Self::Esp32s3, Self::Esp32c3, Self::Esp32c6, Self::Esp32h2];

    /// Its name, as in `Hello` and as the feature of `firmware/esp32`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Esp32 => "esp32",
            Self::Esp32s3 => "esp32s3",
            Self::Esp32c3 => "esp32c3",
            Self::Esp32c6 => "esp32c6",
            Self::Esp32h2 => "esp32h2",
        }
    }

    /// The compiler's target.
    #[must_use]
    pub fn target(self) -> &'static str {
        match self {
            Self::Esp32 => "xtensa-esp32-none-elf",
            Self::Esp32s3 => "xtensa-esp32s3-none-elf",
            Self::Esp32c3 => "riscv32imc-unknown-none-elf",
            Self::Esp32c6 | Self::Esp32h2 => "riscv32imac-unknown-none-elf",
        }
    }

    /// The upstream compiler does not know its instructions: Espressif's toolchain does.
    #[must_use]
    pub fn is_xtensa(self) -> bool {
        matches!(self, Self::Esp32 | Self::Esp32s3)
    }

    /// The same in the flashing library's words.
    pub(crate) fn espflash(self) -> espflash::target::Chip {
        match self {
            Self::Esp32 => espflash::target::Chip::Esp32,
            Self::Esp32s3 => espflash::target::Chip::Esp32s3,
            Self::Esp32c3 => espflash::target::Chip::Esp32c3,
            Self::Esp32c6 => espflash::target::Chip::Esp32c6,
            Self::Esp32h2 => espflash::target::Chip::Esp32h2,
        }
    }

    /// The chip with this number in an image's header.
    pub(crate) fn with_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|chip| chip.espflash().id() == id)
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Chip {
    type Err = UnknownChip;

    fn from_str(name: &str) -> Result<Self, UnknownChip> {
        Self::ALL.into_iter().find(|chip| chip.name() == name).ok_or_else(|| UnknownChip(name.to_owned()))
    }
}
