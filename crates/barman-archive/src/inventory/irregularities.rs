//! Rare data of WAL directories: most of them have none.
//!
//! `docs/specification.md`, 5.2 and 18.4.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{KindSums, SomeNames, WalObjectKind};
use crate::barman::Compression;
use crate::postgres::{Runs, SegmentSize};

/// Rare data of a WAL directory: most of them have none.
#[derive(Clone, Debug, Default)]
pub struct Irregularities {
    /// Partial segments, by the third part of their names.
    pub partials: BTreeMap<u32, PartialSegment>,
    /// Number of objects beyond the first of their segment.
    pub duplicates: u64,
    /// Number of segments that arrived long after their successor in the WAL directory, because
    /// they were uploaded again. Of several consecutive ones, only the last is detected.
    pub overwritten: u64,
    /// A few of the `overwritten` segments, by the third part of their names.
    pub overwritten_segments: BTreeSet<u32>,
    /// A few of the segments that have several objects.
    pub duplicate_segments: BTreeSet<u32>,
    /// Keys of a few objects that are not WAL files.
    pub foreign_keys: SomeNames,
    /// Keys of a few WAL files in the wrong place.
    pub misplaced_keys: SomeNames,
    /// Number of segment objects in a storage class that cannot be read immediately.
    pub blocked: u64,
    /// Segments for which a restore takes an object that cannot be read immediately.
    pub cold: Runs,
    /// Sizes of the objects that a restore takes.
    pub(super) sizes: Sizes,
    /// Sizes of the objects that a restore does not take.
    pub(super) other_sizes: Sizes,
    /// Segments for which a restore takes an empty object that Barman cannot decompress: the
    /// restore does not find these segments.
    pub not_decompressible: Runs,
    /// Sums of all objects except segments in their place, by kind.
    pub(super) kinds: KindSums,
}

/// Segments, grouped by the size of their objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// Uncompressed segments of a valid segment size, by that size.
    pub(super) uncompressed: BTreeMap<SegmentSize, Runs>,
    /// Segments of an impossible size: empty, or uncompressed and not of a valid segment size.
    impossible: Runs,
    /// Compressed segments that are too large, by the largest segment size for which they are too
    /// large: at least the default size.
    oversized: BTreeMap<SegmentSize, Runs>,
}

/// One partial segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSegment {
    /// Arrival time of the partial segment.
    pub arrived_at: DateTime<Utc>,
    /// Compression of its object; `None` if uncompressed.
    pub compression: Option<Compression>,
    /// Size of its object in bytes.
    pub bytes: u64,
    /// True if it can be read immediately.
    pub is_read_at_once: bool,
    /// True if Barman cannot decompress it: a restore does not find it.
    pub is_not_decompressible: bool,
    /// True if `barman-cloud-wal-restore` takes it although the whole segment is present.
    ///
    /// That tool takes the first object in the order of keys, but skips a partial segment next to a
    /// whole one with the same ending (`_get_wals_to_download` in Barman 3.20's `cloud.py`).
    pub is_preferred: bool,
}

/// Maximum number of segments of one kind that are remembered per WAL directory.
const MAX_SEGMENTS: usize = 20;

/// Maximum number of keys of one kind that are remembered per WAL directory: there are tens of
/// thousands of these.
const MAX_KEYS: usize = 4;

fn add_some(segments: &mut BTreeSet<u32>, segment: u32) {
    if segments.len() < MAX_SEGMENTS {
        segments.insert(segment);
    }
}

/// Maximum size of a compressed segment, in bytes.
///
/// Compression of incompressible data adds a little. Of the codecs that Barman has, Snappy has the
/// highest bound, a sixth (`MaxCompressedLength` in `snappy.cc`); gzip adds 5 bytes to each stored
/// block, bzip2 1 % and 600 bytes, lz4 1/255, zstd 1/256. The limit is generous, to allow for the
/// headers of many frames.
fn largest_compressed(size: SegmentSize) -> u64 {
    let bytes = u64::from(size.bytes());
    bytes + bytes / 6 + (1 << 16)
}

/// Largest segment size for which a compressed segment of this many bytes is too large; `None` if
/// it is small enough for the default size.
pub(super) fn too_large_for(bytes: u64) -> Option<SegmentSize> {
    let mut too_large_for = None;
    let mut size = SegmentSize::DEFAULT;
    while bytes > largest_compressed(size) {
        too_large_for = Some(size);
        let doubled = u64::from(size.bytes()) << 1;
        let Ok(larger) = SegmentSize::new(doubled) else {
            break;
        };
        size = larger;
    }
    too_large_for
}

impl Sizes {
    pub(super) fn add(&mut self, segment: u32, compression: Option<Compression>, bytes: u64) {
        let number = u64::from(segment);
        match (compression, SegmentSize::new(bytes)) {
            (None, Ok(size)) => drop(self.uncompressed.entry(size).or_default().insert(number)),
            (None, Err(_)) => drop(self.impossible.insert(number)),
            (Some(_), _) if bytes == 0 => drop(self.impossible.insert(number)),
            (Some(_), _) => {
                if let Some(size) = too_large_for(bytes) {
                    self.oversized.entry(size).or_default().insert(number);
                }
            }
        }
    }

    /// Segments that no cluster with one of these segment sizes can have; without any size, those
    /// that no cluster can have.
    pub(super) fn wrong(&self, sizes: &BTreeSet<SegmentSize>) -> Runs {
        let mut wrong = self.impossible.clone();
        for (size, segments) in &self.uncompressed {
            let is_other = !sizes.is_empty() && !sizes.contains(size);
            if is_other {
                wrong.insert_all(segments);
            }
        }
        let largest = sizes.last().copied().unwrap_or(SegmentSize::MAX);
        for (_, segments) in self.oversized.range(largest..) {
            wrong.insert_all(segments);
        }
        wrong
    }
}

impl Irregularities {
    /// Counts a segment that has another object.
    pub(super) fn add_duplicate(&mut self, segment: u32) {
        self.duplicates += 1;
        add_some(&mut self.duplicate_segments, segment);
    }

    /// Counts a segment that was uploaded again.
    pub(super) fn add_overwritten(&mut self, segment: u32) {
        self.overwritten += 1;
        add_some(&mut self.overwritten_segments, segment);
    }

    /// Remembers the key of a foreign or misplaced object.
    pub(super) fn name(&mut self, kind: WalObjectKind, key: &str) {
        match kind {
            WalObjectKind::Foreign => self.foreign_keys.add_up_to(key, MAX_KEYS),
            WalObjectKind::Misplaced => self.misplaced_keys.add_up_to(key, MAX_KEYS),
            WalObjectKind::Segment
            | WalObjectKind::Partial
            | WalObjectKind::Label
            | WalObjectKind::History
            | WalObjectKind::Marker => {}
        }
    }
}
