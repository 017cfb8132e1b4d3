//! Expectations that no device can meet, and values that no client may send.

use super::device::{READ, WRITES};
use super::link::Client;
use super::order::Judged;
use super::sink::Sink;
use crate::att_error;
use crate::diagnostic::Code;
use crate::scenario::{
    Access, Action, BondLevel, Characteristic, ClientValue, DescriptorRef, Device, Expect, Push, WriteMode,
};

/// Opcode and handle before the value of a write or a push (Core Vol 3 Part F 3.4.5.1, 3.4.7.1).
const VALUE_HEADER: u16 = 3;
/// The same with the signature behind the value (Core Vol 3 Part F 3.4.5.4).
const SIGNED_HEADER: u16 = 15;
/// The opcode before the value of a Read Response (Core Vol 3 Part F 3.4.4.4).
const READ_HEADER: u16 = 1;

const READ_NOT_PERMITTED: u8 = 0x02;
const WRITE_NOT_PERMITTED: u8 = 0x03;
const INSUFFICIENT_AUTHENTICATION: u8 = 0x05;
const INSUFFICIENT_AUTHORISATION: u8 = 0x08;
const KEY_TOO_SHORT: u8 = 0x0C;
const INSUFFICIENT_ENCRYPTION: u8 = 0x0F;

/// Reports what a step asks for in vain.
pub(super) fn check(step: Judged<'_>, client: &Client, device: &Device, sink: &mut Sink) {
    if !client.connected {
        return;
    }
    check_room(step, client, sink);
    // Nothing but its names is known of a device that is no board of ours.
    if device.external.is_none() {
        check_access(step, client, device, sink);
    }
}

/// Whether what is written fits the MTU, and what must come as well.
fn check_room(step: Judged<'_>, client: &Client, sink: &mut Sink) {
    match step.action {
        Action::Write { value, mode: WriteMode::Request, .. } => {
            let other = "use `write_long`, or put ";
            fits(step, "value", "a write holds", value, (client.mtu, VALUE_HEADER), other, sink);
        }
        Action::WriteDescriptor { value, .. } => {
            fits(step, "value", "a write holds", value, (client.mtu, VALUE_HEADER), "put ", sink);
        }
        Action::Write { value, mode, .. } => {
            let header = if *mode == WriteMode::Signed { SIGNED_HEADER } else { VALUE_HEADER };
            fits(step, "value", "a command holds", value, (client.mtu, header), "put ", sink);
        }
        Action::Read { expect: Expect::Value(value), .. } => {
            let other = "use `read_long`, or put ";
            fits(step, "expect", "one read gives", value, (client.mtu, READ_HEADER), other, sink);
        }
        Action::ReadDescriptor { expect: Expect::Value(value), .. } => {
            fits(step, "expect", "one read gives", value, (client.mtu, READ_HEADER), "put ", sink);
        }
        Action::Expect { push, value: Some(value), .. } => {
            let what = match push {
                Push::Notification => "a notification holds",
                Push::Indication => "an indication holds",
            };
            fits(step, "value", what, value, (client.largest_mtu, VALUE_HEADER), "put ", sink);
        }
        Action::Att { expect: Some(response), .. } => response_fits(step, response.len(), client, sink),
        Action::Pipelined(exchanges) => {
            let longest = exchanges.iter().map(|one| one.expect.len()).max();
            response_fits(step, longest.unwrap_or(0), client, sink);
        }
        _ => {}
    }
}

/// Reports a response that no MTU exchanged so far has room for.
fn response_fits(step: Judged<'_>, len: usize, client: &Client, sink: &mut Sink) {
    let mtu = client.largest_mtu;
    if len > usize::from(mtu) {
        let message = format!("this response has {len} bytes, and the MTU is {mtu} here");
        let hint = format!("put `mtu: {{size: {len}}}` before this step");
        sink.report(Code::ValueTooLong, step.at("expect"), message, hint);
    }
}

/// Reports bytes that are too many for one PDU; how long a saved value is, only the run shows.
fn fits(
    step: Judged<'_>,
    key: &str,
    what: &str,
    value: &ClientValue,
    (mtu, header): (u16, u16),
    other: &str,
    sink: &mut Sink,
) {
    let ClientValue::Bytes(bytes) = value else { return };
    let (len, room) = (bytes.len(), mtu - header);
    if len > usize::from(room) {
        let message = format!("this has {len} bytes, and {what} {room} at most with the MTU of {mtu} here");
        let hint = format!("{other}`mtu: {{size: {}}}` before this step", len + usize::from(header));
        sink.report(Code::ValueTooLong, step.at(key), message, hint);
    }
}

/// What a request does to an attribute.
struct Request<'a> {
    verb: &'static str,
    subject: String,
    access: Access,
    /// The code for what nobody may do.
    never: u8,
    expect: &'a Expect,
}

