//! Changes of bytes.

use alloc::vec::Vec;
use wire::mutant::{Edit, Item, Test};

const ERROR_RSP: u8 = 0x01;
const ATTRIBUTE_NOT_FOUND: u8 = 0x0A;

/// Changes `bytes`; true if they are others now.
pub(super) fn apply(edit: &Edit, bytes: &mut Vec<u8>) -> bool {
    let before = bytes.clone();
    match edit {
        Edit::Set(at, to) => change(bytes, *at, |_| *to),
        Edit::Add(at, by) => change(bytes, *at, |byte| byte.wrapping_add(*by)),
        Edit::Cut(count) => bytes.truncate(bytes.len().saturating_sub(usize::from(*count))),
        Edit::Keep(count) => bytes.truncate(usize::from(*count)),
        Edit::Append(more) => bytes.extend_from_slice(more),
        Edit::ReverseFrom(at) => {
            if let Some(rest) = bytes.get_mut(usize::from(*at)..) {
                rest.reverse();
            }
        }
        Edit::DropItem(item) => items(bytes, |items| {
            match item {
                Item::First if !items.is_empty() => drop(items.remove(0)),
                Item::First => {}
                Item::Last => drop(items.pop()),
            };
        }),
        Edit::RepeatItem(item) => items(bytes, |items| {
            let (at, again) = match item {
                Item::First => (0, items.first().cloned()),
                Item::Last => (items.len(), items.last().cloned()),
            };
            if let Some(again) = again {
                items.insert(at, again);
            }
        }),
        Edit::ReverseItems => items(bytes, |items| items.reverse()),
    }
    *bytes != before
}

fn change(bytes: &mut [u8], at: u16, to: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(usize::from(at)) {
        *byte = to(*byte);
    }
}

/// Changes the items of a list response; other PDUs are left alone.
fn items(pdu: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let Some((header_len, item_len)) = layout(pdu) else { return };
    let Some((header, list)) = pdu.split_at_checked(header_len) else { return };
    let mut items: Vec<Vec<u8>> = list.chunks(item_len).map(<[u8]>::to_vec).collect();
    change(&mut items);
    // A response without items does not exist: emptied, it is left for the caller to see.
    let changed = if items.is_empty() { Vec::new() } else { [header, &items.concat()].concat() };
    *pdu = changed;
}

/// Lengths of the header and of one item (Core Vol 3 Part F 3.4.3 and 3.4.4).
fn layout(pdu: &[u8]) -> Option<(usize, usize)> {
    match *pdu {
        [0x05, 0x01, ..] => Some((2, 4)),
        [0x05, 0x02, ..] => Some((2, 18)),
        [0x07, ..] => Some((1, 4)),
        [0x09 | 0x11, len, ..] if len > 0 => Some((2, usize::from(len))),
        _ => None,
    }
}

/// The Error Response that a list without items is (Core Vol 3 Part F 3.4.3.1 and its like).
pub(super) fn not_found(request: &[u8]) -> Vec<u8> {
    let byte = |at: usize| request.get(at).copied().unwrap_or(0);
    alloc::vec![ERROR_RSP, byte(0), byte(1), byte(2), ATTRIBUTE_NOT_FOUND]
}

/// Whether a condition on a PDU holds.
pub(super) fn holds(test: Test, pdu: &[u8]) -> bool {
    match test {
        Test::Is(at, byte) => pdu.get(usize::from(at)) == Some(&byte),
        Test::IsNot(at, byte) => pdu.get(usize::from(at)).is_some_and(|found| *found != byte),
        Test::AtLeast(len) => pdu.len() >= usize::from(len),
        Test::AtMost(len) => pdu.len() <= usize::from(len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edited(edit: &Edit, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        apply(edit, &mut bytes);
        bytes
    }

    #[test]
    fn items_of_every_list_response_are_told_apart() {
        let first = |pdu: &[u8]| edited(&Edit::DropItem(Item::First), pdu);
        let last = |pdu: &[u8]| edited(&Edit::DropItem(Item::Last), pdu);
        assert_eq!(last(&[0x05, 0x01, 1, 0, 2, 0x29, 2, 0, 3, 0x28]), [0x05, 0x01, 1, 0, 2, 0x29]);
        assert_eq!(first(&[0x07, 1, 0, 5, 0, 6, 0, 9, 0]), [0x07, 6, 0, 9, 0]);
        assert_eq!(
            first(&[0x11, 6, 1, 0, 5, 0, 0, 0x18, 6, 0, 9, 0, 1, 0x18]),
            [0x11, 6, 6, 0, 9, 0, 1, 0x18]
        );
        assert_eq!(last(&[0x09, 3, 1, 0, 7]), []);
        assert_eq!(last(&[0x0B, 1, 2, 3]), [0x0B, 1, 2, 3]);
        let twice = edited(&Edit::RepeatItem(Item::Last), &[0x07, 1, 0, 5, 0, 6, 0, 9, 0]);
        assert_eq!(twice, [0x07, 1, 0, 5, 0, 6, 0, 9, 0, 6, 0, 9, 0]);
        assert_eq!(edited(&Edit::ReverseItems, &[0x09, 2, 1, 2, 3, 4]), [0x09, 2, 3, 4, 1, 2]);
    }

    #[test]
    fn a_list_without_items_names_the_start_of_the_range() {
        assert_eq!(not_found(&[0x10, 7, 0, 0xFF, 0xFF, 0, 0x28]), [0x01, 0x10, 7, 0, 0x0A]);
    }

    #[test]
    fn places_that_are_not_there_are_left_alone() {
        assert_eq!(edited(&Edit::Set(9, 1), &[1, 2]), [1, 2]);
        assert_eq!(edited(&Edit::Add(1, 0xFF), &[1, 2]), [1, 1]);
        assert_eq!(edited(&Edit::Cut(5), &[1, 2]), []);
        assert_eq!(edited(&Edit::ReverseFrom(1), &[1, 2, 3]), [1, 3, 2]);
        assert!(holds(Test::IsNot(0, 2), &[1]) && !holds(Test::IsNot(1, 2), &[1]));
    }

    fn edits() -> impl Strategy<Value = Edit> {
        let item = prop_oneof![Just(Item::First), Just(Item::Last)];
        prop_oneof![
            (any::<u16>(), any::<u8>()).prop_map(|(at, to)| Edit::Set(at % 40, to)),
            (any::<u16>(), any::<u8>()).prop_map(|(at, by)| Edit::Add(at % 40, by)),
            any::<u16>().prop_map(Edit::Cut),
            (0..40u16).prop_map(Edit::Keep),
            any::<Vec<u8>>().prop_map(Edit::Append),
            (0..40u16).prop_map(Edit::ReverseFrom),
            item.clone().prop_map(Edit::DropItem),
            item.prop_map(Edit::RepeatItem),
            Just(Edit::ReverseItems),
        ]
    }

    proptest! {
        #[test]
        fn any_edit_takes_any_bytes_and_says_whether_they_changed(edit in edits(), bytes: Vec<u8>) {
            let mut changed = bytes.clone();
            prop_assert_eq!(apply(&edit, &mut changed), changed != bytes);
        }
    }
}
