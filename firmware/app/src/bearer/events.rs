//! What the bearer reads from the controller's events, and edits in them before the host sees them.

use super::link::Owner;
use super::{Bearer, Buffers};
use crate::bonds::Identity;
use bt_hci_transport::Transport;

/// Event codes (Core Vol 4 Part E 7.7).
const DISCONNECTION_COMPLETE: u8 = 0x05;
const ENCRYPTION_CHANGE: u8 = 0x08;
const COMMAND_COMPLETE: u8 = 0x0E;
const COMMAND_STATUS: u8 = 0x0F;
const ENCRYPTION_KEY_REFRESH_COMPLETE: u8 = 0x30;
/// The second version of Encryption Change, with the size of the key.
const ENCRYPTION_CHANGE_V2: u8 = 0x59;
/// Bytes of the first version's parameters.
const ENCRYPTION_CHANGE_LEN: u8 = 4;
const NUMBER_OF_COMPLETED_PACKETS: u8 = 0x13;
const LE_META: u8 = 0x3E;
/// Subevents (Core Vol 4 Part E 7.7.65).
const LE_CONNECTION_COMPLETE: u8 = 0x01;
const LE_LONG_TERM_KEY_REQUEST: u8 = 0x05;
const LE_ENHANCED_CONNECTION_COMPLETE: u8 = 0x0A;
/// Opcodes (Core Vol 4 Part E 7.3.2, 7.8.2).
const RESET: [u8; 2] = 0x0C03u16.to_le_bytes();
const LE_READ_BUFFER_SIZE: [u8; 2] = 0x2002u16.to_le_bytes();
const LE_LONG_TERM_KEY_REQUEST_REPLY: [u8; 2] = 0x201Au16.to_le_bytes();
const LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY: [u8; 2] = 0x201Bu16.to_le_bytes();

const SUCCESS: u8 = 0x00;
const ROLE_PERIPHERAL: u8 = 0x01;

impl<T: Transport> Bearer<T> {
    /// Takes note of an event; `bytes` are its header and parameters. False when the host must not see
    /// it; else it sees as many bytes as the header says.
    pub(super) fn on_event(&self, bytes: &mut [u8]) -> bool {
        let [code, len, parameters @ ..] = bytes else {
            return true;
        };
        if *code == ENCRYPTION_CHANGE_V2 {
            // The host asks for it and reads the first version alone, which lacks the last byte.
            (*code, *len) = (ENCRYPTION_CHANGE, ENCRYPTION_CHANGE_LEN);
        }
        match (*code, parameters) {
            (COMMAND_COMPLETE, [takes, opcode_lo, opcode_hi, returned @ ..]) => {
                self.state.borrow_mut().commands.set(*takes);
                self.command_complete([*opcode_lo, *opcode_hi], returned)
            }
            (COMMAND_STATUS, [_, takes, ..]) => {
                self.state.borrow_mut().commands.set(*takes);
                true
            }
            (
                LE_META,
                [
                    LE_CONNECTION_COMPLETE | LE_ENHANCED_CONNECTION_COMPLETE,
                    SUCCESS,
                    lo,
                    hi,
                    ROLE_PERIPHERAL,
                    kind,
                    a,
                    b,
                    c,
                    d,
                    e,
                    f,
                    ..,
                ],
            ) => {
                // Kinds 2 and 3 are those of an identity that the controller has resolved.
                let client = Identity { address: [*a, *b, *c, *d, *e, *f], random: *kind & 1 != 0 };
                self.connected(handle(*lo, *hi), client);
                true
            }
            (LE_META, [LE_LONG_TERM_KEY_REQUEST, lo, hi, number @ ..]) => {
                self.key_requested(handle(*lo, *hi), number);
                false
            }
            (ENCRYPTION_CHANGE, [SUCCESS, lo, hi, enabled, ..]) => {
                self.encryption_changed(handle(*lo, *hi), *enabled != 0)
            }
            (ENCRYPTION_KEY_REFRESH_COMPLETE, [SUCCESS, lo, hi, ..]) => {
                self.encryption_changed(handle(*lo, *hi), true)
            }
            (ENCRYPTION_CHANGE | ENCRYPTION_KEY_REFRESH_COMPLETE, [_failed, lo, hi, ..]) => {
                self.encryption_failed(handle(*lo, *hi))
            }
            (DISCONNECTION_COMPLETE, [SUCCESS, lo, hi, reason, ..]) => {
                self.disconnected(handle(*lo, *hi), *reason);
                true
            }
            (NUMBER_OF_COMPLETED_PACKETS, [_count, entries @ ..]) => self.split_completed(entries),
            _ => true,
        }
    }

    /// False for a command of the bearer's own.
    fn command_complete(&self, opcode: [u8; 2], returned: &mut [u8]) -> bool {
        match (opcode, returned) {
            (LE_LONG_TERM_KEY_REQUEST_REPLY | LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY, _) => return false,
            (RESET, [SUCCESS, ..]) => self.reset(),
            (LE_READ_BUFFER_SIZE, [SUCCESS, returned @ ..]) => self.reserve_buffers(returned),
            _ => {}
        }
        true
    }

    /// A reset controller has no links and all its buffers.
    fn reset(&self) {
        let mut state = self.state.borrow_mut();
        state.links.clear();
        state.key_replies.clear();
        state.buffers.free = state.buffers.reserved;
    }

    /// Keeps up to half of the controller's buffers, eight at most, and shows the host the others. With
    /// two or more of our own, the next fragment is in the controller before the first is on the air.
    fn reserve_buffers(&self, returned: &mut [u8]) {
        let [len_lo, len_hi, count] = returned else { return };
        let total = *count;
        let ours = (total / 2).clamp(1, 8);
        *count = total.saturating_sub(ours).max(1);
        let mut state = self.state.borrow_mut();
        state.buffers = Buffers {
            fragment_len: usize::from(u16::from_le_bytes([*len_lo, *len_hi])),
            single: total < 2,
            reserved: usize::from(ours),
            free: usize::from(ours),
        };
    }

    /// Takes our packets out of Number Of Completed Packets. False when nothing of the host's is left.
    fn split_completed(&self, entries: &mut [u8]) -> bool {
        let mut hosts = 0;
        let mut state = self.state.borrow_mut();
        for entry in entries.chunks_exact_mut(4) {
            let [handle_lo, handle_hi, count_lo, count_hi] = entry else {
                continue;
            };
            let handle = u16::from_le_bytes([*handle_lo, *handle_hi]) & 0x0FFF;
            let completed = u16::from_le_bytes([*count_lo, *count_hi]);
            let Some(link) = state.link(handle) else { continue };
            let completed = usize::from(completed).min(link.in_controller.len());
            let ours = link.in_controller.drain(..completed).filter(|owner| *owner != Owner::Host).count();
            let left = u16::try_from(completed - ours).unwrap_or(u16::MAX);
            [*count_lo, *count_hi] = left.to_le_bytes();
            hosts += left;
            state.buffers.free = (state.buffers.free + ours).min(state.buffers.reserved);
        }
        if let Some(waker) = state.host_writer.take() {
            waker.wake();
        }
        hosts > 0
    }
}

/// A connection handle: the four bits above it are reserved.
fn handle(low: u8, high: u8) -> u16 {
    u16::from_le_bytes([low, high]) & 0x0FFF
}
