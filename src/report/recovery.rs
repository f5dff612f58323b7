//! The report on what can be restored of one server, and to when.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::barman::{BackupStatus, KeepTarget};
use crate::inventory::{DirectoryInventory, Files, SomeObjects, Sums, WalInventory};
use crate::postgres::{LogName, Run, Runs, SegmentName, SegmentSize, TimelineId};
use crate::recovery::{
    Archived, ArchivedWal, BackupSpan, Candidate, Lineages, Need, NeededWal, ServerVerdict, Verdict,
};

use super::pending::{named, pending};
use super::segments::stored_segments;
use super::{BackupReport, BackupState};

/// What can be restored of one server, and to when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryReport {
    /// The verdicts on its backups, its current timeline, its gaps.
    pub verdict: ServerVerdict,
    /// Size of the segments, which ties the numbers in here to names.
    pub segment_size: SegmentSize,
    /// Timelines that another cluster wrote.
    pub stray: BTreeSet<TimelineId>,
    /// Timelines with WAL or backups whose history file is missing or unreadable.
    pub histories_missing: BTreeSet<TimelineId>,
    /// Missing segments below ones that have just arrived, which may be on their way: no gaps yet.
    pub pending: BTreeMap<TimelineId, Runs>,
    /// Segments that no finished backup still needs, by timeline; `None` without a finished backup,
    /// as the first one may be on its way, and where the needs of one are not known.
    pub obsolete: Option<BTreeMap<TimelineId, Runs>>,
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
    /// Whether every backup could be read: what one that cannot be read needs is not known.
    pub all_are_known: bool,
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
}

