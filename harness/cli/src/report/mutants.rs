//! Wrong devices and the scenarios that tell them from the right one.

use std::fmt::Write as _;

use defects::Wrong;
use rig::mutants::{Encounter, End};
use rig::run::Job;
use serde::Serialize;

use super::style::{BAD, GOOD, QUIET, UNSURE, seconds};

/// Scenarios that are named in a line; there may be many.
const NAMED_MAX: usize = 3;

/// A wrong device and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Which.
    pub wrong: Wrong,
    /// What came of each scenario.
    pub encounters: Vec<Encounter>,
}

/// What became of a wrong device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A scenario fails on it.
    Caught,
    /// Every scenario passes, though it was wrong in some.
    Survived,
    /// No scenario makes it do anything wrong.
    Unreached,
    /// Where it is wrong, the bench blames itself.
    Unsure,
}

impl Tried {
    /// What became of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let any = |test: fn(&Encounter) -> bool| self.encounters.iter().any(test);
        // A failure where it did nothing wrong would be the bench's, not this device's.
        if any(|it| it.has_deviated && matches!(it.end, End::Caught(_))) {
            Fate::Caught
        } else if any(|it| it.has_deviated && matches!(it.end, End::Inconclusive(_))) {
            Fate::Unsure
        } else if any(|it| it.has_deviated) {
            Fate::Survived
        } else {
            Fate::Unreached
        }
    }

    /// Ids of the scenarios that ended so.
    fn scenarios<'j>(&self, jobs: &'j [Job], test: impl Fn(&Encounter) -> bool) -> Vec<&'j str> {
        let ended = self.encounters.iter().filter(|it| test(it));
        ended.filter_map(|it| Some(jobs.get(it.job)?.scenario.id.as_str())).collect()
    }

    fn caught_by<'j>(&self, jobs: &'j [Job]) -> Vec<&'j str> {
        self.scenarios(jobs, |it| matches!(it.end, End::Caught(_)))
    }
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Survived => "SURVIVED",
            Self::Unreached => "UNREACHED",
            Self::Unsure => "UNSURE",
        }
    }

    fn colour(self) -> anstyle::Style {
        match self {
            Self::Caught => GOOD,
            Self::Survived | Self::Unreached => BAD,
            Self::Unsure => UNSURE,
        }
    }
}

/// One device: a line, and below it what is to be done where no scenario fails on it.
#[must_use]
pub fn line(tried: &Tried, jobs: &[Job], width: usize) -> String {
    let (fate, Wrong { id, does, violates, .. }) = (tried.fate(), &tried.wrong);
    let (word, colour) = (fate.word(), fate.colour());
    let caught = tried.caught_by(jobs);
    if let (Fate::Caught, [first, others @ ..]) = (fate, caught.as_slice()) {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        return format!("{colour}{word:9}{colour:#}  {id:width$}  {QUIET}by {first}{more}{QUIET:#}\n");
    }
    let mut text = format!("{colour}{word:9}{colour:#}  {id}: {does}\n");
    let violates = violates.join(", ");
    let _ = writeln!(text, "           violates {violates}");
    let wrong_in = tried.scenarios(jobs, |it| it.has_deviated);
    let named: Vec<&str> = wrong_in.iter().copied().take(NAMED_MAX).collect();
    let named = named.join(", ");
    let _ = match fate {
        Fate::Unreached => writeln!(text, "           no scenario sends what it is wrong about: write one"),
        _ => {
            let scenarios = plural(wrong_in.len(), "scenario");
            writeln!(text, "           it was wrong in {scenarios} that did not fail: {named}")
        }
    };
    for encounter in &tried.encounters {
        if let End::Inconclusive(cause) = &encounter.end {
            let id = jobs.get(encounter.job).map_or("", |job| job.scenario.id.as_str());
            let _ = writeln!(text, "           {id}: {cause}");
            break;
        }
    }
    text
}

/// `212 wrong devices: 210 caught, 2 survived, 0 never reached, 0 unsure; 147 scenarios in 4.10 s (seed 1)`
#[must_use]
pub fn closing(tried: &[Tried], scenarios: usize, wall_us: u64, seed: u64) -> String {
    let of = |fate| tried.iter().filter(|one| one.fate() == fate).count();
    format!(
        "\n{}: {} caught, {} survived, {} never reached, {} unsure; {} in {} (seed {seed})\n",
        plural(tried.len(), "wrong device"),
        of(Fate::Caught),
        of(Fate::Survived),
        of(Fate::Unreached),
        of(Fate::Unsure),
        plural(scenarios, "scenario"),
        seconds(wall_us),
    )
}

fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Wrong devices down, scenarios across: `#` fails, `o` passes though the device was wrong, `?` is
/// inconclusive, `.` passes.
#[must_use]
pub fn matrix(tried: &[Tried], jobs: &[Job], width: usize) -> String {
    let mut text =
        String::from("# fails, o passes though the device is wrong in it, ? inconclusive, . passes\n\n");
    for (number, job) in jobs.iter().enumerate() {
        let _ = writeln!(text, "{number:4}  {}", job.scenario.id);
    }
    text.push('\n');
    for one in tried {
        let mut cells = vec!['.'; jobs.len()];
        for encounter in &one.encounters {
            if let Some(cell) = cells.get_mut(encounter.job) {
                *cell = match encounter.end {
                    End::Caught(_) => '#',
                    End::Inconclusive(_) => '?',
                    End::Passed if encounter.has_deviated => 'o',
                    End::Passed => '.',
                };
            }
        }
        let _ = writeln!(text, "{:width$}  {}", one.wrong.id, cells.into_iter().collect::<String>());
    }
    text
}

#[derive(Serialize)]
struct Results<'a> {
    seed: u64,
    scenarios: usize,
    mutants: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    does: &'a str,
    violates: &'a [String],
    fate: String,
    caught_by: Vec<Catch<'a>>,
    inconclusive: Vec<&'a str>,
    /// Scenarios that passed though the device was wrong in them.
    missed_by: Vec<&'a str>,
}

#[derive(Serialize)]
struct Catch<'a> {
    scenario: &'a str,
    because: &'a str,
}

/// All of it for machines.
///
/// # Errors
///
/// None that is known; the serialiser can return one.
pub fn json(tried: &[Tried], jobs: &[Job], seed: u64) -> serde_json::Result<String> {
    let mutants = tried.iter().map(|one| entry_of(one, jobs)).collect();
    serde_json::to_string_pretty(&Results { seed, scenarios: jobs.len(), mutants }).map(|text| text + "\n")
}

fn entry_of<'a>(one: &'a Tried, jobs: &'a [Job]) -> Entry<'a> {
    let catches = one.encounters.iter().filter_map(|it| match &it.end {
        End::Caught(because) => Some(Catch { scenario: jobs.get(it.job)?.scenario.id.as_str(), because }),
        _ => None,
    });
    Entry {
        id: &one.wrong.id,
        does: &one.wrong.does,
        violates: &one.wrong.violates,
        fate: one.fate().word().to_lowercase(),
        caught_by: catches.collect(),
        inconclusive: one.scenarios(jobs, |it| matches!(it.end, End::Inconclusive(_))),
        missed_by: one.scenarios(jobs, |it| it.has_deviated && it.end == End::Passed),
    }
}
