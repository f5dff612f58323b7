//! The exporter, as its daemon scans and shows an archive.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use archive_store::{Operation, RequestObserver, RequestOutcome};
use archive_store_s3::{CredentialSource, S3Settings, S3Store};
use barman_cloud_exporter::assess::Expectations;
use barman_cloud_exporter::clock::Clock;
use barman_cloud_exporter::metrics::{ArchiveView, BuildInfo, Page, Statistics};
use barman_cloud_exporter::report::{ArchiveStatus, Report};
use barman_cloud_exporter::scan::{ArchiveScan, ScanContext, ScanLimits};
use chrono::{DateTime, TimeDelta, Utc};
use s3_simulator::{BUCKET, NOW, PREFIX};
use tempfile::TempDir;

/// Counts requests.
#[derive(Default)]
struct Requests {
    pages: AtomicU64,
    files: AtomicU64,
}

impl RequestObserver for Requests {
    fn request_sent(&self, operation: Operation, _: RequestOutcome) {
        let count = match operation {
            Operation::ListObjectsV2 => &self.pages,
            Operation::GetObject => &self.files,
            Operation::HeadObject | Operation::ListMultipartUploads | Operation::ListParts => {
                return;
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// An exporter of one archive, whose clock stands still.
pub(crate) struct Exporter {
    store: Arc<S3Store>,
    limits: ScanLimits,
    expected: Expectations,
    scan: ArchiveScan,
    /// Seconds of Unix time.
    now: Arc<AtomicI64>,
    requests: Arc<Requests>,
    /// Holds the credentials.
    _directory: TempDir,
}

impl Exporter {
    /// An exporter that knows nothing yet.
    pub(crate) fn new(port: u16, concurrency: usize) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let file = directory.path().join("credential");
        std::fs::write(&file, "any").expect("a temporary directory can be written");
        let settings = S3Settings {
            bucket: BUCKET.to_owned(),
            endpoint_url: Some(format!("http://127.0.0.1:{port}")),
            region: None,
            path_style: true,
            ca_file: None,
            credentials: CredentialSource::Files {
                access_key_id: file.clone(),
                secret_access_key: file,
                session_token: None,
            },
            request_timeout: Duration::from_secs(30),
            max_attempts: 4,
        };
        let requests = Arc::new(Requests::default());
        Self {
            store: Arc::new(S3Store::new(settings, requests.clone())),
            limits: limits(concurrency),
            expected: expectations(),
            scan: ArchiveScan::default(),
            now: Arc::new(AtomicI64::new(i64::try_from(NOW).unwrap_or(0))),
            requests,
            _directory: directory,
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Scans; the report, and how many requests for pages that took.
    pub(crate) async fn scan(&mut self) -> (Report, u64) {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || moment(now.load(Ordering::Relaxed)));
        let context = ScanContext {
            archive: "benchmark",
            store: &self.store,
            prefix: PREFIX,
            limits: self.limits,
            expected: &self.expected,
            contents: None,
            clock: &clock,
            started_at: clock(),
        };
        let report = self
            .scan
            .run(&context)
            .await
            .expect("the simulator answers");
        (report, self.requests.pages.swap(0, Ordering::Relaxed))
    }

    /// Requests for files since the last call.
    pub(crate) fn file_requests(&self) -> u64 {
        self.requests.files.swap(0, Ordering::Relaxed)
    }

    /// The page that shows a report.
    pub(crate) fn page(&self, report: Arc<Report>) -> Page {
        let now = moment(self.now.load(Ordering::Relaxed));
        let status = ArchiveStatus {
            name: "benchmark".to_owned(),
            destination: "s3://backups/barman".to_owned(),
            endpoint: "http://store.example".to_owned(),
            report: Some(report),
            last_success_at: Some(now),
            last_attempt_at: Some(now),
            last_outcome: None,
            last_failure: None,
            next_scan_at: Some(now + TimeDelta::minutes(5)),
            verification: None,
        };
        let archives = vec![ArchiveView {
            status,
            statistics: Arc::new(Statistics::default()),
        }];
        let build = BuildInfo {
            version: "0.0.0",
            revision: "none",
            rustc: "none",
        };
        Page {
            now,
            archives,
            certificates: vec![],
            build,
            process: None,
        }
    }
}

/// Returns the length of the page as Prometheus gets it, in bytes.
pub(crate) fn gzip_bytes(page: &str) -> usize {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder
        .write_all(page.as_bytes())
        .expect("memory can be written");
    encoder.finish().expect("memory can be written").len()
}

/// The defaults, but for how many requests are under way at once.
fn limits(concurrency: usize) -> ScanLimits {
    ScanLimits {
        timeout: Duration::from_mins(5),
        jitter: Duration::ZERO,
        concurrency,
        page: 1000,
        full_scan_requests: 50,
        audit_period: Duration::from_hours(24),
    }
}

fn expectations() -> Expectations {
    Expectations::default()
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}
