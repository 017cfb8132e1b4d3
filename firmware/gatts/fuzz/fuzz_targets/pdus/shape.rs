//! Shapes that make most inputs worth running: nearly all tables possible, nearly all handles in use, and lists
//! whose length one byte says, so that a mutation stays local.

use gatts::ConnId;
use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};

/// At most `N` items.
#[derive(Debug, Clone)]
pub(crate) struct Few<T, const N: usize>(pub(crate) Vec<T>);

impl<'a, T: Arbitrary<'a>, const N: usize> Arbitrary<'a> for Few<T, N> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let count = usize::from(u.arbitrary::<u8>()?) % (N + 1);
        let items: Result<Vec<T>> = (0..count).map(|_| u.arbitrary()).collect();
        items.map(Self)
    }
}

/// There once in 16 times.
#[derive(Debug, Clone)]
pub(crate) struct Rare<T>(pub(crate) Option<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Rare<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(if u.arbitrary::<u8>()? % 16 == 7 { Some(u.arbitrary()?) } else { None }))
    }
}

/// A connection; most often the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conn(pub(crate) ConnId);

/// Connections that are tried: one above those that are served.
pub(crate) const LINKS: u16 = 3;

impl<'a> Arbitrary<'a> for Conn {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(ConnId(match u.arbitrary::<u8>()? {
            0..=199 => 0,
            200..=239 => 1,
            _ => 2,
        })))
    }
}

/// An attribute handle: mostly one that means something in the table at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handle {
    /// Of the value of a characteristic, by a number that is taken modulo their count.
    Value(u8),
    /// Of its CCCD.
    Cccd(u8),
    /// As it stands.
    Plain(u16),
}

impl<'a> Arbitrary<'a> for Handle {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary::<u8>()? {
            byte @ 0..=99 => Self::Value(byte),
            byte @ 100..=139 => Self::Cccd(byte),
            byte @ 140..=239 => Self::Plain(u16::from(byte - 140)),
            255 => Self::Plain(u16::MAX),
            _ => Self::Plain(u.arbitrary()?),
        })
    }
}

/// An offset or length that is small, or any up to 600.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length(pub(crate) u16);

impl<'a> Arbitrary<'a> for Length {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.arbitrary::<u8>()? {
            byte @ 0..=199 => u16::from(byte) % 32,
            _ => u.arbitrary::<u16>()? % 600,
        }))
    }
}

/// A value: a few bytes, or one byte so many times.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'a> Arbitrary<'a> for Bytes {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let length = u.arbitrary::<Length>()?.0;
        if length < 8 {
            return Ok(Self(u.bytes(length.into()).map(<[u8]>::to_vec)?));
        }
        Ok(Self(vec![u.arbitrary()?; length.into()]))
    }
}
