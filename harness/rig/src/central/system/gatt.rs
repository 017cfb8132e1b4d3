//! Attributes, values and pushes.

use super::super::{Characteristic, Database, Descriptor, Failure, Pushed, Service, UNSPECIFIED, Uuid};
use super::errors::Method;
use super::{BtleplugCentral, Link};
use crate::fault::Fault;
use btleplug::api::{self, CharPropFlags, Peripheral as _, WriteType};
use btleplug::platform::Peripheral;
use conformance::scenario::Push;
use embassy_time::{Duration, with_timeout};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

const NOTIFICATIONS: u16 = 1;
/// UUID of the Client Characteristic Configuration (Core Vol 3 Part G 3.3.3.3).
const CCCD: u16 = 0x2902;

/// What a number in the place of a handle stands for.
#[derive(Debug, Clone)]
pub(super) enum Attribute {
    /// A declaration, which no application reads.
    Declaration,
    Value(api::Characteristic),
    Descriptor(api::Descriptor),
}

/// A characteristic that has been subscribed to on this link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription {
    value: u16,
    cccd: u16,
    /// What its pushes are.
    push: Push,
}

/// The library's UUIDs stand most significant byte first.
pub(super) fn uuid(uuid: impl AsRef<[u8]>) -> Uuid {
    const BASE_TAIL: [u8; 12] = [0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0x80, 0x5F, 0x9B, 0x34, 0xFB];
    match *uuid.as_ref() {
        // A 16-bit UUID is shown as one whatever the device used: no system tells the difference.
        [0, 0, high, low, ref tail @ ..] if *tail == BASE_TAIL => {
            Uuid::short(u16::from_be_bytes([high, low]))
        }
        ref long => {
            let reversed: Vec<u8> = long.iter().rev().copied().collect();
            Uuid::from_bytes(&reversed).unwrap_or(Uuid::short(0))
        }
    }
}

/// Numbers attributes in the order in which the library gives them. It says nothing of their handles.
pub(super) fn numbered(services: &BTreeSet<api::Service>) -> (Database, Vec<Attribute>) {
    let mut attributes = Vec::new();
    let mut number = |attribute: Attribute| {
        attributes.push(attribute);
        u16::try_from(attributes.len()).unwrap_or(u16::MAX)
    };
    let mut database = Database { is_unordered: true, ..Database::default() };
    for service in services {
        let start = number(Attribute::Declaration);
        let mut end = start;
        let mut characteristics = Vec::new();
        for found in &service.characteristics {
            let handle = number(Attribute::Declaration);
            let value_handle = number(Attribute::Value(found.clone()));
            let descriptors = found.descriptors.iter().map(|descriptor| Descriptor {
                handle: number(Attribute::Descriptor(descriptor.clone())),
                uuid: uuid(descriptor.uuid),
            });
            let descriptors: Vec<Descriptor> = descriptors.collect();
            end = descriptors.last().map_or(value_handle, |last| last.handle);
            characteristics.push(Characteristic {
                handle,
                properties: found.properties.bits(),
                value_handle,
                uuid: uuid(found.uuid),
                descriptors,
            });
        }
        let uuid = uuid(service.uuid);
        let primary = service.primary;
        database.services.push(Service { start, end, uuid, primary, includes: Vec::new(), characteristics });
    }
    (database, attributes)
}

