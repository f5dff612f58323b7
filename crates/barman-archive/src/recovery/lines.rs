//! The timeline that a cluster is on, as far as a listing shows it.
//!
//! `docs/specification.md`, 8.1 and 8.2.

use std::collections::BTreeSet;

use super::Archived;
use super::judged::Judged;
use crate::postgres::TimelineId;

/// The timelines that matter most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Timeline with the newest WAL that a backup reaches.
    pub(super) current: Option<TimelineId>,
    /// Timeline with the newest WAL of all, if no backup reaches it.
    pub(super) unreached: Option<TimelineId>,
}

/// Chooses the timeline that verdicts refer to.
///
/// A listing cannot distinguish a live database from a restored copy that archives to the same
/// place. It shows only on which timeline WAL arrived last, among those that no other timeline
/// continues.
pub(super) fn choose(archived: &Archived, judged: &[Judged<'_>]) -> Lines {
    let restorable = judged.iter().filter(|judged| judged.is_restorable());
    let Some(newest) = restorable.clone().max_by_key(|judged| judged.candidate.ended_at) else {
        return Lines::default();
    };
    let by_newest: BTreeSet<_> = newest.reached().collect();
    let rank = |timeline: &TimelineId| {
        let is_living = archived.living_timeline == Some(*timeline);
        let arrived_at = archived.last_arrivals.get(timeline).copied();
        (is_living, arrived_at, by_newest.contains(timeline), *timeline)
    };
    let leaves = leaves(archived);
    let newest_line = leaves.iter().copied().max_by_key(rank);
    let is_reached = |timeline: &TimelineId| {
        restorable.clone().any(|judged| judged.reached().any(|reached| reached == *timeline))
    };
    let not_reached = newest_line.filter(|timeline| !is_reached(timeline));
    // A backup may reach a timeline whose history is not known.
    let histories = &archived.histories;
    let unreached = not_reached.filter(|timeline| {
        !histories.is_unknown(*timeline) || histories.ancestors(*timeline).is_some()
    });
    let reached = leaves.iter().copied().filter(|timeline| by_newest.contains(timeline));
    let current = match newest_line {
        Some(timeline) if not_reached.is_none() => timeline,
        Some(_) | None => reached.max_by_key(rank).unwrap_or(newest.candidate.span.end.timeline),
    };
    Lines { current: Some(current), unreached }
}

/// Returns the timelines with WAL that no other timeline with WAL continues where they end.
fn leaves(archived: &Archived) -> BTreeSet<TimelineId> {
    let Archived { wal, histories, .. } = archived;
    let goes_on = |timeline: &TimelineId| {
        let from = wal.last(*timeline).map(|last| wal.size.begin_of(last));
        let descendants = from.map(|from| histories.descendants(*timeline, from));
        descendants.into_iter().flatten().any(|other| wal.last(other).is_some())
    };
    wal.timelines().filter(|timeline| !goes_on(timeline)).collect()
}
