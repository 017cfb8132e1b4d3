//! Steps of the client.

use super::device::{MANUFACTURER_DATA, SERVICE_DATA, SERVICE_UUID};
use super::{AD_FLAGS, Field, KEY_SIZES, Kind, MTUS, Shape, TIMES, TX_POWERS, board, words};
use crate::scenario::{BondLevel, Pair};

/// Where a subscription goes, with the CCCD bits (Core Vol 3 Part G 3.3.3.3).
pub(crate) const SUBSCRIPTIONS: &[(&str, u16)] = &[("notifications", 1), ("indications", 2), ("both", 3)];
/// What a bond's key is worth.
pub(crate) const LEVELS: &[(&str, BondLevel)] =
    &[("unauthenticated", BondLevel::Unauthenticated), ("authenticated", BondLevel::Authenticated)];

/// What the client types; by default what the board shows.
pub(crate) const PASSKEYS: &[(&str, Pair)] = &[("wrong", Pair::WrongPasskey)];

/// Steps that may stand as one word.
pub(crate) const WORDS: &[&str] =
    &["connect", "disconnect", "reconnect", "restart", "discover", "expect_disconnection", "pair", "encrypt"];

/// A step.
pub(crate) static STEP: Kind = Kind::Either(&[Kind::Word(|| WORDS.to_vec()), Kind::OneKey(STEPS)]);

/// Every step that is a key with a value.
pub(crate) static STEPS: &[Field] = &[
    Field::new("connect", Kind::Map(&CONNECT), "The client connects."),
    Field::new("disconnect", Kind::Map(&DISCONNECT), "The client ends the connection."),
    Field::new("reconnect", Kind::Map(&RECONNECT), "The client ends the connection and connects again."),
    Field::new("restart", Kind::Map(&RESTART), "The application on the board starts anew."),
    Field::new("discover", Kind::Map(&DISCOVER), "Everything is discovered, and shown in the trace."),
    Field::new(
        "expect_disconnection",
        Kind::Map(&EXPECT_DISCONNECTION),
        "The device ends the connection, in this step or in the one before.",
    ),
    Field::new("mtu", Kind::Map(&MTU), "The MTU is exchanged."),
    Field::new("read", Kind::Either(&[Kind::Known, Kind::Map(&READ)]), "One Read Request."),
    Field::new(
        "read_long",
        Kind::Either(&[Kind::Known, Kind::Map(&READ_LONG)]),
        "A Read Request and Read Blob Requests to the end of the value.",
    ),
    Field::new("write", Kind::Map(&WRITE), "One Write Request."),
    Field::new("write_command", Kind::Map(&WRITE_COMMAND), "One Write Command."),
    Field::new("write_signed", Kind::Map(&WRITE_SIGNED), "One Signed Write Command."),
    Field::new("write_long", Kind::Map(&WRITE_LONG), "Prepared writes of one value, and Execute Write."),
    Field::new(
        "write_reliable",
        Kind::Either(&[Kind::FilledList(&PART), Kind::Map(&WRITE_RELIABLE)]),
        "Prepared writes of several values; each echo is compared, and one that differs cancels them all.",
    ),
    Field::new("subscribe", Kind::Either(&[Kind::Known, Kind::Map(&SUBSCRIBE)]), "The CCCD is written."),
    Field::new("unsubscribe", Kind::Either(&[Kind::Known, Kind::Map(&UNSUBSCRIBE)]), "The CCCD is cleared."),
    Field::new(
        "expect_notification",
        Kind::Either(&[Kind::Known, Kind::Map(&EXPECT_NOTIFICATION)]),
        "A notification comes, or has come.",
    ),
    Field::new(
        "expect_indication",
        Kind::Either(&[Kind::Known, Kind::Map(&EXPECT_INDICATION)]),
        "An indication comes, or has come.",
    ),
    Field::new(
        "expect_advertisement",
        Kind::Map(&EXPECT_ADVERTISEMENT),
        "The device advertises all of this, or does not.",
    ),
    Field::new("bond", Kind::Map(&BOND), "One key and identity at both ends, without pairing."),
    Field::new(
        "pair",
        Kind::Map(&PAIR),
        "The client pairs, and bonds; it types the passkey that a board shows.",
    ),
    Field::new("encrypt", Kind::Map(&ENCRYPT), "The client starts encryption with the bond's key."),
    Field::new("quiet", Kind::Either(&[Kind::Duration, Kind::Map(&QUIET)]), "Nothing comes for this long."),
    Field::new(
        "att",
        Kind::Either(&[Kind::FilledList(&EXCHANGE_KIND), Kind::Map(&ATT)]),
        "A PDU as bytes, and the exact response; or requests in a list, sent without waiting for one another.",
    ),
    Field::new("board", board::BOARD, "A call of the device's API on the board."),
    Field::new("repeat", Kind::Map(&REPEAT), "Steps that are carried out several times."),
    Field::new("for_each", Kind::Map(&FOR_EACH), "Steps that are carried out for each of several values."),
];

