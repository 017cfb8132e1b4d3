//! Pairing as the initiator, by LE Secure Connections: just works, or the passkey that the device shows
//! (Core Vol 3 Part H 2.3.5.6). There is no older pairing here: every host since 4.2 has this one.

mod crypto;

use super::l2cap::CID_SMP;
use super::{Address, AttCentral, Encryption, Failure, Keys, Link, not_connected};
use crate::fault::Fault;
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use crypto::{Block, KeyPair, Party, Point, f4, f5, f6};
use embassy_time::Duration;
use std::convert::Infallible;

/// Core Vol 3 Part H 3.4.
const PAIRING_TIMEOUT: Duration = Duration::from_millis(conformance::plan::PAIRING_MS as u64);
/// Codes of the Security Manager Protocol (Core Vol 3 Part H 3.3).
const REQUEST: u8 = 0x01;
const RESPONSE: u8 = 0x02;
const CONFIRM: u8 = 0x03;
const RANDOM: u8 = 0x04;
const FAILED: u8 = 0x05;
const SECURITY_REQUEST: u8 = 0x0B;
const PUBLIC_KEY: u8 = 0x0C;
const CHECK: u8 = 0x0D;
/// Reasons of Pairing Failed (Core Vol 3 Part H 3.5.5).
const CONFIRM_VALUE_FAILED: u8 = 0x04;
const CHECK_FAILED: u8 = 0x0B;
const KEY_SIZE_TOO_SHORT: u8 = 0x06;
/// Input and output (Core Vol 3 Part H 2.3.2).
const DISPLAY_YES_NO: u8 = 0x01;
const KEYBOARD_ONLY: u8 = 0x02;
const NO_INPUT_NO_OUTPUT: u8 = 0x03;
const KEYBOARD_DISPLAY: u8 = 0x04;
/// Bits of AuthReq: bonding, protection against a man in the middle, Secure Connections (Core Vol 3 Part H 3.5.1).
const BONDING: u8 = 0x01;
const MITM: u8 = 0x04;
const SECURE_CONNECTIONS: u8 = 0x08;
/// Bytes of the longest and the shortest key (Core Vol 3 Part H 2.3.4).
const LONGEST_KEY: u8 = 16;
const SHORTEST_KEY: u8 = 7;
/// One bit of the passkey each (Core Vol 3 Part H 2.3.5.6.3).
const ROUNDS: u32 = 20;

/// What this central says of itself: keys to type on, no display, and it asks for everything there is.
const OWN: [u8; 6] = [KEYBOARD_ONLY, 0, BONDING | MITM | SECURE_CONNECTIONS, LONGEST_KEY, 0, 0];

/// How pairing has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paired {
    /// The link is encrypted with the new key.
    Yes,
    /// One of the two has ended it.
    No,
    /// An operating system says in these words that it failed, and not whether the device had a part in it.
    Unsure(String),
}

/// What ends a pairing before its time.
enum Stop {
    /// The device has said that it failed.
    Failed,
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failure(Failure::Rig(fault))
    }
}

/// A PDU that cannot be.
fn malformed(what: &str) -> Stop {
    Stop::Failure(Failure::Malformed(format!("pairing: {what}")))
}

/// What both sides have once the nonces are exchanged.
struct Exchanged {
    own_nonce: Block,
    nonce: Block,
    /// The passkey, or zero.
    typed: Block,
}

fn party(address: Address) -> Party {
    let [a, b, c, d, e, f] = address.bytes;
    [u8::from(address.random), f, e, d, c, b, a]
}

fn reversed<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let mut reversed = *bytes;
    reversed.reverse();
    reversed
}

