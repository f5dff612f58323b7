//! What few log directories have anything of.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::barman::Compression;
use crate::postgres::{Runs, SegmentSize};

use super::{KindSums, SomeNames, WalObjectKind};

/// What few logs have anything of.
#[derive(Clone, Debug, Default)]
pub struct Rarities {
    /// The partial segments, by the third part of their names.
    pub partials: BTreeMap<u32, PartialSegment>,
    /// Objects beyond the first of their segment.
    pub duplicates: u64,
    /// Segments that arrived long after the one that follows them in the log: uploaded once more.
    /// Of several in a row only the last one shows.
    pub overwritten: u64,
    /// A few of those segments, by the third part of their names.
    pub overwritten_segments: BTreeSet<u32>,
    /// A few of the segments that have several objects.
    pub duplicate_segments: BTreeSet<u32>,
    /// Keys of a few objects that are no WAL files.
    pub foreign_keys: SomeNames,
    /// Keys of a few WAL files that lie in the wrong place.
    pub misplaced_keys: SomeNames,
    /// Objects of segments in a storage class that cannot be read at once.
    pub blocked: u64,
    /// The segments of which a restore takes such an object.
    pub cold: Runs,
    /// Sizes of the objects that a restore takes.
    pub(super) sizes: Sizes,
    /// Sizes of the others.
    pub(super) other_sizes: Sizes,
    /// Segments of which a restore takes an empty object that Barman cannot decompress: it finds
    /// none.
    pub not_decompressible: Runs,
    /// All objects but segments in their place, by what they are.
    pub(super) kinds: KindSums,
}

/// Segments by what the sizes of their objects say.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// Uncompressed segments, by a size that segments can have.
    pub(super) uncompressed: BTreeMap<SegmentSize, Runs>,
    /// Segments of a size that none can have: empty, or uncompressed and of no segment's size.
    impossible: Runs,
    /// Compressed segments that are too large, by the largest segment size for which they are: that
    /// default one at least.
    oversized: BTreeMap<SegmentSize, Runs>,
}

/// One partial segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSegment {
    /// When it arrived.
    pub arrived_at: DateTime<Utc>,
    /// How it is compressed.
    pub compression: Option<Compression>,
    /// Size of its object in bytes.
    pub bytes: u64,
    /// Whether it can be read at once.
    pub is_read_at_once: bool,
    /// Whether Barman cannot decompress it: a restore finds none.
    pub is_not_decompressible: bool,
    /// Whether `barman-cloud-wal-restore` takes it though the whole segment is there.
    ///
    /// That takes the first object in the order of keys, but for a partial segment beside a whole one
    /// with the same ending (`_get_wals_to_download` in Barman 3.20's `cloud.py`).
    pub is_preferred: bool,
}

/// The most numbers of segments of one kind that are remembered of one log.
const MOST_SEGMENTS: usize = 20;

/// The most keys of one kind that are remembered of one log: there are tens of thousands of logs.
const MOST_KEYS: usize = 4;

fn add_some(segments: &mut BTreeSet<u32>, segment: u32) {
    if segments.len() < MOST_SEGMENTS {
        segments.insert(segment);
    }
}

/// The most bytes that a compressed segment can have.
///
/// Compression of what cannot be compressed adds a little. Of the codecs that Barman has, Snappy adds
/// most by its bound, a sixth (`MaxCompressedLength` in `snappy.cc`); gzip adds 5 bytes to each stored
/// block, bzip2 1 % and 600 bytes, lz4 1/255, zstd 1/256. Generous, for headers of many frames.
fn largest_compressed(size: SegmentSize) -> u64 {
    let bytes = u64::from(size.bytes());
    bytes + bytes / 6 + (1 << 16)
}

/// The largest segment size for which a compressed segment of these bytes is too large; `None` where
/// it is small enough for the default one.
pub(super) fn too_large_for(bytes: u64) -> Option<SegmentSize> {
    let default = u64::from(SegmentSize::DEFAULT.bytes());
    let larger = (0..).map_while(|doublings| SegmentSize::new(default << doublings).ok());
    larger.take_while(|size| bytes > largest_compressed(*size)).last()
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

    /// Those that no cluster with segments of one of these sizes can have; without any size, those
    /// that no cluster can have.
    pub(super) fn wrong(&self, sizes: &BTreeSet<SegmentSize>) -> Runs {
        let is_other = |size: &SegmentSize| !sizes.is_empty() && !sizes.contains(size);
        let largest = sizes.last().copied().unwrap_or(SegmentSize::MAX);
        let others = self.uncompressed.iter().filter(|(size, _)| is_other(size));
        let oversized = self.oversized.range(largest..);
        let mut wrong = self.impossible.clone();
        let runs = others.chain(oversized).flat_map(|(_, segments)| segments.iter());
        runs.for_each(|run| wrong.insert_run(run));
        wrong
    }
}

impl Rarities {
    /// Counts a segment that has another object.
    pub(super) fn add_duplicate(&mut self, segment: u32) {
        self.duplicates += 1;
        add_some(&mut self.duplicate_segments, segment);
    }

    /// Counts a segment that was uploaded once more.
    pub(super) fn add_overwritten(&mut self, segment: u32) {
        self.overwritten += 1;
        add_some(&mut self.overwritten_segments, segment);
    }

    /// Remembers the key of an object that is not as it should be.
    pub(super) fn name(&mut self, kind: WalObjectKind, key: &str) {
        match kind {
            WalObjectKind::Foreign => self.foreign_keys.add_up_to(key, MOST_KEYS),
            WalObjectKind::Misplaced => self.misplaced_keys.add_up_to(key, MOST_KEYS),
            WalObjectKind::Segment
            | WalObjectKind::Partial
            | WalObjectKind::Label
            | WalObjectKind::History
            | WalObjectKind::Marker => {}
        }
    }
}
