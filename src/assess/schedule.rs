//! Backups of a server compared with their schedule.

use barman_archive::barman::{BackupInfo, BackupStatus, UnfinishedStatus};
use chrono::{DateTime, TimeDelta, Utc};

use crate::report::{
    BackupReport, BackupState, ObservedIntervals, ScheduleExpectation, ScheduleReport, ServerReport,
};

/// Shortest grace period, and shortest grace of the usual interval, derived from earlier backups.
const LEAST_GRACE: TimeDelta = TimeDelta::hours(1);

/// Factor of the usual duration that counts as much longer.
const MUCH_LONGER: i32 = 3;

/// Number of newest backups that determine the usual duration.
const USUAL_BACKUPS: usize = 7;

/// Compares the backups of a server with their schedule.
pub(super) fn schedule_report(
    expected: &ScheduleExpectation,
    server: &ServerReport,
    now: DateTime<Utc>,
) -> ScheduleReport {
    let backups = server.backups.as_slice();
    let refused_at = server.refusals.newest_backup_at();
    let done = done_backups(backups, now);
    let newest_begun_at = done.last().map(|done| done.begun_at);
    let oldest_begun_at = backups
        .iter()
        .filter_map(|backup| begun_at(backup, now))
        .min();
    let next_due_at = match (newest_begun_at, oldest_begun_at) {
        (Some(newest), _) => expected.schedule.next_after(newest, expected.zone),
        (None, Some(oldest)) => expected
            .schedule
            .latest_until(oldest, expected.zone, Some(oldest)),
        (None, None) => None,
    };
    let usual_interval_grace = (usual_duration(&done) * MUCH_LONGER).max(LEAST_GRACE);
    // An unreadable backup may lie between the others.
    let observed = if refused_at.is_none() {
        observed_intervals(&done)
    } else {
        None
    };
    ScheduleReport {
        expected: expected.clone(),
        grace_period: expected.grace_period.unwrap_or(usual_interval_grace),
        usual_interval_grace,
        observed,
        counted_from: newest_begun_at.or(oldest_begun_at),
        next_due_at,
        refused_at,
        under_way_since: next_due_at.and_then(|due_at| under_way_since(backups, due_at, now)),
    }
}

/// Finished backup, as far as a schedule is concerned.
struct TimedBackup {
    begun_at: DateTime<Utc>,
    duration: Option<TimeDelta>,
}

/// Finished backups with a known start, in the order of their starts.
fn done_backups(backups: &[BackupReport], now: DateTime<Utc>) -> Vec<TimedBackup> {
    let mut done = Vec::new();
    for backup in backups {
        if backup.done_at().is_none() {
            continue;
        }
        if let Some(begun_at) = begun_at(backup, now) {
            done.push(TimedBackup {
                begun_at,
                duration: backup.duration(),
            });
        }
    }
    done.sort_unstable_by_key(|backup| backup.begun_at);
    done
}

/// Start of a backup. A start in the future is not trusted, and one that `backup.info` does not
/// state is not guessed: either could hide that a backup is late.
fn begun_at(backup: &BackupReport, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let begun_at = backup.info.as_ref()?.began_at()?;
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
    let mut first: Option<(DateTime<Utc>, BackupState)> = None;
    for backup in backups.iter().filter(|backup| is_started(backup)) {
        let Some(begun_at) = begun_at(backup, now) else {
            continue;
        };
        let is_earlier = first.is_none_or(|(first_at, _)| begun_at < first_at);
        if begun_at >= due_at && is_earlier {
            first = Some((begun_at, backup.state));
        }
    }
    let (begun_at, state) = first?;
    (state == BackupState::Running).then_some(begun_at)
}

/// Returns whether a backup is running, or was started and never ended.
fn is_started(backup: &BackupReport) -> bool {
    let status = backup.info.as_ref().map(BackupInfo::status);
    let started = BackupStatus::from(UnfinishedStatus::Started);
    backup.state == BackupState::Running || status == Some(started)
}

/// Median duration of the newest backups; zero without any.
fn usual_duration(done: &[TimedBackup]) -> TimeDelta {
    let durations = done.iter().rev().filter_map(|backup| backup.duration);
    median(durations.take(USUAL_BACKUPS).collect()).unwrap_or_default()
}

/// Intervals between the starts of backups that are in the order of their starts.
fn observed_intervals(done: &[TimedBackup]) -> Option<ObservedIntervals> {
    let mut intervals = Vec::new();
    for (earlier, later) in done.iter().zip(done.iter().skip(1)) {
        intervals.push(later.begun_at - earlier.begun_at);
    }
    let count = intervals.len();
    Some(ObservedIntervals {
        median: median(intervals)?,
        count,
    })
}

/// Median of lengths of time; `None` without any.
fn median(mut lengths: Vec<TimeDelta>) -> Option<TimeDelta> {
    lengths.sort_unstable();
    let upper = *lengths.get(lengths.len() / 2)?;
    let lower = *lengths.get(lengths.len().checked_sub(1)? / 2)?;
    Some(lower + (upper - lower) / 2)
}
