//! What flash holds, as the ROM and the second-stage bootloader read it: image headers, the partition
//! table, the application's descriptor.

use crate::flash::{Flash, OutOfRange};
use crate::rom::Chip;
use sha2::{Digest as _, Sha256};
use std::ops::Range;

/// Where the partition table lies.
const TABLE_OFFSET: usize = 0x8000;
const TABLE_LEN: usize = 0xC00;
const ENTRY_LEN: usize = 32;
/// Where the application lies on a board out of the factory.
const FACTORY_OFFSET: usize = 0x1_0000;
/// The room that it has there, in bytes.
pub const APP_LEN: usize = 0x3F_0000;

/// First byte of an image.
const MAGIC: u8 = 0xE9;
const HEADER_LEN: usize = 24;
const SEGMENT_HEADER_LEN: usize = 8;
/// More segments than that no loader takes.
const SEGMENTS: u8 = 16;
const CHECKSUM_SEED: u8 = 0xEF;

/// First word of an application's descriptor, which is the first thing in its first segment.
const DESCRIPTOR_MAGIC: u32 = 0xABCD_5432;
const DESCRIPTOR_LEN: usize = 256;
/// Its fields, in bytes.
const VERSION: Range<usize> = 16..48;
const PROJECT_NAME: Range<usize> = 48..80;
const ELF_SHA256: Range<usize> = 144..176;

/// The project whose image this board can run, as `firmware/esp32` calls itself.
pub const PROJECT: &str = "gattest-esp32";

/// An application in flash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppImage {
    /// Name of the project that it was built from.
    pub project: String,
    /// The project's version.
    pub version: String,
    /// SHA-256 of its ELF file, as the flashing tool wrote it.
    pub elf_sha256: [u8; 32],
}

/// Why nothing boots, as the one who finds it says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBootable {
    /// The ROM finds no bootloader: the word that is there.
    #[error("invalid header: 0x{0:08x}")]
    NoBootloader(u32),
    /// The ROM finds a damaged bootloader.
    #[error("csum err:0x{calculated:02x}!=0x{read:02x}")]
    BootloaderChecksum {
        /// Of what is there.
        calculated: u8,
        /// What it should be.
        read: u8,
    },
    /// The bootloader finds no partition table.
    #[error("E (41) boot: Failed to verify partition table")]
    NoTable,
    /// The bootloader finds no application in it.
    #[error("E (41) boot: No bootable app partitions in the partition table")]
    NoApp,
    /// The bootloader finds a damaged application, or one for another chip.
    #[error("{0}\r\nE (61) boot: Factory app partition is not bootable")]
    App(#[from] Damage),
}

/// What is wrong with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what they are")]
pub enum Damage {
    #[error("E (60) esp_image: image at 0x{offset:x} has invalid magic byte (nothing flashed here?)")]
    Magic { offset: usize },
    #[error("E (60) esp_image: invalid segment length or count")]
    Segments,
    #[error("E (60) boot_comm: mismatch chip ID, expected {expected}, found {found}")]
    Chip { expected: u16, found: u16 },
    #[error("E (60) esp_image: Checksum failed. Calculated 0x{calculated:02x} read 0x{read:02x}")]
    Checksum { calculated: u8, read: u8 },
    #[error("E (60) esp_image: Image hash failed - image is corrupt")]
    Hash,
    #[error("E (60) esp_image: no application descriptor")]
    Descriptor,
}

impl From<OutOfRange> for Damage {
    fn from(_: OutOfRange) -> Self {
        Self::Segments
    }
}

/// What this chip boots from this flash.
///
/// # Errors
/// [`NotBootable`] says who finds what wrong.
pub fn bootable(chip: Chip, flash: &Flash) -> Result<AppImage, NotBootable> {
    let offset = chip.bootloader_offset();
    let first = flash.read(offset, 4).ok().and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default();
    match check(chip, flash, offset) {
        Ok(_) => {}
        Err(Damage::Checksum { calculated, read }) => {
            return Err(NotBootable::BootloaderChecksum { calculated, read });
        }
        Err(_) => return Err(NotBootable::NoBootloader(u32::from_le_bytes(first))),
    }
    let app = app_offset(flash)?;
    check(chip, flash, app)?;
    let descriptor =
        flash.read(app + HEADER_LEN + SEGMENT_HEADER_LEN, DESCRIPTOR_LEN).map_err(Damage::from)?;
    Ok(parse_descriptor(descriptor).ok_or(Damage::Descriptor)?)
}

