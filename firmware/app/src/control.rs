//! The control link: takes the harness's requests, answers each exactly once.

use crate::App;
use crate::api::Service;
use crate::application::Application;
use crate::interpreter::{self, Means};
use crate::outbox::{Console, Outbox};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use bt_hci_transport::Transport;
use core::cell::RefCell;
use embassy_futures::select::select;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embedded_io_async::{Read, Write};
use gatts::Events;
use wire::{Answer, Call, Command, Decoder, Hello, Item, Object, Request, Start};

/// A `Start` that is not answered yet. Dropped unanswered, it answers `Unhandled`.
pub(crate) struct PendingStart {
    pub(crate) start: Box<Start>,
    id: u16,
    outbox: Rc<Outbox>,
    answered: bool,
}

impl PendingStart {
    /// The application runs.
    pub(crate) fn started(&mut self) {
        let address = self.start.address;
        self.answer(Answer::Started { address });
    }

    /// The application cannot be run.
    pub(crate) fn refused(&mut self, why: &str) {
        self.answer(Answer::Refused(why));
    }

    fn answer(&mut self, answer: Answer<'_>) {
        if !core::mem::replace(&mut self.answered, true) {
            self.outbox.answer(self.id, answer);
        }
    }
}

impl Drop for PendingStart {
    fn drop(&mut self) {
        self.answer(Answer::Unhandled);
    }
}

/// The latest `Start` on its way from the link to the host.
pub(crate) struct Starts {
    waiting: RefCell<Option<PendingStart>>,
    signal: Signal<NoopRawMutex, ()>,
}

impl Starts {
    pub(crate) fn new() -> Self {
        Self { waiting: RefCell::new(None), signal: Signal::new() }
    }

    fn put(&self, start: PendingStart) {
        // One that nobody took is overtaken: it answers as it is dropped.
        drop(self.waiting.replace(Some(start)));
        self.signal.signal(());
    }

    /// The next one, as soon as it has come.
    pub(crate) async fn next(&self) -> PendingStart {
        loop {
            if let Some(start) = self.waiting.take() {
                return start;
            }
            self.signal.wait().await;
        }
    }
}

impl<T: Transport> App<T> {
    pub(crate) async fn run_link(&self, from_harness: impl Read, to_harness: impl Write) {
        select(self.receive(from_harness), self.outbox.drain(to_harness)).await;
    }

    async fn receive(&self, mut line: impl Read) {
        let mut decoder = Decoder::new();
        let mut chunk = [0u8; 256];
        while let Ok(len @ 1..) = line.read(&mut chunk).await {
            decoder.push(chunk.get(..len).unwrap_or_default(), |item| match item {
                Item::Payload(payload) => self.request(payload),
                // Noise on the line: whoever sent it waits for an answer and will say so.
                Item::Console(_) => {}
            });
        }
    }

    fn request(&self, payload: &[u8]) {
        match postcard::from_bytes::<Request>(payload) {
            Ok(Request { id, command }) => self.command(id, command),
            // A request of another version: its id still stands first.
            Err(_) => {
                if let Ok((id, _)) = postcard::take_from_bytes::<u16>(payload) {
                    self.outbox.answer(id, Answer::Unhandled);
                }
            }
        }
    }

    fn command(&self, id: u16, command: Command) {
        match command {
            Command::Hello => {
                let crate::Identity { app_hash, chip, mac, nonce } = self.identity;
                self.outbox.hello(&Hello { app_hash, chip, mac, nonce });
                self.outbox.answer(id, Answer::Done);
            }
            Command::Start(start) => {
                let outbox = self.outbox.clone();
                self.starts.put(PendingStart { start, id, outbox, answered: false });
            }
            Command::Barrier { answered } => self.bearer.barrier(id, answered),
            Command::Call(call) => self.call(id, call),
        }
    }

    /// Calls the application's API. No handler runs inside any of these calls.
    fn call(&self, id: u16, call: Call) {
        let console = Console::new(self.outbox.clone());
        let mut application = self.application.borrow_mut();
        let means = Means { bluetooth: application.bluetooth.clone(), console, delay: self.delay.clone() };
        let result = match call {
            Call::Events(of) => {
                let events = flags(&application, of);
                events.map(|events| self.outbox.answer(id, Answer::Events(events.bits()))).ok_or_else(unknown)
            }
            Call::Value(of) => match application.characteristic(of) {
                Some(characteristic) => {
                    self.outbox.answer(id, Answer::Value(&characteristic.value()));
                    Ok(())
                }
                None => Err(unknown()),
            },
            Call::Handle(of) => match application.characteristic(of) {
                Some(characteristic) => {
                    self.outbox.answer(id, Answer::Handle(characteristic.value_handle()));
                    Ok(())
                }
                None => Err(unknown()),
            },
            Call::AddService(position, service) => {
                let added = application.built_mut().add(usize::from(position), &service, &means);
                added.map(|()| self.outbox.answer(id, Answer::Done))
            }
            Call::Bond(bond) => self.bearer.bond(bond).map(|()| self.outbox.answer(id, Answer::Done)),
            call => change(&application, call, &means).map(|()| self.outbox.answer(id, Answer::Done)),
        };
        if let Err(why) = result {
            self.outbox.answer(id, Answer::Refused(&why));
        }
    }
}

fn unknown() -> String {
    "no such characteristic in the running application".to_string()
}

fn service(application: &Application, position: u16) -> Result<&Service, String> {
    let found = application.built().service(usize::from(position));
    found.ok_or_else(|| "no such service in the running application".to_string())
}

/// The calls that give nothing but success or a refusal.
fn change(application: &Application, call: Call, means: &Means) -> Result<(), String> {
    match call {
        Call::SetValue(of, value) => {
            let characteristic = application.characteristic(of).ok_or_else(unknown)?;
            characteristic.set_value(interpreter::value(&value)).map_err(|error| error.to_string())?;
        }
        Call::Callback(of, callback) => {
            let characteristic = application.characteristic(of).ok_or_else(unknown)?;
            let all = application.built().characteristics();
            interpreter::set_callback(characteristic, callback.as_ref(), all, means);
        }
        Call::Advertise(on) => application.bluetooth.advertise(on),
        Call::SetAdvertisement(new) => {
            let set = interpreter::advertise(&application.bluetooth, &new, new.name.as_deref());
            set.map_err(|error| error.to_string())?;
        }
        Call::DisconnectClient => application.bluetooth.disconnect_client(),
        Call::StartService(position) => service(application, position)?.start(),
        Call::StopService(position) => service(application, position)?.stop(),
        // Answered before.
        Call::Events(_) | Call::Value(_) | Call::Handle(_) | Call::AddService(..) | Call::Bond(_) => {}
    }
    Ok(())
}

fn flags(application: &Application, of: Object) -> Option<Events> {
    match of {
        Object::Bluetooth => Some(application.bluetooth.events()),
        Object::Characteristic(at) => Some(application.characteristic(at)?.events()),
    }
}
