//! What a scenario shows, and the words to select it by.

use std::collections::HashSet;

use super::fields;
use super::sink::Sink;
use crate::diagnostic::Code;
use crate::yaml::Node;

/// `covers:`, a list of requirement ids.
pub(super) fn read(node: &Node<'_>, sink: &mut Sink) -> Vec<String> {
    let items = fields::filled_list(node, "`covers`", sink).unwrap_or_default();
    distinct(items, "a requirement id", sink, |id, item, sink| {
        let known_shape = is_requirement(id) || is_sig_test(id);
        if !known_shape {
            let message = format!("`{}` is not the shape of a requirement id", Sink::short(id));
            let hint = "write one like `EX-2`, or a test of the SIG suite like `GATT/SR/GAR/BV-01-C`";
            sink.report(Code::BadCover, item.mark, message, hint);
        }
        known_shape
    })
}

/// `tags:`, a list of words.
pub(super) fn tags(node: &Node<'_>, sink: &mut Sink) -> Vec<String> {
    let items = fields::list(node, "`tags`", sink).unwrap_or_default();
    distinct(items, "a tag", sink, |tag, item, sink| {
        let known_shape = tag.starts_with(|first: char| first.is_ascii_lowercase())
            && tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !known_shape {
            let message = format!("`{}` is not the shape of a tag", Sink::short(tag));
            sink.report(Code::BadName, item.mark, message, "use lower-case letters, digits and `-`");
        }
        known_shape
    })
}

fn distinct(
    items: &[Node<'_>],
    what: &str,
    sink: &mut Sink,
    check: impl Fn(&str, &Node<'_>, &mut Sink) -> bool,
) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for item in items {
        let Some(text) = fields::text(item, what, sink) else { continue };
        if !check(text, item, sink) {
            continue;
        }
        if seen.insert(text) {
            all.push(text.to_owned());
        } else {
            let message = format!("`{}` stands twice", Sink::short(text));
            sink.report(Code::RepeatedWord, item.mark, message, "keep one of them");
        }
    }
    all
}

/// `EX-2`
fn is_requirement(id: &str) -> bool {
    let Some((area, number)) = id.split_once('-') else { return false };
    let is_area = !area.is_empty() && area.bytes().all(|byte| byte.is_ascii_uppercase());
    is_area && is_number(number)
}

/// `GATT/SR/GAR/BV-01-C`: layers in capitals, then kind, number and `C` for conformance.
fn is_sig_test(id: &str) -> bool {
    let Some((layers, test)) = id.rsplit_once('/') else { return false };
    let is_layer = |layer: &str| {
        !layer.is_empty() && layer.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let numbered = test.strip_prefix("BV-").or_else(|| test.strip_prefix("BI-"));
    let number = numbered.and_then(|rest| rest.strip_suffix("-C"));
    layers.contains('/') && layers.split('/').all(is_layer) && number.is_some_and(is_number)
}

fn is_number(digits: &str) -> bool {
    (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
