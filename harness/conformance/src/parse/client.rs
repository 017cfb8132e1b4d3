//! The fields of the client's steps.

use super::fields::{self, Fields};
use super::steps::Reader;
use super::values;
use crate::diagnostic::Code;
use crate::scenario::{
    Action, Characteristic, CharacteristicRef, Descriptor, DescriptorRef, Expect, Push, WriteMode,
};
use crate::yaml::{Content, Node};

/// An ATT_MTU; beyond 517 no value needs it (Core Vol 3 Part F 3.2.8, 3.2.9).
const MTUS: std::ops::RangeInclusive<u16> = 23..=517;
/// Longest PDU that a step may send, in bytes: one of the greatest MTU.
const MAX_PDU: usize = 517;
/// Most bytes of any attribute (Core Vol 3 Part F 3.2.9).
const MAX_LEN: u16 = 512;
/// A CCCD has two bytes (Core Vol 3 Part G 3.3.3.3).
const CCCD_LEN: u16 = 2;
const TOO_LONG: &str = "shorten it, or raise `max_len` in the table";
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
    fn form<'n, 't>(
        &mut self,
        node: &'n Node<'t>,
        what: &'static str,
        keys: &[&str],
    ) -> Option<Form<'n, 't>> {
        if matches!(node.content, Content::Scalar { .. }) {
            return Some(Form { fields: None, target: self.names.read(node, self.sink) });
        }
        let fields = Fields::of(node, what, keys, self.sink)?;
        let target = fields.required("char", "name the characteristic: `char: chr1`", self.sink);
        let target = target.and_then(|node| self.names.read(node, self.sink));
        Some(Form { fields: Some(fields), target })
    }

    /// A step that only names a characteristic.
    pub(super) fn target(&mut self, node: &Node<'_>, what: &'static str) -> Option<CharacteristicRef> {
        self.form(node, what, &["char"])?.target
    }

    fn characteristic(&self, target: Option<CharacteristicRef>) -> Option<&Characteristic> {
        self.device.characteristic(target?)
    }

    /// Most bytes that reading it can give: a handler's reply is as long as the handler wants.
    fn read_limit(&self, target: Option<CharacteristicRef>) -> u16 {
        match (target, self.characteristic(target)) {
            (Some(target), Some(characteristic)) if !self.has_handler(target) => characteristic.max_len,
            _ => MAX_LEN,
        }
    }

    fn write_limit(&self, target: Option<CharacteristicRef>) -> u16 {
        self.characteristic(target).map_or(MAX_LEN, |characteristic| characteristic.max_len)
    }

    /// `expect` or `error`, or neither.
    fn expect(&mut self, form: &Form<'_, '_>, limit: u16) -> Option<Expect> {
        if let Some(fields) = &form.fields {
            fields.exclude("expect", "error", self.sink);
        }
        match (form.get("expect"), form.get("error")) {
            (Some(node), _) => {
                let bytes = values::client_bytes(node, "the expected value", self.sink)?;
                values::check_len(&bytes, limit, node, "the expected value", TOO_LONG, self.sink);
                Some(Expect::Value(bytes))
            }
            (None, Some(node)) => values::error_code(node, "an ATT error code", self.sink).map(Expect::Error),
            (None, None) => Some(Expect::Success),
        }
    }

    /// `descriptor`, if it is given, with its greatest length.
    fn descriptor(&mut self, form: &Form<'_, '_>) -> Option<Option<(DescriptorRef, u16)>> {
        let Some(node) = form.get("descriptor") else { return Some(None) };
        let name = fields::text(node, "a descriptor's name", self.sink)?;
        let characteristic = self.device.characteristic(form.target?)?;
        let has_cccd = characteristic.can_notify() || characteristic.can_indicate();
        if name == "cccd" && has_cccd {
            return Some(Some((DescriptorRef::Cccd, CCCD_LEN)));
        }
        let is_it = |descriptor: &Descriptor| descriptor.name == name;
        if let Some(index) = characteristic.descriptors.iter().position(is_it) {
            let len = characteristic.descriptors.get(index).map_or(0, |descriptor| descriptor.max_len);
            return Some(Some((DescriptorRef::Named(index), len)));
        }
        let message =
            format!("`{}` has no descriptor `{}`", characteristic.name, super::sink::Sink::short(name));
        let own = characteristic.descriptors.iter().map(|descriptor| descriptor.name.as_str());
        let known = own.chain(has_cccd.then_some("cccd"));
        self.sink.report_unknown(Code::UnknownName, node.mark, message, name, known);
        None
    }

    pub(super) fn mtu(&mut self, node: &Node<'_>) -> Option<Action> {
        let fields = Fields::of(node, "`mtu`", &["size", "expect"], self.sink)?;
        let size = fields.required("size", "write the client's receive MTU: `size: 100`", self.sink);
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
        let form = self.form(node, "`read`", &["char", "descriptor", "expect", "error"])?;
        let descriptor = self.descriptor(&form);
        let limit = match descriptor {
            Some(Some((_, limit))) => limit,
            _ => self.read_limit(form.target),
        };
        let expect = self.expect(&form, limit);
        let (target, expect) = (form.target?, expect?);
        Some(match descriptor? {
            Some((descriptor, _)) => Action::ReadDescriptor { target, descriptor, expect },
            None => Action::Read { target, expect },
        })
    }

    pub(super) fn read_long(&mut self, node: &Node<'_>) -> Option<Action> {
        let form = self.form(node, "`read_long`", &["char", "expect", "error"])?;
        let limit = self.read_limit(form.target);
        let expect = self.expect(&form, limit);
        Some(Action::ReadLong { target: form.target?, expect: expect? })
    }

    pub(super) fn write(&mut self, node: &Node<'_>) -> Option<Action> {
        let (form, value) = self.written(node, "`write`", &["char", "descriptor", "value", "error"])?;
        let expect = self.expect(&form, MAX_LEN);
        let descriptor = self.descriptor(&form);
        let limit = match descriptor {
            Some(Some((_, limit))) => limit,
            _ => self.write_limit(form.target),
        };
        if let (Some(node), Some(bytes), Some(Expect::Success)) = (form.get("value"), &value, &expect) {
            values::check_len(bytes, limit, node, "the value", TOO_LONG_TO_WRITE, self.sink);
        }
        let (target, value, expect) = (form.target?, value?, expect?);
        Some(match descriptor? {
            Some((descriptor, _)) => Action::WriteDescriptor { target, descriptor, value, expect },
            None => Action::Write { target, value, mode: WriteMode::Request, expect },
        })
    }

    /// A command may be too long: that the device drops it is worth showing (CB-12).
    pub(super) fn write_command(&mut self, node: &Node<'_>) -> Option<Action> {
        let (form, value) = self.written(node, "`write_command`", &["char", "value"])?;
        let (target, value) = (form.target?, value?);
        Some(Action::Write { target, value, mode: WriteMode::Command, expect: Expect::Success })
    }

    fn written<'n, 't>(
        &mut self,
        node: &'n Node<'t>,
        what: &'static str,
        keys: &[&str],
    ) -> Option<(Form<'n, 't>, Option<Vec<u8>>)> {
        const HINT: &str = "write the value: `value: \"hello\"`";
        let form = self.form(node, what, keys)?;
        let Some(fields) = &form.fields else {
            let message = format!("{what} needs the field `value`");
            let hint = "write `{char: chr1, value: \"hello\"}`";
            self.sink.report(Code::MissingField, node.mark, message, hint);
            return None;
        };
        let value = fields.required("value", HINT, self.sink);
        let value = value.and_then(|node| values::client_bytes(node, "the value", self.sink));
        Some((form, value))
    }

    pub(super) fn subscribe(&mut self, node: &Node<'_>) -> Option<Action> {
        const TO: &[(&str, u16)] = &[("notifications", 1), ("indications", 2), ("both", 3)];
        let form = self.form(node, "`subscribe`", &["char", "to", "error"])?;
        let bits = match form.get("to") {
            Some(node) => fields::word(node, "`to`", TO, self.sink),
            None => Some(1),
        };
        let expect = self.expect(&form, MAX_LEN);
        Some(Action::Subscribe { target: form.target?, bits: bits?, expect: expect? })
    }

    pub(super) fn expect_push(&mut self, node: &Node<'_>, what: &'static str, push: Push) -> Option<Action> {
        let form = self.form(node, what, &["char", "value"])?;
        let value = match form.get("value") {
            Some(node) => {
                let bytes = values::client_bytes(node, "the expected value", self.sink);
                if let Some(bytes) = &bytes {
                    let limit = self.write_limit(form.target);
                    values::check_len(bytes, limit, node, "the expected value", TOO_LONG, self.sink);
                }
                Some(bytes?)
            }
            None => None,
        };
        Some(Action::Expect { push, target: form.target?, value })
    }

    pub(super) fn att(&mut self, node: &Node<'_>) -> Option<Action> {
        let fields = Fields::of(node, "`att`", &["send", "expect"], self.sink)?;
        let send = fields.required("send", "write the PDU's bytes: `send: \"0A FF FF\"`", self.sink);
        let send = send.and_then(|node| self.pdu(node));
        let hint = "write the response's bytes, or `expect: nothing`";
        let expect = fields.required("expect", hint, self.sink)?;
        let is_nothing = matches!(&expect.content, Content::Scalar { text, .. } if text == "nothing");
        let expect = if is_nothing { None } else { Some(self.pdu(expect)?) };
        Some(Action::Att { send: send?, expect })
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
