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
        let tried = self
            .tried
            .iter()
            .filter(|_| self.candidate.has_usable_data());
        tried
            .filter(|tried| tried.consistent().is_some())
            .map(|tried| tried.timeline)
    }

    /// Returns the restores that are on some path, whether they come up or not: those to the
    /// backup's own timeline first.
    pub(super) fn restores(&self) -> impl Iterator<Item = &Restore> {
        let own = self.candidate.span.end.timeline;
        let (to_own, to_others): (Vec<_>, Vec<_>) =
            self.tried.iter().partition(|tried| tried.timeline == own);
        to_own
            .into_iter()
            .chain(to_others)
            .filter_map(|tried| tried.restore.as_ref().ok())
    }

    /// Returns the restore along a timeline's path, whether it comes up or not, if the backup is on
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
        let chosen = self.find(Some(current), Tried::is_working);
        let chosen = chosen.or_else(|| self.up_to(newest?));
        let chosen = chosen.or_else(|| self.find(Some(current), Tried::is_consistent));
        let chosen = chosen.or_else(|| self.find(Some(own), Tried::is_working));
        let chosen = chosen.or_else(|| self.find(Some(own), Tried::is_consistent));
        let chosen = chosen.or_else(|| self.find(None, Tried::is_working));
        let chosen = chosen.or_else(|| self.find(None, Tried::is_consistent));
        let chosen = chosen.or_else(|| self.find(Some(current), Tried::is_on_path));
        chosen.or_else(|| self.find(Some(own), Tried::is_on_path))
    }

    /// Returns the restore to a timeline, or to any, that meets a condition. Of several, the one that
    /// a person would name.
    fn find(&self, timeline: Option<TimelineId>, meets: fn(&Tried) -> bool) -> Option<&Tried> {
        for tried in self.tried.iter().rev() {
            let is_to_timeline = timeline.is_none_or(|timeline| tried.timeline == timeline);
            if is_to_timeline && meets(tried) {
                return Some(tried);
            }
        }
        None
    }

    /// Returns the restore that comes up and gets up to a segment.
    fn up_to(&self, segment: SegmentName) -> Option<&Tried> {
        self.tried
            .iter()
            .rev()
            .find(|tried| tried.works_up_to(segment))
    }

    /// Returns whether the default target gets as far as the best one: to the same segment, or
    /// through the last whole one to a partial one of a later timeline.
    pub(super) fn default_works(&self, best: Option<&Tried>, size: SegmentSize) -> bool {
        let default = self
            .tried
            .iter()
            .find(|tried| tried.target == Target::Latest);
        let Some(default) = default.and_then(Tried::working) else {
            return false;
        };
        let Some(best) = best.and_then(Tried::working) else {
            return false;
        };
        let (default, best) = (default.replay, best.replay);
        let has_same_last = default.last == best.last;
        let goes_beyond = has_same_last && end_of(default, size) >= end_of(best, size);
        self.is_restorable() && (default.ends_in == best.ends_in || goes_beyond)
    }
}

/// Number of the segment in which a replay ends.
fn end_of(replay: Replay, size: SegmentSize) -> Option<u64> {
    replay.ends_in?.number(size)
}
