//! What the HTTP side shows of the archives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::archive::PublishedArchive;
use super::certificates::Certificates;
use super::{build_info, process};
use crate::metrics::{ArchiveView, BuildInfo, Page};
use crate::rendering::{CertificateEntry, RestoreVerdict, ServerSummary, server_glances};
use crate::report::{ArchiveStatus, Report};
use crate::scan::{Clock, ScanTimes};
use crate::web::{
    ArchiveOverview, CertificateOverview, Content, Exposition, Overview, ServerOverview, Standing,
};

/// The archives, for those who ask.
pub(super) struct Exporter {
    pub(super) archives: Vec<Arc<PublishedArchive>>,
    pub(super) certificates: Certificates,
    pub(super) times: Arc<Mutex<ScanTimes>>,
    pub(super) clock: Clock,
}

impl Exporter {
    fn views(&self) -> Vec<ArchiveView> {
        let next = self.times.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.archives.iter().map(|archive| archive.view(next)).collect()
    }
}

impl Content for Exporter {
    fn exposition(&self, format: Exposition) -> Result<String, fmt::Error> {
        let now = (self.clock)();
        let build = BuildInfo {
            version: build_info::VERSION,
            revision: build_info::REVISION,
            rustc: build_info::RUSTC,
        };
        let page = Page {
            now,
            archives: self.views(),
            certificates: self.certificates.statuses(),
            build,
            process: process::usage(),
        };
        match format {
            Exposition::OpenMetrics => page.openmetrics(),
            Exposition::Classic => page.classic(),
        }
    }

    fn overview(&self) -> Overview {
        let now = (self.clock)();
        let views = self.views().into_iter();
        let statuses = self.certificates.statuses();
        let entry = |status| CertificateEntry::new(status, now);
        let certificates = statuses.iter().map(entry);
        Overview {
            version: build_info::VERSION.to_owned(),
            revision: build_info::REVISION.to_owned(),
            now,
            archives: views.map(|view| archive_overview(view.status, now)).collect(),
            certificates: certificates.map(certificate_overview).collect(),
        }
    }

    fn unscanned(&self) -> Vec<String> {
        let statuses = self.views().into_iter().map(|view| view.status);
        let waiting = statuses.filter(|status| status.last_attempt_at.is_none());
        waiting.map(|status| status.name).collect()
    }
}

fn archive_overview(status: ArchiveStatus, now: DateTime<Utc>) -> ArchiveOverview {
    let report = status.report.as_deref();
    let servers = report.map(|report| server_glances(report, now)).unwrap_or_default();
    ArchiveOverview {
        servers_found: report.map_or(0, Report::servers_found),
        servers: servers.into_iter().map(server_overview).collect(),
        objects: report.map(|report| report.usage.sums.objects),
        name: status.name,
        destination: status.destination,
        endpoint: status.endpoint,
        last_attempt_at: status.last_attempt_at,
        last_success_at: status.last_success_at,
        last_outcome: status.last_outcome.map(|outcome| outcome.as_label().to_owned()),
        last_error: status.last_failure.map(|failure| failure.message),
        next_at: status.next_scan_at,
    }
}

fn server_overview(summary: ServerSummary) -> ServerOverview {
    ServerOverview {
        name: summary.name,
        verdict: summary.verdict.map(|verdict| verdict.as_str().to_owned()),
        standing: match summary.verdict {
            Some(RestoreVerdict::Restorable) => Standing::Good,
            Some(RestoreVerdict::Waiting) => Standing::Pending,
            _ => Standing::Bad,
        },
        status: summary.status.as_str().to_owned(),
        newest_backup_at: summary.newest_backup_at,
        problems: summary.problems,
    }
}

fn certificate_overview(entry: CertificateEntry) -> CertificateOverview {
    CertificateOverview {
        name: entry.name,
        source: entry.source.to_owned(),
        place: entry.place,
        subject: entry.subject,
        not_after: entry.not_after.map(|end| end.0),
        status: entry.status.as_str().to_owned(),
        problems: entry.findings.into_iter().map(|finding| finding.message).collect(),
    }
}
