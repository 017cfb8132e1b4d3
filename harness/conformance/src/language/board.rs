//! Calls of the device's API.

use super::device::{
    ARG, COUNTER, MANUFACTURER_DATA, READS_EVENTS, RULES, SERVICE, SERVICE_DATA, SERVICE_UUID, TRIGGERS,
    event_words,
};
use super::steps::REPORTS;
use super::{Field, Kind, Shape, words};

/// The call that may stand as one word.
pub(crate) const DISCONNECT_CLIENT: &str = "disconnect_client";

/// What may stand after `board:`; the first key of each shape is its verb.
pub(super) const BOARD: Kind = Kind::Either(&[
    Kind::Exactly(DISCONNECT_CLIENT),
    Kind::Map(&EVENTS),
    Kind::Map(&VALUE),
    Kind::Map(&SET),
    Kind::Map(&CALLBACK),
    Kind::Map(&ADVERTISE),
    Kind::Map(&SET_ADVERTISEMENT),
    Kind::Map(&START),
    Kind::Map(&STOP),
    Kind::Map(&ADD_SERVICE),
    Kind::Map(&DISCONNECT),
]);

/// The shapes of [`BOARD`]. `value` is a verb and a field of `set`: it comes last, where the first verb
/// that a mapping has decides.
pub(crate) static CALLS: &[&Shape] = &[
    &EVENTS,
    &SET,
    &CALLBACK,
    &ADVERTISE,
    &SET_ADVERTISEMENT,
    &START,
    &STOP,
    &ADD_SERVICE,
    &DISCONNECT,
    &VALUE,
];

const REFUSED: Field = Field::new("refused", Kind::Boolean, "True: the API must refuse it.");

/// Names a thing that the call is about; its hint is never shown, since the key decides which call it is.
const fn verb(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field::new(key, kind, doc).required("name it")
}

/// `events()`.
pub(crate) static EVENTS: Shape = Shape {
    what: "`board: {events: ..}`",
    doc: "Reads and clears the event flags.",
    fields: &[
        verb("events", Kind::Known, "A characteristic, or `bluetooth`."),
        Field::new("expect", Kind::Words(event_words), "The flags that must come; `[]` is none."),
        REPORTS,
    ],
};

/// `value()`.
pub(crate) static VALUE: Shape = Shape {
    what: "`board: {value: ..}`",
    doc: "Reads the stored value.",
    fields: &[
        verb("value", Kind::Known, "Whose value."),
        Field::new("expect", Kind::ClientValue, "The exact value that must come."),
        REPORTS,
    ],
};

/// `value(v)`.
pub(crate) static SET: Shape = Shape {
    what: "`board: {set: ..}`",
    doc: "Sets the stored value; whoever has subscribed gets it.",
    fields: &[
        verb("set", Kind::Known, "Whose value."),
        Field::new("value", Kind::Value, "The new value.").required("write the new value: `value: 7`"),
        REFUSED,
        REPORTS,
    ],
};

/// `callback(..)`.
pub(crate) static CALLBACK: Shape = Shape {
    what: "`board: {callback: ..}`",
    doc: "Registers a callback in place of the one before, or removes it.",
    fields: &[
        verb("callback", Kind::Known, "Whose callback."),
        Field::new("on", Kind::Words(|| words(TRIGGERS)), "What triggers it: read, write, subscribe.")
            .required_unless("remove", "name what triggers it: `on: [read, write]`"),
        COUNTER,
        ARG,
        READS_EVENTS,
        RULES,
        Field::new("remove", Kind::Boolean, "True: the callback is removed."),
        REPORTS,
    ],
};

/// `advertise(on)`.
pub(crate) static ADVERTISE: Shape = Shape {
    what: "`board: {advertise: ..}`",
    doc: "Starts or stops advertising.",
    fields: &[verb("advertise", Kind::Boolean, "On or off."), REPORTS],
};

/// `set_advertisement(..)`, the call.
pub(crate) static SET_ADVERTISEMENT: Shape = Shape {
    what: "`board: {set_advertisement: ..}`",
    doc: "Sets what is advertised.",
    fields: &[verb("set_advertisement", Kind::Map(&NEW_ADVERTISEMENT), "The fields."), REFUSED, REPORTS],
};

/// `set_advertisement(..)`, its arguments.
pub(crate) static NEW_ADVERTISEMENT: Shape = Shape {
    what: "`set_advertisement`",
    doc: "What is advertised from now on; what is not given is advertised no more.",
    fields: &[
        Field::new("name", Kind::Text, "The complete local name."),
        SERVICE_UUID,
        MANUFACTURER_DATA,
        SERVICE_DATA,
    ],
};

/// Starting a service.
pub(crate) static START: Shape = Shape {
    what: "`board: {start: ..}`",
    doc: "Starts a service that was stopped.",
    fields: &[verb("start", Kind::Known, "The service's name."), REPORTS],
};

/// Stopping a service.
pub(crate) static STOP: Shape = Shape {
    what: "`board: {stop: ..}`",
    doc: "Stops a service: it is not discoverable any more.",
    fields: &[verb("stop", Kind::Known, "The service's name."), REPORTS],
};

/// Adding a service.
pub(crate) static ADD_SERVICE: Shape = Shape {
    what: "`board: {add_service: ..}`",
    doc: "Adds a service behind those that are there.",
    fields: &[verb("add_service", Kind::Map(&SERVICE), "The service."), REFUSED, REPORTS],
};

/// `disconnect_client()`.
pub(crate) static DISCONNECT: Shape = Shape {
    what: "`board: {disconnect_client: ..}`",
    doc: "Ends every connection.",
    fields: &[verb(DISCONNECT_CLIENT, Kind::Boolean, "Always true."), REPORTS],
};
