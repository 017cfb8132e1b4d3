//! Whatever the text: an answer, in time, in bounds.

#![expect(clippy::indexing_slicing, reason = "helpers of tests may fail like tests")]

use std::time::{Duration, Instant};

use conformance::diagnostic::Code;
use conformance::parse::parse;
use proptest::prelude::*;

const VALID: &str = include_str!("every_form.yaml");
/// Far above what any text of the allowed size takes, far below what an unbounded one would.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parses and renders; all that must hold for any text.
fn check(text: &str) -> Vec<Code> {
    let started = Instant::now();
    let Err(mistakes) = parse("hostile.yaml", "hostile", text) else { return Vec::new() };
    assert!(!mistakes.is_empty(), "a refusal says why");
    assert!(mistakes.len() <= 101, "{} mistakes", mistakes.len());
    for mistake in &mistakes {
        assert!(mistake.place.line >= 1 && mistake.place.column >= 1 && mistake.length >= 1);
        assert!(mistake.message.chars().count() < 300, "{}", mistake.message);
        assert!(mistake.render("hostile.yaml", text, false).contains(mistake.code.as_str()));
    }
    assert!(started.elapsed() < PATIENCE, "took {:?}", started.elapsed());
    mistakes.into_iter().map(|mistake| mistake.code).collect()
}

fn scenario(steps: &str) -> String {
    format!("name: a\ncovers: [EX-1]\ndevice: lopy\nsteps:\n{steps}")
}

const MIB: usize = 1 << 20;

#[test]
fn a_file_over_one_mebibyte_is_refused_unread() {
    assert_eq!(check(&"a".repeat(MIB + 1)), [Code::FileTooLarge]);
    assert_ne!(check(&"a".repeat(MIB)), [Code::FileTooLarge]);
}

#[test]
fn more_than_a_hundred_thousand_values_are_refused() {
    let text = scenario(&format!("  - write: {{char: chr1, value: [{}]}}\n", "1,".repeat(100_000)));
    assert_eq!(check(&text), [Code::YamlNodes]);
    assert_eq!(check(&format!("a: [{}]", "x,".repeat(400_000))), [Code::YamlNodes]);
}

#[test]
fn nesting_is_bounded_in_every_style() {
    let block: String = (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 500))).collect();
    for text in
        ["[".repeat(MIB), "{".repeat(MIB), "- ".repeat(MIB / 2), "? ".repeat(MIB / 2), "[{".repeat(MIB / 2)]
    {
        assert!(!check(&text).is_empty());
    }
    assert!(!check(&block).is_empty());
    assert_eq!(check(&"- ".repeat(40)), [Code::YamlDepth]);
    assert_eq!(check(&format!("{}{}", "[".repeat(33), "]".repeat(33))), [Code::YamlDepth]);
}

#[test]
fn a_file_has_at_most_a_hundred_mistakes_and_one_that_says_so() {
    let codes = check(&scenario(&"  - raed: chr1\n".repeat(10_000)));
    assert_eq!(codes.len(), 101);
    assert_eq!(codes.last(), Some(&Code::TooMany));
}

#[test]
fn many_equal_keys_and_many_unknown_ones_take_no_longer_than_others() {
    let equal: String = "a: 1\n".repeat(MIB / 5);
    let different: String = (0..60_000).map(|number| format!("key{number}: 1\n")).collect();
    let long = format!("{}: 1\n", "k".repeat(MIB - 100));
    for text in [equal, different, long] {
        assert!(!check(&text).is_empty());
    }
}

#[test]
fn aliases_do_not_multiply() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let previous = format!("*a{},", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    assert!(check(&text).contains(&Code::YamlAlias));
}

#[test]
fn many_names_and_many_steps_are_read_in_time() {
    let characteristics: String =
        (0..8_000).map(|number| format!("        - {{name: c{number}, uuid: 0x11D7}}\n")).collect();
    let steps: String = (0..12_000).map(|number| format!("  - read: c{}\n", number % 8_000)).collect();
    let text = format!(
        "name: a\ncovers: [EX-1]\ndevice:\n  services:\n    - name: s\n      uuid: 1\n      \
         characteristics:\n{characteristics}steps:\n  - connect\n{steps}"
    );
    assert_eq!(check(&text), []);
}

