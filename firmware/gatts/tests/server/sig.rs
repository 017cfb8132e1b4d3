//! Ids of the SIG's server tests that no other module names: MTU, overlapping requests, and the security of
//! each kind of request. The ids of the other modules stand at their tests.

use gatts::{Access, Permissions, Properties, Security};

use crate::common::{CONN, bytes, check, exchange, hex, plain, with_characteristic};

/// GAC/BV-01: the smaller MTU governs, at 23 and at 512.
#[test]
fn the_smaller_mtu_governs_reads_and_lists() {
    let config = plain().properties(Properties::READ).value(&[0x5A; 512]);
    for (mtu, request) in [(23, "02 17 00"), (512, "02 00 02")] {
        let (_, server, _) = with_characteristic(config.clone());
        check(&server, request, "03 05 02");
        assert_eq!(exchange(&server, CONN, &bytes("0A 09 00")).len(), mtu);
        assert_eq!(exchange(&server, CONN, &bytes("0C 09 00 01 00")).len(), mtu.min(512));
        assert_eq!(exchange(&server, CONN, &bytes("0E 09 00 09 00")).len(), mtu);
        assert_eq!(exchange(&server, CONN, &bytes("20 09 00 09 00")).len(), mtu);
        // A list gives 253 octets of a value at most (Core Vol 3 Part F 3.4.4.2).
        assert_eq!(exchange(&server, CONN, &bytes("08 01 00 FF FF 22 22")).len(), mtu.min(2 + 2 + 253));
    }
}

/// GAR/BI-45: a client that does not wait gets both answers, in order.
#[test]
fn a_second_request_before_the_first_answer_is_answered_after_it() {
    let (_, server, _) = with_characteristic(plain().value("A"));
    let requests = ["0A 09 00", "0A 03 00", "0A 09 00"];
    let answers: Vec<_> = requests.map(|request| hex(&exchange(&server, CONN, &bytes(request)))).into();
    assert_eq!(answers, ["0B 41", "0B 67 61 74 74 73", "0B 41"]);
}

/// GAR/BI-01, 03 to 06, 09 to 12, 15 to 18, 20 to 22, 36, 40, 42, 44 and GAW/BI-03 to 06, 08, 11 to 13.
#[test]
fn each_request_has_the_code_of_what_is_missing() {
    let encrypted = Security { encrypted: true, key_size: 7, ..Security::default() };
    let bonded = Security { bonded: true, ..Security::default() };
    let cases = [
        (Access::OPEN.authorised(), Security::default(), "08"),
        (Access::OPEN.authenticated(), Security::default(), "05"),
        (Access::OPEN.authenticated(), encrypted, "05"),
        (Access::OPEN.encrypted(), bonded, "0F"),
        (Access::OPEN.key_size(16), encrypted, "0C"),
    ];
    let reads = [
        "0A 09 00",
        "0C 09 00 00 00",
        "0C 09 00 05 00",
        "08 08 00 FF FF 22 22",
        "0E 09 00 09 00",
        "20 03 00 09 00",
    ];
    let writes = ["12 09 00 41", "16 09 00 00 00 41", "16 09 00 05 00 41"];
    for (access, security, code) in cases {
        let permissions = Permissions { read: access, write: access };
        let (_, server, characteristic) = with_characteristic(plain().permissions(permissions));
        server.set_security(CONN, security);
        for request in reads.iter().chain(&writes) {
            check(&server, request, &format!("01 {} 09 00 {code}", &request[..2]));
        }
        assert_eq!((characteristic.value(), characteristic.events().bits()), (vec![0], 0));
    }
    let none = Permissions { read: Access::NONE, write: Access::NONE };
    let (_, server, _) = with_characteristic(plain().permissions(none));
    for (requests, code) in [(&reads[..], "02"), (&writes[..], "03")] {
        for request in requests {
            check(&server, request, &format!("01 {} 09 00 {code}", &request[..2]));
        }
    }
}

/// GAR/BI-02, 08, 13, 14, 19, 38 and GAW/BI-02, 07.
#[test]
fn handles_and_offsets_that_are_not_there_have_their_codes() {
    let (_, server, _) = with_characteristic(plain());
    let cases = [
        ("0A FF 00", "01 0A FF 00 01"),
        ("0C FF 00 00 00", "01 0C FF 00 01"),
        ("0C 09 00 02 00", "01 0C 09 00 07"),
        ("08 09 00 08 00 22 22", "01 08 09 00 01"),
        ("08 01 00 FF FF FE FE", "01 08 01 00 0A"),
        ("0E 09 00 FF 00", "01 0E FF 00 01"),
        ("20 FF 00 09 00", "01 20 FF 00 01"),
        ("12 FF 00 41", "01 12 FF 00 01"),
        ("16 FF 00 00 00 41", "01 16 FF 00 01"),
    ];
    for (request, response) in cases {
        check(&server, request, response);
    }
}
