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
