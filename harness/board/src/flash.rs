//! Flash memory of the NOR kind: erasing sets bits by the sector, programming only clears them.

use std::ops::Range;

/// Bytes that are erased at once.
pub const SECTOR: usize = 4096;

/// Bytes of the memory: 4 MiB, what most boards carry.
pub const SIZE: usize = 4 * 1024 * 1024;

/// What its JEDEC id says: manufacturer Winbond, type 0x40, 2^22 bytes; least significant byte first.
pub const JEDEC_ID: u32 = 0x0016_40EF;

/// The addressed bytes do not lie in the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the addressed bytes do not lie in the flash memory")]
pub struct OutOfRange;

/// Flash memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    bytes: Vec<u8>,
    changed: bool,
    protected: bool,
}

impl Default for Flash {
    fn default() -> Self {
        Self { bytes: vec![0xFF; SIZE], changed: false, protected: false }
    }
}

impl Flash {
    /// A memory that begins with `contents`; the rest is erased.
    ///
    /// # Errors
    /// [`OutOfRange`] when there is more than [`SIZE`].
    pub fn holding(contents: &[u8]) -> Result<Self, OutOfRange> {
        let mut flash = Self::default();
        flash.bytes.get_mut(..contents.len()).ok_or(OutOfRange)?.copy_from_slice(contents);
        Ok(flash)
    }

    /// The whole contents.
    #[must_use]
    pub fn contents(&self) -> &[u8] {
        &self.bytes
    }

    /// `len` bytes at `offset`.
    ///
    /// # Errors
    /// [`OutOfRange`]
    pub fn read(&self, offset: usize, len: usize) -> Result<&[u8], OutOfRange> {
        let end = offset.checked_add(len).ok_or(OutOfRange)?;
        self.bytes.get(offset..end).ok_or(OutOfRange)
    }

    /// Erases every sector that holds one of these bytes.
    ///
    /// # Errors
    /// [`OutOfRange`], and nothing is erased.
    pub fn erase(&mut self, offset: usize, len: usize) -> Result<(), OutOfRange> {
        let Range { start, end } = sectors(offset, len).ok_or(OutOfRange)?;
        self.bytes.get_mut(start..end).ok_or(OutOfRange)?.fill(0xFF);
        self.changed = true;
        Ok(())
    }

    /// Programs `data` at `offset`: bits can only be cleared, so what was not erased comes out wrong.
    ///
    /// # Errors
    /// [`OutOfRange`], and nothing is programmed.
    pub fn program(&mut self, offset: usize, data: &[u8]) -> Result<(), OutOfRange> {
        let end = offset.checked_add(data.len()).ok_or(OutOfRange)?;
        let place = self.bytes.get_mut(offset..end).ok_or(OutOfRange)?;
        place.iter_mut().zip(data).for_each(|(old, new)| *old &= new);
        self.changed = true;
        Ok(())
    }

    /// Sets its write protection, which whoever erases or programs has to ask for first.
    pub fn protect(&mut self, on: bool) {
        self.protected = on;
    }

    /// Whether it may neither be erased nor programmed.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.protected
    }

    /// Whether it was erased or programmed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

/// The whole sectors around these bytes.
fn sectors(offset: usize, len: usize) -> Option<Range<usize>> {
    let end = offset.checked_add(len)?.checked_next_multiple_of(SECTOR)?;
    Some(offset - offset % SECTOR..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programming_only_clears_bits_and_erasing_sets_whole_sectors() {
        let mut flash = Flash::default();
        flash.program(SECTOR - 1, &[0xF0, 0x0F]).unwrap();
        flash.program(SECTOR - 1, &[0xAA, 0xAA]).unwrap();
        assert_eq!(flash.read(SECTOR - 1, 2).unwrap(), [0xA0, 0x0A]);
        flash.erase(SECTOR + 5, 1).unwrap();
        assert_eq!(flash.read(SECTOR - 1, 2).unwrap(), [0xA0, 0xFF]);
        assert!(flash.take_changed() && !flash.take_changed());
    }

    #[test]
    fn nothing_lies_beyond_its_end() {
        let mut flash = Flash::default();
        assert_eq!(flash.program(SIZE - 1, &[0, 0]), Err(OutOfRange));
        assert_eq!(flash.erase(SIZE, 1), Err(OutOfRange));
        assert_eq!(flash.erase(usize::MAX, usize::MAX), Err(OutOfRange));
        assert_eq!(flash.read(usize::MAX, 1), Err(OutOfRange));
        assert_eq!(flash, Flash::default());
        assert_eq!(Flash::holding(&[0; SIZE + 1]), Err(OutOfRange));
    }
}
