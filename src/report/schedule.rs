//! Report on whether a server's backups are taken on schedule.
//!
//! `docs/specification.md`, 15.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use cnpg_schedule::BackupSchedule;

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

/// Number of intervals required to be sure of a contradiction.
const SURE_INTERVALS: usize = 4;

/// Factor by which intervals must be too long or too short to contradict a schedule.
pub const SURE_FACTOR: i32 = 2;

impl ScheduleReport {
    /// Latest scheduled time up to now; `None` if unknown, as for `@every` before any backup.
    #[must_use]
    pub fn due_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = self
            .counted_from
            .filter(|from| self.refused_at.is_none_or(|at| at <= *from));
        self.expected
            .schedule
            .latest_until(now, self.expected.zone, from)
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
        let is_coming = self
            .under_way_since
            .is_some_and(|since| now - since <= self.usual_interval_grace);
        let late = now - unmet_at - self.grace_period;
        Some(if is_coming {
            on_time
        } else {
            late.max(on_time)
        })
    }

    /// Contradiction between the backups and the schedule: they come at least twice as often as its
    /// shortest interval implies, or at most half as often as its longest implies, over enough
    /// intervals to be sure.
    #[must_use]
    pub fn contradiction(&self) -> Option<Contradiction> {
        let observed = self
            .observed
            .filter(|observed| observed.count >= SURE_INTERVALS)?;
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
