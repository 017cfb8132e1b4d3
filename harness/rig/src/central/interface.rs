//! What the driver asks of a central, whatever it is made of.

use super::{Address, Choice, ConnectError, Database, Encryption, Failure, Keys, Paired, Pushed, Target};
use crate::fault::Fault;
use conformance::observation::AdField;
use conformance::scenario::Push;
use embassy_time::Duration;

/// A central with at most one link. Attributes are named by the handles of the [`Database`] that this central's own
/// discovery gave; where the operating system shows none, they are numbers in its place.
///
/// What only a central with PDUs of its own can do is refused by default. No plan that needs it comes here:
/// [`crate::drive::skip_reason`] holds it back.
#[expect(async_fn_in_trait, reason = "a bench is polled by one thread: no future has to move to another")]
pub trait Central {
    /// Makes the adapter ready for a new scenario.
    ///
    /// # Errors
    /// The adapter cannot be used.
    async fn init(&self) -> Result<(), Fault>;

    /// Looks for the one device that fits.
    ///
    /// # Errors
    /// The bench broke.
    async fn choose(&self, target: Target, deadline: Duration) -> Result<Choice, Fault>;

    /// Scans until the device advertises what `fits`, and gives that; after `deadline` gives what it
    /// advertised last, and `None` when it was not heard. The flag says whether it fitted.
    ///
    /// # Errors
    /// The bench broke.
    async fn watch(
        &self,
        _target: Target,
        _deadline: Duration,
        _fits: impl Fn(&[AdField]) -> bool,
    ) -> Result<(Option<Vec<AdField>>, bool), Fault> {
        Err(cannot("see advertisements as they are"))
    }

    /// Scans until `address` advertises, and connects to it.
    ///
    /// # Errors
    /// [`ConnectError`]; each of the two waits has `deadline`.
    async fn connect(&self, address: Address, deadline: Duration) -> Result<(), ConnectError>;

    /// Ends the link and waits until it has ended, whoever ended it.
    ///
    /// # Errors
    /// The adapter does not end it.
    async fn disconnect(&self) -> Result<(), Fault>;

    /// As [`Self::disconnect`], at the scenario's end: nothing of the device is remembered.
    ///
    /// # Errors
    /// The adapter does not end it.
    async fn part(&self) -> Result<(), Fault> {
        self.disconnect().await
    }

    /// It encrypts each new link to the device that it has paired with, unasked.
    fn encrypts_by_itself(&self) -> bool {
        false
    }

    /// Why the link ended, if it has: an HCI error code (Core Vol 1 Part F 1.3).
    fn gone(&self) -> Option<u8>;

    /// Waits until the link has ended, and gives the reason; `None` when it has not within `deadline`.
    ///
    /// # Errors
    /// The bench broke.
    async fn wait_gone(&self, deadline: Duration) -> Result<Option<u8>, Fault>;

    /// Discovers everything.
    ///
    /// # Errors
    /// [`Failure`]; an error code other than the one that ends a discovery is [`Failure::Att`].
    async fn discover(&self) -> Result<Database, Failure>;

    /// Reads a value or a descriptor: as much of it as one response holds, where it is a request of its own.
    ///
    /// # Errors
    /// [`Failure`].
    async fn read(&self, handle: u16) -> Result<Vec<u8>, Failure>;

    /// Reads a value to its end.
    ///
    /// # Errors
    /// [`Failure`].
    async fn read_long(&self, handle: u16) -> Result<Vec<u8>, Failure>;

    /// Bytes that fit into one write.
    fn room(&self) -> usize;

    /// Writes a value or a descriptor, and waits for the answer.
    ///
    /// # Errors
    /// [`Failure`].
    async fn write(&self, handle: u16, value: &[u8]) -> Result<(), Failure>;

    /// Writes without an answer.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    async fn write_command(&self, handle: u16, value: &[u8]) -> Result<(), Failure>;

    /// Writes values of any length: one by itself, or several that become valid as one.
    ///
    /// # Errors
    /// [`Failure`].
    async fn write_prepared(&self, writes: &[(u16, &[u8])]) -> Result<(), Failure>;

    /// Makes the CCCD at `cccd`, of the value at `value`, hold `bits`.
    ///
    /// # Errors
    /// [`Failure`].
    async fn subscribe(&self, value: u16, cccd: u16, bits: u16) -> Result<(), Failure>;

    /// Exchanges the MTU and gives the one that results.
    ///
    /// # Errors
    /// [`Failure`].
    async fn exchange_mtu(&self, size: u16) -> Result<u16, Failure>;

    /// Takes all notifications and indications that wait, in the order of their arrival.
    fn take_pushes(&self) -> Vec<Pushed>;

