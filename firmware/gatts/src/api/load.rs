//! From descriptions to definitions: single ones, and whole tables that are checked before they are loaded.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use super::profile;
use super::{Bluetooth, Characteristic, CharacteristicConfig, DescriptorConfig, Service, ServiceConfig};
use crate::attribute::{CharacteristicState, DescriptorState, Role, types};
use crate::error::{Error, Place, TableError};
use crate::events::Events;
use crate::permissions::{Access, Properties};
use crate::shared::Shared;
use crate::table::{CharacteristicDefinition, ServiceDefinition};

/// Describes a service with all that belongs to it, for [`Bluetooth::load`].
#[derive(Debug, Clone)]
pub struct ServiceTable {
    config: ServiceConfig,
    includes: Vec<usize>,
    characteristics: Vec<CharacteristicConfig>,
}

impl ServiceTable {
    /// A service without characteristics.
    pub fn new(config: ServiceConfig) -> Self {
        Self { config, includes: Vec::new(), characteristics: Vec::new() }
    }

    /// Includes the service at this position of the same table, which may come later.
    #[must_use]
    pub fn include(mut self, position: usize) -> Self {
        self.includes.push(position);
        self
    }

    /// Adds a characteristic at the end.
    #[must_use]
    pub fn characteristic(mut self, config: CharacteristicConfig) -> Self {
        self.characteristics.push(config);
        self
    }
}

/// A service that [`Bluetooth::load`] has made.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The service.
    pub service: Service,
    /// Its characteristics, in the order of their description.
    pub characteristics: Vec<Characteristic>,
}

impl Bluetooth {
    /// Adds whole services behind those that are there: all of them, or none.
    ///
    /// # Errors
    /// The first attribute that is impossible, and why: a UUID of a wrong length, a value over its limit, a
    /// handle used twice or out of order, a CCCD without NOTIFY or INDICATE, EXTENDED_PROPERTIES without its
    /// descriptor, a characteristic or descriptor of a declaration's type, a descriptor of the profile that is repeated,
    /// writable or misshapen, an include of nothing or in a circle, no handle left. The table stays as it was.
    pub fn load(&self, table: Vec<ServiceTable>) -> Result<Vec<Loaded>, TableError> {
        let shared = self.shared();
        let first = shared.table.borrow().service_count();
        let definitions = definitions(shared, table)?;
        let states: Vec<Vec<_>> = definitions
            .iter()
            .map(|service| service.characteristics.iter().map(|one| Rc::clone(&one.state)).collect())
            .collect();
        let added = shared.table.borrow_mut().add_services(definitions)?;
        super::service::announce(shared, added);
        let loaded = states.iter().enumerate().map(|(position, states)| Loaded {
            service: Service::new(shared, first + position),
            characteristics: states.iter().map(|state| Characteristic::new(shared, state)).collect(),
        });
        Ok(loaded.collect())
    }

    /// Tells whether [`Bluetooth::load`] would be possible now. Nothing changes.
    ///
    /// # Errors
    /// Those of [`Bluetooth::load`].
    pub fn check(&self, table: &[ServiceTable]) -> Result<(), TableError> {
        let definitions = definitions(self.shared(), table.to_vec())?;
        self.shared().table.borrow_mut().check_services(&definitions)
    }
}

fn definitions(shared: &Rc<Shared>, table: Vec<ServiceTable>) -> Result<Vec<ServiceDefinition>, TableError> {
    let includes: Vec<Vec<usize>> = table.iter().map(|service| service.includes.clone()).collect();
    let first = shared.table.borrow().service_count();
    let mut definitions = Vec::new();
    for (position, described) in table.into_iter().enumerate() {
        let mut place = Place { service: position, ..Place::default() };
        let wrong = |error| TableError { place, error };
        check_includes(&includes, position).map_err(wrong)?;
        let mut service = service_definition(shared, described.config).map_err(wrong)?;
        service.includes.extend(described.includes.iter().map(|included| first + included));
        for (position, config) in described.characteristics.into_iter().enumerate() {
            place.characteristic = Some(position);
            let definition = characteristic_definition(shared, config);
            let definition = definition
                .map_err(|(descriptor, error)| TableError { place: Place { descriptor, ..place }, error })?;
            service.characteristics.push(definition);
        }
        definitions.push(service);
    }
    Ok(definitions)
}

