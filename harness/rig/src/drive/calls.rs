//! Steps that say something to the board.

use super::{Driver, Stop};
use crate::central::Central;
use crate::convert;
use crate::fault::Fault;
use crate::link::{BoardLink, Reply};
use conformance::observation::{BoardEvent, StepObservation};
use conformance::scenario::BoardAction;
use wire::Call;

impl<C: Central> Driver<'_, C> {
    /// The control link. A plan that needs one is skipped where there is none.
    pub(super) fn link(&self) -> Result<&BoardLink, Stop> {
        self.link.ok_or_else(|| {
            Stop::Rig(Fault::new(
                "this step speaks to the board, and there is no control link",
                "take the step out, or run the scenario on a board",
            ))
        })
    }

    pub(super) async fn board(
        &mut self,
        action: &BoardAction,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let call = match action {
            BoardAction::Events { of, .. } => Call::Events(convert::object(*of)),
            BoardAction::Value { target, .. } => Call::Value(convert::char_ref(*target)),
            BoardAction::Set { target, value, .. } => {
                Call::SetValue(convert::char_ref(*target), convert::api_value(value))
            }
            BoardAction::Callback { target, callback } => {
                Call::Callback(convert::char_ref(*target), callback.as_ref().map(convert::callback))
            }
            BoardAction::Advertise { on } => Call::Advertise(*on),
            BoardAction::DisconnectClient => Call::DisconnectClient,
            BoardAction::Serve { service, on: true } => Call::StartService(convert::position(*service)),
            BoardAction::Serve { service, on: false } => Call::StopService(convert::position(*service)),
            BoardAction::AddService { service, .. } => self.added_service(*service)?,
            BoardAction::SetAdvertisement { advertisement, .. } => {
                Call::SetAdvertisement(convert::advertisement(advertisement))
            }
        };
        self.call(call, seen).await?;
        if *action == BoardAction::DisconnectClient {
            return self.all_ended_by_device(seen).await;
        }
        Ok(())
    }

    fn added_service(&self, at: usize) -> Result<Call, Stop> {
        let service = self.plan.device.services.get(at).ok_or_else(|| {
            Stop::Rig(Fault::new("a step adds a service that the plan does not have", "report it"))
        })?;
        Ok(Call::AddService(convert::position(at), Box::new(convert::service(service))))
    }

    pub(super) async fn call(&self, call: Call, seen: &mut StepObservation) -> Result<(), Stop> {
        seen.board.push(match self.link()?.call(call).await? {
            Reply::Events(flags) => BoardEvent::Events(flags),
            Reply::Value(bytes) => BoardEvent::Value(bytes),
            Reply::Done => BoardEvent::Done,
            Reply::Refused(why) => BoardEvent::Refused(why),
            other => {
                return Err(Stop::Rig(Fault::new(
                    format!("the board answered an API call with {other:?}"),
                    "flash the board with the image of this version",
                )));
            }
        });
        Ok(())
    }
}
