//! The timeline that a cluster is on, as far as a listing shows it.
//!
//! `docs/specification.md`, 8.1 and 8.2.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

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
    let mut newest: Option<&Judged<'_>> = None;
    let mut reached = BTreeSet::new();
    for judged in judged {
        if !judged.is_restorable() {
            continue;
        }
        reached.extend(judged.reached());
        let ended_at = judged.candidate.ended_at;
        if newest.is_none_or(|newest| ended_at >= newest.candidate.ended_at) {
            newest = Some(judged);
        }
    }
    let Some(newest) = newest else {
        return Lines::default();
    };
    let by_newest: BTreeSet<_> = newest.reached().collect();
    let leaves = leaves(archived);
    let rank_of = |timeline: &TimelineId| rank(archived, &by_newest, *timeline);
    let newest_line = leaves.iter().copied().max_by_key(rank_of);
    let current = match newest_line {
        Some(timeline) if reached.contains(&timeline) => timeline,
        Some(_) | None => {
            let highest = leaves.intersection(&by_newest).copied().max_by_key(rank_of);
            highest.unwrap_or(newest.candidate.span.end.timeline)
        }
    };
    let unreached = newest_line.filter(|timeline| {
        !reached.contains(timeline) && is_known_to_be_unreached(archived, *timeline)
    });
    Lines {
        current: Some(current),
        unreached,
    }
}

/// Rank of a timeline among those that may be current.
fn rank(
    archived: &Archived,
    by_newest: &BTreeSet<TimelineId>,
    timeline: TimelineId,
) -> (bool, Option<DateTime<Utc>>, bool, TimelineId) {
    let is_living = archived.living_timeline == Some(timeline);
    let arrived_at = archived.last_arrivals.get(&timeline).copied();
    (
        is_living,
        arrived_at,
        by_newest.contains(&timeline),
        timeline,
    )
}

/// Returns whether the history of a timeline is known: otherwise a backup may reach it all the same.
fn is_known_to_be_unreached(archived: &Archived, timeline: TimelineId) -> bool {
    let histories = &archived.histories;
    !histories.is_unknown(timeline) || histories.ancestors(timeline).is_some()
}

/// Returns the timelines with WAL that no other timeline with WAL continues where they end.
fn leaves(archived: &Archived) -> BTreeSet<TimelineId> {
    let wal = &archived.wal;
    let mut leaves = BTreeSet::new();
    for timeline in wal.timelines() {
        let descendants = match wal.last(timeline) {
            Some(last) => archived
                .histories
                .descendants(timeline, wal.size.begin_of(last)),
            None => BTreeSet::new(),
        };
        let goes_on = descendants
            .into_iter()
            .any(|other| wal.last(other).is_some());
        if !goes_on {
            leaves.insert(timeline);
        }
    }
    leaves
}
