//! Values, callbacks and event flags.

use crate::Wrong;
use crate::build::{Narrow, as_if, bytes, event, on, only_answered, op, reply, set, silence, wrong};
use wire::mutant::{
    Act, Answered, Deviation, Edit, Flags, HandlerAct, Life, Part, Registration, SetAct, TableEdit, Target,
    Test, ValueAct,
};

pub(crate) fn values() -> Vec<Wrong> {
    let value = |act| [Deviation::Value(act)];
    let table = |edit| [Deviation::Table(edit)];
    vec![
        wrong(
            "values/int-little-endian",
            "value(int) stores little-endian",
            "VAL-3",
            &value(ValueAct::LittleEndian),
        ),
        wrong(
            "values/int-little-endian-at-creation",
            "an integer given at creation is stored little-endian",
            "VAL-3",
            &table(TableEdit::LittleEndian),
        ),
        wrong(
            "values/int-two-bytes",
            "value(int) stores two bytes: 70000 is cut",
            "VAL-3",
            &value(ValueAct::Width(2)),
        ),
        wrong(
            "values/int-two-bytes-at-creation",
            "an integer given at creation is stored in two bytes",
            "VAL-3",
            &table(TableEdit::Width(2)),
        ),
        wrong(
            "values/int-four-bytes",
            "value(int) always stores four bytes",
            "VAL-3",
            &value(ValueAct::Width(4)),
        ),
        wrong("values/int-wraps", "value(-1) is accepted as four bytes FF", "VAL-3", &value(ValueAct::Wrap)),
        wrong(
            "values/text-terminated",
            "a string is stored with a zero byte at its end",
            "VAL-4",
            &value(ValueAct::Terminated),
        ),
        wrong(
            "values/text-latin1",
            "a string is stored with one byte for each character",
            "VAL-4",
            &value(ValueAct::Latin1),
        ),
        wrong(
            "values/bytes-until-zero",
            "bytes are stored up to the first zero",
            "VAL-5",
            &value(ValueAct::UntilZero),
        ),
        wrong("values/limit-197", "a value is cut at 197 bytes", "VAL-1 VAL-7", &value(ValueAct::Limit(197))),
        wrong("values/limit-255", "a value is cut at 255 bytes", "VAL-1", &value(ValueAct::Limit(255))),
        wrong(
            "values/too-long-is-cut",
            "a value over the limit is cut silently",
            "VAL-7",
            &value(ValueAct::CutAtLimit),
        ),
        wrong(
            "values/too-long-write-is-cut",
            "a write over the limit is cut and stored",
            "VAL-7 GAW/BI-32",
            &[on(op::WRITE).refused(0x0D).does(&[Act::Retry(Edit::Cut(1))])],
        ),
        wrong(
            "values/limit-not-held",
            "a value may be ten bytes longer than its limit",
            "VAL-7 GAW/BI-32",
            &table(TableEdit::Longer(10)),
        ),
        wrong(
            "values/stale",
            "value() gives the value before the last one",
            "VAL-2",
            &value(ValueAct::Stale),
        ),
        wrong("values/set-ignored", "value(v) changes nothing", "VAL-2", &[Deviation::Set(SetAct::Ignore)]),
        wrong(
            "values/empty-at-creation",
            "the value given at creation is lost",
            "SRV-2",
            &table(TableEdit::NoValues),
        ),
        wrong(
            "values/long-write-kills",
            "after a write of over 253 bytes nothing more is stored",
            "VAL-1",
            &[on(op::WRITE).test(Test::AtLeast(257)).does(&only_answered(0x13))],
        ),
    ]
}

