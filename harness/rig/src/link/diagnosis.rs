//! What console text says about a board that does not answer as it should.

use crate::fault::Fault;

/// How every ROM of these chips begins its boot text's line about the reset.
const RESET: &str = "rst:0x";

/// Whether the text holds the ROM's word that the chip has come out of reset, with the reason.
pub(super) fn is_reset(text: &str) -> bool {
    text.split_once(RESET).is_some_and(|(_, rest)| rest.contains(['\n', ')']))
}

/// Signs that no application will ever answer.
const NO_FIRMWARE: [&str; 2] = ["invalid header: 0x", "No bootable app"];
const IN_LOADER: [&str; 2] = ["waiting for download", "DOWNLOAD("];

/// What [`diagnose`] says of text after which waiting is of no use.
pub(super) fn hopeless(text: &str) -> Option<Fault> {
    let mut signs = NO_FIRMWARE.iter().chain(&IN_LOADER);
    if signs.any(|sign| text.contains(sign)) { diagnose(text) } else { None }
}

/// The cause and the cure that the text gives, if it gives any. The first sign that fits is the deepest one.
pub(super) fn diagnose(text: &str) -> Option<Fault> {
    let resets = text.matches(RESET).count();
    if text.contains("rownout") || text.contains("BROWN") {
        return Some(Fault::new(
            "the board lost power and was reset (brown-out)",
            "use a shorter cable or a powered hub, then run again",
        ));
    }
    if NO_FIRMWARE.iter().any(|sign| text.contains(sign)) {
        return Some(Fault::new(
            "there is no firmware in the board's flash memory",
            "flash it: `gattest flash --board` with its port",
        ));
    }
    if IN_LOADER.iter().any(|sign| text.contains(sign)) {
        return Some(Fault::new(
            "the board is in its ROM loader and runs no application",
            "press its reset button, without the boot button, and run again",
        ));
    }
    if let Some(panic) = last_words(text) {
        let cause = format!("the board's firmware ended: {panic}");
        return Some(Fault::new(cause, "look at its console text for the functions, and report it"));
    }
    match resets {
        0 => None,
        1 => Some(Fault::new(
            format!("the board was reset{}", reason(text)),
            "look at its console text, see that nothing else resets it, then run again",
        )),
        _ => Some(Fault::new(
            format!("the board resets over and over, {resets} times so far{}", reason(text)),
            "flash it anew, and try another cable or a powered hub",
        )),
    }
}

/// The ROM's own word for the reason of the last reset, as in `rst:0x1 (POWERON),boot:0xc`.
fn reason(text: &str) -> String {
    let word = text.rsplit_once(RESET).and_then(|(_, rest)| {
        let (word, _) = rest.split_once('(')?.1.split_once(')')?;
        (word.len() <= 40).then_some(word)
    });
    word.map_or_else(String::new, |word| format!(" ({word})"))
}

/// What a firmware said before it ended, on one line: the place of a panic and its message, or an exception.
fn last_words(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_sign =
        |line: &&str| ["panicked at", "Guru Meditation", "Exception '"].iter().any(|it| line.contains(it));
    let words = match lines.find(is_sign) {
        Some(line) if line.ends_with(':') => format!("{line} {}", lines.next().unwrap_or_default()),
        Some(line) => line.to_owned(),
        None => text.contains("PANIC").then(|| "a panic".to_owned())?,
    };
    Some(words.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str) -> String {
        diagnose(text).unwrap().cause
    }

    #[test]
    fn each_sign_has_its_cause() {
        let boot = "ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n";
        assert_eq!(cause(boot), "the board was reset (POWERON)");
        assert_eq!(cause(&boot.repeat(3)), "the board resets over and over, 3 times so far (POWERON)");
        assert!(cause("rst:0xf (BROWNOUT_RST),boot:0x13").contains("lost power"));
        assert!(cause("Brownout detector was triggered\r\n").contains("lost power"));
        assert!(cause(&format!("{boot}invalid header: 0xffffffff\r\n")).contains("no firmware"));
        assert!(cause("boot:0x5 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n").contains("ROM loader"));
        let panic = "\r\n====================== PANIC ======================\r\n";
        assert_eq!(cause(panic), "the board's firmware ended: a panic");
        let panic = format!("{panic}panicked at src/main.rs:50:9:\r\nUART0\r\n{boot}");
        assert_eq!(cause(&panic), "the board's firmware ended: panicked at src/main.rs:50:9: UART0");
    }

    #[test]
    fn text_without_a_sign_says_nothing() {
        assert_eq!(diagnose(""), None);
        assert_eq!(diagnose("hello\r\nrst: no"), None);
    }
}
