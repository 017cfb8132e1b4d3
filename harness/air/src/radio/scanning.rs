//! Scanning: its commands, and the reports (Core Vol 6 Part B 4.4.3).

use super::advertising::Advertising;
use super::{Carried, Radio};
use crate::controller::{Address, Listener, Parameters, Report, own_address_kind, status};

/// How many different advertisements the duplicate filter knows; then it forgets the oldest.
const KNOWN: usize = 64;

/// Event_Type of a scan response.
const SCAN_RESPONSE: u8 = 4;

/// A controller's scanner.
#[derive(Debug)]
pub(crate) struct Scanning {
    pub(crate) enabled: bool,
    active: bool,
    own_kind: u8,
    /// 1: only what is on the filter accept list.
    pub(crate) filter: u8,
    listener: Listener,
    /// None: duplicates are reported.
    reported: Option<Vec<(Address, u8)>>,
}

impl Default for Scanning {
    fn default() -> Self {
        // Interval and window 10 ms (Core Vol 4 Part E 7.8.10).
        let listener = Listener { start_us: 0, interval_us: 10_000, window_us: 10_000 };
        Self { enabled: false, active: false, own_kind: 0, filter: 0, listener, reported: None }
    }
}

impl Scanning {
    /// Whether a report of this kind is the first for that address.
    fn is_new(&mut self, address: Address, kind: u8) -> bool {
        let Some(reported) = &mut self.reported else { return true };
        if reported.contains(&(address, kind)) {
            return false;
        }
        if reported.len() >= KNOWN {
            reported.remove(0);
        }
        reported.push((address, kind));
        true
    }
}

impl Radio {
    pub(crate) fn set_scan_parameters(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        let scanning = &mut station.settings.scanning;
        if scanning.enabled {
            return Err(status::COMMAND_DISALLOWED);
        }
        let (kind, interval, window, own_kind, filter) = (p.u8(), p.u16(), p.u16(), p.u8(), p.u8());
        let listener = Listener::new(interval, window)?;
        let own_kind = own_address_kind(own_kind)?;
        // Filter policies 2 and 3 are for resolvable addresses, which need LL privacy.
        if kind > 1 || filter > 1 {
            return Err(status::INVALID_PARAMETERS);
        }
        *scanning = Scanning { active: kind == 1, own_kind, filter, listener, ..Scanning::default() };
        Ok(())
    }

    pub(crate) fn enable_scanning(&mut self, index: usize, p: &mut Parameters<'_>) -> Result<(), u8> {
        let now = self.clock.now();
        let Some(station) = self.station_mut(index) else { return Ok(()) };
        let (enable, filter_duplicates) = (p.u8(), p.u8());
        if enable > 1 || filter_duplicates > 1 {
            return Err(status::INVALID_PARAMETERS);
        }
        if enable == 1 && station.own_address(station.settings.scanning.own_kind).is_none() {
            return Err(status::INVALID_PARAMETERS);
        }
        let scanning = &mut station.settings.scanning;
        if enable == 1 && !scanning.enabled {
            scanning.listener.start_us = now;
        }
        // Enabling it again begins a new list of duplicates (Core Vol 4 Part E 7.8.11).
        scanning.enabled = enable == 1;
        scanning.reported = (filter_duplicates == 1).then(Vec::new);
        Ok(())
    }

    /// Lets all scanners hear an advertising event.
    pub(super) fn offer_to_scanners(
        &mut self,
        advertiser: usize,
        address: Address,
        advertising: &Advertising,
    ) {
        for index in 0..self.stations.len() {
            if index != advertiser && self.scanner_hears(index, advertiser, address, advertising) {
                self.report(index, address, advertising.kind.report(), advertising.data.as_slice());
                self.scan_actively(index, advertiser, address, advertising);
            }
        }
    }

    fn scanner_hears(
        &mut self,
        index: usize,
        advertiser: usize,
        address: Address,
        advertising: &Advertising,
    ) -> bool {
        let now = self.clock.now();
        let Some(station) = self.station(index) else { return false };
        let scanning = &station.settings.scanning;
        if !scanning.enabled || !scanning.listener.hears(now) {
            return false;
        }
        let is_for_it = !advertising.kind.is_directed()
            || station.own_address(scanning.own_kind).is_some_and(|own| own == advertising.target);
        let is_accepted = scanning.filter == 0 || station.accepts(address);
        is_for_it && is_accepted && !self.is_lost(advertiser, index, Carried::Advertisement)
    }

    /// SCAN_REQ, and SCAN_RSP if the advertiser answers.
    fn scan_actively(
        &mut self,
        index: usize,
        advertiser: usize,
        address: Address,
        advertising: &Advertising,
    ) {
        let Some(station) = self.station(index) else { return };
        let scanning = &station.settings.scanning;
        let Some(own) = station.own_address(scanning.own_kind) else { return };
        if !scanning.active || !advertising.kind.is_scannable() {
            return;
        }
        let is_answered = !advertising.filters_scanners()
            || self.station(advertiser).is_some_and(|advertiser| advertiser.accepts(own));
        if is_answered
            && !self.is_lost(index, advertiser, Carried::ScanRequest)
            && !self.is_lost(advertiser, index, Carried::ScanResponse)
        {
            self.report(index, address, SCAN_RESPONSE, advertising.response.as_slice());
        }
    }

    fn report(&mut self, index: usize, address: Address, kind: u8, data: &[u8]) {
        let Some(station) = self.station_mut(index) else { return };
        // Directed advertising carries no data.
        let data = if kind == 1 { &[] } else { data };
        if station.settings.scanning.is_new(address, kind) {
            station.advertising_report(Report { kind, address, data });
        }
    }
}
