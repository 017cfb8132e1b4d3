//! The functions of LE Secure Connections (Core Vol 3 Part H 2.2.6 to 2.2.8) over P-256. Everything here stands most
//! significant byte first, as in the specification; on the air it is the other way round.

use super::super::security::cmac;
use p256::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use p256::{AffinePoint, EncodedPoint, PublicKey, SecretKey};

/// A number of 128 bits: a nonce, a confirm or check value, a key.
pub(super) type Block = [u8; 16];
/// The two coordinates of a public key.
pub(super) type Point = ([u8; 32], [u8; 32]);
/// An address behind its kind: 0 public, 1 random.
pub(super) type Party = [u8; 7];

/// "btle".
const KEY_ID: [u8; 4] = *b"btle";
const SALT: Block =
    [0x6C, 0x88, 0x83, 0x91, 0xAA, 0xF5, 0xA5, 0x38, 0x60, 0x37, 0x0B, 0xDB, 0x5A, 0x60, 0x83, 0xBE];
/// Bits of the long term key.
const KEY_BITS: [u8; 2] = 256u16.to_be_bytes();

/// The confirm value of one side: `one` is its public key's x, `other` that of the other.
pub(super) fn f4(one: &[u8; 32], other: &[u8; 32], nonce: &Block, z: u8) -> Block {
    cmac(*nonce, &[&one[..], other, &[z]].concat())
}

/// Key for the checks, and long term key: from the secret, the nonces and the addresses of initiator and responder.
pub(super) fn f5(secret: &[u8; 32], nonces: [&Block; 2], parties: [&Party; 2]) -> (Block, Block) {
    let key = cmac(SALT, secret);
    let [[first_nonce, second_nonce], [first, second]] =
        [nonces.map(|it| &it[..]), parties.map(|it| &it[..])];
    let derive = |counter: u8| {
        let parts = [&[counter][..], &KEY_ID, first_nonce, second_nonce, first, second, &KEY_BITS];
        cmac(key, &parts.concat())
    };
    (derive(0), derive(1))
}

/// The check value of one side: `nonces` and `parties` with that side's own first, `capabilities` that side's.
pub(super) fn f6(
    key: &Block,
    nonces: [&Block; 2],
    secret: &Block,
    capabilities: [u8; 3],
    parties: [&Party; 2],
) -> Block {
    let [[own_nonce, other_nonce], [own, other]] = [nonces.map(|it| &it[..]), parties.map(|it| &it[..])];
    cmac(*key, &[own_nonce, other_nonce, secret, &capabilities, own, other].concat())
}

/// A key pair of one pairing.
pub(super) struct KeyPair(SecretKey);

impl KeyPair {
    pub(super) fn draw(rng: &mut fastrand::Rng) -> Self {
        loop {
            let mut bytes = [0; 32];
            rng.fill(&mut bytes);
            // Of 2^32 numbers one at most is none of the curve.
            if let Ok(key) = SecretKey::from_slice(&bytes) {
                return Self(key);
            }
        }
    }

    pub(super) fn public(&self) -> Point {
        let point = self.0.public_key().to_encoded_point(false);
        let coordinate = |it: Option<&p256::FieldBytes>| it.copied().unwrap_or_default().into();
        (coordinate(point.x()), coordinate(point.y()))
    }

    /// The secret that both sides have; `None` when the other's key is no point of the curve, or this one's own
    /// (Core Vol 3 Part H 2.3.5.6.1).
    pub(super) fn secret(&self, (x, y): &Point) -> Option<[u8; 32]> {
        let point = EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
        let other = Option::<PublicKey>::from(PublicKey::from_encoded_point(&point))?;
        if self.public().0 == *x {
            return None;
        }
        let point: &AffinePoint = other.as_affine();
        Some((*diffie_hellman(self.0.to_nonzero_scalar(), point).raw_secret_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        let digits: String = digits.split_whitespace().collect();
        let pairs = (0..digits.len()).step_by(2);
        let bytes: Vec<u8> = pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }

    const N1: &str = "d5cb8454 d177733e ffffb2ec 712baeab";
    const N2: &str = "a6e8e7cc 25a75f6e 216583f7 ff3dc4cf";
    const A1: &str = "00561237 37bfce";
    const A2: &str = "00a71370 2dcfc1";

    /// Core Vol 3 Part H D.2.
    #[test]
    fn a_confirm_value_is_that_of_the_specification() {
        let u = bytes("20b003d2 f297be2c 5e2c83a7 e9f9a5b9 eff49111 acf4fddb cc030148 0e359de6");
        let v = bytes("55188b3d 32f6bb9a 900afcfb eed4e72a 59cb9ac2 f19d7cfb 6b4fdd49 f47fc5fd");
        assert_eq!(f4(&u, &v, &bytes(N1), 0), bytes("f2c916f1 07a9bd1c f1eda1be a974872d"));
    }

    /// Core Vol 3 Part H D.3.
    #[test]
    fn keys_are_those_of_the_specification() {
        let w = bytes("ec0234a3 57c8ad05 341010a6 0a397d9b 99796b13 b4f866f1 868d34f3 73bfa698");
        let (mac_key, ltk) = f5(&w, [&bytes(N1), &bytes(N2)], [&bytes(A1), &bytes(A2)]);
        assert_eq!(mac_key, bytes("2965f176 a1084a02 fd3f6a20 ce636e20"));
        assert_eq!(ltk, bytes("69867911 69d7cd23 980522b5 94750a38"));
    }

    /// Core Vol 3 Part H D.4.
    #[test]
    fn a_check_value_is_that_of_the_specification() {
        let key = bytes("2965f176 a1084a02 fd3f6a20 ce636e20");
        let r = bytes("12a3343b b453bb54 08da42d2 0c2d0fc8");
        let check = f6(&key, [&bytes(N1), &bytes(N2)], &r, [1, 1, 2], [&bytes(A1), &bytes(A2)]);
        assert_eq!(check, bytes("e3c47398 9cd0e8c5 d26c0b09 da958f61"));
    }

    /// Core Vol 3 Part H 2.3.5.6.1, P-256 data set 1.
    #[test]
    fn the_secret_is_that_of_the_specification_and_wrong_keys_give_none() {
        let private: [u8; 32] =
            bytes("3f49f6d4 a3c55f38 74c9b3e3 d2103f50 4aff607b eb40b799 5899b8a6 cd3c1abd");
        let pair = KeyPair(SecretKey::from_slice(&private).unwrap());
        let other = (
            bytes("1ea1f0f0 1faf1d96 09592284 f19e4c00 47b58afd 8615a69f 559077b2 2faaa190"),
            bytes("4c55f33e 429dad37 7356703a 9ab85160 472d1130 e28e3676 5f89aff9 15b1214a"),
        );
        let secret = bytes("ec0234a3 57c8ad05 341010a6 0a397d9b 99796b13 b4f866f1 868d34f3 73bfa698");
        assert_eq!(pair.secret(&other), Some(secret));
        assert_eq!(pair.secret(&(other.0, other.0)), None, "no point of the curve");
        assert_eq!(pair.secret(&pair.public()), None, "its own key");
    }
}
