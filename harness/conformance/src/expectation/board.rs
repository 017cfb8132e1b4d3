//! Answers of the board to calls of its API.

use super::{Broken, Judged, Judgement};
use crate::captures::Shown;
use crate::observation::{BoardEvent, CentralEvent};
use crate::parse::labels;
use crate::scenario::{BoardAction, EventSource};
use crate::{spelling, trace};

/// True for an answer to a call; everything else is a report.
pub(super) fn is_answer(event: &BoardEvent) -> bool {
    match event {
        BoardEvent::Events(_) | BoardEvent::Value(_) | BoardEvent::Done | BoardEvent::Refused(_) => true,
        BoardEvent::Connected
        | BoardEvent::Disconnected
        | BoardEvent::Handler { .. }
        | BoardEvent::HandlerError { .. }
        | BoardEvent::Log(_)
        | BoardEvent::Encrypted { .. }
        | BoardEvent::PasskeyShown
        | BoardEvent::Paired
        | BoardEvent::PairingFailed
        | BoardEvent::Confirmed { .. }
        | BoardEvent::IndicationTimeout { .. } => false,
    }
}

impl Judged<'_> {
    pub(super) fn board(&self, action: &BoardAction) -> Judgement {
        let Some(came) = self.seen.board.iter().find(|event| is_answer(event)) else {
            return Judgement::Undecided;
        };
        let subject = self.subject(action);
        let wanted = match action {
            BoardAction::Events { expect, .. } => match (expect, came) {
                (None, BoardEvent::Events(_)) => return Judgement::Held,
                (expect, _) => expect.map(BoardEvent::Events),
            },
            BoardAction::Value { expect, .. } => match (expect, came) {
                (None, BoardEvent::Value(_)) => return Judgement::Held,
                (Some(value), _) => {
                    let Some(bytes) = self.captures.bytes(value) else { return Judgement::Undecided };
                    Some(BoardEvent::Value(bytes.to_vec()))
                }
                (None, _) => None,
            },
            BoardAction::Set { refused: true, .. }
            | BoardAction::AddService { refused: true, .. }
            | BoardAction::SetAdvertisement { refused: true, .. } => {
                return match came {
                    BoardEvent::Refused(_) => Judgement::Held,
                    _ => broken(&subject, came, None, "a refusal", &self.shown),
                };
            }
            BoardAction::DisconnectClient if *came == BoardEvent::Done => {
                // With no client of the step's own, other clients were meant.
                let others = self.seen.others.iter().any(|it| it.event == CentralEvent::Disconnected);
                return if others {
                    Judgement::Held
                } else {
                    self.link(&CentralEvent::Disconnected, "the client")
                };
            }
            BoardAction::Set { .. }
            | BoardAction::Callback { .. }
            | BoardAction::Advertise { .. }
            | BoardAction::Serve { .. }
            | BoardAction::AddService { .. }
            | BoardAction::SetAdvertisement { .. }
            | BoardAction::DisconnectClient => Some(BoardEvent::Done),
        };
        match wanted {
            Some(wanted) if wanted == *came => Judgement::Held,
            Some(wanted) => broken(&subject, came, Some(&wanted), &said(&wanted), &self.shown),
            None => broken(&subject, came, None, "an answer", &self.shown),
        }
    }

    /// The call, as the device's API writes it.
    fn subject(&self, action: &BoardAction) -> String {
        let service = |service: &usize| labels::service_name(&self.plan.device, *service);
        match action {
            BoardAction::Events { of: EventSource::Bluetooth, .. } => "bluetooth.events()".to_owned(),
            BoardAction::Events { of: EventSource::Characteristic(target), .. } => {
                format!("{}.events()", self.name(*target))
            }
            BoardAction::Value { target, .. } => format!("{}.value()", self.name(*target)),
            BoardAction::Set { target, .. } => format!("{}.value(v)", self.name(*target)),
            BoardAction::Callback { target, .. } => format!("{}.callback()", self.name(*target)),
            BoardAction::Advertise { .. } => "advertise()".to_owned(),
            BoardAction::DisconnectClient => "disconnect_client()".to_owned(),
            BoardAction::Serve { service: at, on: true } => format!("{}.start()", service(at)),
            BoardAction::Serve { service: at, on: false } => format!("{}.stop()", service(at)),
            BoardAction::AddService { service: at, .. } => format!("service({})", service(at)),
            BoardAction::SetAdvertisement { .. } => "set_advertisement()".to_owned(),
        }
    }
}

pub(super) fn broken(
    subject: &str,
    came: &BoardEvent,
    wanted: Option<&BoardEvent>,
    words: &str,
    shown: &Shown<'_>,
) -> Judgement {
    Judgement::Broken(Broken {
        summary: format!("{subject} gave {}, expected {words}", said(came)),
        came: Some(trace::board_line(came, shown)),
        wanted: wanted.map(|wanted| trace::board_line(wanted, shown)),
    })
}

fn said(event: &BoardEvent) -> String {
    match event {
        BoardEvent::Events(bits) => spelling::events(*bits),
        BoardEvent::Value(bytes) => spelling::value_in_sentence(bytes),
        BoardEvent::Refused(words) => format!("a refusal ({})", spelling::quoted(words)),
        other => trace::board_line(other, &Shown::default()).replacen("board: ", "", 1),
    }
}
