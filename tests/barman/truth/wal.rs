//! Names of WAL files, and positions in the WAL, read without the program's own code.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// Size of a segment here, in bytes: the smallest that PostgreSQL allows.
pub(crate) const SEGMENT_SIZE: u64 = 1 << 20;

const SEGMENTS_PER_WAL_DIR: u64 = (1 << 32) / SEGMENT_SIZE;

/// Segment by its timeline and its number, which continues from one WAL directory to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) timeline: u32,
    pub(crate) number: u64,
}

impl Segment {
    /// Reads a name of 24 hexadecimal digits; `None` for any other name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.len() != 24 || !is_hex {
            return None;
        }
        let part = |from: usize| u64::from_str_radix(name.get(from..from + 8)?, 16).ok();
        let timeline = u32::try_from(part(0)?).ok()?;
        Some(Self {
            timeline,
            number: part(8)? * SEGMENTS_PER_WAL_DIR + part(16)?,
        })
    }

    /// Reads the name of a `.partial` file; `None` for any other name.
    pub(crate) fn parse_partial(name: &str) -> Option<Self> {
        Self::parse(name.strip_suffix(".partial")?)
    }
}

impl Display for Segment {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (wal_dir, low) = (
            self.number / SEGMENTS_PER_WAL_DIR,
            self.number % SEGMENTS_PER_WAL_DIR,
        );
        write!(formatter, "{:08X}{wal_dir:08X}{low:08X}", self.timeline)
    }
}

/// Reads the timeline in the name of a history file; `None` for any other name.
pub(crate) fn history_timeline(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".history")?;
    let number = Some(number).filter(|number| number.len() == 8)?;
    u32::from_str_radix(number, 16).ok()
}

/// Position in the WAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Lsn(pub(crate) u64);

impl Lsn {
    /// Reads PostgreSQL's form, such as `0/7000028`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        let number = |half: &str| u64::from_str_radix(half, 16).ok();
        Some(Self((number(high)? << 32) + number(low)?))
    }

    /// Number of the segment that holds the byte at this position.
    pub(crate) fn segment(self) -> u64 {
        self.0 / SEGMENT_SIZE
    }

    /// Distance from the start of its segment.
    pub(crate) fn offset(self) -> u64 {
        self.0 % SEGMENT_SIZE
    }
}

impl Display for Lsn {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = "00000002000000010000000A";

        let segment = Segment::parse(name).unwrap();

        assert_eq!(
            segment,
            Segment {
                timeline: 2,
                number: 4096 + 10
            }
        );
        assert_eq!(segment.to_string(), name);
        assert_eq!(Segment::parse("00000002.history"), None);
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let lsn = Lsn::parse("1/7000028").unwrap();

        assert_eq!((lsn.segment(), lsn.offset()), (4096 + 0x70, 0x28));
        assert_eq!(lsn.to_string(), "1/7000028");
    }
}
