//! What chips print when they start. Only what tools and people look for is here.

use crate::image::NotBootable;
use crate::rom::Chip;

/// Why a chip starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Power came, or the reset pin rose.
    PowerOn,
    /// Software asked for it.
    Software,
    /// A watchdog lost its patience.
    Watchdog,
    /// The supply broke down.
    BrownOut,
}

/// The ROM's first lines.
pub(super) fn rom(chip: Chip, cause: Cause, download: bool) -> String {
    let (build, reset, boot) = match chip {
        Chip::Esp32 => ("ets Jul 29 2019 12:21:46\r\n\r\n", esp32_reset(cause), esp32_boot(download)),
        Chip::Esp32c3 => {
            ("ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n", reset(cause), boot(download))
        }
        Chip::Esp32c6 => ("ESP-ROM:esp32c6-20220919\r\nBuild:Sep 19 2022\r\n", reset(cause), boot(download)),
    };
    let then = if download { "waiting for download\r\n" } else { "SPIWP:0xee\r\nmode:DIO, clock div:2\r\n" };
    format!("{build}rst:{reset},boot:{boot}\r\n{then}")
}

fn esp32_reset(cause: Cause) -> &'static str {
    match cause {
        Cause::PowerOn => "0x1 (POWERON_RESET)",
        Cause::Software => "0xc (SW_CPU_RESET)",
        Cause::Watchdog => "0x10 (RTCWDT_RTC_RESET)",
        Cause::BrownOut => "0xf (RTCWDT_BROWN_OUT_RESET)",
    }
}

fn esp32_boot(download: bool) -> &'static str {
    if download { "0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))" } else { "0x13 (SPI_FAST_FLASH_BOOT)" }
}

fn reset(cause: Cause) -> &'static str {
    match cause {
        Cause::PowerOn => "0x1 (POWERON)",
        Cause::Software => "0x3 (RTC_SW_SYS_RST)",
        Cause::Watchdog => "0x7 (TG0WDT_SYS_RST)",
        Cause::BrownOut => "0xf (RTCWDT_BROWN_OUT_RESET)",
    }
}

fn boot(download: bool) -> &'static str {
    if download { "0x4 (DOWNLOAD(USB/UART0))" } else { "0xc (SPI_FAST_FLASH_BOOT)" }
}

/// What is printed before the watchdog ends a start from flash that holds nothing to boot. The ROM goes on
/// trying; the bootloader gives up once.
pub(super) fn nothing_to_boot(why: &NotBootable) -> String {
    let times = if matches!(why, NotBootable::NoBootloader(_)) { 8 } else { 1 };
    format!("{why}\r\n").repeat(times)
}

/// What the bootloader prints before the application runs.
pub(super) fn application(project: &str, version: &str) -> String {
    format!(
        "I (52) boot: Loaded app from partition at offset 0x10000\r\nI (70) boot: {project} {version}\r\n"
    )
}

/// What an application prints that panics.
pub(super) const PANIC: &str =
    "\r\n====================== PANIC ======================\r\npanicked at boot-loop\r\n";

/// What is printed when the supply breaks down.
pub(super) const BROWN_OUT: &str = "\r\nBrownout detector was triggered\r\n\r\n";
