//! What a scenario file says, after parsing: names resolved, loops expanded, values encoded, places kept.

mod board;
mod device;
mod step;

pub use board::{Advertisement, BoardAction, EventSource};
pub use device::{
    Access, ApiValue, Builtin, Callback, Characteristic, CharacteristicRef, Descriptor, Device, External,
    Length, Pairing, Rule, RuleAction, Service, Uuid,
};
pub use step::{
    Action, AdvertisementExpect, Bond, BondLevel, ClientValue, DescriptorRef, Exchange, Expect, Pair, Push,
    Step, WriteMode,
};

/// One scenario file.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The file's path as the user gave it, with `/` between folders: shown in messages.
    pub file: String,
    /// Stable identifier: the path below the scenario folder, without `.yaml` (`lopy/chr1-counts`).
    /// Names the expected trace and the test.
    pub id: String,
    /// One sentence that says what the device must do.
    pub name: String,
    /// Requirement ids of requirements.md and of the SIG suite that this scenario shows.
    pub covers: Vec<String>,
    /// Free words to select by.
    pub tags: Vec<String>,
    /// What the bench must be able to do.
    pub needs: Vec<Need>,
    /// Why this scenario is known to fail, if it is.
    pub xfail: Option<Xfail>,
    /// The device under test.
    pub device: Device,
    /// Where it is said.
    pub device_place: Place,
    /// Names of the centrals besides the one that has none; [`Step::central`] counts from 1 in here.
    pub centrals: Vec<String>,
    /// In order, loops expanded; the first is usually `connect`.
    pub steps: Vec<Step>,
}

/// A known failure: the scenario is right, and the device is known not to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xfail {
    /// Why it fails.
    pub reason: String,
    /// Where that is followed up: an address or the number of an issue.
    pub link: Option<String>,
    /// Where it is said.
    pub place: Place,
}

/// What not every bench can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// PDUs of the scenario's own making, exact error codes, handles (`raw-att`).
    RawAtt,
    /// A control link to the board: board-side steps and events (`board`).
    Board,
    /// Bonds with given keys, encryption and signed writes (`encryption`).
    Encryption,
    /// Pairing (`pairing`).
    Pairing,
}

impl Need {
    /// All of them, with the words that scenarios use.
    pub const ALL: &[(&str, Self)] = &[
        ("raw-att", Self::RawAtt),
        ("board", Self::Board),
        ("encryption", Self::Encryption),
        ("pairing", Self::Pairing),
    ];
}

/// Where something stands in its file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column in characters.
    pub column: u32,
}
