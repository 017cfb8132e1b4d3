//! The one short line that stands for a step in traces and messages.

use crate::scenario::{
    Action, ApiValue, BoardAction, CharacteristicRef, DescriptorRef, Device, EventSource, Push, WriteMode,
};
use crate::spelling;

/// The label of a step.
pub(super) fn label(device: &Device, action: &Action) -> String {
    let name = |target: &CharacteristicRef| device.name_of(*target);
    match action {
        Action::Connect => "connect".to_owned(),
        Action::Disconnect => "disconnect".to_owned(),
        Action::Restart => "restart".to_owned(),
        Action::Discover => "discover".to_owned(),
        Action::Mtu { size, .. } => format!("mtu {size}"),
        Action::Read { target, .. } => format!("read {}", name(target)),
        Action::ReadLong { target, .. } => format!("read_long {}", name(target)),
        Action::Write { target, value, mode, .. } => {
            let verb = match mode {
                WriteMode::Request => "write",
                WriteMode::Command => "write_command",
            };
            format!("{verb} {} {}", name(target), spelling::value_in_label(value))
        }
        Action::ReadDescriptor { target, descriptor, .. } => {
            format!("read {}", descriptor_name(device, *target, *descriptor))
        }
        Action::WriteDescriptor { target, descriptor, value, .. } => {
            let name = descriptor_name(device, *target, *descriptor);
            format!("write {name} {}", spelling::value_in_label(value))
        }
        Action::Subscribe { target, bits: 0, .. } => format!("unsubscribe {}", name(target)),
        Action::Subscribe { target, bits, .. } => {
            let to = match bits {
                1 => "",
                2 => " indications",
                _ => " both",
            };
            format!("subscribe {}{to}", name(target))
        }
        Action::Expect { push: Push::Notification, target, .. } => {
            format!("expect_notification {}", name(target))
        }
        Action::Expect { push: Push::Indication, target, .. } => {
            format!("expect_indication {}", name(target))
        }
        Action::Quiet { ms } => format!("quiet {ms}ms"),
        Action::Att { send, .. } => format!("att {}", spelling::pdu_in_label(send)),
        Action::Board(action) => format!("board {}", board_label(device, action)),
    }
}

fn board_label(device: &Device, action: &BoardAction) -> String {
    let name = |target: &CharacteristicRef| device.name_of(*target);
    match action {
        BoardAction::Events { of: EventSource::Bluetooth, .. } => "events bluetooth".to_owned(),
        BoardAction::Events { of: EventSource::Characteristic(target), .. } => {
            format!("events {}", name(target))
        }
        BoardAction::Value { target, .. } => format!("value {}", name(target)),
        BoardAction::Set { target, value, .. } => {
            let value = match value {
                ApiValue::Int(number) => number.to_string(),
                ApiValue::Text(text) => spelling::value_in_label(text.as_bytes()),
                ApiValue::Bytes(bytes) => spelling::value_in_label(bytes),
            };
            format!("set {} {value}", name(target))
        }
        BoardAction::Callback { target, callback: Some(_) } => format!("callback {}", name(target)),
        BoardAction::Callback { target, callback: None } => format!("callback {} remove", name(target)),
        BoardAction::Advertise { on } => format!("advertise {on}"),
        BoardAction::DisconnectClient => "disconnect_client".to_owned(),
    }
}

/// `chr1 cccd`, as steps and messages name a descriptor.
pub(crate) fn descriptor_name(
    device: &Device,
    target: CharacteristicRef,
    descriptor: DescriptorRef,
) -> String {
    let name = match descriptor {
        DescriptorRef::Cccd => "cccd",
        DescriptorRef::Named(index) => device
            .characteristic(target)
            .and_then(|characteristic| characteristic.descriptors.get(index))
            .map_or("", |descriptor| descriptor.name.as_str()),
    };
    format!("{} {name}", device.name_of(target))
}