#[test]
fn loops_stand_for_a_bounded_number_of_steps_and_bytes() {
    let loops = |steps: &str| scenario(&format!("  - connect\n{steps}"));
    let many = "  - repeat: {times: 10000, steps: [repeat: {times: 10000, steps: [raed: chr1]}]}\n";
    assert!(check(&loops(many)).contains(&Code::LoopTooLarge));
    let empty = "  - repeat: {times: 10000, steps: [repeat: {times: 10000, steps: []}]}\n";
    assert_eq!(check(&loops(empty)), [Code::Empty]);
    let heavy = format!(
        "  - repeat: {{times: 10000, steps: [write: {{char: chr1, value: [{}]}}]}}\n",
        "1,".repeat(90_000)
    );
    assert!(check(&loops(&heavy)).contains(&Code::LoopTooLarge));
    let long = format!(
        "  - for_each: {{as: v, in: [\"{}\"], steps: [{}]}}\n",
        "x".repeat(500_000),
        "write: {char: chr1, value: $v}, ".repeat(10_000)
    );
    assert!(check(&loops(&long)).contains(&Code::LoopTooLarge));
    let most = "  - repeat: {times: 100, steps: [repeat: {times: 99, steps: [read: chr1]}]}\n";
    assert_eq!(check(&loops(most)), []);
}

#[test]
fn huge_numbers_are_refused_where_they_stand() {
    let digits = "9".repeat(100_000);
    let text = scenario(&format!("  - connect\n  - mtu: {{size: {digits}}}\n  - quiet: {digits}s\n"));
    assert_eq!(check(&text), [Code::NumberRange, Code::BadDuration]);
}

#[test]
fn one_line_of_a_mebibyte_can_be_shown() {
    let text = format!("name: a\ncovers: [{}]\n", "x,".repeat(49_000));
    assert!(check(&text).contains(&Code::BadCover));
}

/// Characters that mean something in YAML, and some that do not.
fn yaml_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ":",
        ": ",
        ", ",
        "- ",
        "? ",
        "#",
        " # ",
        "&a ",
        "*a",
        "!",
        "!!str ",
        "|",
        ">",
        "|2-\n",
        "'",
        "\"",
        "\\",
        "%",
        "@",
        "`",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        " ",
        "~",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "a",
        "é",
        "\u{feff}",
        "\r\n",
        "0x1",
        "-1",
        "name",
        "steps",
        "read",
        "chr1",
        "<<",
        "\\x",
        "\\u12",
        "\u{85}",
        "\u{2028}",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// One change of a text, at a relative position.
#[derive(Debug, Clone)]
enum Change {
    Delete(usize),
    Insert(String),
    SwapLines,
    DropLine,
    RepeatLine,
    Indent(usize),
}

fn change() -> impl Strategy<Value = (f64, Change)> {
    let kind = prop_oneof![
        (1usize..20).prop_map(Change::Delete),
        yaml_like().prop_map(Change::Insert),
        Just(Change::SwapLines),
        Just(Change::DropLine),
        Just(Change::RepeatLine),
        (0usize..12).prop_map(Change::Indent),
    ];
    (0.0..1.0, kind)
}

fn changed(text: &str, at: f64, change: &Change) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let position = |count: usize| ((count as f64 * at) as usize).min(count.saturating_sub(1));
    let (character, line) = (position(characters.len()), position(lines.len()));
    match change {
        Change::Delete(count) => {
            let end = (character + count).min(characters.len());
            characters.drain(character..end);
            return characters.into_iter().collect();
        }
        Change::Insert(piece) => {
            characters.splice(character..character, piece.chars());
            return characters.into_iter().collect();
        }
        Change::SwapLines => lines.swap(line, (line + 1) % text.split('\n').count()),
        Change::DropLine => drop(lines.remove(line)),
        Change::RepeatLine => lines.insert(line, lines[line].clone()),
        Change::Indent(depth) => lines[line] = format!("{}{}", " ".repeat(*depth), lines[line].trim_start()),
    }
    lines.join("\n")
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn anything_like_yaml_gets_an_answer(text in yaml_like()) {
        check(&text);
    }

    #[test]
    fn a_changed_scenario_gets_an_answer(changes in prop::collection::vec(change(), 1..6)) {
        let mut text = VALID.to_owned();
        for (at, change) in &changes {
            text = changed(&text, *at, change);
        }
        check(&text);
    }

    #[test]
    fn any_scalar_in_any_place_gets_an_answer(value in yaml_like(), place in 0usize..6) {
        let text = match place {
            0 => scenario(&format!("  - connect\n  - write: {{char: chr1, value: {value}}}\n")),
            1 => scenario(&format!("  - quiet: {value}\n")),
            2 => scenario(&format!("  - connect\n  - att: {{send: {value}, expect: {value}}}\n")),
            3 => format!("name: a\ncovers: [{value}]\ndevice: lopy\nsteps: [connect]\n"),
            4 => format!("name: a\ncovers: [EX-1]\ndevice: {{services: [{{name: s, uuid: {value}}}]}}\nsteps: [connect]\n"),
            _ => format!("name: {value}\n"),
        };
        check(&text);
    }
}
