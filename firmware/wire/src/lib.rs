//! Messages and framing of the link between board and harness.
#![no_std]
