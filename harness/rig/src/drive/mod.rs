//! Carries a plan out: does each step, waits for its conditions, and collects what both ends saw.
//!
//! What was seen must not depend on how long anything took. So each step ends with a barrier, after
//! which every event of the board has arrived, and pushes of the device wait in a queue until a step
//! asks for them; before that queue is read, a *fence* (a request whose response the device must
//! send after everything that it queued before) makes sure that it is complete.

mod names;
mod settle;
mod steps;

use crate::central::{Address, AttCentral, Failure};
use crate::fault::Fault;
use crate::link::{BoardLink, Report};
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use conformance::observation::{CentralEvent, StepObservation};
use conformance::plan::{LONG_PROCEDURE_MS, Plan, PlannedStep};
use conformance::scenario::{Action, BoardAction, Need};
use conformance::verdict::RigFault;
use embassy_time::{Duration, with_timeout};
use names::Names;
use std::convert::Infallible;

/// What a bench brings to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Draws the device's address, and goes to the board with `Start`.
    pub seed: u64,
    /// The radio cannot fail: a device that is not seen advertising does not advertise. Where it can,
    /// the first connection must succeed before a later one is the device's fault.
    pub certain_radio: bool,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Driven {
    /// One for each step that was completed.
    pub observations: Vec<StepObservation>,
    /// Why the run says nothing about the device.
    pub fault: Option<RigFault>,
    /// The radio alone ended the run: it may be run again from its beginning.
    pub retry: bool,
}

/// Why a plan cannot run on a bench that can do `able`.
#[must_use]
pub fn skip_reason(plan: &Plan, able: &[Need]) -> Option<String> {
    let missing = plan.needs.iter().find(|need| !able.contains(need))?;
    Some(match missing {
        Need::RawAtt => "needs raw-att: this central cannot send PDUs of its own making".to_owned(),
        Need::Board => "needs board: there is no control link to this device".to_owned(),
    })
}

/// Drives `plan`. The `run` methods of `link` and `central` must be polled beside this.
pub async fn drive<T>(plan: &Plan, link: &BoardLink, central: &AttCentral<T>, setup: Setup) -> Driven
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    let mut driver = Driver::new(plan, link, central, setup);
    let mut driven = Driven::default();
    if let Err(fault) = driver.start().await {
        driven.fault = Some(fault.at(None));
        return driven;
    }
    for (index, planned) in plan.steps.iter().enumerate() {
        match driver.step(index, planned).await {
            Ok((seen, flow)) => {
                driven.observations.push(seen);
                if flow == Flow::Over {
                    break;
                }
            }
            Err(stop) => {
                driven.retry = matches!(stop, Stop::NotEstablished);
                driven.fault = Some(stop.fault().at(Some(index)));
                break;
            }
        }
    }
    driven
}

/// Whether there is a next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Over,
}

/// What ends a step before its time.
#[derive(Debug)]
enum Stop {
    /// The ATT bearer is dead; the device's doing if the board is alive.
    NoResponse,
    /// The link ended.
    Gone(u8),
    /// A reason of the device's, which is noted already.
    Noted,
    /// The radio lost the link before it was established.
    NotEstablished,
    /// The bench broke.
    Rig(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Rig(fault)
    }
}

impl Stop {
    fn fault(self) -> Fault {
        match self {
            Self::Rig(fault) => fault,
            Self::NotEstablished => Fault::new(
                "the radio lost the connection before it was established",
                "move the antennas closer together and run again",
            ),
            Self::NoResponse | Self::Gone(_) | Self::Noted => {
                Fault::new(format!("the run ended with {self:?}"), "run it again")
            }
        }
    }
}

/// Error codes with which the device ends a connection (Core Vol 1 Part F 2.19 to 2.21).
const ENDED_BY_DEVICE: [u8; 3] = [0x13, 0x14, 0x15];
const SUPERVISION_TIMEOUT: u8 = 0x08;
const FAILED_TO_BE_ESTABLISHED: u8 = 0x3E;
/// Both ends report an event within this time of each other.
const OTHER_END_DEADLINE: Duration = Duration::from_secs(10);

