//! Values.

use super::{Field, Kind, Shape};

/// A value in bytes.
pub(crate) static HEX: Shape = Shape {
    what: "a value in bytes",
    doc: "A value in bytes.",
    fields: &[Field::new("hex", Kind::Hex, "Pairs of hex digits.").required("write `{hex: \"0A FF\"}`")],
};
