//! The fields of the client's steps.

use super::fields::{self, Fields};
use super::pdu;
use super::steps::Reader;
use super::values;
use crate::diagnostic::Code;
use crate::language::steps::{self as language, LEVELS, PASSKEYS, SUBSCRIPTIONS};
use crate::language::{KEY_SIZES, MTUS, Shape};
use crate::scenario::{
    Action, Bond, Characteristic, CharacteristicRef, ClientValue, Descriptor, DescriptorRef, Exchange,
    Expect, Length, Pair, Push, WriteMode,
};
use crate::yaml::{Content, Node};

/// Longest PDU that a step may send, in bytes: one of the greatest MTU.
const MAX_PDU: usize = 517;
/// Most requests that a step may send without waiting for one another.
const MAX_PIPELINED: usize = 16;
/// A CCCD has two bytes (Core Vol 3 Part G 3.3.3.3).
const CCCD_LENGTH: Length = Length::Fixed(2);
/// Encryption keys are that long unless a scenario says otherwise (Core Vol 3 Part H 2.3.4).
const LONGEST_KEY: u8 = 16;
/// A Read Response holds so many bytes of a value with the least MTU (Core Vol 3 Part F 3.2.8, 3.4.4.4).
const LEAST_READ: usize = 22;
/// A notification or indication holds so many (Core Vol 3 Part F 3.4.7.1).
const LEAST_PUSH: usize = 20;
const TOO_LONG: &str = "shorten it, or let it be longer in the table";
const TOO_LONG_TO_WRITE: &str = "shorten it, or expect the refusal with `error: 0x0D`";

/// A step about a characteristic: its name alone, or a mapping with `char`.
struct Form<'n, 't> {
    fields: Option<Fields<'n, 't>>,
    target: Option<CharacteristicRef>,
}

impl<'n, 't> Form<'n, 't> {
    fn get(&self, key: &str) -> Option<&'n Node<'t>> {
        self.fields.as_ref()?.get(key)
    }
}

impl Reader<'_, '_> {
    fn form<'n, 't>(&mut self, node: &'n Node<'t>, shape: &'static Shape) -> Option<Form<'n, 't>> {
        if matches!(node.content, Content::Scalar { .. }) {
            return Some(Form { fields: None, target: self.names.read(node, self.sink) });
        }
        let fields = Fields::of(node, shape, self.sink)?;
        let target = fields.required("char", self.sink);
        let target = target.and_then(|node| self.names.read(node, self.sink));
        Some(Form { fields: Some(fields), target })
    }

    fn characteristic(&self, target: Option<CharacteristicRef>) -> Option<&Characteristic> {
        self.device.characteristic(target?)
    }

    /// Most bytes that reading it can give: a handler's reply is as long as the handler wants.
    fn read_limit(&self, target: Option<CharacteristicRef>) -> Length {
        match (target, self.characteristic(target)) {
            (Some(target), Some(characteristic)) if !self.has_handler(target) => characteristic.length,
            _ => Length::ANY,
        }
    }

    fn write_limit(&self, target: Option<CharacteristicRef>) -> Length {
        self.characteristic(target).map_or(Length::ANY, |characteristic| characteristic.length)
    }

    /// `expect` or `error`, or neither. `one_pdu` holds at least so much of a value; a long read gives it whole.
    fn expect(&mut self, form: &Form<'_, '_>, limit: Length, one_pdu: usize) -> Option<Expect> {
        if let Some(fields) = &form.fields {
            fields.exclude("expect", "error", self.sink);
        }
        match (form.get("expect"), form.get("error")) {
            (Some(node), _) => {
                let value = self.client_value(node, "the expected value")?;
                self.check_len(&value, limit, node, "the expected value", TOO_LONG);
                self.check_fixed(&value, limit, one_pdu, node);
                Some(Expect::Value(value))
            }
            (None, Some(node)) => values::error_code(node, "an ATT error code", self.sink).map(Expect::Error),
            (None, None) => Some(Expect::Success),
        }
    }

    /// Reports bytes that are too many; how long a saved value is, only the run shows.
    fn check_len(&mut self, value: &ClientValue, limit: Length, node: &Node<'_>, what: &str, hint: &str) {
        if let ClientValue::Bytes(bytes) = value {
            values::check_len(bytes, limit, node, what, hint, self.sink);
        }
    }

