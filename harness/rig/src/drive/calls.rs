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
        let call = convert::call(&self.plan.device, action).ok_or_else(|| {
            Stop::Rig(Fault::new("a step adds a service that the plan does not have", "report it"))
        })?;
        self.call(call, seen).await?;
        if *action == BoardAction::DisconnectClient {
            return self.all_ended_by_device(seen).await;
        }
        Ok(())
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
