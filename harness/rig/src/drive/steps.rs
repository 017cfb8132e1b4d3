//! What each step does.

use super::names::{self, Names};
use super::settle::note_unasked;
use super::{Driver, OTHER_END_DEADLINE, Stop, is_disconnected, lost_by_radio, note};
use super::{ENDED_BY_DEVICE, Fault};
use crate::central::{ConnectError, Failure, Pushed};
use crate::convert;
use crate::link::{Reply, Report};
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use conformance::observation::{BoardEvent, CentralEvent, StepObservation};
use conformance::plan::{MARGIN_MS, PlannedStep};
use conformance::scenario::{
    Action, BoardAction, Characteristic, CharacteristicRef, DescriptorRef, Push, WriteMode,
};
use embassy_time::{Duration, Timer};
use std::convert::Infallible;
use wire::Call;

/// A device that advertises every 1.28 s, the slowest of usual ones, is seen several times.
const SCAN_DEADLINE: Duration = Duration::from_secs(5);
/// The device has this long to end the connection when its application asks for it.
const DISCONNECT_CLIENT_DEADLINE: Duration = Duration::from_secs(10);
const CCCD: DescriptorRef = DescriptorRef::Cccd;
/// Opcode of a Handle Value Confirmation.
const CONFIRMATION: u8 = 0x1E;

