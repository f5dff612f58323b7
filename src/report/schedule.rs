//! The report on how a server's backups keep to their schedule.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::barman::BackupStatus;
use crate::schedule::BackupSchedule;

use super::{BackupReport, BackupState, ServerReport};

/// When an operator expects a server's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleExpectation {
    /// The schedule.
    pub schedule: Arc<BackupSchedule>,
    /// Its time zone.
    pub zone: Tz,
    /// How long after its time a backup may be missing; `None` for as long as backups suggest.
    pub grace_period: Option<TimeDelta>,
}

/// How a server's backups keep to their schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleReport {
    /// What is expected.
    pub expected: ScheduleExpectation,
    /// How long after its time a backup may be missing before it is late.
    pub grace_period: TimeDelta,
    /// How long a backup under way may take before it is late: much longer than usual.
    pub patience: TimeDelta,
    /// How far apart the done backups began; `None` for fewer than two, and where one that cannot be
    /// read may lie between them.
    pub observed: Option<ObservedIntervals>,
    /// When the newest done backup began; without one, when the oldest of any other kind did. `None`
    /// where that is not known of any.
    pub counted_from: Option<DateTime<Utc>>,
    /// The first time of the schedule after the newest done backup began: then the next one was due.
    /// Without a done backup, the last time before the oldest of any other kind began. `None` where
    /// that is not known, and where no time comes any more.
    pub next_due_at: Option<DateTime<Utc>>,
    /// When the newest `backup.info` was written that the store does not give out: its backup may be
    /// the one that is due. `None` without any.
    pub refused_at: Option<DateTime<Utc>>,
    /// When the first backup since then began, of those that did not end; `None` without one, and
    /// where it began too long ago to be under way.
    pub under_way_since: Option<DateTime<Utc>>,
}

/// How far apart backups began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedIntervals {
    /// The median.
    pub median: TimeDelta,
    /// How many there are: one less than backups.
    pub count: usize,
}

/// How the backups contradict the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// They are taken more often.
    MoreOften,
    /// They are taken less often.
    LessOften,
}

/// The shortest grace, and the shortest patience, that backups suggest.
const LEAST_GRACE: TimeDelta = TimeDelta::hours(1);

/// How many times as long as usual is much longer.
const MUCH_LONGER: i32 = 3;

/// How many of the newest backups tell what is usual.
const USUAL_BACKUPS: usize = 7;

/// How many intervals it takes to be sure of a contradiction, and how many times as long or short
/// they have to be.
const SURE_INTERVALS: usize = 4;
const SURE_FACTOR: i32 = 2;

impl ScheduleReport {
    pub(super) fn new(
        expected: &ScheduleExpectation,
        server: &ServerReport,
        now: DateTime<Utc>,
    ) -> Self {
        let backups = server.backups.as_slice();
        let refused_at = server.refusals.newest_backup_at();
        let begun = |backup: &BackupReport| begun_at(backup, now);
        let done = backups.iter().filter(|backup| backup.done_at().is_some());
        let mut done: Vec<(DateTime<Utc>, Option<TimeDelta>)> =
            done.filter_map(|backup| Some((begun(backup)?, backup.duration()))).collect();
        done.sort_unstable_by_key(|(begun_at, _)| *begun_at);
        let newest_begun_at = done.last().map(|(begun_at, _)| *begun_at);
        let oldest_begun_at = backups.iter().filter_map(begun).min();
        let next_due_at = match (newest_begun_at, oldest_begun_at) {
            (Some(newest), _) => expected.schedule.next_after(newest, expected.zone),
            (None, Some(oldest)) => {
                expected.schedule.latest_until(oldest, expected.zone, Some(oldest))
            }
            (None, None) => None,
        };
        let durations = done.iter().rev().filter_map(|(_, duration)| *duration);
        let usual = median(durations.take(USUAL_BACKUPS).collect()).unwrap_or_default();
        let patience = (usual * MUCH_LONGER).max(LEAST_GRACE);
        Self {
            expected: expected.clone(),
            grace_period: expected.grace_period.unwrap_or(patience),
            patience,
            observed: ObservedIntervals::of(done.iter().map(|(begun_at, _)| *begun_at))
                .filter(|_| refused_at.is_none()),
            counted_from: newest_begun_at.or(oldest_begun_at),
            next_due_at,
            refused_at,
            under_way_since: next_due_at.and_then(|due_at| under_way_since(backups, due_at, now)),
        }
    }

