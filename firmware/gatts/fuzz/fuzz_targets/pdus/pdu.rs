//! PDUs of a client: random bytes, and such as come close to right ones.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::shape::{Bytes, Few, Handle, Length};
use crate::table::AnyUuid;

/// The fields of a PDU.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) enum Pdu {
    Bytes(Bytes),
    ExchangeMtu(Length),
    FindInformation(Range),
    FindByTypeValue(Range, AnyUuid, Bytes),
    ReadByType(Range, AnyUuid),
    ReadByGroupType(Range, AnyUuid),
    Read(Handle),
    ReadBlob(Handle, Length),
    ReadMultiple(Few<Handle, 8>),
    ReadMultipleVariable(Few<Handle, 8>),
    Write(Handle, Bytes),
    WriteCommand(Handle, Bytes),
    /// Bits of Client Supported Features or of a CCCD, written as they are used.
    WriteBits(Handle, u8, bool),
    PrepareWrite(Handle, Length, Bytes),
    ExecuteWrite(u8),
    Confirmation,
}

/// The whole table, or a part of it.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) enum Range {
    Whole,
    /// So many handles from the first on.
    From(Handle, u8),
    Any(Handle, Handle),
}

/// Finds the handles that a PDU names.
pub(crate) trait Handles {
    fn of(&self, handle: Handle) -> u16;

    fn bytes(&self, handle: Handle) -> Vec<u8> {
        self.of(handle).to_le_bytes().to_vec()
    }
}

fn range(range: &Range, handles: &impl Handles) -> Vec<u8> {
    let (first, last) = match range {
        Range::Whole => (1, 0xFFFF),
        Range::From(first, more) => {
            (handles.of(*first), handles.of(*first).saturating_add(u16::from(more % 8)))
        }
        Range::Any(first, last) => (handles.of(*first), handles.of(*last)),
    };
    [first.to_le_bytes(), last.to_le_bytes()].concat()
}

fn list(all: &[Handle], handles: &impl Handles) -> Vec<u8> {
    all.iter().flat_map(|one| handles.bytes(*one)).collect()
}

impl Pdu {
    pub(crate) fn bytes(&self, handles: &impl Handles) -> Vec<u8> {
        let (opcode, fields) = match self {
            Self::Bytes(bytes) => return bytes.0.clone(),
            Self::ExchangeMtu(mtu) => (0x02, mtu.0.to_le_bytes().to_vec()),
            Self::FindInformation(at) => (0x04, range(at, handles)),
            Self::FindByTypeValue(at, uuid, value) => {
                (0x06, [range(at, handles), uuid.in_pdu(), value.0.clone()].concat())
            }
            Self::ReadByType(at, uuid) => (0x08, [range(at, handles), uuid.in_pdu()].concat()),
            Self::ReadByGroupType(at, uuid) => (0x10, [range(at, handles), uuid.in_pdu()].concat()),
            Self::Read(at) => (0x0A, handles.bytes(*at)),
            Self::ReadBlob(at, offset) => {
                (0x0C, [handles.bytes(*at), offset.0.to_le_bytes().to_vec()].concat())
            }
            Self::ReadMultiple(all) => (0x0E, list(&all.0, handles)),
            Self::ReadMultipleVariable(all) => (0x20, list(&all.0, handles)),
            Self::Write(at, value) => (0x12, [handles.bytes(*at), value.0.clone()].concat()),
            Self::WriteCommand(at, value) => (0x52, [handles.bytes(*at), value.0.clone()].concat()),
            Self::WriteBits(at, bits, two) => {
                (0x12, [handles.bytes(*at), vec![bits % 8], vec![0; usize::from(*two)]].concat())
            }
            Self::PrepareWrite(at, offset, value) => {
                (0x16, [handles.bytes(*at), offset.0.to_le_bytes().to_vec(), value.0.clone()].concat())
            }
            Self::ExecuteWrite(flags) => (0x18, vec![flags % 3]),
            Self::Confirmation => (0x1E, vec![]),
        };
        [vec![opcode], fields].concat()
    }
}
