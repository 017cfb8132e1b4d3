//! L2CAP on LE: reassembly, and the signalling and security channels as far as a central must
//! answer on them.

/// Attribute protocol (Core Vol 3 Part A 2.1).
pub(crate) const CID_ATT: u16 = 0x0004;
/// LE signalling.
pub(crate) const CID_SIGNALLING: u16 = 0x0005;
/// Security manager.
pub(crate) const CID_SMP: u16 = 0x0006;

/// Basic header: length and channel (Core Vol 3 Part A 3.1).
const HEADER_LEN: usize = 4;
/// Longest payload taken. ATT has at most 517 bytes here, the fixed channels fewer.
const PAYLOAD_LIMIT: usize = 1024;

/// Puts the fragments of L2CAP frames together.
#[derive(Default)]
pub(crate) struct Reassembler {
    frame: Vec<u8>,
}

impl Reassembler {
    /// Forgets an unfinished frame.
    pub(crate) fn clear(&mut self) {
        self.frame.clear();
    }

    /// Takes one ACL packet; `sink` gets channel and payload of the frame that it completes.
    ///
    /// # Errors
    /// What is wrong with the fragment. It is dropped, with the frame that it belonged to.
    pub(crate) fn push(
        &mut self,
        first: bool,
        data: &[u8],
        mut sink: impl FnMut(u16, &[u8]),
    ) -> Result<(), String> {
        let unfinished = !self.frame.is_empty();
        if first && let Some((cid, payload)) = whole(data)? {
            self.frame.clear();
            sink(cid, payload);
        } else if first {
            self.frame.clear();
            self.frame.extend_from_slice(data);
        } else if unfinished {
            self.frame.extend_from_slice(data);
            let frame = std::mem::take(&mut self.frame);
            match whole(&frame)? {
                Some((cid, payload)) => {
                    sink(cid, payload);
                    self.frame = frame;
                    self.frame.clear();
                }
                None => self.frame = frame,
            }
        } else {
            return Err("a continuing L2CAP fragment without a first one".into());
        }
        if first && unfinished {
            return Err("an L2CAP frame was left unfinished".into());
        }
        Ok(())
    }
}

/// Channel and payload if `frame` is complete.
fn whole(frame: &[u8]) -> Result<Option<(u16, &[u8])>, String> {
    let Some((header, payload)) = frame.split_first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let [len_low, len_high, cid_low, cid_high] = *header;
    let len = usize::from(u16::from_le_bytes([len_low, len_high]));
    if len > PAYLOAD_LIMIT {
        return Err(format!("an L2CAP frame of {len} bytes"));
    }
    match payload.len() {
        got if got < len => Ok(None),
        got if got == len => Ok(Some((u16::from_le_bytes([cid_low, cid_high]), payload))),
        got => Err(format!("an L2CAP frame of {len} bytes with {got} bytes in it")),
    }
}

/// Connection parameters that the peripheral asks for, in units of HCI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionParameters {
    /// 1.25 ms.
    pub(crate) interval_min: u16,
    /// 1.25 ms.
    pub(crate) interval_max: u16,
    /// Connection events.
    pub(crate) latency: u16,
    /// 10 ms.
    pub(crate) timeout: u16,
}

impl ConnectionParameters {
    fn parse(body: &[u8]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h] = *<&[u8; 8]>::try_from(body).ok()?;
        Some(Self {
            interval_min: u16::from_le_bytes([a, b]),
            interval_max: u16::from_le_bytes([c, d]),
            latency: u16::from_le_bytes([e, f]),
            timeout: u16::from_le_bytes([g, h]),
        })
    }

    /// Ranges of Core Vol 3 Part A 4.20 and Vol 4 Part E 7.8.18.
    fn is_valid(self) -> bool {
        let events = u32::from(self.latency) + 1;
        (6..=3200).contains(&self.interval_min)
            && (self.interval_min..=3200).contains(&self.interval_max)
            && self.latency <= 499
            && (10..=3200).contains(&self.timeout)
            // The timeout (10 ms) is longer than twice the time between two served events (1.25 ms).
            && u32::from(self.timeout) * 4 > events * u32::from(self.interval_max)
    }
}

