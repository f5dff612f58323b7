//! Restores of one backup, and the one to choose among them.

use super::follow::Tried;
use super::restore::Restore;
use super::{Candidate, Replay, Target};
use crate::postgres::{SegmentName, SegmentSize, TimelineId};

/// Backup with its restores to every target.
pub(super) struct Judged<'a> {
    pub(super) candidate: &'a Candidate,
    pub(super) tried: Vec<Tried>,
    /// Highest timeline that was not tried by its number.
    pub(super) left_out: Option<TimelineId>,
}

impl Judged<'_> {
    /// Returns whether any target restores the backup.
    pub(super) fn is_restorable(&self) -> bool {
        self.reached().next().is_some()
    }

    /// Returns the timelines on which the backup becomes consistent.
    pub(super) fn reached(&self) -> impl Iterator<Item = TimelineId> {
        let tried = self.tried.iter().filter(|_| self.candidate.broken_parent.is_none());
        tried.filter(|tried| tried.consistent().is_some()).map(|tried| tried.timeline)
    }

    /// Returns the restores that are on some course, whether they come up or not: those to the
    /// backup's own timeline first.
    pub(super) fn restores(&self) -> impl Iterator<Item = &Restore> {
        let own = self.candidate.span.end.timeline;
        let (to_own, to_others): (Vec<_>, Vec<_>) =
            self.tried.iter().partition(|tried| tried.timeline == own);
        to_own.into_iter().chain(to_others).filter_map(|tried| tried.restore.as_ref().ok())
    }

    /// Returns the restore along a timeline's course, whether it comes up or not, if the backup is on
    /// it.
    pub(super) fn restore_to(&self, timeline: TimelineId) -> Option<&Restore> {
        let mut to_timeline = self.tried.iter().filter(|tried| tried.timeline == timeline);
        to_timeline.find_map(|tried| tried.restore.as_ref().ok())
    }

    /// Returns the restore that gets furthest: to the current timeline if one gets there, or to another
    /// one through its newest segment; otherwise on the backup's own.
    ///
    /// Among several to one timeline, prefers the one that a person would name: the default, then
    /// `current`, then the number.
    pub(super) fn best(&self, current: TimelineId, newest: Option<SegmentName>) -> Option<&Tried> {
        let own = self.candidate.span.end.timeline;
        let named_first = || self.tried.iter().rev();
        let to =
            |timeline: TimelineId| named_first().filter(move |tried| tried.timeline == timeline);
        let working = |timeline: TimelineId| to(timeline).find(|tried| tried.working().is_some());
        let consistent =
            |timeline: TimelineId| to(timeline).find(|tried| tried.consistent().is_some());
        let on_course = |timeline: TimelineId| to(timeline).find(|tried| tried.restore.is_ok());
        let up_to_newest =
            || newest.and_then(|newest| named_first().find(|tried| tried.works_up_to(newest)));
        working(current)
            .or_else(up_to_newest)
            .or_else(|| consistent(current))
            .or_else(|| working(own))
            .or_else(|| consistent(own))
            .or_else(|| named_first().find(|tried| tried.working().is_some()))
            .or_else(|| named_first().find(|tried| tried.consistent().is_some()))
            .or_else(|| on_course(current))
            .or_else(|| on_course(own))
    }

    /// Returns whether the default target gets as far as the best one: to the same segment, or
    /// through the last whole one to a partial one of a later timeline.
    pub(super) fn default_works(&self, best: Option<&Tried>, size: SegmentSize) -> bool {
        let replay = |tried: &Tried| Some(tried.working()?.replay);
        let default = self.tried.iter().find(|tried| tried.target == Target::Latest);
        let Some((default, best)) = default.and_then(replay).zip(best.and_then(replay)) else {
            return false;
        };
        let end = |replay: Replay| replay.ends_in.and_then(|name| name.number(size));
        let goes_beyond = default.last == best.last && end(default) >= end(best);
        self.is_restorable() && (default.ends_in == best.ends_in || goes_beyond)
    }
}
