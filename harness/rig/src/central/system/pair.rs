//! Pairing through BlueZ: `Device1.Pair`, with an agent of ours that has keys to type on and no display. The library
//! has no call for it.

use super::errors::Method;
use super::{BtleplugCentral, errors};
use crate::central::{Failure, Paired, UNSPECIFIED};
use crate::fault::Fault;
use bluez_async::BluetoothError;
use btleplug::api::Peripheral as _;
use dbus::channel::{BusType, Channel, default_reply};
use dbus::message::MessageType;
use dbus::strings::ErrorName;
use dbus::{Message, Path};
use embassy_futures::select::{Either, select};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Longer than the 30 s after which the kernel gives a pairing up (Core Vol 3 Part H 3.4), so that it says so itself.
const PAIR_DEADLINE: Duration = Duration::from_secs(33);
/// The same and the answer's way back.
const CALL_DEADLINE: embassy_time::Duration = embassy_time::Duration::from_secs(34);
/// What the service does by itself.
const LOCAL_DEADLINE: Duration = Duration::from_secs(5);

const AGENT: &str = "/org/gattest/agent";
/// Core Vol 3 Part H 2.3.2, in BlueZ's words.
const CAPABILITY: &str = "KeyboardOnly";

impl BtleplugCentral<'_> {
    /// Pairs with the device that is connected.
    pub(super) async fn pair_device(
        &self,
        passkey: impl AsyncFn() -> Result<u32, Fault>,
    ) -> Result<Paired, Failure> {
        self.check_up()?;
        let device = self.link.borrow().as_ref().map(|link| link.peripheral.id().to_string());
        let device = device.unwrap_or_default();
        let (asked, mut asks) = unbounded_channel();
        let (types, typed) = mpsc::channel();
        let work = async move {
            let ended = tokio::task::spawn_blocking(move || pair(&device, &asked, &typed)).await;
            let ended = ended.map_err(|error| btleplug::Error::Other(Box::new(error)))?;
            ended.map_err(|error| btleplug::Error::Other(Box::new(BluetoothError::DbusError(error))))
        };
        let typing = async {
            loop {
                if asks.recv().await.is_none() {
                    // The agent has ended, and pairing with it.
                    std::future::pending::<()>().await;
                }
                // An agent that does not wait any more needs no number.
                let _late = types.send(passkey().await?);
            }
            #[expect(unreachable_code, reason = "it gives the loop its type")]
            Ok::<(), Fault>(())
        };
        let result = match select(self.call(Method::Pairing.name(), CALL_DEADLINE, work), typing).await {
            Either::First(result) => result?,
            Either::Second(Err(fault)) => return Err(fault.into()),
            Either::Second(Ok(())) => return Err(Failure::NoResponse),
        };
        // From here on it is not forgotten at each disconnection.
        self.paired.set(result.is_ok());
        result.map(|()| Paired::Yes).or_else(|error| unpaired(&error))
    }
}

/// What an error of `Device1.Pair` says.
fn unpaired(error: &btleplug::Error) -> Result<Paired, Failure> {
    if let btleplug::Error::Other(other) = error
        && let Some(BluetoothError::DbusError(error)) = other.downcast_ref::<BluetoothError>()
    {
        let kind = error.name().and_then(|name| name.strip_prefix("org.bluez.Error."));
        match kind {
            Some("AuthenticationFailed" | "AuthenticationRejected" | "AuthenticationCanceled") => {
                return Ok(Paired::Unsure(format!("org.bluez.Error.{}", kind.unwrap_or_default())));
            }
            Some("AuthenticationTimeout") => return Err(Failure::NoResponse),
            Some("ConnectionAttemptFailed") => return Err(Failure::Gone(UNSPECIFIED)),
            _ => {}
        }
    }
    Err(errors::failure(Method::Pairing, error))
}

