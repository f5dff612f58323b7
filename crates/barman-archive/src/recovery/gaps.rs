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
        self.add_restore(&mut wanted, judged, current);
        for judged in judged {
            let verdict = verdicts
                .get(&judged.candidate.id)
                .map(|verdict| &verdict.thawed);
            let Some(Verdict::Broken(
                Obstacle::MissingSegment(_)
                | Obstacle::WrongSize(_)
                | Obstacle::CorruptSegment { .. },
            )) = verdict
            else {
                continue;
            };
            let Some(closest) = self.closest(judged) else {
                continue;
            };
            for read in self.own_steps(judged, closest) {
                add_read(&mut wanted, read);
            }
        }
        self.missing_of(&wanted)
    }

    /// Adds the segments on the way to the current timeline.
    fn add_restore(
        &self,
        wanted: &mut SegmentSets,
        judged: &[Judged<'_>],
        current: Option<TimelineId>,
    ) {
        let Some(current) = current.filter(|current| self.wal.last(*current).is_some()) else {
            return;
        };
        // The way of every other backup is a part of the longest one.
        let mut longest: Option<&Restore> = None;
        for judged in judged {
            if judged.candidate.requirement != WalRequirement::Recovery {
                continue;
            }
            let Some(restore) = judged.restore_to(current) else {
                continue;
            };
            if longest.is_none_or(|longest| restore.begin < longest.begin) {
                longest = Some(restore);
            }
        }
        let steps = longest.map(Restore::steps).unwrap_or_default();
        let Some((target, before)) = steps.split_last() else {
            return;
        };
        for read in before {
            add_read(wanted, *read);
        }
        // Nothing is missing at the end of the target's WAL.
        if self.wal.last(target.timeline) >= Some(target.run.first) {
            add_read(wanted, *target);
        }
    }

    /// Returns the segments of a restore's path that make the backup consistent, present or not.
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

    /// Returns the restore, on any path, that lacks the fewest of the segments that make the
    /// backup consistent; among several, the one to the backup's own timeline.
    pub(super) fn closest<'a>(&self, judged: &'a Judged<'_>) -> Option<&'a Restore> {
        judged
            .restores()
            .min_by_key(|restore| self.missing_own(judged, restore))
    }

    /// Returns the number of missing segments among those that make the backup consistent.
    fn missing_own(&self, judged: &Judged<'_>, restore: &Restore) -> u64 {
        let mut count: u64 = 0;
        for Read { timeline, run } in self.own_steps(judged, restore) {
            let missing = self.wal.missing(timeline, run.first, run.last);
            count = count.saturating_add(missing.count());
        }
        count
    }

    /// Returns the wanted segments that are missing or have an impossible size, not those that exist
    /// and cannot be replayed.
    fn missing_of(&self, wanted: &SegmentSets) -> SegmentSets {
        let mut missing = SegmentSets::new();
        for (timeline, runs) in wanted {
            let mut absent = Runs::default();
            for run in runs.iter() {
                let parts = self.wal.missing(*timeline, run.first, run.last);
                for part in parts.iter() {
                    absent.insert_run(part);
                }
            }
            if let Some(foreign) = self.wal.foreign.get(timeline) {
                absent = absent.without(foreign);
            }
            let corrupt = self.wal.corrupt.get(timeline);
            for number in corrupt.into_iter().flat_map(|segments| segments.keys()) {
                absent.remove_run(Run {
                    first: *number,
                    last: *number,
                });
            }
            if !absent.is_empty() {
                missing.insert(*timeline, absent);
            }
        }
        missing
    }
}

/// Adds the segments of a read.
fn add_read(wanted: &mut SegmentSets, read: Read) {
    if read.run.first <= read.run.last {
        wanted
            .entry(read.timeline)
            .or_default()
            .insert_run(read.run);
    }
}
