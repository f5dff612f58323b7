//! Repeated scans of one archive, their outcomes and their log.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use archive_store::{ErrorKind, ObjectStore, StorageError};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{ArchiveScan, ScanContext, ScanLimits, VerifiedContents};
use crate::assess::Expectations;
use crate::clock::Clock;
use crate::output::NO_SERVERS;
use crate::report::{Report, ScanFailure, ScanOutcome};

/// End of one scan.
#[derive(Clone, Debug)]
pub struct ScanEnd {
    /// Moment at which it ended.
    pub at: DateTime<Utc>,
    /// Duration of the scan.
    pub duration: Duration,
    /// Outcome, as the metrics count it.
    pub outcome: ScanOutcome,
    /// Report; without one, the reason.
    pub result: Result<Arc<Report>, ScanFailure>,
}

/// Observer of an archive's scans.
pub trait ScanObserver: Send + Sync {
    /// Receives the end of a scan.
    fn scan_ended(&self, end: ScanEnd);

    /// Notes that a scan did not start, as the previous one was still running.
    fn scan_skipped(&self);
}

/// Scanner of one archive, which never scans it twice at once.
pub struct Scanner<S> {
    /// Configured name of the archive.
    pub archive: String,
    /// Store that holds the archive's objects.
    pub store: Arc<S>,
    /// Prefix of all keys of the archive: empty, or ending in a slash.
    pub prefix: String,
    /// Expectations of the operator.
    pub expected: Expectations,
    /// Limits of a scan.
    pub limits: ScanLimits,
    /// Observer of the scans.
    pub observer: Arc<dyn ScanObserver>,
    /// Verification of the contents; `None` if they are not verified.
    pub contents: Option<Arc<dyn VerifiedContents>>,
    /// Clock by which the archive is judged.
    pub clock: Clock,
    /// Scan, with its memory; locked while it runs.
    pub scan: Mutex<ArchiveScan>,
}

impl<S: ObjectStore + 'static> Scanner<S> {
    /// Scans now, unless a scan is running; stops when `stop` is cancelled.
    pub async fn scan(&self, stop: &CancellationToken) {
        let scan = async {
            // The next scan is due even if the previous one is still running.
            match self.scan.try_lock() {
                Ok(mut scan) => self.scan_now(&mut scan).await,
                Err(_) => self.skip(),
            }
        };
        if stop.run_until_cancelled(scan).await.is_none() {
            let archive = &self.archive;
            info!(
                target: "scan_result",
                archive, "A scan was cancelled, because the program is stopping"
            );
        }
    }

    /// Scans as the schedule asks, after a random delay.
    pub async fn scan_on_schedule(&self, stop: &CancellationToken) {
        let delay = sleep(self.limits.jitter.mul_f64(fastrand::f64()));
        if stop.run_until_cancelled(delay).await.is_some() {
            self.scan(stop).await;
        }
    }

    fn skip(&self) {
        warn!(
            target: "scan_result",
            archive = self.archive,
            "A scan was skipped, because the previous one is still running: scan less often"
        );
        self.observer.scan_skipped();
    }

    /// Assesses what the last scan found once more, by what is known of the contents by now. `None` if
    /// that scan failed, or another one is running.
    pub async fn assess_again(&self) -> Option<Report> {
        let mut scan = self.scan.try_lock().ok()?;
        scan.assess_again(&self.context()).await
    }

    fn context(&self) -> ScanContext<'_, S> {
        ScanContext {
            archive: &self.archive,
            store: &self.store,
            prefix: &self.prefix,
            limits: self.limits,
            expected: &self.expected,
            contents: self.contents.as_deref(),
            clock: &self.clock,
            started_at: (self.clock)(),
        }
    }

    async fn scan_now(&self, scan: &mut ArchiveScan) {
        let started = Instant::now();
        let context = self.context();
        // A panic must not end the daemon; the memory of a scan that panicked is dropped.
        let mut running = std::mem::take(scan);
        let run = AssertUnwindSafe(running.run(&context)).catch_unwind();
        let (outcome, result) = match timeout(self.limits.timeout, run).await {
            Ok(Ok(Ok(report))) => (ScanOutcome::Success, Ok(Arc::new(report))),
            Ok(Ok(Err(error))) => (ScanOutcome::Failure, Err(failure(&error))),
            Ok(Err(_)) => {
                running = ArchiveScan::default();
                (ScanOutcome::Failure, Err(panicked()))
            }
            Err(_) => (ScanOutcome::Timeout, Err(self.timed_out())),
        };
        *scan = running;
        let end = ScanEnd {
            at: (self.clock)(),
            duration: started.elapsed(),
            outcome,
            result,
        };
        self.log(&end);
        self.observer.scan_ended(end);
    }

    fn timed_out(&self) -> ScanFailure {
        let limit = humantime::format_duration(self.limits.timeout);
        let message = format!(
            "the scan did not end within {limit}: raise `scan.timeout`, or find out why the store \
             is slow"
        );
        ScanFailure {
            kind: ErrorKind::Timeout,
            message,
        }
    }

    fn log(&self, end: &ScanEnd) {
        let archive = &self.archive;
        let seconds = end.duration.as_secs_f64();
        match &end.result {
            Ok(report) => self.log_report(report, seconds),
            Err(ScanFailure { kind, message }) => error!(
                target: "scan_result",
                archive,
                seconds,
                outcome = end.outcome.as_label(),
                kind = kind.as_label(),
                error = message,
                "Scan failed"
            ),
        }
    }

    fn log_report(&self, report: &Report, seconds: f64) {
        let archive = &self.archive;
        let objects = report.usage.sums.objects;
        let servers = report.servers_found();
        let mut backups = 0;
        let mut segments = 0;
        for server in report.servers.values() {
            backups += server.backups.len();
            for timeline in server.wal.timelines.values() {
                segments += timeline.segments;
            }
        }
        if !report.has_server_directories() {
            warn!(target: "scan_result", archive, objects, "{NO_SERVERS}");
        }
        info!(
            target: "scan_result",
            archive, seconds, objects, servers, backups, segments, "Scan finished"
        );
    }
}

fn failure(error: &StorageError) -> ScanFailure {
    ScanFailure {
        kind: error.kind(),
        message: error.with_causes(),
    }
}

fn panicked() -> ScanFailure {
    ScanFailure {
        kind: ErrorKind::Internal,
        message: "the scan hit a bug in the exporter: please report it together with the log \
                  message before this one"
            .to_owned(),
    }
}
