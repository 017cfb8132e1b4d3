//! Security, bonds, and the services that tell of changed tables.

use crate::Wrong;
use crate::build::{Narrow, add, bytes, on, only_answered, op, reply, set, wrong};
use wire::Pairing;
use wire::mutant::{Act, Answered, Deviation, Edit, LinkAct, PushAct, TableEdit, Target, Test, When};

/// Read By Type for a characteristic of the GATT service, by the low byte of its UUID 0x2B...
fn by_type(low: u8) -> When {
    on(op::BY_TYPE).test(Test::Is(5, low)).test(Test::Is(6, 0x2B))
}

const DATABASE_HASH: u8 = 0x2A;

pub(crate) fn security() -> Vec<Wrong> {
    let any = When::default;
    let link = |act| [Deviation::Link(act)];
    let as_other = |id: &str, does: &str, violates: &str, code, other| {
        wrong(id, does, violates, &[any().refused(code).does(&[set(4, other)])])
    };
    vec![
        wrong(
            "security/every-link-trusted",
            "every link counts as encrypted, authenticated and authorised",
            "SEC-1",
            &[Deviation::Connected(vec![Act::Trust])],
        ),
        wrong(
            "security/not-asked-for",
            "what needs security is open",
            "SEC-1",
            &[Deviation::Table(TableEdit::Open)],
        ),
        wrong(
            "security/unreadable-is-open",
            "what must not be read can be",
            "GAR/BI-01 SRV-2",
            &[Deviation::Table(TableEdit::ReadNever)],
        ),
        wrong(
            "security/unwritable-is-open",
            "what must not be written can be",
            "GAW/BI-03 SRV-2",
            &[Deviation::Table(TableEdit::WriteNever)],
        ),
        wrong(
            "security/any-key-size",
            "a key may be as short as it likes",
            "SEC-1",
            &link(LinkAct::LongKeys),
        ),
        wrong(
            "security/any-key-authenticated",
            "every key counts as authenticated",
            "SEC-1",
            &link(LinkAct::Authenticated),
        ),
        wrong(
            "security/encryption-unnoticed",
            "encryption opens nothing",
            "SEC-1",
            &link(LinkAct::NeverEncrypted),
        ),
        wrong(
            "security/bond-unnoticed",
            "a bonded client on a plain link gets 0x05",
            "SEC-1",
            &link(LinkAct::NeverBonded),
        ),
        as_other(
            "security/unbonded-as-0f",
            "a client without a bond gets 0x0F instead of 0x05",
            "SEC-1",
            0x05,
            0x0F,
        ),
        as_other(
            "security/plain-as-05",
            "a bonded client on a plain link gets 0x05 instead of 0x0F",
            "SEC-1",
            0x0F,
            0x05,
        ),
        as_other(
            "security/short-key-as-0f",
            "too short a key gives 0x0F instead of 0x0C",
            "SEC-1",
            0x0C,
            0x0F,
        ),
        as_other(
            "security/unauthorised-as-03",
            "an unauthorised client gets 0x03 instead of 0x08",
            "SEC-1",
            0x08,
            0x03,
        ),
        wrong(
            "bonds/forgotten",
            "of a bonded client nothing is remembered",
            "GAP-8 GAN/BV-03 GAI/BV-02 GAS/BV-04 GAS/BV-07",
            &link(LinkAct::Forgotten),
        ),
    ]
    .into_iter()
    .chain(pairing())
    .chain(caching())
    .collect()
}

fn pairing() -> Vec<Wrong> {
    let table = |from, to| Deviation::Table(TableEdit::Pairing(from, to));
    let one = |id: &str, does: &str, deviation| wrong(id, does, "SEC-1", &[deviation]);
    vec![
        one("pairing/unasked", "a device that must not pair does", table(Pairing::No, Pairing::JustWorks)),
        one(
            "pairing/without-passkey",
            "where a passkey is due it does without",
            table(Pairing::Passkey, Pairing::JustWorks),
        ),
        wrong(
            "pairing/refused",
            "a device that must pair does not",
            "SEC-1",
            &[table(Pairing::JustWorks, Pairing::No), table(Pairing::Passkey, Pairing::No)],
        ),
        one(
            "pairing/other-passkey",
            "the passkey that is shown is not the one that counts",
            Deviation::Link(LinkAct::OtherPasskey),
        ),
        wrong(
            "pairing/bond-dropped",
            "pairing encrypts the link and leaves no bond",
            "SEC-1 GAP-8 GAP-9",
            &[Deviation::Link(LinkAct::BondDropped)],
        ),
    ]
}