    /// The latest time of the schedule up to now; `None` where that is not known, as for `@every`
    /// before any backup.
    #[must_use]
    pub fn due_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = self.counted_from.filter(|from| self.refused_at.is_none_or(|at| at <= *from));
        self.expected.schedule.latest_until(now, self.expected.zone, from)
    }

    /// The first time of the schedule at or after which no done backup began. `None` where that is not
    /// known, and where no time comes any more.
    ///
    /// It is not the latest time: it stays where it is while backups fail to come. Before any backup,
    /// nothing tells which time was the first; then it is the latest one whose grace is over.
    #[must_use]
    pub fn unmet_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.counted_from {
            Some(_) => self.next_due_at,
            None => self.due_at(now.checked_sub_signed(self.grace_period)?),
        }
    }

    /// How long a backup is past its time and the grace; zero while it is on time. `None` where that
    /// is not known.
    #[must_use]
    pub fn overdue(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let on_time = TimeDelta::zero();
        let Some(unmet_at) = self.unmet_at(now) else {
            return self.counted_from.map(|_| on_time);
        };
        if self.refused_at.is_some_and(|at| at >= unmet_at) {
            return None;
        }
        let is_coming = self.under_way_since.is_some_and(|since| now - since <= self.patience);
        let late = now - unmet_at - self.grace_period;
        Some(if is_coming { on_time } else { late.max(on_time) })
    }

    /// Whether the backups contradict the schedule: they come at least twice as often as its
    /// shortest interval has it, or half as often as its longest, over enough of them to be sure.
    #[must_use]
    pub fn contradiction(&self) -> Option<Contradiction> {
        let observed = self.observed.filter(|observed| observed.count >= SURE_INTERVALS)?;
        let scheduled = self.expected.schedule.intervals();
        if observed.median * SURE_FACTOR <= scheduled.shortest {
            Some(Contradiction::MoreOften)
        } else if observed.median >= scheduled.longest * SURE_FACTOR {
            Some(Contradiction::LessOften)
        } else {
            None
        }
    }
}

/// When a backup began. A begin in the future is not believed, and one that `backup.info` does not
/// tell is not guessed: either could hide that a backup is late.
fn begun_at(backup: &BackupReport, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let begun_at = backup.info.as_ref()?.began_at?;
    (begun_at <= now).then_some(begun_at)
}

/// When the backup began that is under way since this time.
///
/// A process that was killed leaves its backup as `STARTED`. So of several, only the first one counts:
/// if each of them is killed, the newest one never takes long.
fn under_way_since(
    backups: &[BackupReport],
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let is_started = |backup: &&BackupReport| {
        let status = backup.info.as_ref().map(|info| &info.status);
        backup.state == BackupState::Running || status == Some(&BackupStatus::Started)
    };
    let started = backups.iter().filter(is_started);
    let begun = started.filter_map(|backup| Some((begun_at(backup, now)?, backup.state)));
    let (first, state) =
        begun.filter(|(begun_at, _)| *begun_at >= due_at).min_by_key(|(begun_at, _)| *begun_at)?;
    (state == BackupState::Running).then_some(first)
}

impl ObservedIntervals {
    /// Of moments in order.
    fn of(moments: impl Iterator<Item = DateTime<Utc>> + Clone) -> Option<Self> {
        let intervals: Vec<_> =
            moments.clone().zip(moments.skip(1)).map(|(one, next)| next - one).collect();
        let count = intervals.len();
        Some(Self { median: median(intervals)?, count })
    }
}

/// The middle of lengths of time; `None` without any.
fn median(mut lengths: Vec<TimeDelta>) -> Option<TimeDelta> {
    lengths.sort_unstable();
    let upper = *lengths.get(lengths.len() / 2)?;
    let lower = *lengths.get((lengths.len() - 1) / 2)?;
    Some(lower + (upper - lower) / 2)
}
