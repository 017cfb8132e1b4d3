//! Messages and framing of the link between board and harness.
//!
//! One UART carries everything: the ROM's boot text, panics and frames. A frame is
//! `0x00 | COBS(payload + CRC-32) | 0x00`; what does not decode is console text. No behaviour lives
//! here: the board's half is in `app`, the harness's in `rig`.
#![no_std]

extern crate alloc;

mod frame;
mod hello;
mod message;
#[cfg(feature = "mutants")]
pub mod mutant;
mod table;

pub use frame::{Decoder, FrameError, Item, MAX_PAYLOAD, encode_frame, frame_len};
pub use hello::{Hello, HelloError, LINK_VERSION, SCHEMA_KEY};
pub use message::{Answer, Bond, Call, Command, Device, Event, FromBoard, Object, Request, Start};
pub use table::{
    Access, Advertisement, ApiValue, Callback, CharRef, Characteristic, Descriptor, Length, Pairing, Rule,
    RuleAction, Service, Table, Uuid,
};
