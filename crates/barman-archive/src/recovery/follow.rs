//! Restores of one backup to every target that a person can name.
//!
//! `docs/specification.md`, 6.2.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::restore::{Attempt, Restore};
use super::stages::StagedPath;
use super::{ArchivedWal, BackupSpan, Histories, Obstacle, Replay, Target};
use crate::postgres::{SegmentName, TimelineId};

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

/// Paths to every target, for backups that end on one timeline or another.
pub(super) struct ReplayPaths<'a> {
    histories: &'a Histories,
    wal: &'a ArchivedWal,
    numbered: Vec<TimelineId>,
    /// Highest timeline that is not tried by its number, as there are too many.
    pub(super) left_out: Option<TimelineId>,
    by_number: BTreeMap<TimelineId, Result<Rc<StagedPath>, Obstacle>>,
    /// Paths that only `current` and `latest` lead to.
    by_name: BTreeMap<TimelineId, Result<Rc<StagedPath>, Obstacle>>,
}

/// Maximum number of timelines that are tried by their number: the highest ones.
const MOST_TARGETS: usize = 1000;

/// Maximum number of tries by number, over all backups.
const MOST_TRIES: usize = 300_000;

/// Maximum number of stages of replays that the paths to all numbers together may have.
const MOST_STAGES: usize = 500_000;

/// Maximum number of looks at a timeline that all tries by number together may take.
const MOST_LOOKS: usize = 500_000_000;

impl<'a> ReplayPaths<'a> {
    /// Collects the paths to every timeline of an archive, including those that backups are on.
    pub(super) fn new(
        histories: &'a Histories,
        wal: &'a ArchivedWal,
        of_backups: impl Iterator<Item = TimelineId>,
        backups: usize,
    ) -> Self {
        let of_partials = wal.partials.iter().map(|(timeline, _)| *timeline);
        let of_wal = wal.timelines().chain(of_partials);
        let own: BTreeSet<TimelineId> = of_backups.collect();
        let timelines: BTreeSet<TimelineId> = of_wal
            .chain(histories.timelines())
            .chain(own.iter().copied())
            .collect();
        let too_many = timelines
            .len()
            .saturating_sub(most_targets(histories, wal, backups));
        let mut numbered: Vec<_> = timelines.into_iter().collect();
        let left_out = numbered.drain(..too_many).next_back();
        let path_to = |target, own| {
            let history = histories.of_target(target, own)?;
            Ok(Rc::new(StagedPath::of(&history, wal)))
        };
        let by_number: BTreeMap<_, Result<_, Obstacle>> = numbered
            .iter()
            // The timeline that a backup ends on makes no difference to a number.
            .map(|timeline| (*timeline, path_to(Target::Timeline(*timeline), *timeline)))
            .collect();
        let latest = own
            .iter()
            .map(|own| histories.timeline_of(Target::Latest, *own));
        let named: BTreeSet<TimelineId> = own.iter().copied().chain(latest).collect();
        let only_named = named
            .into_iter()
            .filter(|timeline| !matches!(by_number.get(timeline), Some(Ok(_))));
        // Whether `current` or `latest` leads there makes no difference.
        let by_name = only_named.map(|timeline| (timeline, path_to(Target::Current, timeline)));
        let by_name = by_name.collect();
        Self {
            histories,
            wal,
            numbered,
            left_out,
            by_number,
            by_name,
        }
    }

