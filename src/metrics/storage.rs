//! Metrics under "Storage".

use barman_archive::inventory::Sums;
use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, labels};
use crate::report::{ReclaimReason, Report, UploadSums};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "prefix",
        help: "Bytes by prefix and kind: base, wals, orphan (a server that is not configured), \
               other (including ignoreServers); they add up to everything below the destination \
               path.",
        unit: Some(Unit::Bytes),
        labels: &["prefix", "kind"],
        values: Values::ReportBy(|report| by_prefix(report, |sums| sums.bytes)),
    },
    Metric {
        name: "prefix_objects",
        help: "Number of objects by prefix and kind; they add up like the bytes.",
        unit: None,
        labels: &["prefix", "kind"],
        values: Values::ReportBy(|report| by_prefix(report, |sums| sums.objects)),
    },
    Metric {
        name: "storage_class",
        help: "Bytes by storage class; absent if only the configured servers can be listed.",
        unit: Some(Unit::Bytes),
        labels: &["storage_class"],
        values: Values::ReportBy(storage_classes),
    },
    Metric {
        name: "reclaimable",
        help: "Bytes that are no longer needed, by reason: obsolete_wal (no done backup needs it), \
               obsolete_backup (by the retention policy), failed_backup, incomplete_backup, orphan \
               (everything of a server that is not configured), incomplete_upload (except those of \
               a running backup); absent if unknown.",
        unit: Some(Unit::Bytes),
        labels: &["server", "reason"],
        values: Values::ReportBy(reclaimable),
    },
    Metric {
        name: "incomplete_uploads",
        help: "Multipart uploads that were started and neither completed nor aborted, including \
               those of a running backup; the server is empty for uploads outside any server.",
        unit: None,
        labels: &["server"],
        values: Values::ReportBy(|report| by_upload(report, |sums| Some(sums.count.into()))),
    },
    Metric {
        name: "incomplete_uploads",
        help: "Bytes stored by unfinished multipart uploads: billed, but not listed as objects.",
        unit: Some(Unit::Bytes),
        labels: &["server"],
        values: Values::ReportBy(|report| by_upload(report, |sums| Some(sums.bytes?.into()))),
    },
    Metric {
        name: "incomplete_uploads_oldest_timestamp",
        help: "Start of the oldest unfinished multipart upload.",
        unit: Some(Unit::Seconds),
        labels: &["server"],
        values: Values::ReportBy(|report| by_upload(report, |sums| Some(sums.oldest_at?.into()))),
    },
];

fn by_prefix(report: &Report, value: fn(&Sums) -> u64) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for prefix in &report.prefixes {
        let labels = labels([&prefix.prefix, prefix.kind.as_label()]);
        values.push((labels, value(&prefix.sums).into()));
    }
    values
}

fn storage_classes(report: &Report) -> Vec<Labelled<'_>> {
    if !report.is_whole {
        // Sums of a part would look like sums of everything.
        return vec![];
    }
    let classes = report.usage.classes();
    classes
        .map(|(class, bytes)| (labels([class.as_str()]), bytes.into()))
        .collect()
}

fn reclaimable(report: &Report) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for (name, server) in &report.servers {
        for (reason, bytes) in &server.reclaimable {
            values.push((labels([name, reason.as_label()]), (*bytes).into()));
        }
    }
    let outside = report.uploads_outside_servers();
    if let Some(bytes) = outside.and_then(|uploads| uploads.bytes) {
        let reason = ReclaimReason::IncompleteUpload;
        values.push((labels(["", reason.as_label()]), bytes.into()));
    }
    values
}

fn by_upload(report: &Report, value: fn(&UploadSums) -> Option<Number>) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for (server, sums) in report.uploads.iter().flatten() {
        if let Some(value) = value(sums) {
            values.push((labels([server]), value));
        }
    }
    values
}
