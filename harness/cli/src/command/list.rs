//! `gattest list`.

use std::collections::BTreeMap;

use super::{Outcome, fitted, load, print, width};
use crate::args::ListArgs;
use crate::exit::Exit;
use crate::report::visible;
use crate::select::Loaded;

pub(super) fn execute(args: &ListArgs) -> Outcome {
    let loaded = match load(&args.selection)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    print(&if args.tags { tags(&loaded) } else { scenarios(&loaded) });
    Ok(Exit::Pass)
}

/// `lopy/chr1-counts  chr1 answers ABC DEF from the third call on  [EX-2 CB-1]`
fn scenarios(loaded: &[Loaded]) -> String {
    let id_width = width(loaded.iter().map(|one| one.scenario.id.as_str()));
    let line = |Loaded { scenario, .. }: &Loaded| {
        let (id, name, covers) = (&scenario.id, visible(&scenario.name), scenario.covers.join(" "));
        format!("{id:id_width$}  {name}  [{covers}]")
    };
    fitted(loaded.iter().map(line))
}

fn tags(loaded: &[Loaded]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for tag in loaded.iter().flat_map(|one| &one.scenario.tags) {
        *counts.entry(tag).or_default() += 1;
    }
    let width = width(counts.keys().copied());
    counts.iter().map(|(tag, count)| format!("{tag:width$}  {count}\n")).collect()
}
