//! Discovery of everything that the server shows (Core Vol 3 Part G 4.4 to 4.7).

use super::att::malformed;
use super::parse::{self, Range};
use super::uuid::Uuid;
use super::{AttCentral, Failure};
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use std::convert::Infallible;

const PRIMARY_SERVICE: u16 = 0x2800;
const INCLUDE: u16 = 0x2802;
const CHARACTERISTIC: u16 = 0x2803;
/// Attribute Not Found (Core Vol 3 Part F 3.4.1.1): the regular end of every discovery.
const NOT_FOUND: u8 = 0x0A;
/// Services that are looked into. A table of more is no table of a test.
const SERVICE_LIMIT: usize = 1024;

/// What a server showed, in handle order where handles are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Database {
    /// Primary services, and the secondary ones that are included somewhere.
    pub services: Vec<Service>,
    /// Handles are numbers in the place of those that an operating system does not show, and their order says nothing.
    pub is_unordered: bool,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Handle of the declaration.
    pub start: u16,
    /// Last handle of the group.
    pub end: u16,
    /// Its UUID.
    pub uuid: Uuid,
    /// Found by Discover All Primary Services.
    pub primary: bool,
    /// In handle order.
    pub includes: Vec<Include>,
    /// In handle order.
    pub characteristics: Vec<Characteristic>,
}

/// An included service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Include {
    /// Handle of the include declaration.
    pub handle: u16,
    /// Handle of the included service's declaration.
    pub start: u16,
    /// Last handle of the included service.
    pub end: u16,
    /// Its UUID.
    pub uuid: Uuid,
}

/// A characteristic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Characteristic {
    /// Handle of the declaration.
    pub handle: u16,
    /// Characteristic Properties (Core Vol 3 Part G 3.3.1.1).
    pub properties: u8,
    /// Handle of the value.
    pub value_handle: u16,
    /// Its UUID.
    pub uuid: Uuid,
    /// In handle order.
    pub descriptors: Vec<Descriptor>,
}

/// A descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// Its handle.
    pub handle: u16,
    /// Its type.
    pub uuid: Uuid,
}

