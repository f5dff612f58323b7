//! Verdicts on the backups of one cluster, and on the cluster.
//!
//! `docs/specification.md`, 7.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::cold::verdict_at_once;
use super::follow::{ReplayPaths, Tried};
use super::judged::Judged;
use super::wal::{Read, SegmentSets};
use super::{
    ArchivedWal, BackupSpan, Followed, Histories, Obstacle, Target, WalRequirement, lines,
};
use crate::postgres::{SegmentName, TimelineId};

/// A finished backup with all its data.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Id of the backup.
    pub id: String,
    /// Span of WAL that the backup needs to become consistent.
    pub span: BackupSpan,
    /// Purpose that the backup is kept for.
    pub requirement: WalRequirement,
    /// End time of the backup.
    pub ended_at: DateTime<Utc>,
    /// Backup in the chain that makes this one unusable, if there is one.
    pub broken_parent: Option<String>,
    /// True if data of the backup itself is damaged.
    pub has_corrupt_data: bool,
    /// True if data of the backup, or of one that it builds on, cannot be read at once.
    pub has_cold_data: bool,
}

/// WAL and timelines of one cluster, as an archive holds them.
#[derive(Clone, Debug, Default)]
pub struct Archived {
    /// The segments.
    pub wal: ArchivedWal,
    /// The history files.
    pub histories: Arc<Histories>,
    /// Arrival time of each timeline's last segment, as far as known.
    pub last_arrivals: BTreeMap<TimelineId, DateTime<Utc>>,
    /// Timeline that the live database is reported to be on; `None` if nobody reports it.
    pub living_timeline: Option<TimelineId>,
}

impl Candidate {
    /// Returns whether the data of the backup, and of those that it builds on, can be used.
    pub(super) const fn has_usable_data(&self) -> bool {
        self.broken_parent.is_none() && !self.has_corrupt_data
    }
}

/// Verdict on one backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Backup that can be restored and replayed to the newest segment of the current timeline.
    Recoverable,
    /// Backup that can be restored, but not replayed that far.
    Consistent(Obstacle),
    /// Backup that cannot be restored before something is retrieved from cold storage.
    Blocked(Obstacle),
    /// Backup whose own WAL has not arrived yet, from this segment on.
    Waiting(SegmentName),
    /// Backup that no target restores.
    Broken(Obstacle),
}

/// Verdict on one backup, and how far the backup gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict once everything has been retrieved from cold storage.
    pub thawed: Verdict,
    /// Last segment that replay towards the current timeline reaches, or towards the backup's own
    /// timeline if no path leads to the current one; `None` if not even the first one.
    pub reach: Option<SegmentName>,
    /// Last segment that replay reaches, as in `reach`, once everything has been retrieved from
    /// cold storage.
    pub thawed_reach: Option<SegmentName>,
    /// Restores to every target that a person can name.
    pub follow: Vec<Followed>,
    /// Timeline that `PostgreSQL`'s default target timeline, `latest`, resolves to.
    pub default_target: TimelineId,
    /// True if a restore with that target comes up and gets as far as the best one.
    pub default_target_works: bool,
    /// Target with which a restore gets furthest; `None` if none works. If every restore has to wait
    /// for cold storage, the one that gets furthest then.
    pub works_with: Option<Target>,
}

/// The verdict on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerVerdict {
    /// Verdicts on the cluster's finished backups, by id.
    pub backups: BTreeMap<String, BackupVerdict>,
    /// The timeline with the newest WAL that a backup reaches; `None` without a backup that can be
    /// restored.
    pub current_timeline: Option<TimelineId>,
    /// The timeline with the newest WAL of all, if no backup reaches it.
    pub unreached_timeline: Option<TimelineId>,
    /// Missing segments that some backup would have to replay through, by timeline.
    pub gaps: SegmentSets,
}

