//! The WAL of one server, as recovery sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::Obstacle;
use crate::postgres::{Lsn, Run, Runs, SegmentName, SegmentSize, TimelineId};

/// Consecutive segments of one timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) timeline: TimelineId,
    pub(super) run: Run,
}

/// Sets of segment numbers, by the timeline in the segments' names.
pub type SegmentSets = BTreeMap<TimelineId, Runs>;

/// WAL of one server, by segment number.
#[derive(Clone, Debug, Default)]
pub struct ArchivedWal {
    /// Size of the segments, which relates names to numbers.
    pub size: SegmentSize,
    /// Whole segments in their place that replay can read.
    pub segments: SegmentSets,
    /// Segments of an impossible size: `PostgreSQL` ends with "has wrong size".
    pub wrong_size: SegmentSets,
    /// Segments of another cluster: `PostgreSQL` ends replay before them.
    pub foreign: SegmentSets,
    /// Segments whose content ends replay, by number: `PostgreSQL` reads a part of each.
    pub corrupt: BTreeMap<TimelineId, BTreeMap<u64, CorruptSegment>>,
    /// Segments in a storage class that cannot be read at once.
    pub cold: SegmentSets,
    /// Partial segments in their place that `barman-cloud-wal-restore` serves.
    pub partials: BTreeSet<(TimelineId, u64)>,
}

/// Segment in which replay ends without an error, because of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorruptSegment {
    /// Position up to which replay gets: the end of the last record that can be read.
    pub ends_at: Lsn,
    /// Position from which the rest of the segment, and what follows, can be read all the same: a
    /// backup that begins there or later does not meet the damage. `None` if there is none.
    pub sound_from: Option<Lsn>,
}

/// Answer to a restore that asks for a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// A whole segment.
    Whole,
    /// A partial segment in its place.
    Partial,
    /// A file of a size that no segment has.
    WrongSize,
    /// A segment of another cluster.
    Foreign,
    /// A segment whose content ends replay.
    Corrupt(CorruptSegment),
    /// Nothing.
    Nothing,
}

impl ArchivedWal {
    /// Returns the name of a segment.
    #[must_use]
    pub fn name(&self, timeline: TimelineId, number: u64) -> SegmentName {
        SegmentName::from_number(timeline, number, self.size)
    }

    /// Returns what `barman-cloud-wal-restore` hands over for a segment.
    #[must_use]
    pub fn served(&self, timeline: TimelineId, number: u64) -> Served {
        if contains(&self.wrong_size, timeline, number) {
            Served::WrongSize
        } else if contains(&self.foreign, timeline, number) {
            Served::Foreign
        } else if let Some(corrupt) = self.corrupt(timeline, number) {
            Served::Corrupt(corrupt)
        } else if contains(&self.segments, timeline, number) {
            Served::Whole
        } else if self.partials.contains(&(timeline, number)) {
            Served::Partial
        } else {
            Served::Nothing
        }
    }

    /// Notes that a segment has another size than a restore accepts, once it is decompressed.
    pub fn mark_wrong_size(&mut self, timeline: TimelineId, number: u64) {
        let is_served = matches!(
            self.served(timeline, number),
            Served::Whole | Served::Partial
        );
        if !is_served {
            return;
        }
        if let Some(segments) = self.segments.get_mut(&timeline) {
            segments.remove_run(Run {
                first: number,
                last: number,
            });
        }
        self.partials.remove(&(timeline, number));
        self.wrong_size.entry(timeline).or_default().insert(number);
    }

    /// Returns the lowest number from `from` on for which a timeline has anything to serve.
    #[must_use]
    pub fn next_served(&self, timeline: TimelineId, from: u64) -> Option<u64> {
        let sets = [&self.segments, &self.wrong_size, &self.foreign];
        let whole = sets
            .into_iter()
            .filter_map(|sets| sets.get(&timeline)?.first_from(from));
        let corrupt = self.corrupt.get(&timeline);
        let corrupt = corrupt.and_then(|segments| segments.range(from..).next());
        let mut partials = self.partials.range((timeline, from)..=(timeline, u64::MAX));
        whole
            .chain(corrupt.map(|(number, _)| *number))
            .chain(partials.next().map(|(_, number)| *number))
            .min()
    }

    /// Returns the damage of a segment whose content ends replay; `None` if nothing is known of any.
    #[must_use]
    pub fn corrupt(&self, timeline: TimelineId, number: u64) -> Option<CorruptSegment> {
        self.corrupt.get(&timeline)?.get(&number).copied()
    }

