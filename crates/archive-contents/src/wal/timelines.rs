//! Timelines that the pages of a segment can be of.

use barman_archive::postgres::{Lsn, TimelineId, TimelineInterval};

use super::segment::SegmentContext;

/// Maximum number of timelines that own positions in one segment. A history with more counts as
/// unknown.
const MOST_OWNERS: usize = 1000;

/// Timelines that pages of a segment can be of.
#[derive(Clone, Debug)]
pub(super) struct PageTimelines {
    /// Owners of the positions in the segment; `None` if they are not known.
    owners: Option<Vec<TimelineInterval>>,
    /// Timeline that the segment is named after.
    own: TimelineId,
    /// Timeline of the page before.
    pub(super) last: TimelineId,
}

impl PageTimelines {
    /// Finds the timelines of a segment between two positions.
    pub(super) fn of(context: &SegmentContext, begin: Lsn, end: Lsn) -> Self {
        let mut owners = context.history.as_ref().map(|history| {
            let mut owners = history.intervals();
            owners.retain(|interval| {
                interval.begins_at.is_none_or(|first| first < end)
                    && interval.ends_at.is_none_or(|last| last > begin)
            });
            owners
        });
        owners.take_if(|owners| owners.len() > MOST_OWNERS);
        Self {
            owners,
            own: context.name.timeline,
            last: TimelineId(0),
        }
    }

    /// Returns whether a page can be of a timeline: that of its first byte by the history. Without
    /// one, timelines do not fall, and none is higher than the segment's.
    pub(super) fn allow(&self, timeline: TimelineId, at: Lsn) -> bool {
        let Some(owners) = &self.owners else {
            return timeline <= self.own && timeline >= self.last;
        };
        let owner = owners.iter().find(|interval| {
            interval.begins_at.is_none_or(|begin| begin <= at)
                && interval.ends_at.is_none_or(|end| at < end)
        });
        owner.map(|interval| interval.timeline) == Some(timeline)
    }
}
