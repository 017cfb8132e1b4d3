//! What goes into a board's flash memory: the application made from an ELF file, its bootloader and partition table.

use super::Chip;
use crate::fault::Fault;
use espflash::flasher::{FlashData, FlashSettings};
use espflash::image_format::{Metadata, Segment, idf::IdfBootloaderFormat};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// First byte of an image.
const MAGIC: u8 = 0xE9;
/// Length of the header with its extension, in bytes.
const HEADER_LEN: usize = 24;
/// First word of the application's descriptor, which begins the first segment.
const DESCRIPTOR_MAGIC: [u8; 4] = 0xABCD_5432_u32.to_le_bytes();
/// Where the ELF file's hash stands in the descriptor.
const DESCRIPTOR_HASH: usize = 144;
/// What the checksum begins with.
const CHECKSUM_SEED: u8 = 0xEF;
const HASH_LEN: usize = 32;

/// An image, ready to be flashed.
#[derive(Debug, Clone)]
pub struct Image {
    /// The chip that it is for.
    pub chip: Chip,
    /// SHA-256 of the ELF file: what the board says in its `Hello`.
    pub app_hash: [u8; 32],
    /// The ELF file.
    pub elf: PathBuf,
    /// Bootloader, partition table and application, each with its address.
    pub(crate) segments: Vec<Segment<'static>>,
    /// What was found in the application.
    pub report: Report,
}

/// What an application image holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Length in bytes, checksum and hash included.
    pub app_len: usize,
    /// Length of the partition that it goes into.
    pub partition_len: usize,
    /// Segments, those for padding included.
    pub segments: usize,
}

impl Image {
    /// Makes the image of the ELF file at `path`, and checks it.
    ///
    /// # Errors
    /// The file cannot be read, is no firmware of ours, or does not fit.
    pub fn from_elf(path: &Path) -> Result<Self, Fault> {
        let build_it = "build it with `gattest firmware`";
        let elf = std::fs::read(path)
            .map_err(|error| Fault::new(format!("{} cannot be read: {error}", path.display()), build_it))?;
        let wrong = |what: String| Fault::new(format!("{}: {what}", path.display()), build_it);
        let chip = chip_of(&elf).map_err(wrong)?;
        Self::new(chip, path, &elf).map_err(wrong)
    }

    /// Enough of the hash to tell images apart in a line of text.
    #[must_use]
    pub fn short_hash(&self) -> String {
        short_hash(&self.app_hash)
    }

    /// The same for the contents of an ELF file for `chip`.
    fn new(chip: Chip, path: &Path, elf: &[u8]) -> Result<Self, String> {
        let target = chip.espflash();
        let xtal = target.default_xtal_frequency();
        let data = FlashData::new(FlashSettings::default(), 0, None, target, xtal);
        let format = IdfBootloaderFormat::new(elf, &data, None, None, None, None)
            .map_err(|error| error.to_string())?;
        let partition_len = format.metadata().get("part_size").and_then(|len| len.parse().ok()).unwrap_or(0);
        let segments: Vec<Segment<'static>> = format
            .flash_segments()
            .map(|segment| Segment { addr: segment.addr, data: segment.data.into_owned().into() })
            .collect();
        let app = segments.last().map(|segment| &segment.data[..]).unwrap_or_default();
        let app_hash: [u8; HASH_LEN] = Sha256::digest(elf).into();
        let report = check(app, chip, &app_hash, partition_len)?;
        Ok(Self { chip, app_hash, elf: path.to_owned(), segments, report })
    }
}

