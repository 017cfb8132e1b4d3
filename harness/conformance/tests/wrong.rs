//! Every kind of mistake has its file in `fixtures/wrong/`, with the message beside it.

#![expect(clippy::expect_used, reason = "helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use conformance::diagnostic::{Code, Diagnostic};
use conformance::parse::parse_with;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/wrong")
}

/// Stem and text of each file, in order.
fn files() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let stem = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            (stem, fs::read_to_string(&path).expect("a fixture is text"))
        })
        .collect();
    files.sort();
    files
}

fn mistakes(file: &str, text: &str) -> Vec<Diagnostic> {
    let read_file =
        |path: &str| fs::read_to_string(folder().join(path)).map_err(|_| "no such file".to_owned());
    parse_with(file, "wrong", text, &read_file).expect_err(&format!("{file} must be refused"))
}

#[test]
fn each_wrong_file_gets_its_message() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    for (stem, text) in files() {
        let file = format!("{stem}.yaml");
        let rendered: Vec<String> =
            mistakes(&file, &text).iter().map(|mistake| mistake.render(&file, &text, false)).collect();
        insta::assert_snapshot!(stem, rendered.join("\n"));
    }
}

#[test]
fn each_code_has_a_wrong_file() {
    // The limits on size and count are shown by texts too large to keep, in `hostile.rs`; that of the control link by
    // the command, which knows the link.
    let generated = [Code::FileTooLarge, Code::YamlNodes, Code::TooMany, Code::TooLargeForLink];
    let shown: BTreeSet<Code> = files()
        .iter()
        .flat_map(|(stem, text)| mistakes(stem, text))
        .map(|mistake| mistake.code)
        .chain(generated)
        .collect();
    let missing: Vec<&str> =
        Code::ALL.iter().filter(|code| !shown.contains(code)).map(|code| code.as_str()).collect();
    assert!(missing.is_empty(), "codes without a file in fixtures/wrong: {missing:?}");
}

#[test]
fn a_file_named_after_a_code_shows_that_code() {
    for (stem, text) in files() {
        let codes: Vec<&str> = mistakes(&stem, &text).iter().map(|mistake| mistake.code.as_str()).collect();
        if Code::ALL.iter().any(|code| code.as_str() == stem) {
            assert!(codes.contains(&stem.as_str()), "{stem}: {codes:?}");
        }
    }
}

#[test]
fn messages_are_in_lower_case_and_every_one_has_a_hint() {
    for (stem, text) in files() {
        for mistake in mistakes(&stem, &text) {
            let first = mistake.message.chars().next().expect("a message says something");
            assert!(!first.is_uppercase(), "{stem}: {}", mistake.message);
            assert!(!mistake.hint.is_empty(), "{stem}: {}", mistake.message);
        }
    }
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let text = "name: [\n";
    let mistakes = mistakes("x.yaml", text);
    let mistake = mistakes.first().expect("one mistake");
    assert!(!mistake.render("x.yaml", text, false).contains('\u{1b}'));
    assert!(mistake.render("x.yaml", text, true).contains('\u{1b}'));
}
