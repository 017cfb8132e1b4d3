//! The protocol itself: MTU, unknown and malformed PDUs, PDUs out of turn.

use crate::Wrong;
use crate::build::{Narrow, add, bytes, error, on, op, reply, set, silence, wrong};
use wire::mutant::{Act, Answered, Edit, Part, Test, When};

pub(crate) fn protocol() -> Vec<Wrong> {
    mtu().into_iter().chain(unknown()).chain(malformed()).collect()
}

fn mtu() -> Vec<Wrong> {
    let exchange = |size: [u8; 2]| vec![bytes(&[op::MTU, size[0], size[1]])];
    let then = |id: &str, does: &str, acts: &[Act]| wrong(id, does, "GAC/BV-01", &[on(op::MTU).does(acts)]);
    vec![
        then("mtu/not-applied", "an exchanged MTU is not applied", &[Act::After(exchange([23, 0]))]),
        then(
            "mtu/own-applied",
            "the server's MTU is applied, not the lesser",
            &[Act::After(exchange([0xFF, 0x7F]))],
        ),
        then(
            "mtu/echo",
            "the client's MTU is given back as the server's",
            &[Act::Reply(vec![bytes(&[0x03]), Part::Rest(1)])],
        ),
        then("mtu/zero", "the server's MTU is given as 0", &[set(1, 0), set(2, 0)]),
        then("mtu/less", "the server's MTU is given as less than it is", &[Act::Answer(Edit::Add(1, 0xFF))]),
        then("mtu/unknown", "Exchange MTU is not supported", &[Act::Unseen, error(0x06)]),
        then("mtu/silent", "Exchange MTU is not answered", &[silence()]),
    ]
}

fn unknown() -> Vec<Wrong> {
    let any = When::default;
    // Commands have bit 6 set (Core Vol 3 Part F 3.3.1); 0x52 and 0xD2 are known.
    let commands = || When {
        opcodes: (0x40..=0x7F)
            .chain(0xC0..=0xFF)
            .filter(|code| ![op::COMMAND, op::SIGNED].contains(code))
            .collect(),
        ..When::default()
    };
    let for_client = || When { opcodes: vec![0x01, 0x0B, 0x13, 0x1B, 0x1D], ..When::default() };
    let refused =
        |opcode_known: u8| Act::Reply(vec![bytes(&[0x01]), Part::Opcode, bytes(&[0, 0, opcode_known])]);
    vec![
        wrong(
            "unknown/other-code",
            "an unknown request gives the error 0x04",
            "UNS/BI-01",
            &[any().refused(0x06).does(&[set(4, 0x04)])],
        ),
        wrong(
            "unknown/handle",
            "an unknown request gives an error with a handle",
            "UNS/BI-01",
            &[any().refused(0x06).does(&[set(2, 1)])],
        ),
        wrong(
            "unknown/opcode",
            "an unknown request gives an error that names another",
            "UNS/BI-01",
            &[any().refused(0x06).does(&[add(1, 1)])],
        ),
        wrong(
            "unknown/silent",
            "an unknown request is not answered",
            "UNS/BI-01",
            &[any().refused(0x06).does(&[silence()])],
        ),
        wrong(
            "unknown/disconnects",
            "an unknown request ends the connection",
            "UNS/BI-01",
            &[any().refused(0x06).does(&[Act::Disconnect])],
        ),
        wrong(
            "unknown/command-answered",
            "an unknown command is answered with an error",
            "UNS/BI-02",
            &[commands().does(&[refused(0x06)])],
        ),
        wrong(
            "unknown/command-disconnects",
            "an unknown command ends the connection",
            "UNS/BI-02",
            &[commands().does(&[Act::Disconnect])],
        ),
        wrong(
            "unknown/command-as-request",
            "an unknown command is taken as the request of the same number",
            "UNS/BI-02",
            &[on(0x4A).does(&[Act::Request(Edit::Set(0, op::READ))])],
        ),
        wrong(
            "unknown/response-answered",
            "a response from the client is answered with an error",
            "UNS/BI-01",
            &[for_client().does(&[refused(0x06)])],
        ),
        wrong(
            "unknown/confirmation-answered",
            "a confirmation that nothing waits for is answered",
            "UNS/BI-01 GAI/BV-01",
            &[on(op::CONFIRM).does(&[refused(0x06)])],
        ),
    ]
}

