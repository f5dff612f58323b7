//! Scans of stores that misbehave, and of archives that change.

mod rescans;
mod scans;
mod stores;

use std::time::Duration;

use chrono::TimeDelta;

use super::ScanLimits;
use crate::assess::{ContentsExpectation, Expectations, RetentionPolicies};

/// Expectations of an operator who configured nothing.
fn expecting_nothing() -> Expectations {
    Expectations {
        servers: None,
        ignored: Vec::new(),
        retention: RetentionPolicies::default(),
        living_timelines: [].into(),
        gap_grace_period: TimeDelta::minutes(10),
        schedules: [].into(),
        max_running_time: TimeDelta::hours(24),
        contents: ContentsExpectation::default(),
    }
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
