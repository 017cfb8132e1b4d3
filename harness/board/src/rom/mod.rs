//! The serial loader in a chip's ROM, and the flasher stub that a tool loads in its place.
//!
//! A state machine: bytes of the line in, bytes and what follows from them out. It has no clock and no
//! port. It does what Espressif publishes of its serial protocol. A stub is not run: once a program has been
//! loaded to RAM and started, the loader itself answers as a stub does.

mod chip;
mod packet;
mod reading;
mod registers;
mod slip;
mod transfer;

pub use chip::Chip;

use crate::flash::{self, Flash};
use md5::{Digest as _, Md5};
use packet::{Refusal, Reply, Request, opcode};
use reading::Reading;
use registers::Registers;
use transfer::{Entry, FlashTransfer, Ram, to_usize};

/// What SYNC carries.
const SYNC: [u8; 36] = {
    let mut sync = [0x55; 36];
    [sync[0], sync[1], sync[2], sync[3]] = [0x07, 0x07, 0x12, 0x20];
    sync
};
/// What the ROM answers it with. A stub answers 0, by which a tool knows it.
const SYNC_VALUE: u32 = 0x2012_0707;
/// How often SYNC is answered.
const SYNC_REPLIES: usize = 8;
/// What a stub says first.
const STUB_GREETING: &[u8] = b"OHAI";
/// Most that READ_FLASH_SLOW gives, in bytes.
const SLOW_READ_LEN: usize = 64;

/// What the loader does next. Each has its place among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Bytes go out to the line.
    Bytes(Vec<u8>),
    /// The line's speed changes, in baud, once what stands before has gone out.
    Baud(u32),
    /// The chip restarts and comes back as a loader: the boot pin was read at the last reset.
    Restart,
    /// The chip boots what is in flash.
    Boot,
    /// The chip ran into a place where no program is.
    Crash,
}

/// A loader that has just been entered, or has been in use since then.
pub struct Loader {
    chip: Chip,
    registers: Registers,
    decoder: slip::Decoder,
    /// A stub is in the ROM's place.
    stub: bool,
    transfer: Option<FlashTransfer>,
    ram: Ram,
    /// Where to go on once the reply to MEM_END is out.
    entry: Entry,
    reading: Option<Reading>,
    output: Vec<Output>,
}

impl Loader {
    /// The loader of a chip with this factory MAC address, most significant byte first.
    #[must_use]
    pub fn new(chip: Chip, mac: [u8; 6]) -> Self {
        Self {
            chip,
            registers: Registers::new(chip, mac),
            decoder: slip::Decoder::default(),
            stub: false,
            transfer: None,
            ram: Ram::default(),
            entry: Entry::Stay,
            reading: None,
            output: Vec::new(),
        }
    }

    /// Tells the loader the line's speed, in baud.
    pub fn set_baud(&mut self, baud: u32) {
        self.registers.set_baud(self.chip, baud);
    }

    /// Takes the next bytes from the line, in chunks of any size. After [`Output::Restart`],
    /// [`Output::Boot`] and [`Output::Crash`] there is nothing more from this loader.
    pub fn push(&mut self, bytes: &[u8], flash: &mut Flash) -> Vec<Output> {
        for &byte in bytes {
            if let Some(packet) = self.decoder.push(byte) {
                self.packet(&packet, flash);
            }
            let ended = |output: &Output| matches!(output, Output::Restart | Output::Boot | Output::Crash);
            if self.output.last().is_some_and(ended) {
                break;
            }
        }
        std::mem::take(&mut self.output)
    }

    fn send(&mut self, packet: &[u8]) {
        self.output.push(Output::Bytes(slip::encode(packet)));
    }

    fn packet(&mut self, packet: &[u8], flash: &mut Flash) {
        // What is no acknowledgement ends a read: the host has given it up, and this is its next command.
        if let Some(mut reading) = self.reading.take()
            && let Some(packets) = reading.acknowledge(packet, flash)
        {
            packets.iter().for_each(|packet| self.send(packet));
            self.reading = (!reading.is_over()).then_some(reading);
            return;
        }
        let Some(request) = Request::parse(packet) else { return };
        let stub = self.stub;
        let result = self.command(&request, flash);
        let reply = Reply::packet(&result, request.opcode, stub);
        let replies = if request.opcode == opcode::SYNC { SYNC_REPLIES } else { 1 };
        for _ in 0..if result.is_ok() { replies } else { 1 } {
            self.send(&reply);
        }
        if result.is_ok() {
            self.after(&request, flash);
        }
    }

    fn command(&mut self, request: &Request<'_>, flash: &mut Flash) -> Result<Reply, Refusal> {
        match request.opcode {
            opcode::SYNC if request.body == SYNC => {
                Ok(Reply { value: if self.stub { 0 } else { SYNC_VALUE }, data: vec![] })
            }
            opcode::SYNC => Err(Refusal::Malformed),
            opcode::READ_REG => {
                let ([address], []) = request.words()? else { return Err(Refusal::Malformed) };
                Ok(Reply { value: self.registers.read(address), data: vec![] })
            }
            opcode::WRITE_REG => self.write_registers(request),
            opcode::SPI_ATTACH => request.words::<1>().map(nothing),
            opcode::SPI_SET_PARAMS => request.words::<6>().map(nothing),
            opcode::CHANGE_BAUDRATE => match request.words::<2>()? {
                ([baud, _], []) if baud > 0 => Ok(Reply::default()),
                _ => Err(Refusal::Malformed),
            },
            opcode::MEM_BEGIN => self.ram.begin(request).map(nothing),
            opcode::MEM_DATA => self.ram.data(request).map(nothing),
            opcode::MEM_END => {
                self.entry = self.ram.end(request)?;
                Ok(Reply::default())
            }
            opcode::GET_SECURITY_INFO if self.chip.has_security_info() => Ok(self.security_info()),
            _ => self.flash_command(request, flash),
        }
    }