    /// Returns every path once.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<StagedPath>> {
        self.by_number
            .values()
            .chain(self.by_name.values())
            .flatten()
    }

    /// Tries every target.
    pub(super) fn try_all(&self, span: &BackupSpan) -> Vec<Tried> {
        let numbers = self.numbered.iter().copied().map(Target::Timeline);
        let mut tried: Vec<_> = numbers.map(|target| self.try_one(span, target)).collect();
        for target in [Target::Current, Target::Latest] {
            let same = self.same_by_number(span, target, &tried);
            tried.push(same.unwrap_or_else(|| self.try_one(span, target)));
        }
        tried
    }

    /// Returns the restore to a name, if it is the same as one to a number that is tried already.
    fn same_by_number(&self, span: &BackupSpan, target: Target, tried: &[Tried]) -> Option<Tried> {
        let timeline = self.histories.timeline_of(target, own_timeline(span));
        let place = self.numbered.binary_search(&timeline).ok()?;
        let by_number = tried.get(place).filter(|tried| tried.restore.is_ok())?;
        Some(Tried {
            target,
            ..by_number.clone()
        })
    }

    fn try_one(&self, span: &BackupSpan, target: Target) -> Tried {
        let timeline = self.histories.timeline_of(target, own_timeline(span));
        let path = match (target, self.by_number.get(&timeline)) {
            (_, Some(Ok(path))) => Ok(path),
            (Target::Timeline(_), Some(Err(obstacle))) => Err(obstacle.clone()),
            (_, Some(Err(_)) | None) => match self.by_name.get(&timeline) {
                Some(path) => path.as_ref().map_err(Obstacle::clone),
                None => Err(Obstacle::DeadBranch),
            },
        };
        let restore = path.and_then(|path| self.restore(span, path));
        Tried {
            target,
            timeline,
            restore,
        }
    }

    fn restore(&self, span: &BackupSpan, path: &Rc<StagedPath>) -> Result<Restore, Obstacle> {
        let Self { histories, wal, .. } = self;
        Attempt {
            span,
            staged: path,
            wal,
            histories,
        }
        .restore()
    }
}

/// Returns the timeline that a backup ends on.
fn own_timeline(span: &BackupSpan) -> TimelineId {
    span.end.timeline.max(span.begin.timeline)
}

/// Returns the number of timelines that can be tried for this number of backups.
pub(super) fn most_targets(histories: &Histories, wal: &ArchivedWal, backups: usize) -> usize {
    let longest = histories
        .readable()
        .map(|history| history.ancestors().len() + 1)
        .max();
    let with_wal = wal.timelines().count().max(1);
    let backups = backups.max(1);
    // Backups whose replays come to the same place share the rest.
    let stages = wal.runs().min(backups.saturating_mul(with_wal)).max(1);
    // For every stage, each timeline with WAL is asked.
    let first_looks = backups.saturating_mul(longest.unwrap_or(1) + with_wal);
    let looks = stages.saturating_mul(with_wal).saturating_add(first_looks);
    let targets = (MOST_TRIES / backups)
        .min(MOST_STAGES / stages)
        .min(MOST_LOOKS / looks);
    targets.clamp(1, MOST_TARGETS)
}

impl Tried {
    /// Returns the restore, if the server comes up.
    pub(super) fn working(&self) -> Option<&Restore> {
        self.restore
            .as_ref()
            .ok()
            .filter(|restore| restore.outcome.is_ok())
    }

    pub(super) fn is_working(&self) -> bool {
        self.working().is_some()
    }

    pub(super) fn is_consistent(&self) -> bool {
        self.consistent().is_some()
    }

    /// Returns whether the backup is on the path, whether the server comes up or not.
    pub(super) const fn is_on_path(&self) -> bool {
        self.restore.is_ok()
    }

    /// Returns the restore, if it reaches the point where the backup is consistent.
    pub(super) fn consistent(&self) -> Option<&Restore> {
        self.restore
            .as_ref()
            .ok()
            .filter(|restore| restore.is_consistent)
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

    /// Returns whether the server comes up and this segment is the last one before the first missing
    /// one.
    pub(super) fn works_up_to(&self, segment: SegmentName) -> bool {
        self.working()
            .is_some_and(|restore| restore.replay.last == Some(segment))
    }

    pub(super) fn last(&self) -> Option<SegmentName> {
        self.restore.as_ref().ok()?.replay.last
    }
}
