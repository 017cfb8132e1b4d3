//! gattest's board application on ESP32 chips: bring-up of radio and serial line, then one call into
//! [`app`]. Nothing here decides anything.
#![no_std]
#![no_main]

extern crate alloc;

mod line;

use app::{App, Identity};
use core::cell::Cell;
use embassy_executor::Spawner;
use esp_backtrace as _;
use esp_bootloader_esp_idf::esp_app_desc;
use esp_hal::clock::CpuClock;
use esp_hal::rng::Rng;
use esp_hal::timer::timg::TimerGroup;
use esp_hal::uart::Uart;
#[cfg(not(feature = "esp32"))]
use esp_hal::usb::usb_serial_jtag::UsbSerialJtag;
use esp_println as _;
use esp_radio::ble::controller::BleConnector;
use line::{FromHarness, Socket, ToHarness};

esp_app_desc!();

/// For the attribute table, the link's buffers and the radio's driver.
const HEAP_LEN: usize = 96 * 1024;

#[cfg(feature = "esp32")]
const CHIP: &str = "esp32";
#[cfg(feature = "esp32c3")]
const CHIP: &str = "esp32c3";
#[cfg(feature = "esp32c6")]
const CHIP: &str = "esp32c6";
#[cfg(feature = "esp32h2")]
const CHIP: &str = "esp32h2";
#[cfg(feature = "esp32s3")]
const CHIP: &str = "esp32s3";

#[esp_hal::main]
async fn main(_spawner: Spawner) -> ! {
    let peripherals = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    esp_alloc::heap_allocator!(size: HEAP_LEN);
    esp_rtos::start(TimerGroup::new(peripherals.TIMG0).timer0, peripherals.FROM_CPU_INTR0);

    // The boot text came at 115200 baud; so do the frames.
    let uart = match Uart::new(peripherals.UART0, esp_hal::uart::Config::default()) {
        Ok(uart) => uart.into_async(),
        Err(error) => panic!("UART0: {error:?}"),
    };
    let radio = match BleConnector::new(peripherals.BT, esp_radio::ble::Config::default()) {
        Ok(radio) => radio,
        Err(error) => panic!("radio: {error:?}"),
    };
    let app = App::new(radio, identity());

    let harness = Cell::new(Socket::Uart);
    let (uart_rx, uart_tx) = uart.split();
    #[cfg(not(feature = "esp32"))]
    let (usb_rx, usb_tx) = UsbSerialJtag::new(peripherals.USB_DEVICE).into_async().split();
    let from_harness = FromHarness {
        harness: &harness,
        uart: uart_rx,
        #[cfg(not(feature = "esp32"))]
        usb: usb_rx,
    };
    let to_harness = ToHarness {
        harness: &harness,
        uart: uart_tx,
        #[cfg(not(feature = "esp32"))]
        usb: usb_tx,
    };
    app.run(from_harness, to_harness).await;
    panic!("the application ended");
}

fn identity() -> Identity {
    let mut mac = [0; 6];
    mac.copy_from_slice(esp_hal::efuse::base_mac_address().as_bytes());
    Identity {
        // The flashing tool fills this in after the compiler has seen zeros: it must not be folded.
        app_hash: *core::hint::black_box(&ESP_APP_DESC).app_elf_sha256(),
        chip: CHIP,
        mac,
        nonce: Rng::new().random(),
    }
}