/// What a signalling frame asks of the central.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Nothing.
    Ignore,
    /// Send this back.
    Answer(Vec<u8>),
    /// Send this back and apply the parameters.
    Update(Vec<u8>, ConnectionParameters),
}

/// Judges a signalling frame (Core Vol 3 Part A 4).
pub(crate) fn signal(frame: &[u8]) -> Signal {
    let Some((&[code, id, _, _], body)) = frame.split_first_chunk::<HEADER_LEN>() else {
        return Signal::Ignore;
    };
    match code {
        // Responses, and identifier 0, which no request may have: answering could go on for ever.
        0x01 | 0x07 | 0x13 | 0x15 | 0x18 | 0x1A => Signal::Ignore,
        _ if id == 0 => Signal::Ignore,
        0x12 => match ConnectionParameters::parse(body) {
            Some(parameters) if parameters.is_valid() => {
                Signal::Update(vec![0x13, id, 2, 0, 0x00, 0x00], parameters)
            }
            _ => Signal::Answer(vec![0x13, id, 2, 0, 0x01, 0x00]),
        },
        // Command Reject, command not understood.
        _ => Signal::Answer(vec![0x01, id, 2, 0, 0x00, 0x00]),
    }
}

/// The answer to a security manager frame, if it wants one: Pairing Failed, pairing not supported
/// (Core Vol 3 Part H 3.5.5).
pub(crate) fn security(frame: &[u8]) -> Option<Vec<u8>> {
    const PAIRING_REQUEST: u8 = 0x01;
    const SECURITY_REQUEST: u8 = 0x0B;
    matches!(frame.first(), Some(&(PAIRING_REQUEST | SECURITY_REQUEST))).then(|| vec![0x05, 0x05])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(fragments: &[(bool, &[u8])]) -> (Vec<(u16, Vec<u8>)>, Vec<String>) {
        let mut reassembler = Reassembler::default();
        let (mut frames, mut errors) = (Vec::new(), Vec::new());
        for (first, data) in fragments {
            let result = reassembler.push(*first, data, |cid, payload| frames.push((cid, payload.to_vec())));
            errors.extend(result.err());
        }
        (frames, errors)
    }

    #[test]
    fn fragments_of_any_size_make_one_frame() {
        let frame = [3, 0, 4, 0, 0x0B, 1, 2];
        for cut in 1..frame.len() {
            let (head, tail) = frame.split_at(cut);
            let (frames, errors) = collect(&[(true, head), (false, tail)]);
            assert_eq!(frames, [(4, vec![0x0B, 1, 2])], "cut at {cut}");
            assert!(errors.is_empty());
        }
    }

    #[test]
    fn wrong_fragments_are_told_and_the_next_frame_comes_through() {
        let good: (bool, &[u8]) = (true, &[1, 0, 4, 0, 0x13]);
        for wrong in [
            &[(false, &[1, 2][..])][..],
            &[(true, &[9, 0, 4, 0, 1])],
            &[(true, &[1, 0, 4, 0, 1, 2])],
            &[(true, &[0xFF, 0xFF, 4, 0, 1])],
        ] {
            let (frames, errors) = collect(&[wrong, &[good]].concat());
            assert_eq!(frames, [(4, vec![0x13])], "{wrong:?}");
            assert_eq!(errors.len(), 1, "{wrong:?}");
        }
    }

    #[test]
    fn parameter_updates_are_accepted_within_the_ranges_alone() {
        let request = [0x12, 7, 8, 0, 24, 0, 40, 0, 0, 0, 0xC8, 0];
        assert!(matches!(signal(&request), Signal::Update(answer, _) if answer == [0x13, 7, 2, 0, 0, 0]));
        let mut too_short = request;
        too_short[4] = 5;
        assert_eq!(signal(&too_short), Signal::Answer(vec![0x13, 7, 2, 0, 1, 0]));
        assert_eq!(signal(&[0x40, 9, 0, 0]), Signal::Answer(vec![1, 9, 2, 0, 0, 0]));
        assert_eq!(signal(&[0x01, 9, 2, 0, 0, 0]), Signal::Ignore);
    }

    #[test]
    fn pairing_is_refused_and_a_refusal_is_not_answered() {
        assert_eq!(security(&[0x0B, 1]), Some(vec![5, 5]));
        assert_eq!(security(&[5, 5]), None);
    }
}