    /// Takes the first push of this kind; `None` when none comes within `deadline`.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    async fn next_push(&self, kind: Push, deadline: Duration) -> Result<Option<Pushed>, Failure>;

    /// How many indications have come on this link.
    fn indications(&self) -> u32;

    /// How many of them have been confirmed.
    fn confirmed(&self) -> u32;

    /// Waits until what the adapter has received so far is here.
    ///
    /// # Errors
    /// The adapter is silent.
    async fn catch_up(&self) -> Result<(), Fault>;

    /// Waits until what the device queued before this call is here, without a word from its board: asks it something
    /// that changes nothing. `device_name` is the handle of the GAP service's Device Name, where it shows one;
    /// `after_read`: a Read Response may be under way that must not be taken for the answer. Gives the PDUs that
    /// nobody asked for.
    ///
    /// # Errors
    /// [`Failure`].
    async fn fence(&self, device_name: Option<u16>, after_read: bool) -> Result<Vec<Vec<u8>>, Failure>;

    /// True from a request until its answer: also when the wait was given up.
    fn is_waiting(&self) -> bool;

    /// The last PDU that was sent on this link was a request, and its answer is here; or there was none.
    fn is_answered(&self) -> bool;

    /// Shows that a silence is the device's own.
    ///
    /// # Errors
    /// It may as well be the adapter's.
    async fn vouch(&self) -> Result<(), Fault>;

    /// From now on, [`Self::was_pushed_early`] speaks of the first request behind this call.
    fn begin_step(&self) {}

    /// A notification or indication came after the step's first request and before its response.
    fn was_pushed_early(&self) -> bool {
        false
    }

    /// Takes the rules that the device broke outside of any request, and PDUs that nobody asked for.
    fn take_breaches(&self) -> Vec<String> {
        Vec::new()
    }

    /// Responses that have arrived and that no request waits for.
    fn take_unasked(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Whether indications of this handle are confirmed by themselves, as they are from the start of
    /// each connection.
    fn set_confirm(&self, _handle: u16, _confirm: bool) {}

    /// Takes notifications of several values from now on; until then they are unasked PDUs.
    fn take_multiple(&self) {}

    /// Sends a PDU that nothing answers.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    async fn send(&self, _pdu: &[u8]) -> Result<(), Failure> {
        Err(cannot("send PDUs of a scenario's own making").into())
    }

    /// Sends a request and leaves the response PDU in `response`, whatever it is.
    ///
    /// # Errors
    /// [`Failure`].
    async fn transact(&self, _request: &[u8], _response: &mut Vec<u8>) -> Result<(), Failure> {
        Err(cannot("send PDUs of a scenario's own making").into())
    }

    /// Sends requests without waiting for one another, and leaves in `responses` what comes for them, in order.
    ///
    /// # Errors
    /// [`Failure`].
    async fn pipeline(&self, _requests: &[&[u8]], _responses: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        Err(cannot("send PDUs of a scenario's own making").into())
    }

    /// Takes note of an MTU exchange made with PDUs of the scenario's own making.
    fn set_mtu(&self, _mtu: u16) {}

    /// The address that a bond of this central holds.
    ///
    /// # Errors
    /// It has no bonds of a scenario's making.
    fn identity(&self) -> Result<Address, Fault> {
        Err(cannot("make bonds with given keys"))
    }

    /// Takes the keys of a new bond in the place of those of an old one. They outlast connections.
    ///
    /// # Errors
    /// It has no bonds of a scenario's making.
    fn set_keys(&self, _keys: Keys) -> Result<(), Fault> {
        Err(cannot("make bonds with given keys"))
    }

    /// Pairs, and keeps the bond. `seed` draws what this central makes up; `passkey` gives the number to type, once
    /// the device wants one.
    ///
    /// # Errors
    /// [`Failure`].
    async fn pair(
        &self,
        _seed: u64,
        _passkey: impl AsyncFn() -> Result<u32, Fault>,
    ) -> Result<Paired, Failure> {
        Err(cannot("pair when told to").into())
    }

    /// Encrypts the link with the bond's key, or anew if it is encrypted already.
    ///
    /// # Errors
    /// [`Failure`].
    async fn encrypt(&self) -> Result<Encryption, Failure> {
        Err(cannot("encrypt a link when told to").into())
    }

    /// One Signed Write Command, with the next counter of the bond.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    async fn write_signed(&self, _handle: u16, _value: &[u8]) -> Result<(), Failure> {
        Err(cannot("sign writes").into())
    }
}

fn cannot(what: &str) -> Fault {
    Fault::new(format!("this central cannot {what}"), "run the scenario with an adapter: --central att:...")
}
