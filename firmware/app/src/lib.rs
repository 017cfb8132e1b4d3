//! What every board runs: bearer, GAP, control link, trace, built-in application.
#![no_std]
