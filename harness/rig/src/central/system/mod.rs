//! The operating system's Bluetooth stack as a central, through `btleplug`.
//!
//! It shows outcomes, not PDUs: no handles, no order of attributes, one characteristic for each UUID and service, and
//! ATT error codes only where the system gives them away. Reads and writes of any length are the system's own affair,
//! and so are the MTU and the confirmation of indications. On Linux it pairs when it is told to.

mod errors;
mod find;
mod gatt;
mod interface;
#[cfg(target_os = "linux")]
mod pair;
#[cfg(target_os = "linux")]
mod record;
mod streams;

use super::{Failure, Pushed, UNSPECIFIED};
use crate::fault::Fault;
use btleplug::api::{
    Central as _, CentralEvent, CentralState, Manager as _, Peripheral as _, ValueNotification,
};
use btleplug::platform::{Adapter, Manager, Peripheral};
use embassy_time::{Duration, Instant, with_timeout};
use errors::Method;
use gatt::Attribute;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::mpsc;
use streams::Events;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The system's Bluetooth service answers at once, or is not there; its bus may be starting.
const OPEN_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// Longer than the 30 s after which BlueZ and its bus give a request up, so that they say so themselves.
const REQUEST_DEADLINE: Duration = Duration::from_secs(33);
/// A request that fails only then has failed by the 30 s of ATT (Core Vol 3 Part F 3.3.3): BlueZ counts whole seconds,
/// and may begin with less than one.
const ATT_TIMEOUT: Duration = Duration::from_secs(29);
/// What the system answers by itself, without a word to the device.
const LOCAL_DEADLINE: Duration = Duration::from_secs(5);

/// The system's stack with one of its adapters, for many scenarios.
#[derive(Debug)]
pub struct System {
    runtime: Handle,
    /// Its end ends the runtime's thread.
    _running: oneshot::Sender<()>,
    adapter: Adapter,
    /// What the system calls the adapter.
    adapter_name: String,
}

impl System {
    /// The adapter of this name, or the only one.
    ///
    /// # Errors
    /// The system has no such adapter, or does not say.
    pub fn open(adapter: Option<&str>) -> Result<Self, Fault> {
        let (running, ended) = oneshot::channel::<()>();
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| no_thread(&error))?;
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("btleplug".to_owned());
        // Nobody waits for the thread: a call to the system that never returns must not hold up the run's end.
        let _detached = thread
            .spawn(move || {
                let _dropped = runtime.block_on(ended);
            })
            .map_err(|error| no_thread(&error))?;
        let (found, adapters) = mpsc::channel();
        handle.spawn(async move {
            let _late = found.send(adapters_of_system().await);
        });
        let silent = || {
            let seconds = OPEN_DEADLINE.as_secs();
            let cause = format!("the system's Bluetooth service said nothing in {seconds} s");
            Fault::new(cause, errors::SERVICE_CURE)
        };
        let adapters = adapters.recv_timeout(OPEN_DEADLINE).map_err(|_| silent())??;
        let (adapter_name, adapter) = chosen(adapters, adapter)?;
        Ok(Self { runtime: handle, _running: running, adapter, adapter_name })
    }
}

fn no_thread(error: &std::io::Error) -> Fault {
    Fault::new(format!("no thread can be started: {error}"), "end other programs and run again")
}

/// Every adapter with its name.
async fn adapters_of_system() -> Result<Vec<(String, Adapter)>, Fault> {
    let manager = Manager::new().await.map_err(|error| errors::of_service(&error))?;
    let mut named = Vec::new();
    for adapter in manager.adapters().await.map_err(|error| errors::of_service(&error))? {
        let info = adapter.adapter_info().await.map_err(|error| errors::of_service(&error))?;
        // BlueZ puts what made it behind the name, in brackets.
        let name = info.split(" (").next().unwrap_or_default().to_owned();
        named.push((name, adapter));
    }
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(named)
}

fn chosen<A>(adapters: Vec<(String, A)>, wanted: Option<&str>) -> Result<(String, A), Fault> {
    let names: Vec<String> = adapters.iter().map(|(name, _)| name.clone()).collect();
    let mut fitting = adapters.into_iter().filter(|(name, _)| wanted.is_none_or(|wanted| name == wanted));
    match (fitting.next(), fitting.next(), wanted) {
        (Some(adapter), None, _) => Ok(adapter),
        (Some(_), Some(_), _) => Err(Fault::new(
            format!("the system has {} Bluetooth adapters: {}", names.len(), names.join(", ")),
            "name one of them with --central btleplug:ADAPTER",
        )),
        (None, _, Some(wanted)) if !names.is_empty() => Err(Fault::new(
            format!("the system has no Bluetooth adapter {wanted}; it has {}", names.join(", ")),
            "name one of these with --central btleplug:ADAPTER",
        )),
        (None, _, _) => Err(Fault::new(
            "the system has no Bluetooth adapter",
            "plug one in; on Linux `bluetoothctl list` shows those that bluetoothd knows, and `rfkill list` those \
             that are switched off",
        )),
    }
}

/// One scenario's central in the system's stack.
pub struct BtleplugCentral<'s> {
    system: &'s System,
    /// What the device advertises as its name, where a system hides addresses.
    name: Option<String>,
    /// The device is a board of ours: its address is the run's, so that nobody else can have a bond with it.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "no other system has a call that forgets")
    )]
    is_own: bool,
    link: RefCell<Option<Link>>,
    /// There has been a link: what the system remembers is this scenario's own.
    met: Cell<bool>,
    /// A request is under way, or was given up.
    waiting: Cell<bool>,
    /// The last request has its answer, and nothing without one was written since.
    answered: Cell<bool>,
    /// The system has a bond with the device, and is to keep it to the scenario's end.
    paired: Cell<bool>,
}

