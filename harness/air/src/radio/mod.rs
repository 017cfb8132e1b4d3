//! The medium between the controllers: what happens on the air, and when.

mod advertising;
mod connecting;
mod control;
mod encryption;
mod exchange;
mod faults;
mod link;
mod procedures;
mod scanning;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

pub(crate) use advertising::Advertising;
pub(crate) use connecting::Initiating;
pub use faults::{Carried, Fate, Transmission};
pub(crate) use link::Side;
pub(crate) use scanning::Scanning;

use crate::bench::stream;
use crate::capture::{Adapter, Recorder, Tape};
use crate::clock::Clock;
use crate::controller::{Connection, ControllerConfig, Station};
use link::{End, Link};

/// Something that is due at some time. Whom it concerns may be gone by then: `epoch` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// A station's next advertising event.
    Advertising { station: usize, epoch: u64 },
    /// A link's next connection event.
    ConnectionEvent { link: usize, epoch: u64 },
    /// The supervision timeout of a link may be over.
    Supervision { link: usize, epoch: u64 },
    /// One end has waited long enough for the acknowledgement of its LL_TERMINATE_IND.
    TerminationTimeout { link: usize, epoch: u64, side: Side },
    /// One end has waited long enough for the next PDU of an encryption procedure.
    EncryptionTimeout { link: usize, epoch: u64, side: Side },
    /// An event for the host that follows the answer to its command.
    News { station: usize, resets: u32, news: News },
}

/// What a controller tells its host by itself right after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// No connection: the host has cancelled it.
    CreateCancelled,
    /// The PHY stays as it is.
    PhyKept { handle: u16 },
    /// The peer's version, known already.
    Version { handle: u16, version: [u8; 5] },
}

/// The order of happenings: by time, then by when they were scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Scheduled {
    at_us: u64,
    number: u64,
    happening: Happening,
}

/// All controllers of a bench and what is between them.
#[derive(Debug)]
pub(crate) struct Radio {
    clock: Rc<Clock>,
    tape: Rc<Tape>,
    seed: u64,
    stations: Vec<Station>,
    /// Boxed, so that a link can be taken out and put back at the cost of a pointer.
    links: Vec<Option<Box<Link>>>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    /// Counts happenings and epochs; none is ever used twice.
    number: u64,
    faults: faults::Faults,
    loss_rng: fastrand::Rng,
    /// Delays and phases.
    rng: fastrand::Rng,
    scratch: Vec<u8>,
}

impl Radio {
    pub(crate) fn new(clock: Rc<Clock>, tape: Rc<Tape>, seed: u64) -> Self {
        Self {
            clock,
            tape,
            seed,
            stations: Vec::new(),
            links: Vec::new(),
            queue: BinaryHeap::new(),
            number: 0,
            faults: faults::Faults::default(),
            loss_rng: stream(seed, "loss"),
            rng: stream(seed, "radio"),
            scratch: Vec::new(),
        }
    }

    /// Adds a controller, and gives its index.
    pub(crate) fn add_station(&mut self, mut config: ControllerConfig) -> usize {
        let index = self.stations.len();
        let mut rng = stream(self.seed, &format!("controller {index}"));
        config.acl_packet_length = config.acl_packet_length.max(27);
        config.acl_packet_count = config.acl_packet_count.max(1);
        if config.name.is_empty() {
            config.name = format!("air{index}");
        }
        if config.public_address == [0; 6] {
            rng.fill(&mut config.public_address);
        }
        let controller = u16::try_from(index).unwrap_or(u16::MAX);
        let recorder = Recorder { clock: self.clock.clone(), tape: self.tape.clone(), controller };
        self.stations.push(Station::new(config, recorder, rng));
        index
    }

    pub(crate) fn adapters(&self) -> Vec<Adapter> {
        let adapter = |station: &Station| Adapter {
            name: station.config.name.clone(),
            address: station.config.public_address,
        };
        self.stations.iter().map(adapter).collect()
    }

    pub(crate) fn station(&self, index: usize) -> Option<&Station> {
        self.stations.get(index)
    }

    pub(crate) fn station_mut(&mut self, index: usize) -> Option<&mut Station> {
        self.stations.get_mut(index)
    }

    /// The end of a link that a controller names by a connection handle.
    pub(crate) fn end_mut(&mut self, connection: Connection) -> Option<&mut End> {
        let link = self.links.get_mut(connection.link)?.as_mut()?;
        Some(link.end_mut(connection.side))
    }

    pub(crate) fn take_scratch(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    pub(crate) fn put_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }

    /// Sets a controller back, as after power-on. Its links end without a word: the peers notice by their supervision
    /// timeouts (Core Vol 4 Part E 7.3.2).
    pub(crate) fn reset(&mut self, index: usize) {
        let connections = self.station_mut(index).map(|station| std::mem::take(&mut station.connections));
        for connection in connections.unwrap_or_default() {
            if let Some(mut link) = self.links.get_mut(connection.link).and_then(Option::take) {
                link.catch_up(self.clock.now());
                self.close_end(&mut link, connection.side, None);
                self.settle(connection.link, link);
            }
        }
        if let Some(station) = self.station_mut(index) {
            station.settings = crate::controller::Settings::default();
            station.acl_in_use = 0;
            station.resets = station.resets.wrapping_add(1);
            // What the host has not read belongs to the time before.
            station.port.forget_unread();
        }
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn schedule(&mut self, at_us: u64, happening: Happening) {
        let number = self.next_number();
        self.queue.push(Reverse(Scheduled { at_us, number, happening }));
    }

    /// Tells a host something after the answer to the command that is being carried out.
    fn tell(&mut self, station: usize, news: News) {
        let resets = self.station(station).map_or(0, |station| station.resets);
        self.schedule(self.clock.now(), Happening::News { station, resets, news });
    }

    pub(crate) fn is_in_real_time(&self) -> bool {
        self.clock.is_in_real_time()
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(scheduled)| scheduled.at_us)
    }

    /// Lets happen what is due by now.
    pub(crate) fn run_due(&mut self) {
        let now = self.clock.now();
        while let Some(Reverse(scheduled)) = self.queue.peek()
            && scheduled.at_us <= now
        {
            let happening = scheduled.happening;
            self.queue.pop();
            match happening {
                Happening::ConnectionEvent { link, epoch } => self.connection_event(link, epoch),
                Happening::Advertising { station, epoch } => self.advertising_event(station, epoch),
                Happening::Supervision { link, epoch } => self.supervise(link, epoch),
                Happening::TerminationTimeout { link, epoch, side } => {
                    self.give_up_termination(link, epoch, side)
                }
                Happening::EncryptionTimeout { link, epoch, side } => {
                    self.give_up_encryption(link, epoch, side)
                }
                Happening::News { station, resets, news } => self.deliver_news(station, resets, news),
            }
        }
    }

    fn deliver_news(&mut self, index: usize, resets: u32, news: News) {
        let Some(station) = self.station_mut(index).filter(|station| station.resets == resets) else {
            return;
        };
        match news {
            News::CreateCancelled => {
                station.connection_failed(crate::controller::status::UNKNOWN_CONNECTION, Side::Central as u8);
            }
            News::PhyKept { handle } if station.connection(handle).is_some() => {
                station.phy_update_complete(handle)
            }
            News::Version { handle, version } if station.connection(handle).is_some() => {
                station.remote_version_complete(handle, version);
            }
            News::PhyKept { .. } | News::Version { .. } => {}
        }
    }
}
