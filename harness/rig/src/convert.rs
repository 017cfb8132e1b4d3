//! A scenario's device as the control link sends it.

use conformance::scenario as from;
use wire as to;

/// What `Start` is to start.
#[must_use]
pub fn device(device: &from::Device) -> to::Device {
    match device.builtin {
        Some(from::Builtin::Lopy) => to::Device::Lopy,
        None => to::Device::Table(to::Table {
            name: device.name.clone(),
            advertisement: advertisement(&device.advertisement),
            clients: device.clients,
            caching: device.caching,
            appearance: device.appearance,
            writable_name: device.writable_name,
            pairing: pairing(device.pairing),
            callback: device.callback.as_ref().map(callback),
            services: own_services(device).map(service).collect(),
        }),
    }
}

fn pairing(pairing: Option<from::Pairing>) -> to::Pairing {
    match pairing {
        None => to::Pairing::No,
        Some(from::Pairing::JustWorks) => to::Pairing::JustWorks,
        Some(from::Pairing::Passkey) => to::Pairing::Passkey,
    }
}

/// What a step says to the board; `None` for one that adds a service which the device does not have.
#[must_use]
pub fn call(device: &from::Device, action: &from::BoardAction) -> Option<to::Call> {
    use from::BoardAction;
    use to::Call;
    Some(match action {
        BoardAction::Events { of, .. } => Call::Events(object(*of)),
        BoardAction::Value { target, .. } => Call::Value(char_ref(*target)),
        BoardAction::Set { target, value, .. } => Call::SetValue(char_ref(*target), api_value(value)),
        BoardAction::Callback { target, callback: rules } => {
            Call::Callback(char_ref(*target), rules.as_ref().map(callback))
        }
        BoardAction::Advertise { on } => Call::Advertise(*on),
        BoardAction::DisconnectClient => Call::DisconnectClient,
        BoardAction::Serve { service, on: true } => Call::StartService(position(*service)),
        BoardAction::Serve { service, on: false } => Call::StopService(position(*service)),
        BoardAction::AddService { service: at, .. } => {
            Call::AddService(position(*at), Box::new(service(device.services.get(*at)?)))
        }
        BoardAction::SetAdvertisement { advertisement: set, .. } => {
            Call::SetAdvertisement(advertisement(set))
        }
    })
}

/// The services that the application makes at its start. The others stand behind them, so that the
/// positions of these are those of the scenario.
fn own_services(device: &from::Device) -> impl Iterator<Item = &from::Service> {
    device.services.iter().filter(|service| !service.added && !service.system)
}

/// What is advertised.
#[must_use]
pub fn advertisement(advertisement: &from::Advertisement) -> to::Advertisement {
    to::Advertisement {
        name: advertisement.name.clone(),
        service_uuid: advertisement.service_uuid.as_ref().map(uuid),
        manufacturer_data: advertisement.manufacturer_data.clone(),
        service_data: advertisement.service_data.clone(),
    }
}

/// A service of the table.
#[must_use]
pub fn service(service: &from::Service) -> to::Service {
    to::Service {
        uuid: uuid(&service.uuid),
        primary: service.primary,
        handle: service.handle,
        includes: service.includes.iter().map(|&at| position(at)).collect(),
        characteristics: service.characteristics.iter().map(characteristic).collect(),
    }
}

fn characteristic(characteristic: &from::Characteristic) -> to::Characteristic {
    to::Characteristic {
        uuid: uuid(&characteristic.uuid),
        handle: characteristic.handle,
        cccd_handle: characteristic.cccd_handle,
        properties: characteristic.properties,
        read: access(characteristic.read),
        write: access(characteristic.write),
        subscribe: access(characteristic.subscribe),
        length: length(characteristic.length),
        value: api_value(&characteristic.value),
        descriptors: characteristic.descriptors.iter().map(descriptor).collect(),
        callback: characteristic.callback.as_ref().map(callback),
    }
}

fn descriptor(descriptor: &from::Descriptor) -> to::Descriptor {
    to::Descriptor {
        uuid: uuid(&descriptor.uuid),
        read: access(descriptor.read),
        write: access(descriptor.write),
        value: descriptor.value.clone(),
        length: length(descriptor.length),
        handle: descriptor.handle,
    }
}

fn length(length: from::Length) -> to::Length {
    match length {
        from::Length::UpTo(bytes) => to::Length::UpTo(bytes),
        from::Length::Fixed(bytes) => to::Length::Fixed(bytes),
    }
}

/// A callback as rules.
#[must_use]
pub fn callback(callback: &from::Callback) -> to::Callback {
    to::Callback {
        on: callback.on,
        reads_events: callback.reads_events,
        counter: callback.counter,
        arg: callback.arg.clone(),
        rules: callback.rules.iter().map(rule).collect(),
    }
}

fn rule(rule: &from::Rule) -> to::Rule {
    to::Rule {
        event: rule.event,
        counter_min: rule.counter_min,
        counter_max: rule.counter_max,
        value: rule.value.clone(),
        actions: rule.actions.iter().map(action).collect(),
    }
}

fn action(action: &from::RuleAction) -> to::RuleAction {
    match action {
        from::RuleAction::Log(line) => to::RuleAction::Log(line.clone()),
        from::RuleAction::Reply(value) => to::RuleAction::Reply(api_value(value)),
        from::RuleAction::ReplyCounter => to::RuleAction::ReplyCounter,
        from::RuleAction::Reject(code) => to::RuleAction::Reject(*code),
        from::RuleAction::Set { target, value } => to::RuleAction::Set(char_ref(*target), api_value(value)),
        from::RuleAction::Notify(target) => to::RuleAction::Notify(char_ref(*target)),
        from::RuleAction::Delay { ms } => to::RuleAction::Delay(*ms),
        from::RuleAction::Disconnect => to::RuleAction::Disconnect,
    }
}

/// A value as the device's API takes it.
#[must_use]
pub fn api_value(value: &from::ApiValue) -> to::ApiValue {
    match value {
        from::ApiValue::Int(number) => to::ApiValue::Int(*number),
        from::ApiValue::Text(text) => to::ApiValue::Text(text.clone()),
        from::ApiValue::Bytes(bytes) => to::ApiValue::Bytes(bytes.clone()),
    }
}

/// A characteristic by its position.
#[must_use]
pub fn char_ref(target: from::CharacteristicRef) -> to::CharRef {
    to::CharRef { service: position(target.service), characteristic: position(target.characteristic) }
}

/// An object with event flags.
#[must_use]
pub fn object(source: from::EventSource) -> to::Object {
    match source {
        from::EventSource::Bluetooth => to::Object::Bluetooth,
        from::EventSource::Characteristic(target) => to::Object::Characteristic(char_ref(target)),
    }
}

fn uuid(uuid: &from::Uuid) -> to::Uuid {
    match *uuid.0 {
        [low, high] => to::Uuid::Int(u32::from(u16::from_le_bytes([low, high]))),
        _ => to::Uuid::Bytes(uuid.0.clone()),
    }
}

fn access(access: from::Access) -> to::Access {
    match access {
        from::Access::Never => to::Access::Never,
        from::Access::Open => to::Access::Open,
        from::Access::Encrypted(key_len) => to::Access::Encrypted(key_len),
        from::Access::Authenticated(key_len) => to::Access::Authenticated(key_len),
        from::Access::Authorised => to::Access::Authorised,
    }
}

/// A table of 65,536 entries does not fit a frame: the last position stands for those above.
pub(crate) fn position(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}