    /// Reports an expectation that is too short for a value of fixed length, of which at least `one_pdu` bytes come.
    fn check_fixed(&mut self, value: &ClientValue, limit: Length, one_pdu: usize, node: &Node<'_>) {
        if let (ClientValue::Bytes(bytes), Length::Fixed(fixed)) = (value, limit)
            && bytes.len() < usize::from(fixed).min(one_pdu)
        {
            let message = format!("the expected value has {}", values::other_length(bytes.len(), limit));
            let hint = "expect all of its bytes, or write `max_len` in the table";
            self.sink.report(Code::ValueTooShort, node.mark, message, hint);
        }
    }

    /// Reports a value that is too long to be written, where the step does not say that it is refused.
    fn check_written(
        &mut self,
        form: &Form<'_, '_>,
        value: Option<&ClientValue>,
        expect: Option<&Expect>,
        limit: Length,
    ) {
        if let (Some(node), Some(value), Some(Expect::Success)) = (form.get("value"), value, expect) {
            self.check_len(value, limit, node, "the value", TOO_LONG_TO_WRITE);
        }
    }

    /// `descriptor`, if it is given, with the lengths that it may have.
    fn descriptor(&mut self, form: &Form<'_, '_>) -> Option<Option<(DescriptorRef, Length)>> {
        let Some(node) = form.get("descriptor") else { return Some(None) };
        let name = fields::text(node, "a descriptor's name", self.sink)?;
        let characteristic = self.device.characteristic(form.target?)?;
        let has_cccd = characteristic.can_notify() || characteristic.can_indicate();
        if name == "cccd" && has_cccd {
            return Some(Some((DescriptorRef::Cccd, CCCD_LENGTH)));
        }
        let is_it = |descriptor: &Descriptor| descriptor.name == name;
        if let Some(index) = characteristic.descriptors.iter().position(is_it) {
            let length =
                characteristic.descriptors.get(index).map_or(Length::ANY, |descriptor| descriptor.length);
            return Some(Some((DescriptorRef::Named(index), length)));
        }
        let message =
            format!("`{}` has no descriptor `{}`", characteristic.name, super::sink::Sink::short(name));
        let own = characteristic.descriptors.iter().map(|descriptor| descriptor.name.as_str());
        let known = own.chain(has_cccd.then_some("cccd"));
        self.sink.report_unknown(Code::UnknownName, node.mark, message, name, known);
        None
    }

    pub(super) fn mtu(&mut self, node: &Node<'_>) -> Option<Action> {
        let fields = Fields::of(node, &language::MTU, self.sink)?;
        let size = fields.required("size", self.sink);
        let size = size.and_then(|node| fields::short(node, "an MTU", MTUS, self.sink));
        let expect = fields.get("expect");
        let mtu = expect.and_then(|node| fields::short(node, "an MTU", MTUS, self.sink));
        if let (Some(node), Some(size), Some(mtu)) = (expect, size, mtu)
            && mtu > size
        {
            // The smaller of the two receive MTUs is used (Core Vol 3 Part F 3.4.2.2).
            let message = format!("an exchange with {size} cannot result in {mtu}");
            self.sink.report(Code::NumberRange, node.mark, message, "expect the size or less");
        }
        Some(Action::Mtu { size: size?, expect: mtu })
    }

    pub(super) fn read(&mut self, node: &Node<'_>) -> Option<Action> {
        let form = self.form(node, &language::READ)?;
        let descriptor = self.descriptor(&form);
        let limit = match descriptor {
            Some(Some((_, limit))) => limit,
            _ => self.read_limit(form.target),
        };
        let expect = self.expect(&form, limit, LEAST_READ);
        let (target, expect) = (form.target?, expect?);
        Some(match descriptor? {
            Some((descriptor, _)) => Action::ReadDescriptor { target, descriptor, expect },
            None => Action::Read { target, expect },
        })
    }

    pub(super) fn read_long(&mut self, node: &Node<'_>) -> Option<Action> {
        let form = self.form(node, &language::READ_LONG)?;
        let limit = self.read_limit(form.target);
        let expect = self.expect(&form, limit, usize::MAX);
        Some(Action::ReadLong { target: form.target?, expect: expect? })
    }

    pub(super) fn write(&mut self, node: &Node<'_>) -> Option<Action> {
        let (form, value) = self.written(node, &language::WRITE)?;
        let expect = self.expect(&form, Length::ANY, 0);
        let descriptor = self.descriptor(&form);
        let limit = match descriptor {
            Some(Some((_, limit))) => limit,
            _ => self.write_limit(form.target),
        };
        self.check_written(&form, value.as_ref(), expect.as_ref(), limit);
        let (target, value, expect) = (form.target?, value?, expect?);
        Some(match descriptor? {
            Some((descriptor, _)) => Action::WriteDescriptor { target, descriptor, value, expect },
            None => Action::Write { target, value, mode: WriteMode::Request, expect },
        })
    }

