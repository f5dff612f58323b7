//! Builds the recovery report on one server from its WAL and its backups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use barman_archive::inventory::DirectoryInventory;
use barman_archive::postgres::{Run, Runs, SegmentName, SegmentSize, TimelineId, WalDir};
use barman_archive::recovery::{
    Archived, ArchivedWal, BackupSpan, BackupVerdict, Candidate, Histories, RequiredWal,
    SegmentSets, ServerVerdict, Verdict,
};
use chrono::{DateTime, Utc};

use super::candidates::{Candidates, span_of};
use super::clusters::{Cluster, View, clusters, remove};
use super::pending::pending;
use super::segments::stored_segments;
use super::served_wal::archived_wal;
use super::{BackupReport, BackupState, RecoveryReport, RestoreReport};

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
}

/// One cluster of a directory, with the archived WAL that a restore of its backups finds.
struct JudgedCluster {
    cluster: Cluster,
    archived: Archived,
    /// Foreign segments that may be of this cluster all the same.
    of_either: SegmentSets,
    candidates: Vec<Candidate>,
    verdict: ServerVerdict,
    /// True if it is later than the newest cluster with a finished backup: nothing can be restored
    /// of it yet.
    is_unprotected: bool,
}

/// Takes the verdicts on the backups of all clusters, with the timelines of the newest cluster, which
/// comes last.
fn take_verdicts(judged: &mut [JudgedCluster]) -> ServerVerdict {
    let mut verdict = ServerVerdict::default();
    let Some(newest) = judged.last() else { return verdict };
    let size = newest.archived.wal.size;
    let mut unprotected = judged.iter().rev().filter(|cluster| cluster.is_unprotected);
    let unreached = unprotected.find_map(|cluster| cluster.verdict.unreached_timeline);
    verdict.current_timeline = newest.verdict.current_timeline;
    verdict.unreached_timeline = unreached.or(newest.verdict.unreached_timeline);
    for cluster in judged {
        verdict.backups.append(&mut cluster.verdict.backups);
        // With another segment size, the same number stands for another name.
        let gaps = cluster.verdict.gaps.iter().filter(|_| cluster.archived.wal.size == size);
        for (timeline, runs) in gaps {
            let gaps = verdict.gaps.entry(*timeline).or_default();
            runs.iter().for_each(|run| gaps.insert_run(run));
        }
    }
    verdict
}

impl JudgedCluster {
    /// Notes whether the cluster is later than the newest one with a finished backup, and whether it
    /// has newer WAL.
    fn compare_with_newest(&mut self, newest: &Self) {
        if !self.candidates.is_empty() || !self.cluster.is_later_than(&newest.cluster) {
            return;
        }
        self.is_unprotected = true;
        let newest_at = newest.archived.last_arrivals.values().max();
        let arrivals = self.archived.last_arrivals.iter();
        let last = arrivals.max_by_key(|(_, at)| **at).filter(|(_, at)| Some(*at) > newest_at);
        let living = newest.archived.living_timeline;
        let last = last.filter(|(timeline, _)| living.is_none_or(|living| living == **timeline));
        self.verdict.unreached_timeline = last.map(|(timeline, _)| *timeline);
    }

    /// Removes the segments that the cluster needs, unless another one wrote them for sure.
    fn remove_needed(&self, needed: &RequiredWal, segments: &mut SegmentSets) {
        if self.is_unprotected {
            remove(segments, &self.archived.wal.present());
        }
        let mut foreign = self.archived.wal.foreign.clone();
        remove(&mut foreign, &self.of_either);
        for (timeline, segments) in segments {
            let needed = needed.of_timeline(*timeline);
            let own = match foreign.get(timeline) {
                Some(foreign) => needed.without(foreign),
                None => needed,
            };
            *segments = segments.without(&own);
        }
    }
}