pub(crate) fn callbacks() -> Vec<Wrong> {
    let handler = |events, act| [Deviation::Handler(events, act)];
    let registration = |registration| [Deviation::Registration(registration)];
    let read_again = || vec![bytes(&[op::READ]), Part::Handle];
    vec![
        wrong(
            "callbacks/read-never-runs",
            "the read callback never runs",
            "CB-1",
            &handler(event::READ, HandlerAct::Skip),
        ),
        wrong(
            "callbacks/write-never-runs",
            "the write callback never runs",
            "CB-1 EX-3",
            &handler(event::WRITE, HandlerAct::Skip),
        ),
        wrong(
            "callbacks/subscribe-never-runs",
            "the subscribe callback never runs",
            "EVT-7",
            &handler(event::SUBSCRIBE, HandlerAct::Skip),
        ),
        wrong(
            "callbacks/read-runs-twice",
            "the read callback runs twice for one read",
            "CB-10 EX-2 EX-4",
            &handler(event::READ, HandlerAct::Twice),
        ),
        wrong(
            "callbacks/write-runs-twice",
            "the write callback runs twice for one write",
            "CB-10 EX-2",
            &handler(event::WRITE, HandlerAct::Twice),
        ),
        wrong(
            "callbacks/read-trigger-takes-writes",
            "a callback on reads runs at writes too",
            "CB-2 EX-5",
            &registration(Registration::Add(event::READ, event::WRITE)),
        ),
        wrong(
            "callbacks/write-trigger-takes-reads",
            "a callback on writes runs at reads too",
            "CB-3",
            &registration(Registration::Add(event::WRITE, event::READ)),
        ),
        wrong(
            "callbacks/write-trigger-takes-subscriptions",
            "a callback on writes runs at subscriptions too",
            "EVT-7",
            &registration(Registration::Add(event::WRITE, event::SUBSCRIBE)),
        ),
        wrong(
            "callbacks/write-trigger-lost",
            "of several triggers the one on writes is lost",
            "CB-4",
            &registration(Registration::Remove(event::WRITE)),
        ),
        wrong(
            "callbacks/read-trigger-lost",
            "of several triggers the one on reads is lost",
            "CB-4",
            &registration(Registration::Remove(event::READ)),
        ),
        wrong(
            "callbacks/argument-lost",
            "the handler gets its characteristic instead of the argument",
            "CB-5",
            &[Deviation::Table(TableEdit::Argument(None))],
        ),
        wrong(
            "callbacks/argument-invented",
            "with no argument the handler does not get its characteristic",
            "CB-6",
            &[Deviation::Table(TableEdit::Argument(Some("None".to_owned())))],
        ),
        wrong(
            "callbacks/first-stays",
            "a second callback does not replace the first",
            "CB-7",
            &registration(Registration::FirstStays),
        ),
        wrong(
            "callbacks/never-removed",
            "a callback cannot be removed",
            "CB-7",
            &registration(Registration::NotRemoved),
        ),
        wrong(
            "callbacks/reply-dropped",
            "what a read handler returns is not sent",
            "CB-8 EX-2 EX-4",
            &handler(event::READ, HandlerAct::ReplyDropped),
        ),
        wrong(
            "callbacks/reply-stored",
            "what a read handler returns is stored",
            "CB-8",
            &handler(event::READ, HandlerAct::ReplyStored),
        ),
        wrong(
            "callbacks/reply-reversed",
            "an answer of a handler is sent with its bytes in reverse",
            "CB-8 VAL-3 EX-4",
            &handler(event::READ, HandlerAct::ReplyReversed),
        ),
        wrong(
            "callbacks/reply-cut-at-22",
            "an answer is cut at 22 bytes, and Read Blob gives no more",
            "CB-8",
            &handler(event::READ, HandlerAct::ReplyKeep(22)),
        ),
        wrong(
            "callbacks/reply-cut-at-197",
            "an answer is cut at 197 bytes",
            "CB-8",
            &handler(event::READ, HandlerAct::ReplyKeep(197)),
        ),
        wrong(
            "callbacks/reply-of-256-is-empty",
            "an answer of 256 bytes is empty",
            "CB-8",
            &handler(event::READ, HandlerAct::ReplyModulo),
        ),
        wrong(
            "callbacks/reply-too-long-ignored",
            "an answer above 512 bytes is dropped: the stored value is sent",
            "CB-8",
            &[on(op::READ).refused(0x0E).does(&[Act::Reply(vec![bytes(&[0x0B]), Part::Stored])])],
        ),
        wrong(
            "callbacks/reply-too-long-other-code",
            "an answer above 512 bytes is the error 0x0D",
            "CB-8",
            &[on(op::READ).refused(0x0E).does(&[set(4, 0x0D)])],
        ),
        wrong(
            "callbacks/stored-value-before",
            "returning nothing answers with the value before the handler set it",
            "CB-8",
            &handler(event::READ, HandlerAct::StoredBefore),
        ),
        wrong(
            "callbacks/write-sees-old-value",
            "value() in a write handler gives the value before the write",
            "CB-9 EX-2",
            &handler(event::WRITE, HandlerAct::OldValue),
        ),
        wrong(
            "callbacks/write-told-old-value",
            "a write handler is told the value before the write",
            "CB-14",
            &handler(event::WRITE, HandlerAct::ToldOldValue),
        ),
        wrong(
            "callbacks/write-reply-stored",
            "what a write handler returns becomes the value",
            "CB-9",
            &handler(event::WRITE, HandlerAct::ReplyStored),
        ),
        wrong(
            "callbacks/write-reply-answers-read",
            "what a write handler returns answers the next read",
            "CB-9 CB-13",
            &handler(event::WRITE, HandlerAct::ReplyLater),
        ),
        wrong(
            "callbacks/refused-write-stored",
            "a write that a rule refuses is stored all the same",
            "CB-9 CB-12",
            &[on(op::WRITE).refused(0).does(&[Act::Store(3)])],
        ),
        wrong(
            "callbacks/each-part-runs-handler",
            "each Read Blob runs the handler again",
            "CB-10 GAR/BV-04",
            &[on(op::BLOB).does(&[Act::Before(read_again())])],
        ),
        wrong(
            "callbacks/long-read-not-reopened",
            "a second long read gives the parts of the first",
            "CB-10",
            &[on(op::BLOB).does(&[Act::Stale])],
        ),
        wrong(
            "callbacks/second-read-stale",
            "a second read gives what the first gave",
            "VAL-2 EX-4",
            &[on(op::READ).does(&[Act::Stale])],
        ),
        wrong(
            "callbacks/read-by-type-runs-twice",
            "Read By Type runs a handler twice",
            "CB-10",
            &[on(op::BY_TYPE).does(&[Act::Before(vec![Part::Rest(0)])])],
        ),
        wrong(
            "callbacks/execute-without-handler",
            "a long write runs no handler",
            "CB-10",
            &[on(op::EXECUTE).does(&[Act::Unseen, Act::Quietly(vec![Part::Rest(0)]), reply(&[0x19])])],
        ),
        wrong(
            "callbacks/prepare-runs-handler",
            "each part of a long write is stored, and runs the handler, as it comes",
            "CB-10 GAW/BV-05 GAW/BV-07",
            &[on(op::PREPARE).answered(Answered::Well).does(&[Act::After(vec![
                bytes(&[op::COMMAND]),
                Part::Handle,
                Part::Rest(5),
            ])])],
        ),
        wrong(
            "callbacks/set-closes-snapshot",
            "value(v) ends a long read that is under way",
            "CB-10",
            &[Deviation::Set(SetAct::ClosesSnapshots)],
        ),
        wrong(
            "callbacks/command-without-handler",
            "a Write Command runs no handler",
            "CB-11",
            &[on(op::COMMAND).does(&[Act::Quietly(vec![Part::Rest(0)]), Act::Unseen])],
        ),
        wrong(
            "callbacks/rejected-read-answered",
            "an ATT error that a read handler returns is not sent",
            "CB-15",
            &handler(event::READ, HandlerAct::NoReject),
        ),
        wrong(
            "callbacks/rejected-read-other-code",
            "an ATT error that a read handler returns is sent as 0x0E",
            "CB-15",
            &[on(op::READ).refused(0x80).does(&[set(4, 0x0E)])],
        ),
        wrong(
            "callbacks/order-reversed",
            "of two quick writes the second is handled first",
            "CB-13",
            &[on(op::COMMAND).does(&[Act::Hold])],
        ),
        wrong(
            "callbacks/read-answered-with-stored",
            "a read is answered with the stored value, whatever its handler returns",
            "CB-8",
            &[on(op::READ)
                .to(Target::Value)
                .answered(Answered::Well)
                .does(&[Act::Reply(vec![bytes(&[0x0B]), Part::Stored])])],
        ),
        wrong(
            "callbacks/read-silent",
            "a read with a handler is never answered after the first",
            "CB-8 GAR/BI-45",
            &[on(op::READ).to(Target::Value).skip(1).does(&[silence()])],
        ),
    ]
}

