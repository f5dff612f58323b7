//! Rules on restores: of the newest backup, and of the others.

use barman_archive::postgres::SegmentName;
use barman_archive::recovery::{BackupVerdict, Obstacle, Verdict};

use super::ScannedServer;
use crate::health::thresholds::{CRITICAL_WAIT, MAX_WAIT};
use crate::health::{Evidence, Finding, MissingBackup, Severity};
use crate::report::{BackupReport, BackupState, ServerReport};

/// Finding on a server without a finished backup. Backups that cannot be read may be finished.
pub(super) fn no_backup(subject: &ScannedServer<'_>) -> Option<Finding> {
    let server = subject.server;
    if server.newest_done().is_some() || server.refused_since(None) {
        return None;
    }
    let circumstances = if server.is_found {
        MissingBackup::NoneDone
    } else if subject.report.has_server_directories() {
        MissingBackup::NoDirectory
    } else {
        MissingBackup::NoServers
    };
    let severity = no_backup_severity(subject);
    Some(Finding {
        severity,
        evidence: Evidence::NoBackup(circumstances),
    })
}

/// Severity of a missing backup: not critical while the first one is running, nor before it is due
/// by a schedule.
fn no_backup_severity(subject: &ScannedServer<'_>) -> Severity {
    let schedule = subject.server.schedule.as_ref();
    let overdue = schedule.and_then(|schedule| schedule.overdue(subject.now));
    let is_early = overdue.is_some_and(|overdue| overdue.is_zero());
    let is_coming = is_early || subject.server.newest_running().is_some();
    if is_coming {
        Severity::Warning
    } else {
        Severity::Critical
    }
}

/// Finding on the newest readable backup, if one that cannot be read may be newer: it is judged like
/// any older backup.
pub(super) fn older_than_unreadable(subject: &ScannedServer<'_>) -> Option<Finding> {
    if subject.server.newest_is_known() {
        return None;
    }
    not_newest(subject.server, subject.server.newest_done()?)
}

/// Finding on the verdict on the newest backup, if no refused file could improve it.
pub(super) fn newest_backup(subject: &ScannedServer<'_>) -> Option<Finding> {
    let server = subject.server;
    let newest = server.newest_done()?;
    let verdict = server.newest_verdict()?;
    if !server.newest_is_known() || !is_certain(server, verdict) {
        return None;
    }
    let backup = newest.id.clone();
    match &verdict.verdict {
        Verdict::Broken(obstacle) => {
            let obstacle = obstacle.clone();
            Some(Finding::critical(Evidence::NotRestorable {
                backup,
                obstacle,
            }))
        }
        Verdict::Blocked(obstacle) | Verdict::Consistent(obstacle @ Obstacle::ColdSegment(_)) => {
            let obstacle = obstacle.clone();
            Some(Finding::warning(Evidence::RestoreBlocked {
                backup,
                obstacle,
            }))
        }
        Verdict::Consistent(obstacle) => {
            let obstacle = obstacle.clone();
            Some(Finding::critical(Evidence::ReplayEndsEarly {
                backup,
                obstacle,
            }))
        }
        Verdict::Waiting(segment) => waiting(subject, backup, *segment),
        Verdict::Recoverable if !verdict.default_target_works => {
            let (default_target, works_with) = (verdict.default_target, verdict.works_with);
            let evidence = Evidence::DefaultTargetFails {
                backup,
                default_target,
                works_with,
            };
            Some(Finding::warning(evidence))
        }
        Verdict::Recoverable => None,
    }
}

/// Returns whether the problem of the newest backup exists whatever the refused files contain.
fn is_certain(server: &ServerReport, newest: &BackupVerdict) -> bool {
    match newest.verdict {
        Verdict::Recoverable => server.newest_is_recoverable_by_default().is_some(),
        Verdict::Consistent(_) | Verdict::Blocked(_) | Verdict::Waiting(_) | Verdict::Broken(_) => {
            server.is_certain(newest)
        }
    }
}

/// Finding on a backup that has waited too long for its own WAL.
fn waiting(subject: &ScannedServer<'_>, backup: String, segment: SegmentName) -> Option<Finding> {
    let since = subject.server.waiting_since()?;
    let wait = subject.now - since;
    if wait <= MAX_WAIT {
        return None;
    }
    let severity = if wait > CRITICAL_WAIT {
        Severity::Critical
    } else {
        Severity::Warning
    };
    Some(Finding {
        severity,
        evidence: Evidence::WaitingForWal {
            backup,
            segment,
            since,
        },
    })
}

/// Finding on a newest backup that ended before the recovery window started.
pub(super) fn backup_too_old(subject: &ScannedServer<'_>) -> Option<Finding> {
    let server = subject.server;
    let newest = server.newest_done()?;
    let ended_at = newest.done_at()?;
    let window = server.retention.as_ref()?.policy.window()?;
    if !server.newest_is_known() || subject.now - ended_at <= window {
        return None;
    }
    let backup = newest.id.clone();
    Some(Finding::critical(Evidence::BackupTooOld {
        backup,
        ended_at,
        window,
    }))
}

/// Finding on a finished backup besides the newest one.
pub(super) fn older_backup(subject: &ScannedServer<'_>, backup: &BackupReport) -> Option<Finding> {
    let newest = subject.server.newest_done();
    let is_newest = newest.is_some_and(|newest| newest.id == backup.id);
    if backup.state != BackupState::Done || is_newest {
        return None;
    }
    not_newest(subject.server, backup)
}

/// Finding on a backup that is not the newest: a newer one may be restored instead.
fn not_newest(server: &ServerReport, backup: &BackupReport) -> Option<Finding> {
    let verdict = server.recovery.verdict.backups.get(&backup.id)?;
    let backup = backup.id.clone();
    match &verdict.verdict {
        Verdict::Broken(_) if !server.is_certain(verdict) => None,
        Verdict::Broken(obstacle) => {
            let obstacle = obstacle.clone();
            Some(Finding::warning(Evidence::NotRestorable {
                backup,
                obstacle,
            }))
        }
        Verdict::Blocked(obstacle) | Verdict::Consistent(obstacle @ Obstacle::ColdSegment(_)) => {
            let obstacle = obstacle.clone();
            Some(Finding::warning(Evidence::RestoreBlocked {
                backup,
                obstacle,
            }))
        }
        Verdict::Recoverable | Verdict::Consistent(_) | Verdict::Waiting(_) => None,
    }
}
