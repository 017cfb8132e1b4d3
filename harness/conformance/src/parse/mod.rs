//! Scenario files: YAML text to [`Scenario`], with every mistake of a file reported at once.

mod advertisement;
mod board;
mod callback;
mod client;
mod covers;
mod device;
mod external;
pub(crate) mod fields;
mod impossible;
pub(crate) mod labels;
mod lengths;
mod link;
mod loops;
mod names;
mod order;
mod pdu;
mod reports;
pub(crate) mod sink;
mod steps;
mod system;
mod vain;
mod values;

pub use crate::yaml::MAX_BYTES;

use crate::diagnostic::{Code, Diagnostic};
use crate::language::device::{SCENARIO, XFAIL};
use crate::lopy;
use crate::scenario::{Builtin, Device, Need, Scenario, Xfail};
use crate::spelling::turns_text;
use crate::yaml::{self, Content, Node};
use fields::Fields;
use sink::{Mark, Sink};

/// Gives the text of a file that a scenario names: the path is relative to the scenario's folder, with
/// `/` between folders, and stays below it. The error says why it cannot be read, as the end of
/// "the file cannot be read: ..".
pub type ReadFile<'f> = &'f dyn Fn(&str) -> Result<String, String>;

/// Reads a scenario that uses no other file. `file` is the path for messages, `id` becomes
/// [`Scenario::id`], `text` is the file's content; more than [`MAX_BYTES`] of it is refused unread.
///
/// # Errors
/// All mistakes of the file in the order of their places, never none. The text may be anything: a
/// hostile one is refused within the limits of size, depth and count, and never takes long.
pub fn parse(file: &str, id: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    parse_with(file, id, text, &|_| Err("other files are out of reach here".to_owned()))
}

/// As [`parse`], for a scenario that may use other files (`device: lamp.yaml`).
///
/// # Errors
/// As [`parse`]; mistakes of another file come last, with their [`Diagnostic::excerpt`].
pub fn parse_with(
    file: &str,
    id: &str,
    text: &str,
    read_file: ReadFile<'_>,
) -> Result<Scenario, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let scenario =
        yaml::load(text, &mut sink).and_then(|root| scenario(file, id, &root, read_file, &mut sink));
    match scenario {
        Some(scenario) if sink.is_clean() => Ok(scenario),
        _ => Err(sink.into_diagnostics()),
    }
}

/// True for the text of a device table that stands in a file of its own, and is no scenario: at its top
/// there is `services:` and no `steps:`. Nothing else of it is checked.
#[must_use]
pub fn is_device_table(text: &str) -> bool {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let root = yaml::load(text, &mut Sink::default());
    root.is_some_and(|root| root.get("services").is_some() && root.get("steps").is_none())
}

/// Looks for mistakes in a device table that stands in a file of its own.
///
/// # Errors
/// All of them, in the order of their places.
pub fn check_device_table(text: &str) -> Result<(), Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    // What stands there is of no use yet: scenarios read it again.
    let _ = yaml::load(text, &mut sink).and_then(|root| device::read(&root, None, &mut sink));
    if sink.is_clean() { Ok(()) } else { Err(sink.into_diagnostics()) }
}

/// A sentence that reports show in one line, and in the order in which it is written.
fn one_line<'n>(node: &'n Node<'_>, sink: &mut Sink) -> Option<&'n str> {
    let text = fields::text(node, "`name`", sink)?;
    if let Some(found) = text.chars().find(|c| c.is_control() || turns_text(*c)) {
        let message = format!("`name` is one line of text, this one holds U+{:04X}", u32::from(found));
        sink.report(Code::ControlCharacter, node.mark, message, "take it out");
        return None;
    }
    Some(text)
}

