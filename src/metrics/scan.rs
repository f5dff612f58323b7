//! Metrics under "The scan".

use prometheus_client::registry::Unit;

use super::Statistics;
use super::table::{Labelled, Metric, Number, Values, labels};
use crate::report::ArchiveStatus;

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "archive_info",
        help: "Destination path of the archive, and URL of its store (empty for AWS).",
        unit: None,
        labels: &["destination", "endpoint"],
        values: Values::ArchiveBy(archive_info),
    },
    Metric {
        name: "up",
        help: "Whether the last finished scan read everything it had to; absent before the first.",
        unit: None,
        labels: &[],
        values: Values::Archive(|status, _| status.is_up().map(Number::from)),
    },
    Metric {
        name: "scan_last_success_timestamp",
        help: "End of the last scan that read everything it had to.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Archive(|status, _| status.last_success_at.map(Number::from)),
    },
    Metric {
        name: "scan_last_attempt_timestamp",
        help: "End of the last scan, whatever its outcome.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Archive(|status, _| status.last_attempt_at.map(Number::from)),
    },
    Metric {
        name: "scan_next_timestamp",
        help: "Next scheduled time, before jitter.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Archive(|status, _| status.next_scan_at.map(Number::from)),
    },
    Metric {
        name: "scan_duration",
        help: "Duration of scans, by outcome: success, failure, timeout.",
        unit: Some(Unit::Seconds),
        labels: &["outcome"],
        values: Values::LabelledHistogram(Statistics::durations),
    },
    Metric {
        name: "scans",
        help: "Scans by outcome: success, failure, timeout, skipped (the previous scan was still \
               running).",
        unit: None,
        labels: &["outcome"],
        values: Values::Counted(Statistics::scans),
    },
    Metric {
        name: "scan_errors",
        help: "Errors that ended scans, by kind: auth, throttled, not_found, network, timeout, \
               protocol, internal.",
        unit: None,
        labels: &["kind"],
        values: Values::Counted(Statistics::errors),
    },
    Metric {
        name: "scan_objects",
        help: "Number of objects in the last good report.",
        unit: None,
        labels: &[],
        values: Values::Report(|report| Some(report.usage.sums.objects.into())),
    },
    Metric {
        name: "scan_audited_timestamp",
        help: "Time of the last listing of that part of the archive that was listed least \
               recently.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Report(|report| Some(report.audited_at.into())),
    },
    Metric {
        name: "s3_requests",
        help: "Requests sent to the store, including retries, by operation and outcome: success, \
               throttled, timeout, error.",
        unit: None,
        labels: &["operation", "outcome"],
        values: Values::Counted(Statistics::requests),
    },
];

fn archive_info(status: &ArchiveStatus) -> Vec<Labelled<'_>> {
    vec![(
        labels([&status.destination, &status.endpoint]),
        Number::Whole(1),
    )]
}
