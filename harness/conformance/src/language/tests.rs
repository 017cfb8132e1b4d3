//! Every example of `scenarios/README.md` is right, and nothing of the language is without one there or,
//! in the scenarios of this repository, without a test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use walkdir::WalkDir;

use super::board::CALLS;
use super::device::{ACTIONS, SCENARIO};
use super::steps::{STEP, STEPS};
use super::{Field, Kind, Shape};
use crate::parse::parse;
use crate::parse::sink::Sink;
use crate::yaml::{self, Content, Node};

const README: &str = include_str!("../../../../scenarios/README.md");

/// What the steps and rules of the examples are about.
const DEVICE: &str = "device:
  services:
    - name: lamp
      uuid: 0xA000
      characteristics:
        - name: chr1
          uuid: 0xA001
          properties: [read, write, write-without-response, notify, indicate]
          descriptors: [{name: unit, uuid: 0x2901}]
        - {name: chr2, uuid: 0xA002, properties: [read, write, notify, indicate]}
        - {name: exit, uuid: 0xA003}
        - {name: hidden, uuid: 0xA005, properties: [write]}
        - {name: fixed, uuid: 0xA006, properties: [read]}
";

fn blocks() -> Vec<&'static str> {
    let parts = README.split("```yaml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default()).collect()
}

fn indented(block: &str, by: usize) -> String {
    block.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
}

/// The block as part of a whole scenario.
fn whole(block: &str) -> String {
    let head = "name: a\ncovers: [EX-1]\n";
    let steps = "steps:\n  - connect\n";
    match block.split([':', ' ']).next().unwrap_or_default() {
        "name" => block.to_owned(),
        "xfail" | "needs" => format!("{head}{block}{DEVICE}{steps}"),
        "device" => format!("{head}{block}{steps}"),
        "callback" => {
            let owner = "        - name: other\n          uuid: 0xA004\n";
            format!("{head}{DEVICE}{owner}{}{steps}", indented(block, 10))
        }
        _ if block.starts_with("- when") || block.starts_with("- do") => {
            let owner = "        - name: other\n          uuid: 0xA004\n          callback:\n            \
                         on: [read, write]\n            rules:\n";
            format!("{head}{DEVICE}{owner}{}{steps}", indented(block, 14))
        }
        _ => {
            let is_first = block.starts_with("- connect\n") || block.starts_with("- connect:");
            // A second client needs room, and a first one is not needed for it.
            let begin = if is_first { "steps:\n" } else { steps };
            let device = DEVICE.replacen("device:\n", "device:\n  clients: 2\n", 1);
            format!("{head}{device}{begin}{}", indented(block, 2))
        }
    }
}

#[test]
fn every_example_is_right() {
    assert!(blocks().len() > 15);
    for block in blocks() {
        let text = whole(block);
        if let Err(mistakes) = parse("README.md", "readme", &text) {
            let shown: Vec<String> = mistakes.iter().map(|it| it.render("README.md", &text, false)).collect();
            panic!("{}", shown.join("\n"));
        }
    }
}

/// A mapping of the language: steps and actions are known by their one key, others by their noun.
fn noun(fields: &'static [Field]) -> &'static str {
    match fields.as_ptr() {
        at if at == STEPS.as_ptr() => "step",
        at if at == ACTIONS.as_ptr() => "action",
        _ => "",
    }
}

/// How a field is counted: `a rule.when`. Every step has `as` and `reports`, and they mean the same.
fn counted(shape: &Shape, key: &str) -> String {
    match key {
        "as" | "reports" => key.to_owned(),
        _ => format!("{}.{key}", shape.what),
    }
}

/// How a word is counted: many constructs share their words.
fn counted_word(path: &str, word: &str) -> String {
    if path == "step" { format!("step {word}") } else { word.to_owned() }
}

/// Every field of every mapping that can stand in `kind`, and every word: `a rule.when`, `step read`.
fn all_of(kind: &'static Kind, path: &str, shapes: &mut Vec<&'static Shape>, all: &mut BTreeSet<String>) {
    match kind {
        Kind::Map(shape) if !shapes.iter().any(|known| std::ptr::eq(*known, *shape)) => {
            shapes.push(shape);
            for field in shape.fields {
                let path = counted(shape, field.key);
                all_of(&field.kind, &path, shapes, all);
                all.insert(path);
            }
        }
        Kind::OneKey(fields) => {
            for field in *fields {
                let path = format!("{} {}", noun(fields), field.key);
                all_of(&field.kind, &path, shapes, all);
                all.insert(path);
            }
        }
        Kind::Exactly(word) => all.extend([format!("{path} {word}")]),
        Kind::Word(words) | Kind::Words(words) => {
            all.extend(words().iter().map(|word| counted_word(path, word)));
        }
        Kind::List(item) | Kind::FilledList(item) => all_of(item, path, shapes, all),
        Kind::Steps => all_of(&STEP, "step", shapes, all),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| all_of(kind, path, shapes, all)),
        _ => {}
    }
}