const AS: Field = Field::new("as", Kind::Name, "Another client than the one without a name.");
pub(super) const REPORTS: Field = Field::new(
    "reports",
    Kind::List(&Kind::Text),
    "All that the board reports during the step, as the trace has it after `board: `.",
);
const CHAR: Field = Field::new("char", Kind::Known, "The characteristic's name.")
    .required("name the characteristic: `char: chr1`");
const DESCRIPTOR: Field = Field::new("descriptor", Kind::Known, "One of its descriptors, or `cccd`.");
const EXPECT: Field = Field::new("expect", Kind::ClientValue, "The exact value that must come.");
const ERROR: Field = Field::new("error", Kind::ErrorCode, "The ATT error that must come.");
const SAVE: Field = Field::new("save", Kind::Name, "Keeps the value for later steps, which call it `$name`.");
const VALUE: Field = Field::new("value", Kind::ClientValue, "The value to write.")
    .required("write the value: `value: \"hello\"`");
const PUSHED: Field = Field::new("value", Kind::ClientValue, "The exact value that must come.");

macro_rules! shapes {
    ($($name:ident, $what:literal, $doc:literal, [$($field:expr),*];)*) => {
        $(
            #[doc = $doc]
            pub(crate) static $name: Shape = Shape { what: $what, doc: $doc, fields: &[$($field),*] };
        )*
    };
}

