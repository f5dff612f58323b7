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

/// Problem with restores of one backup.
enum RestoreProblem<'a> {
    /// No target restores the backup.
    NotRestorable(&'a Obstacle),
    /// Restores wait until objects are retrieved from cold storage.
    Blocked(&'a Obstacle),
    /// The backup can be restored, but not to the newest WAL.
    EndsEarly(&'a Obstacle),
    /// The backup waits for its own WAL.
    Waiting(SegmentName),
}

impl<'a> RestoreProblem<'a> {
    fn of(verdict: &'a Verdict) -> Option<Self> {
        match verdict {
            Verdict::Broken(obstacle) => Some(Self::NotRestorable(obstacle)),
            Verdict::Blocked(obstacle)
            | Verdict::Consistent(obstacle @ Obstacle::ColdSegment(_)) => {
                Some(Self::Blocked(obstacle))
            }
            Verdict::Consistent(obstacle) => Some(Self::EndsEarly(obstacle)),
            Verdict::Waiting(segment) => Some(Self::Waiting(*segment)),
            Verdict::Recoverable => None,
        }
    }
}

/// Newest backup with the verdict on it.
struct NewestBackup<'a> {
    backup: &'a BackupReport,
    verdict: &'a BackupVerdict,
    problem: Option<RestoreProblem<'a>>,
}

impl<'a> NewestBackup<'a> {
    /// Returns the newest backup, if no refused file could change which one it is, or improve the
    /// verdict.
    fn of(server: &'a ServerReport) -> Option<Self> {
        let backup = server.newest_known_done()?;
        let verdict = server.newest_verdict()?;
        is_certain(server, verdict).then(|| Self {
            backup,
            verdict,
            problem: RestoreProblem::of(&verdict.verdict),
        })
    }
}

pub(super) fn newest_is_not_restorable(subject: &ScannedServer<'_>) -> Option<Finding> {
    let newest = NewestBackup::of(subject.server)?;
    let Some(RestoreProblem::NotRestorable(obstacle)) = newest.problem else {
        return None;
    };
    Some(Finding::critical(Evidence::NotRestorable {
        backup: newest.backup.id.clone(),
        obstacle: obstacle.clone(),
    }))
}

pub(super) fn newest_is_blocked(subject: &ScannedServer<'_>) -> Option<Finding> {
    let newest = NewestBackup::of(subject.server)?;
    let Some(RestoreProblem::Blocked(obstacle)) = newest.problem else {
        return None;
    };
    Some(Finding::warning(Evidence::RestoreBlocked {
        backup: newest.backup.id.clone(),
        obstacle: obstacle.clone(),
    }))
}

pub(super) fn replay_ends_early(subject: &ScannedServer<'_>) -> Option<Finding> {
    let newest = NewestBackup::of(subject.server)?;
    let Some(RestoreProblem::EndsEarly(obstacle)) = newest.problem else {
        return None;
    };
    Some(Finding::critical(Evidence::ReplayEndsEarly {
        backup: newest.backup.id.clone(),
        obstacle: obstacle.clone(),
    }))
}

/// Finding on a newest backup that has waited too long for its own WAL.
pub(super) fn waiting_for_wal(subject: &ScannedServer<'_>) -> Option<Finding> {
    let newest = NewestBackup::of(subject.server)?;
    let Some(RestoreProblem::Waiting(segment)) = newest.problem else {
        return None;
    };
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
            backup: newest.backup.id.clone(),
            segment,
            since,
        },
    })
}

/// Finding on a newest backup that can be restored, but not with `PostgreSQL`'s default target.
pub(super) fn default_target_fails(subject: &ScannedServer<'_>) -> Option<Finding> {
    let newest = NewestBackup::of(subject.server)?;
    if newest.problem.is_some() || newest.verdict.default_target_works {
        return None;
    }
    Some(Finding::warning(Evidence::DefaultTargetFails {
        backup: newest.backup.id.clone(),
        default_target: newest.verdict.default_target,
        works_with: newest.verdict.works_with,
    }))
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

/// Finding on the newest readable backup, if one that cannot be read may be newer: it is judged like
/// any older backup.
pub(super) fn older_than_unreadable(subject: &ScannedServer<'_>) -> Option<Finding> {
    if subject.server.newest_is_known() {
        return None;
    }
    not_newest(subject.server, subject.server.newest_done()?)
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
    match RestoreProblem::of(&verdict.verdict)? {
        RestoreProblem::NotRestorable(obstacle) if server.is_certain(verdict) => {
            let obstacle = obstacle.clone();
            Some(Finding::warning(Evidence::NotRestorable {
                backup,
                obstacle,
            }))
        }
        RestoreProblem::Blocked(obstacle) => {
            let obstacle = obstacle.clone();
            Some(Finding::warning(Evidence::RestoreBlocked {
                backup,
                obstacle,
            }))
        }
        RestoreProblem::NotRestorable(_)
        | RestoreProblem::EndsEarly(_)
        | RestoreProblem::Waiting(_) => None,
    }
}
