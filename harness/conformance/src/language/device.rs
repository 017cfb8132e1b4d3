//! Scenario files as a whole, and device tables.

use super::{APPEARANCES, CLIENTS, COUNTERS, Field, HANDLES, KEY_SIZES, Kind, MAX_LENS, Shape, words};
use crate::scenario::{Access, Need, Pairing};
use crate::spelling::PROPERTIES;

/// Shortest encryption key in bytes (Core Vol 3 Part H 2.3.4).
const SHORTEST_KEY: u8 = 7;

/// How clients may pair.
pub(crate) const PAIRINGS: &[(&str, Pairing)] =
    &[("just-works", Pairing::JustWorks), ("passkey", Pairing::Passkey)];

/// What one direction of access needs.
pub(crate) const ACCESS: &[(&str, Access)] = &[
    ("never", Access::Never),
    ("open", Access::Open),
    ("encrypted", Access::Encrypted(SHORTEST_KEY)),
    ("authenticated", Access::Authenticated(SHORTEST_KEY)),
    ("authorised", Access::Authorised),
];

/// What can trigger the callback of a characteristic, by its event bit.
pub(crate) const TRIGGERS: &[(&str, u16)] = &[("read", 0x08), ("write", 0x10), ("subscribe", 0x80)];
/// What can trigger the callback of the Bluetooth object.
pub(crate) const LINK_TRIGGERS: &[(&str, u16)] = &[("connected", 0x02), ("disconnected", 0x04)];

/// A requirement of ours, or a test of the SIG suite.
const COVER: &str = "^([A-Z]+-[0-9]{1,4}|([A-Z0-9]+/){2,}B[VI]-[0-9]{1,4}-C)$";
const TAG: &str = "^[a-z][a-z0-9-]*$";
const ADDRESS: &str = "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$";

/// A scenario file.
pub(crate) static SCENARIO: Shape = Shape {
    what: "a scenario",
    doc: "What a device must do, step by step.",
    fields: &[
        Field::new("name", Kind::Text, "One sentence that says what the device must do.")
            .required("say in one sentence what the device must do"),
        Field::new(
            "covers",
            Kind::FilledList(&Kind::Shaped(COVER)),
            "Ids of requirements (`EX-2`) and of tests of the SIG suite (`GATT/SR/GAR/BV-01-C`).",
        )
        .required("name the requirements that it shows: `covers: [EX-2]`"),
        Field::new("tags", Kind::List(&Kind::Shaped(TAG)), "Words to select by."),
        Field::new("needs", Kind::Words(|| words(Need::ALL)), "What the bench must be able to do."),
        Field::new("xfail", Kind::Map(&XFAIL), "The scenario is known to fail."),
        Field::new("device", DEVICE, "The device under test.").required("write `device: lopy`, or a table"),
        Field::new("steps", Kind::Steps, "What to do, in order.")
            .required("write at least one step below `steps:`"),
    ],
};

/// A known failure.
pub(crate) static XFAIL: Shape = Shape {
    what: "`xfail`",
    doc: "A known failure: a fail is expected, a pass fails.",
    fields: &[
        Field::new("reason", Kind::Text, "Why it fails.").required("say why it fails: `reason: ..`"),
        Field::new("link", Kind::Text, "Where that is followed up."),
    ],
};

const DEVICE: Kind = Kind::Either(&[
    Kind::Exactly("lopy"),
    // The path of a file with a table.
    Kind::Shaped(r"\.yaml$"),
    Kind::Map(&TABLE),
]);

const NAME: Field = Field::new("name", Kind::Name, "Its name in steps and messages.");
const UUID: Field =
    Field::new("uuid", Kind::Uuid, "Its UUID: an integer, 16 characters as bytes, or the canonical text.")
        .required("write `uuid: 0x04D2`");
const HANDLE: Field = Field::new("handle", Kind::Integer(HANDLES), "A fixed attribute handle.");
const MAX_LEN: Field = Field::new("max_len", Kind::Integer(MAX_LENS), "Longest value in bytes.");
const FIXED_LEN: Field = Field::new(
    "fixed_len",
    Kind::Integer(MAX_LENS),
    "The bytes that each value has; a shorter write leaves the rest. Instead of `max_len`.",
);
const ACCESS_KIND: Kind = Kind::Either(&[Kind::Word(|| words(ACCESS)), Kind::Map(&KEYED_ACCESS)]);

