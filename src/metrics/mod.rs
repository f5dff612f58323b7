//! Metrics for Prometheus.
//!
//! A metric is one entry of one table: name, help, unit, labels, values. The tables follow the
//! headings of the documentation; the page and the reference for users are written from them. A value
//! that is unknown is absent, never 0.

mod base_backups;
mod certificates;
mod classic;
mod contents;
mod exporter;
mod page;
mod recoverability;
mod reference;
mod retention;
mod scan;
mod schedule;
mod statistics;
mod storage;
mod table;
mod wal;

pub use exporter::{BuildInfo, ProcessUsage};
pub use page::{ArchiveView, Page};
pub use reference::{MetricGroup, MetricReference, reference};
pub use statistics::Statistics;