/// A link, up or ended.
struct Link {
    peripheral: Peripheral,
    values: Events<ValueNotification>,
    events: Events<CentralEvent>,
    /// Handle 1 is the first.
    attributes: Vec<Attribute>,
    pushes: VecDeque<Pushed>,
    subscriptions: Vec<gatt::Subscription>,
    indications: u32,
    /// An HCI error code, once it has ended.
    gone: Option<u8>,
}

impl<'s> BtleplugCentral<'s> {
    /// A central for one scenario. `name` is what the device advertises: it finds the device on systems that hide
    /// addresses. `is_own`: it is a board of ours, with an address of the run's.
    #[must_use]
    pub fn new(system: &'s System, name: Option<String>, is_own: bool) -> Self {
        Self {
            system,
            name,
            is_own,
            link: RefCell::new(None),
            met: Cell::new(false),
            waiting: Cell::new(false),
            answered: Cell::new(true),
            paired: Cell::new(false),
        }
    }

    /// Does something on the system's own thread; it is given up after `deadline`. `what` is its name in messages.
    async fn call<R: Send + 'static>(
        &self,
        what: &str,
        deadline: Duration,
        work: impl Future<Output = btleplug::Result<R>> + Send + 'static,
    ) -> Result<btleplug::Result<R>, Fault> {
        let mut task = AbortOnDrop(self.system.runtime.spawn(work));
        match with_timeout(deadline, &mut task.0).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => {
                let cause = format!("the system's Bluetooth library broke during {what}: {error}");
                Err(Fault::new(cause, "report it, with the scenario"))
            }
            Err(_) => {
                let cause = format!("the system did not end {what} in {} s", deadline.as_secs());
                Err(Fault::new(cause, errors::SERVICE_CURE))
            }
        }
    }

    /// As [`Self::call`], for what the system does without the device: each error is the bench's.
    async fn local<R: Send + 'static>(
        &self,
        what: &str,
        work: impl Future<Output = btleplug::Result<R>> + Send + 'static,
    ) -> Result<R, Fault> {
        self.call(what, LOCAL_DEADLINE, work).await?.map_err(|error| errors::fault(what, &error))
    }

    /// As [`Self::call`], for what the device answers.
    async fn request<R: Send + 'static>(
        &self,
        method: Method,
        work: impl Future<Output = btleplug::Result<R>> + Send + 'static,
    ) -> Result<R, Failure> {
        let began = Instant::now();
        self.waiting.set(true);
        let result = match self.call(method.name(), REQUEST_DEADLINE, work).await? {
            Ok(result) => Ok(result),
            Err(error) => match errors::failure(method, &error) {
                Failure::Hidden(words) => Err(self.hidden(words, began).await?),
                failure => Err(failure),
            },
        };
        // Without an answer from the device, the wait has been given up.
        self.waiting.set(matches!(result, Err(Failure::NoResponse)));
        self.answered.set(true);
        result
    }

    /// What an error means that may be the device's or the system's. A link's end and a time that ran out also show
    /// as an error of the request that was under way.
    async fn hidden(&self, words: String, began: Instant) -> Result<Failure, Fault> {
        if began.elapsed() >= ATT_TIMEOUT {
            return Ok(Failure::NoResponse);
        }
        let peripheral = self.link.borrow().as_ref().map(|link| link.peripheral.clone());
        let Some(peripheral) = peripheral else { return Ok(Failure::Hidden(words)) };
        // The system has heard of the link's end before it gave the request up.
        let asking = async move { peripheral.is_connected().await };
        let is_connected = self.call("the state of the link", LOCAL_DEADLINE, asking).await?;
        Ok(if is_connected.unwrap_or(false) { Failure::Hidden(words) } else { Failure::Gone(UNSPECIFIED) })
    }

    /// Fails where the adapter is off: scanning would switch it on behind its owner's back.
    async fn check_power(&self) -> Result<(), Fault> {
        let adapter = self.system.adapter.clone();
        let state =
            self.local("the state of the adapter", async move { adapter.adapter_state().await }).await?;
        match state {
            CentralState::PoweredOff => Err(Fault::new(
                format!("the Bluetooth adapter {} is off", self.system.adapter_name),
                "switch Bluetooth on: on Linux `bluetoothctl power on`, and `rfkill unblock bluetooth` before it",
            )),
            _ => Ok(()),
        }
    }
}

/// A task that nobody waits for any more has nothing left to do.
struct AbortOnDrop<R>(tokio::task::JoinHandle<R>);

impl<R> Drop for AbortOnDrop<R> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_adapter_is_chosen_and_several_are_listed() {
        let adapters = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), ())).collect::<Vec<_>>();
        assert_eq!(chosen(adapters(&["hci0"]), None).unwrap().0, "hci0");
        assert_eq!(chosen(adapters(&["hci0", "hci1"]), Some("hci1")).unwrap().0, "hci1");
        let several = chosen(adapters(&["hci0", "hci1"]), None).unwrap_err();
        assert_eq!(several.cause, "the system has 2 Bluetooth adapters: hci0, hci1");
        let other = chosen(adapters(&["hci0"]), Some("hci7")).unwrap_err();
        assert_eq!(other.cause, "the system has no Bluetooth adapter hci7; it has hci0");
        assert_eq!(chosen(adapters(&[]), None).unwrap_err().cause, "the system has no Bluetooth adapter");
        assert_eq!(
            chosen(adapters(&[]), Some("hci0")).unwrap_err().cause,
            "the system has no Bluetooth adapter"
        );
    }
}
