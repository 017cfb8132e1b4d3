//! What the schema of Jenkins' xUnit plugin (`junit-10.xsd`) allows, checked with an XML parser.

use regex::Regex;
use roxmltree::{Document, Node};

/// An element's name; its attributes, of which the first `required` must be there; the elements in
/// it; whether it holds text.
struct Element {
    name: &'static str,
    required: usize,
    attributes: &'static [&'static str],
    children: &'static [&'static str],
    text: bool,
}

/// `group`, `id` and other attributes that nobody writes today are left out, so that this is
/// stricter than the schema.
const ELEMENTS: [Element; 6] = [
    Element {
        name: "testsuites",
        required: 0,
        attributes: &["name", "time", "tests", "failures", "errors"],
        children: &["testsuite"],
        text: false,
    },
    Element {
        name: "testsuite",
        required: 4,
        attributes: &["name", "tests", "failures", "errors", "skipped", "time"],
        children: &["testcase"],
        text: false,
    },
    Element {
        name: "testcase",
        required: 1,
        attributes: &["name", "time", "classname"],
        children: &["skipped", "error", "failure"],
        text: false,
    },
    Element { name: "failure", required: 0, attributes: &["type", "message"], children: &[], text: true },
    Element { name: "error", required: 0, attributes: &["type", "message"], children: &[], text: true },
    Element { name: "skipped", required: 0, attributes: &["type", "message"], children: &[], text: true },
];

/// Everything in a document that the schema refuses, and counts that do not fit.
pub(crate) fn violations(xml: &str) -> Vec<String> {
    let document = match Document::parse(xml) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = Vec::new();
    let root = document.root_element();
    if root.tag_name().name() != "testsuites" {
        found.push(format!("the root is {}", root.tag_name().name()));
    }
    for node in root.descendants().filter(Node::is_element) {
        check(node, &mut found);
        if matches!(node.tag_name().name(), "testsuites" | "testsuite") {
            check_counts(node, &mut found);
        }
    }
    found
}

fn check(node: Node<'_, '_>, found: &mut Vec<String>) {
    let name = node.tag_name().name();
    let Some(element) = ELEMENTS.iter().find(|element| element.name == name) else {
        found.push(format!("there is no <{name}>"));
        return;
    };
    for attribute in element.attributes.iter().take(element.required) {
        if !node.has_attribute(*attribute) {
            found.push(format!("<{name}> lacks {attribute}"));
        }
    }
    let time = Regex::new(r"^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?$").expect("a pattern");
    for attribute in node.attributes() {
        if !element.attributes.contains(&attribute.name()) {
            found.push(format!("<{name}> has {}", attribute.name()));
        } else if attribute.name() == "time" && !time.is_match(attribute.value()) {
            found.push(format!("<{name}> takes {}", attribute.value()));
        }
    }
    for child in node.children() {
        let text = child.text().unwrap_or("");
        if child.is_element() && !element.children.contains(&child.tag_name().name()) {
            found.push(format!("<{name}> holds <{}>", child.tag_name().name()));
        } else if child.is_text() && !element.text && !text.trim().is_empty() {
            found.push(format!("<{name}> holds text: {text}"));
        }
    }
}

/// The schema does not count; those who read the file do.
fn check_counts(node: Node<'_, '_>, found: &mut Vec<String>) {
    let count = |element: &str| node.descendants().filter(|one| one.has_tag_name(element)).count();
    let counts =
        [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")];
    for (attribute, element) in counts {
        let said = node.attribute(attribute);
        if said.is_some_and(|said| said != count(element).to_string()) {
            found.push(format!("{attribute} says {said:?} of {}", count(element)));
        }
    }
}

#[test]
fn the_check_refuses_what_the_schema_refuses() {
    let good = r#"<testsuites tests="1"><testsuite name="a" tests="1" failures="0" errors="0"><testcase name="b" time="0.001"/></testsuite></testsuites>"#;
    assert_eq!(violations(good), Vec::<String>::new());
    for (from, to, message) in [
        (r#"name="b""#, r#"title="b""#, "<testcase> lacks name"),
        (r#"tests="1">"#, r#"skipped="0">"#, "<testsuites> has skipped"),
        ("0.001", "0.0001", "<testcase> takes 0.0001"),
        (r#"failures="0""#, r#"failures="1""#, "failures says Some(\"1\") of 0"),
        ("<testcase", "text<testcase", "<testsuite> holds text: text"),
        ("testsuites", "testsuite", "the root is testsuite"),
        (r#""b""#, "\"\u{1}\"", "a non-XML character"),
        ("testcase", "test", "there is no <test>"),
    ] {
        let found = violations(&good.replace(from, to)).join("\n");
        assert!(found.contains(message), "{message}: {found}");
    }
}
