//! The attribute table: definitions in the order of their creation, laid out over handles.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

use crate::attribute::{Attribute, CharacteristicState, DescriptorState, Kind, types};
use crate::caching::HandleRange;
use crate::crypto::DatabaseHash;
use crate::error::{Error, TableError};
use crate::layout::Layout;
use crate::uuid::Uuid;

/// A service as it was described. Included services are given by index; there is no circle of includes
/// (Core Vol 3 Part G 3.2).
pub(crate) struct ServiceDefinition {
    pub(crate) uuid: Uuid,
    pub(crate) primary: bool,
    pub(crate) handle: Option<u16>,
    pub(crate) includes: Vec<usize>,
    pub(crate) characteristics: Vec<CharacteristicDefinition>,
    pub(crate) stopped: bool,
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
    /// The Database Hash, once it has been asked for.
    hash: Cell<Option<[u8; 16]>>,
}

impl Table {
    pub(crate) fn service_count(&self) -> usize {
        self.services.len()
    }

    /// Adds services at the end, all or none, and gives the handles that they take. An error names the
    /// place among the services given.
    pub(crate) fn add_services(
        &mut self,
        services: Vec<ServiceDefinition>,
    ) -> Result<Option<HandleRange>, TableError> {
        let (mark, first) = (self.layout.mark(), self.services.len());
        if let Err(error) = self.place_services(&services) {
            self.layout.undo(&mark);
            return Err(error);
        }
        self.layout.finish(&mark);
        self.services.extend(services);
        self.refresh();
        let ends = self.layout.ranges.get(first).zip(self.layout.ranges.last());
        Ok(ends.map(|((first, _), (_, last))| HandleRange { first: *first, last: *last }))
    }

    /// Tells whether [`Table::add_services`] would be possible.
    pub(crate) fn check_services(&mut self, services: &[ServiceDefinition]) -> Result<(), TableError> {
        let mark = self.layout.mark();
        let placed = self.place_services(services);
        self.layout.undo(&mark);
        placed
    }

    fn place_services(&mut self, services: &[ServiceDefinition]) -> Result<(), TableError> {
        for (position, service) in services.iter().enumerate() {
            self.layout.cursor.service = position;
            let placed = self.layout.service(service);
            placed.map_err(|error| TableError { place: self.layout.cursor, error })?;
        }
        Ok(())
    }

    /// Adds a characteristic at the end of a service; later services move up where their handles are free
    /// to. Gives the handles that have changed.
    pub(crate) fn add_characteristic(
        &mut self,
        service: usize,
        characteristic: CharacteristicDefinition,
    ) -> Result<HandleRange, Error> {
        let is_last = service + 1 == self.services.len();
        let is_included = self.layout.includes.iter().any(|(_, included)| *included == service);
        let Some(owner) = self.services.get_mut(service) else {
            return Err(Error::ForeignService);
        };
        if is_last && !is_included {
            let mark = self.layout.mark();
            if let Err(error) = self.layout.characteristic(&characteristic) {
                self.layout.undo(&mark);
                return Err(error);
            }
            self.layout.finish(&mark);
            self.layout.extend_last_service();
            owner.characteristics.push(characteristic);
        } else {
            owner.characteristics.push(characteristic);
            if let Err(error) = self.rebuild() {
                if let Some(owner) = self.services.get_mut(service) {
                    owner.characteristics.pop();
                }
                return Err(error);
            }
        }
        self.refresh();
        let mut changed = self.affected_by(service);
        // Services behind it have moved up.
        changed.last = self.layout.ranges.last().map_or(changed.last, |(_, last)| *last);
        Ok(changed)
    }

    fn rebuild(&mut self) -> Result<(), Error> {
        let mut layout = Layout::default();
        let mark = layout.mark();
        for service in &self.services {
            layout.service(service)?;
        }
        layout.finish(&mark);
        self.layout = layout;
        Ok(())
    }

    /// Stops or starts a service. It keeps its handles. Gives those that clients no longer, or now, see
    /// changed; `None` if nothing has.
    pub(crate) fn set_stopped(&mut self, service: usize, stopped: bool) -> Option<HandleRange> {
        let definition = self.services.get_mut(service).filter(|found| found.stopped != stopped)?;
        definition.stopped = stopped;
        for characteristic in &definition.characteristics {
            characteristic.state.stopped.set(stopped);
        }
        self.refresh();
        Some(self.affected_by(service))
    }

    pub(crate) fn is_stopped(&self, service: usize) -> bool {
        self.services.get(service).is_some_and(|service| service.stopped)
    }

    /// The handles of a service, and of those that include it: whole services, as Service Changed names them
    /// (Core Vol 3 Part G 2.5.2).
    fn affected_by(&self, service: usize) -> HandleRange {
        let including = self.services.iter().enumerate().filter(|(_, one)| one.includes.contains(&service));
        let affected = including.map(|(position, _)| position).chain([service]);
        let ranges = affected.filter_map(|position| self.range_of(position));
        let ranges = ranges.map(|(first, last)| HandleRange { first, last });
        ranges.reduce(|one, other| one.with(Some(other))).unwrap_or(HandleRange::ALL)
    }

