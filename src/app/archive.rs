//! Published state of one archive at run time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use archive_store::{Operation, RequestObserver, RequestOutcome};
use chrono::{DateTime, Utc};
use tracing::warn;

use super::verification::ArchiveVerification;
use crate::assess::oddities;
use crate::clock::Clock;
use crate::config::ArchiveConfig;
use crate::metrics::{ArchiveView, Statistics};
use crate::output::ScanProgress;
use crate::report::{ArchiveStatus, Oddity, ScanOutcome, VerificationStatus};
use crate::scan::{ScanEnd, ScanObserver};

/// State of one archive, swapped in whole when a scan ends.
pub(super) struct PublishedArchive {
    status: RwLock<ArchiveStatus>,
    statistics: Statistics,
    /// True if each new oddity is logged with its name.
    logs_oddities: AtomicBool,
    /// Verification of its contents; `None` if they are not verified.
    verification: Option<Arc<ArchiveVerification>>,
    clock: Clock,
}

impl PublishedArchive {
    /// Creates the state of an archive that has not been scanned.
    pub(super) fn new(
        config: &ArchiveConfig,
        verification: Option<Arc<ArchiveVerification>>,
        clock: &Clock,
    ) -> Self {
        let endpoint = config.store.endpoint_url();
        Self {
            status: RwLock::new(ArchiveStatus {
                name: config.name.clone(),
                destination: config.store.to_string(),
                endpoint: endpoint.unwrap_or_default().to_owned(),
                report: None,
                last_success_at: None,
                last_attempt_at: None,
                last_outcome: None,
                last_failure: None,
                next_scan_at: None,
                verification: None,
            }),
            statistics: Statistics::default(),
            logs_oddities: AtomicBool::new(false),
            verification,
            clock: clock.clone(),
        }
    }

    /// Turns on the logging of each new oddity by name. Commands show oddities in their result
    /// instead.
    pub(super) fn log_oddities(&self) {
        self.logs_oddities.store(true, Ordering::Relaxed);
    }

    /// Returns a consistent copy of the state and the counts. Does not block scans.
    pub(super) fn view(&self, next_scan_at: Option<DateTime<Utc>>) -> ArchiveView {
        // A panic elsewhere leaves the status as it was: it is only ever assigned.
        let status = self.status.read().unwrap_or_else(PoisonError::into_inner);
        let statistics = Arc::new(self.statistics.frozen());
        ArchiveView {
            status: ArchiveStatus {
                next_scan_at,
                verification: self.verification_status(),
                ..status.clone()
            },
            statistics,
        }
    }

    fn verification_status(&self) -> Option<VerificationStatus> {
        let verification = self.verification.as_ref()?;
        Some(verification.status((self.clock)()))
    }

    /// Progress of the scan, if there is only one.
    pub(super) fn progress(&self) -> ScanProgress {
        let status = self.status.read().unwrap_or_else(PoisonError::into_inner);
        ScanProgress {
            archive: status.name.clone(),
            pages: self.statistics.succeeded(Operation::ListObjectsV2),
            has_ended: status.last_attempt_at.is_some(),
        }
    }
}

impl ScanObserver for PublishedArchive {
    fn scan_ended(&self, end: ScanEnd) {
        // Counted under the lock: whoever sees the count sees the outcome of the scan as well.
        let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
        self.statistics.scan_ended(end.outcome, end.duration);
        status.last_attempt_at = Some(end.at);
        status.last_outcome = Some(end.outcome);
        match end.result {
            Ok(report) => {
                if self.logs_oddities.load(Ordering::Relaxed) {
                    let before = status.report.as_deref().zip(status.last_success_at);
                    let known = before
                        .map(|(report, at)| oddities(report, at))
                        .unwrap_or_default();
                    log_new(&status.name, &known, &oddities(&report, end.at));
                }
                status.last_success_at = Some(end.at);
                status.report = Some(report);
                status.last_failure = None;
            }
            Err(failure) => {
                self.statistics.scan_failed(failure.kind);
                status.last_failure = Some(failure);
            }
        }
    }

    fn scan_skipped(&self) {
        self.statistics
            .scan_ended(ScanOutcome::Skipped, std::time::Duration::ZERO);
    }
}

/// Logs the oddities that the previous report did not have.
fn log_new(archive: &str, known: &BTreeSet<Oddity>, found: &BTreeSet<Oddity>) {
    for Oddity { server, kind, name } in found.difference(known) {
        warn!(target: "app", archive, server, kind, name, "The archive contains an anomaly");
    }
}

impl RequestObserver for PublishedArchive {
    fn request_sent(&self, operation: Operation, outcome: RequestOutcome) {
        self.statistics.request_sent(operation, outcome);
    }
}
