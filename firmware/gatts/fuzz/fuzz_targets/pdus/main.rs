//! Sequences of PDUs, calls of the API and events of the link, against arbitrary tables.
//!
//! What must hold: no panic; each request answered exactly once and nothing else; PDUs of the form that the
//! Core Specification gives them; the bounds stated in the documentation of the crate; everything freed at the end;
//! and the same once more for the same input.
#![no_main]

mod pdu;
mod rules;
mod shape;
mod steps;
mod table;
mod world;

use std::alloc::System;

use cap::Cap;
use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;

use shape::Few;
use steps::Step;
use table::{Service, Setup};
use world::World;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// More only take longer.
const STEPS: usize = 100;

/// A server, and what happens to it.
#[derive(Debug)]
struct Input {
    setup: Setup,
    services: Few<Service, 4>,
    steps: Vec<Step>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (setup, services) = (u.arbitrary()?, u.arbitrary()?);
        let mut steps = Vec::new();
        while !u.is_empty() && steps.len() < STEPS {
            steps.push(u.arbitrary()?);
        }
        Ok(Self { setup, services, steps })
    }
}

/// Everything that comes out, as a number.
fn outcome(input: &Input) -> u64 {
    let before = ALLOCATOR.allocated();
    let mut world = World::new(&input.setup, &input.services.0);
    for step in &input.steps {
        world.step(step);
    }
    let outcome = world.end();
    assert_eq!(ALLOCATOR.allocated(), before, "not everything has been freed");
    outcome
}

fuzz_target!(|input: Input| {
    assert_eq!(outcome(&input), outcome(&input), "the same input came to another outcome");
});
