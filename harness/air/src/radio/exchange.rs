//! Connection events: the packets between the two ends of a link, their loss, and when an end gives up.

use bt_hci_transport::PacketKind;

use super::control::opcode;
use super::encryption::Encryption;
use super::link::{End, Link, Side, tag};
use super::{Carried, Happening, Radio};
use crate::controller::{HostError, status};

/// Packet_Boundary_Flag values (Core Vol 4 Part E 5.4.2).
mod boundary {
    pub(super) const FIRST_NON_FLUSHABLE: u16 = 0b00;
    pub(super) const CONTINUING: u16 = 0b01;
    pub(super) const FIRST_FLUSHABLE: u16 = 0b10;
}

impl Radio {
    /// ACL data from a controller's host.
    pub(crate) fn data_from_host(&mut self, index: usize, bytes: &[u8]) -> Result<(), HostError> {
        let now = self.clock.now();
        let Some(station) = self.stations.get_mut(index) else { return Ok(()) };
        let malformed = HostError::Malformed { kind: PacketKind::AclData, length: bytes.len() };
        let Some(([low, high, len_low, len_high], data)) = bytes.split_first_chunk() else {
            return station.refuse(malformed);
        };
        if data.len() != usize::from(u16::from_le_bytes([*len_low, *len_high])) {
            return station.refuse(malformed);
        }
        let head = u16::from_le_bytes([*low, *high]);
        let (handle, flags) = (head & 0x0FFF, head >> 12);
        // Broadcast flags are 00 here, and LE-U data from the host is not flushable.
        let tag = match flags {
            boundary::FIRST_NON_FLUSHABLE => tag::START,
            boundary::CONTINUING => tag::CONTINUATION,
            _ => return station.refuse(HostError::Flags(u8::try_from(flags).unwrap_or(u8::MAX))),
        };
        let Some(connection) = station.connection(handle) else {
            return station.refuse(HostError::UnknownHandle(handle));
        };
        let limit = station.config.acl_packet_length;
        if data.len() > usize::from(limit) {
            return station.refuse(HostError::TooLong { length: data.len(), limit });
        }
        if data.is_empty() {
            return station.refuse(HostError::Empty(handle));
        }
        let count = station.config.acl_packet_count;
        if station.acl_in_use >= u16::from(count) {
            station.data_buffer_overflow();
            return station.refuse(HostError::BufferOverrun { handle, count });
        }
        let Some(mut link) = self.links.get_mut(connection.link).and_then(Option::take) else {
            return Ok(());
        };
        station.acl_in_use += 1;
        link.catch_up(now);
        link.end_mut(connection.side).send_data(tag, data);
        self.settle(connection.link, link);
        Ok(())
    }

    /// A link, if it is still the one of that epoch. Whoever takes it gives it to [`Radio::settle`].
    pub(super) fn take_link(&mut self, index: usize, epoch: u64) -> Option<Box<Link>> {
        self.links.get_mut(index)?.take_if(|link| link.epoch == epoch)
    }

    /// Puts a link back and sees to what is due on it next. It is gone when both ends are.
    pub(super) fn settle(&mut self, index: usize, mut link: Box<Link>) {
        if !link.central.open && !link.peripheral.open {
            return;
        }
        let epoch = link.epoch;
        let whole = link.is_whole();
        let lossy = self.is_lossy(link.central.station, link.peripheral.station);
        if whole && !link.scheduled && (lossy || link.has_business()) {
            link.scheduled = true;
            self.schedule(link.anchor_us, Happening::ConnectionEvent { link: index, epoch });
        }
        if (lossy || !whole)
            && let Some(deadline) = link.first_deadline_us()
        {
            let deadline = deadline.max(self.clock.now());
            // A look that comes too early renews itself, so the deadline may move on without a new one.
            if link.watch_us.is_none_or(|watch| watch > deadline) {
                link.watch_us = Some(deadline);
                self.schedule(deadline, Happening::Supervision { link: index, epoch });
            }
        }
        if let Some(slot) = self.links.get_mut(index) {
            *slot = Some(link);
        }
    }

