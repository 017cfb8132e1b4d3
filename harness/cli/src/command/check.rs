//! `gattest check`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{ERROR, Outcome, count, must_be_there, nothing_below, print, say, show_mistakes, shown};
use crate::args::CheckArgs;
use crate::exit::Exit;
use crate::{select, traces};

pub(super) fn execute(args: &CheckArgs) -> Outcome {
    must_be_there(args.traces.as_deref())?;
    let found = select::select(&args.paths)?;
    if found.is_empty() {
        return Ok(nothing_below(&args.paths));
    }
    let ids: BTreeSet<String> = found.selected.iter().map(|one| one.id.clone()).collect();
    let roots: BTreeSet<PathBuf> = found.selected.iter().map(|one| one.root.clone()).collect();
    let files = found.selected.len();
    let (loaded, wrong) = select::load(found);
    let unused = unused_traces(args, &ids, &roots);
    for (trace, scenario) in &unused {
        say(&format!("{ERROR}error:{ERROR:#} no scenario uses the expected trace {}\n", shown(trace)));
        say(&format!("  = help: delete it, or bring {} back\n\n", shown(scenario)));
    }
    let mistakes = (!wrong.is_empty()).then(|| show_mistakes(wrong.iter()));
    let orphans = (!unused.is_empty()).then(|| count(unused.len(), "unused trace"));
    let faults: Vec<String> = mistakes.into_iter().chain(orphans).collect();
    if faults.is_empty() {
        let kinds = [(loaded.len(), "scenario"), (files - loaded.len(), "device table")];
        let counts = kinds.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(n, what));
        print(&format!("{}, no mistakes\n", counts.collect::<Vec<_>>().join(" and ")));
        return Ok(Exit::Pass);
    }
    say(&format!("{ERROR}error:{ERROR:#} {}\n", faults.join(", ")));
    Ok(Exit::Usage)
}

/// Expected traces below the given folders that belong to none of `ids`, each with the scenario file
/// that would use it. `roots` are the folders from which the ids count.
fn unused_traces(
    args: &CheckArgs,
    ids: &BTreeSet<String>,
    roots: &BTreeSet<PathBuf>,
) -> BTreeMap<PathBuf, PathBuf> {
    let mut unused = BTreeMap::new();
    for given in args.paths.iter().filter(|path| path.is_dir()) {
        let Ok(given) = fs::canonicalize(given) else { continue };
        let around = select::root_of(&given);
        let below = roots.iter().filter(|root| root.starts_with(&given) || **root == around);
        for root in below {
            let folder = args.traces.clone().unwrap_or_else(|| traces::default_folder(root));
            let theme = given.strip_prefix(root).unwrap_or(Path::new(""));
            for id in traces::ids(&folder, theme).into_iter().filter(|id| !ids.contains(id)) {
                unused.insert(traces::file(&folder, &id), root.join(format!("{id}.yaml")));
            }
        }
    }
    unused
}
