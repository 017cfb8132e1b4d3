//! The commands that concern a connection.

use super::control::opcode;
use super::link::{Link, Side, Update};
use super::{Happening, News, Radio};
use crate::controller::settings::{LINK_LAYER_VERSION, check_data_length, check_phys};
use crate::controller::{Connection, Outcome, Parameters, Timing, status};

/// Reasons that a host may give for a disconnection (Core Vol 4 Part E 7.1.6).
const DISCONNECT_REASONS: [u8; 7] = [0x05, 0x13, 0x14, 0x15, 0x1A, 0x29, 0x3B];

/// The limits of Core Vol 4 Part E 7.8.12 and 7.8.18 for intervals, latency and timeout. Of the intervals allowed the
/// longest is chosen.
pub(super) fn check_timing(p: &mut Parameters<'_>) -> Result<Timing, u8> {
    let (least, interval, latency, timeout) = (p.u16(), p.u16(), p.u16(), p.u16());
    let timing = Timing { interval, latency, timeout };
    let in_range = (0x0006..=0x0C80).contains(&interval)
        && (0x0006..=interval).contains(&least)
        && latency <= 0x01F3
        && (0x000A..=0x0C80).contains(&timeout);
    // The timeout is longer than twice the time between two events that the peripheral must listen to.
    let is_long_enough = timing.timeout_us() > (1 + u64::from(latency)) * timing.interval_us() * 2;
    if in_range && is_long_enough { Ok(timing) } else { Err(status::INVALID_PARAMETERS) }
}

impl Radio {
    pub(super) fn connection(&self, station: usize, p: &mut Parameters<'_>) -> Result<Connection, u8> {
        let handle = p.u16();
        let connection = self.station(station).and_then(|station| station.connection(handle));
        connection.ok_or(status::UNKNOWN_CONNECTION)
    }

    /// Carries out a change on a link, and sees to its consequences.
    pub(super) fn on_link(
        &mut self,
        connection: Connection,
        change: impl FnOnce(&mut Self, &mut Link) -> Result<(), u8>,
    ) -> Result<(), u8> {
        let slot = self.links.get_mut(connection.link);
        let Some(mut link) = slot.and_then(Option::take) else { return Err(status::UNKNOWN_CONNECTION) };
        link.catch_up(self.clock.now());
        let result = change(self, &mut link);
        self.settle(connection.link, link);
        result
    }

    /// LL_TERMINATE_IND takes its place behind the data that the host has given before. The Core Specification leaves
    /// that order open; so a host sees what it wrote last arrive, as with most real controllers.
    pub(crate) fn disconnect(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let connection = self.connection(index, p)?;
        let reason = p.u8();
        if !DISCONNECT_REASONS.contains(&reason) {
            return Err(status::INVALID_PARAMETERS);
        }
        self.on_link(connection, |radio, link| match link.end(connection.side).terminating {
            true => Err(status::COMMAND_DISALLOWED),
            false => {
                radio.terminate(link, connection.side, reason);
                Ok(())
            }
        })
    }

    /// Queues LL_TERMINATE_IND, once.
    pub(super) fn terminate(&mut self, link: &mut Link, side: Side, reason: u8) {
        let (index, epoch, give_up_after_us) = (link.index, link.epoch, link.timing.timeout_us());
        let end = link.end_mut(side);
        if !std::mem::replace(&mut end.terminating, true) {
            end.send_at_once(&[opcode::TERMINATE_IND, reason]);
            let happening = Happening::TerminationTimeout { link: index, epoch, side };
            self.schedule(self.clock.now() + give_up_after_us, happening);
        }
    }

    pub(crate) fn read_remote_features(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let connection = self.connection(index, p)?;
        let features = self.station(index).map(|station| station.le_features()).unwrap_or_default();
        self.on_link(connection, |_, link| {
            let end = link.end_mut(connection.side);
            if std::mem::replace(&mut end.wants_features, true) {
                return Err(status::COMMAND_DISALLOWED);
            }
            let opcode = match connection.side {
                Side::Central => opcode::FEATURE_REQ,
                Side::Peripheral => opcode::PERIPHERAL_FEATURE_REQ,
            };
            end.send_control(&[&[opcode], &features[..]].concat());
            Ok(())
        })
    }

    pub(crate) fn read_remote_version(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let connection = self.connection(index, p)?;
        self.on_link(connection, |radio, link| {
            let end = link.end_mut(connection.side);
            if let Some(version) = end.peer_version {
                radio.tell(index, News::Version { handle: connection.handle, version });
                return Ok(());
            }
            if std::mem::replace(&mut end.wants_version, true) {
                return Err(status::COMMAND_DISALLOWED);
            }
            if !std::mem::replace(&mut end.version_sent, true) {
                end.send_control(&[&[opcode::VERSION_IND], &LINK_LAYER_VERSION[..]].concat());
            }
            Ok(())
        })
    }

    /// Only the central may: the Connection Parameters Request procedure is not supported (Core Vol 4 Part E 7.8.18).
    pub(crate) fn update_connection(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let connection = self.connection(index, p)?;
        let timing = check_timing(p)?;
        let offset_us = self.rng.u64(0..=u64::from(timing.interval)) * 1250;
        self.on_link(connection, |_, link| {
            if connection.side != Side::Central || link.update.is_some() {
                return Err(status::COMMAND_DISALLOWED);
            }
            link.update = Some(Update { timing, offset_us, instant: None });
            // The fields travel in `Link::update`.
            link.central.send_control(&[opcode::CONNECTION_UPDATE_IND]);
            Ok(())
        })
    }

    pub(crate) fn set_data_length(&mut self, index: usize, p: &mut Parameters<'_>) -> Outcome {
        let connection = self.connection(index, p)?;
        let wanted = check_data_length(p.u16(), p.u16())?;
        self.on_link(connection, |_, link| {
            let end = link.end_mut(connection.side);
            end.wanted_tx = wanted;
            let request = end.length_pdu(opcode::LENGTH_REQ);
            end.send_control(&request);
            Ok(())
        })?;
        Ok(connection.handle.to_le_bytes().to_vec())
    }

    /// LE 1M is the only PHY, so the answer is known (Core Vol 4 Part E 7.8.49).
    pub(crate) fn set_phy(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let connection = self.connection(index, p)?;
        check_phys(p.array())?;
        self.tell(index, News::PhyKept { handle: connection.handle });
        Ok(())
    }
}