    /// A command may be too long: that the device drops it is worth showing (CB-12).
    pub(super) fn command(
        &mut self,
        node: &Node<'_>,
        shape: &'static Shape,
        mode: WriteMode,
    ) -> Option<Action> {
        let (form, value) = self.written(node, shape)?;
        let (target, value) = (form.target?, value?);
        Some(Action::Write { target, value, mode, expect: Expect::Success })
    }

    pub(super) fn write_long(&mut self, node: &Node<'_>) -> Option<Action> {
        let (form, value) = self.written(node, &language::WRITE_LONG)?;
        let expect = self.expect(&form, Length::ANY, 0);
        let limit = self.write_limit(form.target);
        self.check_written(&form, value.as_ref(), expect.as_ref(), limit);
        Some(Action::WriteLong { target: form.target?, value: value?, expect: expect? })
    }

    pub(super) fn write_reliable(&mut self, node: &Node<'_>) -> Option<Action> {
        let (list, expect) = match &node.content {
            Content::List(_) => (node, Some(Expect::Success)),
            _ => {
                let fields = Fields::of(node, &language::WRITE_RELIABLE, self.sink)?;
                let error = fields.get("error");
                let code = error.map(|node| values::error_code(node, "an ATT error code", self.sink));
                let expect = code.map_or(Some(Expect::Success), |code| code.map(Expect::Error));
                (fields.required("writes", self.sink)?, expect)
            }
        };
        let items = fields::filled_list(list, "`write_reliable`", self.sink)?;
        let mut writes = Vec::with_capacity(items.len());
        for item in items {
            let Some((form, value)) = self.written(item, &language::PREPARED) else { continue };
            let limit = self.write_limit(form.target);
            self.check_written(&form, value.as_ref(), expect.as_ref(), limit);
            writes.extend(form.target.zip(value));
        }
        (writes.len() == items.len()).then_some(Action::WriteReliable { writes, expect: expect? })
    }

    fn written<'n, 't>(
        &mut self,
        node: &'n Node<'t>,
        shape: &'static Shape,
    ) -> Option<(Form<'n, 't>, Option<ClientValue>)> {
        let form = self.form(node, shape)?;
        let Some(fields) = &form.fields else {
            let message = format!("{} needs the field `value`", shape.what);
            let hint = "write `{char: chr1, value: \"hello\"}`";
            self.sink.report(Code::MissingField, node.mark, message, hint);
            return None;
        };
        let value = fields.required("value", self.sink);
        let value = value.and_then(|node| self.client_value(node, "the value"));
        Some((form, value))
    }

    pub(super) fn subscribe(&mut self, node: &Node<'_>) -> Option<Action> {
        let form = self.form(node, &language::SUBSCRIBE)?;
        let bits = match form.get("to") {
            Some(node) => fields::word(node, "`to`", SUBSCRIPTIONS, self.sink),
            None => Some(1),
        };
        let confirm = form.get("confirm");
        let answer = confirm.map(|node| fields::boolean(node, "`confirm`", self.sink));
        if let (Some(node), Some(Some(false)), Some(1)) = (confirm, answer, bits) {
            let hint = "write `to: indications`, or leave `confirm` out";
            self.sink.report(Code::ConflictingFields, node.mark, "notifications are never confirmed", hint);
        }
        let expect = self.expect(&form, Length::ANY, 0);
        let confirm = answer.unwrap_or(Some(true))?;
        Some(Action::Subscribe { target: form.target?, bits: bits?, confirm, expect: expect? })
    }

    pub(super) fn unsubscribe(&mut self, node: &Node<'_>) -> Option<Action> {
        let target = self.form(node, &language::UNSUBSCRIBE)?.target?;
        Some(Action::Subscribe { target, bits: 0, confirm: true, expect: Expect::Success })
    }

    pub(super) fn expect_push(
        &mut self,
        node: &Node<'_>,
        shape: &'static Shape,
        push: Push,
    ) -> Option<Action> {
        let form = self.form(node, shape)?;
        let value = match form.get("value") {
            Some(node) => {
                let value = self.client_value(node, "the expected value");
                if let Some(value) = &value {
                    let limit = self.write_limit(form.target);
                    self.check_len(value, limit, node, "the expected value", TOO_LONG);
                    self.check_fixed(value, limit, LEAST_PUSH, node);
                }
                Some(value?)
            }
            None => None,
        };
        Some(Action::Expect { push, target: form.target?, value })
    }

