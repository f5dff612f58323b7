//! Verdicts on the backups of one cluster, and on the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::postgres::{Run, Runs, SegmentName, SegmentSize, TimelineId};

use super::follow::{Courses, Tried};
use super::restore::{Read, Restore};
use super::wal::SegmentSets;
use super::{ArchivedWal, BackupSpan, Followed, Histories, Need, Obstacle, Replay, Target, lines};

/// A finished backup with all its data.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Id of the backup.
    pub id: String,
    /// Span of WAL that the backup needs to become consistent.
    pub span: BackupSpan,
    /// Purpose that the backup is kept for.
    pub need: Need,
    /// End time of the backup.
    pub ended_at: DateTime<Utc>,
    /// Backup in the chain that makes this one unusable, if there is one.
    pub broken_parent: Option<String>,
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

/// Verdict on one backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Backup that can be restored and replayed to the newest segment of the current timeline.
    Recoverable,
    /// Backup that can be restored, but not replayed that far.
    Consistent(Obstacle),
    /// Backup that cannot be restored before something is brought back from cold storage.
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
    /// The verdict once everything is brought back from cold storage.
    pub thawed: Verdict,
    /// Last segment that replay towards the current timeline reaches, or towards the backup's own
    /// timeline if no path leads to the current one; `None` if not even the first one.
    pub reach: Option<SegmentName>,
    /// Last segment that replay reaches, as in `reach`, once everything is brought back from cold
    /// storage.
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
        let courses = Courses::new(&self.histories, &self.wal, timelines, candidates.len());
        let judged: Vec<Judged<'_>> = candidates
            .iter()
            .map(|candidate| Judged {
                candidate,
                tried: courses.try_all(&candidate.span),
                left_out: courses.left_out,
            })
            .collect();
        let lines = lines::choose(self, &judged);
        let backups = judged.iter().map(|judged| {
            let current = lines.current.unwrap_or(judged.candidate.span.end.timeline);
            (judged.candidate.id.clone(), self.verdict(judged, current))
        });
        let backups: BTreeMap<_, _> = backups.collect();
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
        let courses = Courses::new(&self.histories, &self.wal, timelines.into_iter(), 1);
        let tried = courses.try_all(span);
        let mut to_target = tried.iter().filter(|tried| tried.timeline == target);
        let through = || {
            let newest = self.newest_of(target)?;
            tried.iter().find(|tried| tried.works_up_to(newest))?.working()
        };
        let restore = to_target.find_map(Tried::working).or_else(through)?;
        let mut replayed = SegmentSets::new();
        for Read { timeline, run } in restore.steps() {
            replayed.entry(timeline).or_default().insert_run(run);
        }
        Some(replayed)
    }

    fn verdict(&self, judged: &Judged<'_>, current: TimelineId) -> BackupVerdict {
        let own = judged.candidate.span.end.timeline;
        let default_target = self.histories.timeline_of(Target::Latest, own);
        let best = judged.best(current, self.newest_of(current));
        let thawed = self.thawed_verdict(judged, best, current);
        let thawed_reach = best.and_then(Tried::last);
        let at_once = self.at_once(judged, best);
        let cold = at_once.cold.as_ref();
        let verdict = verdict_at_once(&thawed, judged, cold);
        let is_blocked = matches!(verdict, Verdict::Blocked(_));
        let follow: Vec<_> =
            judged.tried.iter().map(|tried| self.followed(judged, tried)).collect();
        let mut defaults = follow.iter().filter(|followed| followed.target == Target::Latest);
        let default_is_read_at_once = is_blocked || defaults.any(Followed::works);
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
    ) -> Verdict {
        if let Some(parent) = &judged.candidate.broken_parent {
            return Verdict::Broken(Obstacle::Parent { backup: parent.clone() });
        }
        if !judged.is_restorable() {
            return self.hopeless(judged);
        }
        let mut to_current = judged.tried.iter().filter(|tried| tried.timeline == current);
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
        let missing = restore.replay.first_missing.filter(|_| best.timeline == current);
        match (missing, self.unknown_above(current)) {
            (Some(missing), _) => Verdict::Consistent(Obstacle::MissingSegment(missing)),
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

    /// Returns a restore to one target, which comes up only if everything that makes the backup
    /// consistent can be read at once.
    fn followed(&self, judged: &Judged<'_>, tried: &Tried) -> Followed {
        let mut followed = tried.followed();
        if !followed.works() {
            return followed;
        }
        let cold = tried.consistent().and_then(|restore| self.cold(judged, restore));
        followed.obstacle = if judged.candidate.has_cold_data {
            Some(Obstacle::ColdData)
        } else {
            cold.filter(|cold| cold.is_own).map(|cold| Obstacle::ColdSegment(cold.segment))
        };
        followed
    }

    /// Returns the best restore before anything is brought back from cold storage. It is the best one
    /// of all unless what makes the backup consistent is cold there, and some other working restore
    /// needs nothing cold for it: that to the backup's own timeline, or the one that gets furthest.
    fn at_once<'a>(&self, judged: &'a Judged<'_>, best: Option<&'a Tried>) -> AtOnce<'a> {
        let cold_of = |tried: &Tried| self.cold(judged, tried.consistent()?);
        let cold = best.and_then(cold_of);
        let Some(own_cold) = cold.as_ref().filter(|cold| cold.is_own) else {
            return AtOnce { tried: best, cold };
        };
        let working = judged.tried.iter().filter(|tried| tried.working().is_some());
        let readable = working.filter_map(|tried| match cold_of(tried) {
            Some(cold) if cold.is_own => None,
            Some(cold) => Some((tried, cold.reach)),
            None => Some((tried, tried.last())),
        });
        let own = judged.candidate.span.end.timeline;
        // Among several that are equal, the last one is the one that a person would name.
        let furthest = readable.max_by_key(|(tried, reach)| {
            (tried.timeline == own, reach.and_then(|reach| reach.number(self.wal.size)))
        });
        match furthest {
            Some((tried, reach)) => {
                let cold = Cold { segment: own_cold.segment, is_own: false, reach };
                AtOnce { tried: Some(tried), cold: Some(cold) }
            }
            None => AtOnce { tried: best, cold },
        }
    }

    /// Returns the verdict on a backup that no target restores.
    fn hopeless(&self, judged: &Judged<'_>) -> Verdict {
        let mut late = judged.restores().filter(|restore| restore.may_arrive);
        if let Some(Err(Obstacle::MissingSegment(missing))) =
            late.next().map(|restore| &restore.outcome)
        {
            return Verdict::Waiting(*missing);
        }
        let on_course = self.closest(judged).and_then(|restore| restore.outcome.as_ref().err());
        let closed = || judged.tried.iter().filter_map(|tried| tried.restore.as_ref().err());
        // An unknown history file, or one that is not followed, may be the one that a restore needs.
        let begin = judged.candidate.span.begin.timeline;
        // The backup's own timeline is tried by the name `current`.
        let own = judged.candidate.span.end.timeline;
        let left_out = judged.left_out.filter(|timeline| *timeline != own);
        let left_out = left_out.map(Obstacle::UnknownHistory);
        let unknown = closed().chain(&left_out).find(
            |obstacle| matches!(obstacle, Obstacle::UnknownHistory(timeline) if *timeline >= begin),
        );
        let obstacle = unknown.or(on_course).or_else(|| closed().next());
        Verdict::Broken(obstacle.cloned().unwrap_or(Obstacle::DeadBranch))
    }

    /// Returns the first segment of a restore that cannot be read at once.
    fn cold(&self, judged: &Judged<'_>, restore: &Restore) -> Option<Cold> {
        if self.wal.cold.is_empty() {
            return None;
        }
        let last_needed = judged.candidate.span.last_needed(self.wal.size)?;
        let mut reach = None;
        for Read { timeline, run } in restore.reads() {
            let Some(number) = self.wal.first_cold(timeline, run.first, run.last) else {
                reach = Some(self.wal.name(timeline, run.last));
                continue;
            };
            let before = number.checked_sub(1).filter(|before| *before >= run.first);
            return Some(Cold {
                segment: self.wal.name(timeline, number),
                is_own: number <= last_needed,
                reach: before.map(|before| self.wal.name(timeline, before)).or(reach),
            });
        }
        None
    }

    /// Returns a timeline above the current one that has WAL and whose origin is unknown: newer WAL
    /// may continue there, and no restore can follow it without its history file.
    fn unknown_above(&self, current: TimelineId) -> Option<TimelineId> {
        if self.living_timeline == Some(current) {
            return None;
        }
        let arrived_at = |timeline| self.last_arrivals.get(&timeline);
        let is_newer = |timeline: &TimelineId| {
            let pair = arrived_at(*timeline).zip(arrived_at(current));
            pair.is_none_or(|(its, of_current)| its >= of_current)
        };
        let mut above = self.wal.timelines().filter(|timeline| *timeline > current);
        above.find(|timeline| self.histories.ancestors(*timeline).is_none() && is_newer(timeline))
    }

    /// Returns the segments that are missing on the way to the current timeline, and those missing
    /// from what makes a backup consistent, for each backup that no target restores.
    fn gaps(
        &self,
        judged: &[Judged<'_>],
        verdicts: &BTreeMap<String, BackupVerdict>,
        current: Option<TimelineId>,
    ) -> SegmentSets {
        let mut wanted = SegmentSets::new();
        let mut want = |read: &Read, last: u64| {
            let run = Run { first: read.run.first, last: read.run.last.min(last) };
            if run.first <= run.last {
                wanted.entry(read.timeline).or_default().insert_run(run);
            }
        };
        for judged in judged.iter().filter(|judged| judged.candidate.need == Need::EverythingAfter)
        {
            let steps = current.and_then(|current| judged.steps_to(current, &self.wal));
            let Some((target, before)) = steps.as_deref().and_then(<[Read]>::split_last) else {
                continue;
            };
            for read in before {
                want(read, u64::MAX);
            }
            // Nothing is missing at the end of the target's WAL.
            if self.wal.last(target.timeline) >= Some(target.run.first) {
                want(target, u64::MAX);
            }
        }
        for judged in judged {
            let verdict = verdicts.get(&judged.candidate.id).map(|verdict| &verdict.thawed);
            let Some(Verdict::Broken(Obstacle::MissingSegment(_) | Obstacle::WrongSize(_))) =
                verdict
            else {
                continue;
            };
            let closest = self.closest(judged);
            closest.iter().flat_map(|restore| self.own_steps(judged, restore)).for_each(|read| {
                want(&read, u64::MAX);
            });
        }
        self.missing_of(&wanted)
    }

    /// Returns the segments of a restore's course that make the backup consistent, present or not.
    fn own_steps(&self, judged: &Judged<'_>, restore: &Restore) -> Vec<Read> {
        let Some(last_needed) = judged.candidate.span.last_needed(self.wal.size) else {
            return Vec::new();
        };
        let mut steps = restore.steps();
        if let Some(target) = steps.last_mut() {
            // Includes segments after the last present one.
            target.run.last = u64::MAX;
        }
        for step in &mut steps {
            step.run.last = step.run.last.min(last_needed);
        }
        steps.retain(|step| step.run.first <= step.run.last);
        steps
    }

    /// Returns the restore, on any course, that lacks the fewest of the segments that make the
    /// backup consistent; among several, the one to the backup's own timeline.
    fn closest<'a>(&self, judged: &'a Judged<'_>) -> Option<&'a Restore> {
        judged.restores().min_by_key(|restore| {
            let steps = self.own_steps(judged, restore).into_iter();
            let missing = steps
                .map(|step| self.wal.missing(step.timeline, step.run.first, step.run.last).count());
            missing.fold(0_u64, u64::saturating_add)
        })
    }

    /// Returns the wanted segments that are missing or have an impossible size.
    fn missing_of(&self, wanted: &SegmentSets) -> SegmentSets {
        let mut missing = SegmentSets::new();
        for (timeline, runs) in wanted {
            let mut absent = Runs::default();
            for run in runs.iter() {
                let parts = self.wal.missing(*timeline, run.first, run.last);
                parts.iter().for_each(|part| absent.insert_run(part));
            }
            if let Some(foreign) = self.wal.foreign.get(timeline) {
                absent = absent.without(foreign);
            }
            if !absent.is_empty() {
                missing.insert(*timeline, absent);
            }
        }
        missing
    }
}

