//! Encryption, as the bearer follows it: it answers the controller's question for a key, and tells the
//! server how secure a link is.
//!
//! The keys are the bonds' own, so the host hears nothing of the question, nor of the answer. While a client pairs
//! the key is the one that the host has just made; it is asked for it, and hears of the encryption.

use super::link::Link;
use super::{Bearer, State};
use crate::bonds::Identity;
use bt_hci::cmd::le::{LeLongTermKeyRequestNegativeReply, LeLongTermKeyRequestReply};
use bt_hci::param::ConnHandle;
use bt_hci_transport::Transport;
use gatts::Security;
use wire::{Bond, Event};

/// The answer to a question for a key that has still to be sent.
pub(super) struct KeyReply {
    handle: u16,
    /// None: there is no bond with this client.
    key: Option<[u8; 16]>,
}

/// How secure a link is that is encrypted with the key of `bond`, which is kept already or not.
fn encrypted_with(bond: &Bond, bonded: bool) -> Security {
    Security {
        bonded,
        encrypted: true,
        authenticated: bond.authenticated,
        authorised: false,
        key_size: bond.key_size,
    }
}

impl<T: Transport> Bearer<T> {
    /// Installs a bond; its client may be connected.
    ///
    /// # Errors
    /// In words, what makes it impossible.
    pub(crate) fn bond(&self, bond: Bond) -> Result<(), alloc::string::String> {
        let server = self.server();
        let client = self.bonds.install(bond, &server)?;
        let connected = {
            let mut state = self.state.borrow_mut();
            let link = state.links.iter_mut().find(|link| link.client == client);
            link.map(|link| {
                link.security.bonded = true;
                (link.id(), link.security)
            })
        };
        if let Some((conn, security)) = connected {
            server.set_security(conn, security);
            server.identify(conn, client.bond_id());
        }
        Ok(())
    }

    /// How secure a new link to this client is: its key is at hand, or not.
    pub(super) fn security_of(&self, client: Identity) -> Security {
        Security { bonded: self.bonds.find(client).is_some(), ..Security::default() }
    }

    /// LE Long Term Key Request. `number` is the random number and the diversifier by which the client
    /// names its key: zero, since there is one key for each client (Core Vol 3 Part H 2.4.4).
    pub(super) fn key_requested(&self, handle: u16, number: &[u8]) {
        let is_ours = number.iter().all(|byte| *byte == 0);
        #[cfg(feature = "pairing")]
        if is_ours && self.state.borrow_mut().link(handle).is_some_and(|link| link.pairing) {
            // There are as many places as links, and a controller asks once for each.
            if self.key_asked.try_send(handle).is_ok() {
                return;
            }
        }
        self.answer_key(handle, None, !is_ours);
    }

    /// Answers the question for the key of a link: with this one, else with the bond's unless it is `refused`.
    pub(super) fn answer_key(&self, handle: u16, made: Option<Bond>, refused: bool) {
        let mut state = self.state.borrow_mut();
        let link = state.link(handle);
        let is_new = made.is_some();
        let bond = made.or_else(|| self.bonds.find(link.as_ref()?.client)).filter(|_| !refused);
        if let Some(link) = link {
            link.offered = bond.as_ref().map(|bond| (encrypted_with(bond, !is_new), is_new));
        }
        // The controller asks again only when it has been answered.
        state.key_replies.retain(|reply| reply.handle != handle);
        state.key_replies.push_back(KeyReply { handle, key: bond.map(|bond| bond.ltk) });
    }

    /// Encryption Change or Encryption Key Refresh Complete, successful: the key that was offered is in
    /// use, or the link is plain again. True when the host waits for it: it takes one that it does not wait for as an
    /// error.
    pub(super) fn encryption_changed(&self, handle: u16, is_on: bool) -> bool {
        let (server, conn, security, is_new) = {
            let mut state = self.state.borrow_mut();
            let server = state.server.clone();
            let Some(link) = state.link(handle) else { return false };
            link.pairing = false;
            let offered = link.offered.take().filter(|_| is_on);
            let plain = Security { bonded: link.security.bonded, ..Security::default() };
            let (security, is_new) = offered.unwrap_or((plain, false));
            link.security = security;
            if is_new {
                // Whoever pairs anew has lost the bond, or never had it: what was kept for it is not given away.
                server.forget_bond(link.client.bond_id());
            }
            (server, link.id(), security, is_new)
        };
        if security.encrypted {
            let Security { authenticated, key_size, .. } = security;
            self.outbox.event(Event::Encrypted { conn: handle, authenticated, key_size });
        }
        server.set_security(conn, security);
        is_new
    }

    /// The link could not be encrypted. True when the host waits for it.
    pub(super) fn encryption_failed(&self, handle: u16) -> bool {
        let mut state = self.state.borrow_mut();
        let Some(link) = state.link(handle) else { return false };
        link.pairing = false;
        link.offered.take().is_some_and(|(_, is_new)| is_new)
    }

    /// Sends the answers that wait, as far as the controller takes commands.
    pub(super) async fn answer_key_requests(&self) -> Result<(), T::Error> {
        while !self.state.borrow().key_replies.is_empty() {
            let _turn = self.writing.lock().await;
            let Some(KeyReply { handle, key }) = self.state.borrow_mut().next_key_reply() else {
                return Ok(());
            };
            let handle = ConnHandle::new(handle);
            match key {
                Some(key) => self.transport.write(&LeLongTermKeyRequestReply::new(handle, key)).await?,
                None => self.transport.write(&LeLongTermKeyRequestNegativeReply::new(handle)).await?,
            }
        }
        Ok(())
    }
}

impl State {
    fn next_key_reply(&mut self) -> Option<KeyReply> {
        if self.key_replies.is_empty() || !self.commands.take() {
            return None;
        }
        self.key_replies.pop_front()
    }

    /// Forgets what has still to be said of a link that is gone.
    pub(super) fn forget_link(&mut self, handle: u16) {
        self.links.retain(|link: &Link| link.handle != handle);
        self.key_replies.retain(|reply| reply.handle != handle);
    }
}
