//! Raw PDUs: what may answer which.

use super::fields::Fields;
use super::sink::Sink;
use crate::att_error;
use crate::diagnostic::Code;
use crate::spelling;

/// Requests with their responses (Core Vol 3 Part F 3.4.8).
const REQUESTS: &[(u8, u8, &str)] = &[
    (0x02, 0x03, "Exchange MTU"),
    (0x04, 0x05, "Find Information"),
    (0x06, 0x07, "Find By Type Value"),
    (0x08, 0x09, "Read By Type"),
    (0x0A, 0x0B, "Read"),
    (0x0C, 0x0D, "Read Blob"),
    (0x0E, 0x0F, "Read Multiple"),
    (0x10, 0x11, "Read By Group Type"),
    (0x12, 0x13, "Write"),
    (0x16, 0x17, "Prepare Write"),
    (0x18, 0x19, "Execute Write"),
    (0x20, 0x21, "Read Multiple Variable"),
];
const ERROR_RESPONSE: u8 = 0x01;
const CONFIRMATION: u8 = 0x1E;
/// Bit of the opcode that makes a command (Core Vol 3 Part F 3.3.1).
const COMMAND_FLAG: u8 = 0x40;

/// Reports a response that cannot answer the PDU.
pub(super) fn check(fields: &Fields<'_, '_>, send: &[u8], expect: Option<&[u8]>, sink: &mut Sink) {
    let (Some(opcode), Some(node)) = (send.first(), fields.get("expect")) else { return };
    if let Some((message, hint)) = contradiction(*opcode, expect) {
        sink.report(Code::Impossible, node.mark, message, hint);
    }
}

fn contradiction(opcode: u8, expect: Option<&[u8]>) -> Option<(String, String)> {
    let request = REQUESTS.iter().find(|(request, _, _)| *request == opcode);
    let Some(response) = expect else {
        // Core Vol 3 Part F 3.3.2
        let (_, response, name) = request?;
        let message = format!("a {name} Request is always answered");
        let hint = format!(
            "write the response, 0x{response:02X} and its bytes, or the error: \"01 {opcode:02X} ..\""
        );
        return Some((message, hint));
    };
    if opcode & COMMAND_FLAG != 0 || opcode == CONFIRMATION {
        let what = if opcode == CONFIRMATION { "confirmation" } else { "command" };
        let message = format!("0x{opcode:02X} is a {what}, which nothing answers");
        let hint = "write `expect: nothing`, and see by further steps what it did";
        return Some((message, hint.to_owned()));
    }
    if response.first() == Some(&ERROR_RESPONSE) {
        return error_response(opcode, response);
    }
    let (_, expected, name) = request?;
    if response.first() == Some(expected) {
        return None;
    }
    let message = format!("a {name} Request is never answered by {}", spelling::pdu_in_label(response));
    let hint = format!("its response begins with {expected:02X}, an error with 01 {opcode:02X}");
    Some((message, hint))
}

/// An Error Response names the request, a handle and a code (Core Vol 3 Part F 3.4.1.1).
fn error_response(opcode: u8, response: &[u8]) -> Option<(String, String)> {
    match response {
        [_, of, _, _, code] if *of == opcode && *code != 0 => None,
        [_, of, _, _, _] if *of != opcode => {
            let message = format!("this is the error of another request, 0x{of:02X}");
            Some((message, format!("an error of this request begins with 01 {opcode:02X}")))
        }
        _ => {
            let hint = format!(
                "write request, handle and code: \"01 {opcode:02X} 03 00 01\" is {}",
                att_error::describe(1)
            );
            Some(("this is no Error Response".to_owned(), hint))
        }
    }
}