shapes! {
    CONNECT, "`connect`", "The client connects.", [AS, REPORTS];
    DISCONNECT, "`disconnect`", "The client ends the connection.", [AS, REPORTS];
    RECONNECT, "`reconnect`", "The client ends the connection and connects again.", [AS, REPORTS];
    RESTART, "`restart`", "The application on the board starts anew.", [REPORTS];
    DISCOVER, "`discover`", "Everything is discovered.", [AS, REPORTS];
    EXPECT_DISCONNECTION, "`expect_disconnection`", "The device ends the connection.", [AS, REPORTS];
    MTU, "`mtu`", "The MTU is exchanged.", [
        Field::new("size", Kind::Integer(MTUS), "The client's receive MTU.")
            .required("write the client's receive MTU: `size: 100`"),
        Field::new("expect", Kind::Integer(MTUS), "The MTU that must result."),
        AS, REPORTS
    ];
    READ, "`read`", "One Read Request.", [CHAR, DESCRIPTOR, EXPECT, ERROR, SAVE, AS, REPORTS];
    READ_LONG, "`read_long`", "A value is read to its end.", [CHAR, EXPECT, ERROR, SAVE, AS, REPORTS];
    WRITE, "`write`", "One Write Request.", [CHAR, DESCRIPTOR, VALUE, ERROR, AS, REPORTS];
    WRITE_COMMAND, "`write_command`", "One Write Command.", [CHAR, VALUE, AS, REPORTS];
    WRITE_SIGNED, "`write_signed`", "One Signed Write Command.", [CHAR, VALUE, AS, REPORTS];
    WRITE_LONG, "`write_long`", "Prepared writes of one value.", [CHAR, VALUE, ERROR, AS, REPORTS];
    WRITE_RELIABLE, "`write_reliable`", "Prepared writes of several values.", [
        Field::new("writes", Kind::FilledList(&PART), "Where and what, in order.")
            .required("list the writes: `writes: [{char: chr1, value: 5}, ..]`"),
        ERROR, AS, REPORTS
    ];
    PREPARED, "a prepared write", "One of several prepared writes.", [CHAR, VALUE];
    SUBSCRIBE, "`subscribe`", "The CCCD is written.", [
        CHAR,
        Field::new("to", Kind::Word(|| words(SUBSCRIPTIONS)), "What to subscribe to; notifications by default."),
        Field::new("confirm", Kind::Boolean, "False: the client leaves indications unconfirmed."),
        ERROR, AS, REPORTS
    ];
    UNSUBSCRIBE, "`unsubscribe`", "The CCCD is cleared.", [CHAR, AS, REPORTS];
    EXPECT_NOTIFICATION, "`expect_notification`", "A notification comes.", [CHAR, PUSHED, AS, REPORTS];
    EXPECT_INDICATION, "`expect_indication`", "An indication comes.", [CHAR, PUSHED, AS, REPORTS];
    EXPECT_ADVERTISEMENT, "`expect_advertisement`", "What the device advertises.", [
        Field::new("name", Kind::Text, "The complete local name."),
        SERVICE_UUID, MANUFACTURER_DATA, SERVICE_DATA,
        Field::new("flags", Kind::Integer(AD_FLAGS), "The flags, as one byte."),
        Field::new("tx_power", Kind::Integer(TX_POWERS), "TX power in dBm."),
        Field::new("present", Kind::Boolean, "False: nothing that has all of this is advertised."),
        AS, REPORTS
    ];
    BOND, "`bond`", "One key and identity at both ends.", [
        Field::new("level", Kind::Word(|| words(LEVELS)), "What the key is worth.")
            .required("write `level: unauthenticated` or `level: authenticated`"),
        Field::new("key_size", Kind::Integer(KEY_SIZES), "Length of the key in bytes; 16 by default."),
        Field::new("csrk", Kind::Hex, "The key for signed writes: 16 bytes, least significant first."),
        AS, REPORTS
    ];
    PAIR, "`pair`", "The client pairs, and bonds.", [
        Field::new("passkey", Kind::Word(|| words(PASSKEYS)), "`wrong`: the client types another one than the board shows, and it must fail."),
        Field::new("refused", Kind::Boolean, "True: the device must not pair."),
        AS, REPORTS
    ];
    ENCRYPT, "`encrypt`", "The client starts encryption.", [AS, REPORTS];
    QUIET, "`quiet`", "Nothing comes for this long.", [
        Field::new("for", Kind::Duration, "How long.").required("write how long: `for: 1000ms`"),
        REPORTS
    ];
    ATT, "`att`", "A PDU as bytes.", [
        Field::new("send", Kind::Hex, "The PDU, opcode first.")
            .required("write the PDU's bytes: `send: \"0A FF FF\"`"),
        Field::new("expect", Kind::Either(&[Kind::Exactly("nothing"), Kind::Hex]), "The exact response, or `nothing`.")
            .required("write the response's bytes, or `expect: nothing`"),
        AS, REPORTS
    ];
    EXCHANGE, "a request of several", "A request that does not wait for the response to the one before.", [
        Field::new("send", Kind::Hex, "The request, opcode first.")
            .required("write the request's bytes: `send: \"0A FF FF\"`"),
        Field::new("expect", Kind::Hex, "The exact response.").required("write the response's bytes")
    ];
    REPEAT, "`repeat`", "Steps that are carried out several times.", [
        Field::new("times", Kind::Integer(TIMES), "How often.").required("write how often: `times: 3`"),
        LOOPED
    ];
    FOR_EACH, "`for_each`", "Steps that are carried out for each of several values.", [
        Field::new("as", Kind::Name, "What the steps call it: `$name`.").required("give it a name: `as: v`"),
        Field::new("in", Kind::FilledList(&Kind::Either(&[Kind::Known, Kind::Value])), "The values or names.")
            .required("list the values: `in: [1, 2, 3]`"),
        LOOPED
    ];
}

const PART: Kind = Kind::Map(&PREPARED);
const EXCHANGE_KIND: Kind = Kind::Map(&EXCHANGE);
const LOOPED: Field =
    Field::new("steps", Kind::Steps, "The steps.").required("write at least one step below `steps:`");
