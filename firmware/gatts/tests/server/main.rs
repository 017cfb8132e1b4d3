//! The server as a client, an application and a transport see it.

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod common;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod gap;
#[cfg(test)]
mod lopy;
#[cfg(test)]
mod model;
#[cfg(test)]
mod pushing;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod timing;
#[cfg(test)]
mod writing;
