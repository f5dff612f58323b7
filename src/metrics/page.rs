//! The page that a scrape gets.

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

/// Everything that a scrape shows, at one moment.
#[derive(Clone, Debug)]
pub struct Page {
    /// The moment of the scrape, against which ages are computed.
    pub now: DateTime<Utc>,
    /// The archives, in the order of the configuration.
    pub archives: Vec<ArchiveView>,
    /// The certificates, in the order of the configuration; no name twice.
    pub certificates: Vec<CertificateStatus>,
    /// The program that runs.
    pub build: BuildInfo,
    /// What its process uses; `None` where the system does not say.
    pub process: Option<ProcessUsage>,
}

/// One archive, as a scrape shows it.
#[derive(Clone, Debug)]
pub struct ArchiveView {
    /// What is known of it.
    pub status: ArchiveStatus,
    /// What was counted while it was scanned.
    pub statistics: Arc<Statistics>,
}

impl Page {
    /// Writes the page in `OpenMetrics` 1.0.0.
    ///
    /// # Errors
    /// When the encoder fails; none of our values makes it.
    pub fn openmetrics(self) -> Result<String, fmt::Error> {
        let page = Arc::new(self);
        let mut text = String::new();
        for table in tables() {
            let mut registry = match table.prefix {
                Some(prefix) => Registry::with_prefix(prefix),
                None => Registry::default(),
            };
            let collected = Collected { page: Arc::clone(&page), metrics: table.metrics };
            registry.register_collector(Box::new(collected));
            text::encode_registry(&mut text, &registry)?;
        }
        text::encode_eof(&mut text)?;
        Ok(text)
    }

    /// Writes the page in Prometheus' classic text format 0.0.4.
    ///
    /// # Errors
    /// As [`Page::openmetrics`].
    pub fn classic(self) -> Result<String, fmt::Error> {
        Ok(to_classic(&self.openmetrics()?))
    }
}

/// One table, against one page.
#[derive(Debug)]
struct Collected {
    page: Arc<Page>,
    metrics: &'static [Metric],
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.metrics.iter().try_for_each(|metric| metric.encode(&self.page, &mut encoder))
    }
}
