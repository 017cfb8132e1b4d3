//! The serial line to the harness: UART0 behind a bridge and, where the chip has it, its own USB. The
//! harness is where the latest bytes came from, so one image serves both sockets of a board, and
//! nothing waits for a USB host that does not read.

use core::cell::Cell;
use core::convert::Infallible;
use embedded_io_async::{ErrorType, Read, Write};
use esp_hal::Async;
use esp_hal::uart::{UartRx, UartTx};

#[cfg(not(feature = "esp32"))]
use embassy_futures::select::{Either, select};
#[cfg(not(feature = "esp32"))]
use embassy_time::{Duration, with_timeout};
#[cfg(not(feature = "esp32"))]
use esp_hal::usb::usb_serial_jtag::{UsbSerialJtagRx, UsbSerialJtagTx};

/// A USB host that reads takes a packet within milliseconds; one that has not done so for this long reads no more.
#[cfg(not(feature = "esp32"))]
const USB_DEADLINE: Duration = Duration::from_secs(1);

/// Where the harness is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// UART0.
    Uart,
    /// USB-Serial-JTAG.
    #[cfg(not(feature = "esp32"))]
    Usb,
}

/// From the harness.
pub(crate) struct FromHarness<'a> {
    pub(crate) harness: &'a Cell<Socket>,
    pub(crate) uart: UartRx<'a, Async>,
    #[cfg(not(feature = "esp32"))]
    pub(crate) usb: UsbSerialJtagRx<'a, Async>,
}

/// To the harness.
pub(crate) struct ToHarness<'a> {
    pub(crate) harness: &'a Cell<Socket>,
    pub(crate) uart: UartTx<'a, Async>,
    #[cfg(not(feature = "esp32"))]
    pub(crate) usb: UsbSerialJtagTx<'a, Async>,
}

impl ErrorType for FromHarness<'_> {
    type Error = Infallible;
}

impl Read for FromHarness<'_> {
    /// A damaged byte or an overrun damages a frame, which its CRC shows; the line goes on.
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            #[cfg(feature = "esp32")]
            let (socket, len) = (Socket::Uart, self.uart.read_async(buf).await.unwrap_or(0));
            #[cfg(not(feature = "esp32"))]
            let (socket, len) = {
                // Each has a buffer of its own: both reads are under way.
                let mut from_usb = [0; 64];
                let room = from_usb.len().min(buf.len());
                match select(self.uart.read_async(buf), Read::read(&mut self.usb, &mut from_usb[..room]))
                    .await
                {
                    Either::First(read) => (Socket::Uart, read.unwrap_or(0)),
                    Either::Second(read) => {
                        let len = read.unwrap_or(0);
                        buf[..len].copy_from_slice(&from_usb[..len]);
                        (Socket::Usb, len)
                    }
                }
            };
            if len > 0 {
                self.harness.set(socket);
                return Ok(len);
            }
        }
    }
}

impl ErrorType for ToHarness<'_> {
    type Error = Infallible;
}

impl Write for ToHarness<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        match self.harness.get() {
            Socket::Uart => Ok(self.uart.write_async(buf).await.unwrap_or(buf.len())),
            #[cfg(not(feature = "esp32"))]
            Socket::Usb => {
                // What cannot be written is lost, and the harness sees the gap. A host that has gone without a word
                // holds nothing up: until it speaks again, what there is to say goes to the other socket.
                if with_timeout(USB_DEADLINE, Write::write(&mut self.usb, buf)).await.is_err() {
                    self.harness.set(Socket::Uart);
                }
                Ok(buf.len())
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        match self.harness.get() {
            Socket::Uart => drop(self.uart.flush_async().await),
            #[cfg(not(feature = "esp32"))]
            Socket::Usb => drop(with_timeout(USB_DEADLINE, Write::flush(&mut self.usb)).await),
        }
        Ok(())
    }
}
