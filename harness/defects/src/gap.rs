//! Advertising, connections, and tables.

use crate::Wrong;
use crate::build::{Narrow, error, event, on, op, wrong};
use wire::mutant::{Act, Deviation, Flags, GapAct, HandlerAct, Life, TableEdit, Target, Test};

pub(crate) fn gap() -> Vec<Wrong> {
    let gap = |act| [Deviation::Gap(act)];
    let field = |id: &str, does: &str, kind| wrong(id, does, "GAP-1", &gap(GapAct::DropField(kind)));
    vec![
        wrong(
            "gap/limited-discoverable",
            "the flags say limited discoverable",
            "GAP-1",
            &gap(GapAct::SetField(0x01, 0x05)),
        ),
        wrong("gap/tx-power", "the advertised TX power is wrong", "GAP-1", &gap(GapAct::SetField(0x0A, 4))),
        field("gap/no-name", "the advertisement has no name", 0x09),
        field("gap/no-tx-power", "the advertisement has no TX power", 0x0A),
        field("gap/no-16-bit-uuid", "a 16-bit service UUID is not advertised", 0x03),
        field("gap/no-128-bit-uuid", "a 128-bit service UUID is not advertised", 0x07),
        field("gap/no-service-data", "service data is not advertised", 0x16),
        field("gap/no-manufacturer-data", "manufacturer data is not advertised", 0xFF),
        wrong(
            "gap/uuid-reversed",
            "the service UUID is advertised most significant byte first",
            "GAP-1",
            &gap(GapAct::ReverseField(0x07)),
        ),
        wrong("gap/no-scan-response", "scans are not answered", "GAP-1", &gap(GapAct::NoScanResponse)),
        wrong(
            "gap/advertisement-stays",
            "a new advertisement does not replace the first",
            "GAP-1",
            &gap(GapAct::FirstStays),
        ),
        wrong(
            "gap/too-long-left-out",
            "a field that is too long is left out without an error",
            "GAP-1",
            &gap(GapAct::DropTooLong),
        ),
        wrong("gap/never-stops", "advertise(false) does nothing", "GAP-2", &gap(GapAct::Stays)),
        wrong("gap/never-again", "a second advertise(true) does nothing", "GAP-2", &gap(GapAct::Never)),
        wrong(
            "gap/connected-flag-lost",
            "a connection sets no flag",
            "GAP-3 GAP-5",
            &[Deviation::Flags(Flags::Lose(event::CONNECTED))],
        ),
        wrong(
            "gap/connected-callback-lost",
            "a connection runs no callback",
            "GAP-3",
            &[Deviation::Handler(event::CONNECTED, HandlerAct::Skip)],
        ),
        wrong(
            "gap/connected-callback-twice",
            "a connection runs the callback twice",
            "GAP-3",
            &[Deviation::Handler(event::CONNECTED, HandlerAct::Twice)],
        ),
        wrong(
            "gap/disconnected-flag-lost",
            "a disconnection sets no flag",
            "GAP-4 GAP-5",
            &[Deviation::Flags(Flags::Lose(event::DISCONNECTED))],
        ),
        wrong(
            "gap/disconnected-callback-lost",
            "a disconnection runs no callback",
            "GAP-4",
            &[Deviation::Handler(event::DISCONNECTED, HandlerAct::Skip)],
        ),
        wrong(
            "gap/not-resumed",
            "advertising ends with the first connection",
            "GAP-4",
            &gap(GapAct::NotResumed),
        ),
        wrong(
            "gap/events-kept",
            "bluetooth.events() does not clear",
            "GAP-5",
            &[Deviation::Flags(Flags::Keep(event::CONNECTED | event::DISCONNECTED))],
        ),
        wrong("gap/two-clients", "a second client is served", "GAP-6", &gap(GapAct::Clients(2))),
        wrong("gap/keeps-clients", "disconnect_client() does nothing", "GAP-7", &gap(GapAct::KeepsClients)),
        wrong(
            "gap/subscriptions-outlive-client",
            "the next client has the subscriptions of the last",
            "GAP-8 GAN/BV-01 GAI/BV-01",
            &[on(op::WRITE).to(Target::Cccd).does(&[Act::Remember]), Deviation::Connected(vec![Act::Replay])],
        ),
    ]
}

pub(crate) fn tables() -> Vec<Wrong> {
    let table = |edit| [Deviation::Table(edit)];
    const NOTIFY: u8 = 0x10;
    const LONG_TYPE: u16 = 21;
    vec![
        wrong(
            "tables/uuids-reversed",
            "UUIDs are taken most significant byte first",
            "SRV-1",
            &table(TableEdit::ReverseUuids),
        ),
        wrong(
            "tables/long-type-unknown",
            "a 128-bit request does not find the 16-bit attribute of the same UUID",
            "SRV-1",
            &[on(op::BY_TYPE).test(Test::AtLeast(LONG_TYPE)).does(&[error(0x0A)])],
        ),
        wrong(
            "tables/properties",
            "NOTIFY is left out or put in",
            "SRV-2 EX-1",
            &table(TableEdit::Properties(NOTIFY)),
        ),
        wrong(
            "tables/no-writing",
            "WRITE is left out or put in",
            "SRV-2",
            &table(TableEdit::Properties(0x08)),
        ),
        wrong(
            "tables/characteristic-missing",
            "the last characteristic of each service is missing",
            "SRV-2 GAD/BV-04",
            &table(TableEdit::DropCharacteristic),
        ),
        wrong(
            "tables/descriptor-missing",
            "the last descriptor of each characteristic is missing",
            "SRV-2 GAD/BV-06",
            &table(TableEdit::DropDescriptor),
        ),
        wrong(
            "tables/all-primary",
            "a secondary service is found as a primary one",
            "SRV-1 GAD/BV-01",
            &table(TableEdit::AllPrimary),
        ),
        wrong(
            "tables/no-includes",
            "services include none",
            "SRV-1 GAD/BV-03",
            &table(TableEdit::NoIncludes),
        ),
        wrong("tables/handles-not-kept", "fixed handles are not kept", "SRV-2", &table(TableEdit::NoHandles)),
        wrong(
            "tables/never-stopped",
            "a stopped service can still be discovered",
            "SRV-3",
            &[Deviation::Life(Life::NothingStops)],
        ),
    ]
}