pub(crate) fn flags() -> Vec<Wrong> {
    let flags = |flags| [Deviation::Flags(flags)];
    let both = event::READ | event::WRITE;
    vec![
        wrong("flags/read-lost", "reads set no flag", "EVT-1", &flags(Flags::Lose(event::READ))),
        wrong("flags/write-lost", "writes set no flag", "EVT-1", &flags(Flags::Lose(event::WRITE))),
        wrong(
            "flags/subscribe-lost",
            "subscriptions set no flag",
            "EVT-7",
            &flags(Flags::Lose(event::SUBSCRIBE)),
        ),
        wrong("flags/read-kept", "events() does not clear READ", "EVT-2", &flags(Flags::Keep(event::READ))),
        wrong(
            "flags/write-kept",
            "events() does not clear WRITE",
            "EVT-2 EX-2",
            &flags(Flags::Keep(event::WRITE)),
        ),
        wrong(
            "flags/only-with-callback",
            "flags are set only where a callback runs for them",
            "EVT-3",
            &flags(Flags::Unhandled(both)),
        ),
        wrong(
            "flags/after-the-handler",
            "flags are set after the handler",
            "EVT-3",
            &flags(Flags::Late(both)),
        ),
        wrong("flags/one-at-a-time", "of several flags only one is kept", "EVT-4 EVT-6", &flags(Flags::One)),
        wrong("flags/shared", "all characteristics have the same flags", "EVT-5", &flags(Flags::Shared)),
        wrong(
            "flags/end-with-connection",
            "a disconnection clears the flags of characteristics",
            "EVT-1",
            &flags(Flags::EndWithConnection),
        ),
        wrong(
            "flags/subscribe-as-write",
            "a subscription sets WRITE",
            "EVT-7",
            &flags(Flags::Rename(event::SUBSCRIBE, event::WRITE)),
        ),
        wrong(
            "flags/subscribe-and-write",
            "a subscription sets WRITE as well",
            "EVT-7",
            &[on(op::WRITE).to(Target::Cccd).does(&[Act::Flag(event::WRITE)])],
        ),
        wrong(
            "flags/read-as-write",
            "a read sets WRITE",
            "EVT-1 EX-2",
            &flags(Flags::Rename(event::READ, event::WRITE)),
        ),
        wrong(
            "flags/refused-write",
            "a refused write sets WRITE",
            "CB-12",
            &[on(op::WRITE).to(Target::Value).refused(0).does(&[Act::Flag(event::WRITE)])],
        ),
        wrong(
            "flags/refused-read",
            "a refused read sets READ",
            "CB-12",
            &[on(op::READ).to(Target::Value).refused(0x02).does(&[Act::Flag(event::READ)])],
        ),
        wrong(
            "flags/dropped-command",
            "a command that is dropped sets WRITE",
            "CB-12",
            &[on(op::COMMAND).to(Target::Value).answered(Answered::Nothing).does(&[Act::Flag(event::WRITE)])],
        ),
        wrong(
            "flags/prepared-write",
            "a Prepare Write sets WRITE",
            "CB-12 CB-10",
            &[on(op::PREPARE).to(Target::Value).does(&[Act::Flag(event::WRITE)])],
        ),
        wrong(
            "flags/set-by-application",
            "value(v) counts as a client's write",
            "VAL-6",
            &[Deviation::Set(SetAct::AsWrite)],
        ),
    ]
}

