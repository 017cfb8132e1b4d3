//! GAP, through `trouble-host`: advertising, connections, and one `Stack` for each application.

use crate::App;
use crate::application::Application;
use crate::bearer::Bearer;
use crate::control::PendingStart;
use crate::outbox::Console;
use crate::packets::HeapPool;
use alloc::boxed::Box;
use alloc::vec::Vec;
use bt_hci::cmd::le::LeSetScanResponseData;
use bt_hci::controller::ExternalController;
use bt_hci_transport::Transport;
use core::cell::RefCell;
use core::future::pending;
use core::pin::Pin;
use embassy_futures::select::{Either, Either3, Either4, select, select_slice, select3, select4};
use embassy_time::{Duration, with_timeout};
use gatts::{ConnId, Gap};
use trouble_host::connection::{Connection, ConnectionEvent};
use trouble_host::prelude::{Advertisement, AdvertisementParameters};
use trouble_host::{Address, BleHostError, Error, HostResources, Stack, StackBuilder};
use wire::Pairing;

/// Short, so that a central finds the board at once: the harness waits for each connection.
const ADVERTISING_INTERVAL: Duration = Duration::from_millis(30);
/// A controller reports the end of a connection at the latest when its supervision timeout is over;
/// harness centrals choose 4 s or less.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// An answer is on its way before the connection is ended: this is longer than a client that is there
/// takes to acknowledge it, and shorter than the harness waits for the next `Start`.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);
/// Connections that the host may hold: those that have just ended take their place until this module
/// has heard of it, and a connection without a place would stop the host.
const CONNECTION_SLOTS: usize = 2 * crate::MAX_CLIENTS;
/// HCI commands that may be under way at once.
const COMMAND_SLOTS: usize = 4;

/// The bearer as the host's controller.
pub(crate) type HostController<'a, T> = ExternalController<&'a Bearer<T>, COMMAND_SLOTS>;

/// The same before it is built.
pub(crate) type HostBuilder<'d, T> = StackBuilder<'d, HostController<'d, T>, HeapPool>;

/// The host of one application.
pub(crate) type HostStack<'d, T> = Stack<'d, HostController<'d, T>, HeapPool>;

impl<T: Transport> App<T> {
    /// Runs one application after the other.
    pub(crate) async fn run_host(&self) {
        let mut pending = self.starts.next().await;
        loop {
            let console = Console::new(self.outbox.clone());
            let address = pending.start.address;
            match Application::start(&pending.start, &console, &self.delay) {
                Ok(application) => self.replace(application, address),
                Err(why) => {
                    self.replace(Application::idle(), address);
                    pending.refused(&why);
                    pending = self.starts.next().await;
                    continue;
                }
            }
            pending = self.run_stack(pending).await;
        }
    }

    /// Puts another application in charge, under this address, and takes the old one apart.
    fn replace(&self, application: Application, address: [u8; 6]) {
        #[cfg(feature = "mutants")]
        if application.leaves_in_charge(&self.application.borrow()) {
            return;
        }
        let new = application.bluetooth.server();
        self.bearer.serve(new.clone(), application.pairing != Pairing::No);
        let old = self.application.replace(application).bluetooth.server();
        self.bonds.carry_over(address, &old, &new);
        // Its handlers may hold the application that holds them.
        old.shut_down();
    }

    /// Runs the host until the next `Start`, and gives that back with no client connected.
    async fn run_stack(&self, pending: PendingStart) -> PendingStart {
        let mut resources = HostResources::<HeapPool, CONNECTION_SLOTS, 1>::new();
        let controller = HostController::new(&self.bearer);
        let stack = trouble_host::new(controller, &mut resources)
            .set_random_address(Address::random(pending.start.address));
        let stack = self.set_pairing(stack).build();
        let mut runner = stack.runner();
        match select3(runner.run(), self.gap(&stack, pending), self.give_keys(&stack)).await {
            Either3::First(result) => {
                if let Err(error) = result {
                    self.report(format_args!("bluetooth host stopped: {}", Said(&error)));
                }
                self.starts.next().await
            }
            Either3::Second(next) => next,
            Either3::Third(never) => match never {},
        }
    }

    /// Advertises as the application wants it, and follows its connections.
    async fn gap(&self, stack: &HostStack<'_, T>, mut pending: PendingStart) -> PendingStart {
        let mut peripheral = stack.peripheral();
        let mut connections: Vec<Connection<'_, HeapPool>> = Vec::new();
        let ending = RefCell::new(Vec::new());
        let mut shows_response = false;
        loop {
            let gap = self.wishes(&ending);
            self.end_asked(&connections, &ending).await;
            // The host may not have read yet of an end that the bearer knows.
            if !gap.wants_advertising || self.bearer.connections() < connections.len() {
                pending.started();
                let changes = self.changes(&gap, &ending, connections.len());
                match select3(self.ended(stack, &connections), changes, self.starts.next()).await {
                    Either3::First(index) => self.drop_connection(stack, connections.remove(index)),
                    Either3::Second(()) => {}
                    Either3::Third(next) => {
                        self.end_all(&connections).await;
                        return next;
                    }
                }
                continue;
            }
            // A connection that comes and goes before the host looks is never accepted.
            let epoch = self.bearer.disconnections();
            let has_response = !gap.scan_response.as_slice().is_empty();
            if shows_response && !has_response {
                // The host leaves the old scan response in place when the new one is empty.
                let clear = LeSetScanResponseData::new(0, [0; 31]);
                if let Err(error) = stack.command(clear).await {
                    self.report(format_args!("cannot clear the scan response: {}", Said(&error)));
                }
            }
            shows_response = has_response;
            let advertisement = Advertisement::ConnectableScannableUndirected {
                adv_data: gap.adv_data.as_slice(),
                scan_data: gap.scan_response.as_slice(),
            };
            let advertiser = match peripheral.advertise(&parameters(), advertisement).await {
                Ok(advertiser) => advertiser,
                Err(error) => {
                    self.report(format_args!("cannot advertise: {}", Said(&error)));
                    return self.starts.next().await;
                }
            };
            pending.started();
            let gone = select(self.bearer.gone_since(epoch), self.ended(stack, &connections));
            let changes = self.changes(&gap, &ending, connections.len());
            match select4(advertiser.accept(), gone, self.starts.next(), changes).await {
                Either4::First(Ok(connection)) => {
                    self.may_bond(&connection);
                    connections.push(connection);
                }
                Either4::Second(Either::Second(index)) => {
                    self.drop_connection(stack, connections.remove(index))
                }
                Either4::First(Err(_)) | Either4::Second(Either::First(())) | Either4::Fourth(()) => {}
                Either4::Third(next) => {
                    connections.extend(peripheral.try_accept());
                    self.end_all(&connections).await;
                    return next;
                }
            }
        }
    }

