//! The report on what can be restored of one server, and to when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::barman::{BackupOrigin, BackupStatus, KeepTarget};
use crate::inventory::{
    DirectoryInventory, FileContent, Files, Finding, PartialSegment, SmallFile, SomeObjects, Sums,
    UnreadableReason, WalInventory,
};
use crate::postgres::{LogName, Run, Runs, SegmentName, SegmentSize, TimelineId};
use crate::recovery::{
    Archived, ArchivedWal, BackupChain, BackupSpan, BackupVerdict, BrokenChain, Candidate,
    ChainLink, Histories, HistoryFile, Need, NeededWal, SegmentSets, ServerVerdict, Verdict,
};

use super::clusters::{Cluster, clusters};
use super::pending::pending;
use super::segments::stored_segments;
use super::{BackupReport, BackupState};

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

/// What it takes to judge a server.
pub(super) struct RecoverySource<'a> {
    pub(super) directory: &'a DirectoryInventory,
    pub(super) files: &'a Files,
    pub(super) backups: &'a [BackupReport],
    pub(super) stray: BTreeSet<TimelineId>,
    /// Segments behind a hole that arrived after this moment are not looked at yet: what is missing
    /// before them may be on its way.
    pub(super) settled_at: DateTime<Utc>,
    /// Id of the finished backup that ended last.
    pub(super) newest: Option<&'a str>,
    /// The timeline that an operator says the database is on.
    pub(super) living_timeline: Option<TimelineId>,
}

/// One cluster of a directory, with what a restore of its backups finds.
struct JudgedCluster {
    cluster: Cluster,
    archived: Archived,
    candidates: Vec<Candidate>,
    verdict: ServerVerdict,
}

/// The verdicts on the backups of all clusters, with the timelines of the newest one.
fn verdict_on_all(judged: &[JudgedCluster], newest: &JudgedCluster) -> ServerVerdict {
    let mut verdict = ServerVerdict {
        current_timeline: newest.verdict.current_timeline,
        unreached_timeline: newest.verdict.unreached_timeline,
        ..ServerVerdict::default()
    };
    let size = newest.archived.wal.size;
    for cluster in judged {
        verdict.backups.extend(cluster.verdict.backups.clone());
        // With segments of another size, the same number stands for another name.
        let gaps = cluster.verdict.gaps.iter().filter(|_| cluster.archived.wal.size == size);
        for (timeline, runs) in gaps {
            let gaps = verdict.gaps.entry(*timeline).or_default();
            runs.iter().for_each(|run| gaps.insert_run(run));
        }
    }
    verdict
}

