//! Path of a replay: the timelines of a history, with the segments that each can have.

use super::ArchivedWal;
use super::steps::Steps;
use super::wal::Read;
use crate::postgres::{Lsn, Run, TimelineHistory, TimelineId};

/// A history as replay follows it: `expectedTLEs`, newest timeline first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplayPath {
    stretches: Vec<Stretch>,
    /// Timelines that have anything to serve.
    sources: Vec<Source>,
    /// Segments of the path, present or not.
    pub(super) steps: Steps,
}

/// One timeline of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    timeline: TimelineId,
    begins_at: Option<Lsn>,
    ends_at: Option<Lsn>,
    /// Segment in which the timeline starts; 0 for the oldest one.
    first: u64,
}

/// One timeline of a history from which a restore can be served segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) place: TimelineIndex,
    pub(super) timeline: TimelineId,
    /// First segment that is served, not before the one in which the timeline starts.
    first: u64,
}

/// Index of a timeline in a path: 0 is the newest one.
pub(super) type TimelineIndex = usize;

impl ReplayPath {
    pub(super) fn of(history: &TimelineHistory, wal: &ArchivedWal) -> Self {
        let intervals = history.intervals().into_iter();
        let stretches: Vec<_> = intervals
            .map(|interval| Stretch {
                timeline: interval.timeline,
                begins_at: interval.begins_at,
                ends_at: interval.ends_at,
                first: interval
                    .begins_at
                    .map_or(0, |begins_at| wal.size.segment_of(begins_at)),
            })
            .collect();
        let sources = stretches.iter().enumerate().filter_map(|(place, stretch)| {
            let first = wal.next_served(stretch.timeline, stretch.first)?;
            Some(Source {
                place,
                timeline: stretch.timeline,
                first,
            })
        });
        let sources = sources.collect();
        let starts = stretches.iter().map(|stretch| Read {
            timeline: stretch.timeline,
            run: Run {
                first: stretch.first,
                last: u64::MAX,
            },
        });
        let steps = Steps::of(starts, wal);
        Self {
            stretches,
            sources,
            steps,
        }
    }

    /// Returns the timelines from which segments are served, newest first.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    pub(super) fn place_of(&self, timeline: TimelineId) -> Option<TimelineIndex> {
        let place = self
            .stretches
            .binary_search_by(|stretch| timeline.cmp(&stretch.timeline));
        place.ok()
    }

    /// Returns the timeline that owns a position (`tliOfPointInHistory` in `timeline.c`).
    pub(super) fn timeline_at(&self, position: Lsn) -> Option<TimelineId> {
        let owner = self
            .stretches
            .iter()
            .find(|stretch| stretch.owns(position))?;
        Some(owner.timeline)
    }

    /// Returns the timelines that have started in a segment or before it, newest first:
    /// `XLogFileReadAnyTLI` in `xlogrecovery.c` asks them in this order.
    pub(super) fn begun_in(&self, number: u64) -> impl Iterator<Item = TimelineId> {
        let begun = self
            .stretches
            .iter()
            .filter(move |stretch| stretch.first <= number);
        begun.map(|stretch| stretch.timeline)
    }

    /// Returns the timelines above one of the path, newest first.
    pub(super) fn above(&self, timeline: TimelineId) -> impl Iterator<Item = TimelineId> {
        let timelines = self.stretches.iter().map(|stretch| stretch.timeline);
        timelines.take_while(move |newer| *newer != timeline)
    }

    /// Returns the position at which the content of a segment leaves `from`, in a segment of the
    /// timeline `to`; `None` unless the segment continues `from`.
    ///
    /// A timeline's first segment starts with a copy of what its parent had before the switch.
    pub(super) fn crossing(
        &self,
        from: TimelineIndex,
        to: TimelineIndex,
        number: u64,
    ) -> Option<Lsn> {
        let mut on = to;
        while on < from {
            let stretch = self
                .stretches
                .get(on)
                .filter(|stretch| stretch.first == number)?;
            let parent = self.parent_of(on)?;
            if parent == from {
                return stretch.begins_at;
            }
            on = parent;
        }
        None
    }

    /// Returns the timeline whose WAL a timeline continues: the owner, before the timeline started, of
    /// the position just before its start.
    fn parent_of(&self, place: TimelineIndex) -> Option<TimelineIndex> {
        let position = Lsn(self.stretches.get(place)?.begins_at?.0.checked_sub(1)?);
        let older = self.stretches.iter().enumerate().skip(place + 1);
        let mut owners = older.filter(|(older, stretch)| {
            let was_endless = *older == place + 1;
            stretch.owns(position) || (was_endless && stretch.has_begun_at(position))
        });
        owners.next().map(|(place, _)| place)
    }
}

impl Source {
    /// Returns whether a restore may be served a segment of this timeline.
    pub(super) const fn may_have(&self, number: u64) -> bool {
        self.first <= number
    }

    /// Returns the lowest number from `from` on that is served.
    pub(super) fn next_served(&self, from: u64, wal: &ArchivedWal) -> Option<u64> {
        if from <= self.first {
            return Some(self.first);
        }
        wal.next_served(self.timeline, from)
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