fn malformed() -> Vec<Wrong> {
    let any = When::default;
    let mut all = vec![
        wrong(
            "malformed/other-code",
            "a malformed request gives the error 0x0D",
            "UNS/BI-01",
            &[any().refused(0x04).does(&[set(4, 0x0D)])],
        ),
        wrong(
            "malformed/handle",
            "a malformed request gives an error with a handle",
            "UNS/BI-01",
            &[any().refused(0x04).does(&[set(2, 1)])],
        ),
        wrong(
            "malformed/silent",
            "a malformed request is not answered",
            "UNS/BI-01",
            &[any().refused(0x04).does(&[silence()])],
        ),
        wrong(
            "malformed/disconnects",
            "a malformed request ends the connection",
            "UNS/BI-01",
            &[any().refused(0x04).does(&[Act::Disconnect])],
        ),
        wrong(
            "malformed/short-command-disconnects",
            "a Write Command without a handle ends the connection",
            "UNS/BI-02",
            &[on(op::COMMAND).test(Test::AtMost(2)).does(&[Act::Disconnect])],
        ),
        wrong(
            "malformed/long-type-kills",
            "a 128-bit Read By Group Type is not answered",
            "GAD/BV-01",
            &[on(op::BY_GROUP).test(Test::AtLeast(21)).does(&[silence()])],
        ),
    ];
    // Requests of one length: what is longer is taken as if it were not.
    let fixed = [
        (op::MTU, "exchange-mtu", 3, "GAC/BV-01"),
        (op::FIND_INFO, "find-information", 5, "GAD/BV-06"),
        (op::READ, "read", 3, "GAR/BV-01"),
        (op::BLOB, "read-blob", 5, "GAR/BV-04"),
        (op::EXECUTE, "execute-write", 2, "GAW/BV-07"),
    ];
    for (opcode, name, len, violates) in fixed {
        all.push(wrong(
            &format!("malformed/{name}-longer"),
            &format!("{name} with bytes too many is taken"),
            violates,
            &[on(opcode).test(Test::AtLeast(len + 1)).does(&[Act::Request(Edit::Keep(len))])],
        ));
        all.push(wrong(
            &format!("malformed/{name}-shorter"),
            &format!("{name} with bytes too few is taken as if zeros followed"),
            violates,
            &[on(opcode)
                .test(Test::AtMost(len - 1))
                .does(&[Act::Request(Edit::Append(vec![0; 4])), Act::Request(Edit::Keep(len))])],
        ));
    }
    // Requests of several lengths: what is shorter than the shortest is taken as if zeros followed.
    let shortest = [
        (op::FIND_VALUE, "find-by-type-value", 7, "GAD/BV-02"),
        (op::BY_TYPE, "read-by-type", 7, "GAR/BV-03"),
        (op::BY_GROUP, "read-by-group-type", 7, "GAD/BV-01"),
        (op::WRITE, "write", 3, "GAW/BV-03"),
        (op::PREPARE, "prepare-write", 5, "GAW/BV-05"),
        (op::MULTIPLE, "read-multiple", 5, "GAR/BV-05"),
        (op::VARIABLE, "read-multiple-variable", 5, "GAR/BV-09"),
    ];
    for (opcode, name, len, violates) in shortest {
        all.push(wrong(
            &format!("malformed/{name}-shorter"),
            &format!("{name} with bytes too few is taken as if zeros followed"),
            violates,
            &[on(opcode)
                .test(Test::AtMost(len - 1))
                .does(&[Act::Request(Edit::Append(vec![0; 8])), Act::Request(Edit::Keep(len))])],
        ));
    }
    all.push(wrong(
        "malformed/nothing-answered-well",
        "a request that finds nothing is answered with an empty list",
        "GAR/BI-07",
        &[on(op::BY_TYPE).refused(0x0A).does(&[reply(&[0x09, 2])])],
    ));
    all.push(wrong(
        "protocol/answers-grow",
        "every answer has a zero byte too many",
        "GAD/BV-01 GAR/BV-01 GAW/BV-03",
        &[any().answered(Answered::Well).does(&[Act::Answer(Edit::Append(vec![0]))])],
    ));
    all
}
