//! Encryption: its commands, and the control procedures that start and pause it (Core Vol 6 Part B 5.1.3).
//!
//! Payloads are not ciphered, since nobody can listen in on memory. What a cipher would show is shown all the same: two
//! ends with different keys cannot read each other.

use super::control::opcode;
use super::link::{Link, Side};
use super::{Happening, Radio};
use crate::controller::{Outcome, Parameters, status};

/// How long an end waits for the peer's next PDU of a procedure, in us (Core Vol 6 Part B 5.2).
const RESPONSE_TIMEOUT_US: u64 = 40_000_000;

/// Session key diversifier and initialization vector in LL_ENC_REQ and LL_ENC_RSP (Core Vol 6 Part B 2.4.2.4): without
/// a cipher only their length counts.
const DIVERSIFIER: [u8; 12] = [0; 12];

/// How far an end has come in the encryption procedures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// None is under way.
    #[default]
    Idle,
    /// LL_PAUSE_ENC_REQ has been sent or received.
    Pausing,
    /// LL_ENC_REQ has been sent or received, and the peripheral's host is asked for the key.
    Asking,
    /// LL_START_ENC_REQ has been sent or received.
    Starting,
}

/// Encryption, as one end of a link sees it.
#[derive(Debug, Default)]
pub(super) struct Encryption {
    phase: Phase,
    /// The long term key in use, or about to be.
    key: Option<[u8; 16]>,
    encrypted: bool,
    /// The procedure under way replaces the key of an encrypted link.
    refreshing: bool,
    /// The random number and the diversifier (EDIV) that the central's host gave, by which the peripheral's host finds
    /// its key.
    request: [u8; 10],
    /// When this end gives up waiting for the peer's next PDU.
    answer_by_us: Option<u64>,
}

impl Encryption {
    /// Whether data and all other procedures have to wait.
    pub(super) fn is_under_way(&self) -> bool {
        self.phase != Phase::Idle
    }
}

impl Radio {
    /// LE Enable Encryption (Core Vol 4 Part E 7.8.24).
    pub(crate) fn enable_encryption(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let connection = self.connection(index, p)?;
        let (request, key) = (p.array(), p.array());
        self.on_link(connection, |radio, link| {
            let encryption = &mut link.end_mut(connection.side).encryption;
            if connection.side != Side::Central || encryption.is_under_way() {
                return Err(status::COMMAND_DISALLOWED);
            }
            let refreshing = encryption.encrypted;
            let phase = if refreshing { Phase::Pausing } else { Phase::Asking };
            *encryption = Encryption {
                phase,
                key: Some(key),
                encrypted: refreshing,
                refreshing,
                request,
                ..*encryption
            };
            match refreshing {
                true => radio.send_encryption(link, connection.side, &[opcode::PAUSE_ENC_REQ]),
                false => radio.request_encryption(link, connection.side),
            }
            Ok(())
        })
    }

    /// LE Long Term Key Request Reply, or without a key its negative form (Core Vol 4 Part E 7.8.25 and 7.8.26).
    pub(crate) fn answer_key_request(
        &mut self,
        index: usize,
        has_key: bool,
        p: &mut Parameters<'_>,
    ) -> Outcome {
        let connection = self.connection(index, p)?;
        let key = has_key.then(|| p.array());
        self.on_link(connection, |radio, link| {
            let phase = link.end(connection.side).encryption.phase;
            if connection.side != Side::Peripheral || phase != Phase::Asking {
                return Err(status::COMMAND_DISALLOWED);
            }
            radio.take_key(link, connection.side, key);
            Ok(())
        })?;
        Ok(connection.handle.to_le_bytes().to_vec())
    }

    /// The peripheral's host has answered. Without a key the central is refused; if the link was encrypted before, it
    /// ends instead, so that nothing goes on in the clear (Core Vol 6 Part B 5.1.3.1).
    fn take_key(&mut self, link: &mut Link, side: Side, key: Option<[u8; 16]>) {
        let end = link.end_mut(side);
        end.encryption.key = key;
        if key.is_some() {
            end.encryption.phase = Phase::Starting;
            return self.send_encryption(link, side, &[opcode::START_ENC_REQ]);
        }
        if end.encryption.refreshing {
            return self.terminate(link, side, status::KEY_MISSING);
        }
        end.send_at_once(&[opcode::REJECT_IND, status::KEY_MISSING]);
        end.encryption = Encryption::default();
        end.release_held();
    }

    /// Sends a PDU of the procedure, and waits for the next one of the peer from now on.
    fn send_encryption(&mut self, link: &mut Link, side: Side, pdu: &[u8]) {
        let answer_by_us = self.clock.now() + RESPONSE_TIMEOUT_US;
        let epoch = link.epoch;
        let end = link.end_mut(side);
        end.send_at_once(pdu);
        // The peripheral's own host may take its time.
        let waits = side == Side::Central || end.encryption.phase != Phase::Asking;
        end.encryption.answer_by_us = waits.then_some(answer_by_us);
        if waits {
            let link = link.index;
            self.schedule(answer_by_us, Happening::EncryptionTimeout { link, epoch, side });
        }
    }

