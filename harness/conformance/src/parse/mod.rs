//! Scenario files: YAML text to [`Scenario`], with every mistake of a file reported at once.

mod board;
mod callback;
mod client;
mod covers;
mod device;
mod fields;
pub(crate) mod labels;
mod names;
mod order;
pub(crate) mod sink;
mod steps;
mod values;

use crate::diagnostic::{Code, Diagnostic};
use crate::lopy;
use crate::scenario::{Builtin, Device, Need, Scenario};
use crate::yaml::{self, Content, Node};
use fields::Fields;
use sink::Sink;

/// What `needs:` may hold.
const NEEDS: &[(&str, Need)] = &[("raw-att", Need::RawAtt), ("board", Need::Board)];

/// Reads a scenario. `file` is the path for messages, `id` becomes [`Scenario::id`], `text` is the
/// file's content.
///
/// # Errors
/// All mistakes of the file in the order of their places, never none. The text may be anything: a
/// hostile one is refused within the limits of size, depth and count, and never takes long.
pub fn parse(file: &str, id: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let scenario = yaml::load(text, &mut sink).and_then(|root| scenario(file, id, &root, &mut sink));
    match scenario {
        Some(scenario) if sink.is_clean() => Ok(scenario),
        _ => Err(sink.into_diagnostics()),
    }
}

fn scenario(file: &str, id: &str, root: &Node<'_>, sink: &mut Sink) -> Option<Scenario> {
    let fields =
        Fields::of(root, "a scenario", &["name", "covers", "tags", "needs", "device", "steps"], sink)?;
    let name = fields.required("name", "say in one sentence what the device must do", sink);
    let name = name.and_then(|node| fields::text(node, "`name`", sink));
    let covers = fields.required("covers", "name the requirements that it shows: `covers: [EX-2]`", sink);
    let covers = covers.map(|node| covers::read(node, sink));
    let tags = fields.get("tags").map(|node| covers::tags(node, sink));
    let needs = fields.get("needs").map(|node| fields::words(node, "`needs`", NEEDS, sink));
    let device = fields.required("device", "write `device: lopy`, or a table", sink);
    let device = device.and_then(|node| read_device(node, sink));
    let steps = fields.required("steps", "write at least one step below `steps:`", sink);
    let steps = steps.and_then(|node| steps::read(node, device.as_ref(), sink));
    Some(Scenario {
        file: file.to_owned(),
        id: id.to_owned(),
        name: name?.to_owned(),
        covers: covers?,
        tags: tags.unwrap_or_default(),
        needs: needs.unwrap_or_default(),
        device: device?,
        steps: steps?,
    })
}

fn read_device(node: &Node<'_>, sink: &mut Sink) -> Option<Device> {
    match &node.content {
        Content::Scalar { text, .. } => match text.as_ref() {
            "lopy" => lopy::device().or_else(|| lopy::describe(sink)),
            _ => {
                let message = format!("there is no built-in device `{}`", Sink::short(text));
                let hint = "write `device: lopy`, or a table with `services:`";
                sink.report(Code::UnknownName, node.mark, message, hint);
                None
            }
        },
        _ => device::read(node, None, sink),
    }
}

/// Reads a device table that stands alone.
pub(crate) fn device_table(text: &str, builtin: Builtin, sink: &mut Sink) -> Option<Device> {
    let root = yaml::load(text, sink)?;
    device::read(&root, Some(builtin), sink)
}
