//! What a handler is told and what it answers.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{AttError, Error};
use crate::events::Events;
use crate::value::Value;

/// A connection, as the transport numbers it (the controller's connection handle).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u16);

/// The client's operation that a handler is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The one event that caused the call.
    pub event: Events,
    /// The value that the client's write has made; empty for a read. It is what the client wrote, except that
    /// a write in parts, or a short one to a value of fixed length, gives the whole.
    pub value: &'a [u8],
    /// The client.
    pub conn: ConnId,
}

/// A handler's answer to a read. The answer to any other event is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Answer with the stored value, as it is after the handler.
    Stored,
    /// Answer with these bytes; the stored value stays as it is.
    Value(Vec<u8>),
    /// Answer with an ATT error.
    Reject(AttError),
    /// The handler's value has no bytes: it is a handler error, and the client gets 0x0E.
    Invalid(Error),
}

impl From<()> for Reply {
    fn from((): ()) -> Self {
        Self::Stored
    }
}

impl From<AttError> for Reply {
    fn from(error: AttError) -> Self {
        Self::Reject(error)
    }
}

/// Bytes are taken over; their length is judged when the reply is used.
impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Value(bytes)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Value(text.into_bytes())
    }
}

impl From<Value<'_>> for Reply {
    fn from(value: Value<'_>) -> Self {
        match value.encode() {
            Ok(bytes) => Self::Value(bytes),
            Err(error) => Self::Invalid(error),
        }
    }
}

impl<const N: usize> From<[u8; N]> for Reply {
    fn from(bytes: [u8; N]) -> Self {
        Value::Bytes(&bytes).into()
    }
}

impl<const N: usize> From<&[u8; N]> for Reply {
    fn from(bytes: &[u8; N]) -> Self {
        Value::Bytes(bytes).into()
    }
}

macro_rules! through_value {
    ($($source:ty),*) => {$(
        impl From<$source> for Reply {
            fn from(source: $source) -> Self {
                Value::from(source).into()
            }
        }
    )*};
}
through_value!(u8, u16, u32, i32, i64, &str, &[u8]);

/// `None` answers with the stored value.
impl<T: Into<Self>> From<Option<T>> for Reply {
    fn from(reply: Option<T>) -> Self {
        reply.map_or(Self::Stored, Into::into)
    }
}

impl<T: Into<Self>> From<Result<T, AttError>> for Reply {
    fn from(reply: Result<T, AttError>) -> Self {
        reply.map_or_else(Self::Reject, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn integers_follow_the_rule_of_stored_values() {
        assert_eq!(Reply::from(0xF2), Reply::Value(vec![0xF2]));
        assert_eq!(Reply::from(0x100_u32), Reply::Value(vec![0x01, 0x00]));
        assert_eq!(Reply::from(-1), Reply::Invalid(Error::IntegerOutOfRange(-1)));
    }

    #[test]
    fn nothing_means_the_stored_value() {
        assert_eq!(Reply::from(()), Reply::Stored);
        assert_eq!(Reply::from(None::<u8>), Reply::Stored);
        assert_eq!(Reply::from(Some("ABC DEF")), Reply::Value(b"ABC DEF".to_vec()));
    }

    #[test]
    fn an_error_is_a_rejection() {
        assert_eq!(Reply::from(AttError(0x80)), Reply::Reject(AttError(0x80)));
        assert_eq!(Reply::from(Err::<u8, _>(AttError(0x81))), Reply::Reject(AttError(0x81)));
    }
}
