//! Initiating, and the making of a link (Core Vol 6 Part B 4.4.4 and 4.5).

use super::advertising::Advertising;
use super::control::opcode;
use super::link::{End, Link, Side};
use super::procedures::check_timing;
use super::{Carried, News, Radio};
use crate::controller::{Address, Connection, Listener, Parameters, Timing, own_address_kind, status};

/// From the end of CONNECT_IND to the earliest first anchor (Core Vol 6 Part B 4.5.3).
const TRANSMIT_WINDOW_DELAY_US: u64 = 1250;

/// A controller's initiator: it waits for a peer to advertise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Initiating {
    /// The wanted peer; none: whoever is on the filter accept list.
    pub(crate) peer: Option<Address>,
    own_kind: u8,
    listener: Listener,
    timing: Timing,
}

impl Radio {
    pub(crate) fn create_connection(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let now = self.clock.now();
        let listener = Listener { start_us: now, ..Listener::new(p.u16(), p.u16())? };
        let filter = p.u8();
        let peer = Address { kind: p.u8(), bytes: p.array() };
        let own_kind = own_address_kind(p.u8())?;
        let timing = check_timing(p)?;
        if filter > 1 || (filter == 0 && peer.kind > 1) {
            return Err(status::INVALID_PARAMETERS);
        }
        let peer = (filter == 0).then_some(peer);
        let Some(station) = self.station(index) else { return Ok(()) };
        if station.own_address(own_kind).is_none() {
            return Err(status::INVALID_PARAMETERS);
        }
        if station.settings.initiating.is_some() {
            return Err(status::COMMAND_DISALLOWED);
        }
        if !station.has_room() {
            return Err(status::CONNECTION_LIMIT_EXCEEDED);
        }
        if station.connections.iter().any(|connection| self.peer_of(*connection) == peer && peer.is_some()) {
            return Err(status::CONNECTION_EXISTS);
        }
        if let Some(station) = self.station_mut(index) {
            station.settings.initiating = Some(Initiating { peer, own_kind, listener, timing });
        }
        Ok(())
    }

    fn peer_of(&self, connection: Connection) -> Option<Address> {
        let link = self.links.get(connection.link)?.as_ref()?;
        Some(link.end(connection.side).peer)
    }

    pub(crate) fn cancel_create_connection(&mut self, index: usize) -> Result<(), u8> {
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        if station.settings.initiating.take().is_none() {
            return Err(status::COMMAND_DISALLOWED);
        }
        self.tell(index, News::CreateCancelled);
        Ok(())
    }

    /// Lets the initiators hear a connectable advertising event; says whether one of them has connected. Which one
    /// comes first is drawn from the seed.
    pub(super) fn offer_to_initiators(
        &mut self,
        advertiser: usize,
        address: Address,
        advertising: &Advertising,
    ) -> bool {
        let count = self.stations.len();
        let first = self.rng.usize(0..count.max(1));
        for index in (first..count).chain(0..first) {
            if index != advertiser
                && let Some((initiating, own)) = self.initiator_hears(index, advertiser, address, advertising)
            {
                self.connect((index, own), (advertiser, address), &initiating);
                return true;
            }
        }
        false
    }

    fn initiator_hears(
        &mut self,
        index: usize,
        advertiser: usize,
        address: Address,
        advertising: &Advertising,
    ) -> Option<(Initiating, Address)> {
        let station = self.station(index)?;
        let initiating = station.settings.initiating?;
        let own = station.own_address(initiating.own_kind)?;
        let is_wanted = match initiating.peer {
            Some(peer) => peer == address,
            None => station.accepts(address),
        };
        let is_for_it = !advertising.kind.is_directed() || advertising.target == own;
        let is_accepted = !advertising.filters_initiators()
            || self.station(advertiser).is_some_and(|peer| peer.accepts(own));
        let is_linked = self.links.iter().flatten().any(|link| {
            let stations = [link.central.station, link.peripheral.station];
            link.is_whole() && stations.contains(&index) && stations.contains(&advertiser)
        });
        let hears = is_wanted && is_for_it && is_accepted && !is_linked;
        let hears = hears
            && initiating.listener.hears(self.clock.now())
            && !self.is_lost(advertiser, index, Carried::Advertisement);
        hears.then_some((initiating, own))
    }

    /// CONNECT_IND: both ends have the connection from now on, and its first event comes within the transmit window.
    fn connect(&mut self, central: (usize, Address), peripheral: (usize, Address), initiating: &Initiating) {
        let now = self.clock.now();
        let timing = initiating.timing;
        let phase_us = self.rng.u64(0..=timing.interval_us());
        let index = self.links.iter().position(Option::is_none).unwrap_or(self.links.len());
        let ((central, central_address), (peripheral, peripheral_address)) = (central, peripheral);
        if let Some(station) = self.station_mut(central) {
            station.settings.initiating = None;
        }
        if let Some(station) = self.station_mut(peripheral) {
            station.settings.advertising.enabled = false;
        }
        let link = Link {
            index,
            epoch: self.next_number(),
            created_us: now,
            timing,
            anchor_us: now + TRANSMIT_WINDOW_DELAY_US + phase_us,
            counter: 0,
            moved: 0,
            scheduled: false,
            watch_us: None,
            update: None,
            central: self.open_end(index, Side::Central, central, peripheral_address, timing),
            peripheral: self.open_end(index, Side::Peripheral, peripheral, central_address, timing),
        };
        if index == self.links.len() {
            self.links.push(None);
        }
        self.settle(index, Box::new(link));
    }

    /// One end of a new link, which its host hears of.
    fn open_end(&mut self, link: usize, side: Side, index: usize, peer: Address, timing: Timing) -> End {
        let now = self.clock.now();
        let handle = self.station(index).map(|station| station.free_handle()).unwrap_or_default();
        let mut end = End::new(index, handle, peer, now);
        if let Some(station) = self.station_mut(index) {
            station.connections.push(Connection { handle, link, side });
            station.connection_complete(handle, side as u8, peer, timing);
            // A controller whose host suggests longer PDUs asks for them by itself.
            let suggested = station.settings.suggested_data_length;
            if suggested.0 > end.wanted_tx.0 {
                end.wanted_tx = suggested;
                let request = end.length_pdu(opcode::LENGTH_REQ);
                end.send_control(&request);
            }
        }
        end
    }
}
