//! Sentences about backups and their schedule.

use barman_archive::barman::{BackupStatus, UnfinishedStatus};
use barman_archive::inventory::UnreadableReason;
use chrono::{DateTime, TimeDelta, Utc};
use cnpg_schedule::BackupSchedule;

use crate::health::IncompleteBackup;
use crate::output::words::{ago, count, duration, moment_in_words, quoted};
use crate::report::{Contradiction, IncompleteReason, ObservedIntervals};

pub(super) fn too_old(
    backup: &str,
    ended_at: DateTime<Utc>,
    window: TimeDelta,
    now: DateTime<Utc>,
) -> String {
    let (ago, window) = (ago(ended_at, now), duration(window));
    format!(
        "The newest backup {backup} ended {ago}, before the recovery window of {window} started"
    )
}

pub(super) fn overdue(
    due_at: DateTime<Utc>,
    overdue: TimeDelta,
    grace_period: TimeDelta,
) -> String {
    format!(
        "No backup has completed since the one due at {}: overdue by {}, after a grace period of {}",
        moment_in_words(due_at),
        duration(overdue),
        duration(grace_period)
    )
}

pub(super) fn stuck(backup: &str, length: TimeDelta, usual: TimeDelta) -> String {
    let (length, usual) = (duration(length), duration(usual));
    format!("Backup {backup} has been running for {length}; the last one took {usual}")
}

pub(super) fn failed(backup: &str, error: Option<&str>) -> String {
    let error = failure_in_words(error);
    format!("Backup {backup} failed: {error}. No backup has completed since")
}

/// Describes why a backup failed, in Barman's words if there are any.
pub(in crate::output) fn failure_in_words(error: Option<&str>) -> String {
    quoted(error.unwrap_or("Barman does not state a reason"))
}

pub(super) fn unreadable(backup: &str, reason: UnreadableReason) -> String {
    let reason = match reason {
        UnreadableReason::Syntax => "it is not a valid backup.info",
        UnreadableReason::Framing => "it contains the framing of a chunked upload",
        UnreadableReason::MissingField => "a required field is missing",
        UnreadableReason::Access => "the store refuses to return it",
        UnreadableReason::Compression => "it cannot be decompressed",
        UnreadableReason::Size => "it is too large",
    };
    format!("The backup.info of {backup} cannot be read: {reason}")
}

pub(super) fn too_few(done: u64, required: u64) -> String {
    let verb = if done == 1 { "is" } else { "are" };
    let backups = count(done, "finished backup");
    format!(
        "There {verb} only {backups}: the retention policy or minimum redundancy requires {required}"
    )
}

pub(super) fn schedule_contradicted(
    schedule: &BackupSchedule,
    observed: ObservedIntervals,
    contradiction: Contradiction,
) -> String {
    let than = match contradiction {
        Contradiction::MoreOften => "more often",
        Contradiction::LessOften => "less often",
    };
    format!(
        "Backups are taken {than} than the schedule `{schedule}` specifies: the median interval is \
         {} (of {}) instead of {} ({})",
        duration(observed.median),
        count(observed.count, "interval"),
        duration(schedule.intervals().median),
        schedule.in_words()
    )
}

pub(super) fn incomplete(
    backup: &str,
    incomplete: Option<&IncompleteBackup>,
    now: DateTime<Utc>,
) -> String {
    let problem = format!("Backup {backup} is neither complete nor running");
    match incomplete {
        Some(incomplete) => format!("{problem}: {}", missing_part(incomplete, now)),
        None => problem,
    }
}

/// Describes the part that an incomplete backup lacks, as a clause.
fn missing_part(incomplete: &IncompleteBackup, now: DateTime<Utc>) -> String {
    let status = incomplete
        .status
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    match incomplete.reason {
        IncompleteReason::MissingInfo => "its backup.info is missing".to_owned(),
        IncompleteReason::MissingData => {
            let missing: Vec<_> = incomplete.missing_data.iter().collect();
            format!(
                "Barman marked it DONE, but these objects are missing: {}",
                missing.join(", ")
            )
        }
        IncompleteReason::NeverBegun => {
            format!("according to its backup.info, it never started (status {status})")
        }
        IncompleteReason::NeverEnded => never_ended(incomplete, &status, now),
        IncompleteReason::UnknownStatus => {
            let status = quoted(&status);
            format!("its backup.info has the status `{status}`, which Barman does not know")
        }
    }
}

fn never_ended(incomplete: &IncompleteBackup, status: &str, now: DateTime<Utc>) -> String {
    let start = match incomplete.began_at {
        Some(began_at) => ago(began_at, now),
        None => "at an unknown time".to_owned(),
    };
    let end = match incomplete.status {
        Some(BackupStatus::Unfinished(UnfinishedStatus::Started)) | None => {
            "never finished".to_owned()
        }
        Some(BackupStatus::Done | BackupStatus::Unfinished(_)) => {
            format!("never got beyond the status {status}")
        }
    };
    format!("it started {start}, longer ago than `backups.maxRunningTime`, and {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_backup_is_not_enough() {
        assert_eq!(
            too_few(1, 3),
            "There is only 1 finished backup: the retention policy or minimum redundancy requires 3"
        );
        assert!(too_few(2, 3).starts_with("There are only 2 finished backups"));
    }

    #[test]
    fn a_backup_that_never_ended_names_its_status() {
        let began_at = "2026-11-14T10:00:00Z".parse().unwrap();
        let now = "2026-11-15T12:00:00Z".parse().unwrap();
        let with = |status: BackupStatus| IncompleteBackup {
            reason: IncompleteReason::NeverEnded,
            status: Some(status),
            missing_data: std::iter::empty::<&str>().collect(),
            began_at: Some(began_at),
        };

        let started = incomplete(
            "20261114T100000",
            Some(&with(UnfinishedStatus::Started.into())),
            now,
        );
        let waiting = incomplete(
            "20261114T100000",
            Some(&with(UnfinishedStatus::WaitingForWals.into())),
            now,
        );

        insta::assert_snapshot!(started, @"Backup 20261114T100000 is neither complete nor running: it started 1 day 2 hours ago, longer ago than `backups.maxRunningTime`, and never finished");
        insta::assert_snapshot!(waiting, @"Backup 20261114T100000 is neither complete nor running: it started 1 day 2 hours ago, longer ago than `backups.maxRunningTime`, and never got beyond the status WAITING_FOR_WALS");
    }
}