    /// One connection event, as a whole.
    pub(super) fn connection_event(&mut self, index: usize, epoch: u64) {
        let Some(mut link) = self.take_link(index, epoch) else { return };
        link.scheduled = false;
        if !link.is_whole() || self.reaches_instant(&mut link) {
            return self.settle(index, link);
        }
        // The pause at the end of the last exchange keeps the event apart from the next anchor.
        let mut left_us = link.timing.interval_us();
        loop {
            let exchange_us = link.exchange_us();
            let moved = link.moved;
            let heard = self.transmit(&mut link, Side::Central) && self.transmit(&mut link, Side::Peripheral);
            left_us = left_us.saturating_sub(exchange_us);
            // When nothing has moved, the receiving host is full: there is no use in trying again at once.
            if !heard || moved == link.moved || !link.has_more() || link.exchange_us() > left_us {
                break;
            }
        }
        self.report_completed(&mut link.central);
        self.report_completed(&mut link.peripheral);
        link.anchor_us += link.timing.interval_us();
        link.counter = link.counter.wrapping_add(1);
        self.settle(index, link);
    }

    /// At the instant of an update the new timing comes into force, and the event moves to its new anchor.
    fn reaches_instant(&mut self, link: &mut Link) -> bool {
        let Some(update) = link.update.filter(|update| update.instant == Some(link.counter)) else {
            return false;
        };
        link.update = None;
        let changed = link.timing != update.timing;
        link.timing = update.timing;
        link.anchor_us += update.offset_us;
        for side in [Side::Central, Side::Peripheral] {
            let end = link.end(side);
            // The central's host has asked, the peripheral's hears of a change only (Core Vol 4 Part E 7.7.65.3).
            if (changed || side == Side::Central)
                && let Some(station) = self.stations.get_mut(end.station)
            {
                station.connection_update_complete(end.handle, link.timing);
            }
        }
        update.offset_us > 0
    }

    /// One packet from one end to the other: the first that waits, or an empty one. It acknowledges what the other
    /// has sent before (Core Vol 6 Part B 4.5.9). Says whether it was heard.
    fn transmit(&mut self, link: &mut Link, from: Side) -> bool {
        if !link.is_whole() {
            return false;
        }
        let (sender, receiver) = (link.end(from).station, link.end(from.other()).station);
        let heard = !self.is_lost(sender, receiver, Carried::ConnectionEvent(link.counter));
        if heard {
            let receiver = link.end_mut(from.other());
            receiver.established = true;
            receiver.heard_us = self.clock.now();
            let acknowledges = receiver.head_delivered;
            // What the packet carries comes first: its acknowledgement may be the end of the link.
            self.carry(link, from);
            // Nor is anything acknowledged to an end that has just left.
            if acknowledges && link.end(from.other()).open {
                self.acknowledged(link, from.other());
            }
        }
        // The acknowledgement of LL_TERMINATE_IND is sent, heard or not: the link is over for this end
        // (Core Vol 6 Part B 5.1.6).
        if let Some(reason) = link.end(from).leaving {
            self.close_end(link, from, Some(reason));
        }
        heard
    }

    /// The peer has acknowledged the first packet of an end.
    fn acknowledged(&mut self, link: &mut Link, side: Side) {
        let end = link.end_mut(side);
        let (is_control, is_last) = match end.tx.front() {
            Some((tag::CONTROL, pdu)) => (true, pdu.first() == Some(&opcode::TERMINATE_IND)),
            _ => (false, false),
        };
        end.tx.pop();
        end.head_delivered = false;
        link.moved = link.moved.wrapping_add(1);
        let end = link.end_mut(side);
        if !is_control {
            end.completed += 1;
            end.data_queued -= 1;
        }
        if is_last {
            self.close_end(link, side, Some(status::TERMINATED_BY_LOCAL_HOST));
        }
    }

