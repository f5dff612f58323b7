//! Grace rule for gaps: a segment that is missing below others that have just arrived may be on its
//! way.
//!
//! Several segments are archived at once and arrive in any order. Until the grace period is over, the
//! segments behind a hole do not count as archived, so that the hole is not a gap.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{ArchivedWal, Histories, SegmentSets};
use crate::inventory::WalInventory;
use crate::postgres::{Run, Runs, SegmentName};

/// Grace rule for the gaps of one server.
#[derive(Clone, Copy, Debug)]
pub struct GraceRule<'a> {
    /// Listed WAL, with arrival times.
    pub inventory: &'a WalInventory,
    /// History files of the server.
    pub histories: &'a Histories,
    /// Segments in which finished backups start.
    pub begins: &'a [SegmentName],
    /// Moment at which the grace period starts: segments that arrived later may be ahead of others.
    pub settled_at: DateTime<Utc>,
}

impl GraceRule<'_> {
    /// Returns the WAL without the segments that have just arrived behind a hole, including a hole
    /// at the start of a timeline.
    ///
    /// A run that contains the start of a finished backup is kept: retention leaves holes before
    /// it.
    #[must_use]
    pub fn settled(&self, mut wal: ArchivedWal) -> ArchivedWal {
        let mut begins = BTreeSet::new();
        for begin in self.begins {
            if let Some(number) = begin.number(wal.size) {
                begins.insert((begin.timeline, number));
            }
        }
        let size = wal.size;
        for (timeline, segments) in &mut wal.segments {
            let parent = self.histories.ancestors(*timeline).and_then(<[_]>::last);
            let starts_at = parent.map(|parent| size.segment_of(parent.switched_at));
            let runs: Vec<Run> = segments.iter().collect();
            let mut settled = runs.len();
            for run in runs.iter().rev() {
                let first = SegmentName::from_number(*timeline, run.first, size);
                let within = (*timeline, run.first)..=(*timeline, run.last);
                let has_begin = begins.range(within).next().is_some();
                if !self.is_young(first) || has_begin || starts_at == Some(run.first) {
                    break;
                }
                settled -= 1;
            }
            // If the start of the timeline is unknown, the first present segment is assumed to be
            // its start.
            if starts_at.is_none() {
                settled = settled.max(1);
            }
            *segments = Runs::default();
            for run in runs.into_iter().take(settled) {
                segments.insert_run(run);
            }
        }
        wal.segments.retain(|_, segments| !segments.is_empty());
        wal
    }

    /// Returns whether the grace period of a segment is not over.
    fn is_young(&self, segment: SegmentName) -> bool {
        let arrived_at = self.inventory.arrived_at(segment);
        arrived_at.is_some_and(|arrived_at| arrived_at > self.settled_at)
    }
}

/// Returns the segments that are missing below ones that have just arrived, by timeline: they may be
/// on their way, and are gaps only after the grace period.
///
/// `present` holds all segments, `settled` all but those that have just arrived.
#[must_use]
pub fn pending_segments(present: &SegmentSets, settled: &SegmentSets) -> SegmentSets {
    let mut pending = SegmentSets::new();
    for (timeline, runs) in present {
        let missing = missing_above(settled.get(timeline), runs);
        if !missing.is_empty() {
            pending.insert(*timeline, missing);
        }
    }
    pending
}

/// Missing segments between the last settled one, or the first present one, and the last present one.
fn missing_above(settled: Option<&Runs>, present: &Runs) -> Runs {
    let (Some(first), Some(last)) = (present.first(), present.last()) else {
        return Runs::default();
    };
    let from = match settled.and_then(Runs::last) {
        Some(settled_to) => settled_to.saturating_add(1),
        None => first,
    };
    present.missing_within(from, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::TimelineId;

    fn runs(numbers: &[u64]) -> SegmentSets {
        let mut runs = Runs::default();
        for number in numbers {
            runs.insert(*number);
        }
        [(TimelineId(1), runs)].into()
    }

    fn missing(present: &[u64], settled: &[u64]) -> Vec<(u64, u64)> {
        let pending = pending_segments(&runs(present), &runs(settled));
        let of_timeline = pending.get(&TimelineId(1)).cloned().unwrap_or_default();
        of_timeline
            .iter()
            .map(|run| (run.first, run.last))
            .collect()
    }

    #[test]
    fn only_what_is_missing_below_new_segments_may_be_on_its_way() {
        assert_eq!(missing(&[1, 3, 4, 6, 9], &[1, 3, 4]), [(5, 5), (7, 8)]);
        assert_eq!(missing(&[1, 3], &[1, 3]), []);
        assert_eq!(missing(&[1, 2], &[1]), []);
        assert_eq!(missing(&[5, 7], &[]), [(6, 6)]);
    }
}
