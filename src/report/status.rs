//! State of an archive between scans.

use std::sync::Arc;

use archive_store::ErrorKind;
use chrono::{DateTime, Utc};

use super::{Report, ScanOutcome};

/// State of an archive: its last good report, and the outcome of the last scan.
#[derive(Clone, Debug)]
pub struct ArchiveStatus {
    /// Configured name.
    pub name: String,
    /// Destination path as a URL, `s3://bucket/prefix`.
    pub destination: String,
    /// URL of the store; empty for AWS.
    pub endpoint: String,
    /// Report of the last scan that read everything; `None` before the first.
    pub report: Option<Arc<Report>>,
    /// End of the last scan that read everything; `None` before the first.
    pub last_success_at: Option<DateTime<Utc>>,
    /// End of the last scan, whatever its outcome; `None` before the first.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// Outcome of the last scan; `None` before the first.
    pub last_outcome: Option<ScanOutcome>,
    /// Reason why the last scan failed; `None` if it did not.
    pub last_failure: Option<ScanFailure>,
    /// Scheduled time of the next scan; `None` if there is none.
    pub next_scan_at: Option<DateTime<Utc>>,
    /// Progress of the verification; `None` if contents are not verified.
    pub verification: Option<VerificationStatus>,
}

/// Progress of the verification of an archive's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationStatus {
    /// Bytes of contents that this process has read.
    pub bytes_read: u64,
    /// Requests for contents that were answered to this process.
    pub requests: u64,
    /// Budget; `None` without a limit.
    pub budget: Option<ContentsBudget>,
}

/// Budget of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentsBudget {
    /// Bytes that can be read now.
    pub available_bytes: u64,
    /// Bytes that are added in a day.
    pub daily_bytes: u64,
}

/// Reason why a scan failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanFailure {
    /// Kind of failure.
    pub kind: ErrorKind,
    /// Description of the failure, and what to do about it.
    pub message: String,
}

impl ArchiveStatus {
    /// Returns whether the last finished scan read everything it had to; `None` before the first.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        Some(self.last_outcome? == ScanOutcome::Success)
    }
}