/// Where the application is that is booted: the factory's, else the first of those that came later.
fn app_offset(flash: &Flash) -> Result<usize, NotBootable> {
    let table = flash.read(TABLE_OFFSET, TABLE_LEN).map_err(|_| NotBootable::NoTable)?;
    let entries = table.chunks_exact(ENTRY_LEN).take_while(|entry| entry.starts_with(&[0xAA, 0x50]));
    let mut apps = Vec::new();
    let mut entries_count = 0;
    for entry in entries {
        entries_count += 1;
        if let [_, _, 0, subtype @ (0x00 | 0x10..=0x1F), o0, o1, o2, o3, ..] = *entry {
            apps.push((subtype, u32::from_le_bytes([o0, o1, o2, o3])));
        }
    }
    if entries_count == 0 {
        return Err(NotBootable::NoTable);
    }
    let (_, offset) = apps.into_iter().min().ok_or(NotBootable::NoApp)?;
    usize::try_from(offset).map_err(|_| NotBootable::NoApp)
}

/// Checks an image's header, segments, checksum and hash.
fn check(chip: Chip, flash: &Flash, offset: usize) -> Result<(), Damage> {
    let header = flash.read(offset, HEADER_LEN)?;
    let [MAGIC, count, .., hashed] = *header else { return Err(Damage::Magic { offset }) };
    if count == 0 || count > SEGMENTS {
        return Err(Damage::Segments);
    }
    let found = match *header {
        [_, _, _, _, _, _, _, _, _, _, _, _, low, high, ..] => u16::from_le_bytes([low, high]),
        _ => return Err(Damage::Segments),
    };
    if found != chip.id() {
        return Err(Damage::Chip { expected: chip.id(), found });
    }
    let (mut at, mut calculated) = (offset + HEADER_LEN, CHECKSUM_SEED);
    for _ in 0..count {
        let [_, _, _, _, l0, l1, l2, l3] = *flash.read(at, SEGMENT_HEADER_LEN)? else {
            return Err(Damage::Segments);
        };
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| Damage::Segments)?;
        at += SEGMENT_HEADER_LEN;
        calculated = flash.read(at, len)?.iter().fold(calculated, |sum, byte| sum ^ byte);
        at += len;
    }
    // The checksum is the last byte of a block of 16.
    let len = (at - offset + 1).next_multiple_of(16);
    let image = flash.read(offset, len)?;
    let read = image.last().copied().unwrap_or_default();
    if read != calculated {
        return Err(Damage::Checksum { calculated, read });
    }
    if hashed != 0 && flash.read(offset + len, 32)? != Sha256::digest(image).as_slice() {
        return Err(Damage::Hash);
    }
    Ok(())
}

