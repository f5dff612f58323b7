//! Rules on the times at which backups are taken.

use std::sync::Arc;

use super::ScannedServer;
use crate::health::{Evidence, Finding, Severity};

/// Finding on a backup that is overdue. If no backup is done at all, another rule reports it.
pub(super) fn backup_overdue(subject: &ScannedServer<'_>) -> Option<Finding> {
    let report = subject.server.schedule.as_ref()?;
    subject.server.newest_done()?;
    let due_at = report.unmet_at(subject.now)?;
    let overdue = report.overdue(subject.now)?;
    if overdue.is_zero() {
        return None;
    }
    // One backup may fail and the next one succeed; two in a row look like the end of them.
    let is_second = overdue >= report.expected.schedule.intervals().longest;
    let severity = if is_second {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let grace_period = report.grace_period;
    Some(Finding {
        severity,
        evidence: Evidence::BackupOverdue {
            due_at,
            overdue,
            grace_period,
        },
    })
}

pub(super) fn schedule_misread(subject: &ScannedServer<'_>) -> Option<Finding> {
    let schedule = &subject.server.schedule.as_ref()?.expected.schedule;
    schedule.warning()?;
    Some(Finding::warning(Evidence::ScheduleMisread {
        schedule: Arc::clone(schedule),
    }))
}

pub(super) fn schedule_contradicted(subject: &ScannedServer<'_>) -> Option<Finding> {
    let report = subject.server.schedule.as_ref()?;
    let observed = report.observed?;
    let contradiction = report.contradiction()?;
    let schedule = Arc::clone(&report.expected.schedule);
    Some(Finding::warning(Evidence::ScheduleContradicted {
        schedule,
        observed,
        contradiction,
    }))
}
