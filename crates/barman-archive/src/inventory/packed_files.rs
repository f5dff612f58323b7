//! Compact encoding of the files of a WAL directory.

use std::slice;

use chrono::DateTime;

use super::WalDirFile;
use crate::barman::WalKind;
use crate::postgres::WalDir;

/// Files of one WAL directory, each encoded as its difference from the one before.
///
/// An archive has millions of segments. Their sizes are rarely needed, and then for one WAL
/// directory at a time. Neighbours have similar sizes and arrival times, so five bytes are enough
/// for most files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackedFiles {
    /// WAL directory of the files.
    wal_dir: WalDir,
    count: u32,
    bytes: Box<[u8]>,
}

/// Iterator over packed files, in their order.
#[derive(Clone, Debug)]
pub(super) struct Unpacking<'a> {
    wal_dir: WalDir,
    bytes: slice::Iter<'a, u8>,
    before: Before,
}

/// Part of the previous file that is needed to decode the next one.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    segment: u32,
    bytes: u64,
    /// Arrival time, in seconds of Unix time.
    seconds: i64,
}

/// Bits of a file's first byte that encode its kind.
const KIND: u8 = 0b11;
const SEGMENT: u8 = 0;
const PARTIAL: u8 = 1;
const LABEL: u8 = 2;
const IS_COLD: u8 = 0b100;
/// Flag of an arrival time with a fraction of a second.
const HAS_FRACTION: u8 = 0b1000;
/// Flag of a segment that directly follows that of the previous file.
const IS_NEXT: u8 = 0b1_0000;
/// Flag of a fraction in milliseconds; otherwise, it is in nanoseconds.
const IN_MILLISECONDS: u8 = 0b10_0000;

const NANOSECONDS_OF_A_MILLISECOND: u32 = 1_000_000;

impl PackedFiles {
    /// Packs files; `None` if there are none, or if one does not belong in a WAL directory.
    pub(super) fn pack(files: &[WalDirFile]) -> Option<Self> {
        let wal_dir = files.iter().find_map(|file| wal_dir_of(file.kind))?;
        let mut bytes = Vec::with_capacity(files.len() * 6);
        let mut before = Before::default();
        for file in files {
            if wal_dir_of(file.kind) != Some(wal_dir) {
                return None;
            }
            let kind = PackedKind::of(file.kind)?;
            before = push(&mut bytes, file, kind, before);
        }
        let count = u32::try_from(files.len()).ok()?;
        Some(Self {
            wal_dir,
            count,
            bytes: bytes.into_boxed_slice(),
        })
    }

    /// Returns the number of files.
    pub(super) const fn len(&self) -> usize {
        self.count as usize
    }

    /// Returns the memory that they take, in bytes.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    /// Returns the files, in the order in which they were packed.
    pub(super) fn unpack(&self) -> Unpacking<'_> {
        Unpacking {
            wal_dir: self.wal_dir,
            bytes: self.bytes.iter(),
            before: Before::default(),
        }
    }
}

fn wal_dir_of(kind: WalKind) -> Option<WalDir> {
    match kind {
        WalKind::Segment(name) | WalKind::Partial(name) | WalKind::Label(name, _) => {
            Some(name.into())
        }
        WalKind::History(_) | WalKind::Foreign => None,
    }
}

/// Kind of a file, as it is packed.
#[derive(Clone, Copy)]
struct PackedKind {
    /// Kind, in the bits of [`KIND`].
    bits: u8,
    /// Offset in the name of a backup label; `None` for other files.
    offset: Option<u32>,
}

impl PackedKind {
    /// Returns `None` for a file that does not belong in a WAL directory.
    fn of(kind: WalKind) -> Option<Self> {
        match kind {
            WalKind::Segment(_) => Some(Self {
                bits: SEGMENT,
                offset: None,
            }),
            WalKind::Partial(_) => Some(Self {
                bits: PARTIAL,
                offset: None,
            }),
            WalKind::Label(_, offset) => Some(Self {
                bits: LABEL,
                offset: Some(offset),
            }),
            WalKind::History(_) | WalKind::Foreign => None,
        }
    }
}

/// Appends a file.
fn push(bytes: &mut Vec<u8>, file: &WalDirFile, kind: PackedKind, before: Before) -> Before {
    let seconds = file.arrived_at.timestamp();
    let nanoseconds = file.arrived_at.timestamp_subsec_nanos();
    let is_next = before.segment.checked_add(1) == Some(file.segment);
    let in_milliseconds = nanoseconds.is_multiple_of(NANOSECONDS_OF_A_MILLISECOND);
    let mut first = kind.bits;
    if !file.is_read_at_once {
        first |= IS_COLD;
    }
    if nanoseconds > 0 {
        first |= HAS_FRACTION;
    }
    if in_milliseconds {
        first |= IN_MILLISECONDS;
    }
    if is_next {
        first |= IS_NEXT;
    }
    bytes.push(first);
    if !is_next {
        push_number(bytes, u64::from(file.segment));
    }
    if let Some(offset) = kind.offset {
        push_number(bytes, u64::from(offset));
    }
    push_difference(bytes, file.bytes.wrapping_sub(before.bytes).cast_signed());
    push_difference(bytes, seconds.wrapping_sub(before.seconds));
    if nanoseconds > 0 {
        let unit = if in_milliseconds {
            NANOSECONDS_OF_A_MILLISECOND
        } else {
            1
        };
        push_number(bytes, u64::from(nanoseconds / unit));
    }
    Before {
        segment: file.segment,
        bytes: file.bytes,
        seconds,
    }
}

