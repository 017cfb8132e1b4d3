//! Commands from the host: their lengths, who carries them out, and how they are answered.

use bt_hci_transport::PacketKind;

use super::table::{self, Answer, Command, opcode};
use super::{HostError, status};
use crate::radio::Radio;

/// The parameters of a command, whose length has been checked against the table.
pub(crate) struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        // Zeros can only come when the table says a length that is too short.
        let (array, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *array
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }
}

/// Return parameters after the status, or the error code.
pub(crate) type Outcome = Result<Vec<u8>, u8>;

impl Radio {
    /// A packet from a controller's host.
    pub(crate) fn packet_from_host(
        &mut self,
        index: usize,
        kind: PacketKind,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        station.port.received(kind, bytes);
        match kind {
            PacketKind::AclData => self.data_from_host(index, bytes),
            PacketKind::Cmd => self.command_from_host(index, bytes),
            _ => station.refuse(HostError::Kind(kind)),
        }
    }

    fn command_from_host(&mut self, index: usize, bytes: &[u8]) -> Result<(), HostError> {
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        let malformed = HostError::Malformed { kind: PacketKind::Cmd, length: bytes.len() };
        let Some(([low, high, length], parameters)) = bytes.split_first_chunk() else {
            return station.refuse(malformed);
        };
        let opcode = u16::from_le_bytes([*low, *high]);
        if parameters.len() != usize::from(*length) {
            return station.refuse(malformed);
        }
        let Some(command) = table::find(opcode, station.config.data_length_extension) else {
            station.command_complete(opcode, &[status::UNKNOWN_COMMAND]);
            return Ok(());
        };
        let fits = command.parameters.is_none_or(|expected| expected == parameters.len());
        let outcome = match fits {
            true => self.carry_out(index, opcode, parameters),
            false => Err(status::INVALID_PARAMETERS),
        };
        self.answer(index, command, parameters, outcome);
        Ok(())
    }

    fn answer(&mut self, index: usize, command: Command, parameters: &[u8], outcome: Outcome) {
        let Some(station) = self.station_mut(index) else { return };
        let code = outcome.as_ref().err().copied().unwrap_or(status::SUCCESS);
        match command.answer {
            Answer::Status => station.command_status(command.opcode, code),
            Answer::Nothing if code == status::SUCCESS => {}
            Answer::Nothing => station.command_complete(command.opcode, &[code]),
            Answer::Complete(length) | Answer::CompleteForHandle(length) => {
                let mut returned = vec![code];
                match outcome {
                    Ok(values) => returned.extend(values),
                    // The handle is returned with an error as well, so that the host knows which one it means.
                    Err(_) if matches!(command.answer, Answer::CompleteForHandle(_)) => {
                        returned.extend(parameters.iter().take(2));
                    }
                    Err(_) => {}
                }
                returned.resize(1 + length, 0);
                station.command_complete(command.opcode, &returned);
            }
        }
    }

    fn carry_out(&mut self, index: usize, opcode: u16, bytes: &[u8]) -> Outcome {
        let mut parameters = Parameters::new(bytes);
        let p = &mut parameters;
        let done = |result: Result<(), u8>| result.map(|()| Vec::new());
        match opcode {
            opcode::RESET => {
                self.reset(index);
                Ok(Vec::new())
            }
            opcode::LE_SET_ADV_PARAMETERS => done(self.set_advertising_parameters(index, p)),
            opcode::LE_SET_ADV_DATA | opcode::LE_SET_SCAN_RESPONSE => {
                done(self.set_advertising_data(index, opcode == opcode::LE_SET_SCAN_RESPONSE, p))
            }
            opcode::LE_SET_ADV_ENABLE => done(self.enable_advertising(index, p)),
            opcode::LE_SET_SCAN_PARAMETERS => done(self.set_scan_parameters(index, p)),
            opcode::LE_SET_SCAN_ENABLE => done(self.enable_scanning(index, p)),
            opcode::LE_CREATE_CONNECTION => done(self.create_connection(index, p)),
            opcode::LE_CREATE_CONNECTION_CANCEL => done(self.cancel_create_connection(index)),
            opcode::DISCONNECT => done(self.disconnect(index, p)),
            opcode::READ_REMOTE_VERSION => done(self.read_remote_version(index, p)),
            opcode::LE_READ_REMOTE_FEATURES => done(self.read_remote_features(index, p)),
            opcode::LE_CONNECTION_UPDATE => done(self.update_connection(index, p)),
            opcode::LE_ENABLE_ENCRYPTION => done(self.enable_encryption(index, p)),
            opcode::LE_KEY_REQUEST_REPLY | opcode::LE_KEY_REQUEST_NEGATIVE_REPLY => {
                self.answer_key_request(index, opcode == opcode::LE_KEY_REQUEST_REPLY, p)
            }
            opcode::LE_SET_DATA_LENGTH => self.set_data_length(index, p),
            opcode::LE_SET_PHY => done(self.set_phy(index, p)),
            opcode::HOST_COMPLETED_PACKETS => done(self.host_completed_packets(index, p)),
            _ => match self.station_mut(index) {
                Some(station) => station.carry_out_setting(opcode, p),
                None => Err(status::UNKNOWN_COMMAND),
            },
        }
    }
}