    /// What the application wants now. Each connection to be ended is named once, so it is kept.
    fn wishes(&self, ending: &RefCell<Vec<ConnId>>) -> Gap {
        let gap = self.bearer.server().gap();
        ending.borrow_mut().extend(gap.disconnect.iter().copied());
        gap
    }

    /// Returns once the application wants something else than `gap`; not while the host has still to
    /// read of a connection's beginning or end.
    async fn changes(&self, gap: &Gap, ending: &RefCell<Vec<ConnId>>, accepted: usize) {
        loop {
            let now = self.wishes(ending);
            let is_same = now.wants_advertising == gap.wants_advertising
                && (!gap.wants_advertising
                    || (now.adv_data == gap.adv_data && now.scan_response == gap.scan_response));
            let is_settled = self.bearer.connections() == accepted;
            if !ending.borrow().is_empty() && accepted > 0 || !is_same && is_settled {
                return;
            }
            self.bearer.gap_changed().await;
        }
    }

    /// Ends the connections that the application wants to be ended, after the answers on them.
    async fn end_asked(&self, connections: &[Connection<'_, HeapPool>], ending: &RefCell<Vec<ConnId>>) {
        let asked = ending.take();
        if asked.is_empty() {
            return;
        }
        self.bearer.idle(ANSWER_DEADLINE).await;
        for connection in connections {
            if asked.contains(&ConnId(connection.handle().raw())) {
                connection.disconnect();
            }
        }
    }

    async fn end_all(&self, connections: &[Connection<'_, HeapPool>]) {
        for connection in connections {
            self.end(connection).await;
        }
    }

    /// Ends a connection and waits until it is gone.
    async fn end(&self, connection: &Connection<'_, HeapPool>) {
        connection.disconnect();
        let gone =
            async { while !matches!(connection.next().await, ConnectionEvent::Disconnected { .. }) {} };
        if with_timeout(DISCONNECT_DEADLINE, gone).await.is_err() {
            // The new stack resets the controller, which ends the connection without a word.
            self.report("the controller did not end the connection");
        }
    }

    /// Returns the index of the first connection that has ended; waits for ever where there is none.
    async fn ended(&self, stack: &HostStack<'_, T>, connections: &[Connection<'_, HeapPool>]) -> usize {
        loop {
            if connections.is_empty() {
                return pending().await;
            }
            let mut next: Vec<_> = connections.iter().map(|connection| Box::pin(connection.next())).collect();
            match select_slice(Pin::new(next.as_mut_slice())).await {
                (ConnectionEvent::Disconnected { .. }, index) => return index,
                (event, index) => {
                    drop(next);
                    if let Some(connection) = connections.get(index) {
                        self.on_pairing(stack, connection, event);
                    }
                }
            }
        }
    }

    fn drop_connection(&self, stack: &HostStack<'_, T>, connection: Connection<'_, HeapPool>) {
        self.pairing_over(stack, &connection);
    }

    pub(crate) fn report(&self, what: impl core::fmt::Display) {
        Console::new(self.outbox.clone()).line(what);
    }
}

/// An error of the host, in few words: HCI errors by the number that Core Vol 1 Part F gives them, whose names would
/// take 5 kB on a chip.
struct Said<'a, E>(&'a BleHostError<E>);

impl<E> core::fmt::Display for Said<'_, E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let BleHostError::BleHost(error) = self.0 else {
            return f.write_str("the HCI transport failed");
        };
        f.write_str(match error {
            Error::Hci(error) => return write!(f, "HCI error 0x{:02X}", u8::from(*error)),
            Error::HciDecode(_) => "an HCI packet cannot be read",
            Error::InsufficientSpace => "the data do not fit",
            Error::InvalidState => "the wrong state",
            Error::OutOfMemory => "out of memory",
            Error::NoPermits => "the controller takes no commands",
            Error::Timeout => "the controller does not answer",
            Error::Disconnected => "disconnected",
            _ => "another error of the host",
        })
    }
}

fn parameters() -> AdvertisementParameters {
    AdvertisementParameters {
        interval_min: ADVERTISING_INTERVAL,
        interval_max: ADVERTISING_INTERVAL,
        ..AdvertisementParameters::default()
    }
}
