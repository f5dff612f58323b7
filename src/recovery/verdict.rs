//! Verdicts on the backups of a server, and on the server.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::postgres::{Run, Runs, SegmentName, TimelineId};

use super::{ArchivedWal, BackupSpan, Lineages, Need, NoPath, Path, Replay};

/// A finished backup with all its data.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// From where to where it needs WAL to become consistent.
    pub span: BackupSpan,
    /// What it is kept for.
    pub need: Need,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

/// What an archive holds of a server's WAL and timelines.
#[derive(Clone, Debug)]
pub struct Archived {
    /// The segments.
    pub wal: ArchivedWal,
    /// What the readable history files say.
    pub lineages: Lineages,
    /// Timelines whose history file is there, readable or not.
    pub listed_histories: BTreeSet<TimelineId>,
    /// Timelines that another cluster wrote: no path of this one leads there.
    pub stray: BTreeSet<TimelineId>,
}

/// The verdict on one backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can be restored and replayed to the newest segment of the current timeline.
    Recoverable,
    /// It can be restored, and not replayed to there.
    Consistent(Obstacle),
    /// Its own WAL has not arrived yet, from this segment on.
    Waiting(SegmentName),
    /// Its own WAL is not whole: it cannot be restored.
    Broken(Obstacle),
}

/// What keeps replay from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// This segment is missing, and later ones are there.
    MissingSegment(SegmentName),
    /// The history file of this timeline is missing or unreadable.
    MissingHistory(TimelineId),
    /// The current timeline left the backup's before the backup's end: its WAL is a dead branch.
    DeadBranch,
    /// `backup.info` names segments that its cluster cannot have.
    ImpossibleSegments,
}

/// The verdict on one backup, and how far it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// The last segment that replay towards the current timeline reaches, or towards its own where
    /// no path leads to that; `None` if not even the first one.
    pub reach: Option<SegmentName>,
    /// How far replay gets on each timeline with WAL that the backup can be taken to, and on its own.
    /// A timeline without its history file is no target, though a path may lead through it.
    pub follow: BTreeMap<TimelineId, Replay>,
    /// What `PostgreSQL`'s default target timeline, `latest`, comes to.
    pub default_target: TimelineId,
    /// Whether a restore with that target gets as far.
    pub default_target_works: bool,
}

/// The verdict on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerVerdict {
    /// The verdicts on its finished backups, by id.
    pub backups: BTreeMap<String, BackupVerdict>,
    /// The highest timeline with WAL that the newest consistent backup can reach; `None` without a
    /// consistent backup.
    pub current_timeline: Option<TimelineId>,
    /// Missing segments that some backup would have to replay through, by timeline.
    pub gaps: BTreeMap<TimelineId, Runs>,
}

impl Archived {
    /// Judges a server by its finished backups and its WAL.
    #[must_use]
    pub fn judge(&self, candidates: &[Candidate]) -> ServerVerdict {
        let current = self.current_timeline(candidates);
        let backups = candidates.iter().map(|candidate| {
            let target = current.unwrap_or(candidate.span.end.timeline);
            (candidate.id.clone(), self.judge_backup(candidate, target))
        });
        let backups: BTreeMap<_, _> = backups.collect();
        let gaps = self.gaps(candidates, &backups, current);
        ServerVerdict { backups, current_timeline: current, gaps }
    }

    /// The segments that replay from a backup to the newest segment of a timeline reads, by
    /// timeline, whether they are there or not; `None` where no path leads there.
    #[must_use]
    pub fn replayed(
        &self,
        span: &BackupSpan,
        target: TimelineId,
    ) -> Option<BTreeMap<TimelineId, Runs>> {
        let path = self.path(span, target).ok()?;
        let last = self.wal.last(target)?;
        let mut replayed: BTreeMap<TimelineId, Runs> = BTreeMap::new();
        for (timeline, run) in path.up_to(last) {
            replayed.entry(timeline).or_default().insert_run(run);
        }
        Some(replayed)
    }

    /// The first segment missing of those that make a backup consistent.
    fn own_missing(&self, span: &BackupSpan) -> Result<Option<SegmentName>, NoPath> {
        let path = self.own_path(span)?;
        let last = span.last_needed(&self.wal).ok_or(NoPath::ImpossibleSegments)?;
        Ok(path.first_missing(&self.wal, last))
    }

    /// The path to the timeline on which a backup ended.
    fn own_path(&self, span: &BackupSpan) -> Result<Path, NoPath> {
        Path::find(span, span.end.timeline, &self.lineages, &self.wal)
    }

    fn current_timeline(&self, candidates: &[Candidate]) -> Option<TimelineId> {
        let consistent = candidates.iter().filter(|one| self.own_missing(&one.span) == Ok(None));
        let newest = consistent.max_by_key(|candidate| candidate.ended_at)?;
        let own = newest.span.end.timeline;
        let reachable = self.wal.segments.keys().copied().filter(|timeline| {
            let is_own_line = *timeline > own && !self.stray.contains(timeline);
            is_own_line && self.path(&newest.span, *timeline).is_ok()
        });
        Some(reachable.max().unwrap_or(own))
    }

    /// The path to a target, for which the target's own history file must be there.
    fn path(&self, span: &BackupSpan, target: TimelineId) -> Result<Path, NoPath> {
        let path = Path::find(span, target, &self.lineages, &self.wal)?;
        if target != span.begin.timeline && !self.lineages.has_history(target) {
            return Err(NoPath::UnknownHistory(target));
        }
        Ok(path)
    }

