//! How connections end: asked for, announced by a later step, or unasked.

use super::{Driver, Flow, OTHER_END_DEADLINE, Stop, is_disconnected};
use crate::central::{Central, UNSPECIFIED};
use crate::fault::Fault;
use crate::link::Report;
use conformance::observation::{CentralEvent, StepObservation};
use conformance::plan::PlannedStep;
use conformance::scenario::Action;
use embassy_time::Duration;

/// Error codes with which the device ends a connection (Core Vol 1 Part F 2.19 to 2.21).
const ENDED_BY_DEVICE: [u8; 3] = [REMOTE_USER, 0x14, 0x15];
const REMOTE_USER: u8 = 0x13;
const SUPERVISION_TIMEOUT: u8 = 0x08;
/// The error code of the one who ends a connection (Core Vol 1 Part F 2.22).
const LOCAL_HOST: u8 = 0x16;
const FAILED_TO_BE_ESTABLISHED: u8 = 0x3E;
/// The device has this long to end the connection when its application asks for it.
const DEVICE_DEADLINE: Duration = Duration::from_secs(10);

impl<C: Central> Driver<'_, C> {
    /// The clients whose connections the device is to end before or in the steps right after this one.
    pub(super) fn expected_endings(&self, index: usize) -> Vec<usize> {
        let after = self.plan.steps.iter().skip(index + 1).map(|planned| &planned.step);
        let announced = after.take_while(|step| step.action == Action::ExpectDisconnection);
        announced.map(|step| step.central).collect()
    }

    /// What a step's end before its time means.
    pub(super) async fn judge_stop(
        &mut self,
        result: Result<(), Stop>,
        action: &Action,
        seen: &mut StepObservation,
        expected: &[usize],
    ) -> Result<Flow, Stop> {
        let result = match result {
            Err(Stop::Gone(reason)) => Err(Stop::Gone(self.explained(reason, seen).await?)),
            other => other,
        };
        match result {
            Ok(()) => Ok(Flow::Next),
            Err(Stop::Noted) => Ok(Flow::Over),
            Err(Stop::NoResponse) => {
                self.vouch().await?;
                seen.central.push(CentralEvent::NoResponse);
                Ok(Flow::Over)
            }
            Err(Stop::Gone(reason)) if expected.contains(&self.who) && is_by_device(reason) => {
                // A later step asks for it; but what this step asked for must have been answered.
                if seen.central.is_empty() {
                    seen.central.push(CentralEvent::NoResponse);
                    return Ok(Flow::Over);
                }
                Ok(Flow::Next)
            }
            Err(Stop::Gone(reason)) => {
                self.ended_unasked(self.who, reason, seen).await?;
                if matches!(action, Action::Disconnect | Action::Reconnect | Action::Restart) {
                    // In these steps an end of the connection alone would look as it should.
                    let words = "the device ended the connection before it was to end";
                    seen.central.push(CentralEvent::Malformed(words.to_owned()));
                }
                Ok(Flow::Over)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Looks for connections that have ended, and that no step has asked for.
    pub(super) async fn unasked_endings(
        &mut self,
        seen: &mut StepObservation,
        expected: &[usize],
    ) -> Result<Flow, Stop> {
        let mut flow = Flow::Next;
        let watched: Vec<usize> = self
            .clients()
            .filter(|(who, client)| client.connected && !expected.contains(who))
            .map(|(who, _)| who)
            .collect();
        let is_reported = expected.is_empty() && self.reported_endings() > self.noted_endings(seen);
        for who in watched {
            let central = self.client(who).central;
            let reason = match central.gone() {
                Some(reason) => reason,
                // With one client it must be this one's; with more, the others will show.
                None if is_reported && self.others.is_empty() => {
                    central.wait_gone(OTHER_END_DEADLINE).await?.ok_or_else(one_sided)?
                }
                None => continue,
            };
            self.ended_unasked(who, reason, seen).await?;
            self.barrier().await?;
            flow = Flow::Over;
        }
        Ok(flow)
    }

    fn reported_endings(&self) -> usize {
        self.link.map_or(0, |link| link.count_reports(is_disconnected))
    }

    fn noted_endings(&self, seen: &StepObservation) -> usize {
        let own = seen.central.iter().filter(|event| **event == CentralEvent::Disconnected).count();
        own + seen.others.iter().filter(|other| other.event == CentralEvent::Disconnected).count()
    }

    /// Judges the end of a connection that no step asked for.
    async fn ended_unasked(
        &mut self,
        who: usize,
        reason: u8,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let reason = self.explained(reason, seen).await?;
        if reason == FAILED_TO_BE_ESTABLISHED {
            return Err(Stop::NotEstablished);
        }
        if !is_by_device(reason) {
            return Err(Stop::Rig(lost_by_radio(reason)));
        }
        // Only the board's own word makes it the device's doing.
        self.reported_ending(seen).await?;
        self.take_pushes(seen);
        self.note_of(who, CentralEvent::Disconnected, seen);
        self.disconnected(who);
        Ok(())
    }

    /// Why a connection has ended, where the central's system does not say it: the board knows whether it was its
    /// own doing.
    async fn explained(&self, reason: u8, seen: &StepObservation) -> Result<u8, Fault> {
        let Some(link) = self.link.filter(|_| reason == UNSPECIFIED) else { return Ok(reason) };
        self.reported_ending(seen).await?;
        let by_device = |report: &Report| *report == Report::Disconnected { reason: LOCAL_HOST };
        Ok(if link.count_reports(by_device) > 0 { REMOTE_USER } else { reason })
    }

    /// Waits for the board's report of one more ending than this step has noted.
    async fn reported_ending(&self, seen: &StepObservation) -> Result<(), Fault> {
        let Some(link) = self.link else { return Ok(()) };
        let count = self.noted_endings(seen) + 1;
        link.wait_reports(OTHER_END_DEADLINE, "report of the disconnection", count, is_disconnected).await
    }

    fn disconnected(&mut self, who: usize) {
        if let Some(client) = self.clients_mut().nth(who) {
            client.connected = false;
        }
    }

    /// The connection of a client has ended as it should: waits for the board's word.
    pub(super) async fn both_disconnected(
        &mut self,
        who: usize,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        if self.client(who).connected {
            self.reported_ending(seen).await?;
        }
        self.disconnected(who);
        self.note_of(who, CentralEvent::Disconnected, seen);
        Ok(())
    }

    /// The device has been asked to end the connection of a client, or is to do so by itself.
    pub(super) async fn ended_by_device(
        &mut self,
        who: usize,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let ended = match self.client(who).central.wait_gone(DEVICE_DEADLINE).await? {
            Some(reason) => Some(self.explained(reason, seen).await?),
            None => None,
        };
        match ended {
            Some(reason) if is_by_device(reason) => {
                self.take_pushes(seen);
                self.both_disconnected(who, seen).await
            }
            Some(reason) => Err(Stop::Rig(lost_by_radio(reason))),
            None => {
                self.vouch().await?;
                self.note_of(who, CentralEvent::Nothing, seen);
                Err(Stop::Noted)
            }
        }
    }

    /// Every connected client, whose connections the device is to end.
    pub(super) async fn all_ended_by_device(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        let connected: Vec<usize> =
            self.clients().filter(|(_, client)| client.connected).map(|(who, _)| who).collect();
        for who in connected {
            self.ended_by_device(who, seen).await?;
        }
        Ok(())
    }

    /// Takes the board's reports of this step. Where a later step announces that the device ends a
    /// connection, or a central may end it by itself, the report of that waits: the end may come at any time until then.
    pub(super) fn take_reports(&self, seen: &mut StepObservation, planned: &PlannedStep, is_announced: bool) {
        let Some(link) = self.link else { return };
        let mut endings = self.noted_endings(seen);
        if matches!(planned.step.action, Action::Disconnect | Action::Reconnect) {
            endings = endings.max(1);
        }
        let reports = link.take_reports_until(|report| {
            if !is_announced || !is_disconnected(report) {
                return false;
            }
            let is_later = endings == 0;
            endings = endings.saturating_sub(1);
            is_later
        });
        seen.board.extend(reports.into_iter().map(|report: Report| self.names.event(report)));
    }
}

fn is_by_device(reason: u8) -> bool {
    ENDED_BY_DEVICE.contains(&reason)
}

fn lost_by_radio(reason: u8) -> Fault {
    let what = match reason {
        UNSPECIFIED => "the connection ended, and the operating system does not say why".to_owned(),
        SUPERVISION_TIMEOUT => "the radio lost the connection (supervision timeout)".to_owned(),
        _ => format!("the adapter lost the connection: error 0x{reason:02X}"),
    };
    Fault::new(what, "see that the device still runs and is in reach, then run again")
}

fn one_sided() -> Fault {
    Fault::new(
        "the board reports a disconnection that the central did not see",
        "run it again; if it stays, another central is connected to the board",
    )
}
