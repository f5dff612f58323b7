//! Objects below a server's `wals/`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    FileKind, Intervals, ListedObject, PartialSegment, SmallFile, SomeNames, Sums, Usage,
    WalDirInventory,
};
use crate::barman::{Compression, WalKind, WalObject};
use crate::postgres::{SegmentName, SegmentSize, TimelineId, WalDir};

/// Objects below a server's `wals/`.
#[derive(Clone, Debug, Default)]
pub struct WalInventory {
    /// WAL directories, with all their objects. Boxed because the nodes of a map are half empty,
    /// and there may be tens of thousands of directories.
    pub dirs: BTreeMap<WalDir, Box<WalDirInventory>>,
    /// Objects outside the WAL directories.
    pub outside_wal_dirs: OutsideWalDirs,
}

/// Objects below `wals/` that are not in a WAL directory: mostly history files.
#[derive(Clone, Debug, Default)]
pub struct OutsideWalDirs {
    /// History file of each timeline. If several differ in their endings, the first one in the
    /// order of keys counts, as for `barman-cloud-wal-restore` (`_get_wals_to_download` in Barman
    /// 3.20's `cloud.py`).
    pub histories: BTreeMap<TimelineId, SmallFile>,
    /// Usage of all these objects.
    pub usage: Usage,
    /// Sums of all these objects, by kind.
    pub kinds: KindSums,
    /// Keys of a few objects that are not WAL files.
    pub foreign_keys: SomeNames,
    /// Keys of a few WAL files in the wrong place.
    pub misplaced_keys: SomeNames,
}

/// Kind of an object below `wals/`, as `barman_cloud_wal_objects` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalObjectKind {
    /// Whole segment in its place.
    Segment,
    /// Partial segment in its place.
    Partial,
    /// Backup label in its place.
    Label,
    /// History file in its place.
    History,
    /// Object with the name of a WAL file, in a place where `barman-cloud-wal-restore` does not
    /// look.
    Misplaced,
    /// Object with a name that is not a WAL file's.
    Foreign,
    /// Empty key that ends in a slash.
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

    /// Kind as the value of a label.
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

/// Sums of objects below `wals/`, by kind. Most WAL directories have one or two kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindSums(Vec<(WalObjectKind, Sums)>);

impl KindSums {
    /// Adds one object.
    pub(super) fn add_object(&mut self, kind: WalObjectKind, bytes: u64) {
        self.add(kind, Sums { objects: 1, bytes });
    }

    /// Sums of the objects of one kind.
    #[must_use]
    pub fn of(&self, kind: WalObjectKind) -> Sums {
        for (known, sums) in &self.0 {
            if *known == kind {
                return *sums;
            }
        }
        Sums::default()
    }

    /// Kinds that occur, with their sums.
    pub fn iter(&self) -> impl Iterator<Item = (WalObjectKind, Sums)> {
        self.0.iter().copied()
    }

    fn add(&mut self, kind: WalObjectKind, more: Sums) {
        for (known, sums) in &mut self.0 {
            if *known == kind {
                sums.add(more);
                return;
            }
        }
        self.0.push((kind, more));
    }
}

impl WalInventory {
    /// Adds one object.
    pub fn add(&mut self, wal: WalObject, object: &ListedObject) {
        let kind = WalObjectKind::of(wal, object);
        match wal.wal_dir {
            Some(wal_dir) => self.dirs.entry(wal_dir).or_default().add(wal, kind, object),
            None => self.outside_wal_dirs.add(wal, kind, object),
        }
    }

    /// Arrival time of a segment; `None` if it is absent, or if the time is no longer known.
    #[must_use]
    pub fn arrived_at(&self, segment: SegmentName) -> Option<DateTime<Utc>> {
        self.dirs
            .get(&WalDir::from(segment))?
            .arrived_at(segment.low)
    }

