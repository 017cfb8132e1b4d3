//! Carries a plan out: does each step, waits for its conditions, and collects what both ends saw.
//!
//! What was seen must not depend on how long anything took. So each step ends with a barrier: every
//! event of the board has arrived then, and every push has reached the central, where it waits in a
//! queue until a step asks for it. Without a control link a *fence* stands for the barrier: a request,
//! whose response the device must send after everything that it queued before.

mod advertising;
mod calls;
mod endings;
mod names;
mod security;
mod settle;
mod steps;

use crate::central::{Address, Central, Failure, Heard};
use crate::fault::Fault;
use crate::link::{BoardLink, Report};
use conformance::observation::{BoardEvent, CentralEvent, StepObservation};
use conformance::plan::{LONG_PROCEDURE_MS, Plan, PlannedStep};
use conformance::scenario::{Action, BoardAction, ClientValue, Need};
use conformance::verdict::RigFault;
use embassy_time::{Duration, with_timeout};
use names::Names;
use std::collections::BTreeMap;

/// What a bench brings to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup<'a> {
    /// Draws the device's address, and goes to the board with `Start`.
    pub seed: u64,
    /// The radio cannot fail: a device that is not seen advertising does not advertise. Where it can,
    /// the device must have been heard before its silence is its own fault.
    pub certain_radio: bool,
    /// The external device's address, where it is known already.
    pub address: Option<Address>,
    /// How the device is to be wrong on purpose, as [`wire::Start::mutant`]; empty: not at all.
    pub mutant: &'a [u8],
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
    /// Where the external device was found.
    pub address: Option<Address>,
}

/// Why a plan cannot run on a bench that can do `able`.
#[must_use]
pub fn skip_reason(plan: &Plan, able: &[Need]) -> Option<String> {
    let missing = plan.needs.iter().find(|need| !able.contains(need))?;
    Some(match missing {
        Need::RawAtt => "needs raw-att: this central cannot send PDUs of its own making".to_owned(),
        Need::Board => "needs board: there is no control link to this device".to_owned(),
        Need::Encryption => "needs encryption: this central has no keys of its own".to_owned(),
        Need::Pairing => "needs pairing: this central cannot be told to pair".to_owned(),
    })
}

/// Drives `plan` with one central for each that it names, the one without a name first. `link` is left
/// out for a device that is no board of ours. The `run` methods of link and centrals must be polled
/// beside this.
pub async fn drive<C: Central>(
    plan: &Plan,
    link: Option<&BoardLink>,
    centrals: &[C],
    setup: Setup<'_>,
) -> Driven {
    let mut driven = Driven::default();
    let mut driver = match Driver::new(plan, link, centrals, setup) {
        Ok(driver) => driver,
        Err(fault) => {
            driven.fault = Some(fault.at(None));
            return driven;
        }
    };
    if let Err(fault) = driver.start().await {
        driven.fault = Some(fault.at(None));
        return driven;
    }
    for (index, planned) in plan.steps.iter().enumerate() {
        let ended = driver.step(index, planned).await;
        driven.address = driver.address.filter(|_| plan.device.external.is_some());
        match ended {
            Ok((seen, flow)) => {
                driven.observations.push(seen);
                if flow == Flow::Over {
                    break;
                }
            }
            Err(stop) => {
                driven.retry = matches!(stop, Stop::NotEstablished);
                driven.fault = Some(stop.fault().at(plan.fault_step(index)));
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
                "bring device and adapter closer together and run again",
            ),
            Self::NoResponse | Self::Gone(_) | Self::Noted => {
                Fault::new(format!("the run ended with {self:?}"), "run it again")
            }
        }
    }
}

/// Both ends report an event within this time of each other.
const OTHER_END_DEADLINE: Duration = Duration::from_secs(10);

/// Keys are drawn apart from everything else that the seed draws.
const KEY_SEED: u64 = 0x4C54_4B00_4B45_5953;

/// One central with what a run knows of its connection.
struct Client<'a, C> {
    central: &'a C,
    /// A step has connected and none has disconnected.
    connected: bool,
    /// The device may send indications on this connection.
    indicating: bool,
    /// The board's report of an encryption that no step has asked for yet.
    encrypted_early: Option<BoardEvent>,
}

