//! Types that stand in for those of `gatts`. Without a layer they do what those do.

use super::handlers::Run;
use super::layer::Layer;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Deref;
use gatts::{
    Advertisement, AttError, BondId, Call, CharacteristicConfig, Config, ConnId, Error, Events, Gap,
    Observed, Reply, Security, ServiceConfig, ServiceTable, TableError, Value,
};
use wire::mutant::{Life, LinkAct};

macro_rules! stands_in {
    ($($name:ident),*) => {$(
        #[doc = concat!("Stands in for [`gatts::", stringify!($name), "`].")]
        #[derive(Clone)]
        pub(crate) struct $name {
            inner: gatts::$name,
            layer: Option<Rc<Layer>>,
        }

        impl Deref for $name {
            type Target = gatts::$name;

            fn deref(&self) -> &Self::Target {
                &self.inner
            }
        }
    )*};
}
stands_in!(Bluetooth, Service, Characteristic, Server);

/// A server's API, as it should be.
pub(crate) fn right(config: Config) -> Bluetooth {
    Bluetooth { inner: gatts::Bluetooth::new(config), layer: None }
}

/// Stands in for [`gatts::Loaded`].
pub(crate) struct Loaded {
    pub(crate) service: Service,
    pub(crate) characteristics: Vec<Characteristic>,
}

impl Bluetooth {
    /// One with deviations.
    pub(super) fn wrong(inner: gatts::Bluetooth, layer: Rc<Layer>) -> Self {
        Self { inner, layer: Some(layer) }
    }

    /// `again` registers the application's callbacks once more: this device may forget its counters.
    pub(crate) fn registers_again(&self, again: impl Fn() + 'static) {
        if let Some(layer) = &self.layer {
            layer.set_again(again);
        }
    }

    pub(crate) fn service(&self, config: ServiceConfig) -> Result<Service, Error> {
        Ok(Service { inner: self.inner.service(config)?, layer: self.layer.clone() })
    }

    pub(crate) fn load(&self, table: Vec<ServiceTable>) -> Result<Vec<Loaded>, TableError> {
        let loaded = self.inner.load(table)?.into_iter().map(|gatts::Loaded { service, characteristics }| {
            let service = Service { inner: service, layer: self.layer.clone() };
            let characteristics = characteristics.into_iter().map(|inner| service.known(inner)).collect();
            Loaded { service, characteristics }
        });
        Ok(loaded.collect())
    }

    pub(crate) fn set_advertisement(&self, advertisement: Advertisement<'_>) -> Result<(), Error> {
        match &self.layer {
            Some(layer) => layer.set_advertisement(advertisement),
            None => self.inner.set_advertisement(advertisement),
        }
    }

    pub(crate) fn advertise(&self, on: bool) {
        if self.layer.as_ref().is_none_or(|layer| layer.may_advertise(on)) {
            self.inner.advertise(on);
        }
    }

    pub(crate) fn callback(&self, trigger: Events, mut handler: impl FnMut(&Bluetooth, Events) + 'static) {
        let own = self.clone();
        let trigger = match &self.layer {
            Some(layer) => layer.trigger(0, trigger).unwrap_or(trigger),
            None => trigger,
        };
        self.inner.callback(trigger, move |_, event| match &own.layer {
            Some(layer) => layer.run_bluetooth(event, || handler(&own, event)),
            None => handler(&own, event),
        });
    }

    pub(crate) fn events(&self) -> Events {
        match &self.layer {
            Some(layer) => layer.events(0, &|| self.inner.events()),
            None => self.inner.events(),
        }
    }

    pub(crate) fn server(&self) -> Server {
        Server { inner: self.inner.server(), layer: self.layer.clone() }
    }
}

impl Service {
    pub(crate) fn characteristic(&self, config: CharacteristicConfig) -> Result<Characteristic, Error> {
        Ok(self.known(self.inner.characteristic(config)?))
    }

