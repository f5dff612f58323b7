//! Rules on stored objects that nobody needs.

use chrono::{DateTime, Utc};

use super::ScannedServer;
use crate::health::{Evidence, Finding};
use crate::report::{UNFINISHED_FOR, UploadSums};

#[expect(clippy::unnecessary_wraps, reason = "a rule may find nothing")]
pub(super) fn orphaned_server(subject: &ScannedServer<'_>) -> Option<Finding> {
    let bytes = subject.server.usage.sums.bytes;
    Some(Finding::warning(Evidence::OrphanedServer { bytes }))
}

pub(super) fn unfinished_uploads(subject: &ScannedServer<'_>) -> Option<Finding> {
    let uploads = subject.report.uploads.as_ref()?;
    old_uploads(uploads.get(subject.name)?, subject.now)
}

/// Finding on uploads of which the oldest has been unfinished for too long.
pub(super) fn old_uploads(uploads: &UploadSums, now: DateTime<Utc>) -> Option<Finding> {
    let oldest_at = uploads.oldest_at?;
    if now - oldest_at <= UNFINISHED_FOR {
        return None;
    }
    let UploadSums { count, bytes, .. } = *uploads;
    Some(Finding::warning(Evidence::UnfinishedUploads {
        count,
        bytes,
        oldest_at,
    }))
}
