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
//! What is bounded: one PDU by [`Config::max_mtu`], clients by [`Config::max_connections`], pushed values
//! by [`Config::push_queue`] for each client, one value by [`MAX_VALUE_LEN`], and one read snapshot for each
//! client.
#![no_std]

extern crate alloc;

mod advertise;
mod api;
mod att;
mod attribute;
mod client;
mod error;
mod events;
mod handler;
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
    Bluetooth, Characteristic, CharacteristicConfig, Config, DescriptorConfig, Service, ServiceConfig,
};
pub use error::{AttError, Error};
pub use events::Events;
pub use observe::Observed;
pub use permissions::{Access, Permissions, Properties, Security};
pub use reply::{Call, ConnId, Reply};
pub use server::{Gap, Server};
pub use uuid::Uuid;
pub use value::{MAX_VALUE_LEN, Value};
