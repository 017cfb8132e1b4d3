//! Benches with adapters, in real time: boards at serial ports, and devices that are not ours.

use crate::adapter::{AdapterSpec, open};
use crate::attach::SharedBoard;
use crate::bench::{self, ATTEMPTS_ON_AIR, BenchOptions, BenchRun, failed, guarded};
use crate::central::{Address, AttCentral};
use crate::drive::{Driven, Setup, drive};
use crate::link::BoardLink;
use crate::serial::SerialLine;
use air::Air;
use air::h4::{Remote, RemoteController};
use conformance::plan::Plan;
use conformance::scenario::{External, Need};
use std::pin::Pin;

/// What an adapter can do without a board of ours.
const ABLE: [Need; 1] = [Need::RawAtt];

/// One central for each adapter, and a board where one was named. The adapters and the board's port stay open from one scenario to the next, and are opened anew after a
/// fault.
pub(crate) struct AdapterBench {
    specs: Vec<AdapterSpec>,
    open: Vec<RemoteController>,
    board: Option<SharedBoard>,
    /// Devices that were the only ones of their name or service, and their addresses.
    known: Vec<(External, Address)>,
}

impl AdapterBench {
    pub(crate) fn new(specs: &[AdapterSpec], board: Option<SharedBoard>) -> Self {
        Self { specs: specs.to_vec(), open: Vec::new(), board, known: Vec::new() }
    }

    /// What it can do.
    pub(crate) fn able(&self) -> &'static [Need] {
        if self.board.is_some() { &bench::ABLE } else { &ABLE }
    }

    /// Why a plan cannot run here.
    pub(crate) fn skip_reason(&self, plan: &Plan) -> Option<String> {
        if plan.device.external.is_none() && self.board.is_none() {
            return Some("needs board: its device is a board of ours; name yours with --board".to_owned());
        }
        let (wanted, there) = (1 + plan.centrals.len(), self.specs.len());
        (wanted > there)
            .then(|| format!("needs {wanted} centrals: give --central {wanted} times, not {there}"))
    }

    /// Runs `plan`. A panic in it is a fault of the bench.
    pub(crate) fn run_plan(&mut self, plan: &Plan, options: BenchOptions<'_>) -> BenchRun {
        let mut run = BenchRun::default();
        for _ in 0..ATTEMPTS_ON_AIR {
            run = guarded(|| self.run_once(plan, options));
            if !run.driven.retry {
                break;
            }
        }
        if run.driven.fault.is_some() {
            // What it left behind, on a stream or in an adapter, must not reach the next scenario.
            self.open.clear();
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
        for spec in self.specs.iter().skip(self.open.len()) {
            match open(spec) {
                Ok(controller) => self.open.push(controller),
                Err(fault) => return BenchRun { driven: failed(fault), ..BenchRun::default() },
            }
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
        let mut centrals: Vec<AttCentral<Remote<'_>>> = Vec::new();
        for (controller, spec) in self.open.iter().zip(&self.specs).take(1 + plan.centrals.len()) {
            controller.forget_unread();
            centrals.push(AttCentral::new(air.host_of(controller, &spec.to_string())));
        }
        let mut readers: Vec<_> = centrals.iter().map(|central| Box::pin(central.run())).collect();
        let link = line.is_some().then(BoardLink::new);
        let mut board = link.as_ref().zip(line).map(|(link, line)| Box::pin(link.run(line)));
        let mut tasks: Vec<Pin<&mut dyn Future<Output = ()>>> = Vec::new();
        for reader in &mut readers {
            tasks.push(reader.as_mut());
        }
        if let Some(board) = &mut board {
            tasks.push(board.as_mut());
        }
        let address = self.known.iter().find(|(known, _)| Some(known) == plan.device.external.as_ref());
        let address = address.map(|(_, address)| *address);
        let work = async {
            let setup = Setup { seed: options.seed, certain_radio: false, address, mutant: &[] };
            let driven = drive(plan, link.as_ref(), &centrals, setup).await;
            part(&centrals).await;
            driven
        };
        // In real time without a limit, no run stalls.
        let mut driven = air.run(work, &mut tasks).unwrap_or_else(|_| Driven::default());
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

/// Ends what a scenario has left connected: by a reset alone, the device would notice only by its supervision
/// timeout, and not advertise until then.
async fn part(centrals: &[AttCentral<Remote<'_>>]) {
    for central in centrals {
        // The next scenario resets the adapter, whatever comes of this.
        let _ended = central.disconnect().await;
    }
}