impl Database {
    /// The value handle of the first characteristic with this UUID.
    #[must_use]
    pub fn value_handle(&self, uuid: Uuid) -> Option<u16> {
        let mut all = self.services.iter().flat_map(|service| &service.characteristics);
        all.find(|found| found.uuid == uuid).map(|found| found.value_handle)
    }
}

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Discovers everything.
    ///
    /// # Errors
    /// [`Failure`]; an error code other than the one that ends a discovery is [`Failure::Att`].
    pub async fn discover(&self) -> Result<Database, Failure> {
        let mut services = self.primary_services().await?;
        // Included services are looked into as well; an inclusion may be found more than once.
        let mut next = 0;
        while let Some(service) = services.get(next) {
            let range = Range { start: service.start, end: service.end };
            let includes = self.includes(range).await?;
            let characteristics = self.characteristics(range).await?;
            for include in &includes {
                if services.iter().all(|known| known.start != include.start) && services.len() < SERVICE_LIMIT
                {
                    services.push(Service {
                        start: include.start,
                        end: include.end,
                        uuid: include.uuid,
                        primary: false,
                        includes: Vec::new(),
                        characteristics: Vec::new(),
                    });
                }
            }
            if let Some(service) = services.get_mut(next) {
                service.includes = includes;
                service.characteristics = characteristics;
            }
            next += 1;
        }
        services.sort_by_key(|service| service.start);
        Ok(Database { services, is_unordered: false })
    }

    async fn primary_services(&self) -> Result<Vec<Service>, Failure> {
        let mut services = Vec::new();
        let mut response = Vec::new();
        let mut start = 1;
        while services.len() < SERVICE_LIMIT {
            let range = Range { start, end: 0xFFFF };
            let request = range_request(0x10, range, Some(PRIMARY_SERVICE));
            if !self.ask_for_more(&request, &mut response).await? {
                break;
            }
            let found = parse::groups(&response, range).ok_or_else(|| malformed(&request, &response))?;
            let last = found.last().map_or(0xFFFF, |&(_, end, _)| end);
            services.extend(found.into_iter().map(|(start, end, uuid)| Service {
                start,
                end,
                uuid,
                primary: true,
                includes: Vec::new(),
                characteristics: Vec::new(),
            }));
            let Some(after) = last.checked_add(1) else { break };
            start = after;
        }
        Ok(services)
    }

    async fn includes(&self, service: Range) -> Result<Vec<Include>, Failure> {
        let mut includes = Vec::new();
        let mut response = Vec::new();
        let mut range = service;
        while range.start <= range.end {
            let request = range_request(0x08, range, Some(INCLUDE));
            if !self.ask_for_more(&request, &mut response).await? {
                break;
            }
            let wrong = || malformed(&request, &response);
            let found: Vec<_> = parse::attributes(&response, &[6, 8], range)
                .ok_or_else(wrong)?
                .into_iter()
                .map(|(handle, value)| Some((handle, parse::include(value)?)))
                .collect::<Option<_>>()
                .ok_or_else(wrong)?;
            let mut last = range.end;
            for (handle, (included, uuid)) in found {
                // A 128-bit UUID is in the included service's declaration (Core Vol 3 Part G 4.5.1).
                let uuid = match uuid {
                    Some(uuid) => uuid,
                    None => self.service_uuid(included.start).await?,
                };
                includes.push(Include { handle, start: included.start, end: included.end, uuid });
                last = handle;
            }
            let Some(after) = last.checked_add(1) else { break };
            range.start = after;
        }
        Ok(includes)
    }

    async fn service_uuid(&self, declaration: u16) -> Result<Uuid, Failure> {
        let value = self.read(declaration).await?;
        Uuid::from_bytes(&value).ok_or_else(|| {
            Failure::Malformed(format!(
                "the service declaration at 0x{declaration:04X} is {}",
                crate::hex::spaced(&value)
            ))
        })
    }

    async fn characteristics(&self, service: Range) -> Result<Vec<Characteristic>, Failure> {
        let mut found = self.declarations(service).await?;
        for at in 0..found.len() {
            let end = found.get(at + 1).map_or(service.end, |next| next.handle - 1);
            let Some(characteristic) = found.get_mut(at) else { break };
            if characteristic.value_handle <= characteristic.handle || characteristic.value_handle > end {
                return Err(Failure::Malformed(format!(
                    "the characteristic at 0x{:04X} has its value at 0x{:04X}",
                    characteristic.handle, characteristic.value_handle
                )));
            }
            if let Some(start) = characteristic.value_handle.checked_add(1) {
                characteristic.descriptors = self.descriptors(Range { start, end }).await?;
            }
        }
        Ok(found)
    }

    async fn declarations(&self, service: Range) -> Result<Vec<Characteristic>, Failure> {
        let mut characteristics = Vec::new();
        let mut response = Vec::new();
        let mut range = service;
        while range.start <= range.end {
            let request = range_request(0x08, range, Some(CHARACTERISTIC));
            if !self.ask_for_more(&request, &mut response).await? {
                break;
            }
            let wrong = || malformed(&request, &response);
            let mut last = range.end;
            for (handle, value) in parse::attributes(&response, &[7, 21], range).ok_or_else(wrong)? {
                let (properties, value_handle, uuid) = parse::declaration(value).ok_or_else(wrong)?;
                characteristics.push(Characteristic {
                    handle,
                    properties,
                    value_handle,
                    uuid,
                    descriptors: Vec::new(),
                });
                last = handle;
            }
            let Some(after) = last.checked_add(1) else { break };
            range.start = after;
        }
        Ok(characteristics)
    }

    async fn descriptors(&self, mut range: Range) -> Result<Vec<Descriptor>, Failure> {
        let mut descriptors = Vec::new();
        let mut response = Vec::new();
        while range.start <= range.end {
            let request = range_request(0x04, range, None);
            if !self.ask_for_more(&request, &mut response).await? {
                break;
            }
            let found = parse::information(&response, range).ok_or_else(|| malformed(&request, &response))?;
            let last = found.last().map_or(range.end, |&(handle, _)| handle);
            descriptors.extend(found.into_iter().map(|(handle, uuid)| Descriptor { handle, uuid }));
            let Some(after) = last.checked_add(1) else { break };
            range.start = after;
        }
        Ok(descriptors)
    }

    /// False when the server says that there is nothing more.
    async fn ask_for_more(&self, request: &[u8], response: &mut Vec<u8>) -> Result<bool, Failure> {
        let opcode = request.first().map_or(0, |opcode| opcode + 1);
        match self.ask(request, opcode, response).await {
            Ok(()) => Ok(true),
            Err(Failure::Att(NOT_FOUND)) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

fn range_request(opcode: u8, range: Range, kind: Option<u16>) -> Vec<u8> {
    let mut request = vec![opcode];
    request.extend_from_slice(&range.start.to_le_bytes());
    request.extend_from_slice(&range.end.to_le_bytes());
    if let Some(kind) = kind {
        request.extend_from_slice(&kind.to_le_bytes());
    }
    request
}
