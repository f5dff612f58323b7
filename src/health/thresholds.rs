//! Thresholds of the findings. The alerts have the same ones: a test compares them with
//! `alerts/rules/thresholds.yaml`.

use chrono::TimeDelta;

use crate::report::{SURE_FACTOR, UNFINISHED_FOR};

/// Longest time that the newest backup may wait for its own WAL.
pub(super) const MAX_WAIT: TimeDelta = TimeDelta::minutes(30);

/// Time after which waiting for WAL is critical: archiving fails.
pub(super) const CRITICAL_WAIT: TimeDelta = TimeDelta::hours(2);

/// Time for which a running backup never counts as stuck.
pub(super) const LEAST_RUN: TimeDelta = TimeDelta::hours(1);

/// Factor for a running backup: it is stuck if it takes longer than the last one times this.
pub const LONG_RUN: i32 = 3;

/// Share of the usual size below which a backup is suspicious.
pub(super) const SHRUNK_TO: f64 = 0.5;

/// Share of the recovery window that has to be restorable.
pub(super) const WINDOW_COVERED: f64 = 0.95;

/// Longest time for which a backup may be obsolete: retention runs once a day.
pub(super) const OBSOLETE_FOR: TimeDelta = TimeDelta::days(1);

/// Maximum size of WAL that no backup needs, in bytes.
pub(super) const OBSOLETE_WAL_BYTES: u64 = 10 << 30;

/// Longest time that recovery may be unproven: the budget of a week, which pays for the largest backup
/// that can be read at all, and a day for reading it.
pub(super) const UNPROVEN_FOR: TimeDelta = TimeDelta::days(8);

/// Time for which the oldest backup must have existed before an absent proof is a finding: the budget is
/// carried over for as long.
pub(super) const TIME_TO_READ: TimeDelta = TimeDelta::days(7);

/// Longest time by which a read may be overdue.
pub(super) const STALLED_FOR: TimeDelta = TimeDelta::days(1);

/// One threshold, as the alerting rules record it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Name in the rules.
    pub name: &'static str,
    /// Severity that the threshold is for; empty if there is only one.
    pub severity: &'static str,
    /// Value, in seconds, bytes or as a share.
    pub value: f64,
}

/// Returns the thresholds that findings and alerts have in common.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "the thresholds are small")]
pub fn thresholds() -> Vec<Threshold> {
    let threshold = |name, severity, value| Threshold {
        name,
        severity,
        value,
    };
    vec![
        threshold(
            "waiting_for_wal_seconds",
            "warning",
            MAX_WAIT.as_seconds_f64(),
        ),
        threshold(
            "waiting_for_wal_seconds",
            "critical",
            CRITICAL_WAIT.as_seconds_f64(),
        ),
        threshold("backup_running_seconds", "", LEAST_RUN.as_seconds_f64()),
        threshold("backup_size_ratio", "", SHRUNK_TO),
        threshold("schedule_interval_ratio", "", f64::from(SURE_FACTOR)),
        threshold("recovery_window_ratio", "", WINDOW_COVERED),
        threshold(
            "retention_overdue_seconds",
            "",
            OBSOLETE_FOR.as_seconds_f64(),
        ),
        threshold(
            "recovery_unproven_seconds",
            "",
            UNPROVEN_FOR.as_seconds_f64(),
        ),
        threshold(
            "verification_overdue_seconds",
            "",
            STALLED_FOR.as_seconds_f64(),
        ),
        threshold("obsolete_wal_bytes", "", OBSOLETE_WAL_BYTES as f64),
        threshold(
            "unfinished_upload_age_seconds",
            "",
            UNFINISHED_FOR.as_seconds_f64(),
        ),
    ]
}