/// AuthReq, out of band data, input and output, as check values hold them.
fn capabilities([io, oob, auth_req, ..]: [u8; 6]) -> [u8; 3] {
    [auth_req, oob, io]
}

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Pairs, and keeps the key of the bond. `seed` draws key and nonces; `passkey` gives the number to type, once the
    /// device wants one.
    ///
    /// # Errors
    /// [`Failure::NoResponse`] when the device says nothing for 30 s, [`Failure::Malformed`] when it breaks the
    /// protocol, the link has ended, or the bench broke.
    pub async fn pair(
        &self,
        seed: u64,
        passkey: impl AsyncFn() -> Result<u32, Fault>,
    ) -> Result<Paired, Failure> {
        self.check_up()?;
        self.state.borrow_mut().pairing = Some(std::collections::VecDeque::new());
        let made = self.make_key(&mut fastrand::Rng::with_seed(seed), passkey).await;
        self.state.borrow_mut().pairing = None;
        let ltk = match made {
            Ok(ltk) => ltk,
            Err(Stop::Failed) => return Ok(Paired::No),
            Err(Stop::Failure(failure)) => return Err(failure),
        };
        self.set_keys(Keys::new(ltk, None));
        match self.encrypt().await? {
            Encryption::On => Ok(Paired::Yes),
            Encryption::Refused(_) => {
                self.forget_keys();
                Ok(Paired::No)
            }
        }
    }

    /// The long term key, least significant byte first.
    async fn make_key(
        &self,
        rng: &mut fastrand::Rng,
        passkey: impl AsyncFn() -> Result<u32, Fault>,
    ) -> Result<Block, Stop> {
        self.say(REQUEST, &OWN).await?;
        let features: [u8; 6] = self.hear(RESPONSE).await?;
        let [io, _, auth_req, key_size, ..] = features;
        if auth_req & SECURE_CONNECTIONS == 0 {
            let cause = "the device does not pair by LE Secure Connections, and this central by nothing else";
            return Err(Fault::new(cause, "pair through the system's stack: --central btleplug").into());
        }
        if !(SHORTEST_KEY..=LONGEST_KEY).contains(&key_size) {
            self.say(FAILED, &[KEY_SIZE_TOO_SHORT]).await?;
            return Err(malformed(&format!("a key of {key_size} bytes at most")));
        }
        let pair = KeyPair::draw(rng);
        let own_key = pair.public();
        self.say(PUBLIC_KEY, &[reversed(&own_key.0), reversed(&own_key.1)].concat()).await?;
        let key: [u8; 64] = self.hear(PUBLIC_KEY).await?;
        let key = point(&key);
        let Some(secret) = pair.secret(&key) else {
            self.say(FAILED, &[CHECK_FAILED]).await?;
            return Err(malformed("a public key that is no point of the curve, or this central's own"));
        };
        let exchanged = match io {
            NO_INPUT_NO_OUTPUT => self.just_works(rng, &own_key, &key).await?,
            KEYBOARD_ONLY => {
                let cause = "the device has keys and no display, and so has this central";
                return Err(Fault::new(cause, "give the device a display, or neither").into());
            }
            0 | DISPLAY_YES_NO | KEYBOARD_DISPLAY => {
                self.passkey(rng, &own_key, &key, passkey().await?).await?
            }
            _ => return Err(malformed(&format!("input and output 0x{io:02X}"))),
        };
        let (own_address, address) = {
            let state = self.state.borrow();
            (party(state.own), party(state.peer))
        };
        let Exchanged { own_nonce, nonce, typed } = exchanged;
        let (check_key, ltk) = f5(&secret, [&own_nonce, &nonce], [&own_address, &address]);
        let check = f6(&check_key, [&own_nonce, &nonce], &typed, capabilities(OWN), [&own_address, &address]);
        self.say(CHECK, &reversed(&check)).await?;
        let expected =
            f6(&check_key, [&nonce, &own_nonce], &typed, capabilities(features), [&address, &own_address]);
        if reversed(&self.hear(CHECK).await?) != expected {
            self.say(FAILED, &[CHECK_FAILED]).await?;
            return Err(malformed("a check value that does not fit"));
        }
        let mut ltk = reversed(&ltk);
        ltk.iter_mut().skip(usize::from(key_size)).for_each(|byte| *byte = 0);
        Ok(ltk)
    }

    /// Core Vol 3 Part H 2.3.5.6.2.
    async fn just_works(
        &self,
        rng: &mut fastrand::Rng,
        own_key: &Point,
        key: &Point,
    ) -> Result<Exchanged, Stop> {
        let own_nonce = draw(rng);
        let confirm = reversed(&self.hear(CONFIRM).await?);
        self.say(RANDOM, &reversed(&own_nonce)).await?;
        let nonce = reversed(&self.hear(RANDOM).await?);
        if f4(&key.0, &own_key.0, &nonce, 0) != confirm {
            self.say(FAILED, &[CONFIRM_VALUE_FAILED]).await?;
            return Err(malformed("a confirm value that does not fit"));
        }
        Ok(Exchanged { own_nonce, nonce, typed: [0; 16] })
    }

    /// Core Vol 3 Part H 2.3.5.6.3.
    async fn passkey(
        &self,
        rng: &mut fastrand::Rng,
        own_key: &Point,
        key: &Point,
        passkey: u32,
    ) -> Result<Exchanged, Stop> {
        let mut typed = [0; 16];
        if let Some(low) = typed.last_chunk_mut() {
            *low = passkey.to_be_bytes();
        }
        let mut exchanged = Exchanged { own_nonce: [0; 16], nonce: [0; 16], typed };
        for round in 0..ROUNDS {
            let bit = if passkey >> round & 1 == 1 { 0x81 } else { 0x80 };
            let own_nonce = draw(rng);
            self.say(CONFIRM, &reversed(&f4(&own_key.0, &key.0, &own_nonce, bit))).await?;
            let confirm = reversed(&self.hear(CONFIRM).await?);
            self.say(RANDOM, &reversed(&own_nonce)).await?;
            let nonce = reversed(&self.hear(RANDOM).await?);
            if f4(&key.0, &own_key.0, &nonce, bit) != confirm {
                // It may have shown another passkey.
                self.say(FAILED, &[CONFIRM_VALUE_FAILED]).await?;
                return Err(Stop::Failed);
            }
            (exchanged.own_nonce, exchanged.nonce) = (own_nonce, nonce);
        }
        Ok(exchanged)
    }

    async fn say(&self, code: u8, parameters: &[u8]) -> Result<(), Stop> {
        Ok(self.send_frame(CID_SMP, &[&[code], parameters].concat()).await?)
    }

    /// The next PDU, which must have this code and so many bytes behind it.
    async fn hear<const N: usize>(&self, code: u8) -> Result<[u8; N], Stop> {
        loop {
            let pdu = self.next_smp_pdu().await?;
            match pdu.split_first() {
                // It may ask before it has read the request.
                Some((&SECURITY_REQUEST, [_])) => {}
                Some((&FAILED, [_])) => return Err(Stop::Failed),
                Some((&got, parameters)) if got == code && parameters.len() == N => {
                    return parameters.try_into().map_err(|_| malformed("a PDU of another length"));
                }
                _ => {
                    let shown = crate::hex::spaced(pdu.get(..pdu.len().min(8)).unwrap_or_default());
                    return Err(malformed(&format!(
                        "a PDU of {} bytes, {shown}.., where one of {} with code 0x{code:02X} is due",
                        pdu.len(),
                        N + 1
                    )));
                }
            }
        }
    }

    async fn next_smp_pdu(&self) -> Result<Vec<u8>, Failure> {
        let next = self.within(PAIRING_TIMEOUT, |state| {
            if let Some(pdu) = state.pairing.as_mut().and_then(|queue| queue.pop_front()) {
                return Some(Ok(pdu));
            }
            match state.link {
                Link::Up(_) => None,
                Link::Down(reason) | Link::Failed(reason) => Some(Err(Failure::Gone(reason))),
                Link::Idle => Some(Err(Failure::Rig(not_connected()))),
            }
        });
        next.await?.unwrap_or(Err(Failure::NoResponse))
    }
}

fn draw(rng: &mut fastrand::Rng) -> Block {
    rng.u128(..).to_be_bytes()
}

/// The coordinates of a key as it comes, each least significant byte first.
fn point(bytes: &[u8; 64]) -> Point {
    let mut point = ([0; 32], [0; 32]);
    let (x, y) = bytes.split_at(32);
    point.0.copy_from_slice(x);
    point.1.copy_from_slice(y);
    (reversed(&point.0), reversed(&point.1))
}
