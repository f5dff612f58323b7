//! Rules on Barman's retention.

use barman_archive::retention::RetentionBlock;

use super::ScannedServer;
use crate::health::thresholds::OBSOLETE_FOR;
use crate::health::{Evidence, Finding};

pub(super) fn retention_fails(subject: &ScannedServer<'_>) -> Option<Finding> {
    let retention = subject.server.retention.as_ref()?;
    let failure = retention.failure.clone()?;
    if subject.server.retention_fails() != Some(true) {
        return None;
    }
    Some(Finding::warning(Evidence::RetentionFails {
        policy: retention.policy,
        failure,
    }))
}

pub(super) fn retention_blocked(subject: &ScannedServer<'_>) -> Option<Finding> {
    let retention = subject.server.retention.as_ref()?;
    let is_blocked = retention.is_blocked(RetentionBlock::UnreadableBackup);
    is_blocked.then_some(Finding::warning(Evidence::RetentionBlocked))
}

pub(super) fn retention_overdue(subject: &ScannedServer<'_>) -> Option<Finding> {
    let retention = subject.server.retention.as_ref()?;
    let since = retention.overdue_since?;
    if subject.now - since <= OBSOLETE_FOR {
        return None;
    }
    let obsolete = retention.obsolete().unwrap_or_default() as u64;
    let policy = retention.policy;
    Some(Finding::warning(Evidence::RetentionOverdue {
        since,
        obsolete,
        policy,
    }))
}
