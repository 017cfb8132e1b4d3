//! `reports:`, in the trace's own words: each must be a line that a trace can hold.

use super::fields;
use super::sink::Sink;
use super::steps::Reader;
use crate::diagnostic::Code;
use crate::language::KEY_SIZES;
use crate::language::steps::LEVELS;
use crate::scenario::Device;
use crate::spelling;
use crate::yaml::{Content, Node};

const CONNECTED: &str = "client connected";
/// What a trace says of the link.
const FIXED: [&str; 5] = [CONNECTED, "client disconnected", "passkey shown", "paired", "pairing failed"];
/// What a trace says of a characteristic, before any value or text.
const OF_CHARACTERISTIC: [&str; 5] =
    ["handler on read", "handler on subscribe", "handler on write", "handler failed", "indication confirmed"];
const NOT_CONFIRMED: &str = "indication not confirmed";

/// The list, with each line that no trace can hold reported.
pub(super) fn read(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for item in fields::list(node, "`reports`", reader.sink).unwrap_or_default() {
        let Some(line) = line(item, reader.sink) else { continue };
        let checked = match reader.names.is_known() {
            true => check(line, reader.device).and_then(|()| check_handler(line, reader)),
            false => Ok(()),
        };
        match checked {
            Ok(()) => lines.push(line.to_owned()),
            Err(hint) => {
                let message = format!("no trace can hold the report `{}`", Sink::short(line));
                reader.sink.report(Code::BadReport, item.mark, message, hint);
            }
        }
    }
    lines
}

/// A handler runs only where there is a callback.
fn check_handler(line: &str, reader: &Reader<'_, '_>) -> Result<(), String> {
    let Some((name, _)) = line.split_once(" handler ").filter(|_| !line.starts_with("log ")) else {
        return Ok(());
    };
    let owner = reader.device.characteristics().find(|(_, characteristic)| characteristic.name == name);
    match owner {
        Some((at, _)) if !reader.has_handler(at) => Err(format!(
            "`{name}` has no callback: give it one in the table, or by `board: {{callback: {name}, ..}}`"
        )),
        _ => Ok(()),
    }
}

fn line<'n>(node: &'n Node<'_>, sink: &mut Sink) -> Option<&'n str> {
    if let Content::Map(_) = node.content {
        let hint = "put the whole line in quotes: 'log \"a: b\"'";
        sink.report(Code::WrongType, node.mark, "a report is a text, this is a mapping", hint);
        return None;
    }
    fields::text(node, "a report", sink)
}

/// What to write instead of a line that no trace can hold.
fn check(line: &str, device: &Device) -> Result<(), String> {
    if FIXED.contains(&line) || is_encryption(line) {
        return Ok(());
    }
    if line.starts_with("board: ") {
        return Err("leave `board: ` out".to_owned());
    }
    if let Some(text) = line.strip_prefix("log ") {
        return quoted(text).map_err(|text| format!("write `log {text}`"));
    }
    let Some((name, rest)) = line.split_once(' ') else { return Err(nearest(line, device)) };
    if !is_known(name, device) {
        return Err(nearest(line, device));
    }
    if rest == "indication confirmed" || rest == NOT_CONFIRMED {
        return Ok(());
    }
    if let Some(text) = rest.strip_prefix("handler failed ") {
        return quoted(text).map_err(|text| format!("write `{name} handler failed {text}`"));
    }
    match rest.strip_prefix("handler on ") {
        Some("read" | "subscribe") => Ok(()),
        Some("write") => Err(format!("say what was written: `{name} handler on write 05`")),
        Some(event) => match event.strip_prefix("write ") {
            Some(value) => written(value).map_err(|value| format!("write `{name} handler on write {value}`")),
            None => Err(nearest(line, device)),
        },
        None => Err(nearest(line, device)),
    }
}

fn is_encryption(line: &str) -> bool {
    let mut all = LEVELS.iter().flat_map(|(_, level)| KEY_SIZES.map(|size| (*level, size)));
    all.any(|(level, size)| u8::try_from(size).is_ok_and(|size| spelling::encrypted(level, size) == line))
}

/// A name of the table, or a handle as traces show it where the table has no name.
fn is_known(name: &str, device: &Device) -> bool {
    let is_handle = name.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 4 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
    });
    is_handle || device.characteristics().any(|(_, characteristic)| characteristic.name == name)
}

/// A text in quotes, with what stands in it escaped as traces do; the error is how to write it.
fn quoted(text: &str) -> Result<(), String> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return Err(spelling::quoted(text)) };
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        let is_sound = match character {
            '"' => false,
            '\\' => matches!(rest.next(), Some('"' | '\\' | 'n' | 'r' | 't' | 'u')),
            _ => !character.is_control(),
        };
        if !is_sound {
            return Err(spelling::quoted(inner));
        }
    }
    Ok(())
}

/// A value as traces show it; the error is how to write it.
fn written(value: &str) -> Result<(), String> {
    if let Some(text) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Err(spelling::value(text.as_bytes()));
    }
    if value.starts_with('$') || value.contains('…') {
        return Ok(());
    }
    let digits = value.split('"').next().unwrap_or_default().trim_end();
    let byte = |pair: &str| match pair.len() {
        2 => u8::from_str_radix(pair, 16).ok(),
        _ => None,
    };
    let bytes = match digits {
        "(empty)" => Some(Vec::new()),
        _ => digits.split(' ').map(byte).collect(),
    };
    match bytes {
        Some(bytes) if spelling::value(&bytes) == value => Ok(()),
        Some(bytes) => Err(spelling::value(&bytes)),
        None => Err("05".to_owned()),
    }
}

/// The nearest line that a trace can hold.
fn nearest(line: &str, device: &Device) -> String {
    let names: Vec<&str> = device.characteristics().map(|(_, it)| it.name.as_str()).take(100).collect();
    let of_names = names.iter().flat_map(|name| {
        let words = OF_CHARACTERISTIC.iter().chain([&NOT_CONFIRMED]);
        words.map(move |words| format!("{name} {words}"))
    });
    let encrypted = LEVELS.iter().map(|(_, level)| spelling::encrypted(*level, 16));
    let fixed = FIXED.map(str::to_owned).into_iter().chain(encrypted);
    let found = of_names
        .chain(fixed)
        .map(|known| (strsim::damerau_levenshtein(line, &known), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min_by_key(|(distance, _)| *distance);
    if let (true, Some((_, known))) = (line.len() <= 100, found) {
        return format!("did you mean `{known}`?");
    }
    let name = names.first().copied().unwrap_or("chr1");
    format!(
        "write a line of the trace without `board: `: `{CONNECTED}`, `{name} handler on read`, `log \"text\"`"
    )
}