/// Registers the agent and pairs, on a connection of its own: BlueZ asks the agent of whoever asked it to pair.
/// `device` is its path below `/org/bluez/`. `asked` says that a passkey is wanted, which comes by `typed`.
fn pair(device: &str, asked: &UnboundedSender<()>, typed: &mpsc::Receiver<u32>) -> Result<(), dbus::Error> {
    let bus = Channel::get_private(BusType::System)?;
    let path = |name: &str| Path::new(name).map_err(|why| dbus::Error::new_failed(&why));
    let call = |path: &str, interface: &str, method: &str| {
        Message::new_method_call("org.bluez", path, interface, method)
            .map_err(|why| dbus::Error::new_failed(&why))
    };
    let register = call("/org/bluez", "org.bluez.AgentManager1", "RegisterAgent")?;
    bus.send_with_reply_and_block(register.append2(path(AGENT)?, CAPABILITY), LOCAL_DEADLINE)?;
    let closed = |()| dbus::Error::new_failed("the message bus has closed the connection");
    let serial =
        bus.send(call(&format!("/org/bluez/{device}"), "org.bluez.Device1", "Pair")?).map_err(closed)?;
    // Few messages come here, and none when whoever has asked for this has given it up.
    while !asked.is_closed() {
        let Some(mut message) = bus.blocking_pop_message(PAIR_DEADLINE)? else { break };
        if message.get_reply_serial() == Some(serial) {
            return message.as_result().map(drop);
        }
        if let Some(reply) = answer(&message, asked, typed) {
            bus.send(reply).map_err(closed)?;
        }
    }
    Err(dbus::Error::new_custom("org.freedesktop.DBus.Error.NoReply", "no word in 33 s"))
}

/// What the agent says (BlueZ's `doc/agent-api.txt`).
fn answer(message: &Message, asked: &UnboundedSender<()>, typed: &mpsc::Receiver<u32>) -> Option<Message> {
    let is_for_agent =
        message.msg_type() == MessageType::MethodCall && message.path().is_some_and(|path| &*path == AGENT);
    if !is_for_agent {
        return default_reply(message);
    }
    let refused = || message.error(&ErrorName::from("org.bluez.Error.Rejected"), c"there is nothing to say");
    Some(match message.member().as_deref() {
        Some("RequestPasskey") => {
            let number = asked.send(()).ok().and_then(|()| typed.recv_timeout(PAIR_DEADLINE).ok());
            number.map_or_else(refused, |number| message.return_with_args((number,)))
        }
        // A pairing that shows nothing to either side, and what follows it.
        Some("RequestConfirmation" | "RequestAuthorization" | "AuthorizeService" | "Release" | "Cancel") => {
            message.method_return()
        }
        _ => refused(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_service_are_told_from_a_pairing_that_failed() {
        let error = |name: &str| {
            let error = dbus::Error::new_custom(name, "words");
            btleplug::Error::Other(Box::new(BluetoothError::DbusError(error)))
        };
        let unpaired = |name: &str| unpaired(&error(name));
        let failed = unpaired("org.bluez.Error.AuthenticationFailed");
        assert_eq!(failed, Ok(Paired::Unsure("org.bluez.Error.AuthenticationFailed".to_owned())));
        assert_eq!(unpaired("org.bluez.Error.AuthenticationTimeout"), Err(Failure::NoResponse));
        assert_eq!(unpaired("org.bluez.Error.ConnectionAttemptFailed"), Err(Failure::Gone(UNSPECIFIED)));
        assert!(matches!(unpaired("org.freedesktop.DBus.Error.ServiceUnknown"), Err(Failure::Rig(_))));
        assert!(matches!(unpaired("org.bluez.Error.AlreadyExists"), Err(Failure::Hidden(_))));
    }

    #[test]
    fn the_agent_types_what_it_is_given_and_accepts_what_shows_nothing() {
        let call = |method: &str| {
            let mut call =
                Message::new_method_call("org.example", AGENT, "org.bluez.Agent1", method).unwrap();
            call.set_serial(7);
            call
        };
        let (asked, mut asks) = unbounded_channel();
        let (types, typed) = mpsc::channel();
        types.send(123_456).unwrap();
        let reply = answer(&call("RequestPasskey"), &asked, &typed).unwrap();
        assert_eq!((reply.read1::<u32>(), asks.try_recv()), (Ok(123_456), Ok(())));
        let reply = answer(&call("RequestAuthorization"), &asked, &typed).unwrap();
        assert_eq!(reply.msg_type(), MessageType::MethodReturn);
        let reply = answer(&call("RequestPinCode"), &asked, &typed).unwrap();
        assert_eq!(reply.msg_type(), MessageType::Error);
        drop(types);
        let reply = answer(&call("RequestPasskey"), &asked, &typed).unwrap();
        assert_eq!(reply.msg_type(), MessageType::Error, "nobody types any more");
    }
}
