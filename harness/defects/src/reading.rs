//! Reads.

use crate::Wrong;
use crate::build::{Narrow, add, as_if, error, on, op, reply, set, silence, wrong};
use wire::mutant::{Act, Answered, Deviation, Edit, Target, Test, When};

fn well(opcode: u8) -> When {
    on(opcode).answered(Answered::Well)
}

pub(crate) fn reading() -> Vec<Wrong> {
    let answer = |edit| Act::Answer(edit);
    vec![
        wrong(
            "read/cut-at-20",
            "a read gives 20 bytes at most",
            "GAR/BV-01",
            &[well(op::READ).does(&[answer(Edit::Keep(21))])],
        ),
        wrong(
            "read/byte-more",
            "a read gives a zero byte too many",
            "GAR/BV-01 VAL-1",
            &[well(op::READ).does(&[answer(Edit::Append(vec![0]))])],
        ),
        wrong(
            "read/empty",
            "a read gives an empty value",
            "GAR/BV-01",
            &[well(op::READ).does(&[answer(Edit::Keep(1))])],
        ),
        wrong(
            "read/opcode",
            "a read is answered as a Read Blob",
            "GAR/BV-01",
            &[well(op::READ).does(&[set(0, 0x0D)])],
        ),
        wrong(
            "read/silent",
            "a read is not answered",
            "GAR/BV-01 GAR/BI-45",
            &[on(op::READ).does(&[silence()])],
        ),
        wrong(
            "read/twice",
            "a read is answered twice",
            "GAR/BV-01 GAR/BI-45",
            &[on(op::READ).does(&[Act::Twice])],
        ),
        wrong(
            "read/late",
            "a read is answered after 31 s",
            "GAR/BV-01",
            &[on(op::READ).does(&[Act::Late(31_000)])],
        ),
        wrong(
            "read/disconnects",
            "a second read ends the connection",
            "GAR/BV-01 GAR/BI-45",
            &[on(op::READ).skip(1).does(&[Act::Disconnect])],
        ),
        wrong(
            "read/descriptor-wrong",
            "a read of a descriptor gives another first byte",
            "GAR/BV-06 GPA/BV-12",
            &[well(op::READ).to(Target::Other).does(&[add(1, 1)])],
        ),
        wrong(
            "read/descriptor-reversed",
            "a descriptor has its bytes in reverse",
            "GAR/BV-06 GPA/BV-11 GPA/BV-12",
            &[well(op::READ).to(Target::Other).does(&[answer(Edit::ReverseFrom(1))])],
        ),
        wrong(
            "read/descriptor-empty",
            "descriptors are empty",
            "GAR/BV-06 GPA/BV-11",
            &[well(op::READ).to(Target::Other).does(&[answer(Edit::Keep(1))])],
        ),
        wrong(
            "read/cccd-cleared",
            "a CCCD always reads 0000",
            "GAN/BV-01 GAN/BV-03 GAI/BV-02",
            &[well(op::READ).to(Target::Cccd).does(&[reply(&[0x0B, 0, 0])])],
        ),
        wrong(
            "blob/offset-ignored",
            "Read Blob begins at the start, whatever the offset",
            "GAR/BV-04",
            &[on(op::BLOB).test(Test::IsNot(3, 0)).does(&[as_if(3, 0), as_if(4, 0)])],
        ),
        wrong(
            "blob/offset-low-byte",
            "Read Blob takes the low byte of the offset alone",
            "GAR/BV-04",
            &[on(op::BLOB).does(&[as_if(4, 0)])],
        ),
        wrong(
            "blob/offset-one-less",
            "Read Blob begins one byte too early",
            "GAR/BV-04",
            &[on(op::BLOB).test(Test::IsNot(3, 0)).does(&[Act::Request(Edit::Add(3, 0xFF))])],
        ),
        wrong(
            "blob/end-is-error",
            "Read Blob at the end of a value is an error",
            "GAR/BV-04 GAR/BV-08",
            &[on(op::BLOB).answered(Answered::Empty).does(&[error(0x07)])],
        ),
        wrong(
            "blob/not-long",
            "Read Blob of a short value is the error 0x0B",
            "GAR/BV-04 GAR/BV-08",
            &[well(op::BLOB).test(Test::AtMost(5)).does(&[error(0x0B)])],
        ),
        wrong(
            "blob/short",
            "Read Blob leaves out the last byte of a part",
            "GAR/BV-04",
            &[well(op::BLOB).does(&[answer(Edit::Cut(1))])],
        ),
        wrong(
            "blob/descriptor-short",
            "Read Blob of a descriptor leaves out the last byte",
            "GAR/BV-07",
            &[well(op::BLOB).to(Target::Other).does(&[answer(Edit::Cut(1))])],
        ),
        wrong(
            "blob/descriptor-end",
            "Read Blob at the end of a descriptor is an error",
            "GAR/BV-08",
            &[on(op::BLOB).to(Target::Other).answered(Answered::Empty).does(&[error(0x07)])],
        ),
        wrong(
            "blob/unknown",
            "Read Blob is not supported",
            "GAR/BV-04 GAR/BV-07",
            &[on(op::BLOB).does(&[Act::Unseen, error(0x06)])],
        ),
        wrong(
            "multiple/order",
            "Read Multiple gives its bytes in reverse",
            "GAR/BV-05",
            &[well(op::MULTIPLE).does(&[answer(Edit::ReverseFrom(1))])],
        ),
        wrong(
            "multiple/short",
            "Read Multiple leaves out the last byte",
            "GAR/BV-05",
            &[well(op::MULTIPLE).does(&[answer(Edit::Cut(1))])],
        ),
        wrong(
            "multiple/first-only",
            "Read Multiple reads the first handle alone",
            "GAR/BV-05",
            &[on(op::MULTIPLE).does(&[Act::Request(Edit::Keep(3)), as_if(0, op::READ), set(0, 0x0F)])],
        ),
        wrong(
            "multiple/unknown",
            "Read Multiple is not supported",
            "GAR/BV-05",
            &[on(op::MULTIPLE).does(&[Act::Unseen, error(0x06)])],
        ),
        wrong(
            "variable/length",
            "Read Multiple Variable gives a wrong length",
            "GAR/BV-09",
            &[well(op::VARIABLE).does(&[add(1, 1)])],
        ),
        wrong(
            "variable/short",
            "Read Multiple Variable leaves out the last byte",
            "GAR/BV-09",
            &[well(op::VARIABLE).does(&[answer(Edit::Cut(1))])],
        ),
        wrong(
            "variable/opcode",
            "Read Multiple Variable is answered as Read Multiple",
            "GAR/BV-09",
            &[well(op::VARIABLE).does(&[set(0, 0x0F)])],
        ),
        wrong(
            "variable/unknown",
            "Read Multiple Variable is not supported",
            "GAR/BV-09 GAS/BV-08",
            &[on(op::VARIABLE).does(&[Act::Unseen, error(0x06)])],
        ),
        wrong(
            "by-type/cut-at-20",
            "Read By Type gives 20 bytes at most",
            "GAR/BV-03",
            &[well(op::BY_TYPE).test(Test::IsNot(6, 0x28)).does(&[answer(Edit::Keep(22))])],
        ),
        wrong(
            "read/mtu-ignored",
            "values are cut as if the MTU were the greatest",
            "GAC/BV-01 GAR/BV-01",
            &[Deviation::Connected(vec![Act::Quietly(vec![crate::build::bytes(&[op::MTU, 0xFF, 0x7F])])])],
        ),
    ]
}
