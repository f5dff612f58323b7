//! Renewal of evidence, the oldest first.

use std::collections::BTreeSet;

use barman_archive::postgres::WalDir;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Job, PlannedJob, Planner, Priority, WantedEdges};
use crate::assess::BackupTarget;
use crate::evidence::{Depth, DirEvidence, Level, SegmentEvidence, place_of};

impl Planner<'_> {
    /// Returns the job that renews the oldest evidence, if that is too old.
    pub(super) fn again(&self) -> Option<PlannedJob> {
        let after = self.reverify_after?;
        let wal = self.oldest_wal(after);
        let backup = self.oldest_backup();
        let (evidence_from, job) = wal
            .into_iter()
            .chain(backup)
            .min_by_key(|(read_at, _)| *read_at)?;
        self.is_due(evidence_from, after).then_some(PlannedJob {
            priority: Priority::Again,
            evidence_from: Some(evidence_from),
            job,
        })
    }

    fn oldest_wal(&self, after: TimeDelta) -> Option<(DateTime<Utc>, Job)> {
        let mut oldest: Option<(WalDir, SegmentEvidence)> = None;
        for (wal_dir, target) in &self.targets.dirs {
            let known = self.evidence.wal.dir(*wal_dir);
            for evidence in known.into_iter().flat_map(DirEvidence::files) {
                // A whole read is renewed by a whole read, or not at all.
                let is_wanted = target.segments.contains(u64::from(evidence.file.low))
                    && !evidence.file.is_partial
                    && (self.wants(Level::Wal) || evidence.depth == Depth::Edges);
                let is_older =
                    oldest.is_none_or(|(_, oldest)| evidence.read_at() < oldest.read_at());
                if is_wanted && is_older {
                    oldest = Some((*wal_dir, *evidence));
                }
            }
        }
        let (wal_dir, evidence) = oldest?;
        let place = place_of(
            wal_dir.segment(evidence.file.low),
            self.targets.segment_size,
        )?;
        let job = if self.wants(Level::Wal) {
            self.walk_from(place)
        } else {
            Job::EdgesAgain {
                wal_dir,
                edges: self.old_edges(wal_dir, after),
            }
        };
        Some((evidence.read_at(), job))
    }

    /// Returns the segments of a WAL directory about which the evidence is too old.
    fn old_edges(&self, wal_dir: WalDir, after: TimeDelta) -> WantedEdges {
        let known = self.evidence.wal.dir(wal_dir);
        let files = known.into_iter().flat_map(DirEvidence::files);
        let old = files
            .filter(|known| !known.file.is_partial && known.depth == Depth::Edges)
            .filter(|known| self.is_due(known.read_at(), after))
            .map(|known| u64::from(known.file.low));
        WantedEdges {
            segments: old.collect(),
            partials: BTreeSet::new(),
        }
    }

    fn oldest_backup(&self) -> Option<(DateTime<Utc>, Job)> {
        let mut oldest: Option<(DateTime<Utc>, &BackupTarget)> = None;
        for backup in &self.targets.backups {
            let Some(evidence) = self.of_backup(backup) else {
                continue;
            };
            let is_wanted = self.wants(Level::Full) || evidence.depth == Depth::Edges;
            let is_older = oldest.is_none_or(|(oldest, _)| evidence.read_at < oldest);
            if is_older
                && is_wanted
                && backup.is_read_at_once
                && self.is_affordable(self.bytes_of(backup))
            {
                oldest = Some((evidence.read_at, backup));
            }
        }
        let (read_at, backup) = oldest?;
        let id = backup.id.clone();
        let job = if self.wants(Level::Full) {
            Job::Backup(id)
        } else {
            Job::BackupEdges(id)
        };
        Some((read_at, job))
    }
}
