//! Finding the device, connecting to it, and how links end.

use super::super::{Address, Choice, ConnectError, Failure, Heard, Target, UNSPECIFIED, Uuid};
use super::streams::Events;
use super::{BtleplugCentral, Link, errors};
use crate::fault::Fault;
use btleplug::api::{
    AddressType, BDAddr, Central as _, CentralEvent, Peripheral as _, PeripheralProperties, ScanFilter,
};
use btleplug::platform::{Adapter, Peripheral};
use conformance::scenario::External;
use embassy_time::{Duration, Instant, with_timeout};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

/// BlueZ gives a connection up after 20 to 40 s, and discovery after 30 s.
const CONNECT_DEADLINE: Duration = Duration::from_secs(45);
/// BlueZ waits 2 s before it ends a link.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(12);
/// How long is listened for a second device of the same name: twice the slowest usual interval.
const CHOICE_WINDOW: Duration = Duration::from_millis(conformance::plan::ABSENCE_WINDOW_MS as u64);
/// The system is asked again after an event, and at the latest after this time: not each system has one for all news.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The host has ended the link (Core Vol 1 Part F 2.22).
const ENDED_HERE: u8 = 0x16;

/// A device that the system shows.
struct Present {
    peripheral: Peripheral,
    address: Address,
    properties: PeripheralProperties,
}

impl Present {
    /// Complete local name.
    fn name(&self) -> Option<&str> {
        let PeripheralProperties { advertisement_name, local_name, .. } = &self.properties;
        advertisement_name.as_deref().or(local_name.as_deref())
    }

    fn fits(&self, target: &Target, name: Option<&str>) -> bool {
        match target {
            Target::Address(_) if hides_addresses(&self.peripheral) => {
                self.address_is(target) || (name.is_some() && self.name() == name)
            }
            Target::Address(_) | Target::External(External::Address(_)) => self.address_is(target),
            Target::External(External::Name(name)) => self.name() == Some(name),
            Target::External(External::Service(uuid)) => {
                let wanted = Uuid::from_bytes(&uuid.0);
                self.properties.services.iter().any(|found| Some(super::gatt::uuid(*found)) == wanted)
            }
        }
    }

    fn address_is(&self, target: &Target) -> bool {
        match target {
            Target::Address(wanted) | Target::External(External::Address(wanted)) => {
                *wanted == self.address.bytes
            }
            Target::External(_) => false,
        }
    }

    fn heard(&self, fits: bool) -> Heard {
        Heard { address: self.address, name: self.name().map(str::to_owned), fits }
    }
}

/// Some systems show none.
fn hides_addresses(peripheral: &Peripheral) -> bool {
    peripheral.address() == BDAddr::default()
}

