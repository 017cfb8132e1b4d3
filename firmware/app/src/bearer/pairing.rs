//! Pairing, as far as the bearer takes part: where clients may not pair it refuses in the host's place, and where
//! they may it lets the host answer the controller's question for the new key.

use super::link::{CID_SMP, L2CAP_HEADER, Link, Owner};

/// Codes of the Security Manager Protocol (Core Vol 3 Part H 3.3, 3.5.5).
const PAIRING_REQUEST: u8 = 0x01;
const PAIRING_FAILED: u8 = 0x05;
const PAIRING_NOT_SUPPORTED: u8 = 0x05;

impl Link {
    /// Takes note of the beginning of a frame that is not ATT's. False when the host must not see it: it would pair.
    pub(super) fn on_host_frame(&mut self, frame: &[u8], pairs: bool) -> bool {
        let Some((&[_, _, cid_low, cid_high], payload)) = frame.split_first_chunk::<L2CAP_HEADER>() else {
            return true;
        };
        if u16::from_le_bytes([cid_low, cid_high]) != CID_SMP {
            return true;
        }
        if pairs {
            self.pairing = true;
            return true;
        }
        self.refuses_pairing |= payload.first() == Some(&PAIRING_REQUEST);
        self.inbound.drop_rest();
        false
    }

    /// Puts the refusal into the empty place, if there is one to be sent.
    pub(super) fn fill_refusal(&mut self) -> bool {
        let refuses = core::mem::take(&mut self.refuses_pairing);
        if refuses {
            self.out.fill_channel(CID_SMP, Owner::Unasked, |pdu| {
                let [code, reason, ..] = pdu else { return 0 };
                (*code, *reason) = (PAIRING_FAILED, PAIRING_NOT_SUPPORTED);
                2
            });
        }
        refuses
    }
}

#[cfg(feature = "pairing")]
mod with_host {
    use super::super::Bearer;
    use crate::bonds::Identity;
    use bt_hci_transport::Transport;
    use wire::Bond;

    impl<T: Transport> Bearer<T> {
        /// Waits until the controller wants the key of a link that may be pairing; gives the link and its client.
        /// To be answered by [`Self::give_key`].
        pub(crate) async fn key_asked(&self) -> (u16, Identity) {
            loop {
                let handle = self.key_asked.receive().await;
                if let Some(link) = self.state.borrow_mut().link(handle) {
                    return (handle, link.client);
                }
            }
        }

        /// The key that pairing has given; none: the bond's, as if nobody were pairing.
        pub(crate) fn give_key(&self, handle: u16, key: Option<Bond>) {
            self.answer_key(handle, key, false);
            self.work.signal(());
        }

        /// A pairing is complete, and its bond is to be kept; the client may have said another address than that it
        /// has connected from.
        ///
        /// # Errors
        /// In words, what makes it impossible.
        pub(crate) fn paired(&self, handle: u16, bond: Bond) -> Result<(), alloc::string::String> {
            if let Some(link) = self.state.borrow_mut().link(handle) {
                link.client = Identity::of(&bond);
            }
            self.bond(bond)
        }
    }
}
