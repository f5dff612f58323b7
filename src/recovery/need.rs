//! Which WAL some backup still needs.

use std::collections::BTreeMap;

use crate::postgres::{Run, Runs, SegmentSize, TimelineId};

use super::{ArchivedWal, BackupSpan, Lineages, Path};

/// What one finished backup needs WAL for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To become consistent and to be replayed from there on.
    EverythingAfter,
    /// To become consistent, and nothing more: it is kept as standalone.
    JustItself,
}

/// The WAL that finished backups need, by number of segment, whether it is there or not.
///
/// A segment is needed if it is at or after a backup's start on the backup's timeline, or at or after
/// the beginning of a timeline that the backup can be taken to. A backup that is kept as standalone
/// needs just what makes it consistent. A timeline of which it is not known where it comes from is
/// needed as a whole: it may be the one that everything goes on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeededWal(BTreeMap<TimelineId, Runs>);

impl NeededWal {
    /// What these backups need of an archive's timelines.
    #[must_use]
    pub fn of(backups: &[(BackupSpan, Need)], lineages: &Lineages, wal: &ArchivedWal) -> Self {
        let mut needed = Self::default();
        for timeline in wal.segments.keys() {
            if lineages.ancestors(*timeline).is_none() {
                needed.add(*timeline, Run { first: 0, last: u64::MAX });
            }
        }
        for (backup, _) in backups.iter().filter(|(_, need)| *need == Need::JustItself) {
            needed.add_itself(backup, lineages, wal);
        }
        for backup in neediest(backups, wal.size) {
            needed.add_everything_after(&backup, lineages, wal);
        }
        needed
    }

    /// Whether a segment is needed.
    #[must_use]
    pub fn contains(&self, timeline: TimelineId, number: u64) -> bool {
        self.0.get(&timeline).is_some_and(|runs| runs.contains(number))
    }

    /// The segments of a timeline from `from` to `to`, both included, that no backup needs.
    #[must_use]
    pub fn not_needed(&self, timeline: TimelineId, from: u64, to: u64) -> Runs {
        let nothing = Runs::default();
        self.0.get(&timeline).unwrap_or(&nothing).missing_within(from, to)
    }

    /// Whether any segment of a timeline from `from` to `to`, both included, is needed.
    #[must_use]
    pub fn any(&self, timeline: TimelineId, from: u64, to: u64) -> bool {
        self.0.get(&timeline).is_some_and(|runs| !runs.within(from, to).is_empty())
    }

    fn add_everything_after(
        &mut self,
        backup: &BackupSpan,
        lineages: &Lineages,
        wal: &ArchivedWal,
    ) {
        let timelines =
            wal.segments.keys().copied().chain([backup.begin.timeline, backup.end.timeline]);
        for timeline in timelines {
            let Ok(path) = Path::find(backup, timeline, lineages, wal) else { continue };
            if let Some(step) = path.steps().last() {
                self.add(timeline, Run { first: step.first, last: u64::MAX });
            }
        }
        self.add_itself(backup, lineages, wal);
    }

    fn add_itself(&mut self, backup: &BackupSpan, lineages: &Lineages, wal: &ArchivedWal) {
        let Ok(path) = Path::find(backup, backup.end.timeline, lineages, wal) else { return };
        let Some(end) = backup.last_needed(wal) else { return };
        for (timeline, run) in path.up_to(end) {
            self.add(timeline, run);
        }
    }

    fn add(&mut self, timeline: TimelineId, run: Run) {
        self.0.entry(timeline).or_default().insert_run(run);
    }
}

/// The backups of which everything after is needed, but for those that need nothing that another
/// one does not: one that began and ended earlier on the same timelines can go wherever they can.
fn neediest(backups: &[(BackupSpan, Need)], size: SegmentSize) -> Vec<BackupSpan> {
    let after = backups.iter().filter(|(_, need)| *need == Need::EverythingAfter);
    let mut sorted: Vec<BackupSpan> = after.map(|(backup, _)| *backup).collect();
    sorted.sort_by_key(|backup| (backup.begin, backup.end, backup.end_lsn));
    let mut neediest: Vec<BackupSpan> = Vec::new();
    for backup in sorted {
        let includes = |earlier: &BackupSpan| {
            [earlier.begin, earlier.end].iter().all(|name| name.exists_with(size))
                && earlier.begin.timeline == backup.begin.timeline
                && earlier.end.timeline == backup.end.timeline
                && earlier.end <= backup.end
                && earlier.end_lsn.is_some_and(|end| backup.end_lsn.is_some_and(|it| end <= it))
        };
        if !neediest.last().is_some_and(includes) {
            neediest.push(backup);
        }
    }
    neediest
}
