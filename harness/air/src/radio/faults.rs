//! What is lost on the air: by chance, at a rate for each pair and direction, or because a rule says so.

use std::fmt;

use super::Radio;

/// What one transmission carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carried {
    /// An advertising PDU, as one scanner or initiator hears it.
    Advertisement,
    /// `SCAN_REQ`.
    ScanRequest,
    /// `SCAN_RSP`.
    ScanResponse,
    /// A packet in the connection event with this number (modulo 65,536), empty or not.
    ConnectionEvent(u16),
}

/// One transmission under way from one controller to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmission {
    /// When, in microseconds since the bench's start.
    pub at_us: u64,
    /// The sender, by [`crate::Controller::index`].
    pub from: usize,
    /// The receiver, likewise.
    pub to: usize,
    /// What it carries.
    pub carried: Carried,
}

/// What becomes of a transmission.
///
/// There is no delay: a link repeats at its next connection event whatever was not acknowledged, so losing a
/// transmission is how it comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It goes on the air, where the rates of loss still hold.
    Pass,
    /// It is lost.
    Drop,
}

/// The rule that decides about each transmission.
type Fault = Box<dyn FnMut(Transmission) -> Fate>;

/// All that can make a transmission be lost.
#[derive(Default)]
pub(super) struct Faults {
    /// Thousandths, for all pairs that are not in `pairs`.
    per_mille: u16,
    /// Thousandths by sender and receiver.
    pairs: Vec<((usize, usize), u16)>,
    fault: Option<Fault>,
    /// Whether anything can be lost at all.
    any: bool,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.fault.as_ref().map(|_| "rule");
        write!(f, "Faults {{ per_mille: {}, pairs: {:?}, fault: {rule:?} }}", self.per_mille, self.pairs)
    }
}

impl Faults {
    fn rate(&self, from: usize, to: usize) -> u16 {
        let own = self.pairs.iter().find(|(pair, _)| *pair == (from, to));
        own.map_or(self.per_mille, |(_, per_mille)| *per_mille)
    }
}

impl Radio {
    /// One rate of loss, in thousandths, for all pairs both ways.
    pub(crate) fn set_loss(&mut self, per_mille: u16) {
        self.change_faults(|faults| {
            faults.per_mille = per_mille;
            faults.pairs.clear();
        });
    }

    /// The rate of loss, in thousandths, of what `from` sends to `to`.
    pub(crate) fn set_loss_between(&mut self, from: usize, to: usize, per_mille: u16) {
        self.change_faults(|faults| {
            faults.pairs.retain(|(pair, _)| *pair != (from, to));
            faults.pairs.push(((from, to), per_mille));
        });
    }

    pub(crate) fn set_fault(&mut self, fault: Option<Fault>) {
        self.change_faults(|faults| faults.fault = fault);
    }

    fn change_faults(&mut self, change: impl FnOnce(&mut Faults)) {
        // The events that were skipped until now went by under the former faults.
        for link in self.links.iter_mut().flatten() {
            link.catch_up(self.clock.now());
        }
        let faults = &mut self.faults;
        change(faults);
        faults.any = faults.per_mille > 0 || !faults.pairs.is_empty() || faults.fault.is_some();
        for index in 0..self.links.len() {
            if let Some(link) = self.links.get_mut(index).and_then(Option::take) {
                self.settle(index, link);
            }
        }
    }

    // The two that follow are asked all the time, and nearly always nothing is lost.

    /// Whether anything between two controllers may be lost, so that no connection event of theirs may be skipped.
    #[inline]
    pub(super) fn is_lossy(&self, one: usize, other: usize) -> bool {
        let faults = &self.faults;
        faults.any && (faults.fault.is_some() || faults.rate(one, other) > 0 || faults.rate(other, one) > 0)
    }

    /// Whether the transmission under way is lost.
    #[inline]
    pub(super) fn is_lost(&mut self, from: usize, to: usize, carried: Carried) -> bool {
        self.faults.any && self.decide_loss(from, to, carried)
    }

    #[cold]
    fn decide_loss(&mut self, from: usize, to: usize, carried: Carried) -> bool {
        if let Some(fault) = &mut self.faults.fault
            && fault(Transmission { at_us: self.clock.now(), from, to, carried }) == Fate::Drop
        {
            return true;
        }
        let rate = self.faults.rate(from, to);
        rate > 0 && self.loss_rng.u16(0..1000) < rate
    }
}
