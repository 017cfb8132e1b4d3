//! Tables that are built otherwise.

use super::values::in_width;
use alloc::vec::Vec;
use wire::mutant::TableEdit;
use wire::{Access, ApiValue, Callback, Characteristic, Length, Service, Table, Uuid};

/// Changes a table.
pub(super) fn edit(edit: &TableEdit, table: &mut Table) {
    if let TableEdit::Pairing(from, to) = *edit
        && table.pairing == from
    {
        table.pairing = to;
    }
    for service in &mut table.services {
        edit_service(edit, service);
    }
}

fn edit_service(edit: &TableEdit, service: &mut Service) {
    match edit {
        TableEdit::ReverseUuids => reverse(&mut service.uuid),
        TableEdit::AllPrimary => service.primary = true,
        TableEdit::NoIncludes => service.includes.clear(),
        TableEdit::NoHandles => service.handle = None,
        TableEdit::DropCharacteristic => drop(service.characteristics.pop()),
        _ => {}
    }
    for characteristic in &mut service.characteristics {
        edit_characteristic(edit, characteristic);
    }
}

fn edit_characteristic(edit: &TableEdit, characteristic: &mut Characteristic) {
    match edit {
        TableEdit::Properties(bits) => characteristic.properties ^= bits,
        TableEdit::ReverseUuids => reverse(&mut characteristic.uuid),
        TableEdit::NoHandles => {
            (characteristic.handle, characteristic.cccd_handle) = (None, None);
            characteristic.descriptors.iter_mut().for_each(|descriptor| descriptor.handle = None);
        }
        TableEdit::DropDescriptor => drop(characteristic.descriptors.pop()),
        TableEdit::Longer(by) => {
            if let Length::UpTo(max) = &mut characteristic.length {
                *max = max.saturating_add(*by).min(512);
            }
        }
        TableEdit::NoValues => characteristic.value = ApiValue::Bytes(Vec::new()),
        TableEdit::LittleEndian => edit_integer(&mut characteristic.value, |_, mut bytes| {
            bytes.reverse();
            bytes
        }),
        TableEdit::Width(width) => {
            edit_integer(&mut characteristic.value, |number, _| in_width(number, *width));
        }
        _ => {}
    }
    let descriptors = characteristic.descriptors.iter_mut();
    let reads = descriptors.map(|it| (&mut it.read, &mut it.write));
    for (read, write) in reads.chain([(&mut characteristic.read, &mut characteristic.write)]) {
        edit_access(edit, read, &TableEdit::ReadNever);
        edit_access(edit, write, &TableEdit::WriteNever);
    }
    if let Some(callback) = &mut characteristic.callback {
        edit_callback(edit, callback);
    }
}

/// Gives an integer other bytes than it should have; where they are the same, it stays an integer.
fn edit_integer(value: &mut ApiValue, edit: impl FnOnce(i64, Vec<u8>) -> Vec<u8>) {
    if let ApiValue::Int(number) = *value
        && let Ok(right) = gatts::Value::Int(number).encode()
    {
        let given = edit(number, right.clone());
        if given != right {
            *value = ApiValue::Bytes(given);
        }
    }
}

fn edit_access(edit: &TableEdit, access: &mut Access, never: &TableEdit) {
    match (edit, *access) {
        (edit, Access::Never) if edit == never => *access = Access::Open,
        (TableEdit::Open, Access::Encrypted(_) | Access::Authenticated(_) | Access::Authorised) => {
            *access = Access::Open;
        }
        _ => {}
    }
}

fn edit_callback(edit: &TableEdit, callback: &mut Callback) {
    match edit {
        TableEdit::Argument(argument) => callback.arg.clone_from(argument),
        TableEdit::Counter(first) => callback.counter = *first,
        _ => {}
    }
}

fn reverse(uuid: &mut Uuid) {
    match uuid {
        Uuid::Bytes(bytes) => bytes.reverse(),
        Uuid::Int(number) => *number = u32::from(u16::try_from(*number).unwrap_or_default().swap_bytes()),
    }
}
