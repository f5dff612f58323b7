//! WAL directories, into which segments are archived.

use std::fmt;

use super::{SegmentName, TimelineId, parse_hex};

/// WAL directory of a timeline: 4 GiB of WAL, whose segments share the first 16 digits of their
/// names.
///
/// `barman-cloud-wal-archive` puts them into a directory of this name below `wals/`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WalDir {
    /// Timeline that the segments were written on.
    pub timeline: TimelineId,
    /// Number of the 4 GiB of WAL: the upper half of an LSN.
    pub high: u32,
}

impl WalDir {
    /// Reads 16 hexadecimal digits in upper case, as Barman names directories; `None` for any other
    /// text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let has_lower_case = text.bytes().any(|byte| byte.is_ascii_lowercase());
        if has_lower_case || text.len() != 16 {
            return None;
        }
        Some(Self {
            timeline: TimelineId(parse_hex(text.get(..8)?)?),
            high: parse_hex(text.get(8..)?)?,
        })
    }

    /// Name of one of its segments, given by the third part of the name.
    #[must_use]
    pub const fn segment(self, segment: u32) -> SegmentName {
        SegmentName {
            timeline: self.timeline,
            high: self.high,
            low: segment,
        }
    }
}

impl From<SegmentName> for WalDir {
    fn from(name: SegmentName) -> Self {
        Self {
            timeline: name.timeline,
            high: name.high,
        }
    }
}

impl fmt::Debug for WalDir {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for WalDir {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08X}{:08X}", self.timeline.0, self.high)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_16_digits_in_upper_case_name_a_wal_dir() {
        for text in [
            "",
            "000000010000000",
            "00000001000000000",
            "000000010000000a",
            "+000000100000000",
        ] {
            assert_eq!(WalDir::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_name_survives_a_round_trip(timeline: u32, high: u32) {
            let name = WalDir { timeline: TimelineId(timeline), high };
            prop_assert_eq!(WalDir::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{12,20}") {
            let _ = WalDir::parse(&text);
        }
    }
}