    /// A characteristic of this service, from now on known to the layer.
    fn known(&self, inner: gatts::Characteristic) -> Characteristic {
        if let Some(layer) = &self.layer {
            layer.characteristics.borrow_mut().push(inner.clone());
        }
        Characteristic { inner, layer: self.layer.clone() }
    }

    pub(crate) fn stop(&self) {
        match &self.layer {
            Some(layer) if layer.lives(Life::NothingStops) => layer.deviated(),
            _ => self.inner.stop(),
        }
    }
}

impl Characteristic {
    pub(crate) fn value_handle(&self) -> u16 {
        self.inner.value_handle()
    }

    pub(crate) fn value(&self) -> Vec<u8> {
        match &self.layer {
            Some(layer) => layer.value(&self.inner),
            None => self.inner.value(),
        }
    }

    pub(crate) fn set_value<'a>(&self, value: impl Into<Value<'a>>) -> Result<(), Error> {
        match &self.layer {
            Some(layer) => layer.set_value(&self.inner, value.into()),
            None => self.inner.set_value(value),
        }
    }

    pub(crate) fn events(&self) -> Events {
        match &self.layer {
            Some(layer) => layer.events(self.inner.value_handle(), &|| self.inner.events()),
            None => self.inner.events(),
        }
    }

    pub(crate) fn callback<R: Into<Reply>>(
        &self,
        trigger: Events,
        mut handler: impl FnMut(&Characteristic, &Call<'_>) -> R + 'static,
    ) {
        let own = self.clone();
        let mut run = move |call: &Call<'_>| handler(&own, call).into();
        let Some(layer) = self.layer.clone() else {
            return self.inner.callback(trigger, move |_, call| run(call));
        };
        let handle = self.inner.value_handle();
        let Some(trigger) = layer.trigger(handle, trigger) else { return };
        let run: Rc<RefCell<Run>> = Rc::new(RefCell::new(run));
        layer.handlers.borrow_mut().register(handle, trigger, run.clone());
        self.inner.callback(trigger, move |inner, call| match run.try_borrow_mut() {
            Ok(mut run) => layer.run(inner.value_handle(), call, &mut *run),
            Err(_) => Reply::Stored,
        });
    }

    pub(crate) fn callback_with<A: 'static, R: Into<Reply>>(
        &self,
        trigger: Events,
        arg: A,
        mut handler: impl FnMut(&A, &Call<'_>) -> R + 'static,
    ) {
        self.callback(trigger, move |_, call| handler(&arg, call));
    }

    pub(crate) fn remove_callback(&self) {
        if let Some(layer) = &self.layer {
            let handle = self.inner.value_handle();
            if layer.trigger(handle, Events::empty()).is_none() {
                return;
            }
            layer.handlers.borrow_mut().remove(handle);
        }
        self.inner.remove_callback();
    }

    pub(crate) fn authorise_write(
        &self,
        rule: Option<impl FnMut(&Characteristic, &[u8]) -> Result<(), AttError> + 'static>,
    ) {
        let own = self.clone();
        self.inner.authorise_write(
            rule.map(|mut rule| move |_: &gatts::Characteristic, value: &[u8]| rule(&own, value)),
        );
    }
}

impl Server {
    pub(crate) fn connected(&self, conn: ConnId, security: Security) -> bool {
        let security = self.layer.as_ref().map_or(security, |layer| layer.security(security));
        let served = self.inner.connected(conn, security);
        if let Some(layer) = &self.layer
            && served
        {
            layer.began(&self.inner, conn);
        }
        served
    }

    pub(crate) fn set_security(&self, conn: ConnId, security: Security) {
        let security = self.layer.as_ref().map_or(security, |layer| layer.security(security));
        self.inner.set_security(conn, security);
    }

    /// The bond that pairing has given is kept.
    pub(crate) fn keeps_bond(&self) -> bool {
        self.layer.as_ref().is_none_or(|layer| !layer.does_to_link(LinkAct::BondDropped))
    }

