//! `gattest list`.

use super::{Outcome, load, print};
use crate::args::ListArgs;
use crate::exit::Exit;

pub(super) fn execute(args: &ListArgs) -> Outcome {
    let loaded = match load(&args.paths)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let covers: Vec<String> = loaded.iter().map(|one| one.scenario.covers.join(" ")).collect();
    let width =
        |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let id_width = width(&mut loaded.iter().map(|one| one.scenario.id.as_str()));
    let name_width = width(&mut loaded.iter().map(|one| one.scenario.name.as_str()));
    let mut text = String::new();
    for (one, covers) in loaded.iter().zip(&covers) {
        let (id, name) = (&one.scenario.id, &one.scenario.name);
        text.push_str(&format!("{id:id_width$}  {name:name_width$}  {covers}\n"));
    }
    print(&text);
    Ok(Exit::Pass)
}
