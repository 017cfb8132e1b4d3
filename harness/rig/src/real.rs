//! Benches with adapters, in real time: boards at serial ports, and devices that are not ours.

use crate::adapter::{AdapterSpec, CentralSpec, open};
use crate::attach::SharedBoard;
use crate::bench::{self, ATTEMPTS_ON_AIR, BenchOptions, BenchRun, failed, guarded};
use crate::central::{Address, AttCentral, BtleplugCentral, Central, System};
use crate::drive::{Driven, Setup, drive};
use crate::fault::Fault;
use crate::link::BoardLink;
use crate::serial::SerialLine;
use air::Air;
use air::h4::{Remote, RemoteController};
use conformance::plan::Plan;
use conformance::scenario::{Builtin, Device, External, Need};
use conformance::system::beyond_system;
use std::pin::Pin;

/// What our own central can do without a board of ours.
const ABLE: [Need; 2] = [Need::RawAtt, Need::Pairing];
/// What an operating system's stack can do with one.
const SYSTEM_ABLE: &[Need] =
    if cfg!(target_os = "linux") { &[Need::Board, Need::Pairing] } else { &[Need::Board] };
/// And without.
const SYSTEM_ALONE_ABLE: &[Need] = if cfg!(target_os = "linux") { &[Need::Pairing] } else { &[] };

/// The centrals that were named, and a board where one was named. Adapters and the board's port stay open from one
/// scenario to the next, and are opened anew after a fault.
pub(crate) struct AdapterBench {
    centrals: Centrals,
    board: Option<SharedBoard>,
    /// Devices that were the only ones of their name or service, and their addresses.
    known: Vec<(External, Address)>,
}

/// What plays the centrals.
enum Centrals {
    /// Our own, one for each adapter.
    Att { specs: Vec<AdapterSpec>, open: Vec<RemoteController> },
    /// The operating system's stack, on the adapter of this name or the only one.
    System { adapter: Option<String>, open: Option<System> },
    /// Both, which are no bench.
    Mixed,
}

impl AdapterBench {
    pub(crate) fn new(specs: &[CentralSpec], board: Option<SharedBoard>) -> Self {
        let adapters = specs.iter().map(|spec| match spec {
            CentralSpec::Att(adapter) => Some(adapter.clone()),
            CentralSpec::System(_) => None,
        });
        let centrals = match (specs, adapters.collect::<Option<Vec<_>>>()) {
            (_, Some(specs)) => Centrals::Att { specs, open: Vec::new() },
            ([CentralSpec::System(adapter)], None) => {
                // The one that is plugged in for a virtual board, and no other, hears it.
                let own = board.as_ref().and_then(SharedBoard::adapter);
                Centrals::System { adapter: own.or_else(|| adapter.clone()), open: None }
            }
            (_, None) => Centrals::Mixed,
        };
        Self { centrals, board, known: Vec::new() }
    }

    /// What it can do.
    pub(crate) fn able(&self) -> &'static [Need] {
        match (&self.centrals, &self.board) {
            (Centrals::System { .. }, Some(_)) => SYSTEM_ABLE,
            (Centrals::System { .. }, None) => SYSTEM_ALONE_ABLE,
            (_, Some(_)) => &bench::ABLE,
            (_, None) => &ABLE,
        }
    }

    /// Why a plan cannot run here.
    pub(crate) fn skip_reason(&self, plan: &Plan) -> Option<String> {
        if plan.device.external.is_none() && self.board.is_none() {
            return Some("needs board: its device is a board of ours; name yours with --board".to_owned());
        }
        if plan.device.external.is_some() && self.board.as_ref().is_some_and(SharedBoard::is_virtual) {
            return Some("needs an adapter: a virtual board's own hears the board alone".to_owned());
        }
        match &self.centrals {
            Centrals::System { .. } => beyond_system(plan).map(str::to_owned),
            Centrals::Att { specs, .. } => {
                let (wanted, there) = (1 + plan.centrals.len(), specs.len());
                (wanted > there)
                    .then(|| format!("needs {wanted} centrals: give --central {wanted} times, not {there}"))
            }
            Centrals::Mixed => None,
        }
    }

    /// Runs `plan`. A panic in it is a fault of the bench.
    pub(crate) fn run_plan(&mut self, plan: &Plan, options: BenchOptions<'_>) -> BenchRun {
        let mut run = BenchRun::default();
        let recorder = self.board.as_ref().filter(|_| options.capture).and_then(SharedBoard::recorder);
        for _ in 0..ATTEMPTS_ON_AIR {
            if let Some(recorder) = &recorder {
                recorder.start();
            }
            run = guarded(|| self.run_once(plan, options));
            if let Some(recorder) = &recorder {
                run.capture = recorder.take();
            }
            if !run.driven.retry {
                break;
            }
        }
        if run.driven.fault.is_some() {
            // What it left behind, on a stream or in an adapter, must not reach the next scenario.
            self.centrals.close();
            if let Some(board) = &self.board {
                let mut board = board.lock();
                run.console = board.explain(std::mem::take(&mut run.console));
                board.close();
            }
        }
        if let Some(external) = &plan.device.external {
            self.known.retain(|(known, _)| known != external);
            if run.driven.fault.is_none() {
                self.known.extend(run.driven.address.map(|address| (external.clone(), address)));
            }
        }
        run
    }

    fn run_once(&mut self, plan: &Plan, options: BenchOptions) -> BenchRun {
        if let Err(fault) = self.centrals.open() {
            return BenchRun { driven: failed(fault), ..BenchRun::default() };
        }
        match self.board.clone().filter(|_| plan.device.external.is_none()) {
            None => self.run_with(plan, options, None),
            Some(board) => match board.lock().line() {
                Ok(line) => self.run_with(plan, options, Some(line)),
                Err(fault) => BenchRun { driven: failed(fault), ..BenchRun::default() },
            },
        }
    }

    /// With the board at the other end of `line`, if there is one.
    fn run_with(&self, plan: &Plan, options: BenchOptions, line: Option<&mut SerialLine>) -> BenchRun {
        let air = Air::real_time(options.seed);
        if options.capture {
            air.capture();
        }
        let address = self.known.iter().find(|(known, _)| Some(known) == plan.device.external.as_ref());
        let run = Run { plan, options, line, address: address.map(|(_, address)| *address) };
        match &self.centrals {
            Centrals::Att { specs, open } => {
                let mut centrals: Vec<AttCentral<Remote<'_>>> = Vec::new();
                for (controller, spec) in open.iter().zip(specs).take(1 + plan.centrals.len()) {
                    controller.forget_unread();
                    centrals.push(AttCentral::new(air.host_of(controller, &spec.to_string())));
                }
                let mut readers: Vec<_> = centrals.iter().map(|central| Box::pin(central.run())).collect();
                run.on(
                    &air,
                    &centrals,
                    readers.iter_mut().map(|reader| reader.as_mut() as Task<'_>).collect(),
                )
            }
            Centrals::System { open: Some(system), .. } => {
                let central = BtleplugCentral::new(
                    system,
                    advertised_name(&plan.device),
                    plan.device.external.is_none(),
                );
                run.on(&air, std::slice::from_ref(&central), Vec::new())
            }
            Centrals::System { open: None, .. } | Centrals::Mixed => BenchRun::default(),
        }
    }
}