impl BtleplugCentral<'_> {
    /// What the system has discovered when it connected.
    pub(super) async fn database(&self) -> Result<Database, Failure> {
        self.check_up()?;
        let peripheral = self.peripheral()?;
        let device = peripheral.clone();
        self.request(Method::Discovery, async move { device.discover_services().await }).await?;
        let (database, attributes) = numbered(&peripheral.services());
        if let Some(link) = self.link.borrow_mut().as_mut() {
            link.attributes = attributes;
        }
        Ok(database)
    }

    fn peripheral(&self) -> Result<Peripheral, Failure> {
        let link = self.link.borrow();
        link.as_ref()
            .map(|link| link.peripheral.clone())
            .ok_or_else(|| Failure::Rig(super::super::not_connected()))
    }

    fn attribute(&self, handle: u16) -> Result<Attribute, Failure> {
        let at = usize::from(handle).wrapping_sub(1);
        let known = self.link.borrow().as_ref().and_then(|link| link.attributes.get(at).cloned());
        known.ok_or_else(|| {
            Failure::Rig(Fault::new("a step uses an attribute that is not there", "report it"))
        })
    }

    pub(super) async fn read_attribute(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        self.check_up()?;
        let peripheral = self.peripheral()?;
        match self.attribute(handle)? {
            Attribute::Value(characteristic) => {
                self.collect();
                let before = self.pushes_waiting();
                let work = async move { peripheral.read(&characteristic).await };
                let value = self.request(Method::Read, work).await?;
                self.collect();
                if cfg!(target_os = "linux") {
                    self.drop_echo(handle, &value, before);
                }
                Ok(value)
            }
            Attribute::Descriptor(descriptor) => {
                let work = async move { peripheral.read_descriptor(&descriptor).await };
                self.request(Method::ReadDescriptor, work).await
            }
            Attribute::Declaration => {
                Err(Failure::Rig(Fault::new("a declaration cannot be read", "report it")))
            }
        }
    }

    pub(super) async fn write_attribute(
        &self,
        handle: u16,
        value: &[u8],
        write_type: WriteType,
    ) -> Result<(), Failure> {
        self.check_up()?;
        let peripheral = self.peripheral()?;
        let value = value.to_vec();
        match self.attribute(handle)? {
            Attribute::Value(characteristic) => {
                let method = match write_type {
                    WriteType::WithResponse => Method::Write,
                    WriteType::WithoutResponse => Method::WriteCommand,
                };
                let work = async move { peripheral.write(&characteristic, &value, write_type).await };
                let result = self.request(method, work).await;
                self.answered.set(method == Method::Write);
                result
            }
            Attribute::Descriptor(descriptor) => {
                let is_cccd = uuid(descriptor.uuid) == Uuid::short(CCCD);
                let method = if is_cccd { Method::WriteCccd } else { Method::WriteDescriptor };
                let work = async move { peripheral.write_descriptor(&descriptor, &value).await };
                self.request(method, work).await
            }
            Attribute::Declaration => {
                Err(Failure::Rig(Fault::new("a declaration cannot be written", "report it")))
            }
        }
    }

    /// Subscribes or unsubscribes. The system chooses the bits; no plan comes here that asks for others.
    pub(super) async fn write_cccd(&self, value: u16, cccd: u16, bits: u16) -> Result<(), Failure> {
        self.check_up()?;
        let peripheral = self.peripheral()?;
        let Attribute::Value(characteristic) = self.attribute(value)? else {
            return Err(Failure::Rig(Fault::new("a subscription to no characteristic", "report it")));
        };
        if bits == 0 {
            self.request(Method::Unsubscribe, async move { peripheral.unsubscribe(&characteristic).await })
                .await?;
            // BlueZ says that it is done before it has written the CCCD: the read comes behind that.
            return self.read_attribute(cccd).await.map(drop);
        }
        if !characteristic.properties.intersects(CharPropFlags::NOTIFY | CharPropFlags::INDICATE) {
            // BlueZ refuses that by itself, in the words of a device that does not know the request.
            let words =
                "the device shows the characteristic without notify and indicate: the system does not ask it";
            return Err(Failure::Hidden(words.to_owned()));
        }
        let push = if bits & NOTIFICATIONS != 0 { Push::Notification } else { Push::Indication };
        if let Some(link) = self.link.borrow_mut().as_mut() {
            link.subscriptions.retain(|known| known.value != value);
            link.subscriptions.push(Subscription { value, cccd, push });
        }
        self.request(Method::Subscribe, async move { peripheral.subscribe(&characteristic).await }).await
    }

    /// A read of a CCCD: its answer comes behind everything that the device pushed before. Where nothing is
    /// subscribed to, nothing can come.
    pub(super) async fn pass_fence(&self) -> Result<(), Failure> {
        let cccd = self.link.borrow().as_ref().and_then(|link| Some(link.subscriptions.last()?.cccd));
        let Some(cccd) = cccd else { return self.check_up() };
        match self.read_attribute(cccd).await {
            Ok(_) | Err(Failure::Att(_) | Failure::Hidden(_)) => {
                self.collect();
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Takes in what has been pushed so far.
    pub(super) fn collect(&self) {
        if let Some(link) = self.link.borrow_mut().as_mut() {
            link.collect();
        }
    }

    fn pushes_waiting(&self) -> usize {
        self.link.borrow().as_ref().map_or(0, |link| link.pushes.len())
    }

    /// BlueZ announces the value of each read in the same way as a notification, before it answers the read. Of what
    /// has come since the read began, one value that is equal is the read's own.
    fn drop_echo(&self, handle: u16, value: &[u8], before: usize) {
        let mut link = self.link.borrow_mut();
        let Some(link) = link.as_mut() else { return };
        let is_echo = |pushed: &Pushed| pushed.handle == handle && pushed.value == value;
        let echo = link.pushes.iter().skip(before).position(is_echo);
        if let Some(echo) = echo.and_then(|at| link.pushes.remove(before + at))
            && echo.push == Push::Indication
        {
            link.indications = link.indications.wrapping_sub(1);
        }
    }

    pub(super) fn all_pushes(&self) -> Vec<Pushed> {
        self.collect();
        self.link.borrow_mut().as_mut().map(|link| link.pushes.drain(..).collect()).unwrap_or_default()
    }

    pub(super) async fn first_push(&self, kind: Push, deadline: Duration) -> Result<Option<Pushed>, Failure> {
        let found = poll_fn(|context| {
            let mut link = self.link.borrow_mut();
            let Some(link) = link.as_mut() else {
                return Poll::Ready(Err(Failure::Rig(super::super::not_connected())));
            };
            while let Poll::Ready(Some(event)) = link.values.poll(context) {
                link.take_value(&event);
            }
            let at = link.pushes.iter().position(|pushed| pushed.push == kind);
            if let Some(pushed) = at.and_then(|at| link.pushes.remove(at)) {
                return Poll::Ready(Ok(pushed));
            }
            while let Poll::Ready(event) = link.events.poll(context) {
                match event {
                    Some(event) => link.take_event(&event),
                    None => return Poll::Ready(Err(Failure::Gone(UNSPECIFIED))),
                }
            }
            link.gone.map_or(Poll::Pending, |reason| Poll::Ready(Err(Failure::Gone(reason))))
        });
        with_timeout(deadline, found).await.ok().transpose()
    }

    pub(super) fn indications_seen(&self) -> u32 {
        self.collect();
        self.link.borrow().as_ref().map_or(0, |link| link.indications)
    }

    /// The MTU that the system has agreed on by itself.
    pub(super) fn agreed_mtu(&self, size: u16) -> Result<u16, Failure> {
        self.check_up()?;
        if !cfg!(target_os = "linux") {
            let cause = "this operating system asks for an MTU of its own";
            return Err(Failure::Rig(Fault::new(
                cause,
                "run the scenario with an adapter: --central att:...",
            )));
        }
        match self.peripheral()?.mtu() {
            // Either end may have asked for less, and BlueZ has a setting for it.
            less if less < size => Err(Failure::Hidden(format!(
                "an MTU of {less} was agreed on, and the system does not say whether it or the device chose it"
            ))),
            agreed => Ok(agreed),
        }
    }
}

impl Link {
    fn collect(&mut self) {
        while let Some(event) = self.values.next_here() {
            self.take_value(&event);
        }
    }

    /// A value of a characteristic that nobody here has subscribed to is what a read has brought, of this program or
    /// of another.
    fn take_value(&mut self, event: &api::ValueNotification) {
        let is_it = |attribute: &Attribute| match attribute {
            Attribute::Value(it) => it.uuid == event.uuid && it.service_uuid == event.service_uuid,
            _ => false,
        };
        let Some(at) = self.attributes.iter().position(is_it) else { return };
        let handle = u16::try_from(at + 1).unwrap_or(u16::MAX);
        let Some(known) = self.subscriptions.iter().find(|known| known.value == handle) else { return };
        if known.push == Push::Indication {
            self.indications = self.indications.wrapping_add(1);
        }
        self.pushes.push_back(Pushed { push: known.push, handle, value: event.value.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5F9B_34FB;

    /// A UUID of the library, without its crate.
    fn library_uuid(short: u16) -> impl AsRef<[u8]> + Copy {
        api::bleuuid::uuid_from_u16(short)
    }

    #[test]
    fn uuids_are_turned_around_and_short_ones_are_short() {
        assert_eq!(uuid(library_uuid(0x2902)), Uuid::short(0x2902));
        assert_eq!(uuid(library_uuid(0x2902)).as_bytes(), [0x02, 0x29]);
        let long = BASE | 0x1234_5678 << 96;
        let found = uuid(long.to_be_bytes());
        assert_eq!(found.as_bytes(), long.to_le_bytes());
    }

    #[test]
    fn attributes_are_numbered_so_that_each_number_leads_back() {
        let (service_uuid, value_uuid) =
            (api::bleuuid::uuid_from_u16(0xA000), api::bleuuid::uuid_from_u16(0xA001));
        let descriptor = api::Descriptor {
            uuid: api::bleuuid::uuid_from_u16(0x2902),
            service_uuid,
            characteristic_uuid: value_uuid,
        };
        let characteristic = api::Characteristic {
            uuid: value_uuid,
            service_uuid,
            properties: CharPropFlags::READ | CharPropFlags::NOTIFY,
            descriptors: BTreeSet::from([descriptor.clone()]),
        };
        let service = api::Service {
            uuid: service_uuid,
            primary: true,
            characteristics: BTreeSet::from([characteristic.clone()]),
        };
        let (database, attributes) = numbered(&BTreeSet::from([service]));
        assert!(database.is_unordered);
        let [found] = database.services.as_slice() else { panic!("{database:?}") };
        let [value] = found.characteristics.as_slice() else { panic!("{found:?}") };
        assert_eq!((found.start, value.handle, value.value_handle, found.end), (1, 2, 3, 4));
        assert_eq!((value.properties, value.descriptors.len()), (0x12, 1));
        let at = |handle: u16| &attributes[usize::from(handle) - 1];
        assert!(matches!(at(value.value_handle), Attribute::Value(it) if *it == characteristic));
        assert!(matches!(at(value.descriptors[0].handle), Attribute::Descriptor(it) if *it == descriptor));
    }
}
