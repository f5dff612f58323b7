//! WAL segments: their names and their size.

use std::fmt;

use super::Lsn;

/// Number of a timeline, from 1 on.
///
/// `PostgreSQL` manual, chapter 26.3.6 "Timelines".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TimelineId(pub u32);

impl TimelineId {
    /// First timeline of every cluster, which does not have a history file.
    pub const FIRST: Self = Self(1);
}

impl fmt::Debug for TimelineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for TimelineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Size of one WAL segment, in bytes: a power of two from 1 MiB to 1 GiB.
///
/// Fixed when the cluster was created (`initdb --wal-segsize`); Barman records it as
/// `xlog_segment_size` in `backup.info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentSize(u32);

/// Number of bytes that is not a possible size of a WAL segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a WAL segment's size is a power of two from 1 MiB to 1 GiB")]
pub struct InvalidSegmentSize;

impl SegmentSize {
    /// Default of `initdb`: 16 MiB.
    pub const DEFAULT: Self = Self(1 << 24);

    /// Largest size that `initdb` accepts: 1 GiB.
    pub const MAX: Self = Self(1 << 30);

    /// Creates a size from a number of bytes.
    ///
    /// # Errors
    /// Returns an error if it is not a power of two from 1 MiB to 1 GiB.
    pub fn new(bytes: u64) -> Result<Self, InvalidSegmentSize> {
        let Ok(bytes) = u32::try_from(bytes) else {
            return Err(InvalidSegmentSize);
        };
        let is_in_range = (1 << 20..=1 << 30).contains(&bytes);
        if is_in_range && bytes.is_power_of_two() {
            Ok(Self(bytes))
        } else {
            Err(InvalidSegmentSize)
        }
    }

    /// Size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0
    }

    /// Number of the segment that holds a position.
    #[must_use]
    pub const fn segment_of(self, position: Lsn) -> u64 {
        position.0 >> self.0.trailing_zeros()
    }

    /// First position of a segment.
    #[must_use]
    pub const fn begin_of(self, number: u64) -> Lsn {
        Lsn(number.saturating_mul(self.0 as u64))
    }

    /// Returns whether a position is the first one of a segment.
    #[must_use]
    pub const fn is_boundary(self, position: Lsn) -> bool {
        position.0.trailing_zeros() >= self.0.trailing_zeros()
    }

    /// Number of segments in a WAL directory, which covers 4 GiB of WAL: the middle part of a
    /// segment's name counts these.
    ///
    /// `XLogSegmentsPerXLogId` in `PostgreSQL`'s `xlog_internal.h`.
    #[must_use]
    pub const fn segments_per_wal_dir(self) -> u32 {
        // 2^32 / 2^k without a number of 33 bits.
        1 << (32 - self.0.trailing_zeros())
    }
}

impl Default for SegmentSize {
    /// Default of `initdb`: 16 MiB.
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Name of a WAL segment: its timeline, the 4 GiB of WAL that contain it, and its number in them.
///
/// Written as 24 upper-case hexadecimal digits, 8 for each (`XLogFileName` in `PostgreSQL`'s
/// `xlog_internal.h`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    /// Timeline that the segment was written on.
    pub timeline: TimelineId,
    /// Number of the 4 GiB of WAL that contain the segment: the upper half of an LSN.
    pub high: u32,
    /// Number of the segment within these 4 GiB, from 0. The [`SegmentSize`] determines the
    /// highest.
    pub low: u32,
}

impl SegmentName {
    /// Reads 24 hexadecimal digits, of either case; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 24 {
            return None;
        }
        Some(Self {
            timeline: TimelineId(parse_hex(text.get(..8)?)?),
            high: parse_hex(text.get(8..16)?)?,
            low: parse_hex(text.get(16..)?)?,
        })
    }

    /// Number of the segment on its timeline; `None` if no segment of this size has such a name.
    ///
    /// Numbers continue from one WAL directory to the next, and from a timeline to the ones that follow
    /// it.
    #[must_use]
    pub fn number(self, size: SegmentSize) -> Option<u64> {
        let segments_per_wal_dir = u64::from(size.segments_per_wal_dir());
        let in_wal_dir = u64::from(self.low);
        if in_wal_dir >= segments_per_wal_dir {
            return None;
        }
        let before_wal_dir = u64::from(self.high) * segments_per_wal_dir;
        Some(before_wal_dir + in_wal_dir)
    }

    /// Name of the segment with this number on a timeline.
    ///
    /// Numbers beyond the last WAL directory, which no WAL reaches, yield that directory.
    #[must_use]
    pub fn from_number(timeline: TimelineId, number: u64, size: SegmentSize) -> Self {
        let segments_per_wal_dir = u64::from(size.segments_per_wal_dir());
        Self {
            timeline,
            high: u32::try_from(number / segments_per_wal_dir).unwrap_or(u32::MAX),
            // A remainder of at most 4095.
            low: u32::try_from(number % segments_per_wal_dir).unwrap_or(u32::MAX),
        }
    }
}

impl fmt::Debug for SegmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:08X}{:08X}{:08X}",
            self.timeline.0, self.high, self.low
        )
    }
}

/// Reads exactly eight hexadecimal digits, of either case.
pub(crate) fn parse_hex(text: &str) -> Option<u32> {
    if text.len() != 8 {
        return None;
    }
    let mut number = 0;
    for byte in text.bytes() {
        let digit = char::from(byte).to_digit(16)?;
        number = number << 4 | digit;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wal_dir_holds_four_gibibytes_of_any_segment_size() {
        let sizes = [(20, 4096), (24, 256), (26, 64), (30, 4)];

        for (exponent, segments) in sizes {
            let size = SegmentSize::new(1 << exponent).unwrap();
            assert_eq!(size.segments_per_wal_dir(), segments);
        }
    }

    #[test]
    fn only_powers_of_two_from_1_mib_to_1_gib_are_segment_sizes() {
        for bytes in [
            0,
            1,
            1 << 19,
            (1 << 24) + 1,
            3 << 20,
            1 << 31,
            1 << 32,
            u64::MAX,
        ] {
            assert_eq!(SegmentSize::new(bytes), Err(InvalidSegmentSize), "{bytes}");
        }
    }

    #[test]
    fn other_lengths_and_signs_are_no_names() {
        for text in [
            "",
            "00000001000000000000000",
            "0000000100000000000000001",
            "+000000100000000000000FF",
        ] {
            assert_eq!(SegmentName::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_name_survives_a_round_trip(timeline: u32, high: u32, segment: u32) {
            let name = SegmentName { timeline: TimelineId(timeline), high, low: segment };
            prop_assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
            prop_assert_eq!(SegmentName::parse(&name.to_string().to_lowercase()), Some(name));
        }

        #[test]
        fn a_number_survives_a_round_trip(high: u32, exponent in 20_u32..=30, segment: u32) {
            let size = SegmentSize::new(1 << exponent).unwrap();
            let name = SegmentName { timeline: TimelineId(1), high, low: segment % size.segments_per_wal_dir() };

            let number = name.number(size).unwrap();

            prop_assert_eq!(SegmentName::from_number(TimelineId(1), number, size), name);
            let first_position = Lsn(number << exponent);
            prop_assert!(size.is_boundary(first_position));
            prop_assert_eq!(size.segment_of(first_position), number);
            prop_assert_eq!(size.segment_of(Lsn(first_position.0 + u64::from(size.bytes()) - 1)), number);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{20,28}") {
            let _ = SegmentName::parse(&text);
        }
    }
}