fn caching() -> Vec<Wrong> {
    let any = When::default;
    let service_changed = |act| [Deviation::Push(op::INDICATE, Some(Target::Other), vec![act])];
    let hash_read = || vec![bytes(&[op::BY_TYPE, 0x01, 0x00, 0xFF, 0xFF, DATABASE_HASH, 0x2B])];
    vec![
        wrong(
            "caching/service-changed-lost",
            "a change of the table is not indicated",
            "SRV-3 GAS/BV-01",
            &service_changed(PushAct::Drop),
        ),
        wrong(
            "caching/service-changed-range",
            "Service Changed names a range that begins too late",
            "GAS/BV-01",
            &service_changed(PushAct::Edit(Edit::Add(3, 1))),
        ),
        wrong(
            "caching/service-changed-notified",
            "Service Changed is notified",
            "GAS/BV-01",
            &service_changed(PushAct::Edit(Edit::Set(0, op::NOTIFY))),
        ),
        wrong(
            "caching/hash-wrong",
            "the Database Hash is not that of the table",
            "GAS/BV-02",
            &[by_type(DATABASE_HASH).answered(Answered::Well).does(&[add(4, 1)])],
        ),
        wrong(
            "caching/hash-stale",
            "the Database Hash does not change with the table",
            "GAS/BV-02",
            &[by_type(DATABASE_HASH).answered(Answered::Well).does(&[Act::Stale])],
        ),
        wrong(
            "caching/features-not-stored",
            "Client Supported Features are answered and not stored",
            "GAS/BV-03 GAS/BV-04",
            &[on(op::WRITE).to(Target::Other).test(Test::AtMost(4)).does(&only_answered(0x13))],
        ),
        wrong(
            "caching/features-cleared",
            "a feature bit can be cleared",
            "GAS/BV-05 GAS/BV-07",
            &[on(op::WRITE).refused(0x13).does(&[reply(&[0x13])])],
        ),
        wrong(
            "caching/features-other-code",
            "clearing a feature bit gives another error than 0x13",
            "GAS/BV-05 GAS/BV-07",
            &[on(op::WRITE).refused(0x13).does(&[set(4, 0x0D)])],
        ),
        wrong(
            "caching/out-of-sync-other-code",
            "a client with an old table gets 0x0A instead of 0x12",
            "GAS/BV-05 GAS/BV-06",
            &[any().refused(0x12).does(&[set(4, 0x0A)])],
        ),
        wrong(
            "caching/out-of-sync-handle",
            "the error 0x12 has another handle",
            "GAS/BV-05",
            &[any().refused(0x12).does(&[add(2, 1)])],
        ),
        wrong(
            "caching/never-out-of-sync",
            "a client with an old table is answered at once",
            "GAS/BV-05 GAS/BV-06 GAS/BV-07",
            &[any().refused(0x12).does(&[Act::Retry(Edit::Cut(0))])],
        ),
        wrong(
            "caching/variable-never-out-of-sync",
            "Read Multiple Variable with an old table is answered at once",
            "GAS/BV-08",
            &[on(op::VARIABLE).refused(0x12).does(&[Act::Retry(Edit::Cut(0))])],
        ),
        wrong(
            "caching/commands-done",
            "commands of a client with an old table are done",
            "GAS/BV-05",
            &[on(op::COMMAND).does(&[Act::Before(hash_read())])],
        ),
        wrong(
            "caching/execute-out-of-sync",
            "what was prepared for an attribute that is gone is no error",
            "GAW/BI-41",
            &[on(op::EXECUTE).refused(0x12).does(&[reply(&[0x19])])],
        ),
    ]
}
