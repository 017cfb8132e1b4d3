//! Device tables: builds services and characteristics from data, and callbacks from rules.

use crate::lopy::PyBytes;
use crate::outbox::Console;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;
use gatts::{
    Access, Advertisement, AttError, Bluetooth, Call, Characteristic, CharacteristicConfig, DescriptorConfig,
    Error, Events, Permissions, Properties, Reply, Service, ServiceConfig, Uuid, Value,
};
use wire::{ApiValue, Callback, CharRef, Rule, RuleAction, Table};

/// Characteristics by service and position. Callbacks see the table through this, which is filled in
/// as it is built.
type Characteristics = Vec<Vec<Characteristic>>;

/// Builds what the table says, and starts advertising.
///
/// # Errors
/// In words, naming the service and characteristic by position. Nothing is advertised then.
pub(crate) fn build(
    bluetooth: &Bluetooth,
    table: &Table,
    console: &Console,
) -> Result<Characteristics, String> {
    let mut services: Vec<Service> = Vec::new();
    let mut all: Characteristics = Vec::new();
    for (at, service) in table.services.iter().enumerate() {
        let in_service = |error: Error| format!("service {at}: {error}");
        let built = build_service(bluetooth, service, &services).map_err(in_service)?;
        let mut characteristics = Vec::new();
        for (position, characteristic) in service.characteristics.iter().enumerate() {
            let in_characteristic =
                |error: Error| format!("service {at}, characteristic {position}: {error}");
            characteristics.push(build_characteristic(&built, characteristic).map_err(in_characteristic)?);
        }
        services.push(built);
        all.push(characteristics);
    }
    for (service, described) in all.iter().zip(&table.services) {
        for (characteristic, described) in service.iter().zip(&described.characteristics) {
            set_callback(characteristic, described.callback.as_ref(), &all, console);
        }
    }
    let advertisement = Advertisement { name: Some(&table.name), ..Advertisement::default() };
    bluetooth.set_advertisement(advertisement).map_err(|error| error.to_string())?;
    bluetooth.advertise(true);
    Ok(all)
}

fn build_service(
    bluetooth: &Bluetooth,
    service: &wire::Service,
    before: &[Service],
) -> Result<Service, Error> {
    let mut config = ServiceConfig::new(uuid(&service.uuid)?);
    if !service.primary {
        config = config.secondary();
    }
    if let Some(handle) = service.handle {
        config = config.handle(handle);
    }
    for included in service.includes.iter().filter_map(|&at| before.get(usize::from(at))) {
        config = config.include(included);
    }
    bluetooth.service(config)
}

fn build_characteristic(
    service: &Service,
    described: &wire::Characteristic,
) -> Result<Characteristic, Error> {
    let mut config = CharacteristicConfig::new(uuid(&described.uuid)?)
        .properties(Properties::from_bits_retain(described.properties))
        .permissions(Permissions { read: access(described.read), write: access(described.write) })
        .max_len(described.max_len)
        .value(value(&described.value));
    if let Some(handle) = described.handle {
        config = config.handle(handle);
    }
    for descriptor in &described.descriptors {
        config = config.descriptor(
            DescriptorConfig::new(uuid(&descriptor.uuid)?)
                .permissions(Permissions { read: access(descriptor.read), write: access(descriptor.write) })
                .max_len(descriptor.max_len)
                .value(descriptor.value.as_slice()),
        );
    }
    service.characteristic(config)
}

fn uuid(uuid: &wire::Uuid) -> Result<Uuid, Error> {
    match uuid {
        wire::Uuid::Int(number) => Uuid::from_int(u64::from(*number)),
        wire::Uuid::Bytes(bytes) => Uuid::from_bytes(bytes),
    }
}

fn access(access: wire::Access) -> Access {
    match access {
        wire::Access::Never => Access::NONE,
        wire::Access::Open => Access::OPEN,
        wire::Access::Encrypted(key_size) => Access::OPEN.encrypted().key_size(key_size),
        wire::Access::Authenticated(key_size) => Access::OPEN.authenticated().key_size(key_size),
        wire::Access::Authorised => Access::OPEN.authorised(),
    }
}

/// A value in the API's own form.
pub(crate) fn value(value: &ApiValue) -> Value<'_> {
    match value {
        ApiValue::Int(number) => Value::Int(*number),
        ApiValue::Text(text) => Value::Text(text),
        ApiValue::Bytes(bytes) => Value::Bytes(bytes),
    }
}

/// Registers a callback given as rules; `None` removes what is registered.
pub(crate) fn set_callback(
    characteristic: &Characteristic,
    callback: Option<&Callback>,
    all: &[Vec<Characteristic>],
    console: &Console,
) {
    authorise_writes(characteristic, None);
    let Some(callback) = callback else { return characteristic.remove_callback() };
    let trigger = Events::from_bits_retain(callback.on);
    let rules = Rc::new(Rules {
        counter: Cell::new(callback.counter),
        rules: callback.rules.clone(),
        owner: characteristic.clone(),
        targets: targets(&callback.rules, all),
        console: console.clone(),
    });
    if trigger.contains(Events::CHAR_WRITE_EVENT) {
        authorise_writes(characteristic, Some(rules.clone()));
    }
    match callback.arg.clone() {
        Some(arg) => characteristic
            .callback_with(trigger, arg, move |arg: &String, call| rules.run(|| arg.clone(), call)),
        None => characteristic.callback(trigger, move |chr, call| rules.run(|| describe(chr), call)),
    }
}