impl RecoverySource<'_> {
    /// What is `lacking` are logs whose files must be listed once more to tell sums.
    pub(super) fn report(
        &self,
        size: SegmentSize,
        lacking: &mut BTreeSet<LogName>,
    ) -> RecoveryReport {
        let histories = Arc::new(histories(&self.directory.wal, self.files));
        let present = archived_wal(&self.directory.wal, size);
        let wal = self.settled(present.clone(), &histories);
        let judged = self.judge_all(&wal, &histories);
        let Some(newest) = judged.last() else { return RecoveryReport::default() };
        let verdict = verdict_on_all(&judged, newest);
        let obsolete = self.obsolete(&judged, &wal);
        let is_named = |timeline: &TimelineId| {
            [verdict.unreached_timeline, verdict.current_timeline].contains(&Some(*timeline))
        };
        let histories_missing = self.histories_missing(&wal, &histories);
        RecoveryReport {
            segment_size: size,
            pending: pending(&present.segments, &wal.segments),
            stray: self.stray.iter().copied().filter(|stray| !is_named(stray)).collect(),
            newest_at: self.newest_at(newest),
            reached_at: self.reached_at(&verdict, |one| one.reach, lacking),
            thawed_reached_at: self.reached_at(&verdict, |one| one.thawed_reach, lacking),
            histories_damaged: self.damaged(&histories_missing),
            histories_missing,
            all_are_known: self.all_are_known(),
            obsolete_stored: obsolete.as_ref().and_then(|segments| {
                let stored = stored_segments(&self.directory.wal, size, segments, lacking);
                stored.map(|stored| stored.sums)
            }),
            obsolete,
            restore: self.restore(newest, lacking),
            of_newest_cluster: newest.cluster.backups.clone(),
            wrong_size: wal.wrong_size,
            verdict,
        }
    }

    /// Judges every cluster, that of the newest finished backup last.
    fn judge_all(&self, wal: &ArchivedWal, histories: &Arc<Histories>) -> Vec<JudgedCluster> {
        let mut clusters = clusters(self.backups, self.directory);
        let has_newest =
            |cluster: &Cluster| self.newest.is_some_and(|id| cluster.backups.contains(id));
        // In the order in which they began, but for that one.
        clusters.sort_by_key(has_newest);
        let judge = |cluster: Cluster| match cluster.segment_size {
            Some(size) if size != wal.size => {
                let present = archived_wal(&self.directory.wal, size);
                self.judge(cluster, &self.settled(present, histories), histories)
            }
            Some(_) | None => self.judge(cluster, wal, histories),
        };
        clusters.into_iter().map(judge).collect()
    }

    fn judge(
        &self,
        cluster: Cluster,
        wal: &ArchivedWal,
        histories: &Arc<Histories>,
    ) -> JudgedCluster {
        let wal = cluster.view(wal, &self.directory.wal);
        let last_arrivals = wal.timelines().filter_map(|timeline| {
            let last = wal.name(timeline, wal.last(timeline)?);
            Some((timeline, self.arrived_at(last)?))
        });
        let archived = Archived {
            last_arrivals: last_arrivals.collect(),
            histories: Arc::clone(histories),
            living_timeline: self.living_timeline,
            wal,
        };
        let candidates = self.candidates(&cluster);
        let verdict = archived.judge(&candidates);
        JudgedCluster { cluster, archived, candidates, verdict }
    }

    /// The WAL without what has just arrived behind a hole, also one at the beginning of a timeline.
    ///
    /// Where a finished backup begins, WAL is no fragment: retention leaves holes before it.
    fn settled(&self, mut wal: ArchivedWal, histories: &Histories) -> ArchivedWal {
        let size = wal.size;
        let spans: Vec<BackupSpan> =
            self.backups.iter().filter_map(span_of).map(|(span, _)| span).collect();
        let begins: BTreeSet<(TimelineId, u64)> = spans
            .iter()
            .filter_map(|span| Some((span.begin.timeline, span.begin.number(size)?)))
            .collect();
        for (timeline, segments) in &mut wal.segments {
            let parent = histories.ancestors(*timeline).and_then(<[_]>::last);
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
            // Without a known beginning, the first segment that is there is taken for it.
            let settled = (runs.len() - on_their_way).max(usize::from(starts_at.is_none()));
            *segments = Runs::default();
            runs.iter().take(settled).for_each(|run| segments.insert_run(*run));
        }
        wal.segments.retain(|_, segments| !segments.is_empty());
        wal
    }

    /// When the last segment arrived of the timeline that verdicts speak of.
    fn newest_at(&self, cluster: &JudgedCluster) -> Option<DateTime<Utc>> {
        let timeline = cluster.verdict.current_timeline?;
        let wal = &cluster.archived.wal;
        self.arrived_at(wal.name(timeline, wal.last(timeline)?))
    }

    fn reached_at(
        &self,
        verdict: &ServerVerdict,
        reach_of: impl Fn(&BackupVerdict) -> Option<SegmentName>,
        lacking: &mut BTreeSet<LogName>,
    ) -> BTreeMap<String, DateTime<Utc>> {
        let mut reached_at = BTreeMap::new();
        for (id, one) in &verdict.backups {
            let Some(reach) = reach_of(one) else { continue };
            match self.arrived_at(reach) {
                Some(at) => drop(reached_at.insert(id.clone(), at)),
                // Inside a run, as where a timeline was left: forgotten.
                None => drop(lacking.insert(LogName::from(reach))),
            }
        }
        reached_at
    }

    fn arrived_at(&self, segment: SegmentName) -> Option<DateTime<Utc>> {
        let log = self.directory.wal.logs.get(&LogName::from(segment))?;
        log.arrived_at(segment.segment)
    }

    fn candidates(&self, cluster: &Cluster) -> Vec<Candidate> {
        let done = self.backups.iter().filter(|backup| backup.state == BackupState::Done);
        let of_cluster = done.filter(|backup| cluster.backups.contains(&backup.id));
        of_cluster.filter_map(|backup| self.candidate(backup)).collect()
    }

    fn candidate(&self, backup: &BackupReport) -> Option<Candidate> {
        let (span, need) = span_of(backup)?;
        let ended_at = backup.done_at()?;
        let objects = self.chain_objects(backup);
        Some(Candidate {
            id: backup.id.clone(),
            span,
            need,
            ended_at,
            has_cold_data: objects.as_ref().is_ok_and(|objects| objects.blocked > 0),
            broken_parent: objects.err().map(|broken| broken.backup),
        })
    }

    /// Objects of a backup and of those that it builds on.
    fn chain_objects(&self, backup: &BackupReport) -> Result<SomeObjects, BrokenChain> {
        let parent = backup.info.as_ref().and_then(|info| info.parent_id.as_deref());
        let chain = BackupChain::of(&backup.id, parent, |id| self.chain_link(id))?;
        let mut objects = SomeObjects::default();
        for id in chain.parents.into_iter().chain([backup.id.as_str()]) {
            objects.add(self.own_objects(id).unwrap_or_default());
        }
        Ok(objects)
    }

    fn chain_link(&self, id: &str) -> Option<ChainLink<'_>> {
        let backup = self.backup(id)?;
        let inventory = self.directory.backups.get(id)?;
        match (&backup.info, backup.state) {
            (Some(info), _) => Some(ChainLink::of(info, inventory.has_all_data(info))),
            (None, BackupState::Unreadable(_)) => Some(ChainLink::unreadable()),
            (None, _) => None,
        }
    }

    /// The backups are in order of their ids.
    fn backup(&self, id: &str) -> Option<&BackupReport> {
        let place = self.backups.binary_search_by(|backup| backup.id.as_str().cmp(id)).ok()?;
        self.backups.get(place)
    }

    fn own_objects(&self, id: &str) -> Option<SomeObjects> {
        let info = self.backup(id)?.info.as_ref()?;
        Some(self.directory.backups.get(id)?.own_objects(info))
    }

    fn restore(
        &self,
        cluster: &JudgedCluster,
        lacking: &mut BTreeSet<LogName>,
    ) -> Option<RestoreReport> {
        let JudgedCluster { archived, candidates, verdict, .. } = cluster;
        let is_recoverable = |candidate: &&Candidate| {
            let verdict = verdict.backups.get(&candidate.id);
            verdict.is_some_and(|one| one.thawed == Verdict::Recoverable)
        };
        let newest = candidates.iter().filter(is_recoverable).max_by_key(|one| one.ended_at)?;
        let backup = self.backups.iter().find(|backup| backup.id == newest.id)?;
        let mut objects = self.chain_objects(backup).ok()?;
        let (begin, target) = (newest.span.begin.timeline, verdict.current_timeline?);
        let segments = archived.replayed(&newest.span, target)?;
        // PostgreSQL asks for the file of every number up to its target's, also of the timeline that
        // the backup begins on (`restoreTimeLineHistoryFiles` in `timeline.c`).
        let histories = self.directory.wal.beside.histories.iter();
        let asked_for = histories.filter(|(id, _)| (begin..=target).contains(*id));
        asked_for.for_each(|(_, file)| objects.add_object(&file.object));
        let (wal, size) = (&self.directory.wal, archived.wal.size);
        objects.add(stored_segments(wal, size, &segments, lacking)?);
        Some(RestoreReport { backup: backup.id.clone(), objects })
    }

    /// Timelines whose history file a restore does not find, or refuses.
    fn histories_missing(&self, wal: &ArchivedWal, histories: &Histories) -> BTreeSet<TimelineId> {
        let spans = self.backups.iter().filter_map(span_of);
        let with_backups = spans.flat_map(|(span, _)| [span.begin.timeline, span.end.timeline]);
        let is_missing = |timeline: &TimelineId| {
            *timeline != TimelineId::FIRST && !histories.is_usable(*timeline)
        };
        wal.timelines().chain(with_backups).filter(is_missing).collect()
    }

    /// Those of some timelines whose history file is there.
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
        let are_alike = judged.iter().all(|one| one.archived.wal.size == wal.size);
        if needs.is_empty() || !are_known || !are_alike {
            return None;
        }
        let mut obsolete = wal.present();
        for JudgedCluster { cluster, archived, .. } in judged {
            let of_cluster = needs.iter().filter(|(id, _)| cluster.backups.contains(*id));
            let of_cluster: Vec<_> = of_cluster.map(|(_, need)| *need).collect();
            let mut needed = NeededWal::of(&of_cluster, &archived.histories, &archived.wal);
            for begin in self.running_begins(cluster) {
                needed.add_running(begin, wal.size);
            }
            if needed.is_uncertain(&archived.wal) {
                return None;
            }
            for (timeline, segments) in &mut obsolete {
                let needed = needed.of_timeline(*timeline);
                let own = match archived.wal.foreign.get(timeline) {
                    Some(foreign) => needed.without(foreign),
                    None => needed,
                };
                *segments = segments.without(&own);
            }
        }
        // What no backup reaches may be all that the living database has archived.
        let unreached = judged.iter().filter_map(|one| one.verdict.unreached_timeline);
        unreached.for_each(|timeline| drop(obsolete.remove(&timeline)));
        obsolete.retain(|_, runs| !runs.is_empty());
        Some(obsolete)
    }

    /// The segments with which backups of a cluster that are under way begin.
    fn running_begins(&self, cluster: &Cluster) -> impl Iterator<Item = SegmentName> {
        let running = self.backups.iter().filter(|backup| backup.state == BackupState::Running);
        let of_cluster = running.filter(|backup| cluster.backups.contains(&backup.id));
        of_cluster.filter_map(|backup| backup.info.as_ref()?.begin_wal)
    }
}

