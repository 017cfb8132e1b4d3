//! What an application programmer writes.

mod bluetooth;
mod characteristic;
mod config;
mod service;

pub use bluetooth::Bluetooth;
pub use characteristic::Characteristic;
pub use config::{CharacteristicConfig, Config, DescriptorConfig, ServiceConfig};
pub use service::Service;
