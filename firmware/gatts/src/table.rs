//! The attribute table: definitions in the order of their creation, laid out over handles.

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::attribute::{Attribute, CharacteristicState, DescriptorState, Kind, types};
use crate::error::Error;
use crate::uuid::Uuid;

/// A service as it was described. Included services are given by index, and come earlier: so there is no
/// circle of includes (Core Vol 3 Part G 3.2).
pub(crate) struct ServiceDefinition {
    pub(crate) uuid: Uuid,
    pub(crate) primary: bool,
    pub(crate) handle: Option<u16>,
    pub(crate) includes: Vec<usize>,
    pub(crate) characteristics: Vec<CharacteristicDefinition>,
}

/// A characteristic as it was described; the fixed handles are those of declaration and CCCD.
pub(crate) struct CharacteristicDefinition {
    pub(crate) state: Rc<CharacteristicState>,
    pub(crate) handle: Option<u16>,
    pub(crate) cccd_handle: Option<u16>,
    pub(crate) descriptors: Vec<(Option<u16>, Rc<DescriptorState>)>,
}

#[derive(Default)]
pub(crate) struct Table {
    services: Vec<ServiceDefinition>,
    layout: Layout,
}

impl Table {
    /// Adds a service at the end and gives its index.
    pub(crate) fn add_service(&mut self, service: ServiceDefinition) -> Result<usize, Error> {
        self.layout.or_undo(|layout| layout.service(&service))?;
        self.services.push(service);
        Ok(self.services.len().saturating_sub(1))
    }

    /// Adds a characteristic at the end of a service; later services move up where their handles are free
    /// to.
    pub(crate) fn add_characteristic(
        &mut self,
        service: usize,
        characteristic: CharacteristicDefinition,
    ) -> Result<(), Error> {
        let is_last = service + 1 == self.services.len();
        let Some(owner) = self.services.get_mut(service) else {
            return Err(Error::ForeignService);
        };
        if is_last {
            self.layout.or_undo(|layout| layout.characteristic(&characteristic))?;
            self.layout.extend_last_service();
            owner.characteristics.push(characteristic);
            return Ok(());
        }
        owner.characteristics.push(characteristic);
        let rebuilt = self.rebuild();
        if rebuilt.is_err()
            && let Some(owner) = self.services.get_mut(service)
        {
            owner.characteristics.pop();
        }
        rebuilt
    }

    fn rebuild(&mut self) -> Result<(), Error> {
        let mut layout = Layout::default();
        for service in &self.services {
            layout.service(service)?;
        }
        layout.publish_handles(0);
        self.layout = layout;
        Ok(())
    }

    /// First and last handle of a service.
    pub(crate) fn range_of(&self, service: usize) -> Option<(u16, u16)> {
        self.layout.ranges.get(service).copied()
    }

    pub(crate) fn find(&self, handle: u16) -> Option<&Attribute> {
        let attributes = &self.layout.attributes;
        let index = attributes.binary_search_by_key(&handle, |attribute| attribute.handle).ok()?;
        attributes.get(index)
    }

    /// The attributes with handles from `first` to `last`, in ascending order.
    pub(crate) fn range(&self, first: u16, last: u16) -> impl Iterator<Item = &Attribute> {
        let attributes = &self.layout.attributes;
        let skip = attributes.partition_point(|attribute| attribute.handle < first);
        attributes.iter().skip(skip).take_while(move |attribute| attribute.handle <= last)
    }

    pub(crate) fn characteristics(&self) -> impl Iterator<Item = &Rc<CharacteristicState>> {
        self.services.iter().flat_map(|service| &service.characteristics).map(|one| &one.state)
    }
}

/// Attributes with their handles.
#[derive(Default)]
struct Layout {
    /// In ascending order of handles.
    attributes: Vec<Attribute>,
    /// First and last handle of each service.
    ranges: Vec<(u16, u16)>,
    last_handle: u16,
}

impl Layout {
    /// Places attributes at the end, all or none.
    fn or_undo(&mut self, place: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        let (count, last_handle) = (self.attributes.len(), self.last_handle);
        let placed = place(self);
        match placed {
            Ok(()) => self.publish_handles(count),
            Err(_) => {
                self.attributes.truncate(count);
                self.last_handle = last_handle;
            }
        }
        placed
    }

    /// Tells the characteristics among the attributes from `start` on which handle they have.
    fn publish_handles(&self, start: usize) {
        for attribute in self.attributes.iter().skip(start) {
            if let Kind::Value(state) = &attribute.kind {
                state.handle.set(attribute.handle);
            }
        }
    }

    /// The last service ends with the last attribute placed.
    fn extend_last_service(&mut self) {
        let Some((first, last)) = self.ranges.last_mut() else {
            return;
        };
        *last = self.last_handle;
        let first = *first;
        self.close_group(first);
    }

    fn service(&mut self, service: &ServiceDefinition) -> Result<(), Error> {
        let uuid = if service.primary { types::PRIMARY_SERVICE } else { types::SECONDARY_SERVICE };
        let value = Kind::Declaration(service.uuid.as_le_bytes().into());
        let first = self.place(service.handle, uuid, value)?;
        // Includes come before characteristics (Core Vol 3 Part G 3.1).
        for included in &service.includes {
            if let Some(value) = self.include_value(*included) {
                self.place(None, types::INCLUDE, Kind::Declaration(value))?;
            }
        }
        for characteristic in &service.characteristics {
            self.characteristic(characteristic)?;
        }
        self.close_group(first);
        self.ranges.push((first, self.last_handle));
        Ok(())
    }

    /// Handles of the included service, and its UUID if that is a 16-bit one (Core Vol 3 Part G 3.2).
    fn include_value(&self, service: usize) -> Option<Rc<[u8]>> {
        let (first, last) = *self.ranges.get(service)?;
        let declaration = self.attributes.iter().find(|attribute| attribute.handle == first)?;
        let Kind::Declaration(uuid) = &declaration.kind else {
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

    fn characteristic(&mut self, definition: &CharacteristicDefinition) -> Result<(), Error> {
        let state = &definition.state;
        // The declaration names the handle of the value, which follows at once (Core Vol 3 Part G 3.3).
        let declaration = self.next(definition.handle)?;
        let value_handle = declaration.checked_add(1).ok_or(Error::HandlesExhausted)?;
        let mut value = Vec::with_capacity(19);
        value.push(state.properties.bits());
        value.extend_from_slice(&value_handle.to_le_bytes());
        value.extend_from_slice(state.uuid.as_le_bytes());
        self.place(Some(declaration), types::CHARACTERISTIC, Kind::Declaration(value.into()))?;
        self.place(Some(value_handle), state.uuid, Kind::Value(Rc::clone(state)))?;
        if state.allowed_cccd_bits() != 0 {
            self.place(definition.cccd_handle, types::CCCD, Kind::Cccd(Rc::clone(state)))?;
        }
        for (handle, descriptor) in &definition.descriptors {
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
        self.attributes.push(Attribute { handle, uuid, group_end: handle, kind });
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