/// Backup with its restores to every target.
pub(super) struct Judged<'a> {
    pub(super) candidate: &'a Candidate,
    pub(super) tried: Vec<Tried>,
    /// Highest timeline that was not tried by its number.
    left_out: Option<TimelineId>,
}

/// Best restore before anything is brought back from cold storage.
struct AtOnce<'a> {
    tried: Option<&'a Tried>,
    /// Place where it, or a better one, meets cold storage.
    cold: Option<Cold>,
}

/// Place where a restore meets cold storage.
struct Cold {
    segment: SegmentName,
    /// True if the backup needs the segment to become consistent.
    is_own: bool,
    /// Last segment that replay reads before it.
    reach: Option<SegmentName>,
}

impl Judged<'_> {
    /// Returns whether any target restores the backup.
    pub(super) fn is_restorable(&self) -> bool {
        self.reached().next().is_some()
    }

    /// Returns the timelines on which the backup becomes consistent.
    pub(super) fn reached(&self) -> impl Iterator<Item = TimelineId> {
        let tried = self.tried.iter().filter(|_| self.candidate.broken_parent.is_none());
        tried.filter(|tried| tried.consistent().is_some()).map(|tried| tried.timeline)
    }

    /// Returns the restores that are on some course, whether they come up or not: those to the
    /// backup's own timeline first.
    fn restores(&self) -> impl Iterator<Item = &Restore> {
        let own = self.candidate.span.end.timeline;
        let (to_own, to_others): (Vec<_>, Vec<_>) =
            self.tried.iter().partition(|tried| tried.timeline == own);
        to_own.into_iter().chain(to_others).filter_map(|tried| tried.restore.as_ref().ok())
    }

    /// Returns the course to a timeline's last segment, if the backup is on it.
    fn steps_to(&self, timeline: TimelineId, wal: &ArchivedWal) -> Option<Vec<Read>> {
        wal.last(timeline)?;
        let mut to_timeline = self.tried.iter().filter(|tried| tried.timeline == timeline);
        let restore = to_timeline.find_map(|tried| tried.restore.as_ref().ok())?;
        Some(restore.steps())
    }

    /// Returns the restore that gets furthest: to the current timeline if one gets there, or to another
    /// one through its newest segment; otherwise on the backup's own.
    ///
    /// Among several to one timeline, prefers the one that a person would name: the default, then
    /// `current`, then the number.
    fn best(&self, current: TimelineId, newest: Option<SegmentName>) -> Option<&Tried> {
        let own = self.candidate.span.end.timeline;
        let named_first = || self.tried.iter().rev();
        let to =
            |timeline: TimelineId| named_first().filter(move |tried| tried.timeline == timeline);
        let working = |timeline: TimelineId| to(timeline).find(|tried| tried.working().is_some());
        let consistent =
            |timeline: TimelineId| to(timeline).find(|tried| tried.consistent().is_some());
        let on_course = |timeline: TimelineId| to(timeline).find(|tried| tried.restore.is_ok());
        let up_to_newest =
            || newest.and_then(|newest| named_first().find(|tried| tried.works_up_to(newest)));
        working(current)
            .or_else(up_to_newest)
            .or_else(|| consistent(current))
            .or_else(|| working(own))
            .or_else(|| consistent(own))
            .or_else(|| named_first().find(|tried| tried.working().is_some()))
            .or_else(|| named_first().find(|tried| tried.consistent().is_some()))
            .or_else(|| on_course(current))
            .or_else(|| on_course(own))
    }

    /// Returns whether the default target gets as far as the best one: to the same segment, or
    /// through the last whole one to a partial one of a later timeline.
    fn default_works(&self, best: Option<&Tried>, size: SegmentSize) -> bool {
        let replay = |tried: &Tried| Some(tried.working()?.replay);
        let default = self.tried.iter().find(|tried| tried.target == Target::Latest);
        let Some((default, best)) = default.and_then(replay).zip(best.and_then(replay)) else {
            return false;
        };
        let end = |replay: Replay| replay.ends_in.and_then(|name| name.number(size));
        let goes_beyond = default.last == best.last && end(default) >= end(best);
        self.is_restorable() && (default.ends_in == best.ends_in || goes_beyond)
    }
}

/// Returns the verdict on a backup as long as nothing is brought back from cold storage.
fn verdict_at_once(thawed: &Verdict, judged: &Judged<'_>, cold: Option<&Cold>) -> Verdict {
    match thawed {
        Verdict::Recoverable | Verdict::Consistent(_) => {}
        Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => return thawed.clone(),
    }
    if judged.candidate.has_cold_data {
        return Verdict::Blocked(Obstacle::ColdData);
    }
    match cold {
        Some(cold) if cold.is_own => Verdict::Blocked(Obstacle::ColdSegment(cold.segment)),
        Some(cold) => Verdict::Consistent(Obstacle::ColdSegment(cold.segment)),
        None => thawed.clone(),
    }
}
