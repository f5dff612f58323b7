//! What lies below a server's `wals/`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::barman::{Compression, WalKind, WalObject};
use crate::postgres::{Runs, SegmentName, SegmentSize, TimelineId};

use super::{FileKind, ListedObject, SmallFile, Sums};

/// What lies below a server's `wals/`.
#[derive(Clone, Debug, Default)]
pub struct WalInventory {
    /// The log directories that have segments, by timeline and log.
    pub logs: BTreeMap<(TimelineId, u32), LogInventory>,
    /// The history file of each timeline, the newest if it is there under two endings.
    pub histories: BTreeMap<TimelineId, SmallFile>,
    /// The partial segments: one for each time that a primary was replaced.
    pub partials: BTreeSet<SegmentName>,
    /// All objects, by what they are.
    pub objects: BTreeMap<WalObjectKind, Sums>,
}

/// What an object below `wals/` is, as `barman_cloud_wal_objects` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalObjectKind {
    /// A whole segment in its place.
    Segment,
    /// A partial segment in its place.
    Partial,
    /// A backup label in its place.
    Label,
    /// A history file in its place.
    History,
    /// An object with the name of a WAL file where `barman-cloud-wal-restore` does not look.
    Misplaced,
    /// An object whose name no WAL file has.
    Foreign,
    /// An empty key that ends in a slash.
    Marker,
}

impl WalObjectKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Segment,
        Self::Partial,
        Self::Label,
        Self::History,
        Self::Misplaced,
        Self::Foreign,
        Self::Marker,
    ];

    /// The kind as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Partial => "partial",
            Self::Label => "label",
            Self::History => "history",
            Self::Misplaced => "misplaced",
            Self::Foreign => "foreign",
            Self::Marker => "marker",
        }
    }

    fn of(wal: WalObject, object: &ListedObject) -> Self {
        match wal.kind {
            WalKind::Foreign if object.is_marker() => Self::Marker,
            WalKind::Foreign => Self::Foreign,
            WalKind::Segment(_) if wal.in_place => Self::Segment,
            WalKind::Partial(_) if wal.in_place => Self::Partial,
            WalKind::Label(..) if wal.in_place => Self::Label,
            WalKind::History(_) if wal.in_place => Self::History,
            WalKind::Segment(_)
            | WalKind::Partial(_)
            | WalKind::Label(..)
            | WalKind::History(_) => Self::Misplaced,
        }
    }
}

/// The segments of one log directory, the 4 GiB of WAL that share the first 16 digits of a name.
#[derive(Clone, Debug, Default)]
pub struct LogInventory {
    /// The third part of the names that are present.
    pub segments: Runs,
    /// The objects, of which a segment may have several under different endings.
    pub stored: Sums,
    /// When the newest segment arrived.
    pub newest_at: Option<DateTime<Utc>>,
    /// When the segments arrived with which a run begins or ends. Those in between are forgotten.
    edges: BTreeMap<u32, DateTime<Utc>>,
    /// Objects beyond the first of their segment.
    pub duplicates: u64,
    /// Segments that arrived long after the one that follows them in the log: uploaded once more.
    /// Of several in a row only the last one shows.
    pub overwritten: u64,
    /// Uncompressed segments, by their size where a segment can have it.
    uncompressed: BTreeMap<SegmentSize, u64>,
    /// Segments of a size that none can have: empty, or uncompressed and of no segment's size.
    impossible_sizes: u64,
    /// Number and time of the segment listed last.
    latest: Option<(u32, DateTime<Utc>)>,
}

/// How much later than its successor a segment must have arrived to have been uploaded once more.
///
/// Several segments are archived at once (`wal.maxParallel` of CloudNativePG), so that neighbours
/// arrive in any order; but not an hour apart.
const OUT_OF_ORDER: TimeDelta = TimeDelta::hours(1);

