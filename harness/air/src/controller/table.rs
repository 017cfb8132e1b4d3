//! The commands that a controller supports: opcodes, lengths, and bits of the Supported_Commands mask.

/// What a command is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Command Complete, with so many bytes after the status.
    Complete(usize),
    /// Command Complete, the first two of so many bytes after the status being the connection handle.
    CompleteForHandle(usize),
    /// Command Status.
    Status,
    /// Nothing, unless it is wrong.
    Nothing,
}

/// One supported command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    pub(crate) opcode: u16,
    /// Bytes of parameters; none: as many as its own fields say.
    pub(crate) parameters: Option<usize>,
    pub(crate) answer: Answer,
    /// Octet and bit in Supported_Commands (Core Vol 4 Part E 6.27); none: it has no bit there.
    bit: Option<(usize, u8)>,
    /// Only with the LE Data Packet Length Extension.
    data_length_extension: bool,
}

/// Names for the opcodes: OGF in the upper six bits, OCF in the lower ten.
pub(crate) mod opcode {
    pub(crate) const DISCONNECT: u16 = 0x0406;
    pub(crate) const READ_REMOTE_VERSION: u16 = 0x041D;
    pub(crate) const SET_EVENT_MASK: u16 = 0x0C01;
    pub(crate) const RESET: u16 = 0x0C03;
    pub(crate) const SET_HOST_FLOW_CONTROL: u16 = 0x0C31;
    pub(crate) const HOST_BUFFER_SIZE: u16 = 0x0C33;
    pub(crate) const HOST_COMPLETED_PACKETS: u16 = 0x0C35;
    pub(crate) const SET_EVENT_MASK_PAGE_2: u16 = 0x0C63;
    pub(crate) const READ_LOCAL_VERSION: u16 = 0x1001;
    pub(crate) const READ_SUPPORTED_COMMANDS: u16 = 0x1002;
    pub(crate) const READ_SUPPORTED_FEATURES: u16 = 0x1003;
    pub(crate) const READ_BD_ADDR: u16 = 0x1009;
    pub(crate) const READ_RSSI: u16 = 0x1405;
    pub(crate) const LE_SET_EVENT_MASK: u16 = 0x2001;
    pub(crate) const LE_READ_BUFFER_SIZE: u16 = 0x2002;
    pub(crate) const LE_READ_FEATURES: u16 = 0x2003;
    pub(crate) const LE_SET_RANDOM_ADDRESS: u16 = 0x2005;
    pub(crate) const LE_SET_ADV_PARAMETERS: u16 = 0x2006;
    pub(crate) const LE_READ_ADV_TX_POWER: u16 = 0x2007;
    pub(crate) const LE_SET_ADV_DATA: u16 = 0x2008;
    pub(crate) const LE_SET_SCAN_RESPONSE: u16 = 0x2009;
    pub(crate) const LE_SET_ADV_ENABLE: u16 = 0x200A;
    pub(crate) const LE_SET_SCAN_PARAMETERS: u16 = 0x200B;
    pub(crate) const LE_SET_SCAN_ENABLE: u16 = 0x200C;
    pub(crate) const LE_CREATE_CONNECTION: u16 = 0x200D;
    pub(crate) const LE_CREATE_CONNECTION_CANCEL: u16 = 0x200E;
    pub(crate) const LE_READ_ACCEPT_LIST_SIZE: u16 = 0x200F;
    pub(crate) const LE_CLEAR_ACCEPT_LIST: u16 = 0x2010;
    pub(crate) const LE_ADD_TO_ACCEPT_LIST: u16 = 0x2011;
    pub(crate) const LE_REMOVE_FROM_ACCEPT_LIST: u16 = 0x2012;
    pub(crate) const LE_CONNECTION_UPDATE: u16 = 0x2013;
    pub(crate) const LE_READ_REMOTE_FEATURES: u16 = 0x2016;
    pub(crate) const LE_ENCRYPT: u16 = 0x2017;
    pub(crate) const LE_RAND: u16 = 0x2018;
    pub(crate) const LE_ENABLE_ENCRYPTION: u16 = 0x2019;
    pub(crate) const LE_KEY_REQUEST_REPLY: u16 = 0x201A;
    pub(crate) const LE_KEY_REQUEST_NEGATIVE_REPLY: u16 = 0x201B;
    pub(crate) const LE_READ_SUPPORTED_STATES: u16 = 0x201C;
    pub(crate) const LE_SET_DATA_LENGTH: u16 = 0x2022;
    pub(crate) const LE_READ_SUGGESTED_DATA_LENGTH: u16 = 0x2023;
    pub(crate) const LE_WRITE_SUGGESTED_DATA_LENGTH: u16 = 0x2024;
    pub(crate) const LE_ADD_TO_RESOLVING_LIST: u16 = 0x2027;
    pub(crate) const LE_REMOVE_FROM_RESOLVING_LIST: u16 = 0x2028;
    pub(crate) const LE_CLEAR_RESOLVING_LIST: u16 = 0x2029;
    pub(crate) const LE_READ_RESOLVING_LIST_SIZE: u16 = 0x202A;
    pub(crate) const LE_SET_ADDRESS_RESOLUTION: u16 = 0x202D;
    pub(crate) const LE_SET_RPA_TIMEOUT: u16 = 0x202E;
    pub(crate) const LE_READ_MAX_DATA_LENGTH: u16 = 0x202F;
    pub(crate) const LE_READ_PHY: u16 = 0x2030;
    pub(crate) const LE_SET_DEFAULT_PHY: u16 = 0x2031;
    pub(crate) const LE_SET_PHY: u16 = 0x2032;
    pub(crate) const LE_SET_PRIVACY_MODE: u16 = 0x204E;
    pub(crate) const LE_READ_BUFFER_SIZE_V2: u16 = 0x2060;
}

