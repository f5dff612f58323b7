//! Course of a replay: the timelines of a history, with the segments that each can have.

use crate::postgres::{Lsn, SegmentSize, TimelineHistory, TimelineId};

/// A history as replay follows it: `expectedTLEs`, newest timeline first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course {
    stretches: Vec<Stretch>,
}

/// One timeline of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) timeline: TimelineId,
    begins_at: Option<Lsn>,
    ends_at: Option<Lsn>,
    /// Segment in which the timeline starts; 0 for the oldest one.
    pub(super) first: u64,
}

/// Place of a timeline in a course: 0 is the newest one.
pub(super) type Place = usize;

impl Course {
    pub(super) fn of(history: &TimelineHistory, size: SegmentSize) -> Self {
        let intervals = history.intervals().into_iter();
        let stretches = intervals.map(|interval| Stretch {
            timeline: interval.timeline,
            begins_at: interval.begins_at,
            ends_at: interval.ends_at,
            first: interval.begins_at.map_or(0, |begins_at| size.segment_of(begins_at)),
        });
        Self { stretches: stretches.collect() }
    }

    /// Returns the timelines, newest first, with their places.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (Place, &Stretch)> {
        self.stretches.iter().enumerate()
    }

    pub(super) fn stretch(&self, place: Place) -> Option<&Stretch> {
        self.stretches.get(place)
    }

    pub(super) fn place_of(&self, timeline: TimelineId) -> Option<Place> {
        self.stretches.iter().position(|stretch| stretch.timeline == timeline)
    }

    /// Returns the timeline that owns a position (`tliOfPointInHistory` in `timeline.c`).
    pub(super) fn timeline_at(&self, position: Lsn) -> Option<TimelineId> {
        let owner = self.stretches.iter().find(|stretch| stretch.owns(position))?;
        Some(owner.timeline)
    }

    /// Returns the newest timeline that has started in a segment or before it: the one that
    /// `XLogFileReadAnyTLI` in `xlogrecovery.c` asks first.
    pub(super) fn owner_of(&self, number: u64) -> Option<Place> {
        self.stretches.iter().position(|stretch| stretch.first <= number)
    }

    /// Returns the timeline whose WAL a timeline continues: the owner, before the timeline started,
    /// of the position just before its start.
    fn parent_of(&self, place: Place) -> Option<Place> {
        let position = Lsn(self.stretches.get(place)?.begins_at?.0.checked_sub(1)?);
        let older = self.stretches.iter().enumerate().skip(place + 1);
        let mut owners = older.filter(|(older, stretch)| {
            let was_endless = *older == place + 1;
            stretch.owns(position) || (was_endless && stretch.has_begun_at(position))
        });
        owners.next().map(|(place, _)| place)
    }

    /// Returns the position at which the content of a segment leaves `from`, in a segment of the
    /// timeline `to`; `None` unless the segment continues `from`.
    ///
    /// A timeline's first segment starts with a copy of what its parent had before the switch.
    pub(super) fn crossing(&self, from: Place, to: Place, number: u64) -> Option<Lsn> {
        let mut on = to;
        while on < from {
            let stretch = self.stretches.get(on)?;
            let parent = self.parent_of(on)?;
            if stretch.first != number {
                return None;
            }
            if parent == from {
                return stretch.begins_at;
            }
            on = parent;
        }
        None
    }
}

impl Stretch {
    fn has_begun_at(&self, position: Lsn) -> bool {
        self.begins_at.is_none_or(|begins_at| begins_at <= position)
    }

    fn owns(&self, position: Lsn) -> bool {
        self.has_begun_at(position) && self.ends_at.is_none_or(|ends_at| position < ends_at)
    }
}
