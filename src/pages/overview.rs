//! Content of the landing page.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use tls_certificates::x509::CertificateStatus;

use crate::health::{ServerSummary, Severity, server_summaries};
use crate::output::{distance, moment_in_words};
use crate::report::ArchiveStatus;

/// Content of the landing page: the program, its archives and certificates, as of a moment.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    /// Version of the program.
    pub version: &'a str,
    /// Revision of its source.
    pub revision: &'a str,
    /// Moment as of which everything is judged.
    pub now: DateTime<Utc>,
    /// Archives, in the order of the configuration.
    pub archives: &'a [ArchiveStatus],
    /// Certificates, in the order of the configuration.
    pub certificates: &'a [CertificateStatus],
}

/// Archive with the summaries of its servers, worst first.
pub(super) struct SummarisedArchive<'a> {
    pub(super) status: &'a ArchiveStatus,
    pub(super) servers: Vec<ServerSummary>,
}

impl<'a> SummarisedArchive<'a> {
    pub(super) fn new(status: &'a ArchiveStatus, now: DateTime<Utc>) -> Self {
        let report = status.report.as_deref();
        let servers = report
            .map(|report| server_summaries(report, now))
            .unwrap_or_default();
        Self { status, servers }
    }
}

/// Shows a moment with its distance from now; `never` if there is none.
pub(super) fn when(at: Option<DateTime<Utc>>, now: DateTime<Utc>, never: &str) -> Markup {
    html! {
        @if let Some(at) = at {
            (distance(at, now)) small { (moment_in_words(at)) }
        } @else {
            (never)
        }
    }
}

/// Class of the style sheet for a severity.
pub(super) const fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "good",
        Severity::Warning => "wait",
        Severity::Unknown | Severity::Critical => "bad",
    }
}
