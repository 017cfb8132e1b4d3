//! Choosing among the scenarios of a selection by text, tag and requirement.

use conformance::scenario::Scenario;

use crate::args::Selection;

/// What the options `--filter`, `--tag` and `--covers` ask for. Several options of one kind widen
/// the choice, different kinds narrow it. Capitals make no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Texts of which one must stand in the id or the name.
    texts: Vec<String>,
    /// Tags of which the scenario must have one.
    tags: Vec<String>,
    /// Requirement or SIG test ids of which it must cover one.
    covers: Vec<String>,
}

impl From<&Selection> for Filter {
    fn from(selection: &Selection) -> Self {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_lowercase()).collect();
        Self {
            texts: lower(&selection.filter),
            tags: lower(&selection.tag),
            covers: lower(&selection.covers),
        }
    }
}

impl Filter {
    /// True if the scenario is chosen.
    #[must_use]
    pub fn takes(&self, scenario: &Scenario) -> bool {
        let (id, name) = (scenario.id.to_lowercase(), scenario.name.to_lowercase());
        let has =
            |asked: &[String], holds: &dyn Fn(&String) -> bool| asked.is_empty() || asked.iter().any(holds);
        has(&self.texts, &|text| id.contains(text) || name.contains(text))
            && has(&self.tags, &|tag| scenario.tags.contains(tag))
            && has(&self.covers, &|id| scenario.covers.iter().any(|covered| covered.to_lowercase() == *id))
    }

    /// The options again, for a message: `--filter mtu --tag slow`; empty without any.
    #[must_use]
    pub fn options(&self) -> String {
        let kinds = [("--filter", &self.texts), ("--tag", &self.tags), ("--covers", &self.covers)];
        let options = kinds.iter().flat_map(|(option, asked)| {
            asked.iter().map(move |text| match text.contains(char::is_whitespace) {
                true => format!("{option} '{text}'"),
                false => format!("{option} {text}"),
            })
        });
        options.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
name: Reads answer twice
covers: [EX-2, GATT/SR/GAR/BV-01-C]
tags: [slow]
device: lopy
steps: [connect]
";

    fn takes(texts: &[&str], tags: &[&str], covers: &[&str]) -> bool {
        let scenario = conformance::parse::parse("a.yaml", "lopy/chr1", TEXT).expect("a scenario");
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let selection = Selection {
            paths: Vec::new(),
            filter: strings(texts),
            tag: strings(tags),
            covers: strings(covers),
        };
        Filter::from(&selection).takes(&scenario)
    }

    #[test]
    fn without_options_everything_is_chosen() {
        assert!(takes(&[], &[], &[]));
    }

    #[test]
    fn each_kind_looks_at_its_own_place() {
        assert!(
            takes(&["py/CH"], &[], &[]) && takes(&["reads ans"], &[], &[]) && !takes(&["slow"], &[], &[])
        );
        assert!(takes(&[], &["slow"], &[]) && !takes(&[], &["slo"], &[]));
        assert!(takes(&[], &[], &["ex-2"]) && takes(&[], &[], &["GATT/SR/GAR/BV-01-C"]));
        assert!(!takes(&[], &[], &["EX"]) && !takes(&[], &[], &["EX-22"]));
    }

    #[test]
    fn one_kind_widens_and_two_kinds_narrow() {
        assert!(takes(&["none", "lopy"], &[], &[]));
        assert!(takes(&["lopy"], &["slow"], &["EX-2"]));
        assert!(!takes(&["lopy"], &["quick"], &["EX-2"]));
    }

    #[test]
    fn the_options_are_said_as_they_are_written() {
        let filter = Filter { texts: vec!["a b".to_owned()], tags: vec!["x".to_owned()], covers: Vec::new() };
        assert_eq!(filter.options(), "--filter 'a b' --tag x");
    }
}