impl<T> Driver<'_, T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Does one step and waits for its conditions.
    pub(super) async fn act(
        &mut self,
        action: &Action,
        planned: &PlannedStep,
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        match action {
            Action::Connect => self.connect(seen).await,
            Action::Disconnect => self.disconnect(seen).await,
            Action::Restart => self.restart(seen).await,
            Action::Discover => self.discover(seen).await,
            Action::Mtu { size, .. } => {
                finish(self.central.exchange_mtu(*size).await.map(CentralEvent::Mtu), seen)
            }
            Action::Read { target, .. } => {
                let Some(handle) = self.value_handle(*target, seen) else { return Ok(()) };
                value(self.central.read(handle).await, seen)
            }
            Action::ReadLong { target, .. } => {
                let Some(handle) = self.value_handle(*target, seen) else { return Ok(()) };
                value(self.central.read_long(handle).await, seen)
            }
            Action::ReadDescriptor { target, descriptor, .. } => {
                let Some(handle) = self.descriptor_handle(*target, *descriptor, seen) else { return Ok(()) };
                value(self.central.read(handle).await, seen)
            }
            Action::Write { target, value, mode, .. } => {
                let Some(handle) = self.value_handle(*target, seen) else { return Ok(()) };
                self.check_fits(value)?;
                match mode {
                    WriteMode::Request => written(self.central.write(handle, value).await, seen),
                    WriteMode::Command => self.write_command(handle, value, seen).await,
                }
            }
            Action::WriteDescriptor { target, descriptor, value, .. } => {
                self.write_descriptor(*target, *descriptor, value, seen).await
            }
            Action::Subscribe { target, bits, .. } => {
                self.write_descriptor(*target, CCCD, &bits.to_le_bytes(), seen).await
            }
            Action::Expect { push, .. } => self.expect(*push, planned.deadline_ms, seen).await,
            Action::Quiet { ms } => self.quiet(*ms, seen).await,
            Action::Att { send, expect } => self.att(send, expect.is_some(), seen).await,
            Action::Board(action) => self.board(action, seen).await,
        }
    }

    async fn connect(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        self.confirmations = self.link.received(CONFIRMATION);
        self.indicating = false;
        match self.central.connect(self.address, SCAN_DEADLINE).await {
            Ok(()) => {}
            Err(ConnectError::NotSeen) if self.has_connected || self.setup.certain_radio => {
                seen.central.push(CentralEvent::Nothing);
                return Err(Stop::Noted);
            }
            Err(ConnectError::NotSeen) => {
                return Err(Stop::Rig(Fault::new(
                    format!("{} was not seen advertising", crate::hex::address(&self.address.bytes)),
                    "check the antennas, and that the adapter can scan, then run again",
                )));
            }
            Err(ConnectError::NotEstablished) => return Err(Stop::NotEstablished),
            Err(ConnectError::Rig(fault)) => return Err(Stop::Rig(fault)),
        }
        // Without the board's word, another device may have answered.
        let connected = |report: &Report| *report == Report::Connected;
        self.link.wait_report(OTHER_END_DEADLINE, "report of the connection", connected).await?;
        self.connected = true;
        self.has_connected = true;
        seen.central.push(CentralEvent::Connected);
        // Discovery teaches the handles; what it reads is nobody's step.
        match self.central.discover().await {
            Ok(database) => {
                self.names = Names::resolve(&self.plan.device, &database);
                Ok(())
            }
            Err(failure) => note(failure, seen),
        }
    }

    async fn disconnect(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        if self.connected {
            let unasked = self.complete_pushes(false).await?;
            note_unasked(unasked, seen);
        }
        self.take_pushes(seen);
        self.central.disconnect().await?;
        self.both_disconnected(seen).await
    }

    async fn both_disconnected(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        if self.connected {
            let what = "report of the disconnection";
            self.link.wait_report(OTHER_END_DEADLINE, what, is_disconnected).await?;
        }
        self.connected = false;
        seen.central.push(CentralEvent::Disconnected);
        Ok(())
    }

    async fn restart(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        if self.connected {
            let unasked = self.complete_pushes(false).await?;
            note_unasked(unasked, seen);
        }
        self.take_pushes(seen);
        self.start_application().await?;
        if self.connected {
            // The board ends the connection; if it resets its radio instead, the link times out.
            self.gone().await?;
            self.both_disconnected(seen).await?;
        }
        Ok(())
    }

    async fn gone(&self) -> Result<u8, Stop> {
        let gone = self.central.wait_gone(OTHER_END_DEADLINE).await?;
        gone.ok_or_else(|| {
            Stop::Rig(Fault::new("the link outlived the application", "reset the board and run again"))
        })
    }

    async fn discover(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        match self.central.discover().await {
            Ok(database) => {
                seen.central.extend(names::found(&database).into_iter().map(CentralEvent::Found));
                self.names = Names::resolve(&self.plan.device, &database);
                Ok(())
            }
            Err(failure) => note(failure, seen),
        }
    }

    async fn write_command(&self, handle: u16, value: &[u8], seen: &mut StepObservation) -> Result<(), Stop> {
        const WRITE_COMMAND: u8 = 0x52;
        let before = self.link.received(WRITE_COMMAND);
        match self.central.write_command(handle, value).await {
            Ok(()) => seen.central.push(CentralEvent::Sent),
            Err(failure) => return note(failure, seen),
        }
        self.link.wait_received(WRITE_COMMAND, before.wrapping_add(1)).await?;
        Ok(())
    }

    async fn write_descriptor(
        &mut self,
        target: CharacteristicRef,
        descriptor: DescriptorRef,
        value: &[u8],
        seen: &mut StepObservation,
    ) -> Result<(), Stop> {
        let Some(handle) = self.descriptor_handle(target, descriptor, seen) else { return Ok(()) };
        self.check_fits(value)?;
        self.note_subscription(handle, value);
        written(self.central.write(handle, value).await, seen)
    }

    /// A client may not send what the MTU has no room for (Core Vol 3 Part F 3.4.5.1): the device
    /// could not be blamed for any answer.
    fn check_fits(&self, value: &[u8]) -> Result<(), Stop> {
        const HEADER_LEN: usize = 3;
        let room = usize::from(self.central.mtu()) - HEADER_LEN;
        if value.len() <= room {
            return Ok(());
        }
        Err(Stop::Rig(Fault::new(
            format!("a value of {} bytes does not fit a write with {room} bytes of room", value.len()),
            "let the scenario exchange a larger MTU first",
        )))
    }

    /// From the first write that may switch indications on, each step waits for confirmations.
    fn note_subscription(&mut self, handle: u16, value: &[u8]) {
        let indications = value.first().is_some_and(|bits| bits & 2 != 0);
        self.indicating |= indications && self.names.is_cccd(handle);
    }

    async fn expect(&self, push: Push, deadline_ms: u32, seen: &mut StepObservation) -> Result<(), Stop> {
        let window = Duration::from_millis(u64::from(deadline_ms.saturating_sub(MARGIN_MS)));
        let event = |pushed: Pushed| CentralEvent::Pushed {
            push,
            target: self.names.name(pushed.handle),
            value: pushed.value,
        };
        let pushed = self.central.next_push(push, window).await;
        finish(pushed.map(|pushed| pushed.map_or(CentralEvent::Nothing, event)), seen)
    }

    async fn quiet(&self, ms: u32, seen: &mut StepObservation) -> Result<(), Stop> {
        self.link.barrier().await?;
        // The window is the step's subject, not a wait for something.
        Timer::after(Duration::from_millis(u64::from(ms))).await;
        if self.connected {
            let unasked = self.complete_pushes(false).await?;
            note_unasked(unasked, seen);
        }
        self.take_pushes(seen);
        if seen.central.is_empty() {
            seen.central.push(CentralEvent::Nothing);
        }
        Ok(())
    }

    async fn att(&mut self, send: &[u8], answered: bool, seen: &mut StepObservation) -> Result<(), Stop> {
        let opcode = send.first().copied().unwrap_or(0);
        if let [0x12 | 0x52, low, high, value @ ..] = send {
            self.note_subscription(u16::from_le_bytes([*low, *high]), value);
        }
        if answered {
            let mut response = Vec::new();
            return match self.central.transact(send, &mut response).await {
                Ok(()) => {
                    self.note_mtu(send, &response);
                    seen.central.push(CentralEvent::Pdu(response));
                    Ok(())
                }
                Err(failure) => note(failure, seen),
            };
        }
        let before = self.link.received(opcode);
        if let Err(failure) = self.central.send(send).await {
            return note(failure, seen);
        }
        self.link.wait_received(opcode, before.wrapping_add(1)).await?;
        if opcode == CONFIRMATION {
            self.confirmations = self.confirmations.wrapping_add(1);
        }
        self.link.barrier().await?;
        let unasked = self.complete_pushes(opcode == 0x0A).await?;
        if unasked.is_empty() {
            seen.central.push(CentralEvent::Nothing);
        }
        seen.central.extend(unasked.into_iter().map(CentralEvent::Pdu));
        Ok(())
    }

    /// An MTU exchange made by hand counts as much as any other (Core Vol 3 Part F 3.4.2.2).
    fn note_mtu(&self, request: &[u8], response: &[u8]) {
        if let ([0x02, a, b], [0x03, c, d]) = (request, response) {
            let client = u16::from_le_bytes([*a, *b]);
            let server = u16::from_le_bytes([*c, *d]);
            self.central.set_mtu(client.min(server));
        }
    }

    async fn board(&mut self, action: &BoardAction, seen: &mut StepObservation) -> Result<(), Stop> {
        let call = match action {
            BoardAction::Events { of, .. } => Call::Events(convert::object(*of)),
            BoardAction::Value { target, .. } => Call::Value(convert::char_ref(*target)),
            BoardAction::Set { target, value, .. } => {
                Call::SetValue(convert::char_ref(*target), convert::api_value(value))
            }
            BoardAction::Callback { target, callback } => {
                Call::Callback(convert::char_ref(*target), callback.as_ref().map(convert::callback))
            }
            BoardAction::Advertise { on } => Call::Advertise(*on),
            BoardAction::DisconnectClient => Call::DisconnectClient,
        };
        seen.board.push(match self.link.call(call).await? {
            Reply::Events(flags) => BoardEvent::Events(flags),
            Reply::Value(bytes) => BoardEvent::Value(bytes),
            Reply::Done => BoardEvent::Done,
            Reply::Refused(why) => BoardEvent::Refused(why),
            other => {
                return Err(Stop::Rig(Fault::new(
                    format!("the board answered an API call with {other:?}"),
                    "flash the board with the image of this version",
                )));
            }
        });
        if *action == BoardAction::DisconnectClient && self.connected {
            return self.client_disconnected(seen).await;
        }
        Ok(())
    }

    async fn client_disconnected(&mut self, seen: &mut StepObservation) -> Result<(), Stop> {
        match self.central.wait_gone(DISCONNECT_CLIENT_DEADLINE).await? {
            Some(reason) if ENDED_BY_DEVICE.contains(&reason) => {
                self.take_pushes(seen);
                self.both_disconnected(seen).await
            }
            Some(reason) => Err(Stop::Rig(lost_by_radio(reason))),
            None => {
                seen.central.push(CentralEvent::Nothing);
                Err(Stop::Noted)
            }
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