struct Driver<'a, T> {
    plan: &'a Plan,
    link: &'a BoardLink,
    central: &'a AttCentral<T>,
    setup: Setup,
    address: Address,
    names: Names,
    /// A step has connected and none has disconnected.
    connected: bool,
    /// Some step of this run has connected.
    has_connected: bool,
    /// The device may send indications on this connection.
    indicating: bool,
    /// Confirmations that the board had received before this connection, and those of raw steps.
    confirmations: u32,
}

impl<'a, T> Driver<'a, T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    fn new(plan: &'a Plan, link: &'a BoardLink, central: &'a AttCentral<T>, setup: Setup) -> Self {
        Self {
            plan,
            link,
            central,
            setup,
            address: static_address(setup.seed),
            names: Names::default(),
            connected: false,
            has_connected: false,
            indicating: false,
            confirmations: 0,
        }
    }

    async fn start(&mut self) -> Result<(), Fault> {
        self.link.hello().await?;
        self.start_application().await?;
        self.link.barrier().await?;
        // What the application said before the first step belongs to no step.
        drop(self.link.take_reports());
        self.central.init().await
    }

    async fn start_application(&self) -> Result<(), Fault> {
        let device = crate::convert::device(&self.plan.device);
        self.link.start(device, self.address.bytes, self.setup.seed).await
    }

    async fn step(&mut self, index: usize, planned: &PlannedStep) -> Result<(StepObservation, Flow), Stop> {
        let mut seen = StepObservation::default();
        let mut flow = Flow::Next;
        let action = &planned.step.action;
        let result = match with_timeout(deadline(planned), self.act(action, planned, &mut seen)).await {
            Ok(result) => result,
            Err(_) if self.central.is_waiting() => Err(Stop::NoResponse),
            Err(_) => Err(Stop::Rig(Fault::new(
                format!("`{}` was not complete in {} ms", planned.step.label, planned.deadline_ms),
                "run it again; if it stays, the bench has a fault",
            ))),
        };
        let last = index + 1 == self.plan.steps.len();
        let result = match result {
            Ok(()) => self.settle(last, &mut seen).await,
            Err(stop) => Err(stop),
        };
        match result {
            Ok(()) => {}
            Err(Stop::Noted) => flow = Flow::Over,
            Err(Stop::NoResponse) => {
                seen.central.push(CentralEvent::NoResponse);
                flow = Flow::Over;
            }
            Err(Stop::Gone(reason)) => {
                self.ended_unasked(reason, &mut seen).await?;
                if matches!(action, Action::Disconnect | Action::Restart) {
                    // In these steps an end of the connection alone would look as it should.
                    let words = "the device ended the connection before it was to end";
                    seen.central.push(CentralEvent::Malformed(words.to_owned()));
                }
                flow = Flow::Over;
            }
            Err(stop) => return Err(stop),
        }
        self.link.barrier().await?;
        if flow == Flow::Next && self.connected && self.lost() {
            let reason = self.central.wait_gone(OTHER_END_DEADLINE).await?.ok_or_else(one_sided)?;
            self.ended_unasked(reason, &mut seen).await?;
            self.link.barrier().await?;
            flow = Flow::Over;
        }
        if flow == Flow::Over || last {
            self.take_pushes(&mut seen);
        }
        seen.central.extend(self.central.take_breaches().into_iter().map(CentralEvent::Malformed));
        let reports = self.link.take_reports();
        seen.board.extend(reports.into_iter().map(|report| self.names.event(report)));
        Ok((seen, flow))
    }

    /// True when one of the ends says that the connection has ended.
    fn lost(&self) -> bool {
        self.central.gone().is_some() || self.link.has_report(is_disconnected)
    }

    /// Judges the end of a connection that no step asked for.
    async fn ended_unasked(&mut self, reason: u8, seen: &mut StepObservation) -> Result<(), Stop> {
        self.connected = false;
        if reason == FAILED_TO_BE_ESTABLISHED {
            return Err(Stop::NotEstablished);
        }
        if !ENDED_BY_DEVICE.contains(&reason) {
            return Err(Stop::Rig(lost_by_radio(reason)));
        }
        // Only the board's own word makes it the device's doing.
        self.link.wait_report(OTHER_END_DEADLINE, "report of the disconnection", is_disconnected).await?;
        self.take_pushes(seen);
        seen.central.push(CentralEvent::Disconnected);
        Ok(())
    }
}

