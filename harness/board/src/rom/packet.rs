//! Requests and replies of the serial protocol.

/// Commands of the ROM loader and of the flasher stub that a tool may put in its place.
pub(super) mod opcode {
    pub(in crate::rom) const FLASH_BEGIN: u8 = 0x02;
    pub(in crate::rom) const FLASH_DATA: u8 = 0x03;
    pub(in crate::rom) const FLASH_END: u8 = 0x04;
    pub(in crate::rom) const MEM_BEGIN: u8 = 0x05;
    pub(in crate::rom) const MEM_END: u8 = 0x06;
    pub(in crate::rom) const MEM_DATA: u8 = 0x07;
    pub(in crate::rom) const SYNC: u8 = 0x08;
    pub(in crate::rom) const WRITE_REG: u8 = 0x09;
    pub(in crate::rom) const READ_REG: u8 = 0x0A;
    pub(in crate::rom) const SPI_SET_PARAMS: u8 = 0x0B;
    pub(in crate::rom) const SPI_ATTACH: u8 = 0x0D;
    pub(in crate::rom) const READ_FLASH_SLOW: u8 = 0x0E;
    pub(in crate::rom) const CHANGE_BAUDRATE: u8 = 0x0F;
    pub(in crate::rom) const FLASH_DEFL_BEGIN: u8 = 0x10;
    pub(in crate::rom) const FLASH_DEFL_DATA: u8 = 0x11;
    pub(in crate::rom) const FLASH_DEFL_END: u8 = 0x12;
    pub(in crate::rom) const SPI_FLASH_MD5: u8 = 0x13;
    pub(in crate::rom) const GET_SECURITY_INFO: u8 = 0x14;
    pub(in crate::rom) const ERASE_FLASH: u8 = 0xD0;
    pub(in crate::rom) const ERASE_REGION: u8 = 0xD1;
    pub(in crate::rom) const READ_FLASH: u8 = 0xD2;
    pub(in crate::rom) const RUN_USER_CODE: u8 = 0xD3;

    /// Those that erase or program flash.
    pub(in crate::rom) const WRITING: [u8; 6] =
        [FLASH_BEGIN, FLASH_DATA, FLASH_DEFL_BEGIN, FLASH_DEFL_DATA, ERASE_FLASH, ERASE_REGION];
}

/// Why a command is refused. The ROM and the stub have their own numbers for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The loader does not know it, or it is not allowed now.
    Unknown,
    /// Its fields are too few, too many or contradict each other.
    Malformed,
    /// The data's checksum is another.
    Checksum,
    /// No transfer has been begun, or this block is not the next.
    NotBegun,
    /// The addressed bytes do not lie in the memory.
    OutOfRange,
    /// The compressed data cannot be decompressed.
    Deflate,
    /// The transfer ended before all was there.
    NotEnough,
    /// More came than was announced.
    TooMuch,
    /// The memory is write-protected.
    Protected,
}

impl Refusal {
    /// The last bytes of the reply: four from the ROM, two from the stub.
    pub(super) fn status(self, stub: bool) -> Vec<u8> {
        let rom = match self {
            Self::Unknown | Self::Malformed => 0x05,
            Self::NotBegun | Self::NotEnough | Self::TooMuch | Self::Protected => 0x06,
            Self::Checksum => 0x07,
            Self::OutOfRange => 0x08,
            Self::Deflate => 0x0B,
        };
        let from_stub = match self {
            Self::Malformed => 0xC0,
            Self::Checksum => 0xC1,
            Self::OutOfRange => 0xC4,
            Self::Protected => 0xC5,
            Self::NotBegun => 0xC6,
            Self::Deflate => 0xC7,
            Self::NotEnough => 0xC8,
            Self::TooMuch => 0xC9,
            Self::Unknown => 0xFF,
        };
        if stub { vec![from_stub, 0] } else { vec![1, rom, 0, 0] }
    }
}

/// A request: direction 0, opcode, length of the body, checksum of its data, the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) opcode: u8,
    pub(super) checksum: u32,
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// `None` if it is no request.
    pub(super) fn parse(packet: &'a [u8]) -> Option<Self> {
        let ([0, opcode, low, high, c0, c1, c2, c3], body) = packet.split_first_chunk::<8>()? else {
            return None;
        };
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let checksum = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
        (len == body.len()).then_some(Self { opcode: *opcode, checksum, body })
    }

    /// The body as words; what follows them.
    pub(super) fn words<const N: usize>(&self) -> Result<([u32; N], &'a [u8]), Refusal> {
        let (head, rest) = self.body.split_at_checked(4 * N).ok_or(Refusal::Malformed)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(head.chunks_exact(4)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        Ok((words, rest))
    }

    /// The block of a DATA request and its number: length, number, two words of zero, the block.
    pub(super) fn block(&self) -> Result<(u32, &'a [u8]), Refusal> {
        let ([len, seq, ..], block) = self.words::<4>()?;
        if usize::try_from(len) != Ok(block.len()) || block.is_empty() {
            return Err(Refusal::Malformed);
        }
        let sum = block.iter().fold(0xEF, |sum, byte| sum ^ byte);
        if self.checksum != u32::from(sum) {
            return Err(Refusal::Checksum);
        }
        Ok((seq, block))
    }
}

/// What a command gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The word in the reply's header.
    pub(super) value: u32,
    /// What stands before the status.
    pub(super) data: Vec<u8>,
}

impl Reply {
    /// The packet: direction 1, opcode, length, value, data, status.
    pub(super) fn packet(result: &Result<Self, Refusal>, opcode: u8, stub: bool) -> Vec<u8> {
        let none = Self::default();
        let (reply, status) = match result {
            Ok(reply) => (reply, vec![0; if stub { 2 } else { 4 }]),
            Err(refusal) => (&none, refusal.status(stub)),
        };
        let len = u16::try_from(reply.data.len() + status.len()).unwrap_or(u16::MAX);
        [&[1, opcode], &len.to_le_bytes()[..], &reply.value.to_le_bytes(), &reply.data, &status].concat()
    }
}