fn parse_descriptor(bytes: &[u8]) -> Option<AppImage> {
    let text = |range: Range<usize>| {
        let text = bytes.get(range)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    if bytes.first_chunk() != Some(&DESCRIPTOR_MAGIC.to_le_bytes()) {
        return None;
    }
    let elf_sha256 = bytes.get(ELF_SHA256)?.try_into().ok()?;
    Some(AppImage { project: text(PROJECT_NAME)?, version: text(VERSION)?, elf_sha256 })
}

/// Flash as it comes out of the factory: a bootloader, a partition table with one application, and this
/// board's own application, whose ELF hash is zero: it is the one of the running program.
#[must_use]
pub fn factory(chip: Chip) -> Flash {
    with_app(chip, &app(chip, env!("CARGO_PKG_VERSION"), [0; 32])).unwrap_or_default()
}

/// The image of an application of this project's, of this version and with this hash of its ELF file. It has a
/// descriptor and no code.
#[must_use]
pub fn app(chip: Chip, version: &str, elf_sha256: [u8; 32]) -> Vec<u8> {
    let mut descriptor = [0; DESCRIPTOR_LEN];
    let mut put = |range: Range<usize>, bytes: &[u8]| {
        let place = descriptor.get_mut(range).unwrap_or_default();
        place.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    };
    put(0..4, &DESCRIPTOR_MAGIC.to_le_bytes());
    put(VERSION, version.as_bytes());
    put(PROJECT_NAME, PROJECT.as_bytes());
    put(ELF_SHA256, &elf_sha256);
    image(chip, &descriptor)
}

/// Flash with this application image where the factory puts its own.
///
/// # Errors
/// [`OutOfRange`] when it is longer than its partition.
pub fn with_app(chip: Chip, app: &[u8]) -> Result<Flash, OutOfRange> {
    if app.len() > APP_LEN {
        return Err(OutOfRange);
    }
    let word = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let mut entry = [0; ENTRY_LEN];
    let fields = [&[0xAA, 0x50, 0, 0], &word(FACTORY_OFFSET)[..], &word(APP_LEN), b"factory"].concat();
    entry.iter_mut().zip(fields).for_each(|(place, byte)| *place = byte);
    let mut flash = Flash::default();
    flash.program(chip.bootloader_offset(), &image(chip, b"boot"))?;
    flash.program(TABLE_OFFSET, &entry)?;
    flash.program(FACTORY_OFFSET, app)?;
    flash.take_changed();
    Ok(flash)
}

/// Whether these bytes are an application's image, and not a whole flash memory's.
#[must_use]
pub fn is_app(bytes: &[u8]) -> bool {
    let descriptor = bytes.get(HEADER_LEN + SEGMENT_HEADER_LEN..);
    bytes.first() == Some(&MAGIC) && descriptor.and_then(parse_descriptor).is_some()
}

/// An image of one segment, with checksum and hash.
fn image(chip: Chip, segment: &[u8]) -> Vec<u8> {
    let [id_low, id_high] = chip.id().to_le_bytes();
    let mut image = vec![MAGIC, 1, 2, 0x2F, 0, 0, 0, 0, 0xEE, 0, 0, 0, id_low, id_high];
    image.resize(HEADER_LEN - 1, 0);
    image.push(1);
    // Where it is loaded to does not matter: nothing here runs it.
    image.extend(0_u32.to_le_bytes());
    image.extend(u32::try_from(segment.len()).unwrap_or(u32::MAX).to_le_bytes());
    image.extend(segment);
    image.resize((image.len() + 1).next_multiple_of(16) - 1, 0);
    image.push(segment.iter().fold(CHECKSUM_SEED, |sum, byte| sum ^ byte));
    let hash = Sha256::digest(&image);
    image.extend(hash);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factory_s_application_boots_on_its_own_chip_alone() {
        for chip in Chip::ALL {
            let app = bootable(chip, &factory(chip)).unwrap();
            assert_eq!((app.project.as_str(), app.elf_sha256), (PROJECT, [0; 32]));
            assert_eq!(app.version, env!("CARGO_PKG_VERSION"));
        }
        let foreign = Damage::Chip { expected: 13, found: 5 };
        let swapped = with_app(Chip::Esp32c6, &image(Chip::Esp32c3, &[0; 4])).unwrap();
        assert_eq!(bootable(Chip::Esp32c6, &swapped), Err(foreign.into()));
    }

    #[test]
    fn an_erased_memory_boots_nothing() {
        let erased = bootable(Chip::Esp32c3, &Flash::default()).unwrap_err();
        assert_eq!(erased.to_string(), "invalid header: 0xffffffff");
    }

    #[test]
    fn no_damaged_byte_of_an_application_goes_unseen() {
        let good = factory(Chip::Esp32c3).contents().to_vec();
        let whole = bootable(Chip::Esp32c3, &factory(Chip::Esp32c3));
        for at in FACTORY_OFFSET..FACTORY_OFFSET + HEADER_LEN + SEGMENT_HEADER_LEN + DESCRIPTOR_LEN + 16 + 32
        {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            let seen = bootable(Chip::Esp32c3, &Flash::holding(&bytes).unwrap());
            assert!(seen.is_err() && seen != whole, "byte {at:#x}");
        }
    }

    #[test]
    fn each_part_that_is_missing_has_its_message() {
        let without = |offset: usize, len: usize| {
            let mut flash = factory(Chip::Esp32);
            flash.erase(offset, len).unwrap();
            bootable(Chip::Esp32, &flash).unwrap_err().to_string()
        };
        assert_eq!(without(0x1000, 1), "invalid header: 0xffffffff");
        assert!(without(TABLE_OFFSET, 1).ends_with("Failed to verify partition table"));
        assert!(without(FACTORY_OFFSET, 1).contains("invalid magic byte"));
    }

    #[test]
    fn an_application_is_told_from_a_whole_memory() {
        let flash = factory(Chip::Esp32c3);
        assert!(is_app(&flash.contents()[FACTORY_OFFSET..]) && !is_app(flash.contents()));
    }
}
