//! Captures as a btsnoop file in the Linux monitor format, which Wireshark and btmon open.

use std::io::{self, Write};

use bt_hci_transport::PacketKind;

use crate::capture::{Capture, CapturedPacket, Direction};

/// The data link type of the Linux Bluetooth monitor.
const DATALINK_MONITOR: u32 = 2001;

/// 2000-01-01 in the format's time, microseconds since the year 0: a fixed epoch, so that equal runs give equal files.
const EPOCH_US: u64 = 0x00E0_3AB4_4A67_6000;

/// From the end of one capture to the beginning of the next.
const GAP_US: u64 = 1_000_000;

/// Monitor opcodes (as in Linux's `hci_mon.h`).
mod opcode {
    pub(super) const NEW_INDEX: u16 = 0;
    pub(super) const COMMAND: u16 = 2;
    pub(super) const EVENT: u16 = 3;
    pub(super) const ACL_TX: u16 = 4;
    pub(super) const ACL_RX: u16 = 5;
    pub(super) const ISO_TX: u16 = 18;
    pub(super) const ISO_RX: u16 = 19;
    pub(super) const SCO_TX: u16 = 6;
    pub(super) const SCO_RX: u16 = 7;
}

/// Writes captures one after the other: each begins one second after the former has ended, with adapters of its own.
///
/// # Errors
/// What `w` answers, and [`io::ErrorKind::InvalidInput`] for more than 65,536 adapters in all.
pub fn write_btsnoop(w: &mut impl Write, captures: &[Capture]) -> io::Result<()> {
    w.write_all(b"btsnoop\0")?;
    w.write_all(&1_u32.to_be_bytes())?;
    w.write_all(&DATALINK_MONITOR.to_be_bytes())?;
    let mut start_us = EPOCH_US;
    let mut first_index = 0_u32;
    for capture in captures {
        let begin_us = capture.packets().next().map_or(0, |packet| packet.at_us);
        let mut end_us = begin_us;
        for (index, adapter) in (first_index..).zip(capture.adapters()) {
            let mut name = [0; 8];
            name.iter_mut().zip(adapter.name.bytes()).for_each(|(to, from)| *to = from);
            // Type 0 (primary controller), bus 0 (virtual).
            let parts: [&[u8]; 3] = [&[0, 0], &adapter.address, &name];
            write_record(w, index, opcode::NEW_INDEX, start_us, &parts.concat())?;
        }
        for packet in capture.packets() {
            end_us = packet.at_us;
            let index = first_index.saturating_add(u32::from(packet.controller));
            let at_us = start_us.saturating_add(packet.at_us.saturating_sub(begin_us));
            write_record(w, index, opcode_of(&packet), at_us, packet.bytes)?;
        }
        start_us = start_us.saturating_add(end_us - begin_us).saturating_add(GAP_US);
        first_index = first_index.saturating_add(u32::try_from(capture.adapters().len()).unwrap_or(u32::MAX));
    }
    Ok(())
}

fn opcode_of(packet: &CapturedPacket<'_>) -> u16 {
    match (packet.kind, packet.direction) {
        (PacketKind::Cmd, _) => opcode::COMMAND,
        (PacketKind::Event, _) => opcode::EVENT,
        (PacketKind::AclData, Direction::ToController) => opcode::ACL_TX,
        (PacketKind::AclData, Direction::ToHost) => opcode::ACL_RX,
        (PacketKind::SyncData, Direction::ToController) => opcode::SCO_TX,
        (PacketKind::SyncData, Direction::ToHost) => opcode::SCO_RX,
        (PacketKind::IsoData, Direction::ToController) => opcode::ISO_TX,
        (PacketKind::IsoData, Direction::ToHost) => opcode::ISO_RX,
    }
}

/// One record: original length, included length, flags, drops, time, packet; all numbers big-endian.
fn write_record(w: &mut impl Write, index: u32, opcode: u16, at_us: u64, packet: &[u8]) -> io::Result<()> {
    let too_many =
        |_| io::Error::new(io::ErrorKind::InvalidInput, "a btsnoop file has 65,536 adapters at most");
    let index = u16::try_from(index).map_err(too_many)?;
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    let flags = u32::from(index) << 16 | u32::from(opcode);
    for number in [length, length, flags, 0] {
        w.write_all(&number.to_be_bytes())?;
    }
    w.write_all(&at_us.to_be_bytes())?;
    w.write_all(packet)
}
