//! Report on the recoverability of one server: which backups can be restored, and to when.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{SomeObjects, Sums};
use barman_archive::postgres::{Runs, SegmentName, SegmentSize, TimelineId};
use barman_archive::recovery::{SegmentSets, ServerVerdict, Verdict};
use chrono::{DateTime, Utc};

use super::RecoveryProof;

/// Recoverability of one server: which backups can be restored, and to when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryReport {
    /// Verdicts on its backups, its current timeline, and its gaps.
    pub verdict: ServerVerdict,
    /// Size of the segments, which maps the segment numbers in this report to names.
    pub segment_size: SegmentSize,
    /// Timelines that a restored copy may have written.
    pub stray: BTreeSet<TimelineId>,
    /// Timelines with WAL or backups whose history file is missing or unreadable.
    pub histories_missing: BTreeSet<TimelineId>,
    /// Timelines in `histories_missing` whose history file exists.
    pub histories_damaged: BTreeSet<TimelineId>,
    /// Missing segments below ones that have just arrived. They may be on their way, so they are
    /// not gaps yet.
    pub pending: SegmentSets,
    /// Segments that no finished backup needs any more, by timeline; `None` without a finished
    /// backup, because the first one may be on its way, and if the needs of a backup are unknown.
    pub obsolete: Option<SegmentSets>,
    /// Objects and bytes of the `obsolete` segments; `None` if `obsolete` is, or if the sums are
    /// unknown.
    pub obsolete_stored: Option<Sums>,
    /// Objects that a restore to the newest WAL must read; `None` if no such restore is possible,
    /// or if the objects are unknown.
    pub restore: Option<RestoreReport>,
    /// Arrival time of the newest segment of the current timeline; `None` without one.
    pub newest_at: Option<DateTime<Utc>>,
    /// Arrival time of the last segment that each backup reaches, by backup id, as far as known: of
    /// a segment in the middle of a run, only its presence is remembered.
    pub reached_at: BTreeMap<String, DateTime<Utc>>,
    /// Arrival times as in `reached_at`, once everything has been retrieved from cold storage.
    pub thawed_reached_at: BTreeMap<String, DateTime<Utc>>,
    /// True if every backup could be read: the needs of an unreadable backup are unknown.
    pub all_are_known: bool,
    /// Ids of the backups of the cluster that was backed up last. Backups with another system
    /// identifier belong to an earlier cluster.
    pub of_newest_cluster: BTreeSet<String>,
    /// Segments of an impossible size, by timeline.
    pub wrong_size: SegmentSets,
    /// End of what is proven to be recoverable; `None` if nothing is.
    pub proof: Option<RecoveryProof>,
    /// Ends of the unbroken chains of segments that were walked over, from the start of each backup
    /// that they make consistent, by backup id.
    pub chains: BTreeMap<String, RecoveryProof>,
}

/// Objects that a restore must read if it starts from the newest backup that can be recovered to
/// the newest WAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// Id of that backup.
    pub backup: String,
    /// Objects of the backup, the segments from its start on, and the history files from its start
    /// timeline to the target.
    pub objects: SomeObjects,
}

impl RecoveryReport {
    /// Number of backups that can be restored and replayed to the newest WAL.
    #[must_use]
    pub fn recoverable(&self) -> usize {
        let verdicts = self.verdict.backups.values();
        verdicts
            .filter(|backup| backup.thawed == Verdict::Recoverable)
            .count()
    }

    /// Number of backups that have to wait for objects in cold storage before they can be restored,
    /// or replayed as far as possible.
    #[must_use]
    pub fn blocked(&self) -> usize {
        let verdicts = self.verdict.backups.values();
        verdicts
            .filter(|backup| backup.verdict != backup.thawed)
            .count()
    }

    /// Number of gaps, and number of segments missing in them. `None` if no gap is known and a
    /// backup cannot be read: that backup may need segments that no other does.
    #[must_use]
    pub fn gaps(&self) -> Option<(usize, u64)> {
        let mut gaps = 0;
        let mut missing = 0;
        for runs in self.verdict.gaps.values() {
            gaps += runs.iter().count();
            missing += runs.count();
        }
        (gaps > 0 || self.all_are_known).then_some((gaps, missing))
    }

    /// Gaps by the names of their first and last missing segment, with the number of missing
    /// segments.
    pub fn named_gaps(&self) -> impl Iterator<Item = (SegmentName, SegmentName, u64)> {
        self.named(&self.verdict.gaps)
    }

    /// Runs of segments by the names of their first and last segment, with the number of segments.
    pub fn named(
        &self,
        segments: &SegmentSets,
    ) -> impl Iterator<Item = (SegmentName, SegmentName, u64)> {
        segments.iter().flat_map(|(timeline, runs)| {
            let name = |number| SegmentName::from_number(*timeline, number, self.segment_size);
            runs.iter().map(move |run| {
                (
                    name(run.first),
                    name(run.last),
                    (run.last - run.first).saturating_add(1),
                )
            })
        })
    }

    /// Number of segments of an impossible size in `first..=last`; both are of one timeline.
    #[must_use]
    pub fn wrong_sizes(&self, first: SegmentName, last: SegmentName) -> u64 {
        let Some(of_timeline) = self.wrong_size.get(&first.timeline) else {
            return 0;
        };
        let Some(first) = first.number(self.segment_size) else {
            return 0;
        };
        let Some(last) = last.number(self.segment_size) else {
            return 0;
        };
        of_timeline.within(first, last).count()
    }

    /// Number of segments that no finished backup needs; `None` as in `obsolete`.
    #[must_use]
    pub fn obsolete_segments(&self) -> Option<u64> {
        Some(self.obsolete.as_ref()?.values().map(Runs::count).sum())
    }
}