    /// Hands the first packet of the sender to the receiver, unless that one has it already or its host has no room:
    /// then it is not acknowledged and comes again.
    fn carry(&mut self, link: &mut Link, from: Side) {
        let (sender, receiver) = link.ends_mut(from);
        if sender.head_delivered {
            return;
        }
        let Some((tag, bytes)) = sender.tx.front() else { return };
        if tag == tag::CONTROL {
            let pdu = bytes.to_vec();
            sender.head_delivered = true;
            link.moved = link.moved.wrapping_add(1);
            return self.receive_control(link, from.other(), &pdu);
        }
        let Some(station) = self.stations.get_mut(receiver.station) else { return };
        if !station.takes_data() {
            return;
        }
        let flags = if tag == tag::START { boundary::FIRST_FLUSHABLE } else { boundary::CONTINUING };
        let [low, high] = (receiver.handle | flags << 12).to_le_bytes();
        let [len_low, len_high] = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
        station.port.send(PacketKind::AclData, &[&[low, high, len_low, len_high], bytes]);
        sender.head_delivered = true;
        if station.settings.host_flow.enabled {
            station.settings.host_flow.outstanding += 1;
            receiver.host_holds += 1;
        }
        link.moved = link.moved.wrapping_add(1);
    }

    /// Number Of Completed Packets, for what was acknowledged since the last.
    fn report_completed(&mut self, end: &mut End) {
        let count = std::mem::take(&mut end.completed);
        if count > 0
            && let Some(station) = self.stations.get_mut(end.station)
        {
            station.acl_in_use = station.acl_in_use.saturating_sub(count);
            station.number_of_completed_packets(end.handle, count);
        }
    }

    /// Ends a link at one end; `reason` goes to its host. What was not acknowledged is flushed, and the host counts
    /// it as free by itself (Core Vol 4 Part E 4.1.1).
    pub(super) fn close_end(&mut self, link: &mut Link, side: Side, reason: Option<u8>) {
        let end = link.end_mut(side);
        if !end.open {
            return;
        }
        end.open = false;
        end.leaving = None;
        end.encryption = Encryption::default();
        let flushed = end.flush();
        let held = std::mem::take(&mut end.host_holds);
        if reason.is_some() {
            self.report_completed(end);
        }
        let Some(station) = self.stations.get_mut(end.station) else { return };
        station.acl_in_use = station.acl_in_use.saturating_sub(flushed);
        let flow = &mut station.settings.host_flow;
        flow.outstanding = flow.outstanding.saturating_sub(held);
        station.connections.retain(|connection| connection.handle != end.handle);
        if let Some(reason) = reason {
            station.disconnection_complete(end.handle, reason);
        }
    }

    /// Ends the link at an end that has not heard the other for too long.
    pub(super) fn supervise(&mut self, index: usize, epoch: u64) {
        let now = self.clock.now();
        let Some(mut link) = self.take_link(index, epoch) else { return };
        // An update may have put an earlier look in the place of this one.
        if link.watch_us != Some(now) {
            return self.settle(index, link);
        }
        link.watch_us = None;
        link.catch_up(now);
        for side in [Side::Central, Side::Peripheral] {
            if link.end(side).open && link.deadline_us(side) <= now {
                let reason = match link.end(side).established {
                    true => status::CONNECTION_TIMEOUT,
                    false => status::FAILED_TO_BE_ESTABLISHED,
                };
                self.close_end(&mut link, side, Some(reason));
            }
        }
        self.settle(index, link);
    }

    /// The peer did not acknowledge the end of the link in time (Core Vol 6 Part B 5.1.6).
    pub(super) fn give_up_termination(&mut self, index: usize, epoch: u64, side: Side) {
        let Some(mut link) = self.take_link(index, epoch) else { return };
        link.catch_up(self.clock.now());
        self.close_end(&mut link, side, Some(status::TERMINATED_BY_LOCAL_HOST));
        self.settle(index, link);
    }
}