/// A command whose parameters have a fixed length.
const fn fixed(opcode: u16, parameters: usize, answer: Answer, octet: usize, bit: u8) -> Command {
    Command {
        opcode,
        parameters: Some(parameters),
        answer,
        bit: Some((octet, bit)),
        data_length_extension: false,
    }
}

/// The same, for a command of the LE Data Packet Length Extension.
const fn extension(opcode: u16, parameters: usize, answer: Answer, octet: usize, bit: u8) -> Command {
    Command { data_length_extension: true, ..fixed(opcode, parameters, answer, octet, bit) }
}

use Answer::{Complete, CompleteForHandle, Nothing, Status};

/// By opcode, lowest first.
const COMMANDS: &[Command] = &[
    fixed(opcode::DISCONNECT, 3, Status, 0, 5),
    fixed(opcode::READ_REMOTE_VERSION, 2, Status, 2, 7),
    fixed(opcode::SET_EVENT_MASK, 8, Complete(0), 5, 6),
    fixed(opcode::RESET, 0, Complete(0), 5, 7),
    fixed(opcode::SET_HOST_FLOW_CONTROL, 1, Complete(0), 10, 5),
    fixed(opcode::HOST_BUFFER_SIZE, 7, Complete(0), 10, 6),
    Command { parameters: None, ..fixed(opcode::HOST_COMPLETED_PACKETS, 0, Nothing, 10, 7) },
    fixed(opcode::SET_EVENT_MASK_PAGE_2, 8, Complete(0), 22, 2),
    fixed(opcode::READ_LOCAL_VERSION, 0, Complete(8), 14, 3),
    // Mandatory, and without a bit of its own.
    Command { bit: None, ..fixed(opcode::READ_SUPPORTED_COMMANDS, 0, Complete(64), 0, 0) },
    fixed(opcode::READ_SUPPORTED_FEATURES, 0, Complete(8), 14, 5),
    fixed(opcode::READ_BD_ADDR, 0, Complete(6), 15, 1),
    fixed(opcode::READ_RSSI, 2, CompleteForHandle(3), 15, 5),
    fixed(opcode::LE_SET_EVENT_MASK, 8, Complete(0), 25, 0),
    fixed(opcode::LE_READ_BUFFER_SIZE, 0, Complete(3), 25, 1),
    fixed(opcode::LE_READ_FEATURES, 0, Complete(8), 25, 2),
    fixed(opcode::LE_SET_RANDOM_ADDRESS, 6, Complete(0), 25, 4),
    fixed(opcode::LE_SET_ADV_PARAMETERS, 15, Complete(0), 25, 5),
    fixed(opcode::LE_READ_ADV_TX_POWER, 0, Complete(1), 25, 6),
    fixed(opcode::LE_SET_ADV_DATA, 32, Complete(0), 25, 7),
    fixed(opcode::LE_SET_SCAN_RESPONSE, 32, Complete(0), 26, 0),
    fixed(opcode::LE_SET_ADV_ENABLE, 1, Complete(0), 26, 1),
    fixed(opcode::LE_SET_SCAN_PARAMETERS, 7, Complete(0), 26, 2),
    fixed(opcode::LE_SET_SCAN_ENABLE, 2, Complete(0), 26, 3),
    fixed(opcode::LE_CREATE_CONNECTION, 25, Status, 26, 4),
    fixed(opcode::LE_CREATE_CONNECTION_CANCEL, 0, Complete(0), 26, 5),
    fixed(opcode::LE_READ_ACCEPT_LIST_SIZE, 0, Complete(1), 26, 6),
    fixed(opcode::LE_CLEAR_ACCEPT_LIST, 0, Complete(0), 26, 7),
    fixed(opcode::LE_ADD_TO_ACCEPT_LIST, 7, Complete(0), 27, 0),
    fixed(opcode::LE_REMOVE_FROM_ACCEPT_LIST, 7, Complete(0), 27, 1),
    fixed(opcode::LE_CONNECTION_UPDATE, 14, Status, 27, 2),
    fixed(opcode::LE_READ_REMOTE_FEATURES, 2, Status, 27, 5),
    fixed(opcode::LE_ENCRYPT, 32, Complete(16), 27, 6),
    fixed(opcode::LE_RAND, 0, Complete(8), 27, 7),
    fixed(opcode::LE_ENABLE_ENCRYPTION, 28, Status, 28, 0),
    fixed(opcode::LE_KEY_REQUEST_REPLY, 18, CompleteForHandle(2), 28, 1),
    fixed(opcode::LE_KEY_REQUEST_NEGATIVE_REPLY, 2, CompleteForHandle(2), 28, 2),
    fixed(opcode::LE_READ_SUPPORTED_STATES, 0, Complete(8), 28, 3),
    extension(opcode::LE_SET_DATA_LENGTH, 6, CompleteForHandle(2), 33, 6),
    extension(opcode::LE_READ_SUGGESTED_DATA_LENGTH, 0, Complete(4), 33, 7),
    extension(opcode::LE_WRITE_SUGGESTED_DATA_LENGTH, 4, Complete(0), 34, 0),
    fixed(opcode::LE_ADD_TO_RESOLVING_LIST, 39, Complete(0), 34, 3),
    fixed(opcode::LE_REMOVE_FROM_RESOLVING_LIST, 7, Complete(0), 34, 4),
    fixed(opcode::LE_CLEAR_RESOLVING_LIST, 0, Complete(0), 34, 5),
    fixed(opcode::LE_READ_RESOLVING_LIST_SIZE, 0, Complete(1), 34, 6),
    fixed(opcode::LE_SET_ADDRESS_RESOLUTION, 1, Complete(0), 35, 1),
    fixed(opcode::LE_SET_RPA_TIMEOUT, 2, Complete(0), 35, 2),
    extension(opcode::LE_READ_MAX_DATA_LENGTH, 0, Complete(8), 35, 3),
    fixed(opcode::LE_READ_PHY, 2, CompleteForHandle(4), 35, 4),
    fixed(opcode::LE_SET_DEFAULT_PHY, 3, Complete(0), 35, 5),
    fixed(opcode::LE_SET_PHY, 7, Status, 35, 6),
    fixed(opcode::LE_SET_PRIVACY_MODE, 8, Complete(0), 39, 2),
    fixed(opcode::LE_READ_BUFFER_SIZE_V2, 0, Complete(6), 41, 5),
];

