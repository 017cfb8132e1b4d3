//! Reads of one characteristic through the operating system's stack, with nothing around them: what the harness's own
//! reads are measured against.
//!
//! `bare_reads NAME UUID COUNT` connects to the device that advertises NAME, reads the characteristic with this 16-bit
//! UUID in hexadecimal COUNT times, and prints the microseconds that the reads took.

use btleplug::api::bleuuid::uuid_from_u16;
use btleplug::api::{Central as _, Manager as _, Peripheral as _, ScanFilter};
use btleplug::platform::{Adapter, Manager, Peripheral};
use std::error::Error;
use std::future::poll_fn;
use std::time::{Duration, Instant};

const FIND_DEADLINE: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

#[expect(clippy::print_stdout, reason = "a program of its own, whose result is a line")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, uuid, count] = arguments.as_slice() else { return Err("bare_reads NAME UUID COUNT".into()) };
    let (uuid, count) = (uuid_from_u16(u16::from_str_radix(uuid, 16)?), count.parse::<u32>()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let taken = runtime.block_on(async {
        let adapters = Manager::new().await?.adapters().await?;
        let adapter = adapters.into_iter().next().ok_or("no adapter")?;
        let device = found(&adapter, name).await?;
        device.connect().await?;
        device.discover_services().await?;
        let characteristics = device.characteristics();
        let wanted = characteristics.iter().find(|it| it.uuid == uuid).ok_or("no such characteristic")?;
        let began = Instant::now();
        for _ in 0..count {
            device.read(wanted).await?;
        }
        let taken = began.elapsed();
        device.disconnect().await?;
        Ok::<_, Box<dyn Error>>(taken)
    })?;
    println!("{}", taken.as_micros());
    Ok(())
}

async fn found(adapter: &Adapter, name: &str) -> Result<Peripheral, Box<dyn Error>> {
    let mut events = adapter.events().await?;
    adapter.start_scan(ScanFilter::default()).await?;
    let began = Instant::now();
    while began.elapsed() < FIND_DEADLINE {
        for device in adapter.peripherals().await? {
            let properties = device.properties().await?.unwrap_or_default();
            if properties.rssi.is_some() && properties.advertisement_name.as_deref() == Some(name) {
                adapter.stop_scan().await?;
                return Ok(device);
            }
        }
        // Either the next event or the time: both are reasons to look again.
        let _woken =
            tokio::time::timeout(LOOK_INTERVAL, poll_fn(|context| events.as_mut().poll_next(context))).await;
    }
    Err(format!("{name} was not seen").into())
}
