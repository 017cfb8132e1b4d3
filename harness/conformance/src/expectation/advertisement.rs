//! What a device advertises, against what it should.

use super::{Judged, Judgement};
use crate::observation::{AdField, CentralEvent};
use crate::scenario::AdvertisementExpect;
use crate::spelling;

impl AdvertisementExpect {
    /// True for a field of the kind that this says something about.
    pub(crate) fn asks_for(&self, field: &AdField) -> bool {
        match field {
            AdField::Name(_) => self.name.is_some(),
            AdField::TxPower(_) => self.tx_power.is_some(),
            AdField::ServiceUuid(_) => self.service_uuid.is_some(),
            AdField::ServiceData { .. } => self.service_data.is_some(),
            AdField::ManufacturerData(_) => self.manufacturer_data.is_some(),
            AdField::Flags(_) => self.flags.is_some(),
            AdField::Other { .. } => false,
        }
    }

    /// True when all that this says is among these fields.
    #[must_use]
    pub fn fits(&self, fields: &[AdField]) -> bool {
        self.lacking(fields).is_none()
    }

    /// The first thing that this says and that is not among these fields, in words.
    fn lacking(&self, fields: &[AdField]) -> Option<String> {
        let has = |is_it: &dyn Fn(&AdField) -> bool| fields.iter().any(is_it);
        if let Some(name) = &self.name
            && !has(&|field| matches!(field, AdField::Name(it) if it == name))
        {
            return Some(format!("the name {}", spelling::quoted(name)));
        }
        if let Some(uuid) = &self.service_uuid
            && !has(&|field| matches!(field, AdField::ServiceUuid(it) if spelling::is_same(it, &uuid.0)))
        {
            return Some(format!("the service {}", spelling::uuid(&uuid.0)));
        }
        if let Some(data) = &self.manufacturer_data
            && !has(&|field| matches!(field, AdField::ManufacturerData(it) if it == data))
        {
            return Some(format!("manufacturer data {}", spelling::value_in_sentence(data)));
        }
        if let Some(data) = &self.service_data
            && !has(&|field| matches!(field, AdField::ServiceData { data: it, .. } if it == data))
        {
            return Some(format!("service data {}", spelling::value_in_sentence(data)));
        }
        if let Some(flags) = self.flags
            && !has(&|field| *field == AdField::Flags(flags))
        {
            return Some(format!("the flags 0x{flags:02X}"));
        }
        match self.tx_power {
            Some(power) if !has(&|field| *field == AdField::TxPower(power)) => {
                Some(format!("a TX power of {power} dBm"))
            }
            _ => None,
        }
    }
}

impl Judged<'_> {
    pub(super) fn advertisement(&self, expect: &AdvertisementExpect) -> Judgement {
        let Some(came) = self.answer() else { return Judgement::Undecided };
        let nothing = "nothing".to_owned();
        match (came, expect.present) {
            (CentralEvent::Nothing, false) => Judgement::Held,
            (CentralEvent::Nothing, true) => {
                let line = self.line(came);
                let summary = match expect.lacking(&[]) {
                    Some(lacking) => format!("the device does not advertise, expected {lacking}"),
                    None => "the device does not advertise".to_owned(),
                };
                Judgement::Broken(super::Broken { summary, came: Some(line), wanted: None })
            }
            (CentralEvent::Advertised(fields), true) => match expect.lacking(fields) {
                None => Judgement::Held,
                Some(lacking) => self.broken("the device", came, &lacking, None),
            },
            (_, true) => self.broken("the device", came, "an advertisement", None),
            (CentralEvent::Advertised(_), false) => {
                self.broken("the device", came, "nothing like it to be advertised", Some(nothing))
            }
            (_, false) => self.broken("the device", came, "nothing", Some(nothing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Uuid;
    use crate::trace;

    #[test]
    fn every_field_that_is_asked_for_must_be_there() {
        let expect = AdvertisementExpect {
            name: Some("Lamp".into()),
            service_uuid: Some(Uuid(vec![0x34, 0x12])),
            manufacturer_data: Some(vec![1]),
            service_data: Some(vec![2]),
            flags: Some(6),
            tx_power: Some(-4),
            present: true,
        };
        let fields = [
            AdField::Flags(6),
            AdField::Name("Lamp".into()),
            AdField::ServiceUuid([spelling::BASE_UUID.as_slice(), &[0x34, 0x12, 0, 0]].concat()),
            AdField::ManufacturerData(vec![1]),
            AdField::ServiceData { uuid: vec![0x34, 0x12], data: vec![2] },
            AdField::TxPower(-4),
        ];
        assert!(expect.fits(&fields));
        for missing in 1..fields.len() {
            let mut rest = fields.to_vec();
            let gone = rest.remove(missing);
            assert!(!expect.fits(&rest), "without {}", trace::ad_field(&gone));
        }
    }
}
