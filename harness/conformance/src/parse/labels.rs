//! The one short line that stands for a step in traces and messages.

use crate::scenario::{
    Action, AdvertisementExpect, ApiValue, BoardAction, Bond, CharacteristicRef, ClientValue, DescriptorRef,
    Device, EventSource, Pair, Push, WriteMode,
};
use crate::spelling;

/// More prepared writes than this are cut.
const WRITES_SHOWN: usize = 4;

/// The label of a step: what it does, which central does it if that has a name, and what the value that
/// it reads is saved as.
pub(super) fn label(device: &Device, action: &Action, who: Option<&str>, save: Option<&str>) -> String {
    let mut label = action_label(device, action);
    if let Some(save) = save {
        label.push_str(&format!(" save ${save}"));
    }
    if let Some(who) = who {
        label.push_str(&format!(" as {who}"));
    }
    label
}

fn value_label(value: &ClientValue) -> String {
    match value {
        ClientValue::Bytes(bytes) => spelling::value_in_label(bytes),
        ClientValue::Saved(name) => format!("${name}"),
    }
}

fn action_label(device: &Device, action: &Action) -> String {
    let name = |target: &CharacteristicRef| device.name_of(*target);
    match action {
        Action::Connect => "connect".to_owned(),
        Action::Disconnect => "disconnect".to_owned(),
        Action::Reconnect => "reconnect".to_owned(),
        Action::ExpectDisconnection => "expect_disconnection".to_owned(),
        Action::Pair(Pair::WrongPasskey) => "pair passkey wrong".to_owned(),
        Action::Pair(Pair::Complete | Pair::Refused) => "pair".to_owned(),
        Action::Encrypt => "encrypt".to_owned(),
        Action::Bond(bond) => bond_label(bond),
        Action::ExpectAdvertisement(expect) => advertisement_label(expect),
        Action::Restart => "restart".to_owned(),
        Action::Discover => "discover".to_owned(),
        Action::Mtu { size, .. } => format!("mtu {size}"),
        Action::Read { target, .. } => format!("read {}", name(target)),
        Action::ReadLong { target, .. } => format!("read_long {}", name(target)),
        Action::Write { target, value, mode, .. } => {
            let verb = match mode {
                WriteMode::Request => "write",
                WriteMode::Command => "write_command",
                WriteMode::Signed => "write_signed",
            };
            format!("{verb} {} {}", name(target), value_label(value))
        }
        Action::WriteLong { target, value, .. } => {
            format!("write_long {} {}", name(target), value_label(value))
        }
        Action::WriteReliable { writes, .. } => {
            let shown: Vec<String> = writes
                .iter()
                .take(WRITES_SHOWN)
                .map(|(target, value)| format!("{} {}", name(target), value_label(value)))
                .collect();
            let more = if writes.len() > WRITES_SHOWN { ", …" } else { "" };
            format!("write_reliable {}{more}", shown.join(", "))
        }
        Action::ReadDescriptor { target, descriptor, .. } => {
            format!("read {}", descriptor_name(device, *target, *descriptor))
        }
        Action::WriteDescriptor { target, descriptor, value, .. } => {
            let name = descriptor_name(device, *target, *descriptor);
            format!("write {name} {}", value_label(value))
        }
        Action::Subscribe { target, bits: 0, .. } => format!("unsubscribe {}", name(target)),
        Action::Subscribe { target, bits, confirm, .. } => {
            let to = match bits {
                1 => "",
                2 => " indications",
                _ => " both",
            };
            let how = if *confirm { "" } else { " unconfirmed" };
            format!("subscribe {}{to}{how}", name(target))
        }
        Action::Expect { push: Push::Notification, target, .. } => {
            format!("expect_notification {}", name(target))
        }
        Action::Expect { push: Push::Indication, target, .. } => {
            format!("expect_indication {}", name(target))
        }
        Action::Quiet { ms } => format!("quiet {ms}ms"),
        Action::Att { send, .. } => format!("att {}", spelling::pdu_in_label(send)),
        Action::Pipelined(exchanges) => {
            let sent: Vec<String> = exchanges.iter().map(|one| spelling::pdu_in_label(&one.send)).collect();
            format!("att {}", sent.join(", "))
        }
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
        BoardAction::Serve { service, on } => {
            let verb = if *on { "start" } else { "stop" };
            format!("{verb} {}", service_name(device, *service))
        }
        BoardAction::AddService { service, .. } => format!("add_service {}", service_name(device, *service)),
        BoardAction::SetAdvertisement { .. } => "set_advertisement".to_owned(),
    }
}

fn bond_label(bond: &Bond) -> String {
    let level = spelling::level(bond.level);
    let csrk = if bond.csrk.is_some() { " csrk" } else { "" };
    format!("bond {level} {}{csrk}", bond.key_size)
}

/// The fields asked for; what they hold stands in the scenario, and in the trace once it has come.
fn advertisement_label(expect: &AdvertisementExpect) -> String {
    let AdvertisementExpect { name, service_uuid, manufacturer_data, service_data, flags, tx_power, present } =
        expect;
    let fields = [
        ("name", name.is_some()),
        ("service_uuid", service_uuid.is_some()),
        ("manufacturer_data", manufacturer_data.is_some()),
        ("service_data", service_data.is_some()),
        ("flags", flags.is_some()),
        ("tx_power", tx_power.is_some()),
    ];
    let mut label = "expect_advertisement".to_owned();
    for (field, _) in fields.iter().filter(|(_, is_asked)| *is_asked) {
        label.push(' ');
        label.push_str(field);
    }
    if !present {
        label.push_str(" absent");
    }
    label
}

/// The name of a service; empty if there is none at that position.
pub(crate) fn service_name(device: &Device, service: usize) -> &str {
    device.services.get(service).map_or("", |service| service.name.as_str())
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
