//! How fast the whole path is: two HCI hops, the radio, the bearer, the server, and each of the
//! board's events encoded, sent over the serial line, decoded and checked.

use crate::bench::{BenchOptions, BenchRun, on_bench, run_plan};
use crate::central::{AttCentral, ConnectError, Database, Failure, Uuid};
use crate::drive::static_address;
use crate::fault::Fault;
use crate::link::{BoardLink, Report};
use air::Controller;
use conformance::compare::compare;
use conformance::parse::parse;
use conformance::plan::plan;
use conformance::trace::Trace;
use conformance::verdict::Verdict;
use embassy_time::{Duration, Instant as BenchInstant, Timer};
use std::time::Instant;
use wire::{Access, ApiValue, Callback, Characteristic, Device, Rule, RuleAction, Service, Start, Table};

const PLAIN: u16 = 0xA001;
const HANDLED: u16 = 0xA002;
const READ_AND_WRITE: u8 = 0x0A;
const READ_EVENT: u16 = 0x08;
const VALUE_LEN: usize = 20;
const PLAIN_BYTE: u8 = 0x5A;
const HANDLED_BYTE: u8 = 0xA5;
const READ_REQUEST: u8 = 0x0A;
const WRITE_REQUEST: u8 = 0x12;
/// Operations between two barriers: the reports of that many handlers wait at most.
const BATCH: u32 = 1000;
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const LONG_WAIT: Duration = Duration::from_secs(30);
/// What is run again and again for the rate of scenarios.
const SCENARIO: &str = include_str!("measure.yaml");
/// Requests that take about as long as one scenario: keeps the parts of a measurement alike in length.
const REQUESTS_A_SCENARIO: u32 = 100;

/// Time that something took, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Microseconds on the wall.
    pub wall_us: u64,
    /// Microseconds on the bench's own clock.
    pub virtual_us: u64,
}

/// Many operations of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// How many.
    pub operations: u32,
    /// How long all of them took.
    pub span: Span,
}

impl Rate {
    /// Operations in a second on the wall.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        f64::from(self.operations) / seconds(self.span.wall_us)
    }
}

/// What [`measure`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measurements {
    /// From the scan's start to the link being up at both ends.
    pub connect: Span,
    /// Discovery of every service, characteristic and descriptor.
    pub discovery: Span,
    /// Read Requests of 20 bytes.
    pub reads: Rate,
    /// Write Requests of 20 bytes.
    pub writes: Rate,
    /// Read Requests that run a handler, which replies.
    pub handled_reads: Rate,
    /// A wait of 30 s of virtual time with a link that is up.
    pub wait_30_s: Span,
    /// Whole scenarios of five steps, each on a new bench and compared with its expected trace, on one thread.
    pub scenarios: Rate,
}

impl Measurements {
    /// Virtual time that passes in a second on the wall while reading, in seconds.
    #[must_use]
    pub fn speed_up(&self) -> f64 {
        seconds(self.reads.span.virtual_us) / seconds(self.reads.span.wall_us)
    }
}

fn seconds(micros: u64) -> f64 {
    // At least one tick of the clock, so that no rate is infinite.
    std::time::Duration::from_micros(micros.max(1)).as_secs_f64()
}

/// Measures on one virtual bench, with `operations` of each kind.
///
/// # Errors
/// The bench broke, or an event was missing or wrong.
pub fn measure(operations: u32, seed: u64) -> Result<Measurements, Fault> {
    let options = BenchOptions { seed, ..BenchOptions::default() };
    let (result, after) = on_bench(options, 1, async |seed, link, centrals| {
        let [central] = centrals else { return Err(broken("a bench without a central".into())) };
        Course { link, central, response: Vec::new() }.run(operations, seed).await
    });
    let measurements =
        Measurements { scenarios: scenarios(operations / REQUESTS_A_SCENARIO, seed)?, ..result?? };
    after.host_fault.map_or(Ok(measurements), Err)
}