/// What of [`all_of`] is used in a value.
fn used_in(node: &Node<'_>, kind: &'static Kind, path: &str, used: &mut BTreeSet<String>) {
    match (kind, &node.content) {
        (Kind::Map(shape), Content::Map(entries)) => {
            let field = |key: &str| shape.fields.iter().find(|field| field.key == key);
            if entries.iter().all(|entry| field(&entry.key).is_some()) {
                for entry in entries {
                    let path = counted(shape, &entry.key);
                    field(&entry.key).iter().for_each(|it| used_in(&entry.value, &it.kind, &path, used));
                    used.insert(path);
                }
            }
        }
        (Kind::OneKey(fields), Content::Map(entries)) => {
            for entry in entries {
                let Some(field) = fields.iter().find(|field| field.key == entry.key) else { continue };
                let path = format!("{} {}", noun(fields), field.key);
                used_in(&entry.value, &field.kind, &path, used);
                used.insert(path);
            }
        }
        (Kind::Exactly(word), Content::Scalar { text, .. }) if text == word => {
            used.insert(format!("{path} {word}"));
        }
        (Kind::Word(words) | Kind::Words(words), Content::Scalar { text, .. })
            if words().contains(&text.as_ref()) =>
        {
            used.insert(counted_word(path, text));
        }
        (Kind::Words(_), Content::List(items)) => {
            items.iter().for_each(|item| used_in(item, kind, path, used));
        }
        (Kind::List(item) | Kind::FilledList(item), Content::List(items)) => {
            items.iter().for_each(|node| used_in(node, item, path, used));
        }
        (Kind::Steps, Content::List(items)) => {
            items.iter().for_each(|item| used_in(item, &STEP, "step", used));
        }
        (Kind::Either(kinds), _) => kinds.iter().for_each(|kind| used_in(node, kind, path, used)),
        _ => {}
    }
}

static SCENARIO_KIND: Kind = Kind::Map(&SCENARIO);

fn used(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let root = yaml::load(text, &mut Sink::default()).expect("YAML");
    used_in(&root, &SCENARIO_KIND, "", &mut used);
    used
}

#[test]
fn nothing_of_the_language_is_without_an_example() {
    let mut all = BTreeSet::new();
    all_of(&SCENARIO_KIND, "", &mut Vec::new(), &mut all);
    assert!(all.len() > 150, "{}", all.len());
    let shown: BTreeSet<String> = blocks().iter().flat_map(|block| used(&whole(block))).collect();
    let missing: Vec<&String> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "scenarios/README.md has no example of {missing:#?}");
}

/// Steps, calls of the API and actions of rules, as the README's last table names them.
fn constructs(used: &BTreeSet<String>) -> BTreeSet<String> {
    let verbs: Vec<String> = CALLS.iter().map(|shape| counted(shape, shape.fields[0].key)).collect();
    let name = |field: &String| match field.as_str() {
        "step board" => None,
        "a rule.do disconnect" => Some("do: disconnect".to_owned()),
        field if verbs.iter().any(|verb| verb == field) => {
            field.rsplit('.').next().map(|verb| format!("board: {verb}"))
        }
        field => {
            let step = field.strip_prefix("step ").map(|step| step.replacen("board ", "board: ", 1));
            step.or_else(|| field.strip_prefix("action ").map(|action| format!("do: {action}")))
        }
    };
    used.iter().filter_map(name).collect()
}

#[test]
fn the_table_of_the_readme_says_where_each_step_call_and_action_is_tested() {
    let mut all = BTreeSet::new();
    all_of(&SCENARIO_KIND, "", &mut Vec::new(), &mut all);
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    for entry in WalkDir::new(&top).sort_by_file_name().into_iter().map(Result::unwrap) {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let id = path.strip_prefix(&top).unwrap().with_extension("").display().to_string();
        for name in constructs(&used(&std::fs::read_to_string(path).unwrap())) {
            shown.entry(name).or_default().insert(id.clone());
        }
    }
    let rows: BTreeMap<String, String> = README
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .collect();
    let mut faults = Vec::new();
    for name in constructs(&all) {
        let ids = shown.get(&name);
        let is_right = rows.get(&name).is_some_and(|id| ids.is_some_and(|ids| ids.contains(id)));
        if !is_right {
            let id = ids.and_then(BTreeSet::first).map_or("none: write one", String::as_str);
            faults.push(format!("| `{name}` | {id} |"));
        }
    }
    assert!(
        faults.is_empty(),
        "rows that are missing or wrong in scenarios/README.md:\n{}",
        faults.join("\n")
    );
    assert_eq!(rows.keys().collect::<Vec<_>>(), constructs(&all).iter().collect::<Vec<_>>());
}
