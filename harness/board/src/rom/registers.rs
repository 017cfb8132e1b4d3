//! The chip's registers, as far as flashing tools look at them.

use super::chip::{CRYSTAL_HZ, Chip, SpiRegisters};
use crate::flash::JEDEC_ID;
use std::collections::BTreeMap;

/// Registers that a tool may write; what it writes beyond that is not kept.
const WRITABLE: usize = 1024;

/// Starts a transaction with the flash memory; the controller clears it when the transaction is over.
const SPI_START: u32 = 1 << 18;

/// Commands of the flash memory that give something else than zero.
const READ_JEDEC_ID: u32 = 0x9F;
const READ_SFDP: u32 = 0x5A;
/// First bytes of the SFDP table.
const SFDP_SIGNATURE: u32 = u32::from_le_bytes(*b"SFDP");

#[derive(Debug)]
pub(super) struct Registers {
    values: BTreeMap<u32, u32>,
    spi: SpiRegisters,
}

impl Registers {
    pub(super) fn new(chip: Chip, mac: [u8; 6]) -> Self {
        Self { values: chip.registers(mac).into_iter().collect(), spi: chip.spi() }
    }

    /// Shows the line's speed where tools look for it, in baud.
    pub(super) fn set_baud(&mut self, chip: Chip, baud: u32) {
        self.put(chip.uart_divider(), CRYSTAL_HZ / baud.max(1));
    }

    pub(super) fn read(&self, address: u32) -> u32 {
        self.values.get(&address).copied().unwrap_or(0)
    }

    /// Writes the bits of `mask`.
    pub(super) fn write(&mut self, address: u32, value: u32, mask: u32) {
        let value = self.read(address) & !mask | value & mask;
        if address == self.spi.command && value & SPI_START != 0 {
            let answer = match self.read(self.spi.user_2) & 0xFF {
                READ_JEDEC_ID => JEDEC_ID,
                READ_SFDP if self.read(self.spi.address) == 0 => SFDP_SIGNATURE,
                _ => 0,
            };
            self.put(self.spi.data_0, answer);
            self.put(address, value & !SPI_START);
        } else {
            self.put(address, value);
        }
    }

    fn put(&mut self, address: u32, value: u32) {
        if self.values.len() < WRITABLE || self.values.contains_key(&address) {
            self.values.insert(address, value);
        }
    }
}
