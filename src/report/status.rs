//! What is known of an archive between scans.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{ErrorKind, Report, ScanOutcome};

/// What is known of an archive: its last good report, and how scanning it went.
#[derive(Clone, Debug)]
pub struct ArchiveStatus {
    /// The configured name.
    pub name: String,
    /// The destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// URL of the store; empty for AWS.
    pub endpoint: String,
    /// What the last scan that read everything found; `None` before the first.
    pub report: Option<Arc<Report>>,
    /// When that scan ended.
    pub last_success_at: Option<DateTime<Utc>>,
    /// When the last scan ended, whatever its outcome; `None` before the first.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// How the last scan ended.
    pub last_outcome: Option<ScanOutcome>,
    /// Why the last scan failed; `None` when it did not.
    pub last_failure: Option<ScanFailure>,
    /// When the schedule asks for the next scan; `None` where it never does again.
    pub next_scan_at: Option<DateTime<Utc>>,
}

/// Why a scan failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanFailure {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What happened and what to do about it.
    pub message: String,
}

impl ArchiveStatus {
    /// Whether the last finished scan read everything it had to; `None` before the first.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        Some(self.last_outcome? == ScanOutcome::Success)
    }
}
