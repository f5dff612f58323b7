//! What the HTTP side shows of the archives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::metrics::{ArchiveView, BuildInfo, Page};
use crate::report::{ArchiveStatus, Report};
use crate::scan::{Clock, Due};
use crate::web::{ArchiveOverview, Content, Exposition, Overview};

use super::archive::PublishedArchive;
use super::{build_info, process};

/// The archives, for those who ask.
pub(super) struct Exporter {
    pub(super) archives: Vec<Arc<PublishedArchive>>,
    pub(super) due: Arc<Mutex<Due>>,
    pub(super) clock: Clock,
}

impl Exporter {
    fn views(&self) -> Vec<ArchiveView> {
        let next = self.due.lock().unwrap_or_else(PoisonError::into_inner).next();
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
        let page = Page { now, archives: self.views(), build, process: process::usage() };
        match format {
            Exposition::OpenMetrics => page.openmetrics(),
            Exposition::Classic => page.classic(),
        }
    }

    fn overview(&self) -> Overview {
        let now = (self.clock)();
        let views = self.views().into_iter();
        Overview {
            version: build_info::VERSION.to_owned(),
            revision: build_info::REVISION.to_owned(),
            now,
            archives: views.map(|view| archive_overview(view.status)).collect(),
        }
    }
}

fn archive_overview(status: ArchiveStatus) -> ArchiveOverview {
    let report = status.report.as_deref();
    ArchiveOverview {
        servers: report.map_or(0, Report::servers_found),
        objects: report.map(|report| report.stock.sums.objects),
        name: status.name,
        destination: status.destination,
        endpoint: status.endpoint,
        last_attempt_at: status.last_attempt_at,
        last_success_at: status.last_success_at,
        last_outcome: status.last_outcome.map(|outcome| outcome.as_label().to_owned()),
        last_error: status.last_failure.map(|failure| failure.message),
        next_at: status.next_scan_at,
        finished_first_attempt: status.last_attempt_at.is_some(),
    }
}
