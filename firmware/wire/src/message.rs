//! What the two ends say to each other.

use crate::table::{Advertisement, ApiValue, Callback, CharRef, Service, Table};
use alloc::boxed::Box;
use alloc::vec::Vec;
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

/// Harness to board. Each request is answered exactly once, with the same `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Request {
    /// Chosen by the harness; comes back in [`FromBoard::Answer`].
    pub id: u16,
    /// What to do.
    pub command: Command,
}

/// What the harness can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Command {
    /// Answered by a [`crate::Hello`] frame and then [`Answer::Done`].
    Hello,
    /// Start the application afresh.
    Start(Box<Start>),
    /// Answered when every event before it has been emitted and every ATT PDU that the board had to send has been
    /// acknowledged by the client's controller.
    Barrier {
        /// Each client has the response to its last request, and has sent nothing since: responses need no
        /// acknowledgement, which would take a connection event more.
        answered: bool,
    },
    /// A call of the device's API.
    Call(Call),
}

/// Which application to run, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Start {
    /// The application.
    pub device: Device,
    /// Random static address, least significant byte first; its two most significant bits are set
    /// (Core Vol 6 Part B 1.3.2.1).
    pub address: [u8; 6],
    /// Seed for whatever the application draws.
    pub seed: u64,
    /// How to be wrong on purpose; empty: not at all. Boards that are only right refuse anything else.
    pub mutant: Vec<u8>,
}

/// Which application to run.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is boxed in its command")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Device {
    /// The built-in example application.
    Lopy,
    /// A table, interpreted.
    Table(Table),
}

/// A call of the device's API on the running application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Call {
    /// `events()`; answered by [`Answer::Events`].
    Events(Object),
    /// `value()`; answered by [`Answer::Value`].
    Value(CharRef),
    /// `value(v)`; answered by [`Answer::Done`] or [`Answer::Refused`].
    SetValue(CharRef, ApiValue),
    /// `callback(...)`; `None` removes it.
    Callback(CharRef, Option<Callback>),
    /// `advertise(on)`.
    Advertise(bool),
    /// `disconnect_client()`.
    DisconnectClient,
    /// `set_advertisement(..)`; answered by [`Answer::Done`] or [`Answer::Refused`].
    SetAdvertisement(Advertisement),
    /// Starts the service at this position.
    StartService(u16),
    /// Stops the service at this position.
    StopService(u16),
    /// Adds a service, to be known by this position.
    AddService(u16, Box<Service>),
    /// Installs a bond in the place of the one that there may be with this client. Bonds last until a
    /// [`Start`] under another address. Answered by [`Answer::Done`] or [`Answer::Refused`].
    Bond(Bond),
    /// Where the characteristic's value stands; answered by [`Answer::Handle`]. Events name characteristics so, and not
    /// every client can see handles.
    Handle(CharRef),
}

/// A bond made without pairing: the other end installs the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Bond {
    /// Identity address of the client, least significant byte first.
    pub address: [u8; 6],
    /// Random rather than public.
    pub random: bool,
    /// Long Term Key, least significant byte first; bytes beyond the key's size are zero (Core Vol 3
    /// Part H 2.4.4.1).
    pub ltk: [u8; 16],
    /// Size of the key in bytes, 7 to 16.
    pub key_size: u8,
    /// The key is worth what an authenticated pairing gives.
    pub authenticated: bool,
    /// The client's signature key, least significant byte first.
    pub csrk: Option<[u8; 16]>,
}

/// An object with event flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Object {
    /// The Bluetooth object.
    Bluetooth,
    /// A characteristic.
    Characteristic(CharRef),
}

/// Board to harness, besides [`crate::Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum FromBoard<'a> {
    /// Something happened. `seq` counts events from 0 since boot and wraps; a gap is a loss.
    Event {
        /// The event's number.
        seq: u32,
        /// What happened.
        #[serde(borrow)]
        event: Event<'a>,
    },
    /// Answer to the request with this id.
    Answer {
        /// The request's id.
        id: u16,
        /// The answer.
        #[serde(borrow)]
        answer: Answer<'a>,
    },
}

/// What happened on the board, in exact order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Event<'a> {
    /// A client connected.
    Connected {
        /// Connection handle.
        conn: u16,
    },
    /// A client disconnected.
    Disconnected {
        /// Connection handle.
        conn: u16,
        /// HCI error code, the reason of Disconnection Complete.
        reason: u8,
    },
    /// An ATT PDU arrived, whatever became of it.
    Received {
        /// Connection handle.
        conn: u16,
        /// First byte; 0 when the PDU is empty.
        opcode: u8,
        /// Length in bytes, opcode included.
        len: u16,
    },
    /// A handler is about to run.
    Handler {
        /// Characteristic value handle.
        handle: u16,
        /// Event bits.
        event: u16,
        /// For a write, what was written.
        value: &'a [u8],
    },
    /// What a handler returned was unusable.
    HandlerError {
        /// Characteristic value handle.
        handle: u16,
        /// Why.
        message: &'a str,
    },
    /// The application printed a line.
    Log(&'a str),
    /// A link has been encrypted with the bond's key, for the first time or anew.
    Encrypted {
        /// Connection handle.
        conn: u16,
        /// The key is worth what an authenticated pairing gives.
        authenticated: bool,
        /// Size of the key in bytes, 7 to 16.
        key_size: u8,
    },
    /// The board shows this passkey, for the client that is pairing to type.
    Passkey {
        /// Connection handle.
        conn: u16,
        /// 0 to 999999; six digits are shown.
        passkey: u32,
    },
    /// A pairing is complete.
    Paired {
        /// Connection handle.
        conn: u16,
    },
    /// A pairing has failed, at whichever end.
    PairingFailed {
        /// Connection handle.
        conn: u16,
    },
    /// A client confirmed an indication.
    Confirmed {
        /// Connection handle.
        conn: u16,
        /// Characteristic value handle.
        handle: u16,
    },
    /// A client did not confirm within 30 s.
    IndicationTimeout {
        /// Connection handle.
        conn: u16,
        /// Characteristic value handle.
        handle: u16,
    },
    /// This many events were lost because the queue was full.
    Overflow(u32),
    /// A device that is wrong on purpose has now done something wrong. Said once for each start.
    Deviated,
}

/// Answers to requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Answer<'a> {
    /// Done.
    Done,
    /// The application runs and advertises as it wants to, under this address.
    Started {
        /// Least significant byte first.
        address: [u8; 6],
    },
    /// To [`Command::Barrier`]: how many events were emitted since boot. The harness must have seen
    /// them all: the last one could be lost without leaving a gap.
    Barrier {
        /// The next event's `seq`.
        events: u32,
    },
    /// Flags.
    Events(u16),
    /// Bytes.
    Value(&'a [u8]),
    /// A value handle.
    Handle(u16),
    /// The API refused the call, in its own words.
    Refused(&'a str),
    /// Nobody answered this request; it was dropped.
    Unhandled,
}