impl Archived {
    /// Judges a cluster by its finished backups and its WAL.
    #[must_use]
    pub fn judge(&self, candidates: &[Candidate]) -> ServerVerdict {
        let spans = candidates.iter().map(|candidate| &candidate.span);
        let timelines = spans.flat_map(|span| [span.begin.timeline, span.end.timeline]);
        let paths = ReplayPaths::new(&self.histories, &self.wal, timelines, candidates.len());
        let mut judged = Vec::new();
        for candidate in candidates {
            let tried = paths.try_all(&candidate.span);
            judged.push(Judged {
                candidate,
                tried,
                left_out: paths.left_out,
            });
        }
        let lines = lines::choose(self, &judged);
        let unknown = lines
            .current
            .and_then(|current| self.unknown_above(current));
        let mut backups = BTreeMap::new();
        for judged in &judged {
            // Without a current timeline no target restores any backup.
            let current = lines.current.unwrap_or(judged.candidate.span.end.timeline);
            let verdict = self.verdict(judged, current, unknown);
            backups.insert(judged.candidate.id.clone(), verdict);
        }
        let gaps = self.gaps(&judged, &backups, lines.current);
        ServerVerdict {
            backups,
            current_timeline: lines.current,
            unreached_timeline: lines.unreached,
            gaps,
        }
    }

    /// Returns the segments that replay from a backup to the newest segment of a timeline reads, by
    /// timeline, present or not; `None` if no restore comes up there.
    #[must_use]
    pub fn replayed(&self, span: &BackupSpan, target: TimelineId) -> Option<SegmentSets> {
        let timelines = [span.begin.timeline, span.end.timeline, target];
        let paths = ReplayPaths::new(&self.histories, &self.wal, timelines.into_iter(), 1);
        let tried = paths.try_all(span);
        let mut to_target = tried.iter().filter(|tried| tried.timeline == target);
        let restore = if let Some(restore) = to_target.find_map(Tried::working) {
            restore
        } else {
            let newest = self.newest_of(target)?;
            tried
                .iter()
                .find(|tried| tried.works_up_to(newest))?
                .working()?
        };
        let mut replayed = SegmentSets::new();
        for Read { timeline, run } in restore.steps() {
            replayed.entry(timeline).or_default().insert_run(run);
        }
        Some(replayed)
    }

    fn verdict(
        &self,
        judged: &Judged<'_>,
        current: TimelineId,
        unknown: Option<TimelineId>,
    ) -> BackupVerdict {
        let own = judged.candidate.span.end.timeline;
        let default_target = self.histories.timeline_of(Target::Latest, own);
        let best = judged.best(current, self.newest_of(current));
        let thawed = self.thawed_verdict(judged, best, current, unknown);
        let thawed_reach = best.and_then(Tried::last);
        let at_once = self.at_once(judged, best);
        let cold = at_once.cold.as_ref();
        let verdict = verdict_at_once(&thawed, judged, cold);
        let is_blocked = matches!(verdict, Verdict::Blocked(_));
        let mut follow = Vec::new();
        let mut default_is_read_at_once = is_blocked;
        for tried in &judged.tried {
            let followed = self.followed(judged, tried);
            default_is_read_at_once |= followed.target == Target::Latest && followed.works();
            follow.push(followed);
        }
        let to_compare = if is_blocked { best } else { at_once.tried };
        let works_with = at_once.tried.filter(|_| judged.is_restorable());
        BackupVerdict {
            verdict,
            thawed,
            reach: cold.map_or(thawed_reach, |cold| cold.reach),
            thawed_reach,
            follow,
            default_target,
            default_target_works: default_is_read_at_once
                && judged.default_works(to_compare, self.wal.size),
            works_with: works_with.map(|tried| tried.target),
        }
    }

