//! Reference of the metrics for users, from the same tables as the page.

use prometheus_client::metrics::MetricType;

use super::table::Metric;
use super::{
    base_backups, certificates, contents, exporter, recoverability, retention, scan, schedule,
    storage, wal,
};

/// Prefix of the names of the program's own metrics.
pub(super) const PREFIX: &str = "barman_cloud";

/// One table of metrics.
pub(super) struct MetricTable {
    /// Heading in the documentation.
    pub(super) title: &'static str,
    /// Prefix of the names; `None` for names that other programs use as well.
    pub(super) prefix: Option<&'static str>,
    pub(super) metrics: &'static [Metric],
}

/// Lists every table, in the order of the page.
pub(super) const fn tables() -> [MetricTable; 11] {
    const fn own(title: &'static str, metrics: &'static [Metric]) -> MetricTable {
        MetricTable {
            title,
            prefix: Some(PREFIX),
            metrics,
        }
    }
    [
        own("The scan", scan::METRICS),
        own("Base backups", base_backups::METRICS),
        own("WAL", wal::METRICS),
        own("Recoverability", recoverability::METRICS),
        own("Contents", contents::METRICS),
        own("Storage", storage::METRICS),
        own("Schedule", schedule::METRICS),
        own("Retention", retention::METRICS),
        own("Certificates", certificates::METRICS),
        own("The exporter itself", exporter::METRICS),
        MetricTable {
            title: "The process",
            prefix: None,
            metrics: exporter::PROCESS_METRICS,
        },
    ]
}

/// Heading of the reference, with the metrics below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricGroup {
    /// Heading.
    pub title: &'static str,
    /// Metrics below the heading.
    pub metrics: Vec<MetricReference>,
}

/// Reference of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricReference {
    /// Full name, as in a query; of a histogram, without `_bucket`, `_sum` and `_count`.
    pub name: String,
    /// Type of the metric: `gauge`, `counter` or `histogram`.
    pub kind: &'static str,
    /// Names of its labels.
    pub labels: Vec<&'static str>,
    /// Meaning of its values.
    pub help: &'static str,
}

/// Describes every metric that the page can show.
#[must_use]
pub fn reference() -> Vec<MetricGroup> {
    let mut groups = Vec::new();
    for MetricTable {
        title,
        prefix,
        metrics,
    } in tables()
    {
        let metrics = metrics.iter().map(|metric| entry(prefix, metric)).collect();
        groups.push(MetricGroup { title, metrics });
    }
    groups
}

fn entry(prefix: Option<&str>, metric: &Metric) -> MetricReference {
    let (kind, ending) = match metric.values.metric_type() {
        MetricType::Counter => ("counter", Some("total")),
        MetricType::Histogram => ("histogram", None),
        MetricType::Gauge | MetricType::Info | MetricType::Unknown => ("gauge", None),
    };
    let unit = metric
        .unit
        .as_ref()
        .map(prometheus_client::registry::Unit::as_str);
    let parts = [prefix, Some(metric.name), unit, ending];
    let common = metric.values.common_labels().iter();
    MetricReference {
        name: parts.into_iter().flatten().collect::<Vec<_>>().join("_"),
        kind,
        labels: common.chain(metric.labels).copied().collect(),
        help: metric.help,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_helps_are_sentences() {
        let all: Vec<_> = reference()
            .into_iter()
            .flat_map(|section| section.metrics)
            .collect();

        let names: BTreeSet<_> = all.iter().map(|metric| &metric.name).collect();
        assert_eq!(names.len(), all.len());
        for metric in &all {
            let first = metric.help.chars().next().unwrap();
            assert!(
                first.is_uppercase() && metric.help.ends_with('.'),
                "{}",
                metric.name
            );
        }
    }
}
