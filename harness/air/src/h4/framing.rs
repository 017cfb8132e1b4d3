//! H4 packets out of a stream of bytes.

use bt_hci_transport::PacketKind;

/// Who writes the stream that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// A host: commands and data.
    Host,
    /// A controller: events and data.
    Controller,
}

/// The kinds of packets that may come: their indicators, and how long their headers are.
fn kind(writer: Writer, indicator: u8) -> Option<(PacketKind, usize)> {
    match (writer, indicator) {
        (Writer::Host, 1) => Some((PacketKind::Cmd, 3)),
        (_, 2) => Some((PacketKind::AclData, 4)),
        (_, 3) => Some((PacketKind::SyncData, 3)),
        (Writer::Controller, 4) => Some((PacketKind::Event, 2)),
        (_, 5) => Some((PacketKind::IsoData, 4)),
        _ => None,
    }
}

/// How many bytes follow a packet's header (Core Vol 4 Part E 5.4).
fn data_length(kind: PacketKind, header: &[u8]) -> usize {
    match (kind, header) {
        (PacketKind::Cmd | PacketKind::SyncData, [_, _, length]) | (PacketKind::Event, [_, length]) => {
            usize::from(*length)
        }
        (PacketKind::AclData, [_, _, low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
        // The two upper bits are reserved.
        (PacketKind::IsoData, [_, _, low, high]) => usize::from(u16::from_le_bytes([*low, *high]) & 0x3FFF),
        _ => 0,
    }
}

/// Holds the bytes of at most one packet, however they were cut: at most 65,540.
#[derive(Debug)]
pub(super) struct Framer {
    writer: Writer,
    /// The packet that is not complete yet, from its indicator on.
    begun: Vec<u8>,
}

impl Framer {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, begun: Vec::new() }
    }

    /// Whether a packet has begun and not ended.
    pub(super) fn is_within_packet(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Takes the bytes that came, and gives each packet that is complete, without its indicator.
    ///
    /// # Errors
    /// The byte that is no indicator. After it nothing can be read any more.
    pub(super) fn push(&mut self, bytes: &[u8], mut packet: impl FnMut(PacketKind, &[u8])) -> Result<(), u8> {
        let mut rest = bytes;
        while let Some(first) = self.begun.first().or(rest.first()).copied() {
            let (kind, header_length) = kind(self.writer, first).ok_or(first)?;
            let mut take = |begun: &mut Vec<u8>, up_to: usize| {
                let missing = up_to.saturating_sub(begun.len());
                let (taken, left) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
                begun.extend_from_slice(taken);
                rest = left;
                begun.len() >= up_to
            };
            if !take(&mut self.begun, 1 + header_length) {
                return Ok(());
            }
            let header = self.begun.get(1..=header_length).unwrap_or_default();
            let length = 1 + header_length + data_length(kind, header);
            if !take(&mut self.begun, length) {
                return Ok(());
            }
            packet(kind, self.begun.get(1..).unwrap_or_default());
            self.begun.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Indicator and bytes.
    type Packets = Vec<(u8, Vec<u8>)>;

    fn packets(writer: Writer, chunks: &[&[u8]]) -> (Packets, Result<(), u8>, bool) {
        let (mut framer, mut packets) = (Framer::new(writer), Vec::new());
        for chunk in chunks {
            let pushed = framer.push(chunk, |kind, bytes| packets.push((kind as u8, bytes.to_vec())));
            if pushed.is_err() {
                return (packets, pushed, framer.is_within_packet());
            }
        }
        (packets, Ok(()), framer.is_within_packet())
    }

    proptest! {
        #[test]
        fn packets_are_found_however_the_stream_is_cut(
            writer in prop_oneof![Just(Writer::Host), Just(Writer::Controller)],
            sent in proptest::collection::vec(
                (prop_oneof![Just(1_u8), Just(2), Just(3), Just(5)],
                 proptest::collection::vec(any::<u8>(), 0..300)), 0..8),
            cuts in proptest::collection::vec(1_usize..40, 1..200),
        ) {
            let mut stream = Vec::new();
            let mut expected = Vec::new();
            for (kind, data) in &sent {
                // One draw serves both sides: a host's command is a controller's event.
                let kind = if (writer, *kind) == (Writer::Controller, 1) { &4 } else { kind };
                let data = if matches!(kind, 1 | 3 | 4) { &data[..data.len().min(255)] } else { &data[..] };
                let [low, high] = (data.len() as u16).to_le_bytes();
                let header: &[u8] = match kind {
                    4 => &[9, low],
                    1 | 3 => &[9, 8, low],
                    _ => &[9, 8, low, high],
                };
                expected.push((*kind, [header, data].concat()));
                stream.extend([&[*kind], header, data].concat());
            }
            let mut rest = &stream[..];
            let mut chunks = Vec::new();
            for cut in cuts.iter().cycle() {
                let (chunk, left) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = left;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(packets(writer, &chunks), (expected, Ok(()), false));
        }

        #[test]
        fn no_stream_panics_or_grows(
            writer in prop_oneof![Just(Writer::Host), Just(Writer::Controller)],
            bytes in proptest::collection::vec(any::<u8>(), 0..4000),
        ) {
            let mut framer = Framer::new(writer);
            for chunk in bytes.chunks(100) {
                if framer.push(chunk, |_, _| {}).is_err() {
                    break;
                }
                prop_assert!(framer.begun.len() <= 65_540);
            }
        }
    }

    #[test]
    fn a_byte_that_is_no_indicator_is_named_after_what_came_before_it() {
        let stream = [1, 3, 12, 0, 4, 0x0E, 0];
        assert_eq!(packets(Writer::Host, &[&stream]), (vec![(1, vec![3, 12, 0])], Err(4), false));
        assert_eq!(packets(Writer::Controller, &[&stream]).1, Err(1));
        assert_eq!(packets(Writer::Host, &[&[0]]).1, Err(0));
        assert!(packets(Writer::Host, &[&[1, 3, 12]]).2);
    }
}
