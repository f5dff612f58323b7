//! Outcomes of scans, as a closed set.

/// Outcome of a scan, as `barman_cloud_scans_total` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScanOutcome {
    /// Scan that read everything it had to.
    Success,
    /// Scan that did not read everything; the failure states the reason.
    Failure,
    /// Scan stopped at the time limit.
    Timeout,
    /// Scan that did not start because the previous one was still running.
    Skipped,
}

impl ScanOutcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Timeout, Self::Skipped];

    /// The outcome as the value of a label.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
            Self::Skipped => "skipped",
        }
    }
}
