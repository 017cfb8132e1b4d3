//! Our own central as the driver sees it.

use super::{
    Address, AttCentral, Central, Choice, ConnectError, Database, Encryption, Failure, Keys, Paired, Pushed,
    Target,
};
use crate::fault::Fault;
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use conformance::observation::AdField;
use conformance::scenario::Push;
use embassy_time::Duration;
use std::convert::Infallible;

/// Opcode and handle of a write.
const WRITE_HEADER_LEN: usize = 3;
/// Answered by every server with an Error Response, should it show no Device Name.
const NO_HANDLE: u16 = 0xFFFF;

impl<T> Central for AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    async fn init(&self) -> Result<(), Fault> {
        self.init().await
    }

    async fn choose(&self, target: Target, deadline: Duration) -> Result<Choice, Fault> {
        self.choose(target, deadline).await
    }

    async fn watch(
        &self,
        target: Target,
        deadline: Duration,
        fits: impl Fn(&[AdField]) -> bool,
    ) -> Result<(Option<Vec<AdField>>, bool), Fault> {
        self.watch(target, deadline, fits).await
    }

    async fn connect(&self, address: Address, deadline: Duration) -> Result<(), ConnectError> {
        self.connect(address, deadline).await
    }

    async fn disconnect(&self) -> Result<(), Fault> {
        self.disconnect().await
    }

    fn gone(&self) -> Option<u8> {
        self.gone()
    }

    async fn wait_gone(&self, deadline: Duration) -> Result<Option<u8>, Fault> {
        self.wait_gone(deadline).await
    }

    async fn discover(&self) -> Result<Database, Failure> {
        self.discover().await
    }

    async fn read(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        self.read(handle).await
    }

    async fn read_long(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        self.read_long(handle).await
    }

    fn room(&self) -> usize {
        usize::from(self.mtu()) - WRITE_HEADER_LEN
    }

    async fn write(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.write(handle, value).await
    }

    async fn write_command(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.write_command(handle, value).await
    }

    async fn write_prepared(&self, writes: &[(u16, &[u8])]) -> Result<(), Failure> {
        self.write_prepared(writes).await
    }

    async fn subscribe(&self, _value: u16, cccd: u16, bits: u16) -> Result<(), Failure> {
        self.write(cccd, &bits.to_le_bytes()).await
    }

    async fn exchange_mtu(&self, size: u16) -> Result<u16, Failure> {
        self.exchange_mtu(size).await
    }

    fn take_pushes(&self) -> Vec<Pushed> {
        self.take_pushes()
    }

    async fn next_push(&self, kind: Push, deadline: Duration) -> Result<Option<Pushed>, Failure> {
        self.next_push(kind, deadline).await
    }

    fn indications(&self) -> u32 {
        self.indications()
    }

    fn confirmed(&self) -> u32 {
        self.confirmed()
    }

    async fn catch_up(&self) -> Result<(), Fault> {
        self.catch_up().await
    }

    async fn fence(&self, device_name: Option<u16>, after_read: bool) -> Result<Vec<Vec<u8>>, Failure> {
        let [low, high] = device_name.unwrap_or(NO_HANDLE).to_le_bytes();
        let request: &[u8] = if after_read { &[0x04, low, high, low, high] } else { &[0x0A, low, high] };
        self.fence(request).await
    }

    fn is_waiting(&self) -> bool {
        self.is_waiting()
    }

    fn is_answered(&self) -> bool {
        self.is_answered()
    }

    async fn vouch(&self) -> Result<(), Fault> {
        self.vouch().await
    }

    fn begin_step(&self) {
        self.begin_step();
    }

    fn was_pushed_early(&self) -> bool {
        self.was_pushed_early()
    }

    fn take_breaches(&self) -> Vec<String> {
        self.take_breaches()
    }

    fn take_unasked(&self) -> Vec<Vec<u8>> {
        self.take_unasked()
    }

    fn set_confirm(&self, handle: u16, confirm: bool) {
        self.set_confirm(handle, confirm);
    }

    fn take_multiple(&self) {
        self.take_multiple();
    }

    async fn send(&self, pdu: &[u8]) -> Result<(), Failure> {
        self.send(pdu).await
    }

    async fn transact(&self, request: &[u8], response: &mut Vec<u8>) -> Result<(), Failure> {
        self.transact(request, response).await
    }

    async fn pipeline(&self, requests: &[&[u8]], responses: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        self.pipeline(requests, responses).await
    }

    fn set_mtu(&self, mtu: u16) {
        self.set_mtu(mtu);
    }

    fn identity(&self) -> Result<Address, Fault> {
        Ok(self.address())
    }

    fn set_keys(&self, keys: Keys) -> Result<(), Fault> {
        self.set_keys(keys);
        Ok(())
    }

    async fn pair(
        &self,
        seed: u64,
        passkey: impl AsyncFn() -> Result<u32, Fault>,
    ) -> Result<Paired, Failure> {
        self.pair(seed, passkey).await
    }

    async fn encrypt(&self) -> Result<Encryption, Failure> {
        self.encrypt().await
    }

    async fn write_signed(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.write_signed(handle, value).await
    }
}
