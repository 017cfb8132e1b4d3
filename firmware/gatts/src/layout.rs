//! Handles for attributes: how definitions are laid out.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::attribute::{Attribute, Kind, Role, types};
use crate::error::{Error, Place};
use crate::table::{CharacteristicDefinition, ServiceDefinition};
use crate::uuid::Uuid;

/// Attributes with their handles.
#[derive(Default)]
pub(crate) struct Layout {
    /// In ascending order of handles.
    pub(crate) attributes: Vec<Attribute>,
    /// First and last handle of each service.
    pub(crate) ranges: Vec<(u16, u16)>,
    /// Include declarations, by position among the attributes, with the index of the included service.
    pub(crate) includes: Vec<(usize, usize)>,
    /// What is being placed, for errors.
    pub(crate) cursor: Place,
    last_handle: u16,
}

/// How far a layout has come.
pub(crate) struct Mark {
    attributes: usize,
    ranges: usize,
    includes: usize,
    last_handle: u16,
}

impl Layout {
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            attributes: self.attributes.len(),
            ranges: self.ranges.len(),
            includes: self.includes.len(),
            last_handle: self.last_handle,
        }
    }

    /// Takes back what has been placed since.
    pub(crate) fn undo(&mut self, mark: &Mark) {
        self.attributes.truncate(mark.attributes);
        self.ranges.truncate(mark.ranges);
        self.includes.truncate(mark.includes);
        self.last_handle = mark.last_handle;
    }

    /// Completes what has been placed since: include declarations, and the handles that characteristics
    /// know.
    pub(crate) fn finish(&mut self, mark: &Mark) {
        for (position, included) in self.includes.iter().skip(mark.includes) {
            let value = include_value(&self.attributes, &self.ranges, *included);
            if let Some((attribute, value)) = self.attributes.get_mut(*position).zip(value) {
                attribute.kind = Kind::Declaration(value);
            }
        }
        for attribute in self.attributes.iter().skip(mark.attributes) {
            if let Kind::Value(state) = &attribute.kind {
                state.handle.set(attribute.handle);
            }
        }
    }

    /// Positions of the attributes of a service.
    pub(crate) fn positions(&self, service: usize) -> Range<usize> {
        let (first, last) = self.ranges.get(service).copied().unwrap_or((1, 0));
        let start = self.attributes.partition_point(|attribute| attribute.handle < first);
        start..self.attributes.partition_point(|attribute| attribute.handle <= last)
    }

    /// The last service ends with the last attribute placed.
    pub(crate) fn extend_last_service(&mut self) {
        let Some((first, last)) = self.ranges.last_mut() else {
            return;
        };
        *last = self.last_handle;
        let first = *first;
        self.close_group(first);
    }

    pub(crate) fn service(&mut self, service: &ServiceDefinition) -> Result<(), Error> {
        self.cursor.characteristic = None;
        self.cursor.descriptor = None;
        let uuid = if service.primary { types::PRIMARY_SERVICE } else { types::SECONDARY_SERVICE };
        let value = Kind::Declaration(service.uuid.as_le_bytes().into());
        let first = self.place(service.handle, uuid, value)?;
        // Includes come before characteristics (Core Vol 3 Part G 3.1). Their values are known once every
        // service has its handles.
        for included in &service.includes {
            self.includes.push((self.attributes.len(), *included));
            self.place(None, types::INCLUDE, Kind::Declaration(Rc::default()))?;
        }
        for (position, characteristic) in service.characteristics.iter().enumerate() {
            self.cursor.characteristic = Some(position);
            self.characteristic(characteristic)?;
        }
        self.close_group(first);
        self.ranges.push((first, self.last_handle));
        Ok(())
    }

    pub(crate) fn characteristic(&mut self, definition: &CharacteristicDefinition) -> Result<(), Error> {
        self.cursor.descriptor = None;
        let state = &definition.state;
        // The declaration names the handle of the value, which follows at once (Core Vol 3 Part G 3.3).
        let declaration = self.next(definition.handle)?;
        let value_handle = declaration.checked_add(1).ok_or(Error::HandlesExhausted)?;
        let mut value = Vec::with_capacity(19);
        value.push(state.properties.bits());
        value.extend_from_slice(&value_handle.to_le_bytes());
        value.extend_from_slice(state.uuid.as_le_bytes());
        self.place(Some(declaration), types::CHARACTERISTIC, Kind::Declaration(value.into()))?;
        let kind = match state.role {
            Role::Application => Kind::Value(Rc::clone(state)),
            Role::ClientFeatures => Kind::ClientFeatures,
            Role::DatabaseHash => Kind::DatabaseHash,
        };
        self.place(Some(value_handle), state.uuid, kind)?;
        if state.allowed_cccd_bits() != 0 {
            self.place(definition.cccd_handle, types::CCCD, Kind::Cccd(Rc::clone(state)))?;
        }
        for (position, (handle, descriptor)) in definition.descriptors.iter().enumerate() {
            self.cursor.descriptor = Some(position);
            self.place(*handle, descriptor.uuid, Kind::Descriptor(Rc::clone(descriptor)))?;
        }
        self.close_group(declaration);
        Ok(())
    }

    /// The handle that an attribute would get here.
    fn next(&self, fixed: Option<u16>) -> Result<u16, Error> {
        let lowest_free = self.last_handle.checked_add(1).ok_or(Error::HandlesExhausted)?;
        match fixed {
            Some(handle) if handle < lowest_free => Err(Error::HandleTaken { handle, lowest_free }),
            Some(handle) => Ok(handle),
            None => Ok(lowest_free),
        }
    }

    fn place(&mut self, fixed: Option<u16>, uuid: Uuid, kind: Kind) -> Result<u16, Error> {
        let handle = self.next(fixed)?;
        self.attributes.push(Attribute { handle, uuid, group_end: handle, hidden: false, kind });
        self.last_handle = handle;
        Ok(handle)
    }

    /// The group opened by `declaration` ends with the last attribute placed.
    fn close_group(&mut self, declaration: u16) {
        let opened = self.attributes.iter_mut().rev().find(|attribute| attribute.handle == declaration);
        if let Some(attribute) = opened {
            attribute.group_end = self.last_handle;
        }
    }
}

/// Handles of the included service, and its UUID if that is a 16-bit one (Core Vol 3 Part G 3.2).
fn include_value(attributes: &[Attribute], ranges: &[(u16, u16)], service: usize) -> Option<Rc<[u8]>> {
    let (first, last) = *ranges.get(service)?;
    let position = attributes.binary_search_by_key(&first, |attribute| attribute.handle).ok()?;
    let Kind::Declaration(uuid) = &attributes.get(position)?.kind else {
        return None;
    };
    let mut value = Vec::with_capacity(6);
    value.extend_from_slice(&first.to_le_bytes());
    value.extend_from_slice(&last.to_le_bytes());
    if uuid.len() == 2 {
        value.extend_from_slice(uuid);
    }
    Some(value.into())
}