impl RecoverySource<'_> {
    /// What is `lacking` are logs whose files must be listed once more to tell sums.
    pub(super) fn report(
        &self,
        size: SegmentSize,
        lacking: &mut BTreeSet<LogName>,
    ) -> RecoveryReport {
        let lineages = Lineages::new(self.histories());
        let present = archived_wal(&self.directory.wal, size);
        let settled = self.settled(present.clone(), &lineages);
        let pending = pending(&present.segments, &settled.segments);
        let archived = Archived {
            wal: settled,
            lineages,
            listed_histories: self.directory.wal.beside.histories.keys().copied().collect(),
            stray: self.stray.clone(),
        };
        let candidates = self.candidates();
        let verdict = archived.judge(&candidates);
        let newest = verdict
            .current_timeline
            .and_then(|timeline| Some(archived.wal.name(timeline, archived.wal.last(timeline)?)));
        let obsolete = self.obsolete(&archived);
        RecoveryReport {
            segment_size: size,
            pending,
            stray: self.stray.clone(),
            newest_at: newest.and_then(|newest| self.arrived_at(newest)),
            reached_at: self.reached_at(&verdict, lacking),
            histories_missing: self.histories_missing(&archived),
            all_are_known: self.all_are_known(),
            obsolete_stored: obsolete.as_ref().and_then(|segments| {
                let stored = stored_segments(&self.directory.wal, size, segments, lacking);
                stored.map(|stored| stored.sums)
            }),
            obsolete,
            restore: self.restore(&archived, &candidates, &verdict, lacking),
            verdict,
        }
    }

    /// The WAL without what has just arrived behind a hole, also one at the beginning of a timeline.
    ///
    /// Where a finished backup begins, WAL is no fragment: retention leaves holes before it.
    fn settled(&self, mut wal: ArchivedWal, lineages: &Lineages) -> ArchivedWal {
        let size = wal.size;
        let spans: Vec<BackupSpan> =
            self.backups.iter().filter_map(span_of).map(|(span, _)| span).collect();
        let begins: BTreeSet<(TimelineId, u64)> = spans
            .iter()
            .filter_map(|span| Some((span.begin.timeline, span.begin.number(size)?)))
            .collect();
        for (timeline, segments) in &mut wal.segments {
            let parent = lineages.ancestors(*timeline).and_then(<[_]>::last);
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

    fn reached_at(
        &self,
        verdict: &ServerVerdict,
        lacking: &mut BTreeSet<LogName>,
    ) -> BTreeMap<String, DateTime<Utc>> {
        let mut reached_at = BTreeMap::new();
        for (id, one) in &verdict.backups {
            let Some(reach) = one.reach else { continue };
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

    fn histories(&self) -> BTreeMap<TimelineId, crate::postgres::TimelineHistory> {
        let files = self.directory.wal.beside.histories.iter();
        files.filter_map(|(id, file)| Some((*id, self.files.history(file)?.clone()))).collect()
    }

    fn candidates(&self) -> Vec<Candidate> {
        let done = self.backups.iter().filter(|backup| backup.state == BackupState::Done);
        done.filter_map(|backup| {
            let (span, need) = span_of(backup)?;
            Some(Candidate { id: backup.id.clone(), span, need, ended_at: backup.done_at()? })
        })
        .collect()
    }

    fn restore(
        &self,
        archived: &Archived,
        candidates: &[Candidate],
        verdict: &ServerVerdict,
        lacking: &mut BTreeSet<LogName>,
    ) -> Option<RestoreReport> {
        let is_recoverable = |candidate: &&Candidate| {
            let verdict = verdict.backups.get(&candidate.id);
            verdict.is_some_and(|one| one.verdict == Verdict::Recoverable)
        };
        let newest = candidates.iter().filter(is_recoverable).max_by_key(|one| one.ended_at)?;
        let backup = self.backups.iter().find(|backup| backup.id == newest.id)?;
        let inventory = self.directory.backups.get(&backup.id)?;
        let mut objects = inventory.own_objects(backup.info.as_ref()?);
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

    fn histories_missing(&self, archived: &Archived) -> BTreeSet<TimelineId> {
        let with_wal = archived.wal.segments.keys().copied();
        let spans = self.backups.iter().filter_map(span_of);
        let with_backups = spans.flat_map(|(span, _)| [span.begin.timeline, span.end.timeline]);
        with_wal
            .chain(with_backups)
            .filter(|id| *id != TimelineId::FIRST && !archived.lineages.has_history(*id))
            .collect()
    }

    fn all_are_known(&self) -> bool {
        !self.backups.iter().any(|backup| matches!(backup.state, BackupState::Unreadable(_)))
    }

    fn obsolete(&self, archived: &Archived) -> Option<BTreeMap<TimelineId, Runs>> {
        let needs: Vec<_> = self.backups.iter().filter_map(span_of).collect();
        let is_possible = |span: &BackupSpan| span.begin.number(archived.wal.size).is_some();
        let are_known = self.all_are_known() && needs.iter().all(|(span, _)| is_possible(span));
        if needs.is_empty() || !are_known {
            return None;
        }
        let needed = NeededWal::of(&needs, &archived.lineages, &archived.wal);
        let obsolete = archived.wal.segments.iter().map(|(timeline, present)| {
            let mut runs = Runs::default();
            for run in present.iter() {
                let not_needed = needed.not_needed(*timeline, run.first, run.last);
                not_needed.iter().for_each(|run| runs.insert_run(run));
            }
            (*timeline, runs)
        });
        Some(obsolete.filter(|(_, runs)| !runs.is_empty()).collect())
    }
}

/// From where to where a backup that Barman calls done needs WAL, and what for.
fn span_of(backup: &BackupReport) -> Option<(BackupSpan, Need)> {
    let info = backup.info.as_ref().filter(|info| info.status == BackupStatus::Done)?;
    let span = BackupSpan { begin: info.begin_wal?, end: info.end_wal?, end_lsn: info.end_lsn };
    let need = match backup.keep {
        Some(KeepTarget::Standalone) => Need::JustItself,
        Some(KeepTarget::Full) | None => Need::EverythingAfter,
    };
    Some((span, need))
}

/// Segments by their number on their timeline.
fn archived_wal(wal: &WalInventory, size: SegmentSize) -> ArchivedWal {
    let mut segments: BTreeMap<TimelineId, Runs> = BTreeMap::new();
    let per_log = u64::from(size.segments_per_log());
    for (name, content) in &wal.logs {
        let first = u64::from(name.log) * per_log;
        // Names beyond the end of the log are anomalies: nothing ever asks for them.
        for run in content.segments.within(0, per_log - 1).iter() {
            let run = Run { first: first + run.first, last: first + run.last };
            segments.entry(name.timeline).or_default().insert_run(run);
        }
    }
    let partials = wal.partials();
    let partials = partials.filter_map(|name| Some((name.timeline, name.number(size)?))).collect();
    ArchivedWal { size, segments, partials }
}

impl RecoveryReport {
    /// How many backups can be restored and replayed to the newest WAL.
    #[must_use]
    pub fn recoverable(&self) -> usize {
        let verdicts = self.verdict.backups.values();
        verdicts.filter(|one| one.verdict == Verdict::Recoverable).count()
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
        named(&self.verdict.gaps, self.segment_size)
    }

    /// The same of the missing segments that may be on their way.
    pub fn named_pending(&self) -> impl Iterator<Item = (SegmentName, SegmentName, u64)> {
        named(&self.pending, self.segment_size)
    }

    /// How many segments no finished backup needs.
    #[must_use]
    pub fn obsolete_segments(&self) -> Option<u64> {
        Some(self.obsolete.as_ref()?.values().map(Runs::count).sum())
    }
}
