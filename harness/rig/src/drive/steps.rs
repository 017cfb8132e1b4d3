//! What each step does.

use super::advertising::SCAN_DEADLINE;
use super::names::{self, Names};
use super::settle::CONFIRMATION;
use super::{Driver, OTHER_END_DEADLINE, Stop, note};
use crate::central::{Central, ConnectError, Database, Failure, Pushed, SIGNATURE_LEN};
use crate::convert;
use crate::fault::Fault;
use crate::link::{Reply, Report};
use conformance::observation::{CentralEvent, StepObservation};
use conformance::plan::{MARGIN_MS, PlannedStep};
use conformance::scenario::{
    Action, Characteristic, CharacteristicRef, ClientValue, DescriptorRef, Exchange, Push, WriteMode,
};
use embassy_time::{Duration, Timer};
use wire::Call;

impl<C: Central> Driver<'_, C> {
    /// Does one step and waits for its conditions.
    pub(super) async fn act(
        &mut self,
        planned: &PlannedStep,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        match &planned.step.action {
            Action::Connect => self.connect(seen).await,
            Action::Disconnect => self.disconnect(seen).await,
            Action::Reconnect => {
                self.disconnect(seen).await?;
                self.connect(seen).await
            }
            Action::ExpectDisconnection => self.ended_by_device(self.who, seen).await,
            Action::Restart => self.restart(seen).await,
            Action::Discover => self.discover(seen).await,
            Action::Mtu { size, .. } => {
                finish(self.central().exchange_mtu(*size).await.map(CentralEvent::Mtu), seen)
            }
            Action::Read { target, .. } => {
                let Some(handle) = self.value_handle(*target, seen) else { return Ok(()) };
                value(self.central().read(handle).await, seen)
            }
            Action::ReadLong { target, .. } => {
                let Some(handle) = self.value_handle(*target, seen) else { return Ok(()) };
                value(self.central().read_long(handle).await, seen)
            }
            Action::ReadDescriptor { target, descriptor, .. } => {
                let Some(handle) = self.descriptor_handle(*target, *descriptor, seen) else { return Ok(()) };
                value(self.central().read(handle).await, seen)
            }
            Action::Write { target, value, mode, .. } => self.write(*target, value, *mode, seen).await,
            Action::WriteLong { target, value, .. } => {
                self.write_prepared(&[(*target, value.clone())], seen).await
            }
            Action::WriteReliable { writes, .. } => self.write_prepared(writes, seen).await,
            Action::WriteDescriptor { target, descriptor, value, .. } => {
                let value = self.bytes(value)?;
                self.write_descriptor(*target, *descriptor, &value, seen).await
            }
            Action::Subscribe { target, bits, confirm, .. } => {
                self.subscribe(*target, *bits, *confirm, seen).await
            }
            Action::Expect { push, .. } => self.expect(*push, planned.deadline_ms, seen).await,
            Action::ExpectAdvertisement(expect) => self.expect_advertisement(expect, seen).await,
            Action::Bond(bond) => self.bond(bond, seen).await,
            Action::Pair(pair) => self.pair(*pair, seen).await,
            Action::Encrypt => self.encrypt(seen).await,
            Action::Quiet { ms } => self.quiet(*ms, seen).await,
            Action::Att { send, expect } => self.att(send, expect.is_some(), seen).await,
            Action::Pipelined(exchanges) => self.pipelined(exchanges, seen).await,
            Action::Board(action) => self.board(action, seen).await,
        }
    }

    async fn connect(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        if let Some(link) = self.link {
            // This client's count begins anew with its connection.
            let others = self.confirmed(Some(self.who));
            self.confirmations = link.received(CONFIRMATION).wrapping_sub(others);
        }
        self.own_mut().indicating = false;
        let Some(address) = self.address().await? else {
            return Err(self.not_connectable(seen));
        };
        match self.central().connect(address, SCAN_DEADLINE).await {
            Ok(()) => {}
            Err(ConnectError::NotSeen) => return Err(self.not_connectable(seen)),
            Err(ConnectError::NotEstablished) => return Err(Stop::NotEstablished),
            Err(ConnectError::Rig(fault)) => return Err(Stop::Rig(fault)),
        }
        if let Some(link) = self.link {
            // Without the board's word, another device may have answered.
            let connected = |report: &Report| *report == Report::Connected;
            link.wait_report(OTHER_END_DEADLINE, "report of the connection", connected).await?;
        }
        self.await_own_encryption().await?;
        self.own_mut().connected = true;
        self.heard = true;
        seen.central.push(CentralEvent::Connected);
        // Discovery teaches the handles; what it reads is nobody's step.
        match self.central().discover().await {
            Ok(database) => self.learn(&database).await,
            Err(failure) => note(failure, seen),
        }
    }

    /// Which handle is which attribute; the board says it of its own, where the central sees no handles.
    async fn learn(&mut self, database: &Database) -> Result<(), Stop> {
        self.names = Names::resolve(&self.plan.device, database);
        let Some(link) = self.link.filter(|_| database.is_unordered) else { return Ok(()) };
        for (at, characteristic) in self.plan.device.characteristics() {
            // One that a later step adds is not there yet.
            if let Reply::Handle(handle) = link.call(Call::Handle(convert::char_ref(at))).await? {
                self.names.reported.push((handle, characteristic.name.clone()));
            }
        }
        Ok(())
    }

    async fn disconnect(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        self.complete_own(seen).await?;
        for pushed in self.central().take_pushes() {
            let target = self.names.name(pushed.handle);
            seen.central.push(CentralEvent::Pushed { push: pushed.push, target, value: pushed.value });
        }
        self.central().disconnect().await?;
        self.both_disconnected(self.who, seen).await
    }

    async fn restart(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        self.complete_all(seen).await?;
        self.take_pushes(seen);
        self.start_application(self.link()?).await?;
        // The board ends the connections; if it resets its radio instead, the links time out.
        let connected: Vec<usize> =
            self.clients().filter(|(_, client)| client.connected).map(|(who, _)| who).collect();
        for who in connected {
            let gone = self.client(who).central.wait_gone(OTHER_END_DEADLINE).await?;
            if gone.is_none() {
                let fault = Fault::new("the link outlived the application", "reset the board and run again");
                return Err(Stop::Rig(fault));
            }
            self.both_disconnected(who, seen).await?;
        }
        Ok(())
    }

    async fn discover(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        match self.central().discover().await {
            Ok(database) => {
                seen.is_unordered = database.is_unordered;
                seen.central.extend(names::found(&database).into_iter().map(CentralEvent::Found));
                self.learn(&database).await
            }
            Err(failure) => note(failure, seen),
        }
    }

    async fn write(
        &mut self,
        target: CharacteristicRef,
        value: &ClientValue,
        mode: WriteMode,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let value = self.bytes(value)?;
        let Some(handle) = self.value_handle(target, seen) else { return Ok(()) };
        let opcode = match mode {
            WriteMode::Request => 0x12,
            WriteMode::Command => 0x52,
            WriteMode::Signed => 0xD2,
        };
        self.check_fits(&value, if mode == WriteMode::Signed { SIGNATURE_LEN } else { 0 })?;
        self.note_write(handle, &value);
        let before = self.link.map(|link| link.received(opcode));
        let sent = match mode {
            WriteMode::Request => return written(self.central().write(handle, &value).await, seen),
            WriteMode::Command => self.central().write_command(handle, &value).await,
            WriteMode::Signed => self.central().write_signed(handle, &value).await,
        };
        match sent {
            Ok(()) => seen.central.push(CentralEvent::Sent),
            Err(failure) => return note(failure, seen),
        }
        self.arrived(opcode, before, seen).await
    }

    /// Waits until a PDU that nothing answers has arrived: by the board's count, or by a fence.
    async fn arrived(
        &mut self,
        opcode: u8,
        before: Option<u32>,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        match (self.link, before) {
            (Some(link), Some(before)) => Ok(link.wait_received(opcode, before.wrapping_add(1)).await?),
            _ => self.complete_own(seen).await,
        }
    }

    async fn write_prepared(
        &mut self,
        writes: &[(CharacteristicRef, ClientValue)],
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let mut prepared = Vec::with_capacity(writes.len());
        for (target, value) in writes {
            let value = self.bytes(value)?;
            let Some(handle) = self.value_handle(*target, seen) else { return Ok(()) };
            prepared.push((handle, value));
        }
        let parts: Vec<(u16, &[u8])> = prepared.iter().map(|(at, value)| (*at, value.as_slice())).collect();
        written(self.central().write_prepared(&parts).await, seen)
    }

    async fn subscribe(
        &mut self,
        target: CharacteristicRef,
        bits: u16,
        confirm: bool,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let Some(handle) = self.value_handle(target, seen) else { return Ok(()) };
        let Some(cccd) = self.descriptor_handle(target, DescriptorRef::Cccd, seen) else { return Ok(()) };
        self.central().set_confirm(handle, confirm);
        self.note_write(cccd, &bits.to_le_bytes());
        written(self.central().subscribe(handle, cccd, bits).await, seen)
    }

    async fn write_descriptor(
        &mut self,
        target: CharacteristicRef,
        descriptor: DescriptorRef,
        value: &[u8],
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let Some(handle) = self.descriptor_handle(target, descriptor, seen) else { return Ok(()) };
        self.check_fits(value, 0)?;
        self.note_write(handle, value);
        written(self.central().write(handle, value).await, seen)
    }

    /// A client may not send what the MTU has no room for (Core Vol 3 Part F 3.4.5.1): the device
    /// could not be blamed for any answer. `trailer_len` is what stands behind the value.
    fn check_fits(&self, value: &[u8], trailer_len: usize) -> Result<(), Stop> {
        let room = self.central().room().saturating_sub(trailer_len);
        if value.len() <= room {
            return Ok(());
        }
        Err(Stop::Rig(Fault::new(
            format!("a value of {} bytes does not fit a write with {room} bytes of room", value.len()),
            "let the scenario exchange a larger MTU first",
        )))
    }

    /// From the first write that may switch indications on, each step waits for confirmations; from the
    /// one of the feature bit on, notifications may hold several values (Core Vol 3 Part G 7.2).
    fn note_write(&mut self, handle: u16, value: &[u8]) {
        const MULTIPLE_NOTIFICATIONS: u8 = 4;
        let first = value.first().copied().unwrap_or(0);
        if self.names.client_features == Some(handle) && first & MULTIPLE_NOTIFICATIONS != 0 {
            self.central().take_multiple();
        }
        let indications = value.first().is_some_and(|bits| bits & 2 != 0);
        let is_cccd = self.names.is_cccd(handle);
        self.own_mut().indicating |= indications && is_cccd;
    }

    async fn expect(&self, push: Push, deadline_ms: u32, seen: &mut StepObservation) -> Result<(), Stop> {
        let window = Duration::from_millis(u64::from(deadline_ms.saturating_sub(MARGIN_MS)));
        let event = |pushed: Pushed| CentralEvent::Pushed {
            push,
            target: self.names.name(pushed.handle),
            value: pushed.value,
        };
        let pushed = self.central().next_push(push, window).await;
        if self.link.is_none() && matches!(pushed, Ok(None)) {
            // What answers a fence would have brought a push.
            self.complete_pushes(self.who, false).await?;
        }
        finish(pushed.map(|pushed| pushed.map_or(CentralEvent::Nothing, event)), seen)
    }

    async fn quiet(&mut self, ms: u32, seen: &mut StepObservation) -> Result<(), Stop> {
        self.barrier().await?;
        // The window is the step's subject, not a wait for something.
        Timer::after(Duration::from_millis(u64::from(ms))).await;
        self.complete_all(seen).await?;
        self.take_pushes(seen);
        if seen.central.is_empty() && seen.others.is_empty() {
            seen.central.push(CentralEvent::Nothing);
        }
        Ok(())
    }

    async fn att(&mut self, send: &[u8], answered: bool, seen: &mut StepObservation) -> Result<(), Stop> {
        let opcode = send.first().copied().unwrap_or(0);
        if let [0x12 | 0x52, low, high, value @ ..] = send {
            self.note_write(u16::from_le_bytes([*low, *high]), value);
        }
        if answered {
            let mut response = Vec::new();
            return match self.central().transact(send, &mut response).await {
                Ok(()) => {
                    self.note_mtu(send, &response);
                    seen.central.push(CentralEvent::Pdu(response));
                    Ok(())
                }
                Err(failure) => note(failure, seen),
            };
        }
        let before = self.link.map(|link| link.received(opcode));
        if let Err(failure) = self.central().send(send).await {
            return note(failure, seen);
        }
        if let (Some(link), Some(before)) = (self.link, before) {
            link.wait_received(opcode, before.wrapping_add(1)).await?;
            if opcode == CONFIRMATION {
                self.confirmations = self.confirmations.wrapping_add(1);
            }
        }
        self.barrier().await?;
        let unasked = self.complete_pushes(self.who, opcode == 0x0A).await?;
        if unasked.is_empty() {
            seen.central.push(CentralEvent::Nothing);
        }
        seen.central.extend(unasked.into_iter().map(CentralEvent::Pdu));
        Ok(())
    }

    async fn pipelined(&mut self, exchanges: &[Exchange], seen: &mut StepObservation) -> Result<(), Stop> {
        let mut responses = Vec::new();
        let requests: Vec<&[u8]> = exchanges.iter().map(|one| one.send.as_slice()).collect();
        for request in &requests {
            if let [0x12, low, high, value @ ..] = request {
                self.note_write(u16::from_le_bytes([*low, *high]), value);
            }
        }
        let ended = self.central().pipeline(&requests, &mut responses).await;
        for (request, response) in requests.iter().zip(&responses) {
            self.note_mtu(request, response);
        }
        seen.central.extend(responses.into_iter().map(CentralEvent::Pdu));
        ended.or_else(|failure| note(failure, seen))
    }

    /// An MTU exchange made by hand counts as much as any other (Core Vol 3 Part F 3.4.2.2).
    fn note_mtu(&self, request: &[u8], response: &[u8]) {
        if let ([0x02, a, b], [0x03, c, d]) = (request, response) {
            let client = u16::from_le_bytes([*a, *b]);
            let server = u16::from_le_bytes([*c, *d]);
            self.central().set_mtu(client.min(server));
        }
    }

    /// The handle, or the note that discovery did not show it.
    fn value_handle(&self, target: CharacteristicRef, seen: &mut StepObservation) -> Option<u16> {
        let handle = self.names.value_handle(target);
        if handle.is_none() {
            let name = self.characteristic(target).map_or("", |it| &it.name);
            seen.central.push(CentralEvent::Missing(name.to_owned()));
        }
        handle
    }

    fn descriptor_handle(
        &self,
        target: CharacteristicRef,
        descriptor: DescriptorRef,
        seen: &mut StepObservation,
    ) -> Option<u16> {
        let handle = self.names.descriptor(target, descriptor);
        if handle.is_none() {
            let owner = self.characteristic(target);
            let name = match descriptor {
                DescriptorRef::Cccd => "cccd",
                DescriptorRef::Named(at) => {
                    owner.and_then(|it| it.descriptors.get(at)).map_or("", |it| &it.name)
                }
            };
            let owner = owner.map_or("", |it| &it.name);
            seen.central.push(CentralEvent::Missing(format!("{owner} {name}")));
        }
        handle
    }

    fn characteristic(&self, at: CharacteristicRef) -> Option<&Characteristic> {
        self.plan.device.services.get(at.service)?.characteristics.get(at.characteristic)
    }
}

/// Notes what came of a procedure.
fn finish(result: Result<CentralEvent, Failure>, seen: &mut StepObservation) -> Result<(), Stop> {
    match result {
        Ok(event) => seen.central.push(event),
        Err(failure) => return note(failure, seen),
    }
    Ok(())
}

fn value(result: Result<Vec<u8>, Failure>, seen: &mut StepObservation) -> Result<(), Stop> {
    finish(result.map(CentralEvent::Value), seen)
}

fn written(result: Result<(), Failure>, seen: &mut StepObservation) -> Result<(), Stop> {
    finish(result.map(|()| CentralEvent::Written), seen)
}