struct Driver<'a, C> {
    plan: &'a Plan,
    link: Option<&'a BoardLink>,
    /// The one without a name.
    first: Client<'a, C>,
    others: Vec<Client<'a, C>>,
    /// Which of them does the current step: 0 is the first.
    who: usize,
    setup: Setup<'a>,
    /// Known from the start for a board, from the first advertisement for any other device.
    address: Option<Address>,
    names: Names,
    /// The device has been heard in this run.
    heard: bool,
    /// Who else was heard when the device was looked for.
    around: Vec<Heard>,
    /// Confirmations that the board had received besides those of the present connections.
    confirmations: u32,
    /// Draws the keys of bonds.
    keys: fastrand::Rng,
    /// What steps have saved.
    saved: BTreeMap<String, Vec<u8>>,
}

impl<'a, C: Central> Driver<'a, C> {
    fn new(
        plan: &'a Plan,
        link: Option<&'a BoardLink>,
        centrals: &'a [C],
        setup: Setup<'a>,
    ) -> Result<Self, Fault> {
        let client = |central| Client { central, connected: false, indicating: false, encrypted_early: None };
        let (first, others) = match centrals.split_first() {
            Some((first, others)) if others.len() >= plan.centrals.len() => (first, others),
            _ => {
                let count = 1 + plan.centrals.len();
                let cause = format!("the scenario needs {count} centrals, the bench has {}", centrals.len());
                return Err(Fault::new(cause, "use a bench with more adapters"));
            }
        };
        Ok(Self {
            plan,
            link,
            first: client(first),
            others: others.iter().take(plan.centrals.len()).map(client).collect(),
            who: 0,
            setup,
            address: match plan.device.external {
                None => Some(static_address(setup.seed)),
                Some(_) => setup.address,
            },
            names: Names::default(),
            heard: false,
            around: Vec::new(),
            confirmations: 0,
            keys: fastrand::Rng::with_seed(setup.seed ^ KEY_SEED),
            saved: BTreeMap::new(),
        })
    }

    /// The client that does the current step.
    fn own(&self) -> &Client<'a, C> {
        self.client(self.who)
    }

    fn own_mut(&mut self) -> &mut Client<'a, C> {
        match self.who.checked_sub(1).and_then(|at| self.others.get_mut(at)) {
            Some(client) => client,
            None => &mut self.first,
        }
    }

    /// A client by its number; the first for one that is not there.
    fn client(&self, who: usize) -> &Client<'a, C> {
        who.checked_sub(1).and_then(|at| self.others.get(at)).unwrap_or(&self.first)
    }

    /// The central that does the current step.
    fn central(&self) -> &'a C {
        self.own().central
    }

    /// Every client with its number.
    fn clients(&self) -> impl Iterator<Item = (usize, &Client<'a, C>)> {
        std::iter::once(&self.first).chain(&self.others).enumerate()
    }

    fn clients_mut(&mut self) -> impl Iterator<Item = &mut Client<'a, C>> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    async fn start(&mut self) -> Result<(), Fault> {
        if let Some(link) = self.link {
            link.hello().await?;
            self.start_application(link).await?;
            link.barrier(false).await?;
            // What the application said before the first step belongs to no step.
            drop(link.take_reports());
        }
        for client in self.clients_mut() {
            client.central.init().await?;
        }
        Ok(())
    }

    async fn start_application(&self, link: &BoardLink) -> Result<(), Fault> {
        let device = crate::convert::device(&self.plan.device);
        let address = self.address.unwrap_or_else(|| static_address(self.setup.seed));
        let Setup { seed, mutant, .. } = self.setup;
        link.start(wire::Start { device, address: address.bytes, seed, mutant: mutant.to_vec() }).await
    }

    async fn step(&mut self, index: usize, planned: &PlannedStep) -> Result<(StepObservation, Flow), Stop> {
        let mut seen = StepObservation::default();
        self.who = planned.step.central;
        self.central().begin_step();
        let action = &planned.step.action;
        let result = match with_timeout(deadline(planned), self.act(planned, &mut seen)).await {
            Ok(result) => result,
            Err(_) if self.central().is_waiting() => Err(Stop::NoResponse),
            Err(_) => Err(Stop::Rig(Fault::new(
                format!("`{}` was not complete in {} ms", planned.step.label, planned.deadline_ms),
                "run it again; if it stays, the bench has a fault",
            ))),
        };
        self.save(planned, &seen);
        let last = index + 1 == self.plan.steps.len();
        let expected = self.expected_endings(index);
        let mut flow = self.judge_stop(result, action, &mut seen, &expected).await?;
        if flow == Flow::Next {
            let settled = self.settle(last, &mut seen).await;
            flow = self.judge_stop(settled, action, &mut seen, &expected).await?;
        }
        self.barrier().await?;
        if flow == Flow::Next {
            flow = self.unasked_endings(&mut seen, &expected).await?;
        }
        if flow == Flow::Over || last {
            self.take_pushes(&mut seen);
        }
        self.take_breaches(&mut seen);
        let may_end = seen.central.contains(&CentralEvent::NotPaired);
        self.take_reports(&mut seen, planned, may_end || !expected.is_empty());
        self.keep_own_encryption(action, &mut seen);
        Ok((seen, flow))
    }

    /// Waits until everything that the board has reported is here.
    async fn barrier(&self) -> Result<(), Fault> {
        match self.link {
            Some(link) => link.barrier(self.is_answered()).await,
            None => Ok(()),
        }
    }

    /// No response can be on its way: each client has that to its last request, and has sent nothing since.
    fn is_answered(&self) -> bool {
        self.clients().all(|(_, client)| !client.connected || client.central.is_answered())
    }

    /// Before a silence is taken for the device's own.
    async fn vouch(&self) -> Result<(), Fault> {
        for (_, client) in self.clients().filter(|(_, client)| client.connected) {
            client.central.vouch().await?;
        }
        Ok(())
    }

    fn take_breaches(&self, seen: &mut StepObservation) {
        for (who, client) in self.clients() {
            for words in client.central.take_breaches() {
                self.note_of(who, CentralEvent::Malformed(words), seen);
            }
        }
        // By the barrier nothing was on its way when the step began: the step's own request has caused it, and
        // what a handler pushes leaves after the response (VAL-6).
        if self.link.is_some() && self.central().was_pushed_early() {
            let words = "a notification or indication before the response to the request that caused it";
            seen.central.push(CentralEvent::Malformed(words.to_owned()));
        }
    }

    /// Notes what a client has seen where it belongs: with the step's own, or with the others.
    fn note_of(&self, who: usize, event: CentralEvent, seen: &mut StepObservation) {
        if who == self.who {
            seen.central.push(event);
        } else {
            seen.others.push(conformance::observation::Seen { central: who, event });
        }
    }

    fn save(&mut self, planned: &PlannedStep, seen: &StepObservation) {
        let Some(name) = &planned.step.save else { return };
        let value = seen.central.iter().find_map(|event| match event {
            CentralEvent::Value(bytes) => Some(bytes.clone()),
            _ => None,
        });
        self.saved.extend(value.map(|value| (name.clone(), value)));
    }

    /// The bytes of a value. A saved one that was never read has none: its own step has failed then, and
    /// there is nothing more to see.
    fn bytes(&self, value: &ClientValue) -> Result<Vec<u8>, Stop> {
        match value {
            ClientValue::Bytes(bytes) => Ok(bytes.clone()),
            ClientValue::Saved(name) => self.saved.get(name).cloned().ok_or(Stop::Noted),
        }
    }
}

