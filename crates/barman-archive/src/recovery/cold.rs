//! Restores that meet objects in cold storage.
//!
//! `docs/specification.md`, 6.7.

use super::follow::Tried;
use super::judged::Judged;
use super::restore::Restore;
use super::wal::Read;
use super::{Archived, Followed, Obstacle, Verdict};
use crate::postgres::SegmentName;

/// Best restore before anything is retrieved from cold storage.
pub(super) struct AtOnce<'a> {
    pub(super) tried: Option<&'a Tried>,
    /// Place where it, or a better one, meets cold storage.
    pub(super) cold: Option<Cold>,
}

/// Place where a restore meets cold storage.
pub(super) struct Cold {
    segment: SegmentName,
    /// True if the backup needs the segment to become consistent.
    is_own: bool,
    /// Last segment that replay reads before it.
    pub(super) reach: Option<SegmentName>,
}

impl Archived {
    /// Returns a restore to one target, which comes up only if everything that makes the backup
    /// consistent can be read at once.
    pub(super) fn followed(&self, judged: &Judged<'_>, tried: &Tried) -> Followed {
        let mut followed = tried.followed();
        if !followed.works() {
            return followed;
        }
        let cold = tried
            .consistent()
            .and_then(|restore| self.cold(judged, restore));
        followed.obstacle = if judged.candidate.has_cold_data {
            Some(Obstacle::ColdData)
        } else {
            cold.filter(|cold| cold.is_own)
                .map(|cold| Obstacle::ColdSegment(cold.segment))
        };
        followed
    }

    /// Returns the best restore before anything is retrieved from cold storage. It is the best one
    /// of all unless what makes the backup consistent is cold there, and some other working restore
    /// needs nothing cold for it: that to the backup's own timeline, or the one that gets furthest.
    pub(super) fn at_once<'a>(
        &self,
        judged: &'a Judged<'_>,
        best: Option<&'a Tried>,
    ) -> AtOnce<'a> {
        let cold_of = |tried: &Tried| self.cold(judged, tried.consistent()?);
        let cold = best.and_then(cold_of);
        let Some(own_cold) = cold.as_ref().filter(|cold| cold.is_own) else {
            return AtOnce { tried: best, cold };
        };
        let working = judged
            .tried
            .iter()
            .filter(|tried| tried.working().is_some());
        let readable = working.filter_map(|tried| match cold_of(tried) {
            Some(cold) if cold.is_own => None,
            Some(cold) => Some((tried, cold.reach)),
            None => Some((tried, tried.last())),
        });
        let own = judged.candidate.span.end.timeline;
        // Among several that are equal, the last one is the one that a person would name.
        let furthest = readable.max_by_key(|(tried, reach)| {
            (
                tried.timeline == own,
                reach.and_then(|reach| reach.number(self.wal.size)),
            )
        });
        match furthest {
            Some((tried, reach)) => {
                let cold = Cold {
                    segment: own_cold.segment,
                    is_own: false,
                    reach,
                };
                AtOnce {
                    tried: Some(tried),
                    cold: Some(cold),
                }
            }
            None => AtOnce { tried: best, cold },
        }
    }

    /// Returns the first segment of a restore that cannot be read at once.
    fn cold(&self, judged: &Judged<'_>, restore: &Restore) -> Option<Cold> {
        if self.wal.cold.is_empty() {
            return None;
        }
        let last_needed = judged.candidate.span.last_needed(self.wal.size)?;
        let mut reach = None;
        for Read { timeline, run } in restore.reads() {
            let Some(number) = self.wal.first_cold(timeline, run.first, run.last) else {
                reach = Some(self.wal.name(timeline, run.last));
                continue;
            };
            let before = number.checked_sub(1).filter(|before| *before >= run.first);
            return Some(Cold {
                segment: self.wal.name(timeline, number),
                is_own: number <= last_needed,
                reach: before
                    .map(|before| self.wal.name(timeline, before))
                    .or(reach),
            });
        }
        None
    }
}

/// Returns the verdict on a backup as long as nothing is retrieved from cold storage.
pub(super) fn verdict_at_once(
    thawed: &Verdict,
    judged: &Judged<'_>,
    cold: Option<&Cold>,
) -> Verdict {
    match thawed {
        Verdict::Recoverable | Verdict::Consistent(_) => {}
        Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => return thawed.clone(),
    }
    if judged.candidate.has_cold_data {
        return Verdict::Blocked(Obstacle::ColdData);
    }
    match cold {
        Some(cold) if cold.is_own => Verdict::Blocked(Obstacle::ColdSegment(cold.segment)),
        Some(cold) => Verdict::Consistent(Obstacle::ColdSegment(cold.segment)),
        None => thawed.clone(),
    }
}
