//! Writes: at once, without answer, in parts, signed.

use crate::Wrong;
use crate::build::{Narrow, add, as_if, bytes, error, on, only_answered, op, reply, set, silence, wrong};
use wire::mutant::{Act, Answered, Deviation, Edit, Part, Target, Test};

pub(crate) fn writing() -> Vec<Wrong> {
    let echo = || Act::Reply(vec![bytes(&[0x17]), Part::Rest(1)]);
    let short = || Act::Retry(Edit::Cut(1));
    vec![
        wrong(
            "write/not-done",
            "a write is answered and not done",
            "GAW/BV-03",
            &[on(op::WRITE).to(Target::Value).does(&only_answered(0x13))],
        ),
        wrong(
            "write/silent",
            "a write is done and not answered",
            "GAW/BV-03",
            &[on(op::WRITE).does(&[silence()])],
        ),
        wrong(
            "write/answered-twice",
            "a write is answered twice",
            "GAW/BV-03",
            &[on(op::WRITE).does(&[Act::Twice])],
        ),
        wrong(
            "write/done-twice",
            "a write is done twice",
            "CB-10 GAW/BV-03",
            &[on(op::WRITE).to(Target::Value).does(&[Act::Before(vec![Part::Rest(0)])])],
        ),
        wrong(
            "write/cut-at-19",
            "a write stores 19 bytes at most",
            "GAW/BV-03",
            &[on(op::WRITE).does(&[Act::Request(Edit::Keep(22))])],
        ),
        wrong(
            "write/empty-refused",
            "an empty write is refused",
            "GAW/BV-03 VAL-1",
            &[on(op::WRITE).test(Test::AtMost(3)).test(Test::AtLeast(3)).does(&[Act::Unseen, error(0x0D)])],
        ),
        wrong(
            "write/longer-answer",
            "the answer to a write has a byte too many",
            "GAW/BV-03",
            &[on(op::WRITE).answered(Answered::Well).does(&[Act::Answer(Edit::Append(vec![0]))])],
        ),
        wrong(
            "write/descriptor-not-done",
            "a write of a descriptor is answered and not done",
            "GAW/BV-08",
            &[on(op::WRITE).to(Target::Other).does(&only_answered(0x13))],
        ),
        wrong(
            "command/not-done",
            "a Write Command is not done",
            "GAW/BV-01 CB-11",
            &[on(op::COMMAND).does(&[Act::Unseen])],
        ),
        wrong(
            "command/done-twice",
            "a Write Command is done twice",
            "CB-11 CB-10",
            &[on(op::COMMAND).does(&[Act::Before(vec![Part::Rest(0)])])],
        ),
        wrong(
            "command/refusal-answered",
            "a Write Command that is refused is answered with an error",
            "CB-11 GAW/BI-39",
            &[
                on(op::COMMAND).does(&[as_if(0, op::WRITE), set(1, op::COMMAND)]),
                on(op::COMMAND).answered(Answered::Well).does(&[silence()]),
            ],
        ),
        wrong(
            "command/too-long-is-cut",
            "a Write Command over the limit is cut and stored",
            "GAW/BI-39 CB-12",
            &[on(op::COMMAND).does(&[as_if(0, op::WRITE), short(), silence()])],
        ),
        wrong(
            "signed/not-done",
            "a Signed Write Command is not done",
            "GAW/BV-02",
            &[on(op::SIGNED).does(&[Act::Unseen])],
        ),
        wrong(
            "signed/not-checked",
            "a Signed Write Command is done whatever its signature",
            "GAW/BI-01",
            &[on(op::SIGNED).does(&[as_if(0, op::WRITE), Act::Request(Edit::Cut(12)), silence()])],
        ),
        wrong(
            "signed/too-long-is-cut",
            "a Signed Write Command over the limit is cut and stored",
            "GAW/BI-40",
            &[on(op::SIGNED).does(&[as_if(0, op::WRITE), Act::Request(Edit::Cut(12)), short(), silence()])],
        ),
        wrong(
            "signed/answered",
            "a Signed Write Command is answered",
            "GAW/BV-02 GAW/BI-01",
            &[on(op::SIGNED).does(&[reply(&[0x13])])],
        ),
        wrong(
            "prepare/echo-value",
            "a Prepare Write echoes another value",
            "GAW/BV-06 GAW/BV-05",
            &[on(op::PREPARE).answered(Answered::Well).does(&[add(5, 1)])],
        ),
        wrong(
            "prepare/echo-offset",
            "a Prepare Write echoes another offset",
            "GAW/BV-06 GAW/BV-05",
            &[on(op::PREPARE).answered(Answered::Well).does(&[add(3, 1)])],
        ),
        wrong(
            "prepare/echo-handle",
            "a Prepare Write echoes another handle",
            "GAW/BV-06",
            &[on(op::PREPARE).answered(Answered::Well).does(&[add(1, 1)])],
        ),
        wrong(
            "prepare/echo-short",
            "a Prepare Write echoes all but the last byte",
            "GAW/BV-06 GAW/BV-09",
            &[on(op::PREPARE).answered(Answered::Well).does(&[Act::Answer(Edit::Cut(1))])],
        ),
        wrong(
            "prepare/offset-ignored",
            "the parts of a long write all go to the start",
            "GAW/BV-05",
            &[on(op::PREPARE).test(Test::IsNot(3, 0)).does(&[as_if(3, 0), echo()])],
        ),
        wrong(
            "prepare/second-part-lost",
            "the second part of a long write is lost",
            "GAW/BV-05 GAW/BV-10",
            &[on(op::PREPARE).skip(1).does(&[Act::Unseen, echo()])],
        ),
        wrong(
            "prepare/unknown",
            "Prepare Write is not supported",
            "GAW/BV-05 GAW/BV-06",
            &[on(op::PREPARE).does(&[Act::Unseen, error(0x06)])],
        ),
        wrong(
            "prepare/descriptor-not-done",
            "a long write of a descriptor is not done",
            "GAW/BV-09",
            &[on(op::PREPARE).to(Target::Other).does(&[Act::Unseen, echo()])],
        ),
        wrong(
            "prepare/outlives-client",
            "the next client executes what the last has prepared",
            "GAW/BV-11 CB-12",
            &[on(op::PREPARE).does(&[Act::Remember]), Deviation::Connected(vec![Act::Replay])],
        ),
        wrong(
            "execute/not-done",
            "a long write is answered and not done",
            "GAW/BV-05 GAW/BV-06 GAW/BV-10",
            &[on(op::EXECUTE).does(&only_answered(0x19))],
        ),
        wrong(
            "execute/silent",
            "an Execute Write is not answered",
            "GAW/BV-05 GAW/BV-11",
            &[on(op::EXECUTE).does(&[silence()])],
        ),
        wrong(
            "execute/done-twice",
            "an Execute Write clears nothing: a second one does the same again",
            "GAW/BV-11",
            &[on(op::PREPARE).does(&[Act::Remember]), on(op::EXECUTE).does(&[Act::Replay])],
        ),
        wrong(
            "execute/nothing-is-error",
            "an Execute Write with nothing prepared is an error",
            "GAW/BV-11",
            &[on(op::EXECUTE)
                .test(Test::Is(1, 1))
                .does(&[Act::Unseen, Act::Reply(vec![bytes(&[0x01, op::EXECUTE, 0, 0, 0x0E])])])],
        ),
        wrong(
            "execute/cancel-writes",
            "a cancelled long write is done",
            "GAW/BV-07 CB-12",
            &[on(op::EXECUTE).test(Test::Is(1, 0)).does(&[as_if(1, 1)])],
        ),
        wrong(
            "execute/cancel-keeps",
            "a cancelled long write stays prepared",
            "GAW/BV-07",
            &[on(op::EXECUTE).test(Test::Is(1, 0)).does(&only_answered(0x19))],
        ),
        wrong(
            "execute/unknown-flag",
            "an Execute Write with unknown flags is done",
            "GAW/BV-07",
            &[on(op::EXECUTE).refused(0x04).does(&[reply(&[0x19])])],
        ),
    ]
}