/// Refuses includes of nothing, and a service that can be reached from itself (Core Vol 3 Part G 3.2).
fn check_includes(includes: &[Vec<usize>], start: usize) -> Result<(), Error> {
    let mut reached = alloc::vec![false; includes.len()];
    let mut waiting = alloc::vec![start];
    while let Some(position) = waiting.pop() {
        for &included in includes.get(position).map(Vec::as_slice).unwrap_or_default() {
            if included == start {
                return Err(Error::CircularInclude);
            }
            match reached.get_mut(included) {
                None if position == start => return Err(Error::UnknownService(included)),
                Some(seen) if !*seen => {
                    *seen = true;
                    waiting.push(included);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

pub(super) fn service_definition(
    shared: &Rc<Shared>,
    config: ServiceConfig,
) -> Result<ServiceDefinition, Error> {
    if config.includes.iter().any(|service| !Rc::ptr_eq(&service.shared, shared)) {
        return Err(Error::ForeignService);
    }
    Ok(ServiceDefinition {
        uuid: config.uuid?,
        primary: config.primary,
        handle: config.handle,
        includes: config.includes.iter().map(|service| service.index).collect(),
        characteristics: Vec::new(),
        stopped: false,
    })
}

/// An error comes with the position of the descriptor that it is in, if it is in one.
pub(super) fn characteristic_definition(
    shared: &Shared,
    config: CharacteristicConfig,
) -> Result<CharacteristicDefinition, (Option<usize>, Error)> {
    let own = |error| (None, error);
    let (uuid, value) = (config.uuid.map_err(own)?, config.value.map_err(own)?);
    profile::check_characteristic(uuid).map_err(own)?;
    config.limit.check_whole(value.len()).map_err(own)?;
    let has_cccd = config.properties.intersects(Properties::NOTIFY | Properties::INDICATE);
    if config.cccd_handle.is_some() && !has_cccd {
        return Err((None, Error::CccdWithoutProperty));
    }
    let mut descriptors = Vec::new();
    for (position, descriptor) in config.descriptors.into_iter().enumerate() {
        let handle = descriptor.handle;
        let wrong = |error| (Some(position), error);
        let state = descriptor_state(descriptor, has_cccd).map_err(wrong)?;
        let before = descriptors.iter().map(|(_, state): &(_, Rc<DescriptorState>)| state.as_ref());
        profile::check_single(state.uuid, before).map_err(wrong)?;
        descriptors.push((handle, Rc::new(state)));
    }
    let is_extended = |(_, state): &(_, Rc<DescriptorState>)| state.uuid == types::EXTENDED_PROPERTIES;
    if config.properties.contains(Properties::EXTENDED_PROPERTIES) && !descriptors.iter().any(is_extended) {
        return Err((None, Error::ExtendedPropertiesMissing));
    }
    let may_sign = config.properties.contains(Properties::AUTHENTICATED_SIGNED_WRITES);
    let state = Rc::new(CharacteristicState {
        id: shared.new_id(),
        role: Role::Application,
        uuid,
        properties: config.properties,
        permissions: config.permissions.within(config.properties),
        signed_write: if may_sign { config.permissions.write } else { Access::NONE },
        subscribe_access: config.subscribe_access,
        limit: config.limit,
        handle: Cell::new(0),
        stopped: Cell::new(false),
        value: RefCell::new(value.into()),
        events: Cell::new(Events::empty()),
        callback: RefCell::default(),
        write_rule: RefCell::default(),
    });
    let (handle, cccd_handle) = (config.handle, config.cccd_handle);
    Ok(CharacteristicDefinition { state, handle, cccd_handle, descriptors })
}

fn descriptor_state(config: DescriptorConfig, has_cccd: bool) -> Result<DescriptorState, Error> {
    let uuid = config.uuid?;
    match uuid == types::CCCD {
        true if has_cccd => return Err(Error::DescriptorReserved(uuid)),
        true => return Err(Error::CccdWithoutProperty),
        false => {}
    }
    let value = config.value?;
    config.limit.check_whole(value.len())?;
    profile::check_descriptor(uuid, config.permissions.write, &value)?;
    let value = RefCell::new(value.into());
    Ok(DescriptorState { uuid, permissions: config.permissions, limit: config.limit, value })
}
