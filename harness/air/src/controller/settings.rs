//! The commands that concern the controller alone: its settings, and what it can do.

use super::commands::{Outcome, Parameters};
use super::events::RSSI_DBM;
use super::station::{ACCEPT_LIST_SIZE, Address, Station};
use super::table::{self, opcode};
use super::{HostError, status};
use crate::radio::Radio;

/// Bluetooth 5.4 (Assigned Numbers 2.1), as HCI and link layer version.
const VERSION: u8 = 0x0D;

/// No company: 0xFFFF is for tests (Assigned Numbers 7).
const COMPANY: [u8; 2] = [0xFF, 0xFF];

const SUBVERSION: [u8; 2] = [0, 0];

/// What LL_VERSION_IND says (Core Vol 6 Part B 2.4.2.13).
pub(crate) const LINK_LAYER_VERSION: [u8; 5] =
    [VERSION, COMPANY[0], COMPANY[1], SUBVERSION[0], SUBVERSION[1]];

/// BR/EDR not supported, LE supported (Core Vol 2 Part C 3.2: bits 37 and 38).
const LMP_FEATURES: [u8; 8] = [0, 0, 0, 0, 0x60, 0, 0, 0];

/// LE Encryption (Core Vol 6 Part B 4.6: bit 0).
const FEATURE_ENCRYPTION: u8 = 1 << 0;

/// Peripheral-initiated Features Exchange (bit 3).
const FEATURE_PERIPHERAL_EXCHANGE: u8 = 1 << 3;

/// LE Data Packet Length Extension (bit 5).
const FEATURE_DATA_LENGTH: u8 = 1 << 5;

/// All state combinations of Core Vol 4 Part E 7.8.27, bits 0 to 41.
const SUPPORTED_STATES: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x03, 0, 0];

/// The power of every transmission, in dBm.
const TX_POWER_DBM: i8 = 0;

/// The longest data PDU: octets, and the time they take on LE 1M in us (Core Vol 6 Part B 4.5.10).
pub(crate) const MAX_DATA_LENGTH: (u16, u16) = (251, 2120);

/// LE 1M in a set of PHYs.
const PHY_1M: u8 = 1;

/// All_PHYs, TX_PHYs and RX_PHYs of a command: only LE 1M is there (Core Vol 4 Part E 7.8.48).
pub(crate) fn check_phys([all, tx, rx]: [u8; 3]) -> Result<(), u8> {
    let wanted = |no_preference: u8, phys: u8| if all & no_preference != 0 { PHY_1M } else { phys };
    match (wanted(1, tx), wanted(2, rx)) {
        (PHY_1M, PHY_1M) => Ok(()),
        (0, _) | (_, 0) => Err(status::INVALID_PARAMETERS),
        _ => Err(status::UNSUPPORTED),
    }
}

/// Octets and time (us) of a data PDU within the limits of Core Vol 4 Part E 7.8.33.
pub(crate) fn check_data_length(octets: u16, time_us: u16) -> Result<(u16, u16), u8> {
    if (27..=251).contains(&octets) && (328..=17_040).contains(&time_us) {
        Ok((octets, time_us))
    } else {
        Err(status::INVALID_PARAMETERS)
    }
}

impl Station {
    pub(crate) fn le_features(&self) -> [u8; 8] {
        let extension = if self.config.data_length_extension { FEATURE_DATA_LENGTH } else { 0 };
        [FEATURE_ENCRYPTION | FEATURE_PERIPHERAL_EXCHANGE | extension, 0, 0, 0, 0, 0, 0, 0]
    }