    fn thawed_verdict(
        &self,
        judged: &Judged<'_>,
        best: Option<&Tried>,
        current: TimelineId,
        unknown: Option<TimelineId>,
    ) -> Verdict {
        if let Some(parent) = &judged.candidate.broken_parent {
            return Verdict::Broken(Obstacle::Parent {
                backup: parent.clone(),
            });
        }
        if judged.candidate.has_corrupt_data {
            return Verdict::Broken(Obstacle::CorruptData);
        }
        if !judged.is_restorable() {
            return self.hopeless(judged);
        }
        let mut to_current = judged
            .tried
            .iter()
            .filter(|tried| tried.timeline == current);
        let newest = self.newest_of(current);
        let works_up_to_it = |tried: &Tried| newest.is_some_and(|newest| tried.works_up_to(newest));
        let gets_there = best.filter(|best| best.timeline == current || works_up_to_it(best));
        let Some((best, restore)) = gets_there.and_then(|best| Some((best, best.consistent()?)))
        else {
            let obstacle = to_current.find_map(Tried::obstacle);
            return Verdict::Consistent(obstacle.cloned().unwrap_or(Obstacle::DeadBranch));
        };
        if let Err(obstacle) = &restore.outcome {
            return Verdict::Consistent(obstacle.clone());
        }
        // What is missing of another timeline lies behind the newest segment.
        let missing = restore
            .replay
            .first_missing
            .filter(|_| best.timeline == current);
        match (missing, unknown) {
            (Some(missing), _) => Verdict::Consistent(self.wal.obstacle_at(missing)),
            (None, Some(timeline)) if self.histories.is_unknown(timeline) => {
                Verdict::Consistent(Obstacle::UnknownHistory(timeline))
            }
            (None, Some(timeline)) => Verdict::Consistent(Obstacle::MissingHistory(timeline)),
            (None, None) => Verdict::Recoverable,
        }
    }

    /// Returns the newest segment of a timeline that can be read.
    fn newest_of(&self, timeline: TimelineId) -> Option<SegmentName> {
        let last = self.wal.segments.get(&timeline)?.last()?;
        Some(self.wal.name(timeline, last))
    }

    /// Returns the verdict on a backup that no target restores.
    fn hopeless(&self, judged: &Judged<'_>) -> Verdict {
        let mut late = judged.restores().filter(|restore| restore.may_arrive);
        if let Some(Err(Obstacle::MissingSegment(missing))) =
            late.next().map(|restore| &restore.outcome)
        {
            return Verdict::Waiting(*missing);
        }
        let on_path = self
            .closest(judged)
            .and_then(|restore| restore.outcome.as_ref().err());
        let closed = || {
            judged
                .tried
                .iter()
                .filter_map(|tried| tried.restore.as_ref().err())
        };
        // An unknown history file, or one that is not followed, may be the one that a restore needs.
        let begin = judged.candidate.span.begin.timeline;
        // The backup's own timeline is tried by the name `current`.
        let own = judged.candidate.span.end.timeline;
        let left_out = judged.left_out.filter(|timeline| *timeline != own);
        let left_out = left_out.map(Obstacle::UnknownHistory);
        let unknown = closed().chain(&left_out).find(
            |obstacle| matches!(obstacle, Obstacle::UnknownHistory(timeline) if *timeline >= begin),
        );
        let obstacle = unknown.or(on_path).or_else(|| closed().next());
        Verdict::Broken(obstacle.cloned().unwrap_or(Obstacle::DeadBranch))
    }

    /// Returns a timeline above the current one that has WAL and whose origin is unknown: newer WAL
    /// may continue there, and no restore can follow it without its history file.
    fn unknown_above(&self, current: TimelineId) -> Option<TimelineId> {
        if self.living_timeline == Some(current) {
            return None;
        }
        for timeline in self.wal.timelines() {
            let has_unknown_origin = self.histories.ancestors(timeline).is_none();
            if timeline > current && has_unknown_origin && self.may_be_newer(timeline, current) {
                return Some(timeline);
            }
        }
        None
    }

    /// Returns whether the last WAL of a timeline arrived no earlier than that of another one, as far
    /// as known.
    fn may_be_newer(&self, timeline: TimelineId, other: TimelineId) -> bool {
        let arrived_at = self.last_arrivals.get(&timeline);
        let other_arrived_at = self.last_arrivals.get(&other);
        arrived_at.is_none() || other_arrived_at.is_none() || arrived_at >= other_arrived_at
    }
}
