//! What can happen to a server.

use gatts::{AttError, Events, Reply, Security};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::pdu::Pdu;
use crate::shape::{Bytes, Conn, Handle};
use crate::table::{Characteristic, Service};

/// One thing that happens. Connections, characteristics and services are given by small numbers.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) enum Step {
    Connect(Conn, AnySecurity),
    Disconnect(Conn),
    Secure(Conn, AnySecurity),
    /// Three times among these, so that most steps are PDUs.
    Send(Conn, Pdu),
    SendToo(Conn, Pdu),
    SendAsWell(Conn, Pdu),
    /// A PDU, and then everything that waits for the client leaves.
    SendAndDrain(Conn, Pdu),
    /// With a right signature.
    SendSigned {
        conn: Conn,
        handle: Handle,
        value: Bytes,
        counter: u32,
    },
    /// Everything that waits for a client leaves.
    Drain(Conn),
    /// The clock goes on by so many milliseconds.
    Wait(u16),
    Set(u8, Bytes),
    SetInt(u8, i64),
    Events(u8),
    Callback {
        of: u8,
        trigger: u8,
        action: Action,
    },
    RemoveCallback(u8),
    /// Refuses values of odd length.
    Rule(u8, bool),
    Stop(u8),
    Start(u8),
    Add(Service),
    AddCharacteristic(u8, Characteristic),
    Identify(Conn, u8),
    SigningKey(u8, u32),
    Forget(u8),
    /// Bonds are exported and imported again.
    Restore,
    DisconnectClient,
}

#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct AnySecurity {
    bonded: bool,
    encrypted: bool,
    authenticated: bool,
    authorised: bool,
    key_size: u8,
}

impl AnySecurity {
    pub(crate) fn security(&self) -> Security {
        Security {
            bonded: self.bonded,
            encrypted: self.encrypted,
            authenticated: self.authenticated,
            authorised: self.authorised,
            key_size: if self.encrypted { self.key_size % 17 } else { 0 },
        }
    }
}

/// What a handler does.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) enum Action {
    Nothing,
    Reply(Bytes),
    Int(i64),
    /// An application error (0x80 to 0x9F).
    Reject(u8),
    Events,
    SetOwn(Bytes),
    Set(u8, Bytes),
    Stop(u8),
    Start(u8),
    RemoveOwnCallback,
    Disconnected,
    DisconnectClient,
    /// A PDU of the same client comes in while the handler runs.
    Nested(Pdu),
}

impl Action {
    /// The answer, for actions that are one.
    pub(crate) fn reply(&self) -> Reply {
        match self {
            Self::Reply(value) => value.0.clone().into(),
            Self::Int(int) => (*int).into(),
            Self::Reject(code) => AttError(0x80 | (code & 0x1F)).into(),
            _ => Reply::Stored,
        }
    }
}

/// Any trigger, unknown bits included.
pub(crate) fn trigger(bits: u8) -> Events {
    Events::from_bits_retain(bits.into())
}
