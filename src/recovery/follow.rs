//! Restores of one backup to every target that a person can name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::postgres::{SegmentName, TimelineId};

use super::course::Course;
use super::restore::{Attempt, Restore};
use super::{ArchivedWal, BackupSpan, Histories, Obstacle, Replay, Target};

/// Restore of a backup to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Target, as `recovery_target_timeline` names it.
    pub target: Target,
    /// Timeline that the target resolves to.
    pub timeline: TimelineId,
    /// Reach of replay; `None` if the backup is not on the way to the target.
    pub replay: Option<Replay>,
    /// Obstacle that keeps the server from coming up; `None` if it comes up.
    pub obstacle: Option<Obstacle>,
}

impl Followed {
    /// Returns whether the server comes up.
    #[must_use]
    pub const fn works(&self) -> bool {
        self.obstacle.is_none()
    }
}

/// Restore of a backup to one target, with everything that verdicts are drawn from.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    pub(super) target: Target,
    pub(super) timeline: TimelineId,
    /// Restore to the target; the error is the reason why the target, or the way to it, is closed
    /// to the backup.
    pub(super) restore: Result<Restore, Obstacle>,
}

/// Courses to every target, for backups that end on one timeline or another.
pub(super) struct Courses<'a> {
    histories: &'a Histories,
    wal: &'a ArchivedWal,
    numbered: Vec<TimelineId>,
    /// True if there were more timelines than can be tried.
    pub(super) are_some_left_out: bool,
    known: BTreeMap<TimelineId, Result<Arc<Course>, Obstacle>>,
}

/// Maximum number of timelines that are tried by their number: the highest ones.
const MOST_TARGETS: usize = 1000;

/// Maximum number of tries by number, over all backups.
const MOST_TRIES: usize = 100_000;

/// Maximum number of stretches of WAL that all tries by number together may read.
const MOST_READS: usize = 6_000_000;

/// Maximum number of looks at a timeline that all tries by number together may take.
///
/// With 300 timelines in one row and 60 backups, every target is tried.
const MOST_LOOKS: usize = 2_000_000_000;

impl<'a> Courses<'a> {
    /// Collects the courses to every timeline of an archive, including those that backups are on.
    pub(super) fn new(
        histories: &'a Histories,
        wal: &'a ArchivedWal,
        of_backups: impl Iterator<Item = TimelineId>,
        backups: usize,
    ) -> Self {
        let of_partials = wal.partials.iter().map(|(timeline, _)| *timeline);
        let of_wal = wal.timelines().chain(of_partials);
        let timelines: BTreeSet<TimelineId> =
            of_wal.chain(histories.timelines()).chain(of_backups).collect();
        let too_many = timelines.len().saturating_sub(most_targets(histories, wal, backups));
        let numbered: Vec<_> = timelines.into_iter().skip(too_many).collect();
        let course = |timeline: &TimelineId| {
            // The timeline that a backup ends on makes no difference to a number.
            (*timeline, course(histories, wal, Target::Timeline(*timeline), *timeline))
        };
        let known = numbered.iter().map(course).collect();
        Self { histories, wal, numbered, are_some_left_out: too_many > 0, known }
    }

    /// Tries every target.
    pub(super) fn try_all(&self, span: &BackupSpan) -> Vec<Tried> {
        let numbers = self.numbered.iter().copied().map(Target::Timeline);
        let targets = numbers.chain([Target::Current, Target::Latest]);
        targets.map(|target| self.try_one(span, target)).collect()
    }

    fn try_one(&self, span: &BackupSpan, target: Target) -> Tried {
        let own = span.end.timeline.max(span.begin.timeline);
        let timeline = self.histories.timeline_of(target, own);
        let restore = match (target, self.known.get(&timeline)) {
            (Target::Timeline(_), Some(course)) => course
                .as_ref()
                .map_err(Obstacle::clone)
                .and_then(|course| self.restore(span, course)),
            (_, Some(Ok(course))) => self.restore(span, course),
            (_, Some(Err(_)) | None) => course(self.histories, self.wal, target, own)
                .and_then(|course| self.restore(span, &course)),
        };
        Tried { target, timeline, restore }
    }

    fn restore(&self, span: &BackupSpan, course: &Arc<Course>) -> Result<Restore, Obstacle> {
        let Self { histories, wal, .. } = self;
        Attempt { span, course, wal, histories }.restore()
    }
}

/// Returns the number of timelines that can be tried for this number of backups.
pub(super) fn most_targets(histories: &Histories, wal: &ArchivedWal, backups: usize) -> usize {
    let longest = histories.readable().map(|history| history.ancestors().len() + 1).max();
    let with_wal = wal.timelines().count().max(1);
    // A try asks every timeline with WAL for each segment at which it comes to another one.
    let looks = longest.unwrap_or(1).saturating_add(with_wal.saturating_mul(with_wal));
    let tries = MOST_TRIES.min(MOST_READS / with_wal).min(MOST_LOOKS / looks);
    (tries / backups.max(1)).clamp(1, MOST_TARGETS)
}

/// Returns the course to a target, for backups that end on a timeline.
fn course(
    histories: &Histories,
    wal: &ArchivedWal,
    target: Target,
    own: TimelineId,
) -> Result<Arc<Course>, Obstacle> {
    let history = histories.of_target(target, own)?;
    Ok(Arc::new(Course::of(&history, wal)))
}

impl Tried {
    /// Returns the restore, if the server comes up.
    pub(super) fn working(&self) -> Option<&Restore> {
        self.restore.as_ref().ok().filter(|restore| restore.outcome.is_ok())
    }

    /// Returns the restore, if it reaches the point where the backup is consistent.
    pub(super) fn consistent(&self) -> Option<&Restore> {
        self.restore.as_ref().ok().filter(|restore| restore.is_consistent)
    }

    /// Returns the obstacle that keeps the server from coming up; `None` if it comes up.
    pub(super) fn obstacle(&self) -> Option<&Obstacle> {
        match &self.restore {
            Ok(restore) => restore.outcome.as_ref().err(),
            Err(obstacle) => Some(obstacle),
        }
    }

    pub(super) fn followed(&self) -> Followed {
        Followed {
            target: self.target,
            timeline: self.timeline,
            replay: self.restore.as_ref().ok().map(|restore| restore.replay),
            obstacle: self.obstacle().cloned(),
        }
    }

    pub(super) fn last(&self) -> Option<SegmentName> {
        self.restore.as_ref().ok()?.replay.last
    }
}
