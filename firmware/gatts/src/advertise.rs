//! Advertising payloads and what GAP is asked to do.

use alloc::vec::Vec;

use crate::error::Error;
use crate::reply::ConnId;
use crate::uuid::Uuid;

/// Longest legacy advertising payload, in bytes (Core Vol 6 Part B 2.3.1).
const MAX_PAYLOAD: usize = 31;

/// AD types (Assigned Numbers 2.3).
mod ad {
    pub(super) const FLAGS: u8 = 0x01;
    pub(super) const UUIDS_16: u8 = 0x03;
    pub(super) const UUIDS_128: u8 = 0x07;
    pub(super) const COMPLETE_NAME: u8 = 0x09;
    pub(super) const TX_POWER: u8 = 0x0A;
    pub(super) const SERVICE_DATA_16: u8 = 0x16;
    pub(super) const SERVICE_DATA_128: u8 = 0x21;
    pub(super) const MANUFACTURER: u8 = 0xFF;
}

/// General discoverable, no BR/EDR (Core Specification Supplement Part A 1.3).
const FLAGS: u8 = 0x06;

/// What to advertise. The name goes into the advertisement, behind flags and TX power; the rest goes into
/// the scan response, in the order service UUID, service data, manufacturer data.
#[derive(Debug, Clone, Copy, Default)]
pub struct Advertisement<'a> {
    /// Complete local name.
    pub name: Option<&'a str>,
    /// Company identifier, two bytes with the least significant first, and what the company defines.
    pub manufacturer_data: Option<&'a [u8]>,
    /// Data of the service in `service_uuid`, whose UUID is put in front.
    pub service_data: Option<&'a [u8]>,
    /// The service that is advertised.
    pub service_uuid: Option<Uuid>,
}

/// An encoded advertising or scan response payload: 0 to 31 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payload {
    bytes: [u8; MAX_PAYLOAD],
    len: usize,
}

impl Payload {
    /// A payload of these bytes; `None` if they are too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut payload = Self { bytes: [0; MAX_PAYLOAD], len: bytes.len() };
        payload.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(payload)
    }

    /// The bytes to hand to the controller.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Appends an AD structure: length, type, data.
    fn append(&mut self, field: &'static str, ad_type: u8, data: [&[u8]; 2]) -> Result<(), Error> {
        let size: usize = data.iter().map(|part| part.len()).sum::<usize>() + 2;
        let end = self.len + size;
        let too_long = Error::AdvertisementTooLong { field, over: end.saturating_sub(MAX_PAYLOAD) };
        let Ok(length) = u8::try_from(size - 1) else {
            return Err(too_long);
        };
        let Some(free) = self.bytes.get_mut(self.len..end) else {
            return Err(too_long);
        };
        let [first, second] = data;
        let source = [length, ad_type].into_iter().chain(first.iter().chain(second).copied());
        for (to, from) in free.iter_mut().zip(source) {
            *to = from;
        }
        self.len = end;
        Ok(())
    }
}

impl Advertisement<'_> {
    /// The advertisement and the scan response.
    pub(crate) fn encode(&self, tx_power_dbm: i8) -> Result<(Payload, Payload), Error> {
        let mut adv = Payload::default();
        adv.append("flags", ad::FLAGS, [&[FLAGS], &[]])?;
        adv.append("tx_power", ad::TX_POWER, [&tx_power_dbm.to_le_bytes(), &[]])?;
        if let Some(name) = self.name {
            adv.append("name", ad::COMPLETE_NAME, [name.as_bytes(), &[]])?;
        }
        let mut scan_response = Payload::default();
        if let Some(uuid) = &self.service_uuid {
            let ad_type = if uuid.is_short() { ad::UUIDS_16 } else { ad::UUIDS_128 };
            scan_response.append("service_uuid", ad_type, [uuid.as_le_bytes(), &[]])?;
        }
        if let Some(data) = self.service_data {
            let uuid = self.service_uuid.as_ref().ok_or(Error::ServiceDataWithoutUuid)?;
            let ad_type = if uuid.is_short() { ad::SERVICE_DATA_16 } else { ad::SERVICE_DATA_128 };
            scan_response.append("service_data", ad_type, [uuid.as_le_bytes(), data])?;
        }
        if let Some(data) = self.manufacturer_data {
            scan_response.append("manufacturer_data", ad::MANUFACTURER, [data, &[]])?;
        }
        Ok((adv, scan_response))
    }
}

/// What the application wants of GAP.
#[derive(Default)]
pub(crate) struct GapState {
    pub(crate) advertise: bool,
    pub(crate) adv_data: Payload,
    pub(crate) scan_response: Payload,
    pub(crate) disconnect: Vec<ConnId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(advertisement: Advertisement<'_>) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let (adv, scan_response) = advertisement.encode(0)?;
        Ok((adv.as_slice().to_vec(), scan_response.as_slice().to_vec()))
    }

    #[test]
    fn flags_power_and_name_advertise_and_the_uuid_answers_scans() {
        let service_uuid = Uuid::from_bytes(b"1234567890123456").ok();
        let lopy = Advertisement { name: Some("LoPy"), service_uuid, ..Advertisement::default() };
        let (adv, scan_response) = encode(lopy).unwrap();
        assert_eq!(adv, b"\x02\x01\x06\x02\x0A\x00\x05\x09LoPy");
        assert_eq!(scan_response, b"\x11\x071234567890123456");
    }

    #[test]
    fn service_data_begins_with_the_service_uuid() {
        let all = Advertisement {
            name: None,
            manufacturer_data: Some(&[0xE5, 0x02, 0xAA]),
            service_data: Some(&[0x64]),
            service_uuid: Some(Uuid::from_u16(0x180F)),
        };
        let (_, scan_response) = encode(all).unwrap();
        assert_eq!(scan_response, b"\x03\x03\x0F\x18\x04\x16\x0F\x18\x64\x04\xFF\xE5\x02\xAA");
        let without = Advertisement { service_uuid: None, ..all };
        assert_eq!(encode(without), Err(Error::ServiceDataWithoutUuid));
    }

    #[test]
    fn the_field_that_goes_over_31_bytes_is_named() {
        let named = |name| Advertisement { name: Some(name), ..Advertisement::default() };
        assert_eq!(encode(named("12345678901234567890123")).unwrap().0.len(), 31);
        let error = Error::AdvertisementTooLong { field: "name", over: 1 };
        assert_eq!(encode(named("123456789012345678901234")), Err(error));

        let long = Advertisement {
            manufacturer_data: Some(&[0; 12]),
            service_uuid: Uuid::from_bytes(&[7; 16]).ok(),
            ..Advertisement::default()
        };
        let error = Error::AdvertisementTooLong { field: "manufacturer_data", over: 1 };
        assert_eq!(encode(long), Err(error));
        let huge = Advertisement { manufacturer_data: Some(&[0; 300]), ..Advertisement::default() };
        let error = Error::AdvertisementTooLong { field: "manufacturer_data", over: 271 };
        assert_eq!(encode(huge), Err(error));
    }
}