/// Whether the table lets a request succeed, or fail as the step says.
fn check_access(step: Judged<'_>, client: &Client, device: &Device, sink: &mut Sink) {
    let Some(request) = request(step.action, device) else { return };
    let refusal = refusal(request.access, request.never, client);
    let Request { verb, subject, .. } = &request;
    match (request.expect, refusal) {
        (Expect::Success | Expect::Value(_), Some(code)) => {
            let message = format!("{verb} `{subject}` cannot succeed here: {}", why(request.access, code));
            let hint = match code {
                KEY_TOO_SHORT => "give `bond` a longer `key_size`, or expect `error: 0x0C`".to_owned(),
                INSUFFICIENT_AUTHENTICATION | INSUFFICIENT_ENCRYPTION => {
                    let level = match request.access {
                        Access::Authenticated(_) => "authenticated",
                        _ => "unauthenticated",
                    };
                    format!(
                        "put `bond: {{level: {level}}}` and `encrypt` before this step, or expect `error: 0x{code:02X}`"
                    )
                }
                _ => format!("expect the refusal: `error: 0x{code:02X}`"),
            };
            sink.report(Code::Impossible, step.at("expect"), message, hint);
        }
        // A handler may answer with any code.
        (Expect::Error(code), refusal)
            if is_static(*code)
                && !step.is_handled
                && refusal.is_none_or(is_static)
                && refusal != Some(*code) =>
        {
            let message =
                format!("{verb} `{subject}` cannot answer error {} here", att_error::describe(*code));
            let hint = match refusal {
                Some(code) => format!("the table makes it `error: 0x{code:02X}`"),
                None => "the table lets everybody: leave `error` out, or change the table".to_owned(),
            };
            sink.report(Code::Impossible, step.at("error"), message, hint);
        }
        _ => {}
    }
}

/// Codes that depend on the table alone.
fn is_static(code: u8) -> bool {
    matches!(code, READ_NOT_PERMITTED | WRITE_NOT_PERMITTED | INSUFFICIENT_AUTHORISATION)
}

/// The request of a step whose outcome depends on the access to one attribute.
fn request<'a>(action: &'a Action, device: &Device) -> Option<Request<'a>> {
    let owner = |target| device.characteristic(target);
    let (target, descriptor, is_read, expect) = match action {
        Action::Read { target, expect } | Action::ReadLong { target, expect } => (target, None, true, expect),
        Action::Write { target, mode: WriteMode::Request, expect, .. }
        | Action::WriteLong { target, expect, .. } => (target, None, false, expect),
        Action::ReadDescriptor { target, descriptor: DescriptorRef::Named(index), expect } => {
            (target, Some(*index), true, expect)
        }
        Action::WriteDescriptor { target, descriptor: DescriptorRef::Named(index), expect, .. } => {
            (target, Some(*index), false, expect)
        }
        _ => return None,
    };
    let owner = owner(*target)?;
    let (subject, access) = match descriptor {
        Some(index) => {
            let it = owner.descriptors.get(index)?;
            (format!("{} {}", owner.name, it.name), if is_read { it.read } else { it.write })
        }
        None => (owner.name.clone(), access_of(owner, is_read)?),
    };
    let (verb, never) =
        if is_read { ("reading", READ_NOT_PERMITTED) } else { ("writing", WRITE_NOT_PERMITTED) };
    Some(Request { verb, subject, access, never, expect })
}

/// The access to a value; `None` where properties and access say different things.
fn access_of(owner: &Characteristic, is_read: bool) -> Option<Access> {
    let (access, bits) = if is_read { (owner.read, READ) } else { (owner.write, WRITES) };
    (owner.properties & bits != 0 || access == Access::Never).then_some(access)
}

/// The code with which a device refuses an access (Core Vol 3 Part C 10.3.1), if it does.
fn refusal(access: Access, never: u8, client: &Client) -> Option<u8> {
    let (needed, authenticated) = match access {
        Access::Open => return None,
        Access::Never => return Some(never),
        Access::Authorised => return Some(INSUFFICIENT_AUTHORISATION),
        Access::Encrypted(size) => (size, false),
        Access::Authenticated(size) => (size, true),
    };
    if client.bond.is_none() {
        return Some(INSUFFICIENT_AUTHENTICATION);
    }
    let Some(key) = client.encrypted else { return Some(INSUFFICIENT_ENCRYPTION) };
    if authenticated && key.level == BondLevel::Unauthenticated {
        return Some(INSUFFICIENT_AUTHENTICATION);
    }
    (key.key_size < needed).then_some(KEY_TOO_SHORT)
}

fn why(access: Access, code: u8) -> &'static str {
    match (access, code) {
        (Access::Never, _) => "the table lets nobody",
        (Access::Authorised, _) => "nothing authorises it",
        (_, KEY_TOO_SHORT) => "the bond's key is too short",
        (Access::Authenticated(_), INSUFFICIENT_AUTHENTICATION) => "it needs an authenticated bond",
        _ => "it needs an encrypted connection",
    }
}