    /// Brings up to date what follows from the definitions.
    fn refresh(&mut self) {
        self.hash.set(None);
        let Self { services, layout, .. } = self;
        for (index, service) in services.iter().enumerate() {
            let positions = layout.positions(index);
            for attribute in layout.attributes.get_mut(positions).unwrap_or_default() {
                attribute.hidden = service.stopped;
            }
        }
        for (position, included) in &layout.includes {
            let stopped = services.get(*included).is_some_and(|service| service.stopped);
            if let Some(attribute) = layout.attributes.get_mut(*position) {
                attribute.hidden |= stopped;
            }
        }
    }

    /// First and last handle of a service.
    pub(crate) fn range_of(&self, service: usize) -> Option<(u16, u16)> {
        self.layout.ranges.get(service).copied()
    }

    #[inline]
    pub(crate) fn find(&self, handle: u16) -> Option<&Attribute> {
        let attributes = &self.layout.attributes;
        // Most tables have no gaps: the handle tells the position.
        let direct = attributes.get(usize::from(handle).wrapping_sub(1)).filter(|one| one.handle == handle);
        let found = direct.or_else(|| {
            let index = attributes.binary_search_by_key(&handle, |attribute| attribute.handle).ok()?;
            attributes.get(index)
        });
        found.filter(|attribute| !attribute.hidden)
    }

    /// The attributes with handles from `first` to `last`, in ascending order.
    pub(crate) fn range(&self, first: u16, last: u16) -> impl Iterator<Item = &Attribute> {
        let attributes = &self.layout.attributes;
        let skip = attributes.partition_point(|attribute| attribute.handle < first);
        let in_range = attributes.iter().skip(skip).take_while(move |attribute| attribute.handle <= last);
        in_range.filter(|attribute| !attribute.hidden)
    }

    pub(crate) fn characteristics(&self) -> impl Iterator<Item = &Rc<CharacteristicState>> {
        self.characteristics_with_services().map(|(_, state)| state)
    }

    /// All characteristics, each with the UUID of its service.
    pub(crate) fn characteristics_with_services(
        &self,
    ) -> impl Iterator<Item = (Uuid, &Rc<CharacteristicState>)> {
        self.services
            .iter()
            .flat_map(|service| service.characteristics.iter().map(|one| (service.uuid, &one.state)))
    }

    /// The characteristic whose value has this handle, if it and its service have these UUIDs.
    pub(crate) fn characteristic_at(
        &self,
        handle: u16,
        service: Uuid,
        uuid: Uuid,
    ) -> Option<&Rc<CharacteristicState>> {
        let mut all = self.characteristics_with_services();
        let found = all.find(|(_, state)| state.handle.get() == handle)?;
        (found.0 == service && found.1.uuid == uuid).then_some(found.1)
    }

    /// Handle of the first descriptor with this UUID that a characteristic has.
    pub(crate) fn descriptor_handle(&self, value_handle: u16, uuid: Uuid) -> Option<u16> {
        let after = value_handle.checked_add(1)?;
        let behind = self.range(after, u16::MAX);
        let mut own = behind.take_while(|one| matches!(one.kind, Kind::Cccd(_) | Kind::Descriptor(_)));
        own.find(|attribute| attribute.uuid == uuid).map(|attribute| attribute.handle)
    }

    /// The Database Hash (Core Vol 3 Part G 7.3.1), least significant octet first. Stopped services are no
    /// part of it.
    pub(crate) fn hash(&self) -> [u8; 16] {
        if let Some(hash) = self.hash.get() {
            return hash;
        }
        let mut hash = DatabaseHash::new();
        for attribute in self.range(1, u16::MAX).filter(|attribute| is_hashed(attribute.uuid)) {
            hash.update(&attribute.handle.to_le_bytes());
            hash.update(attribute.uuid.as_le_bytes());
            match &attribute.kind {
                Kind::Declaration(value) => hash.update(value),
                Kind::Descriptor(descriptor) if attribute.uuid == types::EXTENDED_PROPERTIES => {
                    hash.update(&descriptor.value.borrow());
                }
                _ => {}
            }
        }
        let hash = hash.finish();
        self.hash.set(Some(hash));
        hash
    }
}

/// Whether attributes of this type are part of the Database Hash (Core Vol 3 Part G 7.3.1).
fn is_hashed(uuid: Uuid) -> bool {
    let hashed = [
        types::PRIMARY_SERVICE,
        types::SECONDARY_SERVICE,
        types::INCLUDE,
        types::CHARACTERISTIC,
        types::EXTENDED_PROPERTIES,
        types::USER_DESCRIPTION,
        types::CCCD,
        types::SERVER_CONFIGURATION,
        types::PRESENTATION_FORMAT,
        types::AGGREGATE_FORMAT,
    ];
    hashed.contains(&uuid)
}
