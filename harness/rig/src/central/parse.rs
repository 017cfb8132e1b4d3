//! Responses of discovery, taken apart with every rule checked. Pure.

use super::uuid::Uuid;

/// Handles that a request asked for, and that its response must keep within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u16,
    pub(super) end: u16,
}

impl Range {
    /// True when `handle` is inside.
    fn holds(self, handle: u16) -> bool {
        (self.start..=self.end).contains(&handle)
    }
}

/// Read By Group Type: declaration handle, end of group, UUID (Core Vol 3 Part F 3.4.4.10).
pub(super) fn groups(response: &[u8], range: Range) -> Option<Vec<(u16, u16, Uuid)>> {
    let mut after = range;
    items(response, &[6, 20])?
        .map(|item| {
            let (start, end, uuid) = (handle_at(item, 0)?, handle_at(item, 2)?, item.get(4..)?);
            let fits = after.holds(start) && end >= start && end <= range.end;
            // No handle is left after 0xFFFF: an item after it fits nowhere.
            after.start = end.checked_add(1).unwrap_or(0);
            after.end = if after.start == 0 { 0 } else { after.end };
            fits.then_some((start, end, Uuid::from_bytes(uuid)?))
        })
        .collect()
}

/// Read By Type: attribute handle and value (Core Vol 3 Part F 3.4.4.2). Values of `lengths` alone.
pub(super) fn attributes<'a>(
    response: &'a [u8],
    lengths: &[usize],
    range: Range,
) -> Option<Vec<(u16, &'a [u8])>> {
    let mut last = None;
    items(response, lengths)?
        .map(|item| {
            let handle = handle_at(item, 0)?;
            let fits = range.holds(handle) && last < Some(handle);
            last = Some(handle);
            fits.then_some((handle, item.get(2..)?))
        })
        .collect()
}

/// Find Information: handle and type (Core Vol 3 Part F 3.4.3.2).
pub(super) fn information(response: &[u8], range: Range) -> Option<Vec<(u16, Uuid)>> {
    let (item_len, rest) = match response {
        [_, 0x01, rest @ ..] => (4, rest),
        [_, 0x02, rest @ ..] => (18, rest),
        _ => return None,
    };
    if rest.is_empty() || rest.len() % item_len != 0 {
        return None;
    }
    let mut last = None;
    rest.chunks_exact(item_len)
        .map(|item| {
            let handle = handle_at(item, 0)?;
            let fits = range.holds(handle) && last < Some(handle);
            last = Some(handle);
            fits.then_some((handle, Uuid::from_bytes(item.get(2..)?)?))
        })
        .collect()
}

/// The value of a Characteristic Declaration: properties, value handle, UUID (Core Vol 3 Part G 3.3.1).
pub(super) fn declaration(value: &[u8]) -> Option<(u8, u16, Uuid)> {
    let (&properties, rest) = value.split_first()?;
    Some((properties, handle_at(rest, 0)?, Uuid::from_bytes(rest.get(2..)?)?))
}

/// The value of an Include Declaration: the included service's range, and its UUID if that is a
/// 16-bit one (Core Vol 3 Part G 3.2).
pub(super) fn include(value: &[u8]) -> Option<(Range, Option<Uuid>)> {
    let (start, end) = (handle_at(value, 0)?, handle_at(value, 2)?);
    let uuid = match value.get(4..)? {
        [] => None,
        uuid => Some(Uuid::from_bytes(uuid)?),
    };
    (start > 0 && end >= start).then_some((Range { start, end }, uuid))
}

/// The list of a response that gives its items' length in the second byte.
fn items<'a>(response: &'a [u8], lengths: &[usize]) -> Option<std::slice::ChunksExact<'a, u8>> {
    let [_, item_len, rest @ ..] = response else { return None };
    let item_len = usize::from(*item_len);
    let fits = lengths.contains(&item_len) && !rest.is_empty() && rest.len().is_multiple_of(item_len);
    fits.then(|| rest.chunks_exact(item_len))
}

fn handle_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Range = Range { start: 1, end: 0xFFFF };

    #[test]
    fn well_formed_lists_are_taken() {
        let response = [0x11, 6, 1, 0, 5, 0, 0, 0x18, 6, 0, 6, 0, 1, 0x18];
        let found = groups(&response, ALL).unwrap();
        assert_eq!(found, [(1, 5, Uuid::short(0x1800)), (6, 6, Uuid::short(0x1801))]);
        let response = [0x09, 7, 2, 0, 0x12, 3, 0, 0, 0x2A];
        let found = attributes(&response, &[7, 21], ALL).unwrap();
        assert_eq!(declaration(found[0].1), Some((0x12, 3, Uuid::short(0x2A00))));
        let response = [0x05, 1, 4, 0, 2, 0x29];
        assert_eq!(information(&response, ALL), Some(vec![(4, Uuid::short(0x2902))]));
    }

    #[test]
    fn broken_lists_are_refused() {
        let from_six = Range { start: 6, end: 9 };
        for (what, response) in [
            ("no items", &[0x11, 6][..]),
            ("a length of zero", &[0x11, 0, 1, 0]),
            ("another length", &[0x11, 7, 1, 0, 5, 0, 0, 0x18, 0]),
            ("a cut item", &[0x11, 6, 6, 0, 7, 0, 0]),
            ("a handle before the range", &[0x11, 6, 5, 0, 7, 0, 0, 0x18]),
            ("a handle after the range", &[0x11, 6, 10, 0, 11, 0, 0, 0x18]),
            ("an end before the start", &[0x11, 6, 7, 0, 6, 0, 0, 0x18]),
            ("handles out of order", &[0x11, 6, 7, 0, 7, 0, 0, 0x18, 6, 0, 6, 0, 1, 0x18]),
            ("groups that overlap", &[0x11, 6, 6, 0, 8, 0, 0, 0x18, 8, 0, 9, 0, 1, 0x18]),
        ] {
            assert_eq!(groups(response, from_six), None, "{what}");
        }
        assert_eq!(groups(&[0x11, 6, 1, 0, 0xFF, 0xFF, 0, 0x18, 2, 0, 3, 0, 1, 0x18], ALL), None);
        assert_eq!(information(&[0x05, 3, 4, 0, 2, 0x29], ALL), None);
        assert_eq!(attributes(&[0x09, 7, 2, 0, 0x12, 3, 0, 0], &[7], ALL), None);
    }
}
