//! Report on whether a server's backups are taken on schedule.
//!
//! `docs/specification.md`, 15.

use std::sync::Arc;

use barman_archive::barman::BackupStatus;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use cnpg_schedule::BackupSchedule;

use super::{BackupReport, BackupState, ServerReport};

/// Schedule on which an operator expects a server's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleExpectation {
    /// Schedule of the backups.
    pub schedule: Arc<BackupSchedule>,
    /// Time zone of the schedule.
    pub zone: Tz,
    /// Time after its due time for which a backup may be missing; `None` to derive it from earlier
    /// backups.
    pub grace_period: Option<TimeDelta>,
}

/// Backups of a server compared with their schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleReport {
    /// Expected schedule.
    pub expected: ScheduleExpectation,
    /// Time after its due time for which a backup may be missing before it is late.
    pub grace_period: TimeDelta,
    /// Time that a running backup may take before it is late: much longer than usual.
    pub usual_interval_grace: TimeDelta,
    /// Intervals between the starts of the done backups; `None` with fewer than two, and if an
    /// unreadable backup may lie between them.
    pub observed: Option<ObservedIntervals>,
    /// Start of the newest done backup; without one, of the oldest backup in any other state.
    /// `None` if no start is known.
    pub counted_from: Option<DateTime<Utc>>,
    /// First scheduled time after the start of the newest done backup, at which the next one was
    /// due. Without a done backup, the last scheduled time before the start of the oldest backup in
    /// any other state. `None` if unknown, and if the schedule has no further time.
    pub next_due_at: Option<DateTime<Utc>>,
    /// Time at which the newest refused `backup.info` was written: its backup may be the one that
    /// is due. `None` without any.
    pub refused_at: Option<DateTime<Utc>>,
    /// Start of the first backup since `next_due_at` that has not ended; `None` without one, and if
    /// it started too long ago to be still running.
    pub under_way_since: Option<DateTime<Utc>>,
}

/// Intervals between the starts of backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedIntervals {
    /// Median interval.
    pub median: TimeDelta,
    /// Number of intervals: one less than the number of backups.
    pub count: usize,
}

/// Contradiction between the backups and the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Backups taken more often than scheduled.
    MoreOften,
    /// Backups taken less often than scheduled.
    LessOften,
}

/// Shortest grace period, and shortest grace of the usual interval, derived from earlier backups.
const LEAST_GRACE: TimeDelta = TimeDelta::hours(1);

/// Factor of the usual duration that counts as much longer.
const MUCH_LONGER: i32 = 3;

/// Number of newest backups that determine the usual duration.
const USUAL_BACKUPS: usize = 7;

/// Number of intervals required to be sure of a contradiction, and the factor by which they must be
/// too long or too short.
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
        let usual_interval_grace = (usual * MUCH_LONGER).max(LEAST_GRACE);
        Self {
            expected: expected.clone(),
            grace_period: expected.grace_period.unwrap_or(usual_interval_grace),
            usual_interval_grace,
            observed: ObservedIntervals::of(done.iter().map(|(begun_at, _)| *begun_at))
                .filter(|_| refused_at.is_none()),
            counted_from: newest_begun_at.or(oldest_begun_at),
            next_due_at,
            refused_at,
            under_way_since: next_due_at.and_then(|due_at| under_way_since(backups, due_at, now)),
        }
    }

    /// Latest scheduled time up to now; `None` if unknown, as for `@every` before any backup.
    #[must_use]
    pub fn due_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = self.counted_from.filter(|from| self.refused_at.is_none_or(|at| at <= *from));
        self.expected.schedule.latest_until(now, self.expected.zone, from)
    }

    /// First scheduled time at or after which no done backup started. `None` if unknown, and if the
    /// schedule has no further time.
    ///
    /// This is not the latest scheduled time: it stays the same while backups fail to appear.
    /// Before any backup, the first scheduled time is unknown; then it is the latest one whose
    /// grace period is over.
    #[must_use]
    pub fn unmet_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.counted_from {
            Some(_) => self.next_due_at,
            None => self.due_at(now.checked_sub_signed(self.grace_period)?),
        }
    }

    /// Time by which a backup has exceeded its due time and the grace period; zero while it is on
    /// time. `None` if unknown.
    #[must_use]
    pub fn overdue(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let on_time = TimeDelta::zero();
        let Some(unmet_at) = self.unmet_at(now) else {
            return self.counted_from.map(|_| on_time);
        };
        if self.refused_at.is_some_and(|at| at >= unmet_at) {
            return None;
        }
        let is_coming =
            self.under_way_since.is_some_and(|since| now - since <= self.usual_interval_grace);
        let late = now - unmet_at - self.grace_period;
        Some(if is_coming { on_time } else { late.max(on_time) })
    }

    /// Contradiction between the backups and the schedule: they come at least twice as often as its
    /// shortest interval implies, or at most half as often as its longest implies, over enough
    /// intervals to be sure.
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

/// Start of a backup. A start in the future is not trusted, and one that `backup.info` does not
/// state is not guessed: either could hide that a backup is late.
fn begun_at(backup: &BackupReport, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let begun_at = backup.info.as_ref()?.began_at?;
    (begun_at <= now).then_some(begun_at)
}

/// Start of the first backup since `due_at` that has not ended; `None` if it is not running any
/// more.
///
/// A process that was killed leaves its backup as `STARTED`. So only the first of several counts:
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
    /// Intervals between moments, which must be in order.
    fn of(moments: impl Iterator<Item = DateTime<Utc>> + Clone) -> Option<Self> {
        let intervals: Vec<_> =
            moments.clone().zip(moments.skip(1)).map(|(earlier, later)| later - earlier).collect();
        let count = intervals.len();
        Some(Self { median: median(intervals)?, count })
    }
}

/// Median of lengths of time; `None` without any.
fn median(mut lengths: Vec<TimeDelta>) -> Option<TimeDelta> {
    lengths.sort_unstable();
    let upper = *lengths.get(lengths.len() / 2)?;
    let lower = *lengths.get((lengths.len() - 1) / 2)?;
    Some(lower + (upper - lower) / 2)
}
