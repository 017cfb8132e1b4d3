//! Lines that are printed otherwise.

use crate::outbox::Console;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// What becomes of lines that hold a text: another in its place, or no line.
#[derive(Clone, Default)]
pub(crate) struct LineRules(Rc<[(String, Option<String>)]>);

impl LineRules {
    pub(super) fn new(rules: Vec<(String, Option<String>)>) -> Self {
        Self(rules.into())
    }

    /// Prints what this device prints instead of `line`; false where it prints it as it is.
    pub(crate) fn print_otherwise(&self, line: &str, console: &Console) -> bool {
        let Some((text, instead)) = self.0.iter().find(|(text, _)| line.contains(text.as_str())) else {
            return false;
        };
        console.deviated();
        if let Some(instead) = instead {
            console.print(&line.replace(text.as_str(), instead));
        }
        true
    }
}