    pub(super) fn bond(&mut self, node: &Node<'_>) -> Option<Action> {
        let fields = Fields::of(node, &language::BOND, self.sink)?;
        let level = fields.required("level", self.sink);
        let level = level.and_then(|node| fields::word(node, "`level`", LEVELS, self.sink));
        let size = fields.get("key_size").map(|node| fields::byte(node, "a key size", KEY_SIZES, self.sink));
        let csrk = fields.get("csrk").map(|node| self.key(node));
        let bond = Bond {
            level: level?,
            key_size: size.unwrap_or(Some(LONGEST_KEY))?,
            csrk: csrk.map_or(Some(None), |key| key.map(Some))?,
        };
        Some(Action::Bond(bond))
    }

    pub(super) fn pair(&mut self, node: &Node<'_>) -> Option<Action> {
        let Content::Map(_) = node.content else {
            self.sink.report(Code::StepShape, node.mark, "`pair` takes no value", "write `- pair`");
            return None;
        };
        let fields = Fields::of(node, &language::PAIR, self.sink)?;
        fields.exclude("passkey", "refused", self.sink);
        let passkey = fields.get("passkey").map(|node| fields::word(node, "`passkey`", PASSKEYS, self.sink));
        let refused = fields.get("refused").map(|node| fields::boolean(node, "`refused`", self.sink));
        let typed = passkey.unwrap_or(Some(Pair::Complete))?;
        Some(Action::Pair(if refused.unwrap_or(Some(false))? { Pair::Refused } else { typed }))
    }

    /// 16 bytes, least significant first.
    fn key(&mut self, node: &Node<'_>) -> Option<[u8; 16]> {
        let bytes = values::hex(node, "a key", self.sink)?;
        let len = bytes.len();
        let key = bytes.try_into().ok();
        if key.is_none() {
            let message = format!("a key has 16 bytes, this one has {len}");
            self.sink.report(Code::BadHex, node.mark, message, "write 16 pairs of hex digits");
        }
        key
    }

    pub(super) fn att(&mut self, node: &Node<'_>) -> Option<Action> {
        if let Content::List(_) = node.content {
            return self.pipelined(node);
        }
        let fields = Fields::of(node, &language::ATT, self.sink)?;
        let send = fields.required("send", self.sink);
        let send = send.and_then(|node| self.pdu(node));
        let expect = fields.required("expect", self.sink)?;
        let is_nothing = matches!(&expect.content, Content::Scalar { text, .. } if text == "nothing");
        let expect = if is_nothing { None } else { Some(self.pdu(expect)?) };
        let send = send?;
        pdu::check(&fields, &send, expect.as_deref(), self.sink);
        Some(Action::Att { send, expect })
    }

    /// Requests that do not wait for one another.
    fn pipelined(&mut self, node: &Node<'_>) -> Option<Action> {
        let items = fields::filled_list(node, "`att`", self.sink)?;
        if items.len() > MAX_PIPELINED {
            let message = format!("{} requests at once, the limit is {MAX_PIPELINED}", items.len());
            self.sink.report(Code::NumberRange, node.mark, message, "make several steps of them");
            return None;
        }
        let mut exchanges = Vec::with_capacity(items.len());
        for item in items {
            let Some(fields) = Fields::of(item, &language::EXCHANGE, self.sink) else { continue };
            let send = fields.required("send", self.sink).and_then(|node| self.pdu(node));
            let expect = fields.required("expect", self.sink).and_then(|node| self.pdu(node));
            let (Some(send), Some(expect)) = (send, expect) else { continue };
            pdu::check(&fields, &send, Some(&expect), self.sink);
            exchanges.push(Exchange { send, expect });
        }
        (exchanges.len() == items.len()).then_some(Action::Pipelined(exchanges))
    }

    fn pdu(&mut self, node: &Node<'_>) -> Option<Vec<u8>> {
        let bytes = values::hex(node, "a PDU", self.sink)?;
        if bytes.is_empty() {
            self.sink.report(Code::Empty, node.mark, "a PDU has at least one byte", "begin with the opcode");
            return None;
        }
        if bytes.len() > MAX_PDU {
            let message = format!("this PDU has {} bytes, the greatest MTU is {MAX_PDU}", bytes.len());
            self.sink.report(Code::ValueTooLong, node.mark, message, "shorten it");
            return None;
        }
        Some(bytes)
    }
}