/// A rule that rejects a write is asked before the value is stored (CB-9), a rule that rejects a read is
/// the handler's answer (CB-15).
fn authorise_writes(characteristic: &Characteristic, rules: Option<Rc<Rules>>) {
    let rejecting = rules.filter(|rules| rules.rules.iter().any(|rule| rule.rejects().is_some()));
    characteristic.authorise_write(rejecting.map(|rules| {
        move |_: &Characteristic, value: &[u8]| match rules.judge_write(value) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }));
}

/// What `{arg}` prints when the handler receives its characteristic (CB-6): no name reaches the board,
/// so it is the UUID.
fn describe(characteristic: &Characteristic) -> String {
    format!("characteristic {}", characteristic.uuid())
}

/// The characteristics that rules set, by place.
fn targets(rules: &[Rule], all: &[Vec<Characteristic>]) -> Vec<(CharRef, Characteristic)> {
    let set = |action: &RuleAction| match action {
        RuleAction::Set(at, _) => Some(*at),
        _ => None,
    };
    let places = rules.iter().flat_map(|rule| &rule.actions).filter_map(set);
    places
        .filter_map(|at| {
            let found = all.get(usize::from(at.service))?.get(usize::from(at.characteristic))?;
            Some((at, found.clone()))
        })
        .collect()
}

/// How a rule is judged.
trait Guarded {
    /// Whether the guard holds for this event, with this count of calls and this stored value.
    fn holds(&self, event: Events, counter: i64, stored: &[u8]) -> bool;
    /// The code that the rule rejects with.
    fn rejects(&self) -> Option<AttError>;
}

impl Guarded for Rule {
    fn holds(&self, event: Events, counter: i64, stored: &[u8]) -> bool {
        self.event.is_none_or(|bits| event.intersects(Events::from_bits_retain(bits)))
            && self.counter_min.is_none_or(|min| counter >= min)
            && self.counter_max.is_none_or(|max| counter <= max)
            && self.value.as_ref().is_none_or(|value| stored == value)
    }

    fn rejects(&self) -> Option<AttError> {
        self.actions.iter().find_map(|action| match action {
            RuleAction::Reject(code) => Some(AttError(*code)),
            _ => None,
        })
    }
}

/// A callback's rules and its counter.
struct Rules {
    counter: Cell<i64>,
    rules: Vec<Rule>,
    owner: Characteristic,
    targets: Vec<(CharRef, Characteristic)>,
    console: Console,
}

impl Rules {
    fn run(&self, arg: impl Fn() -> String, call: &Call<'_>) -> Reply {
        let counter = self.counter.get().saturating_add(1);
        self.counter.set(counter);
        let stored = self.owner.value();
        let Some(rule) = self.rules.iter().find(|rule| rule.holds(call.event, counter, &stored)) else {
            return Reply::Stored;
        };
        let mut reply = Reply::Stored;
        for action in &rule.actions {
            match action {
                RuleAction::Log(text) => self.console.line(self.fill_in(text, &arg, counter)),
                RuleAction::Reply(with) => reply = value(with).into(),
                RuleAction::ReplyCounter => reply = counter.into(),
                RuleAction::Reject(code) => reply = AttError(*code).into(),
                RuleAction::Set(at, to) => self.set(*at, to),
            }
        }
        reply
    }

    /// What a write of `value` would be refused with: the rule that would hold once it is stored decides. A
    /// refused write is not counted.
    fn judge_write(&self, value: &[u8]) -> Option<AttError> {
        let counter = self.counter.get().saturating_add(1);
        let rule = self.rules.iter().find(|rule| rule.holds(Events::CHAR_WRITE_EVENT, counter, value))?;
        rule.rejects()
    }

    fn set(&self, at: CharRef, to: &ApiValue) {
        let target = self.targets.iter().find(|(place, _)| *place == at);
        let result = target.map(|(_, characteristic)| characteristic.set_value(value(to)));
        if let Some(Err(error)) = result {
            self.console.line(format_args!("set refused: {error}"));
        }
    }

    fn fill_in(&self, text: &str, arg: &impl Fn() -> String, counter: i64) -> String {
        let mut line = text.replace("{counter}", &counter.to_string());
        if line.contains("{arg}") {
            line = line.replace("{arg}", &arg());
        }
        if line.contains("{value}") {
            line = line.replace("{value}", &PyBytes(&self.owner.value()).to_string());
        }
        if line.contains("{events}") {
            line = line.replace("{events}", &names(self.owner.events()));
        }
        line
    }
}

/// Flags as a line shows them: `READ | WRITE`, or `0`.
fn names(events: Events) -> String {
    let named = [
        (Events::CHAR_READ_EVENT, "READ"),
        (Events::CHAR_WRITE_EVENT, "WRITE"),
        (Events::CHAR_SUBSCRIBE_EVENT, "SUBSCRIBE"),
    ];
    let set: Vec<&str> =
        named.iter().filter(|(bit, _)| events.contains(*bit)).map(|(_, name)| *name).collect();
    if set.is_empty() { "0".to_string() } else { set.join(" | ") }
}
