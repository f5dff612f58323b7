//! Counts of what was read to verify contents.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start of the program.
#[derive(Debug, Default)]
pub struct VerificationStatistics {
    bytes: AtomicU64,
    requests: AtomicU64,
}

/// Counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerificationCounts {
    /// Bytes of objects that were read.
    pub bytes: u64,
    /// Requests for contents that were answered.
    pub requests: u64,
}

impl VerificationStatistics {
    /// Counts bytes that one request has read.
    pub(super) fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts.
    #[must_use]
    pub fn counts(&self) -> VerificationCounts {
        VerificationCounts {
            bytes: self.bytes.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }
}