    pub(crate) fn carry_out_setting(&mut self, opcode: u16, p: &mut Parameters<'_>) -> Outcome {
        match opcode {
            opcode::READ_LOCAL_VERSION => {
                // HCI version and subversion, link layer version, company, subversion.
                Ok([&[VERSION], &SUBVERSION[..], &LINK_LAYER_VERSION].concat())
            }
            opcode::READ_SUPPORTED_COMMANDS => {
                Ok(table::supported_commands(self.config.data_length_extension))
            }
            opcode::READ_SUPPORTED_FEATURES => Ok(LMP_FEATURES.to_vec()),
            opcode::READ_BD_ADDR => Ok(self.config.public_address.to_vec()),
            opcode::LE_READ_FEATURES => Ok(self.le_features().to_vec()),
            opcode::LE_READ_ADV_TX_POWER => Ok(TX_POWER_DBM.to_le_bytes().to_vec()),
            opcode::LE_READ_ACCEPT_LIST_SIZE => Ok(vec![u8::try_from(ACCEPT_LIST_SIZE).unwrap_or(u8::MAX)]),
            opcode::LE_READ_SUPPORTED_STATES => Ok(SUPPORTED_STATES.to_vec()),
            opcode::LE_RAND => Ok(self.rng.u64(..).to_le_bytes().to_vec()),
            opcode::LE_READ_BUFFER_SIZE => Ok(self.buffer_size()),
            // No ISO data.
            opcode::LE_READ_BUFFER_SIZE_V2 => Ok([&self.buffer_size()[..], &[0, 0, 0]].concat()),
            opcode::LE_READ_SUGGESTED_DATA_LENGTH => {
                let (octets, time_us) = self.settings.suggested_data_length;
                Ok([octets.to_le_bytes(), time_us.to_le_bytes()].concat())
            }
            opcode::LE_READ_MAX_DATA_LENGTH => {
                let (octets, time_us) = (MAX_DATA_LENGTH.0.to_le_bytes(), MAX_DATA_LENGTH.1.to_le_bytes());
                Ok([octets, time_us, octets, time_us].concat())
            }
            opcode::READ_RSSI => self.for_connection(p, RSSI_DBM.to_le_bytes().to_vec()),
            opcode::LE_READ_PHY => self.for_connection(p, vec![PHY_1M, PHY_1M]),
            opcode::LE_ENCRYPT
            | opcode::LE_READ_RESOLVING_LIST_SIZE
            | opcode::LE_SET_ADDRESS_RESOLUTION
            | opcode::LE_SET_PRIVACY_MODE
            | opcode::LE_ADD_TO_RESOLVING_LIST
            | opcode::LE_REMOVE_FROM_RESOLVING_LIST
            | opcode::LE_CLEAR_RESOLVING_LIST => self.carry_out_security(opcode, p),
            _ => self.carry_out_change(opcode, p).map(|()| Vec::new()),
        }
    }

    fn carry_out_change(&mut self, opcode: u16, p: &mut Parameters<'_>) -> Result<(), u8> {
        match opcode {
            opcode::SET_EVENT_MASK => self.settings.event_mask = u64::from_le_bytes(p.array()),
            // None of the events of page 2 is ever sent, and without LL privacy no private address is ever made.
            opcode::SET_EVENT_MASK_PAGE_2 | opcode::LE_SET_RPA_TIMEOUT => {}
            opcode::LE_SET_EVENT_MASK => self.settings.le_event_mask = u64::from_le_bytes(p.array()),
            opcode::LE_SET_DEFAULT_PHY => return check_phys(p.array()),
            opcode::LE_WRITE_SUGGESTED_DATA_LENGTH => {
                self.settings.suggested_data_length = check_data_length(p.u16(), p.u16())?;
            }
            opcode::LE_SET_RANDOM_ADDRESS => return self.set_random_address(p.array()),
            opcode::LE_CLEAR_ACCEPT_LIST
            | opcode::LE_ADD_TO_ACCEPT_LIST
            | opcode::LE_REMOVE_FROM_ACCEPT_LIST => {
                return self.change_accept_list(opcode, p);
            }
            opcode::HOST_BUFFER_SIZE => {
                let (_acl_length, _sync_length, acl_count) = (p.u16(), p.u8(), p.u16());
                self.settings.host_flow.limit = acl_count;
            }
            opcode::SET_HOST_FLOW_CONTROL => return self.set_host_flow_control(p.u8()),
            _ => return Err(status::UNKNOWN_COMMAND),
        }
        Ok(())
    }