fn scenario(
    file: &str,
    id: &str,
    root: &Node<'_>,
    read_file: ReadFile<'_>,
    sink: &mut Sink,
) -> Option<Scenario> {
    let fields = Fields::of(root, &SCENARIO, sink)?;
    let name = fields.required("name", sink).and_then(|node| one_line(node, sink));
    let covers = fields.required("covers", sink).map(|node| covers::read(node, sink));
    let tags = fields.get("tags").map(|node| covers::tags(node, sink));
    let needs = fields.get("needs").map(|node| fields::words(node, "`needs`", Need::ALL, sink));
    let xfail = fields.get("xfail").map(|node| xfail(node, fields.mark_of("xfail"), sink));
    let steps = fields.get("steps");
    let added = steps.map(steps::added_services).unwrap_or_default();
    let device = fields.required("device", sink);
    let device_place = fields.mark_of("device").place;
    let mut device = device.and_then(|node| read_device(node, file, read_file, sink));
    if let Some(device) = &mut device
        && device.builtin.is_none()
    {
        device::add(device, &added, sink);
    }
    let steps = fields.required("steps", sink).and_then(|node| steps::read(node, device.as_ref(), sink))?;
    Some(Scenario {
        file: file.to_owned(),
        id: id.to_owned(),
        name: name?.to_owned(),
        covers: covers?,
        tags: tags.unwrap_or_default(),
        needs: needs.unwrap_or_default(),
        xfail: xfail.unwrap_or(Some(None))?,
        device: device?,
        device_place,
        centrals: steps.centrals,
        steps: steps.steps,
    })
}

/// The inner option is never empty: it is the scenario's own.
fn xfail(node: &Node<'_>, key: Mark, sink: &mut Sink) -> Option<Option<Xfail>> {
    let fields = Fields::of(node, &XFAIL, sink)?;
    let reason = fields.required("reason", sink).and_then(|node| fields::text(node, "`reason`", sink));
    let link = fields.get("link").map(|node| fields::text(node, "`link`", sink));
    let link = link.map_or(Some(None), |link| link.map(|link| Some(link.to_owned())))?;
    Some(Some(Xfail { reason: reason?.to_owned(), link, place: key.place }))
}

fn read_device(node: &Node<'_>, file: &str, read_file: ReadFile<'_>, sink: &mut Sink) -> Option<Device> {
    match &node.content {
        Content::Scalar { text, .. } => match text.as_ref() {
            "lopy" => lopy::device().or_else(|| lopy::describe(sink)),
            path if path.ends_with(".yaml") => from_file(node, file, path, read_file, sink),
            _ => {
                let message = format!("there is no built-in device `{}`", Sink::short(text));
                let hint = "write `device: lopy`, a table with `services:`, or the path of a `.yaml` file";
                sink.report(Code::UnknownName, node.mark, message, hint);
                None
            }
        },
        _ => device::read(node, None, sink),
    }
}

/// The table in another file, which must not lie above the folder of the scenario, `file`.
fn from_file(
    node: &Node<'_>,
    file: &str,
    path: &str,
    read_file: ReadFile<'_>,
    sink: &mut Sink,
) -> Option<Device> {
    let stays_below =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':']);
    if !path.split('/').all(stays_below) {
        let message = format!("`{}` does not stay below the scenario's folder", Sink::short(path));
        let hint = "write a path from the scenario's own folder downwards: `lamp.yaml`, `devices/lamp.yaml`";
        sink.report(Code::DeviceFile, node.mark, message, hint);
        return None;
    }
    let text = match read_file(path) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("the file cannot be read: {why}");
            let hint = "the path counts from the scenario's own folder";
            sink.report(Code::DeviceFile, node.mark, message, hint);
            return None;
        }
    };
    let mut own = Sink::default();
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let root = yaml::load(text, &mut own);
    let device = root.and_then(|root| device::read(&root, None, &mut own));
    let beside =
        file.rsplit_once('/').map_or_else(|| path.to_owned(), |(folder, _)| format!("{folder}/{path}"));
    sink.take_over(own, &beside, text);
    device
}

/// Reads a device table that stands alone.
pub(crate) fn device_table(text: &str, builtin: Builtin, sink: &mut Sink) -> Option<Device> {
    let root = yaml::load(text, sink)?;
    device::read(&root, Some(builtin), sink)
}