/// The history files of a server.
pub(super) fn histories(wal: &WalInventory, files: &Files) -> Histories {
    let histories = wal.beside.histories.iter();
    Histories::new(histories.map(|(id, file)| (*id, history_file(files, file))).collect())
}

/// Content of a history file, as a restore finds it.
fn history_file(files: &Files, file: &SmallFile) -> HistoryFile {
    match files.finding(file) {
        Some(Finding::Read(FileContent::History(history))) => {
            HistoryFile::Readable(history.clone())
        }
        Some(Finding::Unreadable { reason: UnreadableReason::Compression, .. }) => {
            HistoryFile::NotDecompressible
        }
        Some(Finding::Unreadable { reason: UnreadableReason::Syntax, .. }) => HistoryFile::Invalid,
        Some(Finding::Read(_) | Finding::Unreadable { .. } | Finding::Gone) | None => {
            HistoryFile::Unknown
        }
    }
}

/// From where to where a backup that Barman calls done needs WAL, and what for.
fn span_of(backup: &BackupReport) -> Option<(BackupSpan, Need)> {
    let info = backup.info.as_ref().filter(|info| info.status == BackupStatus::Done)?;
    let span = BackupSpan {
        begin: info.begin_wal?,
        end: info.end_wal?,
        end_lsn: info.end_lsn,
        checkpoint: info.label.map(|label| label.checkpoint).or(info.begin_lsn),
        origin: info.label.map_or(BackupOrigin::Primary, |label| label.origin),
    };
    let need = match backup.keep {
        Some(KeepTarget::Standalone) => Need::JustItself,
        Some(KeepTarget::Full) | None => Need::EverythingAfter,
    };
    Some((span, need))
}

