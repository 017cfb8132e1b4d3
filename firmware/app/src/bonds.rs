//! Bonds: the keys that the board has for its clients. What `gatts` keeps for them stands beside these.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::RangeInclusive;
use gatts::{BondId, Server};
use wire::Bond;

/// Clients that the board can be bonded with.
pub(crate) const MAX_BONDS: usize = 8;
/// Sizes of encryption keys in bytes (Core Vol 3 Part H 2.3.4).
const KEY_SIZES: RangeInclusive<u8> = 7..=16;

/// A client's identity address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Least significant byte first.
    pub(crate) address: [u8; 6],
    /// Random rather than public.
    pub(crate) random: bool,
}

impl Identity {
    pub(crate) fn of(bond: &Bond) -> Self {
        Self { address: bond.address, random: bond.random }
    }

    /// How the server numbers it: the address, and above it a bit for its kind.
    pub(crate) fn bond_id(self) -> BondId {
        let [a, b, c, d, e, f] = self.address;
        BondId(u64::from_le_bytes([a, b, c, d, e, f, u8::from(self.random), 0]))
    }
}

/// The bonds of one device. Another address is another device, and begins without any.
#[derive(Default)]
pub(crate) struct Bonds {
    device: Cell<[u8; 6]>,
    keys: RefCell<Vec<Bond>>,
}

impl Bonds {
    /// Takes a bond in the place of the one that there may be with this client, and gives the client's
    /// identity. Nothing of the former bond stays: not its signing key, and not what the server kept.
    ///
    /// # Errors
    /// In words: a key size that does not exist, or no room.
    pub(crate) fn install(&self, bond: Bond, server: &Server) -> Result<Identity, String> {
        let client = Identity::of(&bond);
        let mut keys = self.keys.borrow_mut();
        if !KEY_SIZES.contains(&bond.key_size) {
            return Err("an encryption key has 7 to 16 bytes".to_string());
        }
        let is_other = |known: &Bond| Identity::of(known) != client;
        if keys.iter().filter(|known| is_other(known)).count() >= MAX_BONDS {
            return Err("no room for another bond".to_string());
        }
        keys.retain(is_other);
        server.forget_bond(client.bond_id());
        if let Some(csrk) = bond.csrk {
            server.set_signing_key(client.bond_id(), csrk, 0);
        }
        keys.push(bond);
        Ok(client)
    }

    /// The bond with this client.
    pub(crate) fn find(&self, client: Identity) -> Option<Bond> {
        self.keys.borrow().iter().find(|bond| Identity::of(bond) == client).cloned()
    }

    /// Carries the bonds over to the application that starts under `address`: all of them if it is the
    /// same device, else none (GAP-9).
    pub(crate) fn carry_over(&self, address: [u8; 6], old: &Server, new: &Server) {
        if self.device.replace(address) == address {
            new.restore_bonds(old.bonds());
        } else {
            self.keys.borrow_mut().clear();
        }
    }
}