    fn judge_backup(&self, candidate: &Candidate, target: TimelineId) -> BackupVerdict {
        let span = &candidate.span;
        let path = self.path(span, target);
        let towards = path.clone().or_else(|_| self.own_path(span));
        let replay = towards.ok().map(|one| one.replay(&self.wal));
        let verdict = match self.own_missing(span) {
            Err(reason) => Verdict::Broken(Obstacle::from(reason)),
            Ok(Some(missing)) if self.is_late(span, missing) => Verdict::Waiting(missing),
            Ok(Some(missing)) => Verdict::Broken(Obstacle::MissingSegment(missing)),
            Ok(None) => match (path, replay.and_then(|replay| replay.first_missing)) {
                (Err(reason), _) => Verdict::Consistent(Obstacle::from(reason)),
                (Ok(_), Some(missing)) => Verdict::Consistent(Obstacle::MissingSegment(missing)),
                (Ok(_), None) => match self.unknown_above(target) {
                    Some(timeline) => Verdict::Consistent(Obstacle::MissingHistory(timeline)),
                    None => Verdict::Recoverable,
                },
            },
        };
        let reach = replay.and_then(|replay| replay.last);
        let default_target = Lineages::latest(span.begin.timeline, &self.listed_histories);
        // A target without any WAL is replayed on its parent's; it must be on the path all the same.
        let by_default = self.path(span, default_target).map(|path| path.replay(&self.wal).last);
        BackupVerdict {
            verdict,
            reach,
            follow: self.follow(span),
            default_target,
            default_target_works: by_default == Ok(reach),
        }
    }

    fn follow(&self, span: &BackupSpan) -> BTreeMap<TimelineId, Replay> {
        let own = self.own_path(span).map(|path| (span.end.timeline, path));
        let others = self.wal.segments.keys().map(|timeline| {
            let path = self.path(span, *timeline)?;
            Ok((*timeline, path))
        });
        let paths = others.chain([own]).filter_map(Result::ok);
        paths.map(|(timeline, path)| (timeline, path.replay(&self.wal))).collect()
    }

    /// A timeline with WAL above the current one of which it is not known where it comes from: WAL
    /// may go on there, and without its history file no restore can.
    fn unknown_above(&self, current: TimelineId) -> Option<TimelineId> {
        let above = self.wal.segments.keys().copied().filter(|timeline| *timeline > current);
        let mut unknown = above.filter(|timeline| self.lineages.ancestors(*timeline).is_none());
        unknown.next()
    }

    /// Whether a missing segment of a backup may still arrive: nothing that was written after it
    /// has, on its timeline and the ones up to that on which the backup ended.
    fn is_late(&self, span: &BackupSpan, missing: SegmentName) -> bool {
        let (Ok(path), Some(number)) = (self.own_path(span), missing.number(self.wal.size)) else {
            return false;
        };
        let mut after = path.steps().iter().skip_while(|step| step.timeline != missing.timeline);
        after.all(|step| self.wal.last(step.timeline).is_none_or(|last| last < number))
    }

    /// What is missing on the way to the current timeline from the first backup that goes it, and
    /// of what makes each backup consistent.
    fn gaps(
        &self,
        candidates: &[Candidate],
        verdicts: &BTreeMap<String, BackupVerdict>,
        current: Option<TimelineId>,
    ) -> BTreeMap<TimelineId, Runs> {
        let mut gaps: BTreeMap<TimelineId, Runs> = BTreeMap::new();
        let mut add = |timeline, missing: Runs| {
            let runs = gaps.entry(timeline).or_default();
            missing.iter().for_each(|run| runs.insert_run(run));
        };
        for (timeline, wanted) in self.wanted(candidates, current) {
            add(timeline, self.wal.missing(timeline, wanted.first, wanted.last));
        }
        for candidate in candidates {
            let is_waiting = verdicts
                .get(&candidate.id)
                .is_some_and(|verdict| matches!(verdict.verdict, Verdict::Waiting(_)));
            if let (false, Ok(path), Some(last)) =
                (is_waiting, self.own_path(&candidate.span), candidate.span.last_needed(&self.wal))
            {
                for (timeline, run) in path.up_to(last) {
                    add(timeline, self.wal.missing(timeline, run.first, run.last));
                }
            }
        }
        gaps.retain(|_, runs| !runs.is_empty());
        gaps
    }

    /// The segments that replay to the newest one of the current timeline reads, by timeline.
    fn wanted(
        &self,
        candidates: &[Candidate],
        current: Option<TimelineId>,
    ) -> BTreeMap<TimelineId, Run> {
        let mut wanted: BTreeMap<TimelineId, Run> = BTreeMap::new();
        let rolled_forward = candidates.iter().filter(|one| one.need == Need::EverythingAfter);
        let paths = rolled_forward.filter_map(|one| self.path(&one.span, current?).ok());
        for step in paths.flat_map(|path| path.steps().to_vec()) {
            let last = match step.left_in {
                Some(left_in) => left_in.checked_sub(1),
                None => self.wal.last(step.timeline),
            };
            if let Some(last) = last.filter(|last| *last >= step.first) {
                let run = wanted.entry(step.timeline).or_insert(Run { first: step.first, last });
                run.first = run.first.min(step.first);
                run.last = run.last.max(last);
            }
        }
        wanted
    }
}

impl From<NoPath> for Obstacle {
    fn from(reason: NoPath) -> Self {
        match reason {
            NoPath::UnknownHistory(timeline) => Self::MissingHistory(timeline),
            NoPath::NotADescendant => Self::DeadBranch,
            NoPath::ImpossibleSegments => Self::ImpossibleSegments,
        }
    }
}