    /// Replaces the inventory of a WAL directory by a later one; `None` removes a directory that
    /// was gone.
    pub fn replace_wal_dir(&mut self, name: WalDir, wal_dir: Option<Box<WalDirInventory>>) {
        match wal_dir {
            Some(wal_dir) => drop(self.dirs.insert(name, wal_dir)),
            None => drop(self.dirs.remove(&name)),
        }
    }

    /// Sums of all objects, by kind.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<WalObjectKind, Sums> {
        let mut kinds: BTreeMap<_, Sums> = BTreeMap::new();
        for wal_dir in self.dirs.values() {
            for (kind, sums) in wal_dir.kinds() {
                kinds.entry(kind).or_default().add(sums);
            }
        }
        for (kind, sums) in self.outside_wal_dirs.kinds.iter() {
            kinds.entry(kind).or_default().add(sums);
        }
        kinds
    }

    /// Usage of each WAL directory, and of the objects outside them.
    pub fn usages(&self) -> impl Iterator<Item = &Usage> {
        self.dirs
            .values()
            .map(|wal_dir| &wal_dir.usage)
            .chain([&self.outside_wal_dirs.usage])
    }

    /// Partial segments: one for each time that a primary was replaced.
    pub fn partials(&self) -> impl Iterator<Item = (SegmentName, PartialSegment)> {
        let wal_dirs = self.dirs.iter();
        wal_dirs.flat_map(|(name, wal_dir)| {
            let partials = wal_dir.irregularities().partials.iter();
            partials.map(|(segment, partial)| (name.segment(*segment), *partial))
        })
    }

    /// Returns whether there is anything besides empty keys that end in a slash.
    #[must_use]
    pub fn has_objects(&self) -> bool {
        let is_object = |(kind, _): (WalObjectKind, Sums)| kind != WalObjectKind::Marker;
        for wal_dir in self.dirs.values() {
            if wal_dir.kinds().any(is_object) {
                return true;
            }
        }
        self.outside_wal_dirs.kinds.iter().any(is_object)
    }

    /// Times from one arrival to the next, between segments of this size that follow each other on
    /// their timeline.
    ///
    /// Does not include intervals around a missing segment, as its arrival time is unknown.
    #[must_use]
    pub fn intervals(&self, size: SegmentSize) -> Intervals {
        let mut intervals = Intervals::default();
        for (name, wal_dir) in &self.dirs {
            intervals.merge(&wal_dir.intervals);
            let Some(high) = name.high.checked_add(1) else {
                continue;
            };
            let Some(next) = self.dirs.get(&WalDir { high, ..*name }) else {
                continue;
            };
            let last_segment = size.segments_per_wal_dir() - 1;
            if let Some(before) = wal_dir.arrived_at(last_segment)
                && let Some(after) = next.arrived_at(0)
            {
                intervals.add(after - before);
            }
        }
        intervals
    }
}

impl OutsideWalDirs {
    fn add(&mut self, wal: WalObject, kind: WalObjectKind, object: &ListedObject) {
        self.usage.add_object(object);
        self.kinds.add_object(kind, object.size);
        match kind {
            WalObjectKind::Foreign => self.foreign_keys.add(&object.key),
            WalObjectKind::Misplaced => self.misplaced_keys.add(&object.key),
            WalObjectKind::Segment
            | WalObjectKind::Partial
            | WalObjectKind::Label
            | WalObjectKind::History
            | WalObjectKind::Marker => {}
        }
        if let (WalObjectKind::History, WalKind::History(timeline)) = (kind, wal.kind) {
            self.add_history(timeline, wal.compression, object);
        }
    }

    fn add_history(
        &mut self,
        timeline: TimelineId,
        compression: Option<Compression>,
        object: &ListedObject,
    ) {
        let known = self.histories.get(&timeline);
        if known.is_none_or(|file| object.key < file.object.key) {
            let kind = FileKind::History(timeline, compression);
            self.histories.insert(
                timeline,
                SmallFile {
                    object: object.clone(),
                    kind,
                },
            );
        }
    }
}
