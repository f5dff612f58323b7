//! The WAL of one server, as recovery sees it.

use std::collections::{BTreeMap, BTreeSet};

use crate::postgres::{Runs, SegmentName, SegmentSize, TimelineId};

/// The WAL of one server, by number of segment.
#[derive(Clone, Debug)]
pub struct ArchivedWal {
    /// Size of the segments, which ties names to numbers.
    pub size: SegmentSize,
    /// Whole segments in their place.
    pub segments: BTreeMap<TimelineId, Runs>,
    /// Partial segments in their place, by timeline and number.
    pub partials: BTreeSet<(TimelineId, u64)>,
}

impl ArchivedWal {
    /// The name of a segment.
    #[must_use]
    pub fn name(&self, timeline: TimelineId, number: u64) -> SegmentName {
        SegmentName::from_number(timeline, number, self.size)
    }

    /// The last segment of a timeline; `None` if it has none.
    #[must_use]
    pub fn last(&self, timeline: TimelineId) -> Option<u64> {
        self.segments.get(&timeline)?.last()
    }

    /// Whether a timeline has a segment.
    #[must_use]
    pub fn contains(&self, timeline: TimelineId, number: u64) -> bool {
        self.segments.get(&timeline).is_some_and(|segments| segments.contains(number))
    }

    /// The first segment from `from` to `to`, both included, that a timeline has not.
    #[must_use]
    pub fn first_missing(&self, timeline: TimelineId, from: u64, to: u64) -> Option<u64> {
        match self.segments.get(&timeline) {
            Some(segments) => segments.first_missing(from, to),
            None => (from <= to).then_some(from),
        }
    }

    /// The segments from `from` to `to`, both included, that a timeline has not.
    #[must_use]
    pub fn missing(&self, timeline: TimelineId, from: u64, to: u64) -> Runs {
        let none = Runs::default();
        self.segments.get(&timeline).unwrap_or(&none).missing_within(from, to)
    }
}
