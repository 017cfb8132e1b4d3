//! Advertising: its commands, and its events on the air (Core Vol 6 Part B 4.4.2).

use super::link::Side;
use super::{Happening, Radio};
use crate::controller::{Address, Parameters, own_address_kind, status};

/// Between an advertising event and the next, besides the interval: up to 10 ms (Core Vol 6 Part B 4.4.2.2.1).
const MAX_DELAY_US: u64 = 10_000;

/// High duty cycle directed advertising: an event at least every 3.75 ms, for 1.28 s (Core Vol 6 Part B 4.4.2.4.3).
const HIGH_DUTY_INTERVAL_US: u64 = 3_750;
const HIGH_DUTY_US: u64 = 1_280_000;

/// Advertising_Type of a command (Core Vol 4 Part E 7.8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Undirected,
    DirectedHighDuty,
    Scannable,
    NonConnectable,
    DirectedLowDuty,
}

impl Kind {
    pub(super) fn is_directed(self) -> bool {
        matches!(self, Self::DirectedHighDuty | Self::DirectedLowDuty)
    }

    pub(super) fn is_connectable(self) -> bool {
        self.is_directed() || self == Self::Undirected
    }

    pub(super) fn is_scannable(self) -> bool {
        matches!(self, Self::Undirected | Self::Scannable)
    }

    /// Event_Type of an advertising report.
    pub(super) fn report(self) -> u8 {
        match self {
            Self::Undirected => 0,
            Self::DirectedHighDuty | Self::DirectedLowDuty => 1,
            Self::Scannable => 2,
            Self::NonConnectable => 3,
        }
    }
}

/// Up to 31 bytes of advertising or scan response data.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Payload {
    length: usize,
    bytes: [u8; 31],
}

impl Payload {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A controller's advertiser.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Advertising {
    pub(crate) enabled: bool,
    pub(super) epoch: u64,
    pub(super) kind: Kind,
    interval_us: u64,
    own_kind: u8,
    /// Whom directed advertising is for.
    pub(super) target: Address,
    /// Bit 0: scan requests, bit 1: connection requests only from the filter accept list.
    pub(crate) filter: u8,
    pub(super) data: Payload,
    pub(super) response: Payload,
    /// When high duty cycle advertising ends.
    until_us: u64,
}

impl Default for Advertising {
    fn default() -> Self {
        Self {
            enabled: false,
            epoch: 0,
            kind: Kind::default(),
            // 1.28 s (Core Vol 4 Part E 7.8.5).
            interval_us: 0x0800 * 625,
            own_kind: 0,
            target: Address { kind: 0, bytes: [0; 6] },
            filter: 0,
            data: Payload::default(),
            response: Payload::default(),
            until_us: u64::MAX,
        }
    }
}

impl Advertising {
    pub(super) fn filters_scanners(&self) -> bool {
        self.filter & 1 != 0
    }

    pub(super) fn filters_initiators(&self) -> bool {
        self.filter & 2 != 0
    }
}

impl Radio {
    pub(crate) fn set_advertising_parameters(
        &mut self,
        index: usize,
        p: &mut Parameters<'_>,
    ) -> Result<(), u8> {
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        let advertising = &mut station.settings.advertising;
        if advertising.enabled {
            return Err(status::COMMAND_DISALLOWED);
        }
        let (min, max, kind) = (p.u16(), p.u16(), p.u8());
        let own_kind = own_address_kind(p.u8())?;
        let target = Address { kind: p.u8(), bytes: p.array() };
        let (channels, filter) = (p.u8(), p.u8());
        let kind = match kind {
            0 => Kind::Undirected,
            1 => Kind::DirectedHighDuty,
            2 => Kind::Scannable,
            3 => Kind::NonConnectable,
            4 => Kind::DirectedLowDuty,
            _ => return Err(status::INVALID_PARAMETERS),
        };
        // The intervals are ignored for high duty cycle, the peer for what is not directed.
        let interval_fits = kind == Kind::DirectedHighDuty
            || (0x0020..=0x4000).contains(&max) && (0x0020..=max).contains(&min);
        let target_fits = !kind.is_directed() || target.kind <= 1;
        if !interval_fits || !target_fits || !(1..=7).contains(&channels) || filter > 3 {
            return Err(status::INVALID_PARAMETERS);
        }
        advertising.kind = kind;
        advertising.own_kind = own_kind;
        advertising.target = target;
        // Directed advertising has no filter policy.
        advertising.filter = if kind.is_directed() { 0 } else { filter };
        advertising.interval_us = match kind {
            Kind::DirectedHighDuty => HIGH_DUTY_INTERVAL_US,
            _ => u64::from(min) * 625,
        };
        Ok(())
    }

    /// The data of advertisements, or of scan responses.
    pub(crate) fn set_advertising_data(
        &mut self,
        index: usize,
        is_response: bool,
        p: &mut Parameters<'_>,
    ) -> Result<(), u8> {
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        let payload = Payload { length: usize::from(p.u8()), bytes: p.array() };
        if payload.length > payload.bytes.len() {
            return Err(status::INVALID_PARAMETERS);
        }
        let advertising = &mut station.settings.advertising;
        *(if is_response { &mut advertising.response } else { &mut advertising.data }) = payload;
        Ok(())
    }

    pub(crate) fn enable_advertising(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let epoch = self.next_number();
        let now = self.clock.now();
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        let advertising = station.settings.advertising;
        match p.u8() {
            0 => {
                station.settings.advertising.enabled = false;
                return Ok(());
            }
            1 if advertising.enabled => return Ok(()),
            1 => {}
            _ => return Err(status::INVALID_PARAMETERS),
        }
        if station.own_address(advertising.own_kind).is_none() {
            return Err(status::INVALID_PARAMETERS);
        }
        if advertising.kind.is_connectable() && !station.has_room() {
            return Err(status::CONNECTION_LIMIT_EXCEEDED);
        }
        let is_high_duty = advertising.kind == Kind::DirectedHighDuty;
        let until_us = if is_high_duty { now + HIGH_DUTY_US } else { u64::MAX };
        station.settings.advertising = super::Advertising { enabled: true, epoch, until_us, ..advertising };
        let delay_us = if is_high_duty { 0 } else { self.rng.u64(0..=MAX_DELAY_US) };
        self.schedule(now + delay_us, Happening::Advertising { station: index, epoch });
        Ok(())
    }

    /// One advertising event, on all three channels at once.
    pub(super) fn advertising_event(&mut self, index: usize, epoch: u64) {
        let now = self.clock.now();
        let Some(station) = self.station_mut(index) else { return };
        let advertising = station.settings.advertising;
        if !advertising.enabled || advertising.epoch != epoch {
            return;
        }
        if now >= advertising.until_us {
            station.settings.advertising.enabled = false;
            return station.connection_failed(status::ADVERTISING_TIMEOUT, Side::Peripheral as u8);
        }
        let Some(own) = station.own_address(advertising.own_kind) else { return };
        self.offer_to_scanners(index, own, &advertising);
        if advertising.kind.is_connectable() && self.offer_to_initiators(index, own, &advertising) {
            return;
        }
        let delay_us = match advertising.kind {
            Kind::DirectedHighDuty => 0,
            _ => self.rng.u64(0..=MAX_DELAY_US),
        };
        let next_us = (now + advertising.interval_us + delay_us).min(advertising.until_us);
        self.schedule(next_us, Happening::Advertising { station: index, epoch });
    }
}
