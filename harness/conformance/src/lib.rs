//! The pure half of gattest: scenario, plan, trace, compare, report model.
//!
//! Data flows one way: YAML text becomes a [`scenario::Scenario`], that a [`plan::Plan`]; the rig
//! drives the plan and returns one [`observation::StepObservation`] a step; these become a
//! [`trace::Trace`], which [`compare`] judges.
//!
//! **Invariant:** no async, no clock, no file system, no serial port, and nothing else of this
//! workspace: every function here is a function of its arguments.

pub mod att_error;
mod captures;
pub mod compare;
pub mod coverage;
pub mod diagnostic;
mod expectation;
mod language;
pub mod lopy;
pub mod observation;
pub mod parse;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod schema;
pub mod spelling;
pub mod system;
pub mod trace;
pub mod value;
pub mod verdict;
mod yaml;
