//! Scans of stores that misbehave, and of archives that change.

mod rescans;
mod scans;
mod stores;

use std::time::Duration;

use super::ScanLimits;
use crate::assess::Expectations;

/// Expectations of an operator who configured nothing.
fn expecting_nothing() -> Expectations {
    Expectations::default()
}

/// Limits of a scan, unless a test is about them.
fn limits() -> ScanLimits {
    ScanLimits {
        timeout: Duration::from_mins(1),
        jitter: Duration::ZERO,
        concurrency: 4,
        page: 1000,
        full_scan_requests: 50,
        audit_period: Duration::from_hours(24),
    }
}
