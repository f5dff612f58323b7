//! Inventory of one WAL directory.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use smallvec::SmallVec;

use super::irregularities::too_large_for;
use super::wal_dir_files::{Packing, WalDirFiles};
use super::{
    Intervals, Irregularities, ListedObject, PartialSegment, SomeObjects, Sums, Usage, WalDirFile,
    WalObjectKind,
};
use crate::barman::{Compression, WalKind, WalObject};
use crate::postgres::{Run, Runs, SegmentSize};

/// Content of one WAL directory: the segments of 4 GiB of WAL, and any other objects.
///
/// An archive has tens of thousands of them. So data that most of them have is stored in the
/// structure itself, rare data in a box, and little else on the heap once the files are forgotten.
#[derive(Clone, Debug, Default)]
pub struct WalDirInventory {
    /// Present segments, by the third part of their names.
    pub segments: Runs,
    /// Usage of all objects.
    pub usage: Usage,
    /// Earliest and latest arrival time of a segment.
    pub arrivals: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Start of the last listing; `None` while it runs.
    pub listed_at: Option<DateTime<Utc>>,
    /// Times from one arrival to the next, between consecutive segments.
    pub intervals: Intervals,
    /// Arrival times of the first and last segment of each run, in the order of the segments.
    edges: SmallVec<[(u32, DateTime<Utc>); 2]>,
    /// Uncompressed segments of the same size as the first of them, if that is a valid segment
    /// size, by the object that a restore takes.
    uncompressed: Option<(SegmentSize, Runs)>,
    irregularities: Option<Box<Irregularities>>,
    files: WalDirFiles,
}

static NO_IRREGULARITIES: LazyLock<Irregularities> = LazyLock::new(Irregularities::default);

/// Delay after its successor beyond which a segment must have been uploaded again.
///
/// Several segments are archived at once (`wal.maxParallel` of CloudNativePG), so neighbours arrive
/// in any order, but not an hour apart.
const OUT_OF_ORDER: TimeDelta = TimeDelta::hours(1);

/// Returns whether Barman fails to decompress an object of this size: some formats must not be empty.
fn is_not_decompressible(compression: Option<Compression>, bytes: u64) -> bool {
    match compression {
        Some(compression) => bytes == 0 && !compression.takes_nothing_for_empty(),
        None => false,
    }
}

impl WalDirInventory {
    /// Adds one object of the directory.
    pub(super) fn add(&mut self, wal: WalObject, kind: WalObjectKind, object: &ListedObject) {
        self.usage.add_object(object);
        if kind != WalObjectKind::Segment {
            let irregularities = self.irregularities_mut();
            irregularities.kinds.add_object(kind, object.size);
            irregularities.name(kind, &object.key);
        }
        let segment = match (kind, wal.kind) {
            (WalObjectKind::Segment, WalKind::Segment(name)) => {
                self.add_segment(name.low, wal.compression, object);
                name.low
            }
            (WalObjectKind::Partial, WalKind::Partial(name)) => {
                self.add_partial(name.low, wal.compression, object);
                name.low
            }
            (WalObjectKind::Label, WalKind::Label(name, _)) => name.low,
            _ => return,
        };
        self.files.push(WalDirFile {
            kind: wal.kind,
            segment,
            bytes: object.size,
            arrived_at: object.last_modified,
            is_read_at_once: object.is_read_at_once(),
        });
    }

    fn add_segment(
        &mut self,
        segment: u32,
        compression: Option<Compression>,
        object: &ListedObject,
    ) {
        let at = object.last_modified;
        let (earliest, latest) = self.arrivals.unwrap_or((at, at));
        self.arrivals = Some((earliest.min(at), latest.max(at)));
        if !object.is_read_at_once() {
            self.irregularities_mut().blocked += 1;
        }
        if !self.segments.insert(u64::from(segment)) {
            // A restore takes the first object, whatever this one is.
            let irregularities = self.irregularities_mut();
            irregularities
                .other_sizes
                .add(segment, compression, object.size);
            irregularities.add_duplicate(segment);
            return;
        }
        if !object.is_read_at_once() {
            self.irregularities_mut().cold.insert(u64::from(segment));
        }
        self.note_size(segment, compression, object.size);
        if let Some(irregularities) = &mut self.irregularities
            && let Some(partial) = irregularities.partials.get_mut(&segment)
        {
            // The partial segment comes first in the order of keys.
            partial.is_preferred = partial.compression != compression;
        }
        self.note_order(segment, object.last_modified);
        self.note_edge(segment, object.last_modified);
    }

