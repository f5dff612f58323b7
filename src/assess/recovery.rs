//! Recovery report on one server, from its WAL and its backups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use barman_archive::inventory::DirectoryInventory;
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId, WalDir};
use barman_archive::recovery::{
    Archived, ArchivedWal, BackupVerdict, Candidate, GraceRule, Histories, RequiringBackup,
    SegmentSets, ServerVerdict, Verdict, pending_segments, served_wal,
};
use chrono::{DateTime, Utc};

use super::candidates::{Candidates, requiring_backup};
use super::clusters::{Cluster, View, clusters};
use super::contents::Contents;
use super::judged_cluster::{JudgedCluster, take_verdicts};
use super::segments::stored_segments;
use crate::report::{BackupReport, BackupState, RecoveryProof, RecoveryReport, RestoreReport};

/// Input for judging a server.
pub(super) struct RecoverySource<'a> {
    pub(super) directory: &'a DirectoryInventory,
    pub(super) histories: &'a Arc<Histories>,
    pub(super) backups: &'a [BackupReport],
    pub(super) stray: BTreeSet<TimelineId>,
    /// Segments behind a hole that arrived after this moment are not considered yet: the ones
    /// missing before them may be on their way.
    pub(super) settled_at: DateTime<Utc>,
    /// Id of the finished backup that ended last.
    pub(super) newest: Option<&'a str>,
    /// Timeline that the database is on, according to the operator.
    pub(super) living_timeline: Option<TimelineId>,
    /// Contents of the objects, if anything is known of them.
    pub(super) contents: Option<Contents<'a>>,
}

