//! Signed Write Command (Core Vol 3 Part F 3.4.5.4, Part C 10.4, Part H 2.4.5).
//!
//! The signatures here are made by a signer of this test's own, checked against the specification's example.

use aes::Aes128;
use cmac::{Cmac, Mac};
use gatts::{
    Access, BondId, Characteristic, CharacteristicConfig, Events, Permissions, Properties, Security, Server,
};

use crate::common::{CONN, bytes, check, exchange, hex, plain, with_characteristic};

const CSRK: &str = "50 5E 42 DF 96 91 EC 72 D3 1F CD FB EB 64 1B 61";
const BOND: BondId = BondId(7);

fn key() -> [u8; 16] {
    bytes(CSRK).try_into().unwrap()
}

/// Signs a PDU: reversed, since the cipher counts octets from the other end.
fn sign(pdu: &str, counter: u32) -> Vec<u8> {
    let mut signed = [&bytes(pdu)[..], &counter.to_le_bytes()].concat();
    let mut csrk = key();
    csrk.reverse();
    let mut cipher = Cmac::<Aes128>::new(&csrk.into());
    cipher.update(&signed.iter().rev().copied().collect::<Vec<_>>());
    let mac = cipher.finalize().into_bytes();
    signed.extend(mac[..8].iter().rev());
    signed
}

fn signing(config: CharacteristicConfig) -> (Server, Characteristic) {
    let (_, server, characteristic) = with_characteristic(config);
    assert!(server.set_signing_key(BOND, key(), 5));
    assert!(server.identify(CONN, BOND));
    (server, characteristic)
}

fn signable() -> CharacteristicConfig {
    plain().properties(Properties::READ | Properties::AUTHENTICATED_SIGNED_WRITES)
}

#[test]
fn the_signer_of_these_tests_agrees_with_the_specification() {
    assert_eq!(hex(&sign("D2 12 00 13 37", 1)), "D2 12 00 13 37 01 00 00 00 F1 87 1E 93 3C 90 0F F2");
}

/// GAW/BV-02.
#[test]
fn a_signed_write_takes_effect_without_an_answer() {
    let (server, characteristic) = signing(signable());
    assert_eq!(exchange(&server, CONN, &sign("D2 09 00 41 42", 5)), []);
    assert_eq!(characteristic.value(), b"AB");
    assert_eq!(characteristic.events(), Events::CHAR_WRITE_EVENT);
    // Other writes need a signature that they cannot have (Core Vol 3 Part C 10.4.2).
    check(&server, "12 09 00 43", "01 12 09 00 05");
    check(&server, "16 09 00 00 00 43", "01 16 09 00 05");
    check(&server, "52 09 00 43", "");
    assert_eq!(characteristic.value(), b"AB");
    let bonded = Security { bonded: true, ..Security::default() };
    server.set_security(CONN, bonded);
    check(&server, "12 09 00 43", "01 12 09 00 05");
}

/// Core Vol 3 Part C 10.4.2 and Part G 4.9.2: encryption counts as much as a signature.
#[test]
fn over_an_encrypted_link_a_signable_value_is_written_without_a_signature() {
    let (server, characteristic) = signing(signable());
    server.set_security(CONN, Security { encrypted: true, key_size: 7, ..Security::default() });
    check(&server, "52 09 00 41", "");
    assert_eq!(characteristic.value(), b"A");
    check(&server, "12 09 00 42", "13");
    assert_eq!(characteristic.value(), b"B");
    // What the value demands besides holds as ever.
    let write = Access::OPEN.key_size(16);
    let (server, characteristic) =
        signing(signable().permissions(Permissions { write, ..Default::default() }));
    server.set_security(CONN, Security { encrypted: true, key_size: 7, ..Security::default() });
    check(&server, "52 09 00 41", "");
    check(&server, "12 09 00 42", "01 12 09 00 0C");
    assert_eq!(characteristic.value(), [0]);
}