/// The command with this opcode, if a controller with or without the data length extension supports it.
pub(crate) fn find(opcode: u16, data_length_extension: bool) -> Option<Command> {
    let index = COMMANDS.binary_search_by_key(&opcode, |command| command.opcode).ok()?;
    COMMANDS.get(index).copied().filter(|command| data_length_extension || !command.data_length_extension)
}

/// The return parameter Supported_Commands.
pub(crate) fn supported_commands(data_length_extension: bool) -> Vec<u8> {
    let mut mask = vec![0; 64];
    for command in COMMANDS.iter().filter(|command| data_length_extension || !command.data_length_extension) {
        if let Some((octet, bit)) = command.bit
            && let Some(octet) = mask.get_mut(octet)
        {
            *octet |= 1 << bit;
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use bt_hci::FromHciBytes;
    use bt_hci::param::CmdMask;

    #[test]
    fn opcodes_ascend_and_are_found() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.opcode));
        for command in COMMANDS {
            assert_eq!(find(command.opcode, true).map(|found| found.opcode), Some(command.opcode));
        }
        assert!(find(0x1234, true).is_none());
        assert!(find(opcode::LE_SET_DATA_LENGTH, false).is_none());
    }

    #[test]
    fn the_mask_names_what_is_supported_and_nothing_else() {
        let mask = supported_commands(true);
        let bits: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
        assert_eq!(bits as usize, COMMANDS.len() - 1, "one bit for each but Read Local Supported Commands");
        let (mask, _) = CmdMask::from_hci_bytes(&mask).unwrap();
        assert!(mask.disconnect() && mask.set_event_mask_page_2() && mask.host_number_of_completed_packets());
        assert!(mask.le_create_conn_cancel() && mask.le_set_phy() && mask.le_set_data_length());
        assert!(mask.read_rssi() && mask.le_read_supported_states() && mask.le_read_remote_features());
        assert!(mask.le_encrypt() && mask.le_enable_encryption() && mask.le_set_privacy_mode());
        assert!(mask.le_long_term_key_request_reply() && mask.le_long_term_key_request_negative_reply());
        assert!(!mask.le_set_ext_adv_parameters_v1() && !mask.le_read_local_p256_public_key());
        let (without, _) = CmdMask::from_hci_bytes(&supported_commands(false)).unwrap();
        assert!(
            !without.le_set_data_length() && !without.le_read_maximum_data_length() && without.le_set_phy()
        );
    }
}