pub(crate) fn life() -> Vec<Wrong> {
    let life = |life| [Deviation::Life(life)];
    let log =
        |text: &str, instead: Option<&str>| [Deviation::Log(text.to_owned(), instead.map(str::to_owned))];
    vec![
        wrong(
            "life/never-restarts",
            "a restart leaves values, flags, callbacks and counters as they are",
            "GAP-9 EX-6",
            &life(Life::NeverRestarts),
        ),
        wrong("life/keeps-values", "values last over a restart", "GAP-9", &life(Life::KeepsValues)),
        wrong(
            "life/counters-end-with-connection",
            "counters begin anew with each connection",
            "EX-6",
            &life(Life::CountersEnd),
        ),
        wrong(
            "life/counter-begins-at-one",
            "counters begin at 1",
            "GAP-9",
            &[Deviation::Table(TableEdit::Counter(1))],
        ),
        wrong("lopy/read-line-missing", "a read prints no line", "EX-2", &log("Read request", None)),
        wrong("lopy/write-line-missing", "a write prints no line", "EX-2", &log("Write request", None)),
        wrong("lopy/bytes-as-text", "a write prints the value without b''", "EX-2", &log("= b", Some("= "))),
        wrong(
            "lopy/connect-line-missing",
            "connecting prints no line",
            "GAP-3",
            &log("Client connected", None),
        ),
        wrong(
            "lopy/disconnect-line-wrong",
            "disconnecting prints the line for connecting",
            "GAP-4",
            &log("Client disconnected", Some("Client connected")),
        ),
        wrong(
            "lopy/long-read-ignores-offset",
            "a long read gives the first part again and again",
            "EX-2 GAR/BV-04",
            &[on(op::BLOB).does(&[as_if(3, 0), as_if(4, 0)])],
        ),
        wrong(
            "lopy/write-without-answer",
            "a long write is never answered",
            "GAW/BV-05",
            &[on(op::PREPARE).does(&[silence()])],
        ),
        wrong(
            "lopy/command-answered",
            "a Write Command is answered as a Write Request",
            "CB-11 GAW/BV-01",
            &[on(op::COMMAND).does(&[reply(&[0x13])])],
        ),
    ]
}