impl WalInventory {
    /// Takes in one object.
    pub fn add(&mut self, wal: WalObject, object: &ListedObject) {
        let kind = WalObjectKind::of(wal, object);
        self.objects.entry(kind).or_default().add_object(object.size);
        match (kind, wal.kind) {
            (WalObjectKind::Segment, WalKind::Segment(name)) => {
                let log = self.logs.entry((name.timeline, name.log)).or_default();
                log.add(name, wal.compression, object);
            }
            (WalObjectKind::Partial, WalKind::Partial(name)) => {
                self.partials.insert(name);
            }
            (WalObjectKind::History, WalKind::History(timeline)) => {
                self.add_history(timeline, wal.compression, object);
            }
            _ => {}
        }
    }

    /// The objects of one kind.
    #[must_use]
    pub fn sums(&self, kind: WalObjectKind) -> Sums {
        self.objects.get(&kind).copied().unwrap_or_default()
    }

    fn add_history(
        &mut self,
        timeline: TimelineId,
        compression: Option<Compression>,
        object: &ListedObject,
    ) {
        let known = self.histories.get(&timeline);
        if known.is_none_or(|file| file.object.last_modified <= object.last_modified) {
            let kind = FileKind::History(timeline, compression);
            self.histories.insert(timeline, SmallFile { object: object.clone(), kind });
        }
    }
}

impl LogInventory {
    fn add(&mut self, name: SegmentName, compression: Option<Compression>, object: &ListedObject) {
        self.stored.add_object(object.size);
        self.newest_at = self.newest_at.max(Some(object.last_modified));
        self.note_size(compression, object.size);
        if !self.segments.insert(u64::from(name.segment)) {
            self.duplicates += 1;
            return;
        }
        if let Some((before, at)) = self.latest
            && before.checked_add(1) == Some(name.segment)
            && at - object.last_modified > OUT_OF_ORDER
        {
            self.overwritten += 1;
        }
        self.note_edge(name.segment, object.last_modified);
        self.latest = Some((name.segment, object.last_modified));
    }

    /// A segment between two others of its run is no edge any more.
    fn note_edge(&mut self, segment: u32, arrived_at: DateTime<Utc>) {
        self.edges.insert(segment, arrived_at);
        let number = u64::from(segment);
        for inner in
            [number.checked_sub(1), Some(number), number.checked_add(1)].into_iter().flatten()
        {
            let has = |other: Option<u64>| other.is_some_and(|other| self.segments.contains(other));
            if has(inner.checked_sub(1)) && has(inner.checked_add(1)) {
                u32::try_from(inner).ok().and_then(|inner| self.edges.remove(&inner));
            }
        }
    }

    /// When a segment arrived with which a run begins or ends; `None` for any other.
    #[must_use]
    pub fn arrived_at(&self, segment: u32) -> Option<DateTime<Utc>> {
        self.edges.get(&segment).copied()
    }

    fn note_size(&mut self, compression: Option<Compression>, bytes: u64) {
        match (compression, SegmentSize::new(bytes)) {
            (None, Ok(size)) => *self.uncompressed.entry(size).or_default() += 1,
            (None, Err(_)) => self.impossible_sizes += 1,
            (Some(_), _) if bytes == 0 => self.impossible_sizes += 1,
            (Some(_), _) => {}
        }
    }

    /// How many segments cannot be of a cluster whose segments have one of these sizes: empty or
    /// uncompressed ones of another size, and names beyond the last segment of a log.
    ///
    /// Without any size, only those that no cluster can have.
    #[must_use]
    pub fn wrong_sizes(&self, sizes: &BTreeSet<SegmentSize>) -> u64 {
        let longest_log = sizes.iter().map(|size| size.segments_per_log()).max();
        let beyond =
            longest_log.map_or(0, |segments| self.segments.count_from(u64::from(segments)));
        let others = self.uncompressed.iter().filter(|(size, _)| !sizes.contains(size));
        let others = if sizes.is_empty() { 0 } else { others.map(|(_, count)| count).sum() };
        self.impossible_sizes + beyond + others
    }

    /// The size that most uncompressed segments have; `None` without any.
    #[must_use]
    pub fn uncompressed_size(&self) -> Option<SegmentSize> {
        self.uncompressed.iter().max_by_key(|(_, count)| **count).map(|(size, _)| *size)
    }
}
