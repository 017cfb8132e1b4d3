//! Pairing, through `trouble-host` (Core Vol 3 Part H 2.3). What it comes to is a bond like any other: the host keeps
//! none.

#[cfg(feature = "pairing")]
pub(crate) use with::Spent;

#[cfg(feature = "pairing")]
mod with {
    use crate::App;
    use crate::bonds::Identity;
    use crate::gap::{HostBuilder, HostStack};
    use crate::packets::HeapPool;
    use alloc::vec::Vec;
    use bt_hci::param::AddrKind;
    use bt_hci_transport::Transport;
    use core::cell::RefCell;
    use core::convert::Infallible;
    use trouble_host::connection::{Connection, ConnectionEvent, SecurityLevel};
    use trouble_host::{Address, BondInformation, IoCapabilities};
    use wire::{Bond, Event, Pairing};

    /// Keys that the host still holds of pairings that are over: they are good for nothing, since a bond's key is the
    /// board's to keep. One for each client that has paired with the running application.
    pub(crate) type Spent = RefCell<Vec<(Identity, [u8; 16])>>;

    /// Size of the key that LE Secure Connections makes (Core Vol 3 Part H 2.3.4); the host has no other pairing.
    const KEY_SIZE: u8 = 16;

    fn identity(address: Address) -> Identity {
        Identity { address: address.addr.into_inner(), random: address.kind != AddrKind::PUBLIC }
    }

    fn bond(made: &BondInformation) -> Bond {
        let Identity { address, random } = identity(made.identity.addr);
        Bond {
            address,
            random,
            ltk: made.ltk.to_le_bytes(),
            key_size: KEY_SIZE,
            authenticated: made.security_level == SecurityLevel::EncryptedAuthenticated,
            csrk: None,
        }
    }

    impl<T: Transport> App<T> {
        /// Gives the host what the board has to pair with.
        pub(crate) fn set_pairing<'d>(&'d self, builder: HostBuilder<'d, T>) -> HostBuilder<'d, T> {
            self.spent.borrow_mut().clear();
            builder.set_io_capabilities(match self.application.borrow().pairing {
                Pairing::No | Pairing::JustWorks => IoCapabilities::NoInputNoOutput,
                Pairing::Passkey => IoCapabilities::DisplayOnly,
            })
        }

        /// The board keeps bonds where the client does.
        pub(crate) fn may_bond(&self, connection: &Connection<'_, HeapPool>) {
            // A connection that has gone needs none.
            let _ = connection.set_bondable(true);
        }

        /// Answers the controller's questions for keys that pairing has just made, for ever.
        pub(crate) async fn give_keys(&self, stack: &HostStack<'_, T>) -> Infallible {
            loop {
                let (handle, client) = self.bearer.key_asked().await;
                let made = self.host_key(stack, client);
                let spent = |bond: &Bond| self.spent.borrow().contains(&(client, bond.ltk));
                self.bearer.give_key(handle, made.filter(|bond| !spent(bond)));
            }
        }

        /// The key that the host holds for the client with this address.
        fn host_key(&self, stack: &HostStack<'_, T>, client: Identity) -> Option<Bond> {
            stack.with_bond_information(|all| {
                all.iter().find(|one| identity(one.identity.addr) == client).map(bond)
            })
        }

        /// Takes note of what a pairing has come to.
        pub(crate) fn on_pairing(
            &self,
            stack: &HostStack<'_, T>,
            connection: &Connection<'_, HeapPool>,
            event: ConnectionEvent,
        ) {
            let conn = connection.handle().raw();
            match event {
                ConnectionEvent::PassKeyDisplay(shown) => {
                    let passkey = shown.value();
                    #[cfg(feature = "mutants")]
                    let passkey = self.bearer.server().shown(passkey);
                    self.outbox.event(Event::Passkey { conn, passkey });
                }
                ConnectionEvent::PairingComplete { bond: made, .. } => {
                    self.pairing_over(stack, connection);
                    #[cfg(feature = "mutants")]
                    let made = made.filter(|_| self.bearer.server().keeps_bond());
                    // Where the client keeps no bond, the board keeps none.
                    if let Some(made) = made
                        && let Err(why) = self.bearer.paired(conn, bond(&made))
                    {
                        self.report(format_args!("the bond cannot be kept: {why}"));
                    }
                    self.outbox.event(Event::Paired { conn });
                }
                ConnectionEvent::PairingFailed(_) => {
                    self.pairing_over(stack, connection);
                    self.outbox.event(Event::PairingFailed { conn });
                }
                _ => {}
            }
        }

        /// No pairing with this client is under way any more: what the host holds is no key to be given.
        pub(crate) fn pairing_over(&self, stack: &HostStack<'_, T>, connection: &Connection<'_, HeapPool>) {
            let client = identity(connection.peer_address());
            if let Some(held) = self.host_key(stack, client) {
                let mut spent = self.spent.borrow_mut();
                spent.retain(|(of, _)| *of != client);
                spent.push((client, held.ltk));
            }
        }
    }
}

#[cfg(not(feature = "pairing"))]
mod without {
    use crate::App;
    use crate::gap::{HostBuilder, HostStack};
    use crate::packets::HeapPool;
    use bt_hci_transport::Transport;
    use core::convert::Infallible;
    use trouble_host::connection::{Connection, ConnectionEvent};

    /// A board that cannot pair: the host never hears of pairing.
    impl<T: Transport> App<T> {
        pub(crate) fn set_pairing<'d>(&'d self, builder: HostBuilder<'d, T>) -> HostBuilder<'d, T> {
            builder
        }

        pub(crate) fn may_bond(&self, _: &Connection<'_, HeapPool>) {}

        pub(crate) async fn give_keys(&self, _: &HostStack<'_, T>) -> Infallible {
            core::future::pending().await
        }

        pub(crate) fn on_pairing(
            &self,
            _: &HostStack<'_, T>,
            _: &Connection<'_, HeapPool>,
            _: ConnectionEvent,
        ) {
        }

        pub(crate) fn pairing_over(&self, _: &HostStack<'_, T>, _: &Connection<'_, HeapPool>) {}
    }
}
