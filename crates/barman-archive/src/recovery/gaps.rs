//! Segments that are missing where a backup has to be replayed through.
//!
//! `docs/specification.md`, 9.1.

use std::collections::BTreeMap;

use super::judged::Judged;
use super::restore::Restore;
use super::wal::{Read, SegmentSets};
use super::{Archived, BackupVerdict, Obstacle, Verdict, WalRequirement};
use crate::postgres::{Run, Runs, TimelineId};

impl Archived {
    /// Returns the segments that are missing on the way to the current timeline, and those missing
    /// from what makes a backup consistent, for each backup that no target restores.
    pub(super) fn gaps(
        &self,
        judged: &[Judged<'_>],
        verdicts: &BTreeMap<String, BackupVerdict>,
        current: Option<TimelineId>,
    ) -> SegmentSets {
        let mut wanted = SegmentSets::new();
        let mut want = |read: &Read, last: u64| {
            let run = Run { first: read.run.first, last: read.run.last.min(last) };
            if run.first <= run.last {
                wanted.entry(read.timeline).or_default().insert_run(run);
            }
        };
        let all = judged.iter().filter(|judged| judged.candidate.need == WalRequirement::Recovery);
        let on_way =
            current.filter(|current| self.wal.last(*current).is_some()).and_then(|current| {
                let restores = all.filter_map(|judged| judged.restore_to(current));
                // The way of every other backup is a part of the longest one.
                restores.min_by_key(|restore| restore.begin)
            });
        let steps = on_way.map(Restore::steps).unwrap_or_default();
        if let Some((target, before)) = steps.split_last() {
            for read in before {
                want(read, u64::MAX);
            }
            // Nothing is missing at the end of the target's WAL.
            if self.wal.last(target.timeline) >= Some(target.run.first) {
                want(target, u64::MAX);
            }
        }
        for judged in judged {
            let verdict = verdicts.get(&judged.candidate.id).map(|verdict| &verdict.thawed);
            let Some(Verdict::Broken(Obstacle::MissingSegment(_) | Obstacle::WrongSize(_))) =
                verdict
            else {
                continue;
            };
            let closest = self.closest(judged);
            closest.iter().flat_map(|restore| self.own_steps(judged, restore)).for_each(|read| {
                want(&read, u64::MAX);
            });
        }
        self.missing_of(&wanted)
    }

    /// Returns the segments of a restore's course that make the backup consistent, present or not.
    fn own_steps(&self, judged: &Judged<'_>, restore: &Restore) -> Vec<Read> {
        let Some(last_needed) = judged.candidate.span.last_needed(self.wal.size) else {
            return Vec::new();
        };
        let mut steps = restore.steps();
        if let Some(target) = steps.last_mut() {
            // Includes segments after the last present one.
            target.run.last = u64::MAX;
        }
        for step in &mut steps {
            step.run.last = step.run.last.min(last_needed);
        }
        steps.retain(|step| step.run.first <= step.run.last);
        steps
    }

    /// Returns the restore, on any course, that lacks the fewest of the segments that make the
    /// backup consistent; among several, the one to the backup's own timeline.
    pub(super) fn closest<'a>(&self, judged: &'a Judged<'_>) -> Option<&'a Restore> {
        judged.restores().min_by_key(|restore| {
            let steps = self.own_steps(judged, restore).into_iter();
            let missing = steps
                .map(|step| self.wal.missing(step.timeline, step.run.first, step.run.last).count());
            missing.fold(0_u64, u64::saturating_add)
        })
    }

    /// Returns the wanted segments that are missing or have an impossible size.
    fn missing_of(&self, wanted: &SegmentSets) -> SegmentSets {
        let mut missing = SegmentSets::new();
        for (timeline, runs) in wanted {
            let mut absent = Runs::default();
            for run in runs.iter() {
                let parts = self.wal.missing(*timeline, run.first, run.last);
                parts.iter().for_each(|part| absent.insert_run(part));
            }
            if let Some(foreign) = self.wal.foreign.get(timeline) {
                absent = absent.without(foreign);
            }
            if !absent.is_empty() {
                missing.insert(*timeline, absent);
            }
        }
        missing
    }
}
