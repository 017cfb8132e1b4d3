//! Signed Write Command.

use super::Context;
use super::pdu::take_u16;
use super::write::Change;
use crate::attribute::Kind;
use crate::crypto::verify_signature;

/// Stores the value of a Signed Write Command, or ignores it (Core Vol 3 Part F 3.4.5.4).
///
/// The client must be known by its address, its signature right, and its sign counter above every one that
/// was right before (Core Vol 3 Part C 10.4.2). Data signing is for links that are not encrypted (Core Vol 3
/// Part C 10.2.2 and Part G 4.9.2): over an encrypted one the command is ignored, and its counter not used.
/// A value that demands encryption cannot be written this way.
pub(super) fn store(context: &Context<'_>, pdu: &[u8]) -> Option<()> {
    if context.security.encrypted {
        return None;
    }
    let signed = verify(context, pdu)?;
    let (handle, value) = take_u16(signed.get(1..)?).ok()?;
    let kind = context.shared.table.borrow().find(handle)?.kind.clone();
    let Kind::Value(state) = &kind else {
        return None;
    };
    let allowed = state.signed_write.is_permitted();
    state.signed_write.check_security(context.security).ok().filter(|()| allowed)?;
    let change = Change::new(context, kind, value).ok()?;
    change.store(context);
    change.report(context);
    Some(())
}

/// What was signed, opcode first, if it is signed by this client and no replay.
fn verify<'a>(context: &Context<'_>, pdu: &'a [u8]) -> Option<&'a [u8]> {
    let id = context.shared.client(context.conn, |client| client.identity)??;
    let mut bonds = context.shared.bonds.borrow_mut();
    let key = bonds.find(id)?.signing.as_mut()?;
    let (signed, counter) = verify_signature(&key.csrk, pdu)?;
    if counter < key.next_counter? {
        return None;
    }
    key.next_counter = counter.checked_add(1);
    Some(signed)
}