    /// Notes that the content of a segment ends replay. A segment that a restore is not served, or
    /// that ends it anyway, stays as it is.
    pub fn mark_corrupt(&mut self, timeline: TimelineId, number: u64, corrupt: CorruptSegment) {
        match self.served(timeline, number) {
            Served::Whole => {
                if let Some(segments) = self.segments.get_mut(&timeline) {
                    segments.remove_run(Run {
                        first: number,
                        last: number,
                    });
                }
            }
            Served::Partial => {
                self.partials.remove(&(timeline, number));
            }
            Served::WrongSize | Served::Foreign | Served::Corrupt(_) | Served::Nothing => return,
        }
        let of_timeline = self.corrupt.entry(timeline).or_default();
        of_timeline.insert(number, corrupt);
    }

    /// Returns the last segment of a timeline that belongs to this cluster; `None` without any.
    #[must_use]
    pub fn last(&self, timeline: TimelineId) -> Option<u64> {
        let sets = [&self.segments, &self.wrong_size];
        let corrupt = self.corrupt.get(&timeline);
        let corrupt = corrupt.and_then(|segments| segments.last_key_value());
        sets.into_iter()
            .filter_map(|sets| sets.get(&timeline)?.last())
            .chain(corrupt.map(|(number, _)| *number))
            .max()
    }

    /// Returns the obstacle that a segment is which replay cannot read.
    #[must_use]
    pub(super) fn obstacle_at(&self, segment: SegmentName) -> Obstacle {
        let number = segment.number(self.size);
        match number.and_then(|number| self.corrupt(segment.timeline, number)) {
            Some(CorruptSegment { ends_at, .. }) => Obstacle::CorruptSegment { segment, ends_at },
            None => Obstacle::MissingSegment(segment),
        }
    }

    /// Returns whether anything of a timeline lies at or above a number, including partial
    /// segments.
    #[must_use]
    pub fn has_from(&self, timeline: TimelineId, number: u64) -> bool {
        let last_partial = self
            .partials
            .range((timeline, number)..=(timeline, u64::MAX))
            .next();
        last_partial.is_some() || self.last(timeline) >= Some(number)
    }

    /// Returns the first segment of a timeline in `from..=to` that replay cannot read.
    #[must_use]
    pub fn first_missing(&self, timeline: TimelineId, from: u64, to: u64) -> Option<u64> {
        match self.segments.get(&timeline) {
            Some(segments) => segments.first_missing(from, to),
            None => (from <= to).then_some(from),
        }
    }

    /// Returns the segments of a timeline in `from..=to` that replay cannot read.
    #[must_use]
    pub fn missing(&self, timeline: TimelineId, from: u64, to: u64) -> Runs {
        let none = Runs::default();
        self.segments
            .get(&timeline)
            .unwrap_or(&none)
            .missing_within(from, to)
    }

    /// Returns the first segment of a timeline in `from..=to` that cannot be read at once.
    #[must_use]
    pub fn first_cold(&self, timeline: TimelineId, from: u64, to: u64) -> Option<u64> {
        self.cold
            .get(&timeline)?
            .first_from(from)
            .filter(|number| *number <= to)
    }

    /// Returns all present segments, whatever their size and content.
    #[must_use]
    pub fn present(&self) -> SegmentSets {
        let mut present = self.segments.clone();
        for (timeline, runs) in &self.wrong_size {
            let segments = present.entry(*timeline).or_default();
            for run in runs.iter() {
                segments.insert_run(run);
            }
        }
        for (timeline, corrupt) in &self.corrupt {
            let segments = present.entry(*timeline).or_default();
            for number in corrupt.keys() {
                segments.insert(*number);
            }
        }
        present
    }

    /// Returns the number of runs of segments.
    #[must_use]
    pub fn runs(&self) -> usize {
        let corrupt = self.corrupt.values().map(BTreeMap::len);
        let mut count = self.partials.len() + corrupt.sum::<usize>();
        for runs in self.segments.values().chain(self.wrong_size.values()) {
            count += runs.iter().count();
        }
        count
    }

    /// Returns the timelines with segments, in order.
    pub fn timelines(&self) -> impl Iterator<Item = TimelineId> {
        let whole = self.segments.keys().chain(self.wrong_size.keys());
        let numbers: BTreeSet<_> = whole.chain(self.corrupt.keys()).collect();
        numbers.into_iter().copied()
    }
}

/// Returns whether a segment is in sets of segments.
fn contains(sets: &SegmentSets, timeline: TimelineId, number: u64) -> bool {
    sets.get(&timeline)
        .is_some_and(|segments| segments.contains(number))
}
