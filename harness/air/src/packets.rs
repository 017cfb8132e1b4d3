//! A queue of packets in one buffer, so that the way of a packet costs no allocation.

/// Consumed bytes that are tolerated in front of the queue before the rest is moved down.
const SLACK: usize = 4096;

/// First in, first out. Each entry is a tag of the owner's choice and up to 65,535 bytes.
#[derive(Debug, Default)]
pub(crate) struct PacketQueue {
    /// Entries back to back: tag, length (little-endian), bytes.
    bytes: Vec<u8>,
    /// Where the first entry begins; everything before it has been consumed.
    head: usize,
    count: usize,
}

impl PacketQueue {
    /// The number of packets.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes that wait, with three for each packet's own header.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Appends one packet, given in `parts`. What lies beyond 65,535 bytes is cut.
    pub(crate) fn push(&mut self, tag: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        let [low, high] = length.to_le_bytes();
        self.bytes.reserve(3 + usize::from(length));
        self.bytes.extend_from_slice(&[tag, low, high]);
        let end = self.bytes.len() + usize::from(length);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.bytes.truncate(end);
        self.count += 1;
    }

    /// The oldest packet.
    pub(crate) fn front(&self) -> Option<(u8, &[u8])> {
        let ([tag, low, high], rest) = self.bytes.get(self.head..)?.split_first_chunk()?;
        let bytes = rest.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
        Some((*tag, bytes))
    }

    /// Drops the oldest packet.
    pub(crate) fn pop(&mut self) {
        let Some(length) = self.front().map(|(_, bytes)| bytes.len()) else { return };
        self.head += 3 + length;
        self.count -= 1;
        if self.count == 0 {
            self.clear();
        } else if self.head > SLACK && self.head * 2 > self.bytes.len() {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.head = 0;
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn behaves_as_a_list_of_packets(steps in proptest::collection::vec(
            proptest::option::weighted(0.6, (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..600))), 0..200)
        ) {
            let mut queue = PacketQueue::default();
            let mut model = VecDeque::new();
            for step in steps {
                match step {
                    Some((tag, bytes)) => {
                        let (left, right) = bytes.split_at(bytes.len() / 2);
                        queue.push(tag, &[left, right]);
                        model.push_back((tag, bytes));
                    }
                    None => {
                        queue.pop();
                        model.pop_front();
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.is_empty(), model.is_empty());
                prop_assert_eq!(queue.size(), model.iter().map(|(_, bytes)| bytes.len() + 3).sum::<usize>());
                prop_assert_eq!(queue.front(), model.front().map(|(tag, bytes)| (*tag, &bytes[..])));
                prop_assert!(queue.head <= SLACK || queue.head * 2 <= queue.bytes.len());
            }
        }
    }

    #[test]
    fn a_packet_beyond_the_length_field_is_cut() {
        let mut queue = PacketQueue::default();
        queue.push(1, &[&[7; 65_000], &[8; 65_000]]);
        queue.push(2, &[&[9]]);
        assert_eq!(queue.front().map(|(tag, bytes)| (tag, bytes.len())), Some((1, 65_535)));
        queue.pop();
        assert_eq!(queue.front(), Some((2, &[9][..])));
    }
}
