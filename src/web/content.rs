//! What there is to show, as this module needs it.

use std::fmt;

use chrono::{DateTime, Utc};

/// Form of the page of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' own text format, 0.0.4.
    Classic,
}

impl Exposition {
    /// The form as the header `Content-Type` names it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What this module shows. Nothing here may wait: it is asked on every request.
pub trait Content: Send + Sync + 'static {
    /// Writes the page of metrics. May take its time: it is called off the async threads.
    ///
    /// # Errors
    /// When a value refuses to be written.
    fn exposition(&self, format: Exposition) -> Result<String, fmt::Error>;

    /// What the landing page shows.
    fn overview(&self) -> Overview;

    /// Names of the archives whose first scan has not ended yet, whatever its outcome.
    fn unscanned(&self) -> Vec<String>;
}

/// The program and its archives, at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Version of the program.
    pub version: String,
    /// Revision of its source.
    pub revision: String,
    /// When this overview was made.
    pub now: DateTime<Utc>,
    /// Every configured archive, in the order to show them.
    pub archives: Vec<ArchiveOverview>,
    /// The certificates that were read or tried, in the order to show them.
    pub certificates: Vec<CertificateOverview>,
}

/// One certificate, at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateOverview {
    /// The name that metrics have as well.
    pub name: String,
    /// Where it comes from, as a word.
    pub source: String,
    /// The path, address or URL.
    pub place: String,
    /// Whom the leaf is about; `None` while none could be read.
    pub subject: Option<String>,
    /// End of the one that ends first; `None` while none could be read.
    pub not_after: Option<DateTime<Utc>>,
    /// How it is, as a word: `ok`, or another one.
    pub status: String,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

/// One archive, at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveOverview {
    /// The configured name.
    pub name: String,
    /// The destination, such as `s3://bucket/prefix`.
    pub destination: String,
    /// The object storage, as shown to people.
    pub endpoint: String,
    /// End of the last scan, whatever its outcome; `None` before the first.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// End of the last scan that read everything; `None` before the first.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Outcome of the last scan: `success`, or another word; `None` before the first.
    pub last_outcome: Option<String>,
    /// Why the last scan did not succeed, without secrets.
    pub last_error: Option<String>,
    /// The next scan; `None` when none is to come.
    pub next_at: Option<DateTime<Utc>>,
    /// How many servers have a directory in the last good report.
    pub servers_found: usize,
    /// The servers found and the servers expected, in the order to show them, by the last good report.
    pub servers: Vec<ServerOverview>,
    /// Objects in the last good report; `None` before the first.
    pub objects: Option<u64>,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Good,
    /// It will be, if nothing fails.
    Pending,
    /// It is not, or nobody knows.
    #[default]
    Bad,
}

/// One server of an archive, at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerOverview {
    /// Name of its directory.
    pub name: String,
    /// Whether it can be restored, in words; `None` of an orphan, which nobody judges.
    pub verdict: Option<String>,
    /// Whether that is as it should be.
    pub standing: Standing,
    /// How it is, as a word: `ok`, or another one.
    pub status: String,
    /// When its newest finished backup ended; `None` without one.
    pub newest_backup_at: Option<DateTime<Utc>>,
    /// What is not as it should be, worst first.
    pub problems: Vec<String>,
}