    fn add_partial(
        &mut self,
        segment: u32,
        compression: Option<Compression>,
        object: &ListedObject,
    ) {
        let partial = PartialSegment {
            arrived_at: object.last_modified,
            compression,
            bytes: object.size,
            is_read_at_once: object.is_read_at_once(),
            is_not_decompressible: is_not_decompressible(compression, object.size),
            is_preferred: false,
        };
        self.irregularities_mut()
            .partials
            .entry(segment)
            .or_insert(partial);
    }

    /// Compares the arrival time of a segment with those of its neighbours, which were edges until
    /// it was added.
    fn note_order(&mut self, segment: u32, arrived_at: DateTime<Utc>) {
        if let Some(before) = segment.checked_sub(1)
            && let Some(at) = self.edge(before)
            && at - arrived_at > OUT_OF_ORDER
        {
            self.irregularities_mut().add_overwritten(before);
        }
        if let Some(after) = segment.checked_add(1)
            && let Some(at) = self.edge(after)
            && arrived_at - at > OUT_OF_ORDER
        {
            self.irregularities_mut().add_overwritten(segment);
        }
    }

    fn edge(&self, segment: u32) -> Option<DateTime<Utc>> {
        let index = self
            .edges
            .binary_search_by_key(&segment, |(edge, _)| *edge)
            .ok()?;
        let (_, at) = self.edges.get(index)?;
        Some(*at)
    }

    /// Rare data of the WAL directory; empty for most.
    #[must_use]
    pub fn irregularities(&self) -> &Irregularities {
        self.irregularities.as_deref().unwrap_or(&NO_IRREGULARITIES)
    }

    fn irregularities_mut(&mut self) -> &mut Irregularities {
        self.irregularities.get_or_insert_default()
    }

    /// Adds a segment to the edges, and removes those that now lie between two others of their run.
    fn note_edge(&mut self, segment: u32, arrived_at: DateTime<Utc>) {
        if let Some(newest) = self.edges.last_mut()
            && newest.0.checked_add(1) == Some(segment)
            && newest
                .0
                .checked_sub(1)
                .is_some_and(|before| self.segments.contains(before.into()))
        {
            // The run continues, as in nearly every WAL directory.
            *newest = (segment, arrived_at);
            return;
        }
        let index = self.edges.partition_point(|(other, _)| *other < segment);
        self.edges.insert(index, (segment, arrived_at));
        let around = segment.saturating_sub(1)..=segment.saturating_add(1);
        let segments = &self.segments;
        let has = |other: Option<u32>| other.is_some_and(|other| segments.contains(other.into()));
        self.edges.retain(|(edge, _)| {
            let is_inner = has(edge.checked_sub(1)) && has(edge.checked_add(1));
            !(around.contains(edge) && is_inner)
        });
    }

    /// Earliest arrival time of a segment at the start or end of a run; `None` without segments.
    #[must_use]
    pub fn earliest_arrival(&self) -> Option<DateTime<Utc>> {
        self.edges.iter().map(|(_, at)| *at).min()
    }

    /// Arrival time of a segment; `None` if it is no longer known. It is always known for the first
    /// and last segment of a run.
    #[must_use]
    pub fn arrived_at(&self, segment: u32) -> Option<DateTime<Utc>> {
        if let Some(at) = self.edge(segment) {
            return Some(at);
        }
        for file in self.segment_files()? {
            if file.segment == segment {
                return Some(file.arrived_at);
            }
        }
        None
    }

    /// Last segment and its arrival time; with `since`, the last of those that arrived since that
    /// moment, as far as their arrival times are known.
    #[must_use]
    pub fn last_arrival(&self, since: Option<DateTime<Utc>>) -> Option<(u32, DateTime<Utc>)> {
        let Some(since) = since else {
            return self.edges.last().copied();
        };
        let mut last: Option<(u32, DateTime<Utc>)> = None;
        for file in self.segment_files().into_iter().flatten() {
            let is_later = last.is_none_or(|(segment, _)| file.segment >= segment);
            if is_later && file.arrived_at >= since {
                last = Some((file.segment, file.arrived_at));
            }
        }
        let edge = self.edges.iter().copied().rfind(|(_, at)| *at >= since);
        last.into_iter()
            .chain(edge)
            .max_by_key(|(segment, _)| *segment)
    }

