//! The events that a controller sends, through the host's event masks (Core Vol 4 Part E 7.7).

use super::station::{Address, Station};

/// Event codes. Those that can be masked have bit `code - 1` of the event mask (Core Vol 4 Part E 7.3.1).
mod code {
    pub(super) const DISCONNECTION_COMPLETE: u8 = 0x05;
    pub(super) const ENCRYPTION_CHANGE: u8 = 0x08;
    pub(super) const READ_REMOTE_VERSION_COMPLETE: u8 = 0x0C;
    pub(super) const COMMAND_COMPLETE: u8 = 0x0E;
    pub(super) const COMMAND_STATUS: u8 = 0x0F;
    pub(super) const NUMBER_OF_COMPLETED_PACKETS: u8 = 0x13;
    pub(super) const DATA_BUFFER_OVERFLOW: u8 = 0x1A;
    pub(super) const ENCRYPTION_KEY_REFRESH_COMPLETE: u8 = 0x30;
    pub(super) const LE_META: u8 = 0x3E;
}

/// The bit of LE Meta in the event mask; the others are at their code less one.
const LE_META_BIT: u32 = 61;

/// Subevent codes; bit `code - 1` of the LE event mask (Core Vol 4 Part E 7.8.1).
mod le_code {
    pub(super) const CONNECTION_COMPLETE: u8 = 0x01;
    pub(super) const ADVERTISING_REPORT: u8 = 0x02;
    pub(super) const CONNECTION_UPDATE_COMPLETE: u8 = 0x03;
    pub(super) const READ_REMOTE_FEATURES_COMPLETE: u8 = 0x04;
    pub(super) const LONG_TERM_KEY_REQUEST: u8 = 0x05;
    pub(super) const DATA_LENGTH_CHANGE: u8 = 0x07;
    pub(super) const PHY_UPDATE_COMPLETE: u8 = 0x0C;
}

/// How strong every signal is, in dBm.
pub(crate) const RSSI_DBM: i8 = -50;

/// One command at a time, and always the next one.
const COMMAND_PACKETS: u8 = 1;

/// The timing of a connection, in the units of the HCI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// In 1.25 ms.
    pub(crate) interval: u16,
    /// In connection events.
    pub(crate) latency: u16,
    /// Supervision timeout in 10 ms.
    pub(crate) timeout: u16,
}

impl Timing {
    pub(crate) fn interval_us(&self) -> u64 {
        u64::from(self.interval) * 1250
    }

    pub(crate) fn timeout_us(&self) -> u64 {
        u64::from(self.timeout) * 10_000
    }

    /// Interval, latency and timeout as events carry them.
    fn to_bytes(self) -> [u8; 6] {
        let ([a, b], [c, d], [e, f]) =
            (self.interval.to_le_bytes(), self.latency.to_le_bytes(), self.timeout.to_le_bytes());
        [a, b, c, d, e, f]
    }
}

/// What an advertising report says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report<'a> {
    /// Event_Type of Core Vol 4 Part E 7.7.65.2: 0 to 3 by advertising PDU, 4 for a scan response.
    pub(crate) kind: u8,
    pub(crate) address: Address,
    pub(crate) data: &'a [u8],
}

impl Station {
    fn event(&mut self, code: u8, parameters: &[&[u8]]) {
        let length: usize = parameters.iter().map(|part| part.len()).sum();
        let length = u8::try_from(length).unwrap_or(u8::MAX);
        // At most six parts are ever given; a fixed array spares an allocation for each event.
        let header = [code, length];
        let mut parts: [&[u8]; 8] = [&[]; 8];
        let all = std::iter::once(&header[..]).chain(parameters.iter().copied());
        parts.iter_mut().zip(all).for_each(|(slot, part)| *slot = part);
        self.port.send_event(&parts);
    }

    fn masked_event(&mut self, code: u8, parameters: &[&[u8]]) {
        if self.settings.event_mask & (1 << (code - 1)) != 0 {
            self.event(code, parameters);
        }
    }

    /// Says whether the host lets the event through.
    fn le_event(&mut self, le_code: u8, parameters: [&[u8]; 5]) -> bool {
        let unmasked = self.settings.event_mask & (1 << LE_META_BIT) != 0
            && self.settings.le_event_mask & (1 << (le_code - 1)) != 0;
        if unmasked {
            let [a, b, c, d, e] = parameters;
            self.event(code::LE_META, &[&[le_code], a, b, c, d, e]);
        }
        unmasked
    }

    pub(crate) fn command_complete(&mut self, opcode: u16, returned: &[u8]) {
        self.event(code::COMMAND_COMPLETE, &[&[COMMAND_PACKETS], &opcode.to_le_bytes(), returned]);
    }

    pub(crate) fn command_status(&mut self, opcode: u16, status: u8) {
        self.event(code::COMMAND_STATUS, &[&[status, COMMAND_PACKETS], &opcode.to_le_bytes()]);
    }

