//! What scanning hears of one device: its advertisement and its scan response, as fields.

use super::hci::Address;
use conformance::observation::AdField;
use conformance::scenario::External;

/// AD types (Assigned Numbers 2.3).
mod ad {
    pub(super) const FLAGS: u8 = 0x01;
    pub(super) const SOME_UUIDS_16: u8 = 0x02;
    pub(super) const UUIDS_16: u8 = 0x03;
    pub(super) const SOME_UUIDS_128: u8 = 0x06;
    pub(super) const UUIDS_128: u8 = 0x07;
    pub(super) const NAME: u8 = 0x09;
    pub(super) const TX_POWER: u8 = 0x0A;
    pub(super) const SERVICE_DATA_16: u8 = 0x16;
    pub(super) const SERVICE_DATA_128: u8 = 0x21;
    pub(super) const MANUFACTURER: u8 = 0xFF;
}

/// Event types of advertising reports (Core Vol 4 Part E 7.7.65.2).
const DIRECTED: u8 = 1;
const NON_CONNECTABLE: u8 = 3;
const SCAN_RESPONSE: u8 = 4;

/// Whom a scan looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This address.
    Address([u8; 6]),
    /// Whoever advertises this.
    External(External),
}

impl Target {
    /// True when there can be only one such device.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self, Self::Address(_) | Self::External(External::Address(_)))
    }

    /// True when this device is one of those that are looked for.
    fn fits(&self, address: Address, fields: &[AdField]) -> bool {
        match self {
            Self::Address(wanted) | Self::External(External::Address(wanted)) => *wanted == address.bytes,
            Self::External(wanted) => fields.iter().any(|field| names(wanted, field)),
        }
    }
}

/// Devices that a scan remembers; who hears more has no use for a longer list.
const HEARD_LIMIT: usize = 64;

/// A device that a scan has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its address.
    pub address: Address,
    /// Its complete local name, if it said one.
    pub name: Option<String>,
    /// It is one of those that were looked for.
    pub(super) fits: bool,
}

/// One scan.
#[derive(Debug)]
pub(crate) struct Scan {
    target: Target,
    /// The latest advertisement, until its scan response comes.
    advertisement: Vec<u8>,
    /// Who it is, from the first report on that fits.
    pub(crate) found: Option<Address>,
    /// The fields of the latest advertising event that was heard as a whole: two events may differ.
    pub(crate) latest: Option<Vec<AdField>>,
    /// Advertisements without their scan response count too, once nothing else comes.
    pub(crate) alone: Option<Vec<AdField>>,
    /// Everybody, in the order in which they were first heard.
    pub(crate) heard: Vec<Heard>,
}

impl Scan {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, advertisement: Vec::new(), found: None, latest: None, alone: None, heard: Vec::new() }
    }

    /// Takes a report of one packet.
    pub(crate) fn report(&mut self, kind: u8, address: Address, data: &[u8]) {
        let content = fields(data);
        let fits = self.target.fits(address, &content);
        self.note(address, &content, fits);
        if self.found.map_or(!fits, |found| found != address) {
            return;
        }
        self.found = Some(address);
        match kind {
            // A scan response follows its advertisement at once (Core Vol 6 Part B 4.4.2.3).
            SCAN_RESPONSE => {
                let whole = [self.advertisement.as_slice(), data].concat();
                self.latest = Some(fields(&whole));
            }
            DIRECTED | NON_CONNECTABLE => self.latest = Some(content),
            _ => {
                self.advertisement = data.to_vec();
                self.alone = Some(content);
            }
        }
    }

    /// The devices that fit.
    pub(crate) fn fitting(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter().filter(|heard| heard.fits)
    }

    fn note(&mut self, address: Address, content: &[AdField], fits: bool) {
        let name = content.iter().find_map(|field| match field {
            AdField::Name(name) => Some(name.clone()),
            _ => None,
        });
        match self.heard.iter_mut().find(|heard| heard.address == address) {
            Some(heard) => {
                heard.fits |= fits;
                heard.name = name.or_else(|| heard.name.take());
            }
            None => self.heard.push(Heard { address, name, fits }),
        }
        self.heard.truncate(HEARD_LIMIT);
    }
}

/// True when this field is what tells the device.
fn names(wanted: &External, field: &AdField) -> bool {
    match (wanted, field) {
        (External::Name(name), AdField::Name(heard)) => name == heard,
        (External::Service(uuid), AdField::ServiceUuid(heard)) => {
            super::Uuid::from_bytes(&uuid.0) == super::Uuid::from_bytes(heard)
        }
        _ => false,
    }
}

