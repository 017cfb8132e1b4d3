//! Values that are taken, kept and pushed otherwise.

use super::layer::Layer;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use gatts::{Error, Value};
use wire::mutant::{Deviation, SetAct, ValueAct};

/// Stands for a client where there is none.
pub(super) const NO_CLIENT: u16 = u16::MAX;

/// Values as they were.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// By handle: before the PDU that is being dealt with.
    before_pdu: BTreeMap<u16, Vec<u8>>,
    /// By handle: the last one seen, and that before it.
    seen: BTreeMap<u16, (Vec<u8>, Option<Vec<u8>>)>,
    /// `value()` of this one gives the value before the PDU, and whether it has done so.
    shows_old: Option<(u16, bool)>,
}

impl Values {
    pub(super) fn before(&self, handle: u16) -> Option<Vec<u8>> {
        self.before_pdu.get(&handle).cloned()
    }

    pub(super) fn show_old(&mut self, handle: u16) {
        self.shows_old = Some((handle, false));
    }

    /// True if an old value was shown as the present one.
    pub(super) fn show_new(&mut self) -> bool {
        self.shows_old.take().is_some_and(|(_, shown)| shown)
    }

    fn note(&mut self, handle: u16, value: &[u8]) {
        match self.seen.get_mut(&handle) {
            Some((last, before)) if last != value => {
                *before = Some(core::mem::replace(last, value.to_vec()));
            }
            Some(_) => {}
            None => drop(self.seen.insert(handle, (value.to_vec(), None))),
        }
    }
}

impl Layer {
    fn value_acts(&self) -> impl Iterator<Item = ValueAct> {
        self.deviations.iter().filter_map(|deviation| match deviation {
            Deviation::Value(act) => Some(*act),
            _ => None,
        })
    }

    fn set_acts(&self) -> impl Iterator<Item = SetAct> {
        self.deviations.iter().filter_map(|deviation| match deviation {
            Deviation::Set(act) => Some(*act),
            _ => None,
        })
    }

    /// Notes all values before a PDU is dealt with.
    pub(super) fn note_values(&self) {
        let mut values = self.values.borrow_mut();
        for characteristic in self.characteristics.borrow().iter() {
            let (handle, value) = (characteristic.value_handle(), characteristic.value());
            values.note(handle, &value);
            values.before_pdu.insert(handle, value);
        }
    }

    /// What `value()` gives.
    pub(super) fn value(&self, characteristic: &gatts::Characteristic) -> Vec<u8> {
        let (handle, value) = (characteristic.value_handle(), characteristic.value());
        let mut values = self.values.borrow_mut();
        values.note(handle, &value);
        let mut given = value.clone();
        if self.value_acts().any(|act| act == ValueAct::Stale)
            && let Some((_, Some(before))) = values.seen.get(&handle)
        {
            given.clone_from(before);
        }
        let Values { before_pdu, shows_old, .. } = &mut *values;
        if let Some((shown, has_shown)) = shows_old
            && *shown == handle
            && let Some(before) = before_pdu.get(&handle)
        {
            *has_shown |= *before != value;
            given.clone_from(before);
        }
        drop(values);
        self.deviated_if(given != value);
        given
    }

    /// Sets a value of the application's.
    pub(super) fn set_value(
        &self,
        characteristic: &gatts::Characteristic,
        value: Value<'_>,
    ) -> Result<(), Error> {
        let handle = characteristic.value_handle();
        self.values.borrow_mut().note(handle, &characteristic.value());
        let real = value.encode();
        let mut taken: Option<Vec<u8>> = None;
        for act in self.value_acts() {
            let other = taken.as_deref().map(Value::Bytes).unwrap_or(value);
            taken = otherwise(act, other).or(taken);
        }
        self.deviated_if(taken.as_ref().is_some_and(|taken| real.as_ref() != Ok(taken)));
        let value = taken.as_deref().map(Value::Bytes).unwrap_or(value);
        for act in self.set_acts() {
            if act == SetAct::Ignore {
                self.deviated();
                return Ok(());
            }
        }
        let result = match characteristic.set_value(value) {
            Err(Error::ValueTooLong { limit, .. }) if self.cuts_at_limit() => {
                self.deviated();
                let whole = bytes(value);
                characteristic.set_value(Value::Bytes(whole.get(..limit).unwrap_or_default()))
            }
            result => result,
        };
        if result.is_ok() {
            for act in self.set_acts() {
                self.after_set(characteristic, act);
            }
        }
        result
    }