impl BtleplugCentral<'_> {
    /// Scans for what `target` names: until one device is heard, and then, unless an address tells it apart, for as
    /// long as a second one may take.
    pub(super) async fn look(&self, target: Target, deadline: Duration) -> Result<Choice, Fault> {
        let (choice, _) = self.found(&target, deadline).await?;
        Ok(choice)
    }

    async fn found(
        &self,
        target: &Target,
        deadline: Duration,
    ) -> Result<(Choice, Option<Peripheral>), Fault> {
        self.check_power().await?;
        #[cfg(target_os = "linux")]
        self.check_known(target).await?;
        let adapter = self.system.adapter.clone();
        let scan = async move { adapter.start_scan(ScanFilter::default()).await };
        self.local("scanning", scan).await?;
        let found = self.scanned(target, deadline).await;
        let adapter = self.system.adapter.clone();
        self.local("the end of scanning", async move { adapter.stop_scan().await }).await?;
        found
    }

    /// A device that is connected already does not advertise: no scan would say why.
    #[cfg(target_os = "linux")]
    async fn check_known(&self, target: &Target) -> Result<(), Fault> {
        let adapter = self.system.adapter.clone();
        let known = self.local("listing what is known", known(adapter)).await?;
        let fitting = known.into_iter().filter(|one| one.fits(target, self.name.as_deref()));
        let fitting: Vec<Peripheral> = fitting.map(|one| one.peripheral).collect();
        if fitting.is_empty() { Ok(()) } else { self.check_free(&fitting).await }
    }

    async fn scanned(
        &self,
        target: &Target,
        deadline: Duration,
    ) -> Result<(Choice, Option<Peripheral>), Fault> {
        let adapter = self.system.adapter.clone();
        let events = self.local("listening to the adapter", async move { adapter.events().await }).await?;
        let mut events = Events::new(&self.system.runtime, events);
        let mut until = Instant::now() + deadline;
        let mut is_chosen = false;
        loop {
            let adapter = self.system.adapter.clone();
            let present = self.local("listing what was heard", present(adapter)).await?;
            let name = self.name.as_deref();
            let mut fitting = present.iter().filter(|one| one.fits(target, name));
            let heard = || present.iter().map(|one| one.heard(one.fits(target, name))).collect::<Vec<_>>();
            match (fitting.next(), fitting.next()) {
                (Some(_), Some(_)) => {
                    return Ok((Choice::Several(heard().into_iter().filter(|one| one.fits).collect()), None));
                }
                (Some(one), None) if is_alone(target, &one.peripheral) || Instant::now() >= until => {
                    return Ok((Choice::One(one.address), Some(one.peripheral.clone())));
                }
                (Some(_), None) if !is_chosen => {
                    is_chosen = true;
                    until = Instant::now() + CHOICE_WINDOW;
                }
                (None, _) if Instant::now() >= until => return Ok((Choice::None(heard()), None)),
                _ => {}
            }
            let rest = until.saturating_duration_since(Instant::now()).min(LOOK_INTERVAL);
            // Either the next event or the time: both are reasons to look again.
            let _woken = with_timeout(rest, poll_fn(|context| events.poll(context))).await;
        }
    }

    /// Finds the device, connects to it, and has the system discover it.
    pub(super) async fn connect_to(&self, address: Address, deadline: Duration) -> Result<(), ConnectError> {
        if self.ended().is_none() && self.link.borrow().is_some() {
            let cure = "put a disconnect step before it";
            return Err(Fault::new("a connect step while connected", cure).into());
        }
        self.link.replace(None);
        let peripheral = self.the_one(address, deadline).await?;
        #[cfg(target_os = "linux")]
        let peripheral = self.as_to_a_stranger(peripheral, address, deadline).await?;
        let adapter = self.system.adapter.clone();
        let events = self.local("listening to the adapter", async move { adapter.events().await }).await?;
        let device = peripheral.clone();
        let listening = async move { device.notifications().await };
        let values = self.local("listening to the device", listening).await?;
        let link = Link {
            peripheral: peripheral.clone(),
            values: Events::new(&self.system.runtime, values),
            events: Events::new(&self.system.runtime, events),
            attributes: Vec::new(),
            pushes: VecDeque::new(),
            subscriptions: Vec::new(),
            indications: 0,
            gone: None,
        };
        self.met.set(true);
        // From here on it is this scenario's to disconnect from and to forget, whatever comes of it.
        self.link.replace(Some(link));
        let connecting = async move { peripheral.connect().await };
        match self.call("connecting", CONNECT_DEADLINE, connecting).await? {
            Ok(()) => Ok(()),
            Err(error) => {
                self.end().await?;
                Err(not_connected(&error))
            }
        }
    }

    /// Scans for the device with this address, or with the board's name where addresses are hidden.
    async fn the_one(&self, address: Address, deadline: Duration) -> Result<Peripheral, ConnectError> {
        match self.found(&Target::Address(address.bytes), deadline).await? {
            (Choice::One(_), Some(peripheral)) => Ok(peripheral),
            (Choice::Several(_), _) => {
                let cure = "switch the others off: this system tells devices apart by their names alone";
                Err(Fault::new("several devices have the board's name", cure).into())
            }
            _ => Err(ConnectError::NotSeen),
        }
    }

    /// The same device, of which the system remembers nothing: neither what it was like when it was last seen, nor what
    /// has been stored of that.
    #[cfg(target_os = "linux")]
    async fn as_to_a_stranger(
        &self,
        found: Peripheral,
        address: Address,
        deadline: Duration,
    ) -> Result<Peripheral, ConnectError> {
        if self.met.get() {
            self.check_free(std::slice::from_ref(&found)).await?;
            return Ok(found);
        }
        // A board of ours has an address that the run gave it: what is remembered of it, even a bond, is what a run
        // that was killed has left behind.
        self.check_untaken(std::slice::from_ref(&found), !self.is_own).await?;
        self.forget(&found).await?;
        let again = self.the_one(address, deadline).await?;
        self.check_free(std::slice::from_ref(&again)).await?;
        Ok(again)
    }

    /// Ends the link if it is up, and makes the system forget the device unless the scenario has paired with it.
    pub(super) async fn end(&self) -> Result<(), Fault> {
        let Some(peripheral) = self.link.borrow().as_ref().map(|link| link.peripheral.clone()) else {
            return Ok(());
        };
        #[cfg(target_os = "linux")]
        let forgotten = peripheral.clone();
        if self.ended().is_none() {
            let what = "the disconnection";
            let work = async move { peripheral.disconnect().await };
            let result = self.call(what, DISCONNECT_DEADLINE, work).await?;
            // The device may have ended it in the same moment.
            if let (Err(error), None) = (result, self.ended()) {
                return Err(errors::fault(what, &error));
            }
        }
        self.collect();
        #[cfg(target_os = "linux")]
        if !self.paired.get() {
            self.forget(&forgotten).await?;
        }
        if let Some(link) = self.link.borrow_mut().as_mut() {
            link.gone.get_or_insert(ENDED_HERE);
        }
        Ok(())
    }

    /// Why the link has ended, if it has. No system says by whom.
    pub(super) fn ended(&self) -> Option<u8> {
        self.link.borrow_mut().as_mut()?.ended()
    }

    /// Waits until the link has ended; true when it has within `deadline`.
    pub(super) async fn until_ended(&self, deadline: Duration) -> Option<u8> {
        let ended = poll_fn(|context| {
            let mut link = self.link.borrow_mut();
            let Some(link) = link.as_mut() else { return Poll::Ready(UNSPECIFIED) };
            if let Some(reason) = link.ended() {
                return Poll::Ready(reason);
            }
            loop {
                match link.events.poll(context) {
                    Poll::Ready(Some(event)) => link.take_event(&event),
                    // The system's service has gone, and its links with it.
                    Poll::Ready(None) => return Poll::Ready(UNSPECIFIED),
                    Poll::Pending => break,
                }
            }
            link.gone.map_or(Poll::Pending, Poll::Ready)
        });
        with_timeout(deadline, ended).await.ok()
    }

    /// The failure of whatever needs a link, where there is none.
    pub(super) fn check_up(&self) -> Result<(), Failure> {
        if self.link.borrow().is_none() {
            return Err(Failure::Rig(super::super::not_connected()));
        }
        self.ended().map_or(Ok(()), |reason| Err(Failure::Gone(reason)))
    }
}

