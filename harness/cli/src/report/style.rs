//! Colours and units of the terminal. Colours are dropped where the output is no terminal and where
//! `NO_COLOR` is set; the words never depend on them.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use conformance::spelling::turns_text;
use conformance::verdict::Verdict;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default();
pub(super) const QUIET: Style = Style::new().dimmed();

/// A verdict's mark, four characters so that results stay aligned, and its colour.
pub(super) fn mark(verdict: &Verdict) -> (&'static str, Style) {
    let (word, colour) = self::verdict(verdict);
    let mark = match verdict {
        Verdict::Inconclusive(_) => "????",
        Verdict::ExpectedFailure(..) => "fail",
        _ => word,
    };
    (mark, colour)
}

/// A verdict's word, and its colour.
pub(super) fn verdict(verdict: &Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => ("pass", GOOD),
        Verdict::Fail(_) => ("FAIL", BAD),
        Verdict::ExpectedFailure(..) => ("known failure", QUIET),
        Verdict::Inconclusive(_) => ("inconclusive", UNSURE),
        Verdict::Skipped(_) => ("skip", QUIET),
    }
}

/// Text from a scenario or a device with its control characters written out (`\\u{1b}`), and those that reverse the
/// direction of writing, so that it can neither colour nor move what is around it. Line feeds stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| (c.is_control() && c != '\n') || turns_text(c);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Microseconds as milliseconds, or as seconds from one second on.
pub(crate) fn duration(us: u64) -> String {
    let tenths = |unit: u64| {
        let rounded = us.saturating_add(unit / 20) / (unit / 10);
        format!("{}.{}", rounded / 10, rounded % 10)
    };
    if us < 999_950 { format!("{} ms", tenths(1_000)) } else { format!("{} s", tenths(1_000_000)) }
}

/// Microseconds as seconds with two decimals, or as milliseconds where those would show too little.
pub(super) fn seconds(us: u64) -> String {
    if us < 10_000 {
        return duration(us);
    }
    let hundredths = us.saturating_add(5_000) / 10_000;
    format!("{}.{:02} s", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(visible("a\u{1B}[31m\tb\r\n\u{9B}\u{202E}"), "a\\u{1b}[31m\\tb\\r\n\\u{9b}\\u{202e}");
        assert!(matches!(visible("\u{e9} ok\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn durations_are_rounded_to_one_tenth() {
        assert_eq!(duration(0), "0.0 ms");
        assert_eq!(duration(412), "0.4 ms");
        assert_eq!(duration(450), "0.5 ms");
        assert_eq!(duration(999_949), "999.9 ms");
        assert_eq!(duration(999_950), "1.0 s");
        assert_eq!(duration(30_040_000), "30.0 s");
        assert_eq!(seconds(1_949), "1.9 ms");
        assert_eq!(seconds(124_999), "0.12 s");
        assert_eq!(seconds(u64::MAX / 2), "9223372036854.78 s");
    }
}
