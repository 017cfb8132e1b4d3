//! What a scenario says to the board has to fit: each table and each call is one frame of the control link.

use crate::convert;
use conformance::diagnostic::{Code, Diagnostic};
use conformance::scenario::{Action, Place, Scenario};
use wire::{Command, Request, Start};

/// Bytes kept free in the frame of a table, for what a bench adds to it ([`wire::Start::mutant`]).
const RESERVE: usize = 256;

/// Everything in `scenario` that does not fit, in its order.
#[must_use]
pub fn check(scenario: &Scenario) -> Vec<Diagnostic> {
    let device = &scenario.device;
    if device.external.is_some() {
        return Vec::new();
    }
    let start =
        Start { device: convert::device(device), address: [0xFF; 6], seed: u64::MAX, mutant: Vec::new() };
    let table = too_large(scenario.device_place, "this table", Command::Start(Box::new(start)));
    let steps = scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Board(action) => {
            too_large(step.place, "what this step says", Command::Call(convert::call(device, action)?))
        }
        _ => None,
    });
    table.into_iter().chain(steps).collect()
}

fn too_large(place: Place, what: &str, command: Command) -> Option<Diagnostic> {
    let limit = wire::MAX_PAYLOAD - RESERVE;
    // What cannot be written at all is too large as well.
    let len =
        postcard::to_allocvec(&Request { id: u16::MAX, command }).map_or(usize::MAX, |bytes| bytes.len());
    (len > limit).then(|| Diagnostic {
        code: Code::TooLargeForLink,
        place,
        length: 1,
        message: format!("{what} takes {len} bytes on the way to the board, and {limit} is the limit"),
        hint: "use fewer attributes, shorter first values, or fewer and shorter rules".to_owned(),
        excerpt: None,
    })
}