impl Centrals {
    fn open(&mut self) -> Result<(), Fault> {
        match self {
            Self::Att { specs, open: controllers } => {
                for spec in specs.iter().skip(controllers.len()) {
                    controllers.push(open(spec)?);
                }
                Ok(())
            }
            Self::System { open: Some(_), .. } => Ok(()),
            Self::System { adapter, open } => {
                *open = Some(System::open(adapter.as_deref())?);
                Ok(())
            }
            Self::Mixed => Err(Fault::new(
                "the operating system's stack is the only central of a run",
                "give --central btleplug once and nothing beside it, or --central att:... alone",
            )),
        }
    }

    fn close(&mut self) {
        match self {
            Self::Att { open, .. } => open.clear(),
            Self::System { open, .. } => *open = None,
            Self::Mixed => {}
        }
    }
}

type Task<'t> = Pin<&'t mut dyn Future<Output = ()>>;

/// One scenario with what it needs besides centrals.
struct Run<'r> {
    plan: &'r Plan,
    options: BenchOptions<'r>,
    line: Option<&'r mut SerialLine>,
    /// Where an external device was found before.
    address: Option<Address>,
}

impl Run<'_> {
    /// Drives it. `tasks` are polled beside the driver.
    fn on<C: Central>(self, air: &Air, centrals: &[C], mut tasks: Vec<Task<'_>>) -> BenchRun {
        let Self { plan, options, line, address } = self;
        let link = line.is_some().then(BoardLink::new);
        let mut board = link.as_ref().zip(line).map(|(link, line)| Box::pin(link.run(line)));
        let mut all: Vec<Task<'_>> = tasks.iter_mut().map(|task| task.as_mut() as Task<'_>).collect();
        if let Some(board) = &mut board {
            all.push(board.as_mut() as Task<'_>);
        }
        let work = async {
            let setup = Setup { seed: options.seed, certain_radio: false, address, mutant: &[] };
            let driven = drive(plan, link.as_ref(), centrals, setup).await;
            part(centrals).await;
            driven
        };
        // In real time without a limit, no run stalls.
        let mut driven = air.run(work, &mut all).unwrap_or_else(|_| Driven::default());
        // What the board itself has said is the cause of whatever else went wrong.
        if let (Some(fault), Some(cause)) = (&mut driven.fault, link.as_ref().and_then(BoardLink::fault)) {
            (fault.cause, fault.cure) = (cause.cause, cause.cure);
        }
        let console = link.as_ref().map(BoardLink::console).unwrap_or_default();
        BenchRun {
            driven,
            capture: options.capture.then(|| air.take_capture()),
            console,
            ..BenchRun::default()
        }
    }
}

/// What a board of ours advertises as its name.
fn advertised_name(device: &Device) -> Option<String> {
    match device.builtin {
        Some(Builtin::Lopy) => Some("LoPy".to_owned()),
        None => (!device.name.is_empty()).then(|| device.name.clone()),
    }
}

/// Ends what a scenario has left connected: by a reset alone, the device would notice only by its supervision
/// timeout, and not advertise until then. An operating system also forgets the device.
async fn part<C: Central>(centrals: &[C]) {
    for central in centrals {
        // The next scenario resets the adapter, or looks for another address, whatever comes of this.
        let _ended = central.part().await;
    }
}