/// A device table.
pub(crate) static TABLE: Shape = Shape {
    what: "a device table",
    doc: "The services of a device, besides GAP (0x1800) and GATT (0x1801).",
    fields: &[
        Field::new("name", Kind::Text, "The name that it advertises."),
        Field::new("external", Kind::Map(&EXTERNAL), "The device is not a board of ours: how to find it."),
        Field::new("clients", Kind::Integer(CLIENTS), "Clients served at the same time; 1 by default."),
        Field::new(
            "caching",
            Kind::Boolean,
            "The GATT service has `service_changed`, `client_features` and `database_hash`, for the client's steps.",
        ),
        Field::new("appearance", Kind::Integer(APPEARANCES), "Its GAP Appearance; 0 (unknown) by default."),
        Field::new(
            "writable_name",
            Kind::Boolean,
            "Clients may write its GAP Device Name; they may not by default.",
        ),
        Field::new("pairing", Kind::Word(|| words(PAIRINGS)), "How clients may pair; not at all by default."),
        Field::new("advertisement", Kind::Map(&ADVERTISEMENT), "What it advertises besides its name."),
        Field::new("callback", Kind::Map(&LINK_CALLBACK), "What runs when a client connects or disconnects."),
        Field::new("services", Kind::FilledList(&Kind::Map(&SERVICE)), "The services, in table order.")
            .required("list the services below `services:`"),
    ],
};

/// How an external device is found.
pub(crate) static EXTERNAL: Shape = Shape {
    what: "`external`",
    doc: "How a device that is no board of ours is found: one of the three.",
    fields: &[
        Field::new("address", Kind::Shaped(ADDRESS), "Its address, as `C0:11:22:33:44:55`."),
        Field::new("name", Kind::Text, "The name that it advertises."),
        Field::new("service", Kind::Uuid, "The UUID of a service that it advertises."),
    ],
};

/// What is advertised from the start.
pub(crate) static ADVERTISEMENT: Shape = Shape {
    what: "`advertisement`",
    doc: "What is advertised besides the name.",
    fields: &[SERVICE_UUID, MANUFACTURER_DATA, SERVICE_DATA],
};

/// Fields of advertisements, in every construct that has them.
pub(super) const SERVICE_UUID: Field = Field::new("service_uuid", Kind::Uuid, "The UUID of a service.");
pub(super) const MANUFACTURER_DATA: Field =
    Field::new("manufacturer_data", Kind::Value, "Manufacturer data, company identifier first.");
pub(super) const SERVICE_DATA: Field =
    Field::new("service_data", Kind::Value, "Data of the service, without its UUID.");

/// A service.
pub(crate) static SERVICE: Shape = Shape {
    what: "a service",
    doc: "A service of the table.",
    fields: &[
        NAME.required("give it a name for steps and messages: `name: srv1`"),
        UUID,
        Field::new("primary", Kind::Boolean, "Primary, as by default, or secondary."),
        HANDLE,
        Field::new("includes", Kind::List(&Kind::Known), "Names of earlier services that it includes."),
        Field::new(
            "characteristics",
            Kind::List(&Kind::Map(&CHARACTERISTIC)),
            "Its characteristics, in table order.",
        ),
    ],
};

/// A characteristic.
pub(crate) static CHARACTERISTIC: Shape = Shape {
    what: "a characteristic",
    doc: "A characteristic; a CCCD comes by itself with `notify` and `indicate`.",
    fields: &[
        NAME.required("give it a name for steps and messages: `name: chr1`"),
        UUID,
        Field::new(
            "properties",
            Kind::Words(|| words(PROPERTIES)),
            "What clients may do; read, write and notify by default.",
        ),
        Field::new("read", ACCESS_KIND, "What reading its value needs."),
        Field::new("write", ACCESS_KIND, "What writing its value needs."),
        Field::new("subscribe", ACCESS_KIND, "What writing its CCCD needs."),
        MAX_LEN,
        FIXED_LEN,
        Field::new(
            "value",
            Kind::Value,
            "Its value at first; one zero byte by default, or as many as `fixed_len`.",
        ),
        HANDLE,
        Field::new("cccd_handle", Kind::Integer(HANDLES), "A fixed handle of its CCCD."),
        Field::new("descriptors", Kind::List(&Kind::Map(&DESCRIPTOR)), "Descriptors besides the CCCD."),
        Field::new("callback", Kind::Map(&CALLBACK), "What runs when a client reads or writes it."),
    ],
};

/// A descriptor.
pub(crate) static DESCRIPTOR: Shape = Shape {
    what: "a descriptor",
    doc: "A descriptor; everybody may read it and nobody write it, by default.",
    fields: &[
        NAME.required("give it a name for steps and messages: `name: d1`"),
        UUID,
        Field::new(
            "value",
            Kind::Value,
            "Its value at first; empty by default, or zeroes where `fixed_len` is given.",
        ),
        Field::new("read", ACCESS_KIND, "What reading needs."),
        Field::new("write", ACCESS_KIND, "What writing needs."),
        MAX_LEN,
        FIXED_LEN,
        HANDLE,
    ],
};

/// Encryption with a key of a given size.
pub(crate) static KEYED_ACCESS: Shape = Shape {
    what: "an access with a key size",
    doc: "An encrypted link with a key of at least this many bytes: one of the two.",
    fields: &[
        Field::new("encrypted", Kind::Integer(KEY_SIZES), "Any key of this size."),
        Field::new(
            "authenticated",
            Kind::Integer(KEY_SIZES),
            "A key of this size from an authenticated bond.",
        ),
    ],
};