/// Takes advertising data apart; what does not end where its length says is left out (Core Vol 3 Part C 11).
fn fields(mut data: &[u8]) -> Vec<AdField> {
    let mut fields = Vec::new();
    while let Some((&len @ 1.., rest)) = data.split_first() {
        let Some((structure, rest)) = rest.split_at_checked(usize::from(len)) else { break };
        data = rest;
        if let Some((&kind, content)) = structure.split_first() {
            field(kind, content, &mut fields);
        }
    }
    fields
}

fn field(kind: u8, content: &[u8], fields: &mut Vec<AdField>) {
    let other = || AdField::Other { kind, data: content.to_vec() };
    let service_data = |uuid_len: usize| match content.split_at_checked(uuid_len) {
        Some((uuid, data)) => AdField::ServiceData { uuid: uuid.to_vec(), data: data.to_vec() },
        None => other(),
    };
    match (kind, content) {
        (ad::FLAGS, [flags]) => fields.push(AdField::Flags(*flags)),
        (ad::NAME, name) => fields.push(AdField::Name(String::from_utf8_lossy(name).into_owned())),
        (ad::TX_POWER, [dbm]) => fields.push(AdField::TxPower(dbm.cast_signed())),
        (ad::UUIDS_16 | ad::SOME_UUIDS_16, uuids) => {
            fields.extend(uuids.chunks_exact(2).map(|uuid| AdField::ServiceUuid(uuid.to_vec())));
        }
        (ad::UUIDS_128 | ad::SOME_UUIDS_128, uuids) => {
            fields.extend(uuids.chunks_exact(16).map(|uuid| AdField::ServiceUuid(uuid.to_vec())));
        }
        (ad::SERVICE_DATA_16, _) => fields.push(service_data(2)),
        (ad::SERVICE_DATA_128, _) => fields.push(service_data(16)),
        (ad::MANUFACTURER, data) => fields.push(AdField::ManufacturerData(data.to_vec())),
        _ => fields.push(other()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_taken_apart() {
        let data = [
            &[2, 0x01, 0x06][..],
            &[5, 0x09, b'L', b'a', b'm', b'p'],
            &[2, 0x0A, 0xFC],
            &[5, 0x03, 0x34, 0x12, 0x78, 0x56],
            &[4, 0x16, 0x34, 0x12, 7],
            &[4, 0xFF, 1, 2, 3],
            &[2, 0x19, 0],
        ]
        .concat();
        let expected = [
            AdField::Flags(6),
            AdField::Name("Lamp".into()),
            AdField::TxPower(-4),
            AdField::ServiceUuid(vec![0x34, 0x12]),
            AdField::ServiceUuid(vec![0x78, 0x56]),
            AdField::ServiceData { uuid: vec![0x34, 0x12], data: vec![7] },
            AdField::ManufacturerData(vec![1, 2, 3]),
            AdField::Other { kind: 0x19, data: vec![0] },
        ];
        assert_eq!(fields(&data), expected);
        for len in 0..data.len() {
            assert!(fields(&data[..len]).len() < expected.len(), "cut at {len}");
        }
    }

    #[test]
    fn a_scan_response_belongs_to_the_advertisement_before_it() {
        let address = Address { bytes: [1; 6], random: true };
        let mut scan = Scan::new(Target::External(External::Name("Lamp".into())));
        scan.report(0, Address { bytes: [2; 6], random: true }, &[2, 0x09, b'X']);
        assert_eq!(scan.found, None);
        scan.report(0, address, &[5, 0x09, b'L', b'a', b'm', b'p']);
        assert_eq!((scan.found, scan.latest.is_some()), (Some(address), false));
        scan.report(4, address, &[2, 0xFF, 9]);
        let both = vec![AdField::Name("Lamp".into()), AdField::ManufacturerData(vec![9])];
        assert_eq!(scan.latest, Some(both));
    }

    #[test]
    fn everybody_is_heard_within_limits_and_those_that_fit_are_told() {
        let address = |low| Address { bytes: [low, 2, 3, 4, 5, 0xC6], random: true };
        let mut scan = Scan::new(Target::External(External::Name("Lamp".into())));
        scan.report(0, address(1), &[2, 0x01, 6]);
        scan.report(4, address(1), &[5, 0x09, b'L', b'a', b'm', b'p']);
        scan.report(0, address(2), &[2, 0x09, b'X']);
        scan.report(0, address(3), &[5, 0x09, b'L', b'a', b'm', b'p']);
        let names: Vec<_> = scan.heard.iter().map(|heard| heard.name.as_deref()).collect();
        assert_eq!(names, [Some("Lamp"), Some("X"), Some("Lamp")]);
        assert_eq!(scan.fitting().map(|heard| heard.address).collect::<Vec<_>>(), [address(1), address(3)]);
        assert_eq!(scan.found, Some(address(1)));
        (4..=255).for_each(|low| scan.report(0, address(low), &[]));
        assert_eq!(scan.heard.len(), HEARD_LIMIT);
    }
}
