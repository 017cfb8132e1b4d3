//! AES-CMAC (RFC 4493), for the Database Hash and for signed writes.

use aes::Aes128;
use alloc::vec::Vec;
use cmac::{Cmac, Mac};

/// Bytes of an authentication signature: a sign counter of 4 and a MAC of 8 (Core Vol 3 Part C 10.4.1).
const SIGNATURE_LEN: usize = 12;
const MAC_LEN: usize = 8;

/// The Database Hash being calculated: AES-CMAC with a key of zeroes (Core Vol 3 Part G 7.3.1).
pub(crate) struct DatabaseHash(Cmac<Aes128>);

impl DatabaseHash {
    pub(crate) fn new() -> Self {
        Self(Cmac::new(&[0; 16].into()))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash as the characteristic value: a number of 128 bits, least significant octet first like every
    /// multi-octet field of the profile (Core Vol 3 Part G 2.4 and 7.3).
    pub(crate) fn finish(self) -> [u8; 16] {
        let mut hash: [u8; 16] = self.0.finalize().into_bytes().into();
        hash.reverse();
        hash
    }
}

/// Splits a signed PDU into what was signed, opcode first, and its sign counter; `None` if the signature is
/// not that of the key. `csrk` is least significant octet first.
///
/// The cipher takes key and message as numbers, most significant octet first, and the MAC is the most
/// significant half of its result (Core Vol 3 Part H 2.4.5, with an example in Part F 3.4.5.4).
pub(crate) fn verify_signature<'a>(csrk: &[u8; 16], pdu: &'a [u8]) -> Option<(&'a [u8], u32)> {
    let (signed, signature) = pdu.split_at_checked(pdu.len().checked_sub(SIGNATURE_LEN)?)?;
    let (counter, mac) = signature.split_first_chunk::<4>()?;
    let mut key = *csrk;
    key.reverse();
    let covered = pdu.get(..pdu.len() - MAC_LEN)?;
    let message: Vec<u8> = covered.iter().rev().copied().collect();
    let expected: Vec<u8> = mac.iter().rev().copied().collect();
    let mut cipher: Cmac<Aes128> = Cmac::new(&key.into());
    cipher.update(&message);
    cipher.verify_truncated_left(&expected).ok()?;
    Some((signed, u32::from_le_bytes(*counter)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(digits: &str) -> [u8; N] {
        core::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
    }

    /// The example of Core Vol 3 Part F 3.4.5.4.
    #[test]
    fn the_signature_of_the_specifications_example_is_right() {
        let mut csrk = hex::<16>("611B64EBFBCD1FD372EC9196DF425E50");
        csrk.reverse();
        let pdu = hex::<17>("D21200133701000000F1871E933C900FF2");
        assert_eq!(verify_signature(&csrk, &pdu), Some((&hex::<5>("D212001337")[..], 1)));
        for changed in 0..pdu.len() {
            let mut wrong = pdu;
            wrong[changed] ^= 0x10;
            assert_eq!(verify_signature(&csrk, &wrong), None, "octet {changed}");
        }
        for length in 0..pdu.len() {
            assert_eq!(verify_signature(&csrk, &pdu[..length]), None, "{length} octets");
        }
    }

    /// The message and result of Core Vol 3 Part G Appendix B.
    #[test]
    fn the_hash_of_the_specifications_example_is_right() {
        let message = hex::<111>(concat!(
            "010000280018020003280A0300002A04000328020500012A0600002801180700",
            "0328200800052A090002290A0003280A0B00292B0C000328020D002A2B0E0000",
            "2808180F000228140016000F1810000328A21100182A12000229130000290000",
            "140001280F1815000328021600192A"
        ));
        let mut hash = DatabaseHash::new();
        hash.update(&message);
        let mut expected = hex::<16>("F1CA2D48ECF58BAC8A8830BBB9FBA990");
        expected.reverse();
        assert_eq!(hash.finish(), expected);
    }
}
