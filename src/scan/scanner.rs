//! Scanning one archive again and again.

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

use super::{Knowledge, Pass};
use crate::assess::Expectations;
use crate::report::{Report, ScanFailure, ScanOutcome};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a scan may take.
#[derive(Clone, Copy, Debug)]
pub struct ScanLimits {
    /// How long it may last.
    pub timeout: Duration,
    /// The longest random delay before a scheduled one.
    pub jitter: Duration,
    /// How many requests it may have under way at once.
    pub concurrency: usize,
    /// How many objects a full page of a listing has.
    pub page: usize,
    /// Up to how many requests everything is listed in every scan.
    pub full_scan_requests: u32,
    /// Within what time everything is listed, also what nothing says of that it changed.
    pub audit_period: Duration,
}

/// How one scan ended.
#[derive(Clone, Debug)]
pub struct ScanEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// After how long.
    pub duration: Duration,
    /// With what.
    pub outcome: ScanOutcome,
    /// What it found, or why it did not.
    pub result: Result<Arc<Report>, ScanFailure>,
}

/// Is told what becomes of an archive's scans.
pub trait ScanObserver: Send + Sync {
    /// A scan ended.
    fn scan_ended(&self, end: ScanEnd);

    /// A scan did not begin, as the one before still ran.
    fn scan_skipped(&self);
}

/// Scans one archive, never twice at once.
pub struct Scanner<S> {
    /// The archive's configured name.
    pub archive: String,
    /// Where its objects are.
    pub store: Arc<S>,
    /// What all its keys begin with: empty, or ending in a slash.
    pub prefix: String,
    /// What an operator expects of it.
    pub expected: Expectations,
    /// What a scan may take.
    pub limits: ScanLimits,
    /// Who is told.
    pub observer: Arc<dyn ScanObserver>,
    /// What the time is.
    pub clock: Clock,
    /// What the last scan learned; held while one runs.
    pub knowledge: Mutex<Knowledge>,
}

impl<S: ObjectStore + 'static> Scanner<S> {
    /// Scans now, unless a scan is under way or `stop` is cancelled meanwhile.
    pub async fn scan(&self, stop: &CancellationToken) {
        let scan = async {
            // The schedule is due whether or not the last scan is done.
            match self.knowledge.try_lock() {
                Ok(mut knowledge) => self.scan_now(&mut knowledge).await,
                Err(_) => self.skip(),
            }
        };
        if stop.run_until_cancelled(scan).await.is_none() {
            info!(archive = self.archive, "A scan was cancelled, as the program stops");
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
            archive = self.archive,
            "A scan was skipped, as the one before still runs: scan less often"
        );
        self.observer.scan_skipped();
    }

    async fn scan_now(&self, knowledge: &mut Knowledge) {
        let began = Instant::now();
        let pass = Pass {
            archive: &self.archive,
            store: &self.store,
            prefix: &self.prefix,
            limits: self.limits,
            expected: &self.expected,
        };
        // A panic must not take the daemon down; what the pass was learning is dropped with it.
        let mut learned = std::mem::take(knowledge);
        let run = AssertUnwindSafe(pass.run(&mut learned, &self.clock)).catch_unwind();
        let (outcome, result) = match timeout(self.limits.timeout, run).await {
            Ok(Ok(Ok(report))) => (ScanOutcome::Success, Ok(Arc::new(report))),
            Ok(Ok(Err(error))) => (ScanOutcome::Failure, Err(failure(&error))),
            Ok(Err(_)) => {
                learned = Knowledge::default();
                (ScanOutcome::Failure, Err(panicked()))
            }
            Err(_) => (ScanOutcome::Timeout, Err(self.timed_out())),
        };
        *knowledge = learned;
        let end = ScanEnd { at: (self.clock)(), duration: began.elapsed(), outcome, result };
        self.log(&end);
        self.observer.scan_ended(end);
    }

    fn timed_out(&self) -> ScanFailure {
        let limit = humantime::format_duration(self.limits.timeout);
        let message = format!(
            "the scan did not end within {limit}: raise `scan.timeout`, or find out why the store \
             is slow"
        );
        ScanFailure { kind: ErrorKind::Timeout, message }
    }

    fn log(&self, end: &ScanEnd) {
        let (archive, seconds) = (&self.archive, end.duration.as_secs_f64());
        match &end.result {
            Ok(report) => {
                let backups: usize =
                    report.servers.values().map(|server| server.backups.len()).sum();
                let segments: u64 = report
                    .servers
                    .values()
                    .flat_map(|server| server.wal.timelines.values())
                    .map(|timeline| timeline.segments)
                    .sum();
                let (objects, servers) = (report.usage.sums.objects, report.servers_found());
                if report.servers_found() == 0 {
                    warn!(
                        archive,
                        objects,
                        "No server's directory lies below the destination path: is it the right one?"
                    );
                }
                info!(archive, seconds, objects, servers, backups, segments, "Scan finished");
            }
            Err(ScanFailure { kind, message }) => {
                let (kind, outcome) = (kind.as_label(), end.outcome.as_label());
                error!(archive, seconds, outcome, kind, error = message, "Scan failed");
            }
        }
    }
}

fn failure(error: &StorageError) -> ScanFailure {
    ScanFailure { kind: error.kind(), message: error.with_causes() }
}

fn panicked() -> ScanFailure {
    ScanFailure {
        kind: ErrorKind::Internal,
        message: "the scan met an error in the exporter itself: please report it with the line \
                  that the log has before this one"
            .to_owned(),
    }
}
