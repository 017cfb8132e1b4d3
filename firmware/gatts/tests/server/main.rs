//! The server as a client, an application and a transport see it.

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod bonds;
#[cfg(test)]
mod caching;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod changes;
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
mod multiple;
#[cfg(test)]
mod pushing;
#[cfg(test)]
mod queued;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sig;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod timing;
#[cfg(test)]
mod writing;
