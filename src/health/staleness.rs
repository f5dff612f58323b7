//! Results of scans that may be outdated.

use chrono::{DateTime, TimeDelta, Utc};

use crate::report::{ArchiveStatus, ScanOutcome};

/// Time by which a scan may start late. One that is on time is followed by the next at once.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// Reason why the result of the last good scan may be outdated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// The last scan failed.
    ScanFailed,
    /// The next scan should have finished by now.
    ScanLate,
}

impl Staleness {
    /// Returns the reason to doubt the result of an archive; `None` if it is current.
    #[must_use]
    pub fn of(archive: &ArchiveStatus, now: DateTime<Utc>) -> Option<Self> {
        if archive.last_outcome != Some(ScanOutcome::Success) {
            return Some(Self::ScanFailed);
        }
        let is_late = archive.next_scan_at.is_some_and(|next| now - next > LATE);
        is_late.then_some(Self::ScanLate)
    }
}
