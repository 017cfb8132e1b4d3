//! What an application programmer writes.

mod bluetooth;
mod characteristic;
mod config;
mod descriptor;
mod load;
mod profile;
mod service;

pub use bluetooth::Bluetooth;
pub use characteristic::Characteristic;
pub use config::{CharacteristicConfig, Config, ServiceConfig};
pub use descriptor::{DescriptorConfig, ExtendedProperties, PresentationFormat};
pub use load::{Loaded, ServiceTable};
pub use service::Service;
