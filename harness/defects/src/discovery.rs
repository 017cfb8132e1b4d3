//! Discovery: list responses with items too few, too many or wrong.

use crate::Wrong;
use crate::build::{Narrow, add, on, op, set, silence, wrong};
use wire::mutant::{Act, Answered, Edit, Item, Test, When};

/// A kind of list: how its mutants are called, what it is, which requests, which ids.
struct List {
    theme: &'static str,
    of: &'static str,
    when: fn() -> When,
    violates: &'static str,
}

/// Read By Type for declarations: the type's low byte, the high one is 0x28.
fn declarations(low: u8) -> When {
    on(op::BY_TYPE).test(Test::Is(5, low)).test(Test::Is(6, 0x28)).test(Test::AtMost(7))
}

const LISTS: [List; 6] = [
    List {
        theme: "services",
        of: "Read By Group Type",
        when: || on(op::BY_GROUP),
        violates: "GAD/BV-01 EX-1",
    },
    List {
        theme: "service-by-uuid",
        of: "Find By Type Value",
        when: || on(op::FIND_VALUE),
        violates: "GAD/BV-02",
    },
    List {
        theme: "includes",
        of: "Read By Type for includes",
        when: || declarations(0x02),
        violates: "GAD/BV-03",
    },
    List {
        theme: "characteristics",
        of: "Read By Type for characteristics",
        when: || declarations(0x03),
        violates: "GAD/BV-04 GAD/BV-05",
    },
    List { theme: "descriptors", of: "Find Information", when: || on(op::FIND_INFO), violates: "GAD/BV-06" },
    List {
        theme: "values-by-uuid",
        of: "Read By Type for a value",
        when: || on(op::BY_TYPE).test(Test::IsNot(6, 0x28)),
        violates: "GAR/BV-03",
    },
];

pub(crate) fn discovery() -> Vec<Wrong> {
    LISTS.iter().flat_map(list).chain(others()).collect()
}

fn list(list: &List) -> Vec<Wrong> {
    let make = |name: &str, does: &str, act: Act| {
        let when = (list.when)().answered(Answered::Well);
        let (id, does) = (format!("{}/{name}", list.theme), format!("{} {does}", list.of));
        wrong(&id, &does, list.violates, &[when.does(&[act])])
    };
    let at_end = |name: &str, does: &str, act: Act| {
        let when = (list.when)().refused(0x0A);
        let (id, does) = (format!("{}/{name}", list.theme), format!("{} {does}", list.of));
        wrong(&id, &does, list.violates, &[when.does(&[act])])
    };
    vec![
        make("first-missing", "leaves out the first item", Act::Answer(Edit::DropItem(Item::First))),
        make("last-missing", "leaves out the last item", Act::Answer(Edit::DropItem(Item::Last))),
        make("last-twice", "gives the last item twice", Act::Answer(Edit::RepeatItem(Item::Last))),
        make("short", "gives an item without its last byte", Act::Answer(Edit::Cut(1))),
        make("handle-wrong", "gives a first handle that is too high by one", {
            add(if list.theme == "service-by-uuid" { 1 } else { 2 }, 1)
        }),
        at_end("end-code", "ends with 0x01 instead of 0x0A", set(4, 0x01)),
        at_end("end-handle", "ends with another handle than the start of the range", add(2, 1)),
        at_end("end-silent", "is not answered where there is nothing more", silence()),
    ]
}

fn others() -> Vec<Wrong> {
    const TYPE_128: u8 = 2;
    vec![
        wrong(
            "services/order",
            "services are given in falling order of handles",
            "GAD/BV-01",
            &[on(op::BY_GROUP).answered(Answered::Well).does(&[Act::Answer(Edit::ReverseItems)])],
        ),
        wrong(
            "services/end-handle-of-group",
            "a service ends one handle too late",
            "GAD/BV-01 EX-1",
            &[on(op::BY_GROUP).answered(Answered::Well).does(&[add(4, 1)])],
        ),
        wrong(
            "characteristics/order",
            "characteristics are given in falling order of handles",
            "GAD/BV-04",
            &[declarations(0x03).answered(Answered::Well).does(&[Act::Answer(Edit::ReverseItems)])],
        ),
        wrong(
            "characteristics/value-handle",
            "a declaration names the handle behind its value's",
            "GAD/BV-04 GAD/BV-05",
            &[declarations(0x03).answered(Answered::Well).does(&[add(5, 1)])],
        ),
        wrong(
            "descriptors/format",
            "16-bit UUIDs are announced as 128-bit ones",
            "GAD/BV-06",
            &[on(op::FIND_INFO).answered(Answered::Well).does(&[set(1, TYPE_128)])],
        ),
        wrong(
            "services/unsupported-group",
            "Read By Group Type takes a type that groups nothing",
            "GAD/BV-01",
            &[on(op::BY_GROUP).refused(0x10).does(&[set(4, 0x0A)])],
        ),
    ]
}
