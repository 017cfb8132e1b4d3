//! What all deviations of one start share.

use super::Bluetooth;
use super::exchange::Links;
use super::flags::FlagStates;
use super::handlers::Handlers;
use super::lines::LineRules;
use super::values::Values;
use super::{gap, table};
use crate::delay::Delay;
use crate::outbox::Console;
use alloc::borrow::Cow;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use gatts::{Observed, Security, Uuid};
use wire::mutant::{Deviation, GapAct, Life, LinkAct, Mutant};
use wire::{Device, Start};

/// How an application is to be built.
pub(crate) struct Plan {
    mutant: Option<Mutant>,
    console: Console,
    delay: Delay,
    /// The table is not what the start says.
    is_edited: Cell<bool>,
}

impl Plan {
    /// The plan for a start.
    ///
    /// # Errors
    /// In words, where the description of the wrong device cannot be read.
    pub(crate) fn new(start: &Start, console: &Console, delay: &Delay) -> Result<Self, String> {
        let mutant = match start.mutant.as_slice() {
            [] => None,
            bytes => {
                let unreadable = || "the description of the wrong device cannot be read".to_string();
                Some(Mutant::decode(bytes).ok_or_else(unreadable)?)
            }
        };
        Ok(Self { mutant, console: console.clone(), delay: delay.clone(), is_edited: Cell::new(false) })
    }

    /// The server's API, with the deviations around it.
    pub(crate) fn bluetooth(&self, mut config: gatts::Config) -> Bluetooth {
        let Some(mutant) = &self.mutant else { return super::right(config) };
        let asked = config.max_connections;
        for deviation in &mutant.deviations {
            if let Deviation::Gap(GapAct::Clients(clients)) = deviation {
                config.max_connections = usize::from(*clients);
            }
        }
        let is_edited = self.is_edited.get() || config.max_connections != asked;
        let bluetooth = gatts::Bluetooth::new(config);
        let layer = Layer::new(mutant.deviations.clone(), &bluetooth, &self.console, &self.delay);
        layer.deviated_if(is_edited);
        Bluetooth::wrong(bluetooth, Rc::new(layer))
    }

    /// What is to be built.
    pub(crate) fn device<'d>(&self, device: &'d Device) -> Cow<'d, Device> {
        let mut built = Cow::Borrowed(device);
        for deviation in self.deviations() {
            if let (Deviation::Table(edit), Device::Table(table)) = (deviation, device)
                && let Device::Table(built) = built.to_mut()
            {
                table::edit(edit, built);
                self.is_edited.set(self.is_edited.get() || built != table);
            }
        }
        built
    }

    fn deviations(&self) -> &[Deviation] {
        self.mutant.as_ref().map(|mutant| mutant.deviations.as_slice()).unwrap_or_default()
    }

    /// Where the application prints.
    pub(crate) fn console(&self, console: &Console) -> Console {
        let rules = self.deviations().iter().filter_map(|deviation| match deviation {
            Deviation::Log(from, to) => Some((from.clone(), to.clone())),
            _ => None,
        });
        console.with_rules(LineRules::new(rules.collect()))
    }
}