/// A connect step also discovers, which has its own bound.
fn deadline(planned: &PlannedStep) -> Duration {
    let extra_ms = match planned.step.action {
        Action::Connect => LONG_PROCEDURE_MS,
        // Both ends are waited for, one after the other, each with a bound of its own.
        Action::Disconnect | Action::Restart | Action::Board(BoardAction::DisconnectClient) => {
            LONG_PROCEDURE_MS
        }
        _ => 0,
    };
    Duration::from_millis(u64::from(planned.deadline_ms) + u64::from(extra_ms))
}

fn is_disconnected(report: &Report) -> bool {
    matches!(report, Report::Disconnected { .. })
}

fn lost_by_radio(reason: u8) -> Fault {
    let what = match reason {
        SUPERVISION_TIMEOUT => "the radio lost the connection (supervision timeout)".to_owned(),
        _ => format!("the adapter lost the connection: error 0x{reason:02X}"),
    };
    Fault::new(what, "move the antennas closer together and run again")
}

fn one_sided() -> Fault {
    Fault::new(
        "the board reports a disconnection that the central did not see",
        "run it again; if it stays, another central is connected to the board",
    )
}

/// Maps what ended a procedure: `Ok` for what is an observation and no end.
fn note(failure: Failure, seen: &mut StepObservation) -> Result<(), Stop> {
    match failure {
        Failure::Att(code) => seen.central.push(CentralEvent::Error(code)),
        Failure::Malformed(words) => seen.central.push(CentralEvent::Malformed(words)),
        Failure::NoResponse => return Err(Stop::NoResponse),
        Failure::Gone(reason) => return Err(Stop::Gone(reason)),
        Failure::Rig(fault) => return Err(Stop::Rig(fault)),
    }
    Ok(())
}

/// A random static address (Core Vol 6 Part B 1.3.2.1): a new one each run, so that no operating
/// system knows the device already.
pub(crate) fn static_address(seed: u64) -> Address {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = [0; 6];
    rng.fill(&mut bytes);
    let [first, .., last] = &mut bytes;
    // The random part is neither all zeros nor all ones.
    *first = *first & 0xFE | 0x02;
    *last |= 0xC0;
    Address { bytes, random: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_random_static_ones() {
        for seed in 0..1000 {
            let Address { bytes, random } = static_address(seed);
            assert!(random && bytes[5] & 0xC0 == 0xC0, "{bytes:?}");
            assert!(bytes[0] & 0x03 == 0x02, "{bytes:?}");
        }
        assert_ne!(static_address(1), static_address(2));
        assert_eq!(static_address(7), static_address(7));
    }

    #[test]
    fn a_bench_without_a_need_skips_with_the_reason() {
        let plan = Plan {
            id: String::new(),
            needs: vec![Need::RawAtt, Need::Board],
            device: conformance::scenario::Device {
                builtin: None,
                name: String::new(),
                services: Vec::new(),
            },
            steps: Vec::new(),
        };
        assert_eq!(skip_reason(&plan, &[Need::RawAtt, Need::Board]), None);
        assert!(skip_reason(&plan, &[Need::Board]).unwrap().contains("raw-att"));
    }
}
