//! Advertising and connections that go otherwise.

use super::layer::Layer;
use alloc::vec::Vec;
use gatts::{Advertisement, Error, Gap, Payload};
use wire::mutant::{Deviation, GapAct};

/// What GAP did before.
#[derive(Debug, Default)]
pub(super) struct Memory {
    has_set: bool,
    has_advertised: bool,
    has_lost: bool,
}

impl Layer {
    fn gap_acts(&self) -> impl Iterator<Item = &GapAct> {
        self.deviations.iter().filter_map(|deviation| match deviation {
            Deviation::Gap(act) => Some(act),
            _ => None,
        })
    }

    fn does(&self, act: &GapAct) -> bool {
        self.gap_acts().any(|it| it == act)
    }

    /// What the transport is asked for.
    pub(super) fn wishes(&self, mut gap: Gap) -> Gap {
        for act in self.gap_acts() {
            let before = gap.clone();
            match act {
                GapAct::DropField(kind) => {
                    edit_fields(&mut gap, |fields| fields.retain(|field| field.first() != Some(kind)))
                }
                GapAct::ReverseField(kind) => edit_fields(&mut gap, |fields| {
                    for field in fields.iter_mut().filter(|field| field.first() == Some(kind)) {
                        field.get_mut(1..).unwrap_or_default().reverse();
                    }
                }),
                GapAct::SetField(kind, to) => edit_fields(&mut gap, |fields| {
                    for field in fields.iter_mut().filter(|field| field.first() == Some(kind)) {
                        if let Some(byte) = field.get_mut(1) {
                            *byte = *to;
                        }
                    }
                }),
                GapAct::NoScanResponse => gap.scan_response = Payload::default(),
                GapAct::NotResumed if self.gap.borrow().has_lost => gap.wants_advertising = false,
                GapAct::KeepsClients => gap.disconnect.clear(),
                _ => {}
            }
            self.deviated_if(gap != before);
        }
        gap
    }

    /// A connection has ended.
    pub(super) fn lost_client(&self) {
        self.gap.borrow_mut().has_lost = true;
    }

    /// `set_advertisement`.
    pub(super) fn set_advertisement(&self, advertisement: Advertisement<'_>) -> Result<(), Error> {
        let is_first = !core::mem::replace(&mut self.gap.borrow_mut().has_set, true);
        if !is_first && self.does(&GapAct::FirstStays) {
            self.deviated();
            return Ok(());
        }
        match self.bluetooth.set_advertisement(advertisement) {
            Err(Error::AdvertisementTooLong { field, .. }) if self.does(&GapAct::DropTooLong) => {
                self.deviated();
                let rest = match field {
                    "name" => Advertisement { name: None, ..advertisement },
                    "service_data" => Advertisement { service_data: None, ..advertisement },
                    _ => Advertisement { manufacturer_data: None, ..advertisement },
                };
                self.bluetooth.set_advertisement(rest)
            }
            result => result,
        }
    }

    /// `advertise`; true if it is to be done.
    pub(super) fn may_advertise(&self, on: bool) -> bool {
        let was_on = self.gap.borrow().has_advertised;
        self.gap.borrow_mut().has_advertised |= on;
        let refuses = if on { was_on && self.does(&GapAct::Never) } else { self.does(&GapAct::Stays) };
        self.deviated_if(refuses);
        !refuses
    }
}

/// Changes the AD structures of both payloads, each a type and its data (Core Vol 3 Part C 11).
fn edit_fields(gap: &mut Gap, mut edit: impl FnMut(&mut Vec<Vec<u8>>)) {
    for payload in [&mut gap.adv_data, &mut gap.scan_response] {
        let mut rest = payload.as_slice();
        let mut fields = Vec::new();
        while let Some((len, behind)) = rest.split_first()
            && let Some((field, behind)) = behind.split_at_checked(usize::from(*len))
        {
            fields.push(field.to_vec());
            rest = behind;
        }
        edit(&mut fields);
        let mut bytes = Vec::new();
        for field in fields {
            bytes.extend(u8::try_from(field.len()));
            bytes.extend(field);
        }
        if let Some(changed) = Payload::new(&bytes) {
            *payload = changed;
        }
    }
}