    pub(crate) fn number_of_completed_packets(&mut self, handle: u16, count: u16) {
        let ([h_low, h_high], [c_low, c_high]) = (handle.to_le_bytes(), count.to_le_bytes());
        // In one piece: this is half of all events.
        let event = [code::NUMBER_OF_COMPLETED_PACKETS, 5, 1, h_low, h_high, c_low, c_high];
        self.port.send_event(&[&event]);
    }

    pub(crate) fn data_buffer_overflow(&mut self) {
        // Link_Type 1: ACL.
        self.masked_event(code::DATA_BUFFER_OVERFLOW, &[&[1]]);
    }

    pub(crate) fn disconnection_complete(&mut self, handle: u16, reason: u8) {
        self.masked_event(code::DISCONNECTION_COMPLETE, &[&[0], &handle.to_le_bytes(), &[reason]]);
    }

    /// `version` as LL_VERSION_IND carries it: version, company, subversion.
    pub(crate) fn remote_version_complete(&mut self, handle: u16, version: [u8; 5]) {
        self.masked_event(code::READ_REMOTE_VERSION_COMPLETE, &[&[0], &handle.to_le_bytes(), &version]);
    }

    /// `status` is 0 when encryption is on now. Always the first version of the event: the second tells the size of the
    /// key besides, and there are hosts that unmask it and read the first alone.
    pub(crate) fn encryption_change(&mut self, handle: u16, status: u8) {
        let enabled = u8::from(status == 0);
        self.masked_event(code::ENCRYPTION_CHANGE, &[&[status], &handle.to_le_bytes(), &[enabled]]);
    }

    pub(crate) fn encryption_key_refresh_complete(&mut self, handle: u16, status: u8) {
        self.masked_event(code::ENCRYPTION_KEY_REFRESH_COMPLETE, &[&[status], &handle.to_le_bytes()]);
    }

    /// `request` is the random number and the EDIV of the central's host. Says whether the host lets it through.
    pub(crate) fn long_term_key_request(&mut self, handle: u16, request: [u8; 10]) -> bool {
        let parameters: [&[u8]; 5] = [&handle.to_le_bytes(), &request, &[], &[], &[]];
        self.le_event(le_code::LONG_TERM_KEY_REQUEST, parameters)
    }

    /// `role` is 0 for the central, 1 for the peripheral.
    pub(crate) fn connection_complete(&mut self, handle: u16, role: u8, peer: Address, timing: Timing) {
        let [low, high] = handle.to_le_bytes();
        // Clock accuracy 0: 500 ppm.
        let parameters: [&[u8]; 5] =
            [&[0, low, high, role, peer.kind], &peer.bytes, &timing.to_bytes(), &[0], &[]];
        self.le_event(le_code::CONNECTION_COMPLETE, parameters);
    }

    /// No connection: all but the status is zero.
    pub(crate) fn connection_failed(&mut self, status: u8, role: u8) {
        self.le_event(le_code::CONNECTION_COMPLETE, [&[status, 0, 0, role], &[0; 7], &[0; 6], &[0], &[]]);
    }

    pub(crate) fn connection_update_complete(&mut self, handle: u16, timing: Timing) {
        let parameters: [&[u8]; 5] = [&[0], &handle.to_le_bytes(), &timing.to_bytes(), &[], &[]];
        self.le_event(le_code::CONNECTION_UPDATE_COMPLETE, parameters);
    }

    pub(crate) fn remote_features_complete(&mut self, handle: u16, features: [u8; 8]) {
        let parameters: [&[u8]; 5] = [&[0], &handle.to_le_bytes(), &features, &[], &[]];
        self.le_event(le_code::READ_REMOTE_FEATURES_COMPLETE, parameters);
    }

    /// `lengths` are the maximum octets and time (us) to send, then to receive.
    pub(crate) fn data_length_change(&mut self, handle: u16, lengths: [u16; 4]) {
        let [a, b, c, d] = lengths.map(u16::to_le_bytes);
        let lengths = [a, b, c, d].concat();
        self.le_event(le_code::DATA_LENGTH_CHANGE, [&handle.to_le_bytes(), &lengths, &[], &[], &[]]);
    }

    /// LE 1M both ways: the only PHY.
    pub(crate) fn phy_update_complete(&mut self, handle: u16) {
        self.le_event(le_code::PHY_UPDATE_COMPLETE, [&[0], &handle.to_le_bytes(), &[1, 1], &[], &[]]);
    }

    /// Left out when the host is behind with reading.
    pub(crate) fn advertising_report(&mut self, report: Report<'_>) {
        if self.port.is_full() {
            return;
        }
        let length = u8::try_from(report.data.len()).unwrap_or(u8::MAX);
        let rssi = RSSI_DBM.to_le_bytes();
        let head = [1, report.kind, report.address.kind];
        let parameters: [&[u8]; 5] = [&head, &report.address.bytes, &[length], report.data, &rssi];
        self.le_event(le_code::ADVERTISING_REPORT, parameters);
    }
}