/// A connect step also discovers, which has its own bound.
fn deadline(planned: &PlannedStep) -> Duration {
    let extra_ms = match planned.step.action {
        Action::Connect => LONG_PROCEDURE_MS,
        // An external device is looked for before.
        Action::ExpectAdvertisement(_) => LONG_PROCEDURE_MS,
        // Both ends are waited for, one after the other, each with a bound of its own.
        Action::Disconnect
        | Action::Reconnect
        | Action::ExpectDisconnection
        | Action::Restart
        | Action::Board(BoardAction::DisconnectClient) => LONG_PROCEDURE_MS,
        _ => 0,
    };
    Duration::from_millis(u64::from(planned.deadline_ms) + u64::from(extra_ms))
}

fn is_disconnected(report: &Report) -> bool {
    matches!(report, Report::Disconnected { .. })
}

/// Maps what ended a procedure: `Ok` for what is an observation and no end.
fn note(failure: Failure, seen: &mut StepObservation) -> Result<(), Stop> {
    match failure {
        Failure::Att(code) => seen.central.push(CentralEvent::Error(code)),
        Failure::Hidden(words) => seen.central.push(CentralEvent::HiddenError(words)),
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
    use conformance::scenario::Device;

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
            needs: vec![Need::RawAtt, Need::Board, Need::Encryption],
            device: Device::default(),
            centrals: Vec::new(),
            steps: Vec::new(),
        };
        assert_eq!(skip_reason(&plan, &[Need::RawAtt, Need::Board, Need::Encryption]), None);
        assert!(skip_reason(&plan, &[Need::Board]).unwrap().contains("raw-att"));
        assert!(skip_reason(&plan, &[Need::RawAtt, Need::Board]).unwrap().contains("encryption"));
    }
}
