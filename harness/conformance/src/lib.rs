//! The pure half of gattest: scenario, plan, trace, compare, report model.