/// Appends a number in groups of seven bits, the lowest first.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Appends a difference: small ones take few bytes, whatever their sign.
fn push_difference(bytes: &mut Vec<u8>, difference: i64) {
    push_number(
        bytes,
        ((difference << 1) ^ (difference >> 63)).cast_unsigned(),
    );
}

impl Unpacking<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(number)
    }

    fn difference(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

impl Iterator for Unpacking<'_> {
    type Item = WalDirFile;

    fn next(&mut self) -> Option<WalDirFile> {
        let first = *self.bytes.next()?;
        let segment = if first & IS_NEXT == 0 {
            u32::try_from(self.number()?).ok()?
        } else {
            self.before.segment.checked_add(1)?
        };
        let name = self.wal_dir.segment(segment);
        let kind = match first & KIND {
            SEGMENT => WalKind::Segment(name),
            PARTIAL => WalKind::Partial(name),
            _ => WalKind::Label(name, u32::try_from(self.number()?).ok()?),
        };
        let bytes = self
            .before
            .bytes
            .wrapping_add(self.difference()?.cast_unsigned());
        let seconds = self.before.seconds.wrapping_add(self.difference()?);
        let fraction = if first & HAS_FRACTION == 0 {
            0
        } else {
            self.number()?
        };
        let unit = if first & IN_MILLISECONDS == 0 {
            1
        } else {
            NANOSECONDS_OF_A_MILLISECOND
        };
        self.before = Before {
            segment,
            bytes,
            seconds,
        };
        let nanoseconds = u32::try_from(fraction).ok()?.checked_mul(unit)?;
        let arrived_at = DateTime::from_timestamp(seconds, nanoseconds)?;
        Some(WalDirFile {
            kind,
            segment,
            bytes,
            arrived_at,
            is_read_at_once: first & IS_COLD == 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::postgres::{SegmentName, TimelineId};

    fn file(segment: u32, kind: u8, bytes: u64, nanoseconds: i64, is_cold: bool) -> WalDirFile {
        let name = SegmentName {
            timeline: TimelineId(7),
            high: 9,
            low: segment,
        };
        WalDirFile {
            kind: match kind {
                0 => WalKind::Segment(name),
                1 => WalKind::Partial(name),
                _ => WalKind::Label(name, segment ^ 0x28),
            },
            segment,
            bytes,
            arrived_at: DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(nanoseconds),
            is_read_at_once: !is_cold,
        }
    }

    #[test]
    fn most_segments_take_few_bytes() {
        let hour = 3_600_000_000_000;
        let files: Vec<_> = (0_u32..256)
            .map(|number| {
                let bytes = 4_000_000 + u64::from(number) * 7919 % 1_000_000;
                let milliseconds = i64::from(number) * 81 % 1000 * 1_000_000;
                file(
                    number,
                    0,
                    bytes,
                    i64::from(number) * hour / 120 + milliseconds,
                    false,
                )
            })
            .collect();

        let packed = PackedFiles::pack(&files).unwrap();

        assert!(packed.size() < 6 * 256 + 64, "{}", packed.size());
        assert_eq!(packed.len(), 256);
        assert!(packed.unpack().eq(files));
    }

    #[test]
    fn files_of_two_directories_are_not_packed() {
        let mut other = file(1, 0, 5, 0, false);
        other.kind = WalKind::Segment(SegmentName {
            timeline: TimelineId(8),
            high: 9,
            low: 1,
        });

        assert_eq!(PackedFiles::pack(&[file(0, 0, 5, 0, false), other]), None);
        assert_eq!(PackedFiles::pack(&[]), None);
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_as_it_went_in(
            files in proptest::collection::vec(
                (any::<u32>(), 0_u8..3, any::<u64>(), any::<i64>(), any::<bool>()), 1..60,
            ),
            in_a_row in any::<bool>(),
        ) {
            let files: Vec<_> = files
                .into_iter()
                .zip(0..)
                .map(|((segment, kind, bytes, nanoseconds, is_cold), place)| {
                    file(if in_a_row { place } else { segment }, kind, bytes, nanoseconds, is_cold)
                })
                .collect();
            let packed = PackedFiles::pack(&files).unwrap();

            prop_assert_eq!(packed.unpack().collect::<Vec<_>>(), files);
        }
    }
}
