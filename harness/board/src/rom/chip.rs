//! What differs from chip to chip.

use std::fmt;

/// A chip whose ROM loader there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chip {
    /// ESP32, revision 3.
    Esp32,
    /// ESP32-C3, revision 0.4.
    Esp32c3,
    /// ESP32-C6, revision 0.0.
    Esp32c6,
}

/// Where the SPI controller of the flash memory has its registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpiRegisters {
    pub(super) command: u32,
    pub(super) address: u32,
    pub(super) user_2: u32,
    pub(super) data_0: u32,
}

/// What the UART divides, in hertz: tools take the crystal's frequency from the divider and their own speed.
pub(super) const CRYSTAL_HZ: u32 = 40_000_000;

impl Chip {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Esp32, Self::Esp32c3, Self::Esp32c6];

    /// As in file names and in `Hello`: `esp32c3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Esp32 => "esp32",
            Self::Esp32c3 => "esp32c3",
            Self::Esp32c6 => "esp32c6",
        }
    }

    /// The number that images and the security information name the chip with.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Esp32 => 0,
            Self::Esp32c3 => 5,
            Self::Esp32c6 => 13,
        }
    }

    /// Where in flash the ROM looks for the second-stage bootloader, in bytes.
    #[must_use]
    pub fn bootloader_offset(self) -> usize {
        match self {
            Self::Esp32 => 0x1000,
            Self::Esp32c3 | Self::Esp32c6 => 0,
        }
    }

    /// Whether its ROM knows GET_SECURITY_INFO; a tool knows the older ones by [`Self::registers`].
    pub(super) fn has_security_info(self) -> bool {
        self != Self::Esp32
    }

    /// Registers that are not zero after a reset: address and contents.
    pub(super) fn registers(self, mac: [u8; 6]) -> Vec<(u32, u32)> {
        let [m0, m1, m2, m3, m4, m5] = mac;
        let low = u32::from_be_bytes([m2, m3, m4, m5]);
        let high = u32::from_be_bytes([0, 0, m0, m1]);
        match self {
            Self::Esp32 => {
                // The factory's MAC has a CRC beside it, which the chip's own software checks at boot.
                let crc = crc::Crc::<u8>::new(&crc::CRC_8_MAXIM_DOW).checksum(&mac);
                vec![
                    (0x4000_1000, 0x00F0_1D83), // tells this ROM from its successors'
                    (0x3FF5_A004, low),
                    (0x3FF5_A008, u32::from(crc) << 16 | high),
                    (0x3FF5_A00C, 1 << 15 | 1 << 9), // revision bit 0, package D0WD
                    (0x3FF5_A014, 1 << 20),          // revision bit 1
                    (0x3FF6_607C, 1 << 31),          // revision bit 2
                ]
            }
            // Block 1 of the eFuses: MAC, and the revision from word 3 on.
            Self::Esp32c3 => vec![(0x6000_8844, low), (0x6000_8848, high), (0x6000_8850, 4 << 18)],
            Self::Esp32c6 => vec![(0x600B_0844, low), (0x600B_0848, high)],
        }
    }

    /// Where the UART's clock divider is.
    pub(super) fn uart_divider(self) -> u32 {
        match self {
            Self::Esp32 => 0x3FF4_0014,
            Self::Esp32c3 | Self::Esp32c6 => 0x6000_0014,
        }
    }

    pub(super) fn spi(self) -> SpiRegisters {
        let (base, user_2, data_0) = match self {
            Self::Esp32 => (0x3FF4_2000, 0x24, 0x80),
            Self::Esp32c3 => (0x6000_2000, 0x20, 0x58),
            Self::Esp32c6 => (0x6000_3000, 0x20, 0x58),
        };
        SpiRegisters { command: base, address: base + 4, user_2: base + user_2, data_0: base + data_0 }
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
