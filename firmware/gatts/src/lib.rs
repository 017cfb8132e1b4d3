//! A sans-I/O GATT server with a Bluetooth / Service / Characteristic API.
//!
//! An application describes its services through [`Bluetooth`] and answers clients from callbacks. A
//! transport hands each ATT PDU to [`Server::receive`], sends what comes back, and then sends whatever
//! [`Server::transmit`] has queued. The crate holds no radio, no task and no clock: every moment it needs
//! comes in as an argument, in milliseconds.
//!
//! One bearer per connection is served, the LE fixed channel (Core Vol 3 Part F 3.2.11). Everything runs
//! on one thread; handlers may call any method of this crate, because nothing is borrowed while one runs.
//!
//! # Bounds
//! A client can make the server hold no more than this: one PDU of [`Config::max_mtu`], clients up to
//! [`Config::max_connections`], and for each client [`Config::push_queue`] pushed values, one read snapshot,
//! [`Config::prepare_queue`] prepared writes of [`Config::prepare_bytes`] together, and one CCCD entry for each
//! characteristic; for each of [`Config::max_bonds`] bonds one [`BondRecord`]. A value has at most
//! [`MAX_VALUE_LEN`] bytes. While an Execute Write runs, each attribute in the queue takes one value more.
//!
//! Measured with 32-bit pointers, as on a small chip, and with 64-bit ones (`tests/memory.rs` holds both): a
//! table of 100 notifiable characteristics with 20-byte values takes 41 kB (60 kB); with a client that has
//! subscribed to all of them, filled its queues of prepared writes and of 512-byte values, and executes the
//! former, the peak is 51 kB (70 kB).
//!
//! # Tables that change
//! Services can be added, stopped and started at any time ([`Bluetooth::load`], [`Service::stop`]). With
//! [`Config::caching`] clients are told by Service Changed, and those that support robust caching are kept from
//! using old handles (Core Vol 3 Part G 2.5.2).
//!
//! # Bonded clients
//! The transport says who a client is ([`Server::identify`]) and when its link is encrypted
//! ([`Server::set_security`]); subscriptions, Client Supported Features and what the client knows of the table
//! are then restored. [`Server::bonds`] and [`Server::restore_bonds`] carry them over a restart.
#![no_std]

extern crate alloc;

mod advertise;
mod api;
mod att;
mod attribute;
mod bonds;
mod caching;
mod client;
mod crypto;
mod error;
mod events;
mod handler;
mod layout;
mod observe;
mod permissions;
mod push;
mod reply;
mod server;
mod shared;
mod table;
mod uuid;
mod value;

pub use advertise::{Advertisement, Payload};
pub use api::{
    Bluetooth, Characteristic, CharacteristicConfig, Config, DescriptorConfig, ExtendedProperties, Loaded,
    PresentationFormat, Service, ServiceConfig, ServiceTable,
};
pub use bonds::{BondId, BondRecord, CccdRecord, KnownTable, SigningKey};
pub use caching::HandleRange;
pub use error::{AttError, Error, Place, TableError};
pub use events::Events;
pub use observe::Observed;
pub use permissions::{Access, Permissions, Properties, Security};
pub use reply::{Call, ConnId, Reply};
pub use server::{Gap, Server};
pub use uuid::Uuid;
pub use value::{MAX_VALUE_LEN, Value};
