//! The report on what can be restored of one server, and to when.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::inventory::{SomeObjects, Sums};
use crate::postgres::{Runs, SegmentName, SegmentSize, TimelineId};
use crate::recovery::{SegmentSets, ServerVerdict, Verdict};

/// What can be restored of one server, and to when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryReport {
    /// The verdicts on its backups, its current timeline, its gaps.
    pub verdict: ServerVerdict,
    /// Size of the segments, which ties the numbers in here to names.
    pub segment_size: SegmentSize,
    /// Timelines that a restored copy may have written.
    pub stray: BTreeSet<TimelineId>,
    /// Timelines with WAL or backups whose history file is missing or unreadable.
    pub histories_missing: BTreeSet<TimelineId>,
    /// Those of them whose history file is there.
    pub histories_damaged: BTreeSet<TimelineId>,
    /// Missing segments below ones that have just arrived, which may be on their way: no gaps yet.
    pub pending: SegmentSets,
    /// Segments that no finished backup still needs, by timeline; `None` without a finished backup,
    /// as the first one may be on its way, and where the needs of one are not known.
    pub obsolete: Option<SegmentSets>,
    /// What these segments take; `None` as above, and where that is not known.
    pub obsolete_stored: Option<Sums>,
    /// What a restore to the newest WAL must read; `None` where none is possible, and where that is
    /// not known.
    pub restore: Option<RestoreReport>,
    /// When the newest segment of the current timeline arrived; `None` without one.
    pub newest_at: Option<DateTime<Utc>>,
    /// When the last segment arrived that each backup reaches, by id, as far as that is known: of a
    /// segment between others only its presence is.
    pub reached_at: BTreeMap<String, DateTime<Utc>>,
    /// The same once everything is brought back from cold storage.
    pub thawed_reached_at: BTreeMap<String, DateTime<Utc>>,
    /// Whether every backup could be read: what one that cannot be read needs is not known.
    pub all_are_known: bool,
    /// Ids of the backups of the cluster that was backed up last: with another system identifier,
    /// others are of a life that is over.
    pub of_newest_cluster: BTreeSet<String>,
    /// Segments of a size that they cannot have, by timeline.
    pub wrong_size: SegmentSets,
}

/// What a restore must read, from the newest backup that can be recovered to the newest WAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// Id of that backup.
    pub backup: String,
    /// Its own objects, the segments from its begin on, and the history files from the timeline
    /// that it begins on to the target.
    pub objects: SomeObjects,
}

impl RecoveryReport {
    /// How many backups can be restored and replayed to the newest WAL.
    #[must_use]
    pub fn recoverable(&self) -> usize {
        let verdicts = self.verdict.backups.values();
        verdicts.filter(|one| one.thawed == Verdict::Recoverable).count()
    }

    /// Number of backups that have to wait for objects in cold storage before they can be restored,
    /// or replayed as far as they could be.
    #[must_use]
    pub fn blocked(&self) -> usize {
        let verdicts = self.verdict.backups.values();
        verdicts.filter(|one| one.verdict != one.thawed).count()
    }

    /// How many runs of segments are missing, and how many segments in them. `None` where none are
    /// known to be and a backup cannot be read: it may need what nobody else does.
    #[must_use]
    pub fn gaps(&self) -> Option<(usize, u64)> {
        let gaps = self.verdict.gaps.values();
        let runs = gaps.clone().map(|runs| runs.iter().count()).sum();
        (runs > 0 || self.all_are_known).then(|| (runs, gaps.map(Runs::count).sum()))
    }

    /// The gaps by the names of their first and last segment, with the count of those missing.
    pub fn named_gaps(&self) -> impl Iterator<Item = (SegmentName, SegmentName, u64)> {
        self.named(&self.verdict.gaps)
    }

    /// Runs of segments by the names of their first and last one, with their count.
    pub fn named(
        &self,
        segments: &SegmentSets,
    ) -> impl Iterator<Item = (SegmentName, SegmentName, u64)> {
        segments.iter().flat_map(|(timeline, runs)| {
            let name = |number| SegmentName::from_number(*timeline, number, self.segment_size);
            runs.iter().map(move |run| {
                (name(run.first), name(run.last), (run.last - run.first).saturating_add(1))
            })
        })
    }

    /// Number of the segments between two of one timeline that have a size that they cannot have.
    #[must_use]
    pub fn wrong_sizes(&self, first: SegmentName, last: SegmentName) -> u64 {
        let numbers = first.number(self.segment_size).zip(last.number(self.segment_size));
        let of_timeline = self.wrong_size.get(&first.timeline);
        let within = |(first, last)| Some(of_timeline?.within(first, last).count());
        numbers.and_then(within).unwrap_or_default()
    }

    /// How many segments no finished backup needs.
    #[must_use]
    pub fn obsolete_segments(&self) -> Option<u64> {
        Some(self.obsolete.as_ref()?.values().map(Runs::count).sum())
    }
}