impl RecoverySource<'_> {
    /// Builds the report. Adds to `lacking` the WAL directories whose files must be listed again to
    /// compute missing values.
    pub(super) fn report(
        &self,
        size: SegmentSize,
        lacking: &mut BTreeSet<WalDir>,
    ) -> RecoveryReport {
        let present = archived_wal(&self.directory.wal, size);
        let wal = self.settled(present.clone());
        let mut judged = self.judge_all(&wal, lacking);
        let verdict = take_verdicts(&mut judged);
        let Some(newest) = judged.last() else { return RecoveryReport::default() };
        let obsolete = self.obsolete(&judged, &wal);
        let is_named = |timeline: &TimelineId| {
            [verdict.unreached_timeline, verdict.current_timeline].contains(&Some(*timeline))
        };
        let histories_missing = self.histories_missing(&wal);
        RecoveryReport {
            segment_size: size,
            pending: pending(&present.segments, &wal.segments),
            stray: self.stray.iter().copied().filter(|stray| !is_named(stray)).collect(),
            newest_at: self.newest_at(newest),
            reached_at: self.reached_at(&verdict, |backup| backup.reach, lacking),
            thawed_reached_at: self.reached_at(&verdict, |backup| backup.thawed_reach, lacking),
            histories_damaged: self.damaged(&histories_missing),
            histories_missing,
            all_are_known: self.all_are_known(),
            obsolete_stored: obsolete.as_ref().and_then(|segments| {
                let stored = stored_segments(&self.directory.wal, size, segments, lacking);
                stored.map(|stored| stored.sums)
            }),
            obsolete,
            restore: self.restore(newest, &verdict, lacking),
            of_newest_cluster: newest.cluster.backups.clone(),
            wrong_size: wal.wrong_size,
            verdict,
        }
    }

    /// Judges every cluster; the one with the newest finished backup comes last.
    fn judge_all(&self, wal: &ArchivedWal, lacking: &mut BTreeSet<WalDir>) -> Vec<JudgedCluster> {
        let mut clusters = clusters(self.backups, self.directory);
        let has_newest =
            |cluster: &Cluster| self.newest.is_some_and(|id| cluster.backups.contains(id));
        // The clusters are in the order of their start, except for that one.
        clusters.sort_by_key(has_newest);
        let judge = |cluster: Cluster| match cluster.segment_size {
            Some(size) if size != wal.size => {
                let present = archived_wal(&self.directory.wal, size);
                self.judge(cluster, &self.settled(present), lacking)
            }
            Some(_) | None => self.judge(cluster, wal, lacking),
        };
        let mut judged: Vec<_> = clusters.into_iter().map(judge).collect();
        if let Some((newest, others)) = judged.split_last_mut()
            && !newest.candidates.is_empty()
        {
            for other in others {
                other.compare_with_newest(newest);
            }
        }
        judged
    }

    fn judge(
        &self,
        cluster: Cluster,
        wal: &ArchivedWal,
        lacking: &mut BTreeSet<WalDir>,
    ) -> JudgedCluster {
        let View { wal, of_either } = cluster.view(wal, &self.directory.wal, lacking);
        let last_arrivals = wal.timelines().filter_map(|timeline| {
            let last = wal.name(timeline, wal.last(timeline)?);
            Some((timeline, self.arrived_at(last)?))
        });
        let archived = Archived {
            last_arrivals: last_arrivals.collect(),
            histories: Arc::clone(self.histories),
            living_timeline: self.living_timeline,
            wal,
        };
        let candidates = self.candidates().of(&cluster);
        let verdict = archived.judge(&candidates);
        JudgedCluster { cluster, archived, of_either, candidates, verdict, is_unprotected: false }
    }

    /// Returns the WAL without the segments that have just arrived behind a hole, including a hole
    /// at the start of a timeline.
    ///
    /// A run that contains the start of a finished backup is kept: retention leaves holes before
    /// it.
    fn settled(&self, mut wal: ArchivedWal) -> ArchivedWal {
        let size = wal.size;
        let spans: Vec<BackupSpan> =
            self.backups.iter().filter_map(span_of).map(|(span, _)| span).collect();
        let begins: BTreeSet<(TimelineId, u64)> = spans
            .iter()
            .filter_map(|span| Some((span.begin.timeline, span.begin.number(size)?)))
            .collect();
        for (timeline, segments) in &mut wal.segments {
            let parent = self.histories.ancestors(*timeline).and_then(<[_]>::last);
            let starts_at = parent.map(|parent| size.segment_of(parent.switched_at));
            let is_on_its_way = |run: &&Run| {
                let first = SegmentName::from_number(*timeline, run.first, size);
                let is_young = self.arrived_at(first).is_some_and(|at| at > self.settled_at);
                let holds_begin =
                    begins.range((*timeline, run.first)..=(*timeline, run.last)).next();
                is_young && holds_begin.is_none() && starts_at != Some(run.first)
            };
            let runs: Vec<Run> = segments.iter().collect();
            let on_their_way = runs.iter().rev().take_while(is_on_its_way).count();
            // If the start of the timeline is unknown, the first present segment is assumed to be
            // its start.
            let settled = (runs.len() - on_their_way).max(usize::from(starts_at.is_none()));
            *segments = Runs::default();
            runs.iter().take(settled).for_each(|run| segments.insert_run(*run));
        }
        wal.segments.retain(|_, segments| !segments.is_empty());
        wal
    }

    /// Arrival time of the last segment of the current timeline, to which the verdicts refer.
    fn newest_at(&self, cluster: &JudgedCluster) -> Option<DateTime<Utc>> {
        let timeline = cluster.verdict.current_timeline?;
        let wal = &cluster.archived.wal;
        self.arrived_at(wal.name(timeline, wal.last(timeline)?))
    }

    fn reached_at(
        &self,
        verdict: &ServerVerdict,
        reach_of: impl Fn(&BackupVerdict) -> Option<SegmentName>,
        lacking: &mut BTreeSet<WalDir>,
    ) -> BTreeMap<String, DateTime<Utc>> {
        let mut reached_at = BTreeMap::new();
        for (id, backup) in &verdict.backups {
            let Some(reach) = reach_of(backup) else { continue };
            match self.arrived_at(reach) {
                Some(at) => drop(reached_at.insert(id.clone(), at)),
                // Inside a run, as at the switch to another timeline, the arrival time has been
                // forgotten.
                None => drop(lacking.insert(WalDir::from(reach))),
            }
        }
        reached_at
    }

    fn candidates(&self) -> Candidates<'_> {
        Candidates { directory: self.directory, backups: self.backups }
    }

    fn arrived_at(&self, segment: SegmentName) -> Option<DateTime<Utc>> {
        let wal_dir = self.directory.wal.dirs.get(&WalDir::from(segment))?;
        wal_dir.arrived_at(segment.low)
    }

    fn restore(
        &self,
        cluster: &JudgedCluster,
        verdict: &ServerVerdict,
        lacking: &mut BTreeSet<WalDir>,
    ) -> Option<RestoreReport> {
        let JudgedCluster { archived, candidates, .. } = cluster;
        let is_recoverable = |candidate: &&Candidate| {
            let verdict = verdict.backups.get(&candidate.id);
            verdict.is_some_and(|verdict| verdict.thawed == Verdict::Recoverable)
        };
        let newest =
            candidates.iter().filter(is_recoverable).max_by_key(|candidate| candidate.ended_at)?;
        let backup = self.backups.iter().find(|backup| backup.id == newest.id)?;
        let mut objects = self.candidates().chain_objects(backup).ok()?;
        let (begin, target) = (newest.span.begin.timeline, verdict.current_timeline?);
        let segments = archived.replayed(&newest.span, target)?;
        // PostgreSQL requests the history file of every timeline number up to its target's,
        // including the timeline that the backup starts on (`restoreTimeLineHistoryFiles` in
        // `timeline.c`).
        let histories = self.directory.wal.beside.histories.iter();
        let asked_for = histories.filter(|(id, _)| (begin..=target).contains(*id));
        asked_for.for_each(|(_, file)| objects.add_object(&file.object));
        let (wal, size) = (&self.directory.wal, archived.wal.size);
        objects.add(stored_segments(wal, size, &segments, lacking)?);
        Some(RestoreReport { backup: backup.id.clone(), objects })
    }

    /// Timelines whose history file a restore does not find or rejects.
    fn histories_missing(&self, wal: &ArchivedWal) -> BTreeSet<TimelineId> {
        let spans = self.backups.iter().filter_map(span_of);
        let with_backups = spans.flat_map(|(span, _)| [span.begin.timeline, span.end.timeline]);
        let is_missing = |timeline: &TimelineId| {
            *timeline != TimelineId::FIRST && !self.histories.is_usable(*timeline)
        };
        wal.timelines().chain(with_backups).filter(is_missing).collect()
    }

    /// Timelines in `missing` whose history file exists.
    fn damaged(&self, missing: &BTreeSet<TimelineId>) -> BTreeSet<TimelineId> {
        let here = &self.directory.wal.beside.histories;
        missing.iter().copied().filter(|timeline| here.contains_key(timeline)).collect()
    }

    fn all_are_known(&self) -> bool {
        !self.backups.iter().any(|backup| matches!(backup.state, BackupState::Unreadable(_)))
    }

    fn obsolete(&self, judged: &[JudgedCluster], wal: &ArchivedWal) -> Option<SegmentSets> {
        let needs: Vec<_> = self
            .backups
            .iter()
            .filter_map(|backup| Some((backup.id.as_str(), span_of(backup)?)))
            .collect();
        let is_possible = |span: &BackupSpan| span.begin.number(wal.size).is_some();
        let are_known =
            self.all_are_known() && needs.iter().all(|(_, (span, _))| is_possible(span));
        let are_alike = judged.iter().all(|cluster| cluster.archived.wal.size == wal.size);
        if needs.is_empty() || !are_known || !are_alike {
            return None;
        }
        let mut obsolete = wal.present();
        for judged in judged {
            let JudgedCluster { cluster, archived, .. } = judged;
            let of_cluster = needs.iter().filter(|(id, _)| cluster.backups.contains(*id));
            let of_cluster: Vec<_> = of_cluster.map(|(_, need)| *need).collect();
            let mut needed = RequiredWal::of(&of_cluster, &archived.histories, &archived.wal);
            for begin in self.running_begins(cluster) {
                needed.add_running(begin, wal.size);
            }
            if needed.is_uncertain(&archived.wal) {
                return None;
            }
            judged.remove_needed(&needed, &mut obsolete);
        }
        // WAL that no backup reaches may be all that the current database has archived.
        let unreached = judged.iter().filter_map(|cluster| cluster.verdict.unreached_timeline);
        unreached.for_each(|timeline| drop(obsolete.remove(&timeline)));
        obsolete.retain(|_, runs| !runs.is_empty());
        Some(obsolete)
    }

    /// Start segments of the running backups of a cluster.
    fn running_begins(&self, cluster: &Cluster) -> impl Iterator<Item = SegmentName> {
        let running = self.backups.iter().filter(|backup| backup.state == BackupState::Running);
        let of_cluster = running.filter(|backup| cluster.backups.contains(&backup.id));
        of_cluster.filter_map(|backup| backup.info.as_ref()?.begin_wal)
    }
}
