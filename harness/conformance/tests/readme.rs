//! Every example of `scenarios/README.md` is right, and there is one for each step and each action.

use conformance::parse::parse;
use conformance::schema;
use serde_json::Value;

const README: &str = include_str!("../../../scenarios/README.md");

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
        "xfail" => format!("{head}{block}{DEVICE}{steps}"),
        "device" => format!("{head}{block}{steps}"),
        "callback" => {
            let owner = "        - name: other\n          uuid: 0xA004\n";
            format!("{head}{DEVICE}{owner}{}{steps}", indented(block, 10))
        }
        _ if block.starts_with("- when") || block.starts_with("- do") => {
            let owner = "        - name: other\n          uuid: 0xA004\n          callback:\n            \
                         on: [read]\n            rules:\n";
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

#[test]
fn every_step_and_every_action_has_its_example() {
    let schema: Value = serde_json::from_str(&schema::json()).expect("JSON");
    let examples = blocks().concat();
    let one_of = |definition: &Value| -> Vec<String> {
        let all = definition["anyOf"].as_array().expect("words or keys");
        let keys = all.iter().filter_map(|it| it["properties"].as_object()).flat_map(|it| it.keys().cloned());
        keys.collect()
    };
    let steps = one_of(&schema["$defs"]["step"]);
    let actions = one_of(&schema["$defs"]["rule"]["properties"]["do"]["items"]);
    assert!(steps.len() > 25 && actions.len() >= 6, "{steps:?} {actions:?}");
    for word in steps.iter().chain(&actions) {
        let is_shown = [format!("- {word}"), format!("[{word}:"), format!(", {word}:")]
            .iter()
            .any(|form| examples.contains(form.as_str()));
        assert!(is_shown, "scenarios/README.md has no example of `{word}`");
    }
}