/// Runs a small scenario again and again, from a new bench to the verdict.
fn scenarios(runs: u32, seed: u64) -> Result<Rate, Fault> {
    let scenario =
        parse("measure.yaml", "measure", SCENARIO).map_err(|mistakes| broken(format!("{mistakes:?}")))?;
    let plan = plan(&scenario);
    let mut expected = None;
    let began = Instant::now();
    let mut virtual_us = 0;
    for run in 0..runs {
        let BenchRun { driven, bench_us, .. } =
            run_plan(&plan, BenchOptions { seed: seed.wrapping_add(run.into()), ..BenchOptions::default() });
        let expected = expected.get_or_insert_with(|| Trace::build(&plan, &driven.observations).text());
        let verdict = compare(&plan, &driven.observations, Some(expected));
        if driven.fault.is_some() || verdict != Verdict::Pass {
            return Err(broken(format!("a scenario ended with {verdict:?}, {:?}", driven.fault)));
        }
        virtual_us += bench_us;
    }
    let wall_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(Rate { operations: runs, span: Span { wall_us, virtual_us } })
}

struct Course<'a> {
    link: &'a BoardLink,
    central: &'a AttCentral<Controller>,
    /// Used again for each response.
    response: Vec<u8>,
}

impl Course<'_> {
    async fn run(mut self, operations: u32, seed: u64) -> Result<Measurements, Fault> {
        let address = static_address(seed);
        self.link.hello().await?;
        let device = Device::Table(table());
        self.link.start(Start { device, address: address.bytes, seed, mutant: Vec::new() }).await?;
        self.central.init().await?;

        let stopwatch = Stopwatch::start();
        self.central.connect(address, CONNECT_DEADLINE).await.map_err(|error| match error {
            ConnectError::Rig(fault) => fault,
            other => broken(format!("no connection: {other:?}")),
        })?;
        let connected = |report: &Report| *report == Report::Connected;
        self.link.wait_report(CONNECT_DEADLINE, "report of the connection", connected).await?;
        let connect = stopwatch.stop();

        let stopwatch = Stopwatch::start();
        let database = self.central.discover().await.map_err(failed)?;
        let discovery = stopwatch.stop();
        let plain = handle(&database, PLAIN)?;
        let handled = handle(&database, HANDLED)?;
        self.settle().await?;

        Ok(Measurements {
            connect,
            discovery,
            reads: self.reads(plain, operations, false).await?,
            writes: self.writes(plain, operations).await?,
            handled_reads: self.reads(handled, operations, true).await?,
            wait_30_s: wait().await,
            scenarios: Rate::default(),
        })
    }

    async fn reads(&mut self, handle: u16, operations: u32, handled: bool) -> Result<Rate, Fault> {
        let before = self.link.received(READ_REQUEST);
        let expected = [if handled { HANDLED_BYTE } else { PLAIN_BYTE }; VALUE_LEN];
        let mut handlers = 0;
        let stopwatch = Stopwatch::start();
        for done in 1..=operations {
            self.central.read_into(handle, &mut self.response).await.map_err(failed)?;
            if self.response.get(1..) != Some(expected.as_slice()) {
                return Err(broken(format!("a read gave {}", crate::hex::spaced(&self.response))));
            }
            if done % BATCH == 0 || done == operations {
                handlers += self.settle().await?;
            }
        }
        let rate = Rate { operations, span: stopwatch.stop() };
        self.check(READ_REQUEST, before, operations)?;
        let expected = if handled { operations } else { 0 };
        if handlers != expected {
            return Err(broken(format!("{handlers} handlers ran, expected {expected}")));
        }
        Ok(rate)
    }

    async fn writes(&mut self, handle: u16, operations: u32) -> Result<Rate, Fault> {
        let before = self.link.received(WRITE_REQUEST);
        let stopwatch = Stopwatch::start();
        for done in 1..=operations {
            let value = [done.to_le_bytes()[0]; VALUE_LEN];
            self.central.write_with(handle, &value, &mut self.response).await.map_err(failed)?;
            if done % BATCH == 0 || done == operations {
                self.settle().await?;
            }
        }
        let rate = Rate { operations, span: stopwatch.stop() };
        self.check(WRITE_REQUEST, before, operations)?;
        Ok(rate)
    }

    /// A barrier; gives how many handlers have run since the last one.
    async fn settle(&self) -> Result<u32, Fault> {
        self.link.barrier(false).await?;
        let is_handler = |report: &&Report| matches!(report, Report::Handler { .. });
        let reports = self.link.take_reports();
        Ok(u32::try_from(reports.iter().filter(is_handler).count()).unwrap_or(u32::MAX))
    }

    /// The board has reported each request, and no other.
    fn check(&self, opcode: u8, before: u32, operations: u32) -> Result<(), Fault> {
        let reported = self.link.received(opcode).wrapping_sub(before);
        if reported == operations {
            return Ok(());
        }
        Err(broken(format!("the board reported {reported} of {operations} requests")))
    }
}

