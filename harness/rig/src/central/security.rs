//! Keys of a bond: encryption, and signed writes.

use super::att::{TRANSACTION_TIMEOUT, write_pdu};
use super::{AttCentral, Failure, Link, not_connected};
use crate::fault::Fault;
use aes::Aes128;
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use cmac::{Cmac, Mac};
use std::convert::Infallible;

/// Bytes behind the value in a Signed Write Command: sign counter and MAC (Core Vol 3 Part F 3.3.1).
pub const SIGNATURE_LEN: usize = 12;
/// The MAC is the most significant half of what AES-CMAC gives (Core Vol 3 Part H 2.4.5).
const MAC_LEN: usize = 8;

/// What a central keeps for the device that it is bonded with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Long Term Key, least significant byte first.
    ltk: [u8; 16],
    /// Connection Signature Resolving Key, least significant byte first.
    csrk: Option<[u8; 16]>,
    /// For the next signed write; `None` once every counter has been used.
    sign_counter: Option<u32>,
}

impl Keys {
    /// Fresh keys: the sign counter begins at 0 (Core Vol 3 Part H 2.4.5).
    #[must_use]
    pub fn new(ltk: [u8; 16], csrk: Option<[u8; 16]>) -> Self {
        Self { ltk, csrk, sign_counter: Some(0) }
    }
}

/// How a request to encrypt the link has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// The link is encrypted.
    On,
    /// It is as it was, for this HCI error.
    Refused(u8),
}

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Takes the keys of a new bond in the place of those of an old one. They outlast connections.
    pub fn set_keys(&self, keys: Keys) {
        self.keys.replace(Some(keys));
        self.state.borrow_mut().bonded = true;
    }

    /// There is no bond any more.
    pub(super) fn forget_keys(&self) {
        self.keys.replace(None);
        self.state.borrow_mut().bonded = false;
    }

    /// Encrypts the link with the bond's key, or anew if it is encrypted already.
    ///
    /// # Errors
    /// [`Failure::NoResponse`] when it has not ended after 30 s, the link has ended, or the bench broke.
    pub async fn encrypt(&self) -> Result<Encryption, Failure> {
        self.check_up()?;
        let ltk = self.keys.borrow().as_ref().map(|keys| keys.ltk).ok_or_else(no_bond)?;
        self.enable_encryption(ltk).await?;
        let ended = self.within(TRANSACTION_TIMEOUT, |state| match (state.encryption, state.link) {
            (Some(0), _) => Some(Ok(Encryption::On)),
            (Some(code), _) => Some(Ok(Encryption::Refused(code))),
            (None, Link::Up(_)) => None,
            (None, Link::Down(reason) | Link::Failed(reason)) => Some(Err(Failure::Gone(reason))),
            (None, Link::Idle) => Some(Err(Failure::Rig(not_connected()))),
        });
        ended.await?.unwrap_or(Err(Failure::NoResponse))
    }

    /// One Signed Write Command, with the next counter of the bond (Core Vol 3 Part F 3.4.5.4).
    ///
    /// # Errors
    /// There is no signing key, the link has ended, or the bench broke.
    pub async fn write_signed(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.check_up()?;
        let pdu = {
            let mut keys = self.keys.borrow_mut();
            let keys = keys.as_mut().ok_or_else(no_bond)?;
            let (csrk, counter) = keys.csrk.zip(keys.sign_counter).ok_or_else(no_bond)?;
            keys.sign_counter = counter.checked_add(1);
            sign(&csrk, counter, write_pdu(0xD2, handle, value))
        };
        self.send(&pdu).await
    }
}

/// Puts counter and MAC behind a PDU. The cipher takes key and message as numbers, most significant byte
/// first (Core Vol 3 Part H 2.4.5).
fn sign(csrk: &[u8; 16], counter: u32, pdu: Vec<u8>) -> Vec<u8> {
    let mut signed = pdu;
    signed.extend(counter.to_le_bytes());
    let (mut key, mut message) = (*csrk, signed.clone());
    key.reverse();
    message.reverse();
    signed.extend(cmac(key, &message).iter().take(MAC_LEN).rev());
    signed
}

/// AES-CMAC (RFC 4493).
pub(super) fn cmac(key: [u8; 16], message: &[u8]) -> [u8; 16] {
    let mut cipher: Cmac<Aes128> = Cmac::new(&key.into());
    cipher.update(message);
    cipher.finalize().into_bytes().into()
}

fn no_bond() -> Failure {
    let cause = "a step needs a key of a bond, and there is none";
    Failure::Rig(Fault::new(cause, "put a `bond` step before it, with a `csrk` for signed writes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(digits: &str) -> Vec<u8> {
        let pairs = (0..digits.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    /// Core Vol 3 Part H D.1.
    #[test]
    fn aes_cmac_gives_what_the_specification_gives() {
        let key: [u8; 16] = bytes("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
        let message = bytes(concat!(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        ));
        for (len, expected) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            assert_eq!(cmac(key, &message[..len]).to_vec(), bytes(expected), "{len} bytes");
        }
    }

    /// The example of Core Vol 3 Part F 3.4.5.4.
    #[test]
    fn a_signature_is_the_one_of_the_specifications_example() {
        let mut csrk: [u8; 16] = bytes("611B64EBFBCD1FD372EC9196DF425E50").try_into().unwrap();
        csrk.reverse();
        let signed = sign(&csrk, 1, write_pdu(0xD2, 0x0012, &[0x13, 0x37]));
        assert_eq!(signed, bytes("D21200133701000000F1871E933C900FF2"));
    }
}