    /// Address, value, mask and delay, any number of times.
    fn write_registers(&mut self, request: &Request<'_>) -> Result<Reply, Refusal> {
        if request.body.is_empty() || !request.body.len().is_multiple_of(16) {
            return Err(Refusal::Malformed);
        }
        for body in request.body.chunks_exact(16) {
            let ([address, value, mask, _], _) = Request { body, ..*request }.words()?;
            self.registers.write(address, value, mask);
        }
        Ok(Reply::default())
    }

    /// Flags, flash encryption count and key purposes, all zero; chip and version of the interface.
    fn security_info(&self) -> Reply {
        let chip = u32::from(self.chip.id());
        Reply { value: 0, data: [&[0; 12], &chip.to_le_bytes()[..], &0_u32.to_le_bytes()].concat() }
    }

    fn flash_command(&mut self, request: &Request<'_>, flash: &mut Flash) -> Result<Reply, Refusal> {
        if flash.is_protected() && opcode::WRITING.contains(&request.opcode) {
            return Err(Refusal::Protected);
        }
        match request.opcode {
            opcode::FLASH_BEGIN | opcode::FLASH_DEFL_BEGIN => {
                let compressed = request.opcode == opcode::FLASH_DEFL_BEGIN;
                self.transfer = None;
                self.transfer = Some(FlashTransfer::begin(request, flash, compressed)?);
                Ok(Reply::default())
            }
            opcode::FLASH_DATA | opcode::FLASH_DEFL_DATA => {
                let compressed = request.opcode == opcode::FLASH_DEFL_DATA;
                let transfer = self.transfer.as_mut().filter(|begun| begun.is_compressed() == compressed);
                transfer.ok_or(Refusal::NotBegun)?.data(request, flash).map(nothing)
            }
            opcode::FLASH_END | opcode::FLASH_DEFL_END => {
                request.words::<1>()?;
                self.transfer.as_ref().ok_or(Refusal::NotBegun)?.finish().map(nothing)
            }
            opcode::SPI_FLASH_MD5 => {
                let ([offset, len, ..], _) = request.words::<4>()?;
                let digest = Md5::digest(flash.read(to_usize(offset)?, to_usize(len)?)?);
                let hex = || digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
                Ok(Reply { value: 0, data: if self.stub { digest.to_vec() } else { hex() } })
            }
            opcode::READ_FLASH_SLOW if !self.stub => {
                let ([offset, len], []) = request.words()? else { return Err(Refusal::Malformed) };
                let (offset, len) = (to_usize(offset)?, to_usize(len)?);
                if len > SLOW_READ_LEN {
                    return Err(Refusal::Malformed);
                }
                let mut data = flash.read(offset, len)?.to_vec();
                data.resize(SLOW_READ_LEN, 0);
                Ok(Reply { value: 0, data })
            }
            _ if self.stub => self.stub_command(request, flash),
            _ => Err(Refusal::Unknown),
        }
    }

    /// What only a stub can do.
    fn stub_command(&mut self, request: &Request<'_>, flash: &mut Flash) -> Result<Reply, Refusal> {
        match request.opcode {
            opcode::ERASE_FLASH => flash.erase(0, flash::SIZE)?,
            opcode::ERASE_REGION => {
                let ([offset, len], []) = request.words()? else { return Err(Refusal::Malformed) };
                let (offset, len) = (to_usize(offset)?, to_usize(len)?);
                if !offset.is_multiple_of(flash::SECTOR) || !len.is_multiple_of(flash::SECTOR) {
                    return Err(Refusal::Malformed);
                }
                flash.erase(offset, len)?;
            }
            opcode::READ_FLASH => self.reading = Some(Reading::begin(request, flash)?),
            opcode::RUN_USER_CODE => {}
            _ => return Err(Refusal::Unknown),
        }
        Ok(Reply::default())
    }

    /// What follows the reply to a command that was carried out.
    fn after(&mut self, request: &Request<'_>, flash: &Flash) {
        let first = request.words::<1>().map_or(0, |([word], _)| word);
        match request.opcode {
            opcode::CHANGE_BAUDRATE => {
                self.set_baud(first);
                self.output.push(Output::Baud(first));
            }
            opcode::MEM_END => self.enter(),
            opcode::READ_FLASH => {
                let Some(mut reading) = self.reading.take() else { return };
                reading.next_packets(flash).iter().for_each(|packet| self.send(packet));
                self.reading = (!reading.is_over()).then_some(reading);
            }
            opcode::RUN_USER_CODE => self.output.push(Output::Boot),
            opcode::FLASH_END | opcode::FLASH_DEFL_END => {
                self.transfer = None;
                match (first, self.stub) {
                    (0, _) => self.output.push(Output::Restart),
                    (_, false) => self.output.push(Output::Boot),
                    (_, true) => {}
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self) {
        match std::mem::replace(&mut self.entry, Entry::Stay) {
            Entry::Program => {
                self.stub = true;
                self.ram = Ram::default();
                self.send(STUB_GREETING);
            }
            Entry::Nowhere => self.output.push(Output::Crash),
            Entry::Stay => {}
        }
    }
}

fn nothing<T>(_: T) -> Reply {
    Reply::default()
}
