//! The WAL of one server, as recovery sees it.

use std::collections::{BTreeMap, BTreeSet};

use crate::postgres::{Run, Runs, SegmentName, SegmentSize, TimelineId};

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
    /// Segments in a storage class that cannot be read at once.
    pub cold: SegmentSets,
    /// Partial segments in their place that `barman-cloud-wal-restore` serves.
    pub partials: BTreeSet<(TimelineId, u64)>,
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
        } else if contains(&self.segments, timeline, number) {
            Served::Whole
        } else if self.partials.contains(&(timeline, number)) {
            Served::Partial
        } else {
            Served::Nothing
        }
    }

    /// Returns the lowest number from `from` on for which a timeline has anything to serve.
    #[must_use]
    pub fn next_served(&self, timeline: TimelineId, from: u64) -> Option<u64> {
        let sets = [&self.segments, &self.wrong_size, &self.foreign];
        let whole = sets
            .into_iter()
            .filter_map(|sets| sets.get(&timeline)?.first_from(from));
        let mut partials = self.partials.range((timeline, from)..=(timeline, u64::MAX));
        whole
            .chain(partials.next().map(|(_, number)| *number))
            .min()
    }

    /// Returns the last segment of a timeline that belongs to this cluster; `None` without any.
    #[must_use]
    pub fn last(&self, timeline: TimelineId) -> Option<u64> {
        let sets = [&self.segments, &self.wrong_size];
        sets.into_iter()
            .filter_map(|sets| sets.get(&timeline)?.last())
            .max()
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

    /// Returns all present segments, whatever their size.
    #[must_use]
    pub fn present(&self) -> SegmentSets {
        let mut present = self.segments.clone();
        for (timeline, runs) in &self.wrong_size {
            let segments = present.entry(*timeline).or_default();
            for run in runs.iter() {
                segments.insert_run(run);
            }
        }
        present
    }

    /// Returns the number of runs of segments.
    #[must_use]
    pub fn runs(&self) -> usize {
        let mut count = self.partials.len();
        for runs in self.segments.values().chain(self.wrong_size.values()) {
            count += runs.iter().count();
        }
        count
    }

    /// Returns the timelines with segments, in order.
    pub fn timelines(&self) -> impl Iterator<Item = TimelineId> {
        let numbers: BTreeSet<_> = self.segments.keys().chain(self.wrong_size.keys()).collect();
        numbers.into_iter().copied()
    }
}

/// Returns whether a segment is in sets of segments.
fn contains(sets: &SegmentSets, timeline: TimelineId, number: u64) -> bool {
    sets.get(&timeline)
        .is_some_and(|segments| segments.contains(number))
}
