//! What one controller knows: its settings, its addresses, what it is doing on the air.

use super::{ControllerConfig, HostError, status};
use crate::capture::Recorder;
use crate::controller::port::HostPort;
use crate::radio::{Advertising, Initiating, Scanning, Side};

/// Connections that one controller can have at a time.
pub(crate) const MAX_CONNECTIONS: usize = 8;

/// Entries of the filter accept list.
pub(crate) const ACCEPT_LIST_SIZE: usize = 8;

/// The first connection handle that is given out.
const FIRST_HANDLE: u16 = 0x0040;

/// All events up to the first LE ones, and not LE Meta (Core Vol 4 Part E 7.3.1).
const DEFAULT_EVENT_MASK: u64 = 0x0000_1FFF_FFFF_FFFF;

/// The five oldest LE events (Core Vol 4 Part E 7.8.1).
const DEFAULT_LE_EVENT_MASK: u64 = 0x1F;

/// A device address with its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    /// 0: public, 1: random.
    pub(crate) kind: u8,
    /// Least significant byte first.
    pub(crate) bytes: [u8; 6],
}

/// Own_Address_Type of a command: public or random. The other two need LL privacy.
pub(crate) fn own_address_kind(kind: u8) -> Result<u8, u8> {
    match kind {
        0 | 1 => Ok(kind),
        2 | 3 => Err(status::UNSUPPORTED),
        _ => Err(status::INVALID_PARAMETERS),
    }
}

/// When a scanner or initiator listens: for `window_us` out of each `interval_us`, from `start_us` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) start_us: u64,
    pub(crate) interval_us: u64,
    pub(crate) window_us: u64,
}

impl Listener {
    /// Interval and window in units of 625 us; 0x0004 to 0x4000, the window within the interval
    /// (Core Vol 4 Part E 7.8.10).
    pub(crate) fn new(interval: u16, window: u16) -> Result<Self, u8> {
        let range = 0x0004..=0x4000;
        if !range.contains(&interval) || !range.contains(&window) || window > interval {
            return Err(status::INVALID_PARAMETERS);
        }
        Ok(Self { start_us: 0, interval_us: u64::from(interval) * 625, window_us: u64::from(window) * 625 })
    }

    pub(crate) fn hears(&self, now: u64) -> bool {
        now.saturating_sub(self.start_us) % self.interval_us < self.window_us
    }
}

/// One end of a link, as its controller names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection {
    pub(crate) handle: u16,
    /// Which link of the radio.
    pub(crate) link: usize,
    /// Which end of it.
    pub(crate) side: Side,
}

/// Flow control of ACL data towards the host (Core Vol 4 Part E 4.2).
#[derive(Debug, Default)]
pub(crate) struct HostFlow {
    pub(crate) enabled: bool,
    /// How many ACL data packets the host can hold; 0 while it has not said.
    pub(crate) limit: u16,
    /// How many it holds.
    pub(crate) outstanding: u16,
}

/// One controller.
#[derive(Debug)]
pub(crate) struct Station {
    pub(crate) config: ControllerConfig,
    pub(crate) port: HostPort,
    pub(crate) rng: fastrand::Rng,
    pub(crate) settings: Settings,
    pub(crate) connections: Vec<Connection>,
    /// How often the host has reset it.
    pub(crate) resets: u32,
    /// ACL data packets of the host that no peer has acknowledged yet.
    pub(crate) acl_in_use: u16,
}

/// What Reset sets back.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) random_address: Option<[u8; 6]>,
    pub(crate) event_mask: u64,
    pub(crate) le_event_mask: u64,
    pub(crate) accept_list: Vec<Address>,
    /// Identity addresses.
    pub(crate) resolving_list: Vec<Address>,
    pub(crate) address_resolution: bool,
    pub(crate) advertising: Advertising,
    pub(crate) scanning: Scanning,
    pub(crate) initiating: Option<Initiating>,
    pub(crate) host_flow: HostFlow,
    /// Suggested maximum octets and time (us) of the data PDUs of new connections.
    pub(crate) suggested_data_length: (u16, u16),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            random_address: None,
            event_mask: DEFAULT_EVENT_MASK,
            le_event_mask: DEFAULT_LE_EVENT_MASK,
            accept_list: Vec::new(),
            resolving_list: Vec::new(),
            address_resolution: false,
            advertising: Advertising::default(),
            scanning: Scanning::default(),
            initiating: None,
            host_flow: HostFlow::default(),
            // 27 octets take 328 us (Core Vol 6 Part B 4.5.10).
            suggested_data_length: (27, 328),
        }
    }
}

impl Station {
    pub(crate) fn new(config: ControllerConfig, recorder: Recorder, rng: fastrand::Rng) -> Self {
        Self {
            config,
            port: HostPort::new(recorder),
            rng,
            settings: Settings::default(),
            connections: Vec::new(),
            resets: 0,
            acl_in_use: 0,
        }
    }

    /// The address that it uses for `kind` (0: public, 1: random); none if no random address is set.
    pub(crate) fn own_address(&self, kind: u8) -> Option<Address> {
        match kind {
            0 => Some(Address { kind, bytes: self.config.public_address }),
            _ => self.settings.random_address.map(|bytes| Address { kind: 1, bytes }),
        }
    }

    pub(crate) fn accepts(&self, address: Address) -> bool {
        self.settings.accept_list.contains(&address)
    }

    pub(crate) fn connection(&self, handle: u16) -> Option<Connection> {
        self.connections.iter().find(|connection| connection.handle == handle).copied()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.connections.len() < MAX_CONNECTIONS
    }

    /// The lowest free handle: real controllers use it again at once, and so show who mixes up two connections.
    pub(crate) fn free_handle(&self) -> u16 {
        (FIRST_HANDLE..).find(|handle| self.connection(*handle).is_none()).unwrap_or(FIRST_HANDLE)
    }

    /// Whether the host can take ACL data now.
    pub(crate) fn takes_data(&self) -> bool {
        let flow = &self.settings.host_flow;
        let has_buffer = !flow.enabled || flow.limit == 0 || flow.outstanding < flow.limit;
        has_buffer && !self.port.is_full()
    }

    pub(crate) fn refuse(&mut self, error: HostError) -> Result<(), HostError> {
        self.port.note(error);
        Err(error)
    }
}
