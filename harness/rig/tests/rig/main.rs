//! The rig over the virtual radio: right devices, wrong devices and broken benches.

#[cfg(test)]
mod adapters;
#[cfg(test)]
#[cfg(unix)]
mod board_faults;
#[cfg(test)]
mod central;
#[cfg(test)]
mod drive;
#[cfg(test)]
mod external;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod language;
#[cfg(test)]
mod late;
#[cfg(test)]
mod prepared;
#[cfg(test)]
#[cfg(unix)]
mod pty;
#[cfg(test)]
mod security;
#[cfg(test)]
mod seeds;
#[cfg(test)]
#[cfg(unix)]
mod serial;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tables;