/// GAW/BI-01.
#[test]
fn a_wrong_signature_is_dropped_and_uses_no_counter() {
    let (server, characteristic) = signing(signable());
    characteristic.callback(Events::all(), |_, _| -> () { panic!("dropped") });
    let right = sign("D2 09 00 41", 5);
    for position in 1..right.len() {
        let mut wrong = right.clone();
        wrong[position] ^= 0x01;
        assert_eq!(exchange(&server, CONN, &wrong), []);
    }
    for length in 1..right.len() {
        exchange(&server, CONN, &right[..length]);
    }
    assert_eq!((characteristic.value(), characteristic.events()), (vec![0], Events::empty()));
    characteristic.remove_callback();
    exchange(&server, CONN, &right);
    assert_eq!(characteristic.value(), b"A");
}

/// Core Vol 3 Part C 10.4.2: a counter is good once, and none below it afterwards.
#[test]
fn a_sign_counter_cannot_be_used_again() {
    let (server, characteristic) = signing(signable());
    for (counter, value, stored) in [
        (4, "41", 0),
        (5, "42", 0x42),
        (5, "43", 0x42),
        (9, "44", 0x44),
        (8, "45", 0x44),
        (u32::MAX, "46", 0x46),
        (u32::MAX, "47", 0x46),
    ] {
        exchange(&server, CONN, &sign(&format!("D2 09 00 {value}"), counter));
        assert_eq!(characteristic.value(), [stored], "counter {counter}");
    }
    assert_eq!(server.bonds()[0].signing.unwrap().next_counter, None);
}

/// A counter is used up by a command that is signed rightly, even if it cannot be carried out.
#[test]
fn the_counter_outlasts_the_connection_and_the_application() {
    let (server, _) = signing(signable());
    exchange(&server, CONN, &sign("D2 FF 00 41", 6));
    server.disconnected(CONN);
    let records = server.bonds();
    assert_eq!(records[0].signing.unwrap().next_counter, Some(7));
    let (_, again, characteristic) = with_characteristic(signable());
    assert_eq!(again.restore_bonds(records), 1);
    assert!(again.identify(CONN, BOND));
    exchange(&again, CONN, &sign("D2 09 00 41", 6));
    assert_eq!(characteristic.value(), [0]);
    exchange(&again, CONN, &sign("D2 09 00 41", 7));
    assert_eq!(characteristic.value(), b"A");
}

#[test]
fn signing_needs_a_known_client_the_property_and_an_open_value() {
    let (_, server, characteristic) = with_characteristic(signable());
    server.set_signing_key(BOND, key(), 0);
    exchange(&server, CONN, &sign("D2 09 00 41", 5));
    assert_eq!(characteristic.value(), [0]);
    let secure = Permissions { write: Access::OPEN.encrypted(), ..Permissions::default() };
    let none = Permissions { write: Access::NONE, ..Permissions::default() };
    for config in [plain(), signable().permissions(secure), signable().permissions(none)] {
        let (server, characteristic) = signing(config);
        exchange(&server, CONN, &sign("D2 09 00 41", 5));
        assert_eq!(characteristic.value(), [0]);
    }
}

/// Core Vol 3 Part C 10.2.2: data signing is for links that are not encrypted.
#[test]
fn a_signed_write_over_an_encrypted_link_is_ignored() {
    let (server, characteristic) = signing(signable());
    server.set_security(CONN, Security { encrypted: true, key_size: 16, ..Security::default() });
    exchange(&server, CONN, &sign("D2 09 00 41", 5));
    assert_eq!(characteristic.value(), [0]);
    assert_eq!(server.bonds()[0].signing.unwrap().next_counter, Some(5));
}

/// GAW/BI-40.
#[test]
fn a_signed_write_that_is_too_long_is_dropped() {
    let (server, characteristic) = signing(signable().max_len(1));
    exchange(&server, CONN, &sign("D2 09 00 41 42", 5));
    assert_eq!(characteristic.value(), [0]);
    exchange(&server, CONN, &sign("D2 09 00 41", 6));
    assert_eq!(characteristic.value(), b"A");
    // ATT_MTU leaves 8 octets for the value.
    let (server, characteristic) = signing(signable());
    exchange(&server, CONN, &sign("D2 09 00 31 32 33 34 35 36 37 38 39", 5));
    assert_eq!(characteristic.value(), [0]);
    exchange(&server, CONN, &sign("D2 09 00 31 32 33 34 35 36 37 38", 5));
    assert_eq!(characteristic.value(), b"12345678");
}