/// Fields of callbacks, in every construct that has them.
pub(super) const ON: Field =
    Field::new("on", Kind::Words(|| words(TRIGGERS)), "What triggers it: read, write, subscribe.")
        .required("name what triggers it: `on: [read, write]`");
pub(super) const COUNTER: Field = Field::new(
    "counter",
    Kind::Integer(COUNTERS),
    "The counter's first value, 0 by default; each call adds one before the guards.",
);
pub(super) const ARG: Field =
    Field::new("arg", Kind::Text, "What the handler receives; its characteristic by default.");
pub(super) const READS_EVENTS: Field = Field::new(
    "reads_events",
    Kind::Boolean,
    "The handler first calls `events()`, and guards on `event` go by the flags that came.",
);
pub(super) const RULES: Field = Field::new(
    "rules",
    Kind::List(&RULE_KIND),
    "The first rule whose guard holds is carried out; none: the stored value answers.",
);

/// The callback of a characteristic.
pub(crate) static CALLBACK: Shape = Shape {
    what: "a callback",
    doc: "A handler, as rules.",
    fields: &[ON, COUNTER, ARG, READS_EVENTS, RULES],
};

/// The callback of the Bluetooth object.
pub(crate) static LINK_CALLBACK: Shape = Shape {
    what: "a callback",
    doc: "A handler of connections and disconnections, as rules.",
    fields: &[
        Field::new("on", Kind::Words(|| words(LINK_TRIGGERS)), "What triggers it: connected, disconnected.")
            .required("name what triggers it: `on: [connected, disconnected]`"),
        COUNTER,
        READS_EVENTS,
        RULES,
    ],
};

static RULE_KIND: Kind = Kind::Map(&RULE);

/// A rule.
pub(crate) static RULE: Shape = Shape {
    what: "a rule",
    doc: "What to do, and when.",
    fields: &[
        Field::new("when", Kind::Map(&GUARD), "The guard; without one the rule always holds."),
        Field::new("do", Kind::FilledList(&ACTION), "The actions, in order.")
            .required("say what it does: `do: [reply: 5]`"),
    ],
};

/// A guard: all that is given must hold.
pub(crate) static GUARD: Shape = Shape {
    what: "a guard",
    doc: "When a rule holds: all that is given must.",
    fields: &[
        Field::new("event", Kind::Word(event_words), "The event that caused the call."),
        Field::new(
            "counter",
            Kind::Either(&[Kind::Integer(COUNTERS), Kind::Map(&COUNTER_RANGE)]),
            "The counter, this call counted: a number, or `{min: 3}`, `{max: 2}`, or both.",
        ),
        Field::new("value", Kind::Value, "The stored value."),
    ],
};

/// The words of every event.
pub(super) fn event_words() -> Vec<&'static str> {
    [words(TRIGGERS), words(LINK_TRIGGERS)].concat()
}

/// A range of counters.
pub(crate) static COUNTER_RANGE: Shape = Shape {
    what: "a counter's range",
    doc: "From `min` to `max`, both included.",
    fields: &[
        Field::new("min", Kind::Integer(COUNTERS), "At least this."),
        Field::new("max", Kind::Integer(COUNTERS), "At most this."),
    ],
};

/// What a rule can do, besides [`DISCONNECT`].
pub(crate) static ACTIONS: &[Field] = &[
    Field::new(
        "log",
        Kind::Text,
        "Print a line; {value} (stored), {written} (by this call), {counter}, {arg} and {events} are filled in, the last reads and clears.",
    ),
    Field::new(
        "reply",
        Kind::Either(&[Kind::Exactly("counter"), Kind::Value]),
        "Answer the read with this value, or with the counter; the stored value stays.",
    ),
    Field::new(
        "reject",
        Kind::ErrorCode,
        "Answer with an ATT error; a write is refused before it is stored.",
    ),
    Field::new("set", Kind::Map(&SET), "Set the value of a characteristic."),
    Field::new("notify", Kind::Map(&NOTIFY), "Push the stored value of a characteristic again."),
    Field::new("delay", Kind::Duration, "Let the answer wait; other connections go on."),
];

/// The action that is one word: every connection ends, after the answer has left.
pub(crate) const DISCONNECT: &str = "disconnect";

static ACTION: Kind = Kind::Either(&[Kind::Exactly(DISCONNECT), Kind::OneKey(ACTIONS)]);

/// `set` among actions.
pub(crate) static SET: Shape = Shape {
    what: "`set`",
    doc: "The value of a characteristic is set.",
    fields: &[
        Field::new("char", Kind::Known, "Which characteristic.")
            .required("name the characteristic: `char: chr2`"),
        Field::new("value", Kind::Value, "The new value.").required("write the new value: `value: 7`"),
    ],
};

/// `notify` among actions.
pub(crate) static NOTIFY: Shape = Shape {
    what: "`notify`",
    doc: "The stored value of a characteristic is pushed again.",
    fields: &[Field::new("char", Kind::Known, "Which characteristic.")
        .required("name the characteristic: `char: chr2`")],
};
