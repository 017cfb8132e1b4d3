//! Notifications, indications and the subscriptions to them.

use crate::Wrong;
use crate::build::{Narrow, bytes, error, on, only_answered, op, reply, wrong};
use wire::mutant::{Act, Answered, Deviation, Edit, Part, PushAct, SetAct, Target, Test};

pub(crate) fn pushes() -> Vec<Wrong> {
    let push = |opcode, act| [Deviation::Push(opcode, None, vec![act])];
    let edit = |opcode, edit| [Deviation::Push(opcode, None, vec![PushAct::Edit(edit)])];
    let notify = |value| vec![bytes(&[op::NOTIFY]), Part::ValueHandle, value];
    let subscribed = || on(op::WRITE).to(Target::Cccd).answered(Answered::Well);
    vec![
        wrong(
            "pushes/to-everyone",
            "a value is notified to clients that have not subscribed",
            "VAL-6",
            &[Deviation::Set(SetAct::ToAll)],
        ),
        wrong(
            "pushes/at-subscription",
            "subscribing is answered with a notification",
            "VAL-6",
            &[subscribed().test(Test::Is(3, 1)).does(&[Act::Send(notify(Part::Stored))])],
        ),
        wrong(
            "pushes/own-write",
            "a client's own write is notified to it",
            "VAL-6",
            &[on(op::WRITE)
                .to(Target::Value)
                .answered(Answered::Well)
                .does(&[Act::Send(notify(Part::Stored))])],
        ),
        wrong(
            "pushes/before-the-answer",
            "what a handler pushes leaves before the response",
            "VAL-6",
            &[on(op::WRITE).does(&[Act::PushFirst]), on(op::READ).does(&[Act::PushFirst])],
        ),
        wrong(
            "pushes/notification-lost",
            "notifications are not sent",
            "VAL-6 GAN/BV-01",
            &push(op::NOTIFY, PushAct::Drop),
        ),
        wrong(
            "pushes/notification-twice",
            "notifications are sent twice",
            "VAL-6 GAN/BV-01",
            &push(op::NOTIFY, PushAct::Twice),
        ),
        wrong(
            "pushes/notification-stale",
            "a notification has the value before",
            "VAL-6 GAN/BV-01",
            &push(op::NOTIFY, PushAct::Stale),
        ),
        wrong(
            "pushes/notification-handle",
            "notifications have the handle behind the right one",
            "VAL-6 GAN/BV-01",
            &edit(op::NOTIFY, Edit::Add(1, 1)),
        ),
        wrong(
            "pushes/notification-as-indication",
            "a value is indicated where notification was asked for",
            "VAL-6 GAN/BV-01",
            &edit(op::NOTIFY, Edit::Set(0, op::INDICATE)),
        ),
        wrong(
            "pushes/notification-above-mtu",
            "a notification has the whole value, whatever the MTU",
            "VAL-6",
            &push(op::NOTIFY, PushAct::Whole),
        ),
        wrong(
            "pushes/notification-cut-at-19",
            "a notification has 19 bytes at most",
            "VAL-6",
            &edit(op::NOTIFY, Edit::Keep(22)),
        ),
        wrong(
            "pushes/several-lost",
            "notifications of several values are not sent",
            "GAN/BV-02",
            &push(op::NOTIFY_SEVERAL, PushAct::Drop),
        ),
        wrong(
            "pushes/several-length",
            "a notification of several values has a wrong length in it",
            "GAN/BV-02",
            &edit(op::NOTIFY_SEVERAL, Edit::Add(3, 1)),
        ),
        wrong(
            "pushes/several-short",
            "a notification of several values lacks its last byte",
            "GAN/BV-02",
            &edit(op::NOTIFY_SEVERAL, Edit::Cut(1)),
        ),
        wrong(
            "pushes/indication-lost",
            "indications are not sent",
            "VAL-6 GAI/BV-01",
            &push(op::INDICATE, PushAct::Drop),
        ),
        wrong(
            "pushes/indication-twice",
            "indications are sent twice",
            "GAI/BV-01",
            &push(op::INDICATE, PushAct::Twice),
        ),
        wrong(
            "pushes/indication-as-notification",
            "a value is notified where indication was asked for",
            "VAL-6 GAI/BV-01",
            &edit(op::INDICATE, Edit::Set(0, op::NOTIFY)),
        ),
        wrong(
            "pushes/indication-not-awaited",
            "the next indication does not wait for a confirmation",
            "VAL-6 GAI/BV-01",
            &push(op::INDICATE, PushAct::Confirmed),
        ),
        wrong(
            "pushes/confirmation-ignored",
            "confirmations are ignored",
            "GAI/BV-01 VAL-6 GAS/BV-06",
            &[on(op::CONFIRM).does(&[Act::Unseen])],
        ),
        wrong(
            "pushes/timeout-early",
            "an indication is given up after 15 s",
            "GAT/BV-01",
            &[Deviation::Clock(2)],
        ),
        wrong("pushes/timeout-never", "an indication is never given up", "GAT/BV-01", &[Deviation::Clock(0)]),
        wrong(
            "pushes/subscribed-from-the-start",
            "notifications are on at each connection",
            "GAP-8 VAL-6 GAN/BV-01",
            &[Deviation::Connected(vec![Act::Subscribe(1)])],
        ),
        wrong(
            "pushes/subscription-ignored",
            "writing a CCCD changes nothing",
            "VAL-6 GAN/BV-01",
            &[on(op::WRITE).to(Target::Cccd).does(&only_answered(0x13))],
        ),
        wrong(
            "pushes/never-unsubscribed",
            "a subscription cannot be ended",
            "VAL-6",
            &[on(op::WRITE).to(Target::Cccd).test(Test::Is(3, 0)).does(&only_answered(0x13))],
        ),
        wrong(
            "pushes/all-subscribed",
            "subscribing to one characteristic subscribes to all",
            "VAL-6",
            &[subscribed().test(Test::Is(3, 1)).does(&[Act::Subscribe(1)])],
        ),
        wrong(
            "pushes/cccd-refused",
            "a CCCD cannot be written",
            "SRV-2 GAN/BV-01",
            &[on(op::WRITE).to(Target::Cccd).does(&[Act::Unseen, error(0x03)])],
        ),
        wrong(
            "pushes/cccd-length",
            "a CCCD takes a value of another length",
            "SRV-2",
            &[on(op::WRITE).to(Target::Cccd).refused(0x0D).does(&[reply(&[0x13])])],
        ),
    ]
}
