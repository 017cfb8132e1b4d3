//! The `gattest` command.
fn main() {}
