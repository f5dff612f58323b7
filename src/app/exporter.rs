//! Content of the HTTP server: metrics and pages of the archives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::archive::PublishedArchive;
use super::certificates::Certificates;
use super::{build_info, process};
use crate::clock::Clock;
use crate::metrics::{ArchiveView, BuildInfo, Page};
use crate::pages::{Overview, STYLE_SHEET, landing_page};
use crate::scan::ScanTimes;
use crate::web::{Content, Exposition};

/// Archives and certificates, as the HTTP server shows them.
pub(super) struct Exporter {
    pub(super) archives: Vec<Arc<PublishedArchive>>,
    pub(super) certificates: Certificates,
    pub(super) times: Arc<Mutex<ScanTimes>>,
    pub(super) clock: Clock,
}

impl Exporter {
    fn views(&self) -> Vec<ArchiveView> {
        let next = self
            .times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next();
        self.archives
            .iter()
            .map(|archive| archive.view(next))
            .collect()
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

    fn landing_page(&self) -> String {
        let archives: Vec<_> = self.views().into_iter().map(|view| view.status).collect();
        landing_page(&Overview {
            version: build_info::VERSION,
            revision: build_info::REVISION,
            now: (self.clock)(),
            archives: &archives,
            certificates: &self.certificates.statuses(),
        })
    }

    fn style_sheet(&self) -> &'static str {
        STYLE_SHEET
    }

    fn unscanned(&self) -> Vec<String> {
        let statuses = self.views().into_iter().map(|view| view.status);
        let waiting = statuses.filter(|status| status.last_attempt_at.is_none());
        waiting.map(|status| status.name).collect()
    }
}
