//! The page of metrics.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;
use tls_certificates::x509::CertificateStatus;

use super::classic::to_classic;
use super::reference::tables;
use super::table::Metric;
use super::{BuildInfo, ProcessUsage, Statistics};
use crate::report::ArchiveStatus;

/// Everything that a scrape shows, as of one moment.
#[derive(Clone, Debug)]
pub struct Page {
    /// Moment of the scrape, from which ages are computed.
    pub now: DateTime<Utc>,
    /// Archives, in the order of the configuration.
    pub archives: Vec<ArchiveView>,
    /// Certificates, in the order of the configuration; each name occurs once.
    pub certificates: Vec<CertificateStatus>,
    /// Running program.
    pub build: BuildInfo,
    /// Resources that its process uses; `None` if the system does not report them.
    pub process: Option<ProcessUsage>,
}

/// Archive as a scrape shows it.
#[derive(Clone, Debug)]
pub struct ArchiveView {
    /// State of the archive.
    pub status: ArchiveStatus,
    /// Counts of this process for the archive.
    pub statistics: Arc<Statistics>,
}

impl ArchiveView {
    /// Configured name of the archive.
    pub(super) fn name(&self) -> &str {
        &self.status.name
    }
}

impl Page {
    /// Writes the page in `OpenMetrics` 1.0.0.
    ///
    /// # Errors
    /// When the encoder fails, which no value causes.
    pub fn openmetrics(self) -> Result<String, fmt::Error> {
        let page = Arc::new(self);
        let mut text = String::new();
        for table in tables() {
            let mut registry = match table.prefix {
                Some(prefix) => Registry::with_prefix(prefix),
                None => Registry::default(),
            };
            let collected = Collected {
                page: Arc::clone(&page),
                metrics: table.metrics,
            };
            registry.register_collector(Box::new(collected));
            text::encode_registry(&mut text, &registry)?;
        }
        text::encode_eof(&mut text)?;
        Ok(text)
    }

    /// Writes the page in Prometheus' classic text format 0.0.4.
    ///
    /// # Errors
    /// When the encoder fails, as in [`Page::openmetrics`].
    pub fn classic(self) -> Result<String, fmt::Error> {
        Ok(to_classic(&self.openmetrics()?))
    }
}

/// One table of metrics with the page that holds their values.
#[derive(Debug)]
struct Collected {
    page: Arc<Page>,
    metrics: &'static [Metric],
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.metrics
            .iter()
            .try_for_each(|metric| metric.encode(&self.page, &mut encoder))
    }
}