/// The first four bytes of a hash, in hexadecimal.
#[must_use]
pub fn short_hash(hash: &[u8; HASH_LEN]) -> String {
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The firmware with this hash, for people: the virtual board's own has none.
#[must_use]
pub fn firmware_name(hash: &[u8; HASH_LEN]) -> String {
    if *hash == [0; HASH_LEN] {
        return "the virtual board's own firmware".to_owned();
    }
    format!("firmware {}", short_hash(hash))
}

/// The chip that an ELF file was built for, from the metadata that the chip's own crate puts into it.
fn chip_of(elf: &[u8]) -> Result<Chip, String> {
    let metadata = Metadata::from_bytes(Some(elf));
    let name = metadata.chip_name().ok_or("this is no ELF file of a firmware for a board")?;
    name.parse().map_err(|unknown: super::UnknownChip| unknown.to_string())
}

/// Reads an application image as the chip's bootloader does: header, segments, checksum and hash. Espressif describes
/// it in "Firmware Image Format" of esptool's documentation.
fn check(app: &[u8], chip: Chip, app_hash: &[u8; HASH_LEN], partition_len: usize) -> Result<Report, String> {
    let (header, _) = app.split_at_checked(HEADER_LEN).ok_or("the image has no whole header")?;
    let [magic, segments, ..] = *header else { return Err("the image is empty".to_owned()) };
    if magic != MAGIC {
        return Err(format!("the image begins with 0x{magic:02X} in the place of 0x{MAGIC:02X}"));
    }
    let id = header.get(12..14).and_then(|id| id.try_into().ok()).map_or(u16::MAX, u16::from_le_bytes);
    if Chip::with_id(id) != Some(chip) {
        return Err(format!("the image's header names chip {id} and not {chip}"));
    }
    let (end, checksum) = segments_of(app, segments)?;
    let descriptor = app.get(HEADER_LEN + 8..end).unwrap_or_default();
    if !descriptor.starts_with(&DESCRIPTOR_MAGIC) {
        return Err("the first segment does not begin with the application's descriptor".to_owned());
    }
    if descriptor.get(DESCRIPTOR_HASH..DESCRIPTOR_HASH + HASH_LEN) != Some(&app_hash[..]) {
        return Err("the application's descriptor does not hold the ELF file's hash".to_owned());
    }
    // The checksum is the last byte of a block of 16.
    let checksum_at = end | 15;
    if app.get(checksum_at) != Some(&checksum) {
        return Err(format!("the image's checksum is not 0x{checksum:02X}"));
    }
    let (hashed, hash) = app.split_at_checked(checksum_at + 1).unwrap_or_default();
    if hash != &Sha256::digest(hashed)[..] {
        return Err("the hash at the image's end is not that of what stands before it".to_owned());
    }
    if app.len() > partition_len {
        return Err(format!("the image has {} bytes, its partition {partition_len}", app.len()));
    }
    Ok(Report { app_len: app.len(), partition_len, segments: usize::from(segments) })
}

/// Where the segments end, and the checksum over their data.
fn segments_of(app: &[u8], count: u8) -> Result<(usize, u8), String> {
    let (mut at, mut checksum) = (HEADER_LEN, CHECKSUM_SEED);
    for number in 1..=count {
        let cut = || format!("segment {number} of {count} goes beyond the image's end");
        let rest = app.get(at..).ok_or_else(cut)?;
        let ([_, _, _, _, len @ ..], data) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| cut())?;
        let data = data.get(..len).ok_or_else(cut)?;
        checksum = data.iter().fold(checksum, |sum, byte| sum ^ byte);
        at += 8 + len;
    }
    Ok((at, checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: [u8; HASH_LEN] = [7; HASH_LEN];

    /// An image with two segments, whole in itself.
    fn image() -> Vec<u8> {
        let mut image = vec![MAGIC, 2];
        image.resize(HEADER_LEN, 0);
        image[12] = 5; // ESP32-C3
        let mut descriptor = DESCRIPTOR_MAGIC.to_vec();
        descriptor.resize(DESCRIPTOR_HASH, 0);
        descriptor.extend(HASH);
        let mut checksum = CHECKSUM_SEED;
        for data in [&descriptor[..], &[1, 2, 3, 4]] {
            image.extend([0; 4]);
            image.extend((data.len() as u32).to_le_bytes());
            image.extend_from_slice(data);
            checksum = data.iter().fold(checksum, |sum, byte| sum ^ byte);
        }
        image.resize(image.len() | 15, 0);
        image.push(checksum);
        let hash = Sha256::digest(&image);
        image.extend(hash);
        image
    }

    fn checked(image: &[u8]) -> Result<Report, String> {
        check(image, Chip::Esp32c3, &HASH, 0x1000)
    }

    #[test]
    fn a_whole_image_passes() {
        let image = image();
        let report = Report { app_len: image.len(), partition_len: 0x1000, segments: 2 };
        assert_eq!(checked(&image), Ok(report));
    }

    #[test]
    fn a_change_anywhere_is_seen() {
        let image = image();
        for at in 0..image.len() {
            let mut broken = image.clone();
            broken[at] ^= 0x40;
            assert!(checked(&broken).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_cut_image_is_seen_wherever_it_was_cut() {
        let image = image();
        for len in 0..image.len() {
            assert!(checked(&image[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn the_wrong_chip_and_too_small_a_partition_are_named() {
        let image = image();
        let wrong = check(&image, Chip::Esp32c6, &HASH, 0x1000).unwrap_err();
        assert_eq!(wrong, "the image's header names chip 5 and not esp32c6");
        let small = check(&image, Chip::Esp32c3, &HASH, 100).unwrap_err();
        assert!(small.ends_with("its partition 100"), "{small}");
    }

    #[test]
    fn what_is_no_firmware_is_refused() {
        let fault = Image::from_elf(&std::env::current_exe().unwrap()).unwrap_err();
        assert!(fault.cause.ends_with("this is no ELF file of a firmware for a board"), "{fault}");
        assert!(Image::from_elf(Path::new("/no/such/file")).is_err());
    }
}
