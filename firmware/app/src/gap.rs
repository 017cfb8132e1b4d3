//! GAP, through `trouble-host`: advertising, connections, and one `Stack` for each application.

use crate::App;
use crate::application::Application;
use crate::bearer::Bearer;
use crate::control::PendingStart;
use crate::outbox::Console;
use crate::packets::HeapPool;
use bt_hci::controller::ExternalController;
use bt_hci_transport::Transport;
use embassy_futures::select::{Either, Either3, Either4, select, select3, select4};
use embassy_time::{Duration, with_timeout};
use gatts::Gap;
use trouble_host::connection::{Connection, ConnectionEvent};
use trouble_host::peripheral::Peripheral;
use trouble_host::prelude::{Advertisement, AdvertisementParameters};
use trouble_host::{Address, HostResources};

/// Short, so that a central finds the board at once: the harness waits for each connection.
const ADVERTISING_INTERVAL: Duration = Duration::from_millis(30);
/// A controller reports the end of a connection at the latest when its supervision timeout is over;
/// harness centrals choose 4 s or less.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// HCI commands that may be under way at once.
const COMMAND_SLOTS: usize = 4;

/// The bearer as the host's controller.
type HostController<'a, T> = ExternalController<&'a Bearer<T>, COMMAND_SLOTS>;

impl<T: Transport> App<T> {
    /// Runs one application after the other.
    pub(crate) async fn run_host(&self) {
        let mut pending = self.starts.next().await;
        loop {
            let console = Console::new(self.outbox.clone());
            match Application::start(&pending.start.device, &console) {
                Ok(application) => self.replace(application),
                Err(why) => {
                    self.replace(Application::idle());
                    pending.refused(&why);
                    pending = self.starts.next().await;
                    continue;
                }
            }
            pending = self.run_stack(pending).await;
        }
    }

    /// Puts another application in charge and takes the old one apart.
    fn replace(&self, application: Application) {
        self.bearer.serve(application.bluetooth.server());
        let old = self.application.replace(application);
        // Its handlers may hold the application that holds them.
        old.bluetooth.server().shut_down();
    }

    /// Runs the host until the next `Start`, and gives that back with no client connected.
    async fn run_stack(&self, pending: PendingStart) -> PendingStart {
        let mut resources = HostResources::<HeapPool, 1, 1>::new();
        let controller = HostController::new(&self.bearer);
        let stack = trouble_host::new(controller, &mut resources)
            .set_random_address(Address::random(pending.start.address))
            .build();
        let mut runner = stack.runner();
        let peripheral = stack.peripheral();
        match select(runner.run(), self.gap(peripheral, pending)).await {
            Either::First(result) => {
                self.report(format_args!("bluetooth host stopped: {result:?}"));
                self.starts.next().await
            }
            Either::Second(next) => next,
        }
    }

    /// Advertises as the application wants it, and follows its connections.
    async fn gap(
        &self,
        mut peripheral: Peripheral<'_, HostController<'_, T>, HeapPool>,
        mut pending: PendingStart,
    ) -> PendingStart {
        loop {
            let Gap { wants_advertising, adv_data, scan_response, .. } = self.bearer.server().gap();
            if !wants_advertising {
                pending.started();
                match select(self.starts.next(), self.bearer.gap_changed()).await {
                    Either::First(next) => return next,
                    Either::Second(()) => continue,
                }
            }
            // A connection that comes and goes before the host looks is never accepted.
            let epoch = self.bearer.disconnections();
            let advertisement = Advertisement::ConnectableScannableUndirected {
                adv_data: adv_data.as_slice(),
                scan_data: scan_response.as_slice(),
            };
            let advertiser = match peripheral.advertise(&parameters(), advertisement).await {
                Ok(advertiser) => advertiser,
                Err(error) => {
                    self.report(format_args!("cannot advertise: {error:?}"));
                    return self.starts.next().await;
                }
            };
            pending.started();
            let gone = self.bearer.gone_since(epoch);
            match select4(advertiser.accept(), gone, self.starts.next(), self.stops_advertising()).await {
                Either4::First(Ok(connection)) => {
                    if let Some(next) = self.follow(connection).await {
                        return next;
                    }
                }
                Either4::First(Err(_)) | Either4::Second(()) | Either4::Fourth(()) => {}
                Either4::Third(next) => {
                    if let Some(connection) = peripheral.try_accept() {
                        self.end(&connection).await;
                    }
                    return next;
                }
            }
        }
    }

    /// Returns once the application no longer wants to advertise although nobody is connected.
    async fn stops_advertising(&self) {
        while self.bearer.server().gap().wants_advertising || self.bearer.is_connected() {
            self.bearer.gap_changed().await;
        }
    }

    /// Follows one connection to its end; gives the next `Start` if that is what ended it.
    async fn follow(&self, connection: Connection<'_, HeapPool>) -> Option<PendingStart> {
        loop {
            if !self.bearer.server().gap().disconnect.is_empty() {
                connection.disconnect();
            }
            match select3(connection.next(), self.bearer.gap_changed(), self.starts.next()).await {
                Either3::First(ConnectionEvent::Disconnected { .. }) => return None,
                Either3::First(_) | Either3::Second(()) => {}
                Either3::Third(next) => {
                    self.end(&connection).await;
                    return Some(next);
                }
            }
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

    fn report(&self, what: impl core::fmt::Display) {
        Console::new(self.outbox.clone()).line(what);
    }
}

fn parameters() -> AdvertisementParameters {
    AdvertisementParameters {
        interval_min: ADVERTISING_INTERVAL,
        interval_max: ADVERTISING_INTERVAL,
        ..AdvertisementParameters::default()
    }
}