impl RecoverySource<'_> {
    /// Builds the report. Adds to `to_list` the WAL directories whose files must be listed again to
    /// compute missing values.
    pub(super) fn report(
        &self,
        size: SegmentSize,
        to_list: &mut BTreeSet<WalDir>,
    ) -> RecoveryReport {
        let present = served_wal(&self.directory.wal, size);
        let wal = self.settled(present.clone());
        let mut judged = self.judge_all(&wal, to_list);
        let verdict = take_verdicts(&mut judged);
        let Some(newest) = judged.last() else {
            return RecoveryReport::default();
        };
        let mut stray = self.stray.clone();
        for named in [verdict.unreached_timeline, verdict.current_timeline]
            .into_iter()
            .flatten()
        {
            stray.remove(&named);
        }
        let histories_missing = self.histories_missing(&wal);
        let obsolete = self.obsolete(&judged, &wal);
        let obsolete_stored = match &obsolete {
            Some(segments) => stored_segments(&self.directory.wal, size, segments, to_list),
            None => None,
        };
        RecoveryReport {
            segment_size: size,
            stray,
            histories_damaged: self.damaged(&histories_missing),
            histories_missing,
            pending: pending_segments(&present.segments, &wal.segments),
            obsolete,
            obsolete_stored: obsolete_stored.map(|stored| stored.sums),
            restore: self.restore(newest, &verdict, to_list),
            newest_at: newest
                .last_segment()
                .and_then(|segment| self.arrived_at(segment)),
            reached_at: self.reached_at(&verdict, |backup| backup.reach, to_list),
            thawed_reached_at: self.reached_at(&verdict, |backup| backup.thawed_reach, to_list),
            all_are_known: self.all_are_known(),
            of_newest_cluster: newest.cluster.backups.clone(),
            proof: self.proof(newest, &verdict, to_list),
            chains: self.chains(newest, &verdict),
            wrong_size: wal.wrong_size,
            verdict,
        }
    }

    /// Judges every cluster; the one with the newest finished backup comes last.
    fn judge_all(&self, wal: &ArchivedWal, to_list: &mut BTreeSet<WalDir>) -> Vec<JudgedCluster> {
        let mut clusters = clusters(self.backups, self.directory);
        // The clusters are in the order of their start, except for the newest one.
        clusters.sort_by_key(|cluster| self.has_newest(cluster));
        let mut judged = Vec::new();
        for cluster in clusters {
            judged.push(match cluster.segment_size {
                Some(size) if size != wal.size => {
                    let own = self.settled(served_wal(&self.directory.wal, size));
                    self.judge(cluster, &own, to_list)
                }
                Some(_) | None => self.judge(cluster, wal, to_list),
            });
        }
        if let Some((newest, others)) = judged.split_last_mut()
            && !newest.candidates.is_empty()
        {
            for other in others {
                other.compare_with_newest(newest);
            }
        }
        judged
    }

    /// Returns whether the finished backup that ended last is of a cluster.
    fn has_newest(&self, cluster: &Cluster) -> bool {
        self.newest.is_some_and(|id| cluster.backups.contains(id))
    }

    fn judge(
        &self,
        cluster: Cluster,
        wal: &ArchivedWal,
        to_list: &mut BTreeSet<WalDir>,
    ) -> JudgedCluster {
        let View { mut wal, of_either } = cluster.view(wal, &self.directory.wal, to_list);
        if let Some(contents) = &self.contents {
            contents.mark_corrupt(&mut wal);
        }
        let archived = Archived {
            last_arrivals: self.last_arrivals(&wal),
            histories: Arc::clone(self.histories),
            living_timeline: self.living_timeline,
            wal,
        };
        let candidates = self.candidates().of(&cluster);
        let verdict = archived.judge(&candidates);
        JudgedCluster {
            cluster,
            archived,
            of_either,
            candidates,
            verdict,
            is_unprotected: false,
        }
    }

    /// Arrival time of the last segment of each timeline.
    fn last_arrivals(&self, wal: &ArchivedWal) -> BTreeMap<TimelineId, DateTime<Utc>> {
        let mut arrivals = BTreeMap::new();
        for timeline in wal.timelines() {
            let Some(last) = wal.last(timeline) else {
                continue;
            };
            if let Some(at) = self.arrived_at(wal.name(timeline, last)) {
                arrivals.insert(timeline, at);
            }
        }
        arrivals
    }

    /// Returns the WAL without the segments that have just arrived behind a hole.
    fn settled(&self, wal: ArchivedWal) -> ArchivedWal {
        let mut begins = Vec::new();
        for backup in self.backups {
            begins.extend(requiring_backup(backup).map(|requiring| requiring.span.begin));
        }
        let rule = GraceRule {
            inventory: &self.directory.wal,
            histories: self.histories,
            begins: &begins,
            settled_at: self.settled_at,
        };
        rule.settled(wal)
    }

    /// Arrival times of the segments that the backups reach, by backup id.
    ///
    /// Inside a run, as at the switch to another timeline, the arrival time has been forgotten: the
    /// WAL directory is added to `to_list`.
    fn reached_at(
        &self,
        verdict: &ServerVerdict,
        reach_of: fn(&BackupVerdict) -> Option<SegmentName>,
        to_list: &mut BTreeSet<WalDir>,
    ) -> BTreeMap<String, DateTime<Utc>> {
        let mut reached_at = BTreeMap::new();
        for (id, backup) in &verdict.backups {
            let Some(reach) = reach_of(backup) else {
                continue;
            };
            if let Some(at) = self.arrived_at(reach) {
                reached_at.insert(id.clone(), at);
            } else {
                to_list.insert(WalDir::from(reach));
            }
        }
        reached_at
    }

    fn candidates(&self) -> Candidates<'_> {
        Candidates {
            directory: self.directory,
            backups: self.backups,
            contents: self.contents,
        }
    }

    fn arrived_at(&self, segment: SegmentName) -> Option<DateTime<Utc>> {
        self.directory.wal.arrived_at(segment)
    }

    /// Objects that a restore of the newest recoverable backup reads.
    fn restore(
        &self,
        cluster: &JudgedCluster,
        verdict: &ServerVerdict,
        to_list: &mut BTreeSet<WalDir>,
    ) -> Option<RestoreReport> {
        let newest = newest_recoverable(&cluster.candidates, verdict)?;
        let backup = self.backups.iter().find(|backup| backup.id == newest.id)?;
        let mut objects = self.candidates().chain_objects(backup).ok()?;
        let begin = newest.span.begin.timeline;
        let target = verdict.current_timeline?;
        let segments = cluster.archived.replayed(&newest.span, target)?;
        // PostgreSQL requests the history file of every timeline number up to its target's,
        // including the timeline that the backup starts on (`restoreTimeLineHistoryFiles` in
        // `timeline.c`).
        for (timeline, file) in &self.directory.wal.outside_wal_dirs.histories {
            if (begin..=target).contains(timeline) {
                objects.add_object(&file.object);
            }
        }
        let size = cluster.archived.wal.size;
        objects.add(stored_segments(
            &self.directory.wal,
            size,
            &segments,
            to_list,
        )?);
        Some(RestoreReport {
            backup: backup.id.clone(),
            objects,
        })
    }

    /// Returns what is proven to be recoverable: with the backup that ended last among those whose
    /// data were read.
    ///
    /// Inside a run, arrival times have been forgotten: the WAL directory is added to `to_list`.
    fn proof(
        &self,
        cluster: &JudgedCluster,
        verdict: &ServerVerdict,
        to_list: &mut BTreeSet<WalDir>,
    ) -> Option<RecoveryProof> {
        let contents = self.contents?;
        let of_all = self.candidates();
        let verified = self
            .backups
            .iter()
            .filter(|backup| of_all.is_verified(backup));
        let ids: BTreeSet<&str> = verified.map(|backup| backup.id.as_str()).collect();
        let candidates = cluster.candidates.iter();
        let newest = candidates
            .filter(|candidate| ids.contains(candidate.id.as_str()))
            .max_by_key(|candidate| candidate.ended_at)?;
        let proof = chain(cluster, newest, verdict, contents)?;
        if proof.arrived_at.is_none() {
            to_list.insert(WalDir::from(proof.segment));
        }
        Some(proof)
    }

    /// Returns the ends of the chains of WAL that was read, from each backup.
    fn chains(
        &self,
        cluster: &JudgedCluster,
        verdict: &ServerVerdict,
    ) -> BTreeMap<String, RecoveryProof> {
        let mut chains = BTreeMap::new();
        let Some(contents) = self.contents else {
            return chains;
        };
        for candidate in &cluster.candidates {
            if let Some(end) = chain(cluster, candidate, verdict, contents) {
                chains.insert(candidate.id.clone(), end);
            }
        }
        chains
    }

    /// Timelines whose history file a restore does not find or rejects.
    fn histories_missing(&self, wal: &ArchivedWal) -> BTreeSet<TimelineId> {
        let mut timelines: BTreeSet<TimelineId> = wal.timelines().collect();
        for backup in self.backups {
            if let Some(RequiringBackup { span, .. }) = requiring_backup(backup) {
                timelines.insert(span.begin.timeline);
                timelines.insert(span.end.timeline);
            }
        }
        timelines.remove(&TimelineId::FIRST);
        timelines.retain(|timeline| !self.histories.is_usable(*timeline));
        timelines
    }

    /// Timelines in `missing` whose history file exists.
    fn damaged(&self, missing: &BTreeSet<TimelineId>) -> BTreeSet<TimelineId> {
        let mut damaged = missing.clone();
        damaged.retain(|timeline| {
            self.directory
                .wal
                .outside_wal_dirs
                .histories
                .contains_key(timeline)
        });
        damaged
    }

    fn all_are_known(&self) -> bool {
        !self
            .backups
            .iter()
            .any(|backup| matches!(backup.state, BackupState::Unreadable(_)))
    }

    /// Segments that no finished backup needs any more; `None` without a finished backup, and if
    /// the needs of a backup are unknown.
    fn obsolete(&self, judged: &[JudgedCluster], wal: &ArchivedWal) -> Option<SegmentSets> {
        let mut finished = 0;
        for backup in self.backups {
            if let Some(RequiringBackup { span, .. }) = requiring_backup(backup) {
                // No cluster with segments of this size has such a segment.
                span.begin.number(wal.size)?;
                finished += 1;
            }
        }
        let has_one_size = judged
            .iter()
            .all(|cluster| cluster.archived.wal.size == wal.size);
        if finished == 0 || !self.all_are_known() || !has_one_size {
            return None;
        }
        let mut obsolete = wal.present();
        for cluster in judged {
            let required = cluster.required_wal(self.backups)?;
            cluster.remove_required(&required, &mut obsolete);
        }
        // WAL that no backup reaches may be all that the current database has archived.
        for cluster in judged {
            if let Some(unreached) = cluster.verdict.unreached_timeline {
                obsolete.remove(&unreached);
            }
        }
        obsolete.retain(|_, runs| !runs.is_empty());
        Some(obsolete)
    }
}

/// Returns the end of the chain of WAL that was read, from a backup.
fn chain(
    cluster: &JudgedCluster,
    candidate: &Candidate,
    verdict: &ServerVerdict,
    contents: Contents<'_>,
) -> Option<RecoveryProof> {
    let span = &candidate.span;
    let target = verdict.current_timeline?;
    let replayed = cluster.archived.replayed(span, target);
    let replayed = replayed.or_else(|| cluster.archived.replayed(span, span.end.timeline))?;
    contents.proof(span, &replayed, cluster.archived.wal.size)
}

/// Finished backup that ended last among those that can be replayed to the newest WAL.
fn newest_recoverable<'a>(
    candidates: &'a [Candidate],
    verdict: &ServerVerdict,
) -> Option<&'a Candidate> {
    let recoverable = candidates.iter().filter(|candidate| {
        let verdict = verdict.backups.get(&candidate.id);
        verdict.is_some_and(|verdict| verdict.thawed == Verdict::Recoverable)
    });
    recoverable.max_by_key(|candidate| candidate.ended_at)
}