    fn note_size(&mut self, segment: u32, compression: Option<Compression>, bytes: u64) {
        let number = u64::from(segment);
        match (compression, SegmentSize::new(bytes)) {
            (None, Ok(size)) => {
                let (first, segments) = self.uncompressed.get_or_insert((size, Runs::default()));
                if *first == size {
                    segments.insert(number);
                } else {
                    self.irregularities_mut()
                        .sizes
                        .add(segment, compression, bytes);
                }
            }
            (Some(_), _) if bytes > 0 && too_large_for(bytes).is_none() => {}
            (compression, _) => {
                let irregularities = self.irregularities_mut();
                irregularities.sizes.add(segment, compression, bytes);
                if is_not_decompressible(compression, bytes) {
                    irregularities.not_decompressible.insert(number);
                }
            }
        }
    }

    /// Number of segments that cannot belong to a cluster with one of these segment sizes: empty or
    /// uncompressed ones of another size, compressed ones that are too large, and names beyond the
    /// last segment of a WAL directory.
    ///
    /// Without any size, counts only the segments that no cluster can have.
    #[must_use]
    pub fn wrong_sizes(&self, sizes: &BTreeSet<SegmentSize>) -> u64 {
        let mut wrong = self.wrong(sizes);
        wrong.insert_all(&self.irregularities().other_sizes.wrong(sizes));
        let Some(smallest) = sizes.first() else {
            return wrong.count();
        };
        let segments_per_wal_dir = u64::from(smallest.segments_per_wal_dir());
        wrong.count() + self.segments.count_from(segments_per_wal_dir)
    }

    /// Segments that a restore of a cluster with this segment size would receive in another size:
    /// `PostgreSQL` then ends with "archive file has wrong size" (`RestoreArchivedFile` in
    /// `xlogarchive.c`).
    #[must_use]
    pub fn unusable_segments(&self, size: SegmentSize) -> Runs {
        self.wrong(&BTreeSet::from([size]))
    }

    /// Segments that a restore would receive in a size that no cluster can have.
    #[must_use]
    pub fn impossible_segments(&self) -> Runs {
        self.wrong(&BTreeSet::new())
    }

    /// Segments for which a restore takes an object that no cluster with one of these segment sizes
    /// can have.
    fn wrong(&self, sizes: &BTreeSet<SegmentSize>) -> Runs {
        let mut wrong = self.irregularities().sizes.wrong(sizes);
        if let Some((size, segments)) = &self.uncompressed {
            let is_other = !sizes.is_empty() && !sizes.contains(size);
            if is_other {
                wrong.insert_all(segments);
            }
        }
        wrong
    }

    /// Most frequent size of the uncompressed segments; `None` without any.
    #[must_use]
    pub fn uncompressed_size(&self) -> Option<SegmentSize> {
        let (first_size, first_segments) = self.uncompressed.as_ref()?;
        let mut most_frequent = *first_size;
        let mut most_segments = first_segments.count();
        for (size, segments) in &self.irregularities().sizes.uncompressed {
            let count = segments.count();
            // Of equally frequent sizes, the last one counts.
            if count >= most_segments {
                most_frequent = *size;
                most_segments = count;
            }
        }
        Some(most_frequent)
    }

    /// Sums of all objects, by kind.
    pub fn kinds(&self) -> impl Iterator<Item = (WalObjectKind, Sums)> {
        let segments = (WalObjectKind::Segment, self.of(WalObjectKind::Segment));
        let segments = Some(segments).filter(|(_, sums)| sums.objects > 0);
        segments
            .into_iter()
            .chain(self.irregularities().kinds.iter())
    }