    /// The passkey that is shown, where this one counts.
    pub(crate) fn shown(&self, passkey: u32) -> u32 {
        match &self.layer {
            Some(layer) if layer.does_to_link(LinkAct::OtherPasskey) => passkey ^ 1,
            _ => passkey,
        }
    }

    pub(crate) fn identify(&self, conn: ConnId, id: BondId) -> bool {
        match &self.layer {
            Some(layer) if layer.does_to_link(LinkAct::Forgotten) => false,
            _ => self.inner.identify(conn, id),
        }
    }

    pub(crate) fn disconnected(&self, conn: ConnId) {
        if let Some(layer) = &self.layer {
            layer.lost_client();
        }
        self.inner.disconnected(conn);
        if let Some(layer) = &self.layer {
            layer.forget(conn);
            layer.ended();
        }
    }

    pub(crate) fn receive(&self, conn: ConnId, pdu: &[u8], out: &mut [u8]) -> usize {
        match &self.layer {
            Some(layer) => layer.receive(&self.inner, conn, pdu, out),
            None => self.inner.receive(conn, pdu, out),
        }
    }

    pub(crate) fn transmit(&self, conn: ConnId, now_ms: u64, out: &mut [u8]) -> usize {
        match &self.layer {
            Some(layer) => layer.transmit(&self.inner, conn, now_ms, out),
            None => self.inner.transmit(conn, now_ms, out),
        }
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        let deadline = self.inner.next_deadline_ms()?;
        match self.layer.as_ref().and_then(|layer| layer.times()) {
            None => Some(deadline),
            Some(times) => deadline.checked_div(times),
        }
    }

    pub(crate) fn poll_timeouts(&self, now_ms: u64) {
        let times = self.layer.as_ref().and_then(|layer| layer.times());
        self.inner.poll_timeouts(now_ms.saturating_mul(times.unwrap_or(1)));
    }

    pub(crate) fn set_waker(&self, waker: impl Fn() + 'static) {
        let waker: Rc<dyn Fn()> = Rc::new(waker);
        if let Some(layer) = &self.layer {
            layer.set_waker(waker.clone());
        }
        self.inner.set_waker(move || waker());
    }

    pub(crate) fn gap(&self) -> Gap {
        let gap = self.inner.gap();
        match &self.layer {
            Some(layer) => layer.wishes(gap),
            None => gap,
        }
    }

    pub(crate) fn observe(&self, observer: impl FnMut(Observed<'_>) + 'static) {
        let Some(layer) = self.layer.clone() else { return self.inner.observe(observer) };
        layer.set_observer(observer);
        self.inner.observe(move |observed| match observed {
            // Said when it came from the client, not when the server was given it.
            Observed::Received { .. } => {}
            Observed::Handler { event, .. } => {
                for _ in 0..layer.reports_of(event) {
                    layer.report(observed);
                }
            }
            Observed::Confirmed { .. } | Observed::HandlerError { .. } if layer.quiet.get() => {}
            observed => layer.report(observed),
        });
    }

    pub(crate) fn shut_down(&self) {
        self.inner.shut_down();
        if let Some(layer) = &self.layer {
            layer.shut_down();
        }
    }
}

/// Hands on what this device keeps over a start; true if the old application goes on as if there had been
/// none. Characteristics stand by service and position.
pub(crate) fn inherit(
    (old, old_table): (&Bluetooth, &[Vec<Characteristic>]),
    (new, new_table): (&Bluetooth, &[Vec<Characteristic>]),
) -> bool {
    // An idle application has no layer: there was no start before.
    let (Some(old), Some(new)) = (&old.layer, &new.layer) else { return false };
    if new.lives(Life::NeverRestarts) {
        old.deviated();
        return true;
    }
    if new.lives(Life::KeepsValues) {
        for (before, after) in old_table.iter().flatten().zip(new_table.iter().flatten()) {
            let kept = before.inner.value();
            new.deviated_if(kept != after.inner.value());
            // Both have the same limits.
            let _ = after.inner.set_value(Value::Bytes(&kept));
        }
    }
    false
}