    fn cuts_at_limit(&self) -> bool {
        self.value_acts().any(|act| act == ValueAct::CutAtLimit)
    }

    fn after_set(&self, characteristic: &gatts::Characteristic, act: SetAct) {
        let handle = characteristic.value_handle();
        match act {
            SetAct::Ignore => {}
            SetAct::ToAll => self.push_to_all(handle, &characteristic.value()),
            SetAct::AsWrite => {
                self.deviated();
                self.as_write(handle);
            }
            SetAct::ClosesSnapshots => self.close_snapshots(),
        }
    }
}

/// Bytes of a value whose length does not matter.
fn bytes(value: Value<'_>) -> Vec<u8> {
    match value {
        Value::Int(_) => value.encode().unwrap_or_default(),
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
    }
}

fn otherwise(act: ValueAct, value: Value<'_>) -> Option<Vec<u8>> {
    match (act, value) {
        (ValueAct::LittleEndian, Value::Int(_)) => {
            let mut bytes = value.encode().ok()?;
            bytes.reverse();
            Some(bytes)
        }
        (ValueAct::Width(width), Value::Int(number)) => Some(in_width(number, width)),
        (ValueAct::Wrap, Value::Int(number)) if value.encode().is_err() => Some(in_width(number, 4)),
        (ValueAct::Terminated, Value::Text(text)) => Some([text.as_bytes(), &[0]].concat()),
        (ValueAct::Latin1, Value::Text(text)) => {
            Some(text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect())
        }
        (ValueAct::UntilZero, value) => {
            let mut bytes = bytes(value);
            let end = bytes.iter().skip(1).position(|byte| *byte == 0);
            bytes.truncate(end.map_or(bytes.len(), |end| end + 1));
            Some(bytes)
        }
        (ValueAct::Limit(limit), value) => {
            let mut bytes = bytes(value);
            bytes.truncate(usize::from(limit));
            Some(bytes)
        }
        _ => None,
    }
}

/// The last `width` bytes of a big-endian integer.
pub(super) fn in_width(number: i64, width: u8) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes.get(bytes.len().saturating_sub(usize::from(width))..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_taken_in_each_wrong_form() {
        let taken = |act, number| otherwise(act, Value::Int(number));
        assert_eq!(taken(ValueAct::LittleEndian, 0x1234), Some([0x34, 0x12].into()));
        assert_eq!(taken(ValueAct::Width(2), 70_000), Some([0x11, 0x70].into()));
        assert_eq!(taken(ValueAct::Width(4), 5), Some([0, 0, 0, 5].into()));
        assert_eq!(taken(ValueAct::Wrap, -1), Some([0xFF; 4].into()));
        assert_eq!(taken(ValueAct::Wrap, 5), None);
    }

    #[test]
    fn texts_and_limits() {
        assert_eq!(otherwise(ValueAct::Terminated, Value::Text("on")), Some(b"on\0".into()));
        assert_eq!(otherwise(ValueAct::Latin1, Value::Text("é")), Some([0xE9].into()));
        assert_eq!(otherwise(ValueAct::Limit(2), Value::Bytes(&[1, 2, 3])), Some([1, 2].into()));
        assert_eq!(otherwise(ValueAct::Terminated, Value::Bytes(&[1])), None);
    }
}