/// Segments by their number on their timeline.
fn archived_wal(wal: &WalInventory, size: SegmentSize) -> ArchivedWal {
    let mut archived = ArchivedWal { size, ..ArchivedWal::default() };
    let per_log = u64::from(size.segments_per_log());
    for (name, content) in &wal.logs {
        let first = u64::from(name.log) * per_log;
        let insert = |sets: &mut SegmentSets, runs: &Runs| {
            // Names beyond the end of the log are anomalies: nothing ever asks for them.
            for run in runs.within(0, per_log - 1).iter() {
                let run = Run { first: first + run.first, last: first + run.last };
                sets.entry(name.timeline).or_default().insert_run(run);
            }
        };
        let unusable = content.unusable_segments(size);
        let usable = content.segments.without(&unusable);
        let wrong_size = unusable.without(&content.rarities().not_decompressible);
        insert(&mut archived.segments, &usable);
        insert(&mut archived.wrong_size, &wrong_size);
        insert(&mut archived.cold, &content.rarities().cold);
    }
    for (name, partial) in wal.partials() {
        let Some(number) = name.number(size).filter(|_| !partial.is_not_decompressible) else {
            continue;
        };
        add_partial(&mut archived, name.timeline, number, partial);
    }
    archived
}

/// Adds a partial segment, in the place of the whole one where a restore takes it for that.
fn add_partial(wal: &mut ArchivedWal, timeline: TimelineId, number: u64, partial: PartialSegment) {
    let run = Run { first: number, last: number };
    let is_whole = [&wal.segments, &wal.wrong_size]
        .iter()
        .any(|sets| sets.get(&timeline).is_some_and(|segments| segments.contains(number)));
    if is_whole && !partial.is_preferred {
        return;
    }
    for sets in [&mut wal.segments, &mut wal.wrong_size, &mut wal.cold] {
        if let Some(segments) = sets.get_mut(&timeline) {
            segments.remove_run(run);
        }
    }
    if !partial.is_read_at_once {
        wal.cold.entry(timeline).or_default().insert_run(run);
    }
    let is_plain = partial.compression.is_none();
    if partial.bytes == 0 || is_plain && partial.bytes != u64::from(wal.size.bytes()) {
        wal.wrong_size.entry(timeline).or_default().insert_run(run);
    } else {
        wal.partials.insert((timeline, number));
    }
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
