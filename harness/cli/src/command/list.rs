//! `gattest list`.

use std::collections::BTreeMap;

use super::{Outcome, load, print};
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
    let id_width = loaded.iter().map(|one| one.scenario.id.chars().count()).max().unwrap_or(0);
    // A terminal gets whole lines; a pipe gets everything.
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let mut text = String::new();
    for Loaded { scenario, .. } in loaded {
        let (id, name, covers) = (&scenario.id, visible(&scenario.name), scenario.covers.join(" "));
        let line = format!("{id:id_width$}  {name}  [{covers}]");
        text.push_str(&columns.map_or_else(|| line.clone(), |columns| clipped(&line, columns)));
        text.push('\n');
    }
    text
}

fn clipped(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let kept = line.chars().take(columns.saturating_sub(1));
    kept.chain(['\u{2026}']).collect()
}

fn tags(loaded: &[Loaded]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for tag in loaded.iter().flat_map(|one| &one.scenario.tags) {
        *counts.entry(tag).or_default() += 1;
    }
    let width = counts.keys().map(|tag| tag.chars().count()).max().unwrap_or(0);
    counts.iter().map(|(tag, count)| format!("{tag:width$}  {count}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::clipped;

    #[test]
    fn a_line_fits_the_terminal() {
        assert_eq!(clipped("abcd", 4), "abcd");
        assert_eq!(clipped("abcde", 4), "abc\u{2026}");
        assert_eq!(clipped("\u{e9}\u{e9}\u{e9}", 2), "\u{e9}\u{2026}");
    }
}
