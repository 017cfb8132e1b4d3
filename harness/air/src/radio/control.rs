//! Link layer control PDUs, and what the end that receives one does (Core Vol 6 Part B 2.4.2 and 5.1).

use super::Radio;
use super::link::{Link, Side};
use crate::controller::Parameters;
use crate::controller::settings::{LINK_LAYER_VERSION, MAX_DATA_LENGTH};

/// Opcodes of control PDUs.
pub(super) mod opcode {
    pub(in crate::radio) const CONNECTION_UPDATE_IND: u8 = 0x00;
    pub(in crate::radio) const TERMINATE_IND: u8 = 0x02;
    pub(in crate::radio) const ENC_REQ: u8 = 0x03;
    pub(in crate::radio) const ENC_RSP: u8 = 0x04;
    pub(in crate::radio) const START_ENC_REQ: u8 = 0x05;
    pub(in crate::radio) const START_ENC_RSP: u8 = 0x06;
    pub(in crate::radio) const UNKNOWN_RSP: u8 = 0x07;
    pub(in crate::radio) const FEATURE_REQ: u8 = 0x08;
    pub(in crate::radio) const FEATURE_RSP: u8 = 0x09;
    pub(in crate::radio) const PAUSE_ENC_REQ: u8 = 0x0A;
    pub(in crate::radio) const PAUSE_ENC_RSP: u8 = 0x0B;
    pub(in crate::radio) const VERSION_IND: u8 = 0x0C;
    pub(in crate::radio) const REJECT_IND: u8 = 0x0D;
    pub(in crate::radio) const PERIPHERAL_FEATURE_REQ: u8 = 0x0E;
    pub(in crate::radio) const LENGTH_REQ: u8 = 0x14;
    pub(in crate::radio) const LENGTH_RSP: u8 = 0x15;
}

/// From the event in which the peripheral learns of an update to the one at which it comes into force: the least that
/// the Core Specification advises (Core Vol 6 Part B 5.1.1).
const INSTANT_AHEAD: u16 = 6;

impl Radio {
    /// A control PDU arrives at one end.
    pub(super) fn receive_control(&mut self, link: &mut Link, at: Side, pdu: &[u8]) {
        let Some((opcode, fields)) = pdu.split_first() else { return };
        let mut fields = Parameters::new(fields);
        match *opcode {
            opcode::TERMINATE_IND => link.end_mut(at).leaving = Some(fields.u8()),
            opcode::CONNECTION_UPDATE_IND => {
                let instant = link.counter.wrapping_add(INSTANT_AHEAD);
                link.update =
                    link.update.map(|update| super::link::Update { instant: Some(instant), ..update });
            }
            opcode::FEATURE_REQ | opcode::PERIPHERAL_FEATURE_REQ => self.answer_features(link, at),
            opcode::FEATURE_RSP => self.features_arrived(link, at, fields.array()),
            opcode::VERSION_IND => self.version_arrived(link, at, fields.array()),
            opcode::LENGTH_REQ | opcode::LENGTH_RSP => self.lengths_arrived(link, at, *opcode, &mut fields),
            _ => self.receive_encryption(link, at, *opcode, &mut fields),
        }
    }

    fn answer_features(&mut self, link: &mut Link, at: Side) {
        let end = link.end_mut(at);
        if let Some(station) = self.stations.get(end.station) {
            end.send_control(&[&[opcode::FEATURE_RSP], &station.le_features()[..]].concat());
        }
    }

    fn features_arrived(&mut self, link: &mut Link, at: Side, features: [u8; 8]) {
        let end = link.end_mut(at);
        let wanted = std::mem::take(&mut end.wants_features);
        if let Some(station) = self.stations.get_mut(end.station)
            && wanted
        {
            station.remote_features_complete(end.handle, features);
        }
    }

    /// Each end sends its version once in a connection (Core Vol 6 Part B 5.1.5).
    fn version_arrived(&mut self, link: &mut Link, at: Side, version: [u8; 5]) {
        let end = link.end_mut(at);
        end.peer_version = Some(version);
        if !end.version_sent {
            end.version_sent = true;
            end.send_control(&[&[opcode::VERSION_IND], &LINK_LAYER_VERSION[..]].concat());
        }
        let wanted = std::mem::take(&mut end.wants_version);
        if let Some(station) = self.stations.get_mut(end.station)
            && wanted
        {
            station.remote_version_complete(end.handle, version);
        }
    }

    /// The lengths in force are the least of what one end wants to send and the other can take
    /// (Core Vol 6 Part B 4.5.10).
    fn lengths_arrived(&mut self, link: &mut Link, at: Side, opcode: u8, fields: &mut Parameters<'_>) {
        let end = link.end_mut(at);
        let Some(station) = self.stations.get_mut(end.station) else { return };
        if !station.config.data_length_extension {
            return end.send_control(&[opcode::UNKNOWN_RSP, opcode]);
        }
        let peer_rx = (fields.u16(), fields.u16());
        let peer_tx = (fields.u16(), fields.u16());
        let least = |a: (u16, u16), b: (u16, u16)| (a.0.min(b.0), a.1.min(b.1));
        let (tx, rx) = (least(end.wanted_tx, peer_rx), least(MAX_DATA_LENGTH, peer_tx));
        if opcode == opcode::LENGTH_REQ {
            let answer = end.length_pdu(opcode::LENGTH_RSP);
            end.send_control(&answer);
        }
        if (tx, rx) != (end.max_tx, end.max_rx) {
            (end.max_tx, end.max_rx) = (tx, rx);
            station.data_length_change(end.handle, [tx.0, tx.1, rx.0, rx.1]);
        }
    }
}
