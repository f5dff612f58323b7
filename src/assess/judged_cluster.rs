//! Verdicts on one database cluster of a server's directory.

use std::collections::BTreeMap;

use barman_archive::barman::BackupInfo;
use barman_archive::postgres::{SegmentName, TimelineId};
use barman_archive::recovery::{Archived, Candidate, RequiredWal, SegmentSets, ServerVerdict};
use chrono::{DateTime, Utc};

use super::candidates::requiring_backup;
use super::clusters::{Cluster, remove};
use crate::report::{BackupReport, BackupState};

/// One cluster of a directory, with the archived WAL that a restore of its backups finds.
pub(super) struct JudgedCluster {
    pub(super) cluster: Cluster,
    pub(super) archived: Archived,
    /// Foreign segments that may be of this cluster all the same.
    pub(super) of_either: SegmentSets,
    pub(super) candidates: Vec<Candidate>,
    pub(super) verdict: ServerVerdict,
    /// True if it is later than the newest cluster with a finished backup: nothing can be restored
    /// of it yet.
    pub(super) is_unprotected: bool,
}

impl JudgedCluster {
    /// Notes whether the cluster is later than the newest one with a finished backup, and whether it
    /// has newer WAL.
    pub(super) fn compare_with_newest(&mut self, newest: &Self) {
        if !self.candidates.is_empty() || !self.cluster.is_later_than(&newest.cluster) {
            return;
        }
        self.is_unprotected = true;
        self.verdict.unreached_timeline = self.timeline_ahead_of(newest);
    }

    /// Timeline with the cluster's last arrival, if that is later than every arrival of the newest
    /// cluster.
    fn timeline_ahead_of(&self, newest: &Self) -> Option<TimelineId> {
        let (timeline, at) = last_arrival(&self.archived.last_arrivals)?;
        let newest_at = last_arrival(&newest.archived.last_arrivals).map(|(_, at)| at);
        let is_newer = newest_at.is_none_or(|newest_at| at > newest_at);
        let living = newest.archived.living_timeline;
        let may_live = living.is_none_or(|living| living == timeline);
        (is_newer && may_live).then_some(timeline)
    }

    /// Name of the last segment of the current timeline, to which the verdicts refer.
    pub(super) fn last_segment(&self) -> Option<SegmentName> {
        let timeline = self.verdict.current_timeline?;
        let wal = &self.archived.wal;
        Some(wal.name(timeline, wal.last(timeline)?))
    }

    /// Segments that the backups of the cluster need; `None` if unknown.
    pub(super) fn required_wal(&self, backups: &[BackupReport]) -> Option<RequiredWal> {
        let wal = &self.archived.wal;
        let mut finished = Vec::new();
        let mut running = Vec::new();
        for backup in backups {
            if !self.cluster.backups.contains(&backup.id) {
                continue;
            }
            finished.extend(requiring_backup(backup));
            if backup.state == BackupState::Running {
                running.extend(backup.info.as_ref().and_then(BackupInfo::begin_wal));
            }
        }
        let mut required = RequiredWal::of(&finished, &self.archived.histories, wal);
        for begin in running {
            required.add_running(begin, wal.size);
        }
        (!required.is_uncertain(wal)).then_some(required)
    }

    /// Removes the segments that the cluster needs, unless another one wrote them for sure.
    pub(super) fn remove_required(&self, required: &RequiredWal, segments: &mut SegmentSets) {
        if self.is_unprotected {
            remove(segments, &self.archived.wal.present());
        }
        let mut foreign = self.archived.wal.foreign.clone();
        remove(&mut foreign, &self.of_either);
        for (timeline, segments) in segments {
            let required = required.of_timeline(*timeline);
            let own = match foreign.get(timeline) {
                Some(foreign) => required.without(foreign),
                None => required,
            };
            *segments = segments.without(&own);
        }
    }
}

/// Last arrival with its timeline; of several, the one on the highest timeline.
fn last_arrival(
    arrivals: &BTreeMap<TimelineId, DateTime<Utc>>,
) -> Option<(TimelineId, DateTime<Utc>)> {
    let (timeline, at) = arrivals.iter().max_by_key(|(_, at)| **at)?;
    Some((*timeline, *at))
}

/// Takes the verdicts on the backups of all clusters, with the timelines of the newest cluster, which
/// comes last.
pub(super) fn take_verdicts(judged: &mut [JudgedCluster]) -> ServerVerdict {
    let mut verdict = ServerVerdict::default();
    let Some(newest) = judged.last() else {
        return verdict;
    };
    let size = newest.archived.wal.size;
    verdict.current_timeline = newest.verdict.current_timeline;
    verdict.unreached_timeline = newest.verdict.unreached_timeline;
    for cluster in judged {
        // The unprotected cluster that began last decides.
        if cluster.is_unprotected && cluster.verdict.unreached_timeline.is_some() {
            verdict.unreached_timeline = cluster.verdict.unreached_timeline;
        }
        verdict.backups.append(&mut cluster.verdict.backups);
        // With another segment size, the same number stands for another name.
        if cluster.archived.wal.size != size {
            continue;
        }
        for (timeline, runs) in &cluster.verdict.gaps {
            let gaps = verdict.gaps.entry(*timeline).or_default();
            for run in runs.iter() {
                gaps.insert_run(run);
            }
        }
    }
    verdict
}