impl Link {
    fn ended(&mut self) -> Option<u8> {
        while let Some(event) = self.events.next_here() {
            self.take_event(&event);
        }
        self.gone
    }

    /// Connections and disconnections of this device, in their order.
    pub(super) fn take_event(&mut self, event: &CentralEvent) {
        match event {
            CentralEvent::DeviceConnected(id) if *id == self.peripheral.id() => self.gone = None,
            CentralEvent::DeviceDisconnected(id) if *id == self.peripheral.id() => {
                self.gone = Some(UNSPECIFIED)
            }
            _ => {}
        }
    }
}

/// There can be no second one.
fn is_alone(target: &Target, peripheral: &Peripheral) -> bool {
    target.is_address() && !hides_addresses(peripheral)
}

/// Whoever is heard in this scan.
async fn present(adapter: Adapter) -> btleplug::Result<Vec<Present>> {
    let mut known = known(adapter).await?;
    known.retain(|one| one.properties.rssi.is_some());
    Ok(known)
}

/// The system also lists those that it remembers.
async fn known(adapter: Adapter) -> btleplug::Result<Vec<Present>> {
    let mut known = Vec::new();
    for peripheral in adapter.peripherals().await? {
        // One that has just been forgotten is no error.
        let Ok(Some(properties)) = peripheral.properties().await else { continue };
        let mut bytes = peripheral.address().into_inner();
        bytes.reverse();
        let address = Address { bytes, random: properties.address_type != Some(AddressType::Public) };
        known.push(Present { peripheral, address, properties });
    }
    Ok(known)
}

/// A link that was lost before it stood may stand at the next attempt.
fn not_connected(error: &btleplug::Error) -> ConnectError {
    const LOST: [&str; 2] = ["le-connection-abort-by-local", "Software caused connection abort"];
    if LOST.iter().any(|lost| error.to_string().contains(lost)) {
        return ConnectError::NotEstablished;
    }
    ConnectError::Rig(errors::fault("connecting", error))
}
