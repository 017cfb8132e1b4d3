//! What PDUs of a server must look like (Core Vol 3 Part F 3.4).

/// Opcodes that a server answers with an Error Response, whatever follows, and answers to which it is deaf.
const FOR_CLIENTS: [u8; 16] =
    [0x01, 0x03, 0x05, 0x07, 0x09, 0x0B, 0x0D, 0x0F, 0x11, 0x13, 0x17, 0x19, 0x1B, 0x1D, 0x21, 0x23];

/// Whether a PDU must be answered.
pub(crate) fn is_request(pdu: &[u8]) -> bool {
    pdu.first().is_some_and(|opcode| opcode & 0x40 == 0 && *opcode != 0x1E && !FOR_CLIENTS.contains(opcode))
}

/// Judges the answer to a request.
pub(crate) fn check_response(request: &[u8], response: &[u8], mtu: usize) {
    assert!(response.len() <= mtu, "answer of {} bytes at MTU {mtu}", response.len());
    if response[0] == 0x01 {
        return check_error(request, response);
    }
    assert_eq!(response[0], request[0] + 1, "answer {response:02X?} to {request:02X?}");
    let body = &response[1..];
    match request[0] {
        0x02 => assert_eq!(body.len(), 2),
        0x04 => {
            let pair = if body[0] == 1 { 4 } else { 18 };
            check_list(request, &body[1..], pair, false);
        }
        0x06 => check_list(request, body, 4, true),
        0x08 => check_list(request, &body[1..], body[0].into(), false),
        0x10 => check_list(request, &body[1..], body[0].into(), true),
        0x16 => assert_eq!(body, &request[1..]),
        0x12 | 0x18 => assert!(body.is_empty()),
        0x20 => check_tuples(body, 2, mtu),
        _ => {}
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// A list is not empty, holds whole entries, and its handles ascend within the range asked for.
fn check_list(request: &[u8], list: &[u8], entry: usize, grouped: bool) {
    assert!(entry >= 2 && !list.is_empty() && list.len().is_multiple_of(entry), "{list:02X?} of {entry}");
    let (mut lowest, last) = (u16_at(request, 1), u16_at(request, 3));
    for one in list.chunks(entry) {
        let handle = u16_at(one, 0);
        assert!(lowest <= handle && handle <= last, "handle {handle:04X} in {list:02X?}");
        assert!(!grouped || handle <= u16_at(one, 2), "group of {handle:04X} in {list:02X?}");
        lowest = handle.saturating_add(1);
    }
}

/// Tuples whose length stands behind `prefix - 2` bytes. Only the last may be cut, and only by the MTU.
fn check_tuples(mut list: &[u8], prefix: usize, mtu: usize) {
    let whole = list.len() + 1;
    while !list.is_empty() {
        assert!(list.len() >= prefix, "a tuple is cut within its length");
        let length = usize::from(u16_at(list, prefix - 2));
        if list.len() < prefix + length {
            assert_eq!(whole, mtu, "a tuple is cut below the MTU");
            return;
        }
        list = &list[prefix + length..];
    }
}

/// Table 3.44, with what the profile adds for the CCCD and Client Supported Features. 0x04 and 0x06 answer any
/// request, 0x0E one whose handler has failed.
fn may_fail_with(opcode: u8, code: u8) -> bool {
    const SECURITY: [u8; 4] = [0x05, 0x08, 0x0C, 0x0F];
    let application = (0x80..=0x9F).contains(&code);
    let read = application || SECURITY.contains(&code) || matches!(code, 0x01 | 0x02 | 0x0E | 0x12);
    let write = application || SECURITY.contains(&code) || matches!(code, 0x01 | 0x03 | 0x12);
    match opcode {
        0x02 => false,
        0x04 | 0x06 => matches!(code, 0x01 | 0x0A),
        0x08 => read || code == 0x0A,
        0x0A | 0x0E | 0x20 => read,
        0x0C => read || code == 0x07,
        0x10 => matches!(code, 0x01 | 0x0A | 0x10),
        0x12 => write || matches!(code, 0x0D | 0x13 | 0xFD),
        0x16 => write || code == 0x09,
        0x18 => application || matches!(code, 0x07 | 0x0D | 0x12 | 0x13 | 0xFD),
        _ => false,
    }
}

fn check_error(request: &[u8], response: &[u8]) {
    assert_eq!((response.len(), response[1]), (5, request[0]), "{response:02X?} to {request:02X?}");
    let (handle, code) = (u16_at(response, 2), response[4]);
    if matches!(code, 0x04 | 0x06 | 0x0E) {
        assert_eq!(handle, 0, "{response:02X?}");
        return assert!(code != 0x0E || may_fail_with(request[0], code), "{response:02X?}");
    }
    assert!(may_fail_with(request[0], code), "code {code:02X} for {request:02X?}");
    let first = || u16_at(request, 1);
    let named = match request[0] {
        0x04 | 0x06 | 0x10 | 0x0A | 0x0C | 0x12 | 0x16 => handle == first(),
        0x08 if matches!(code, 0x01 | 0x0A) => handle == first(),
        0x08 => (first()..=u16_at(request, 3)).contains(&handle),
        0x0E | 0x20 => request[1..].chunks(2).any(|one| u16_at(one, 0) == handle),
        _ => handle != 0,
    };
    assert!(named, "{response:02X?} names the wrong handle of {request:02X?}");
}

/// Judges what is pushed to a client; tells whether it must be confirmed.
pub(crate) fn check_push(push: &[u8], mtu: usize) -> bool {
    assert!(push.len() <= mtu, "push of {} bytes at MTU {mtu}", push.len());
    match push[0] {
        0x1B | 0x1D => assert!(push.len() >= 3 && u16_at(push, 1) > 0, "{push:02X?}"),
        0x23 => {
            assert!(push.len() > 8, "{push:02X?}");
            check_whole_tuples(&push[1..]);
        }
        _ => panic!("{push:02X?} is no push"),
    }
    push[0] == 0x1D
}

/// Handle, length, value, two or more times, none of them cut.
fn check_whole_tuples(mut list: &[u8]) {
    let mut count = 0;
    while !list.is_empty() {
        list = &list[4 + usize::from(u16_at(list, 2))..];
        count += 1;
    }
    assert!(count >= 2, "a single value in a list");
}
