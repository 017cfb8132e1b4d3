//! Requests that are malformed, unsupported or out of turn, at every length.

use crate::common::{CONN, OTHER, bytes, check, check_on, exchange, plain, with_characteristic};

/// Opcodes meant for a client: they are never answered.
const FOR_CLIENTS: [u8; 16] =
    [0x01, 0x03, 0x05, 0x07, 0x09, 0x0B, 0x0D, 0x0F, 0x11, 0x13, 0x17, 0x19, 0x1B, 0x1D, 0x21, 0x23];
const SUPPORTED: [u8; 12] = [0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x16, 0x18, 0x20];

#[test]
fn every_opcode_at_every_length_has_its_answer() {
    let (_, server, _) = with_characteristic(plain());
    assert_eq!(exchange(&server, CONN, &[]), []);
    for opcode in 0..=u8::MAX {
        for length in 1..=600 {
            let mut pdu = vec![0; length];
            pdu[0] = opcode;
            let answer = exchange(&server, CONN, &pdu);
            let well_formed = match opcode {
                0x02 => length == 3,
                0x04 | 0x0C => length == 5,
                0x06 => length >= 7,
                0x08 | 0x10 => length == 7 || length == 21,
                0x0A => length == 3,
                0x0E | 0x20 => length >= 5 && length % 2 == 1,
                0x12 => length >= 3,
                0x16 => length >= 5,
                0x18 => length == 2,
                _ => true,
            };
            if FOR_CLIENTS.contains(&opcode) || opcode == 0x1E || opcode & 0x40 != 0 {
                assert_eq!(answer, [], "{opcode:02X}, {length} bytes");
            } else if !SUPPORTED.contains(&opcode) {
                assert_eq!(answer, [0x01, opcode, 0, 0, 0x06], "{opcode:02X}, {length} bytes");
            } else if !well_formed || length > 23 {
                assert_eq!(answer, [0x01, opcode, 0, 0, 0x04], "{opcode:02X}, {length} bytes");
            } else {
                assert_ne!(answer.get(4), Some(&0x04), "{opcode:02X}, {length} bytes");
                assert_ne!(answer, [], "{opcode:02X}, {length} bytes");
            }
        }
    }
}

#[test]
fn a_write_above_the_mtu_is_malformed_and_changes_nothing() {
    let (_, server, characteristic) = with_characteristic(plain());
    let mut request = bytes("12 09 00");
    request.extend([0x5A; 20]);
    assert_eq!(exchange(&server, CONN, &request), [0x13]);
    request.push(0x5B);
    assert_eq!(exchange(&server, CONN, &request), bytes("01 12 00 00 04"));
    request[0] = 0x52;
    assert_eq!(exchange(&server, CONN, &request), []);
    assert_eq!(characteristic.value(), [0x5A; 20]);
}

#[test]
fn unsupported_requests_keep_the_connection_usable() {
    let (_, server, _) = with_characteristic(plain());
    for request in ["14 09 00", "1A 09 00 00 00 41", "22 01", "24 09 00 09 00", "3F"] {
        check(&server, request, &format!("01 {} 00 00 06", &request[..2]));
    }
    check(&server, "D2 09 00 41 00 00 00 00 00 00 00 00 00 00 00 00", "");
    check(&server, "0A 09 00", "0B 00");
}

#[test]
fn a_connection_that_is_not_served_gets_no_answer() {
    let (_, server, _) = with_characteristic(plain());
    check_on(&server, OTHER, "0A 09 00", "");
    server.disconnected(CONN);
    check(&server, "0A 09 00", "");
}

#[test]
fn a_short_output_buffer_cuts_the_answer() {
    let (_, server, _) = with_characteristic(plain());
    let request = bytes("04 01 00 FF FF");
    for room in [0, 1, 3, 5] {
        let mut out = vec![0; room];
        assert_eq!(server.receive(CONN, &request, &mut out), room, "room for {room}");
    }
}