    /// Total length and count of the ACL data buffers.
    fn buffer_size(&self) -> Vec<u8> {
        let [low, high] = self.config.acl_packet_length.to_le_bytes();
        vec![low, high, self.config.acl_packet_count]
    }

    fn for_connection(&self, p: &mut Parameters<'_>, values: Vec<u8>) -> Outcome {
        let handle = p.u16();
        self.connection(handle).ok_or(status::UNKNOWN_CONNECTION)?;
        Ok([&handle.to_le_bytes()[..], &values].concat())
    }

    /// Not while any of them may be using it (Core Vol 4 Part E 7.8.4).
    fn set_random_address(&mut self, address: [u8; 6]) -> Result<(), u8> {
        let settings = &mut self.settings;
        if settings.advertising.enabled || settings.scanning.enabled || settings.initiating.is_some() {
            return Err(status::COMMAND_DISALLOWED);
        }
        settings.random_address = Some(address);
        Ok(())
    }

    /// Not while a filter policy uses the list (Core Vol 4 Part E 7.8.15 to 7.8.17).
    fn change_accept_list(&mut self, opcode: u16, p: &mut Parameters<'_>) -> Result<(), u8> {
        let settings = &mut self.settings;
        let in_use = (settings.advertising.enabled && settings.advertising.filter != 0)
            || (settings.scanning.enabled && settings.scanning.filter != 0)
            || settings.initiating.is_some_and(|initiating| initiating.peer.is_none());
        if in_use {
            return Err(status::COMMAND_DISALLOWED);
        }
        if opcode == opcode::LE_CLEAR_ACCEPT_LIST {
            settings.accept_list.clear();
            return Ok(());
        }
        // 0xFF stands for devices that advertise without an address, which only extended advertising can do.
        let address = Address { kind: p.u8(), bytes: p.array() };
        if address.kind > 1 {
            return Err(status::INVALID_PARAMETERS);
        }
        if opcode == opcode::LE_REMOVE_FROM_ACCEPT_LIST {
            settings.accept_list.retain(|entry| *entry != address);
        } else if !settings.accept_list.contains(&address) {
            if settings.accept_list.len() >= ACCEPT_LIST_SIZE {
                return Err(status::MEMORY_CAPACITY_EXCEEDED);
            }
            settings.accept_list.push(address);
        }
        Ok(())
    }

    /// Not while there is a connection (Core Vol 4 Part E 7.3.38). Synchronous data never occurs.
    fn set_host_flow_control(&mut self, value: u8) -> Result<(), u8> {
        if value > 3 {
            return Err(status::INVALID_PARAMETERS);
        }
        if !self.connections.is_empty() {
            return Err(status::COMMAND_DISALLOWED);
        }
        self.settings.host_flow.enabled = value & 1 != 0;
        Ok(())
    }
}

impl Radio {
    /// Host Number Of Completed Packets: count of handles, then a handle and a number for each.
    pub(crate) fn host_completed_packets(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let handles = p.u8();
        if p.remaining() != usize::from(handles) * 4 {
            return Err(status::INVALID_PARAMETERS);
        }
        for _ in 0..handles {
            let (handle, count) = (p.u16(), p.u16());
            // A report may cross the disconnection, which freed those buffers already (Core Vol 4 Part E 4.2).
            let Some(connection) = self.station(index).and_then(|station| station.connection(handle)) else {
                continue;
            };
            let outstanding = self.end_mut(connection).map(|end| {
                let before = end.host_holds;
                end.host_holds = before.saturating_sub(count);
                before
            });
            let outstanding = outstanding.unwrap_or(0);
            let Some(station) = self.station_mut(index) else { continue };
            station.settings.host_flow.outstanding -= outstanding.min(count);
            if count > outstanding {
                station.port.note(HostError::CompletedTooMany { handle, count, outstanding });
            }
        }
        Ok(())
    }
}
