//! Error Responses: with another code, with another handle, or not given.

use crate::Wrong;
use crate::build::{Narrow, add, on, op, reply, set, wrong};

/// Refusals of one request: the code that is right, another, and the ids that ask for it.
type Refusals = (u8, &'static str, u8, &'static [(u8, u8, &'static str)]);

const REFUSALS: [Refusals; 9] = [
    (
        op::READ,
        "read",
        0x0B,
        &[
            (0x01, 0x0A, "GAR/BI-02"),
            (0x02, 0x03, "GAR/BI-01"),
            (0x08, 0x05, "GAR/BI-03 SEC-1"),
            (0x05, 0x0F, "GAR/BI-04 SEC-1"),
            (0x0C, 0x0F, "GAR/BI-05 SEC-1"),
        ],
    ),
    (
        op::BY_TYPE,
        "by-type",
        0x09,
        &[
            (0x01, 0x0A, "GAR/BI-08"),
            (0x02, 0x0A, "GAR/BI-06"),
            (0x08, 0x05, "GAR/BI-09"),
            (0x05, 0x0F, "GAR/BI-10"),
            (0x0C, 0x0F, "GAR/BI-11"),
            (0x0A, 0x01, "GAR/BI-07"),
        ],
    ),
    (
        op::BLOB,
        "blob",
        0x0D,
        &[
            (0x01, 0x0A, "GAR/BI-14"),
            (0x02, 0x03, "GAR/BI-12"),
            (0x07, 0x0B, "GAR/BI-13"),
            (0x08, 0x05, "GAR/BI-15"),
            (0x05, 0x0F, "GAR/BI-16"),
            (0x0C, 0x0F, "GAR/BI-17"),
        ],
    ),
    (
        op::MULTIPLE,
        "multiple",
        0x0F,
        &[
            (0x01, 0x0A, "GAR/BI-19"),
            (0x02, 0x03, "GAR/BI-18"),
            (0x08, 0x05, "GAR/BI-20"),
            (0x05, 0x0F, "GAR/BI-21"),
            (0x0C, 0x0F, "GAR/BI-22"),
        ],
    ),
    (
        op::VARIABLE,
        "variable",
        0x21,
        &[
            (0x01, 0x0A, "GAR/BI-38"),
            (0x02, 0x03, "GAR/BI-36"),
            (0x08, 0x05, "GAR/BI-40"),
            (0x05, 0x0F, "GAR/BI-42"),
            (0x0C, 0x0F, "GAR/BI-44"),
        ],
    ),
    (
        op::WRITE,
        "write",
        0x13,
        &[
            (0x01, 0x0A, "GAW/BI-02"),
            (0x03, 0x02, "GAW/BI-03"),
            (0x08, 0x05, "GAW/BI-04 SEC-1"),
            (0x05, 0x0F, "GAW/BI-05 SEC-1"),
            (0x0C, 0x0F, "GAW/BI-06 SEC-1"),
            (0x0D, 0x07, "GAW/BI-32"),
        ],
    ),
    (
        op::PREPARE,
        "prepare",
        0x17,
        &[
            (0x01, 0x0A, "GAW/BI-07"),
            (0x03, 0x02, "GAW/BI-08"),
            (0x08, 0x05, "GAW/BI-11"),
            (0x05, 0x0F, "GAW/BI-12"),
            (0x0C, 0x0F, "GAW/BI-13"),
        ],
    ),
    (op::EXECUTE, "execute", 0x19, &[(0x07, 0x0D, "GAW/BI-09"), (0x0D, 0x07, "GAW/BI-33")]),
    (op::FIND_INFO, "find-information", 0x05, &[(0x01, 0x0A, "GAD/BV-06")]),
];

pub(crate) fn refusals() -> Vec<Wrong> {
    let mut all = Vec::new();
    for (opcode, theme, response, refusals) in REFUSALS {
        for &(code, other, violates) in refusals {
            let when = || on(opcode).refused(code);
            let (code, other) = (format!("{code:02X}"), (other, format!("{other:02X}")));
            let id = |what: &str| format!("{theme}/{}-{what}", code.to_lowercase());
            all.push(wrong(
                &id("as-other"),
                &format!("{theme} gives the error 0x{} instead of 0x{code}", other.1),
                violates,
                &[when().does(&[set(4, other.0)])],
            ));
            all.push(wrong(
                &id("handle"),
                &format!("{theme} gives the error 0x{code} with the handle behind the right one"),
                violates,
                &[when().does(&[add(2, 1)])],
            ));
            all.push(wrong(
                &id("granted"),
                &format!("{theme} is answered well instead of with the error 0x{code}"),
                violates,
                &[when().does(&[reply(&[response])])],
            ));
        }
    }
    all
}