    /// Sums of the objects of one kind.
    #[must_use]
    pub fn of(&self, kind: WalObjectKind) -> Sums {
        let others = &self.irregularities().kinds;
        match kind {
            WalObjectKind::Segment => {
                let mut left = self.usage.sums;
                for (_, sums) in others.iter() {
                    left = left.minus(sums);
                }
                left
            }
            WalObjectKind::Partial
            | WalObjectKind::Label
            | WalObjectKind::History
            | WalObjectKind::Misplaced
            | WalObjectKind::Foreign
            | WalObjectKind::Marker => others.of(kind),
        }
    }

    /// Individual files, in the order in which they were listed; `None` if there was no memory for
    /// them.
    #[must_use]
    pub fn files(&self) -> Option<impl Iterator<Item = WalDirFile>> {
        self.files.known()
    }

    /// Files that are whole segments; `None` if the files are forgotten.
    fn segment_files(&self) -> Option<impl Iterator<Item = WalDirFile>> {
        let files = self.files()?;
        Some(files.filter(|file| matches!(file.kind, WalKind::Segment(_))))
    }

    /// Returns whether the files are known, and packed.
    pub(super) fn has_packed_files(&self) -> bool {
        !self.files.are_unpacked() && self.files.packed_size() > 0
    }

    /// Returns the memory that the files take, in bytes, as they were packed last.
    pub(super) fn files_size(&self) -> usize {
        self.files.packed_size()
    }

    /// Sums of the segments in these runs, given by the third part of their names; `None` if that
    /// requires the individual files and they are forgotten.
    #[must_use]
    pub fn segments_in(&self, runs: &[Run]) -> Option<SomeObjects> {
        let mut present = 0;
        for run in runs {
            present += self.segments.within(run.first, run.last).count();
        }
        if present == 0 {
            return Some(SomeObjects::default());
        }
        if present == self.segments.count() {
            let sums = self.of(WalObjectKind::Segment);
            return Some(SomeObjects {
                sums,
                blocked: self.irregularities().blocked,
            });
        }
        let mut part = SomeObjects::default();
        for file in self.segment_files()? {
            let number = u64::from(file.segment);
            let is_in = runs
                .iter()
                .any(|run| (run.first..=run.last).contains(&number));
            if is_in {
                part.add(SomeObjects {
                    sums: Sums {
                        objects: 1,
                        bytes: file.bytes,
                    },
                    blocked: u64::from(!file.is_read_at_once),
                });
            }
        }
        Some(part)
    }

    /// Ends the listing of the directory that started at this moment.
    pub(super) fn settle(&mut self, listed_at: DateTime<Utc>) {
        if self.listed_at.is_none() {
            self.listed_at = Some(listed_at);
            // Packing has already computed the intervals of packed files.
            if self.files.are_unpacked() {
                self.draw_from_files();
            }
        }
    }

    /// Computes the intervals between arrivals from the files.
    fn draw_from_files(&mut self) {
        let Some(files) = self.segment_files() else {
            return;
        };
        let mut arrivals: Vec<_> = files.map(|file| (file.segment, file.arrived_at)).collect();
        arrivals.sort_unstable();
        arrivals.dedup_by_key(|(segment, _)| *segment);
        let mut intervals = Intervals::default();
        for run in arrivals.chunk_by(|(last, _), (next, _)| last.checked_add(1) == Some(*next)) {
            // Several segments are archived at once, so neighbours may arrive in any order.
            let mut times: Vec<_> = run.iter().map(|(_, at)| *at).collect();
            times.sort_unstable();
            for pair in times.windows(2) {
                if let [before, after] = pair {
                    intervals.add(*after - *before);
                }
            }
        }
        intervals.shrink_to_fit();
        self.intervals = intervals;
    }

    /// Moves the files into this buffer, unless their own is as large; returns the buffer that is
    /// not needed.
    pub(super) fn move_files(&mut self, buffer: Vec<WalDirFile>) -> Option<Vec<WalDirFile>> {
        self.files.move_to(buffer)
    }

    /// Packs the individual files if they fit into this many bytes, otherwise forgets them; returns
    /// their buffer, emptied.
    pub(super) fn pack_files(&mut self, most: usize) -> Packing {
        self.draw_from_files();
        self.segments.shrink_to_fit();
        self.edges.shrink_to_fit();
        self.usage.shrink_to_fit();
        self.files.pack(most)
    }

    /// Forgets the individual files.
    pub(super) fn forget_files(&mut self) {
        self.files.forget();
    }
}