async fn wait() -> Span {
    let stopwatch = Stopwatch::start();
    Timer::after(LONG_WAIT).await;
    stopwatch.stop()
}

struct Stopwatch {
    wall: Instant,
    bench: BenchInstant,
}

impl Stopwatch {
    fn start() -> Self {
        Self { wall: Instant::now(), bench: BenchInstant::now() }
    }

    fn stop(&self) -> Span {
        Span {
            wall_us: u64::try_from(self.wall.elapsed().as_micros()).unwrap_or(u64::MAX),
            virtual_us: self.bench.elapsed().as_micros(),
        }
    }
}

fn table() -> Table {
    let characteristic = |uuid: u16, callback| Characteristic {
        uuid: wire::Uuid::Int(uuid.into()),
        handle: None,
        cccd_handle: None,
        properties: READ_AND_WRITE,
        read: Access::Open,
        write: Access::Open,
        subscribe: Access::Open,
        length: wire::Length::UpTo(20),
        value: ApiValue::Bytes(vec![PLAIN_BYTE; VALUE_LEN]),
        descriptors: Vec::new(),
        callback,
    };
    let reply = RuleAction::Reply(ApiValue::Bytes(vec![HANDLED_BYTE; VALUE_LEN]));
    let rule = Rule { event: None, counter_min: None, counter_max: None, value: None, actions: vec![reply] };
    let callback = Callback { on: READ_EVENT, reads_events: false, counter: 0, arg: None, rules: vec![rule] };
    Table {
        name: "gattest".into(),
        clients: 1,
        caching: false,
        services: vec![Service {
            uuid: wire::Uuid::Int(0xA000),
            primary: true,
            handle: None,
            includes: Vec::new(),
            characteristics: vec![characteristic(PLAIN, None), characteristic(HANDLED, Some(callback))],
        }],
        ..Table::default()
    }
}

fn handle(database: &Database, uuid: u16) -> Result<u16, Fault> {
    let handle = database.value_handle(Uuid::short(uuid));
    handle.ok_or_else(|| broken(format!("discovery did not show 0x{uuid:04X}")))
}

fn failed(failure: Failure) -> Fault {
    match failure {
        Failure::Rig(fault) => fault,
        other => broken(format!("a request failed: {other:?}")),
    }
}

fn broken(cause: String) -> Fault {
    Fault::new(cause, "report it, with the seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_counted_and_takes_its_time_on_the_air() {
        let operations = 2500;
        let found = measure(operations, 3).unwrap();
        for rate in [found.reads, found.writes, found.handled_reads] {
            assert_eq!(rate.operations, operations);
            // A request takes two connection events of 7.5 ms, a barrier the next one's acknowledgement.
            let events = rate.span.virtual_us / 7_500;
            assert!(
                (2 * operations..2 * operations + 8).contains(&u32::try_from(events).unwrap()),
                "{rate:?}"
            );
        }
        assert_eq!(found.scenarios.operations, operations / REQUESTS_A_SCENARIO);
        assert_eq!(found.wait_30_s.virtual_us, 30_000_000);
        assert!(found.connect.virtual_us > 0 && found.discovery.virtual_us > 15_000);
    }
}
