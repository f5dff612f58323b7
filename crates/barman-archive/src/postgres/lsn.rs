//! Positions in the WAL.

use std::fmt;
use std::str::FromStr;

/// Position in the WAL, in bytes from its start.
///
/// Written as two hexadecimal numbers of 32 bits each, `16/B374D848` (`PostgreSQL` manual, chapter
/// 8.20 "`pg_lsn` Type").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lsn(pub u64);

/// Text that is not a WAL position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a WAL position has the form `16/B374D848`")]
pub struct InvalidLsn;

impl FromStr for Lsn {
    type Err = InvalidLsn;

    fn from_str(text: &str) -> Result<Self, InvalidLsn> {
        let (high, low) = text.split_once('/').ok_or(InvalidLsn)?;
        let high = u64::from(half(high)?);
        let low = u64::from(half(low)?);
        Ok(Self(high << 32 | low))
    }
}

/// Reads one to eight hexadecimal digits; `from_str_radix` alone would accept a sign.
fn half(text: &str) -> Result<u32, InvalidLsn> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digits || text.is_empty() || text.len() > 8 {
        return Err(InvalidLsn);
    }
    u32::from_str_radix(text, 16).map_err(|_| InvalidLsn)
}

impl fmt::Debug for Lsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_position_is_high_and_low_half() {
        assert_eq!("16/B374D848".parse(), Ok(Lsn(0x16_B374_D848)));
    }

    #[test]
    fn signs_and_long_numbers_are_no_positions() {
        for text in [
            "",
            "/",
            "1",
            "1/",
            "+1/2",
            "1/-2",
            "123456789/0",
            "1/2/3",
            "g/0",
        ] {
            assert_eq!(text.parse::<Lsn>(), Err(InvalidLsn), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_position_survives_a_round_trip(position: u64) {
            prop_assert_eq!(Lsn(position).to_string().parse(), Ok(Lsn(position)));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = text.parse::<Lsn>();
        }
    }
}
