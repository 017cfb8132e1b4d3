//! `gattest bench`: how fast the whole path is on this machine.

use rig::measure::{Measurements, Rate, Span, measure};
use serde::Serialize;

use super::{Outcome, inconclusive, print};
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::report::duration;

/// Operations of each kind: enough for a second or so, and for a rate that repeats.
const OPERATIONS: u32 = 200_000;
const SEED: u64 = 1;

pub(super) fn execute(args: &BenchArgs) -> Outcome {
    let measured = match measure(OPERATIONS, SEED) {
        Ok(measured) => measured,
        Err(fault) => return Ok(inconclusive(fault)),
    };
    if args.json {
        print(&(serde_json::to_string_pretty(&Figures::from(&measured))? + "\n"));
    } else {
        print(&table(&measured));
    }
    Ok(Exit::Pass)
}

fn table(measured: &Measurements) -> String {
    let rate = |what: &str, rate: &Rate| {
        let each = rate.span.wall_us as f64 / f64::from(rate.operations.max(1));
        format!("{what:32} {:>9.0} /s  {each:>7.2} µs each\n", rate.per_second())
    };
    let span = |what: &str, span: &Span| {
        format!("{what:32} {:>9} µs  {:>10} virtual\n", span.wall_us, duration(span.virtual_us))
    };
    let mut text = rate("reads of 20 bytes", &measured.reads);
    text += &rate("reads answered by a handler", &measured.handled_reads);
    text += &rate("writes of 20 bytes", &measured.writes);
    text += &rate("scenarios of five steps", &measured.scenarios);
    text += &span("connecting", &measured.connect);
    text += &span("discovering everything", &measured.discovery);
    text += &span("waiting on an idle link", &measured.wait_30_s);
    text += &format!("{:32} {:>9.0} x\n", "virtual time against wall time", measured.speed_up());
    text
}

/// The same figures for machines: rates in operations a second, times in microseconds.
#[derive(Serialize)]
struct Figures {
    reads_per_second: f64,
    handled_reads_per_second: f64,
    writes_per_second: f64,
    scenarios_per_second: f64,
    connect: Times,
    discovery: Times,
    wait_30_s: Times,
    virtual_over_wall: f64,
}

#[derive(Serialize)]
struct Times {
    wall_us: u64,
    virtual_us: u64,
}

impl From<&Measurements> for Figures {
    fn from(measured: &Measurements) -> Self {
        let times = |span: &Span| Times { wall_us: span.wall_us, virtual_us: span.virtual_us };
        Self {
            reads_per_second: measured.reads.per_second(),
            handled_reads_per_second: measured.handled_reads.per_second(),
            writes_per_second: measured.writes.per_second(),
            scenarios_per_second: measured.scenarios.per_second(),
            connect: times(&measured.connect),
            discovery: times(&measured.discovery),
            wait_30_s: times(&measured.wait_30_s),
            virtual_over_wall: measured.speed_up(),
        }
    }
}
