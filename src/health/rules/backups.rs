//! Rules on backups: their state, number, size and duration.

use barman_archive::barman::BackupInfo;
use barman_archive::inventory::UnreadableReason;
use chrono::TimeDelta;

use super::ScannedServer;
use crate::health::thresholds::{LEAST_RUN, LONG_RUN, SHRUNK_TO};
use crate::health::{Evidence, Finding, IncompleteBackup};
use crate::report::{BackupReport, BackupState};

/// Findings on files that the store refuses, one for each kind of file.
pub(super) fn refused_files(subject: &ScannedServer<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, refused) in &subject.server.refusals.kinds {
        let evidence = Evidence::FilesRefused {
            kind: *kind,
            refused: refused.clone(),
        };
        findings.push(Finding::unknown(evidence));
    }
    findings
}

pub(super) fn backup_shrank(subject: &ScannedServer<'_>) -> Option<Finding> {
    let newest = subject.server.newest_known_done()?;
    let ratio = subject.server.size_change_ratio()?;
    if ratio >= SHRUNK_TO {
        return None;
    }
    Some(Finding::warning(Evidence::BackupShrank {
        backup: newest.id.clone(),
        ratio,
    }))
}

/// Finding on a backup that has been running for too long.
///
/// A first backup has no usual duration: it counts as incomplete after `backups.maxRunningTime`.
pub(super) fn backup_stuck(subject: &ScannedServer<'_>) -> Option<Finding> {
    let running = subject.server.newest_running()?;
    let began_at = running.began_at?;
    let usual = subject.server.newest_known_done()?.duration()?;
    let length = subject.now - began_at;
    let longest = usual.checked_mul(LONG_RUN).unwrap_or(TimeDelta::MAX);
    if length <= LEAST_RUN || length <= longest {
        return None;
    }
    let backup = running.id.clone();
    Some(Finding::warning(Evidence::BackupStuck {
        backup,
        began_at,
        usual,
    }))
}

/// Finding on too few backups. If there is no backup at all, another rule reports it.
pub(super) fn too_few_backups(subject: &ScannedServer<'_>) -> Option<Finding> {
    let server = subject.server;
    let required = u64::from(server.required_backups()?);
    let done = server.done().len() as u64;
    if done == 0 || done >= required || server.refused_since(None) {
        return None;
    }
    Some(Finding::warning(Evidence::TooFewBackups { done, required }))
}

/// Finding on a failed backup, unless a newer one is done or may be.
pub(super) fn backup_failed(subject: &ScannedServer<'_>, backup: &BackupReport) -> Option<Finding> {
    let server = subject.server;
    if backup.state != BackupState::Failed || server.refused_since(backup.began_at) {
        return None;
    }
    let last_success_at = server.newest_done().and_then(BackupReport::done_at);
    if backup.began_at <= last_success_at {
        return None;
    }
    let error = backup.info.as_ref().and_then(|info| info.error.clone());
    Some(Finding::warning(Evidence::BackupFailed {
        backup: backup.id.clone(),
        error,
    }))
}

pub(super) fn backup_incomplete(
    _subject: &ScannedServer<'_>,
    backup: &BackupReport,
) -> Option<Finding> {
    if backup.state != BackupState::Incomplete {
        return None;
    }
    let incomplete = backup.incomplete_reason().map(|reason| IncompleteBackup {
        reason,
        status: backup.info.as_ref().map(BackupInfo::status),
        missing_data: backup.missing_data.clone(),
        began_at: backup.began_at,
    });
    Some(Finding::warning(Evidence::BackupIncomplete {
        backup: backup.id.clone(),
        incomplete,
    }))
}

/// Finding on a `backup.info` that makes no sense. Refused files are reported together.
pub(super) fn backup_unreadable(
    _subject: &ScannedServer<'_>,
    backup: &BackupReport,
) -> Option<Finding> {
    match backup.state {
        BackupState::Done
        | BackupState::Failed
        | BackupState::Running
        | BackupState::Incomplete
        | BackupState::Unreadable(UnreadableReason::Access) => None,
        BackupState::Unreadable(reason) => {
            let backup = backup.id.clone();
            Some(Finding::warning(Evidence::BackupUnreadable {
                backup,
                reason,
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{backup, day, finding, server};
    use super::*;

    #[test]
    fn a_backup_is_stuck_beyond_three_times_the_last_one() {
        let stuck = |minutes_before: i64, minutes_running: i64| {
            let mut server = server(&[minutes_before]);
            server.backups.push(backup(2, BackupState::Running));
            let now = day(2) + TimeDelta::minutes(minutes_running);
            finding(backup_stuck, &server, now)
        };

        assert_eq!(stuck(10, 60), None, "an hour is never too long");
        assert_eq!(stuck(30, 90), None, "three times as long as the last one");
        let evidence = Evidence::BackupStuck {
            backup: "backup-2".to_owned(),
            began_at: day(2),
            usual: TimeDelta::minutes(30),
        };
        assert_eq!(stuck(30, 91), Some(Finding::warning(evidence)));
    }

    #[test]
    fn a_first_backup_is_not_stuck() {
        let mut server = server(&[]);
        server.backups.push(backup(1, BackupState::Running));

        assert_eq!(finding(backup_stuck, &server, day(100)), None);
    }

    #[test]
    fn fewer_backups_than_required_are_found() {
        let mut server = server(&[5, 5]);
        server.minimum_redundancy = Some(3);

        let evidence = Evidence::TooFewBackups {
            done: 2,
            required: 3,
        };
        let found = finding(too_few_backups, &server, day(9));
        assert_eq!(found, Some(Finding::warning(evidence)));

        server.minimum_redundancy = Some(2);
        assert_eq!(finding(too_few_backups, &server, day(9)), None);
    }
}
