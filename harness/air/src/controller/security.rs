//! The commands of security that concern the controller alone: one AES block, and the resolving list.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};

use super::commands::{Outcome, Parameters};
use super::station::{Address, Settings, Station};
use super::status;
use super::table::opcode;

/// Entries of the resolving list.
const RESOLVING_LIST_SIZE: usize = 8;

/// LE Encrypt: AES-128 of one block. The HCI sends both least significant byte first (Core Vol 4 Part E 7.8.22), the
/// cipher takes the most significant one first (FIPS-197).
fn encrypt(p: &mut Parameters<'_>) -> Vec<u8> {
    let (mut key, mut block): ([u8; 16], [u8; 16]) = (p.array(), p.array());
    key.reverse();
    block.reverse();
    let mut block = block.into();
    Aes128::new(&key.into()).encrypt_block(&mut block);
    block.into_iter().rev().collect()
}

impl Station {
    /// The resolving list is kept as hosts expect, and has no effect on the air: the features do not say LL privacy, so
    /// a host finds out by itself whose a resolvable address is.
    pub(super) fn carry_out_security(&mut self, opcode: u16, p: &mut Parameters<'_>) -> Outcome {
        match opcode {
            opcode::LE_ENCRYPT => Ok(encrypt(p)),
            opcode::LE_READ_RESOLVING_LIST_SIZE => {
                Ok(vec![u8::try_from(RESOLVING_LIST_SIZE).unwrap_or(u8::MAX)])
            }
            opcode::LE_SET_ADDRESS_RESOLUTION => self.settings.set_address_resolution(p.u8()),
            opcode::LE_SET_PRIVACY_MODE => self.settings.set_privacy_mode(p),
            opcode::LE_ADD_TO_RESOLVING_LIST
            | opcode::LE_REMOVE_FROM_RESOLVING_LIST
            | opcode::LE_CLEAR_RESOLVING_LIST => self.settings.change_resolving_list(opcode, p),
            _ => Err(status::UNKNOWN_COMMAND),
        }
    }
}

impl Settings {
    fn is_on_the_air(&self) -> bool {
        self.advertising.enabled || self.scanning.enabled || self.initiating.is_some()
    }

    /// Not while anything might use it (Core Vol 4 Part E 7.8.44).
    fn set_address_resolution(&mut self, enable: u8) -> Outcome {
        if enable > 1 {
            return Err(status::INVALID_PARAMETERS);
        }
        if self.is_on_the_air() {
            return Err(status::COMMAND_DISALLOWED);
        }
        self.address_resolution = enable == 1;
        Ok(Vec::new())
    }

    /// Network or device privacy, for a device on the list (Core Vol 4 Part E 7.8.77).
    fn set_privacy_mode(&mut self, p: &mut Parameters<'_>) -> Outcome {
        let address = Address { kind: p.u8(), bytes: p.array() };
        if address.kind > 1 || p.u8() > 1 {
            return Err(status::INVALID_PARAMETERS);
        }
        match self.resolving_list.contains(&address) {
            true => Ok(Vec::new()),
            false => Err(status::UNKNOWN_CONNECTION),
        }
    }

    /// Not while address resolution may be using the list (Core Vol 4 Part E 7.8.38 to 7.8.40).
    fn change_resolving_list(&mut self, opcode: u16, p: &mut Parameters<'_>) -> Outcome {
        if self.address_resolution && self.is_on_the_air() {
            return Err(status::COMMAND_DISALLOWED);
        }
        if opcode == opcode::LE_CLEAR_RESOLVING_LIST {
            self.resolving_list.clear();
            return Ok(Vec::new());
        }
        let address = Address { kind: p.u8(), bytes: p.array() };
        let place = self.resolving_list.iter().position(|entry| *entry == address);
        match (opcode, place) {
            _ if address.kind > 1 => return Err(status::INVALID_PARAMETERS),
            (opcode::LE_REMOVE_FROM_RESOLVING_LIST, Some(place)) => {
                self.resolving_list.remove(place);
            }
            (opcode::LE_REMOVE_FROM_RESOLVING_LIST, None) => return Err(status::UNKNOWN_CONNECTION),
            (_, Some(_)) => return Err(status::INVALID_PARAMETERS),
            (_, None) if self.resolving_list.len() >= RESOLVING_LIST_SIZE => {
                return Err(status::MEMORY_CAPACITY_EXCEEDED);
            }
            (_, None) => self.resolving_list.push(address),
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS-197, appendix C.1, back to front.
    #[test]
    fn a_block_is_encrypted_as_in_the_standard() {
        let key: Vec<u8> = (0x00..=0x0F).rev().collect();
        let plain =
            [0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0];
        let parameters = [&key[..], &plain].concat();
        let cipher =
            [0x5A, 0xC5, 0xB4, 0x70, 0x80, 0xB7, 0xCD, 0xD8, 0x30, 0x04, 0x7B, 0x6A, 0xD8, 0xE0, 0xC4, 0x69];
        assert_eq!(encrypt(&mut Parameters::new(&parameters)), cipher);
    }
}