    fn request_encryption(&mut self, link: &mut Link, side: Side) {
        let request = link.end(side).encryption.request;
        let pdu = [&[opcode::ENC_REQ], &request[..], &DIVERSIFIER].concat();
        self.send_encryption(link, side, &pdu);
    }

    /// A PDU of the encryption procedures arrives. What does not fit the phase is ignored.
    pub(super) fn receive_encryption(
        &mut self,
        link: &mut Link,
        at: Side,
        opcode: u8,
        fields: &mut Parameters<'_>,
    ) {
        let encryption = &mut link.end_mut(at).encryption;
        match (at, encryption.phase, opcode) {
            (Side::Peripheral, Phase::Idle, opcode::PAUSE_ENC_REQ) => {
                encryption.phase = Phase::Pausing;
                encryption.refreshing = true;
                self.send_encryption(link, at, &[opcode::PAUSE_ENC_RSP]);
            }
            (Side::Central, Phase::Pausing, opcode::PAUSE_ENC_RSP) => {
                encryption.encrypted = false;
                encryption.phase = Phase::Asking;
                link.end_mut(at).send_at_once(&[opcode::PAUSE_ENC_RSP]);
                self.request_encryption(link, at);
            }
            (Side::Peripheral, Phase::Pausing, opcode::PAUSE_ENC_RSP) => encryption.encrypted = false,
            (Side::Peripheral, Phase::Idle | Phase::Pausing, opcode::ENC_REQ) => {
                encryption.phase = Phase::Asking;
                encryption.request = fields.array();
                self.ask_for_key(link, at);
            }
            (Side::Central, Phase::Asking, opcode::START_ENC_REQ) => {
                encryption.phase = Phase::Starting;
                self.send_encryption(link, at, &[opcode::START_ENC_RSP]);
            }
            (Side::Central, Phase::Asking, opcode::REJECT_IND) => {
                self.end_procedure(link, at, Err(fields.u8()));
            }
            (Side::Peripheral, Phase::Starting, opcode::START_ENC_RSP) => self.compare_keys(link, at),
            (Side::Central, Phase::Starting, opcode::START_ENC_RSP) => self.end_procedure(link, at, Ok(())),
            _ => {}
        }
    }

    /// The peripheral answers LL_ENC_REQ and asks its host for the key. A host that masks the event has none to give.
    fn ask_for_key(&mut self, link: &mut Link, at: Side) {
        self.send_encryption(link, at, &[&[opcode::ENC_RSP], &DIVERSIFIER[..]].concat());
        let end = link.end(at);
        let request = end.encryption.request;
        let station = self.stations.get_mut(end.station);
        let asked = station.is_some_and(|station| station.long_term_key_request(end.handle, request));
        if !asked {
            self.take_key(link, at, None);
        }
    }

    /// The first ciphered PDU reaches the peripheral. If it was ciphered with another key, its integrity check fails: the
    /// peripheral leaves at once and without a word (Core Vol 6 Part B 5.1.3.1 and Part E 1), and the central notices
    /// when its supervision timeout is over.
    fn compare_keys(&mut self, link: &mut Link, at: Side) {
        if link.end(at).encryption.key != link.end(at.other()).encryption.key {
            return self.close_end(link, at, Some(status::MIC_FAILURE));
        }
        link.end_mut(at).send_at_once(&[opcode::START_ENC_RSP]);
        self.end_procedure(link, at, Ok(()));
    }

    /// The procedure is over for this end, successful or refused with an error code: its host hears of it, and what had
    /// to wait goes on.
    fn end_procedure(&mut self, link: &mut Link, at: Side, result: Result<(), u8>) {
        let end = link.end_mut(at);
        let (was, encrypted) = (&mut end.encryption, result.is_ok());
        let refreshing = was.refreshing;
        *was = Encryption { key: was.key.filter(|_| encrypted), encrypted, ..Encryption::default() };
        end.release_held();
        let code = result.err().unwrap_or(status::SUCCESS);
        let Some(station) = self.stations.get_mut(end.station) else { return };
        match refreshing {
            true => station.encryption_key_refresh_complete(end.handle, code),
            false => station.encryption_change(end.handle, code),
        }
    }

    /// The peer's next PDU of the procedure did not come in time: the link counts as lost (Core Vol 6 Part B 5.2).
    pub(super) fn give_up_encryption(&mut self, index: usize, epoch: u64, side: Side) {
        let now = self.clock.now();
        let Some(mut link) = self.take_link(index, epoch) else { return };
        link.catch_up(now);
        if link.end(side).encryption.answer_by_us == Some(now) {
            self.close_end(&mut link, side, Some(status::RESPONSE_TIMEOUT));
        }
        self.settle(index, link);
    }
}
