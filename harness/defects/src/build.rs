//! Words for the tables.

use crate::Wrong;
use wire::mutant::{Act, Answered, Deviation, Edit, Mutant, Part, Target, Test, When};

/// Opcodes (Core Vol 3 Part F 3.4.8).
pub(crate) mod op {
    pub(crate) const MTU: u8 = 0x02;
    pub(crate) const FIND_INFO: u8 = 0x04;
    pub(crate) const FIND_VALUE: u8 = 0x06;
    pub(crate) const BY_TYPE: u8 = 0x08;
    pub(crate) const READ: u8 = 0x0A;
    pub(crate) const BLOB: u8 = 0x0C;
    pub(crate) const MULTIPLE: u8 = 0x0E;
    pub(crate) const BY_GROUP: u8 = 0x10;
    pub(crate) const WRITE: u8 = 0x12;
    pub(crate) const PREPARE: u8 = 0x16;
    pub(crate) const EXECUTE: u8 = 0x18;
    pub(crate) const NOTIFY: u8 = 0x1B;
    pub(crate) const INDICATE: u8 = 0x1D;
    pub(crate) const CONFIRM: u8 = 0x1E;
    pub(crate) const VARIABLE: u8 = 0x20;
    pub(crate) const NOTIFY_SEVERAL: u8 = 0x23;
    pub(crate) const COMMAND: u8 = 0x52;
    pub(crate) const SIGNED: u8 = 0xD2;
}

/// Event bits.
pub(crate) mod event {
    pub(crate) const CONNECTED: u16 = 0x02;
    pub(crate) const DISCONNECTED: u16 = 0x04;
    pub(crate) const READ: u16 = 0x08;
    pub(crate) const WRITE: u16 = 0x10;
    pub(crate) const SUBSCRIBE: u16 = 0x80;
}

/// A wrong device; `violates` are ids with a space between them, SIG tests without `GATT/SR/` and `-C`.
pub(crate) fn wrong(id: &str, does: &str, violates: &str, deviations: &[Deviation]) -> Wrong {
    let full = |id: &str| if id.contains('/') { format!("GATT/SR/{id}-C") } else { id.to_owned() };
    Wrong {
        id: id.to_owned(),
        does: does.to_owned(),
        violates: violates.split_whitespace().map(full).collect(),
        mutant: Mutant { deviations: deviations.to_vec() },
    }
}

/// PDUs with this opcode.
pub(crate) fn on(opcode: u8) -> When {
    When { opcodes: vec![opcode], ..When::default() }
}

/// Conditions, one after the other.
pub(crate) trait Narrow {
    fn answered(self, answer: Answered) -> Self;
    fn refused(self, code: u8) -> Self;
    fn test(self, test: Test) -> Self;
    fn to(self, target: Target) -> Self;
    fn skip(self, count: u16) -> Self;
    fn does(self, acts: &[Act]) -> Deviation;
}

impl Narrow for When {
    fn answered(mut self, answer: Answered) -> Self {
        self.answer = Some(answer);
        self
    }

    fn refused(self, code: u8) -> Self {
        self.answered(Answered::Error(code))
    }

    fn test(mut self, test: Test) -> Self {
        self.tests.push(test);
        self
    }

    fn to(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn skip(mut self, count: u16) -> Self {
        self.skip = count;
        self
    }

    fn does(self, acts: &[Act]) -> Deviation {
        Deviation::Exchange(self, acts.to_vec())
    }
}

/// The answer is these bytes.
pub(crate) fn reply(bytes: &[u8]) -> Act {
    Act::Reply(vec![Part::Bytes(bytes.to_vec())])
}

/// There is no answer.
pub(crate) fn silence() -> Act {
    Act::Reply(Vec::new())
}

/// The answer is an Error Response with the handle of the request.
pub(crate) fn error(code: u8) -> Act {
    Act::Reply(vec![bytes(&[0x01]), Part::Opcode, Part::Handle, bytes(&[code])])
}

/// The answer's byte at this place is this.
pub(crate) fn set(at: u16, to: u8) -> Act {
    Act::Answer(Edit::Set(at, to))
}

/// The answer's byte at this place is greater by this.
pub(crate) fn add(at: u16, by: u8) -> Act {
    Act::Answer(Edit::Add(at, by))
}

/// The server gets a request with another byte at this place.
pub(crate) fn as_if(at: u16, is: u8) -> Act {
    Act::Request(Edit::Set(at, is))
}

/// Bytes of a PDU.
pub(crate) fn bytes(bytes: &[u8]) -> Part {
    Part::Bytes(bytes.to_vec())
}

/// A Write Request is answered, and that is all.
pub(crate) fn only_answered(response: u8) -> [Act; 2] {
    [Act::Unseen, reply(&[response])]
}
