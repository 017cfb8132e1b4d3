//! How a board is named.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which board is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardSpec {
    /// The only one there is.
    Auto,
    /// The one at this port.
    Port(PathBuf),
    /// A virtual one, beside this machine's own Bluetooth stack.
    Virtual,
    /// The one with this MAC address, most significant byte first.
    Mac([u8; 6]),
}

impl FromStr for BoardSpec {
    type Err = std::convert::Infallible;

    /// `auto`, `virtual`, six bytes with colons between them, or else a port.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match (text, parse_mac(text)) {
            ("auto", _) => Self::Auto,
            ("virtual", _) => Self::Virtual,
            (_, Some(mac)) => Self::Mac(mac),
            _ => Self::Port(PathBuf::from(text)),
        })
    }
}

pub(super) fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let byte = |part: &str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok())?;
    let bytes: Vec<u8> = text.split([':', '-']).map(byte).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// A MAC address as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_name_a_board_is_read() {
        let spec = |text: &str| text.parse::<BoardSpec>().unwrap();
        assert_eq!(spec("auto"), BoardSpec::Auto);
        assert_eq!(spec("virtual"), BoardSpec::Virtual);
        assert_eq!(spec("60:55:F9:01:23:ab"), BoardSpec::Mac([0x60, 0x55, 0xF9, 0x01, 0x23, 0xAB]));
        assert_eq!(spec("/dev/ttyUSB0"), BoardSpec::Port("/dev/ttyUSB0".into()));
        assert_eq!(spec("60:55:F9:01:23"), BoardSpec::Port("60:55:F9:01:23".into()));
        assert_eq!(Mac([0x60, 0x55, 0xF9, 0x01, 0x23, 0xAB]).to_string(), "60:55:f9:01:23:ab");
    }
}