type Observer = dyn FnMut(Observed<'_>);

/// Everything around one server.
pub(crate) struct Layer {
    pub(super) deviations: Vec<Deviation>,
    pub(super) bluetooth: gatts::Bluetooth,
    pub(super) characteristics: RefCell<Vec<gatts::Characteristic>>,
    pub(super) delay: Delay,
    /// The server is asked something that neither handlers nor flags nor the trace notice.
    pub(super) quiet: Cell<bool>,
    pub(super) links: RefCell<Links>,
    pub(super) flags: RefCell<FlagStates>,
    pub(super) handlers: RefCell<Handlers>,
    pub(super) values: RefCell<Values>,
    pub(super) gap: RefCell<gap::Memory>,
    observer: RefCell<Option<Rc<RefCell<Observer>>>>,
    waker: RefCell<Option<Rc<dyn Fn()>>>,
    /// Registers the application's callbacks once more.
    again: RefCell<Option<Rc<dyn Fn()>>>,
    console: Console,
    has_deviated: Cell<bool>,
}

impl Layer {
    fn new(
        deviations: Vec<Deviation>,
        bluetooth: &gatts::Bluetooth,
        console: &Console,
        delay: &Delay,
    ) -> Self {
        Self {
            deviations,
            bluetooth: bluetooth.clone(),
            characteristics: RefCell::default(),
            delay: delay.clone(),
            quiet: Cell::new(false),
            links: RefCell::default(),
            flags: RefCell::default(),
            handlers: RefCell::default(),
            values: RefCell::default(),
            gap: RefCell::default(),
            observer: RefCell::default(),
            waker: RefCell::default(),
            again: RefCell::default(),
            console: console.clone(),
            has_deviated: Cell::new(false),
        }
    }

    /// Notes that the device has done something wrong.
    pub(super) fn deviated(&self) {
        if !self.has_deviated.replace(true) {
            self.console.deviated();
        }
    }

    /// The same, if it has.
    pub(super) fn deviated_if(&self, has: bool) {
        if has {
            self.deviated();
        }
    }

    pub(super) fn set_observer(&self, observer: impl FnMut(Observed<'_>) + 'static) {
        drop(self.observer.replace(Some(Rc::new(RefCell::new(observer)))));
    }

    /// Reports something that happened, however it came about.
    pub(super) fn report(&self, observed: Observed<'_>) {
        let observer = self.observer.borrow().clone();
        if let Some(observer) = observer
            && let Ok(mut observer) = observer.try_borrow_mut()
        {
            observer(observed);
        }
    }

    pub(super) fn set_waker(&self, waker: Rc<dyn Fn()>) {
        drop(self.waker.replace(Some(waker)));
    }

    /// There is something to be sent.
    pub(super) fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    pub(super) fn set_again(&self, again: impl Fn() + 'static) {
        drop(self.again.replace(Some(Rc::new(again))));
    }

    /// A connection has ended.
    pub(super) fn ended(&self) {
        self.clear_flags();
        if self.lives(Life::CountersEnd) {
            let again = self.again.borrow().clone();
            if let Some(again) = again {
                self.deviated();
                again();
            }
        }
    }

    /// Whether it deviates so.
    pub(super) fn lives(&self, life: Life) -> bool {
        self.deviations.contains(&Deviation::Life(life))
    }

    /// What a link's security is taken for.
    pub(super) fn security(&self, real: Security) -> Security {
        let mut taken = real;
        for deviation in &self.deviations {
            match deviation {
                Deviation::Link(LinkAct::LongKeys) if real.encrypted => taken.key_size = 16,
                Deviation::Link(LinkAct::Authenticated) if real.encrypted => taken.authenticated = true,
                Deviation::Link(LinkAct::NeverEncrypted) => {
                    taken = Security { bonded: real.bonded, ..Security::default() };
                }
                Deviation::Link(LinkAct::NeverBonded) => taken.bonded = false,
                _ => {}
            }
        }
        self.deviated_if(taken != real);
        taken
    }

    /// Whether this is made of a link, now that it comes to it.
    pub(super) fn does_to_link(&self, act: LinkAct) -> bool {
        let does = self.deviations.contains(&Deviation::Link(act));
        self.deviated_if(does);
        does
    }

    /// What there was is dropped: handlers may hold the server that holds them.
    pub(super) fn shut_down(&self) {
        drop(self.observer.take());
        drop(self.waker.take());
        drop(self.again.take());
        self.handlers.borrow_mut().clear();
    }

    /// The characteristic that a handle, of its value or its CCCD, belongs to.
    pub(super) fn characteristic(&self, handle: u16) -> Option<gatts::Characteristic> {
        let all = self.characteristics.borrow();
        let found = all.iter().find(|it| it.value_handle() == handle || cccd_handle(it) == Some(handle));
        found.cloned()
    }
}

/// UUID of the Client Characteristic Configuration.
pub(super) fn cccd_handle(characteristic: &gatts::Characteristic) -> Option<u16> {
    const CCCD: u64 = 0x2902;
    characteristic.descriptor_handle(Uuid::from_int(CCCD).ok()?)
}
