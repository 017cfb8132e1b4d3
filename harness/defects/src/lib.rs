//! Seeded wrong devices: what the scenarios must be able to tell from the right one.
//!
//! Each is one defect that a device could have, as data ([`wire::mutant`]): the virtual board puts it around
//! the right server. Here stand those that the requirements and the SIG's tests speak of, and those that have
//! been met in the field. All are made of a few operators on PDUs, handlers, flags, values and tables; the
//! tables below only name them.

mod api;
mod build;
mod discovery;
mod gap;
mod protocol;
mod pushes;
mod reading;
mod refusals;
mod security;
mod writing;

pub use wire::mutant::Mutant;

/// A wrong device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Theme and name, as `values/int-little-endian`. Unique.
    pub id: String,
    /// What it does, in one sentence without a full stop.
    pub does: String,
    /// Requirements and SIG tests that it does not meet.
    pub violates: Vec<String>,
    /// How it is built.
    pub mutant: Mutant,
}

/// All of them, theme by theme.
#[must_use]
pub fn all() -> Vec<Wrong> {
    let themes = [
        api::values(),
        api::callbacks(),
        api::flags(),
        api::life(),
        gap::gap(),
        gap::tables(),
        discovery::discovery(),
        reading::reading(),
        writing::writing(),
        refusals::refusals(),
        protocol::protocol(),
        pushes::pushes(),
        security::security(),
    ];
    themes.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_sentences_are_plain() {
        let mut ids = BTreeSet::new();
        for wrong in all() {
            assert!(ids.insert(wrong.id.clone()), "{} twice", wrong.id);
            assert!(wrong.id.contains('/') && !wrong.id.contains(' '), "{}", wrong.id);
            assert!(!wrong.does.is_empty() && !wrong.does.ends_with('.'), "{}", wrong.id);
            assert!(!wrong.violates.is_empty(), "{} violates nothing", wrong.id);
            assert!(!wrong.mutant.deviations.is_empty(), "{} is right", wrong.id);
        }
    }

    #[test]
    fn each_is_built_otherwise() {
        let mut built: Vec<(Vec<u8>, String)> = Vec::new();
        for wrong in all() {
            let bytes = wrong.mutant.encode();
            assert_eq!(Mutant::decode(&bytes).as_ref(), Some(&wrong.mutant));
            let twin = built.iter().find(|(other, _)| *other == bytes);
            assert_eq!(twin, None, "{} is the same device", wrong.id);
            built.push((bytes, wrong.id));
        }
    }
}
