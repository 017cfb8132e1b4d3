//! The system's stack as the driver sees it.

#[cfg(target_os = "linux")]
use super::super::Paired;
use super::super::{Address, Central, Choice, ConnectError, Database, Failure, Pushed, Target};
use super::BtleplugCentral;
use crate::fault::Fault;
use btleplug::api::WriteType;
use conformance::scenario::Push;
use embassy_time::Duration;

/// Longest attribute value in bytes (Core Vol 3 Part F 3.2.9): the system cuts it into requests by itself.
const VALUE_LIMIT: usize = 512;

impl Central for BtleplugCentral<'_> {
    async fn init(&self) -> Result<(), Fault> {
        self.check_power().await
    }

    async fn choose(&self, target: Target, deadline: Duration) -> Result<Choice, Fault> {
        self.look(target, deadline).await
    }

    async fn connect(&self, address: Address, deadline: Duration) -> Result<(), ConnectError> {
        self.connect_to(address, deadline).await
    }

    async fn disconnect(&self) -> Result<(), Fault> {
        self.end().await
    }

    async fn part(&self) -> Result<(), Fault> {
        self.paired.set(false);
        self.end().await
    }

    #[cfg(target_os = "linux")]
    async fn pair(
        &self,
        _seed: u64,
        passkey: impl AsyncFn() -> Result<u32, Fault>,
    ) -> Result<Paired, Failure> {
        self.pair_device(passkey).await
    }

    /// The system encrypts each link to a device that it has paired with.
    fn encrypts_by_itself(&self) -> bool {
        self.paired.get()
    }

    fn gone(&self) -> Option<u8> {
        self.ended()
    }

    async fn wait_gone(&self, deadline: Duration) -> Result<Option<u8>, Fault> {
        Ok(self.until_ended(deadline).await)
    }

    async fn discover(&self) -> Result<Database, Failure> {
        self.database().await
    }

    async fn read(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        self.read_attribute(handle).await
    }

    async fn read_long(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        self.read_attribute(handle).await
    }

    fn room(&self) -> usize {
        VALUE_LIMIT
    }

    async fn write(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.write_attribute(handle, value, WriteType::WithResponse).await
    }

    async fn write_command(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.write_attribute(handle, value, WriteType::WithoutResponse).await
    }

    async fn write_prepared(&self, writes: &[(u16, &[u8])]) -> Result<(), Failure> {
        match writes {
            [(handle, value)] => self.write_attribute(*handle, value, WriteType::WithResponse).await,
            _ => Err(Failure::Rig(Fault::new(
                "this central cannot write several values as one",
                "run the scenario with an adapter: --central att:...",
            ))),
        }
    }

    async fn subscribe(&self, value: u16, cccd: u16, bits: u16) -> Result<(), Failure> {
        self.write_cccd(value, cccd, bits).await
    }

    /// The system has done it, with a size of its own, when it connected.
    async fn exchange_mtu(&self, size: u16) -> Result<u16, Failure> {
        self.agreed_mtu(size)
    }

    fn take_pushes(&self) -> Vec<Pushed> {
        self.all_pushes()
    }

    async fn next_push(&self, kind: Push, deadline: Duration) -> Result<Option<Pushed>, Failure> {
        self.first_push(kind, deadline).await
    }

    fn indications(&self) -> u32 {
        self.indications_seen()
    }

    /// The system confirms each by itself.
    fn confirmed(&self) -> u32 {
        self.indications_seen()
    }

    async fn catch_up(&self) -> Result<(), Fault> {
        match self.pass_fence().await {
            Err(Failure::Rig(fault)) => Err(fault),
            Err(Failure::NoResponse) => self.vouch().await,
            // A link that has ended is seen by whoever asks for its end.
            _ => Ok(()),
        }
    }

    async fn fence(&self, _device_name: Option<u16>, _after_read: bool) -> Result<Vec<Vec<u8>>, Failure> {
        self.pass_fence().await?;
        #[cfg(target_os = "linux")]
        self.check_unpaired().await?;
        Ok(Vec::new())
    }

    fn is_waiting(&self) -> bool {
        self.waiting.get()
    }

    fn is_answered(&self) -> bool {
        self.answered.get() && !self.waiting.get()
    }

    /// The system does not tell a silent device from an adapter that has sent it nothing.
    async fn vouch(&self) -> Result<(), Fault> {
        Err(Fault::new(
            "no answer came, and the system does not say whether the device was silent or was never asked",
            "see that the device still runs, then run again; --central att:... tells the two apart",
        ))
    }
}
