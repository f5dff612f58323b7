//! Metrics under "Storage".

use prometheus_client::registry::Unit;

use crate::inventory::Sums;
use crate::report::{Report, UploadSums};

use super::table::{Labelled, Metric, Number, Values, labels};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "prefix",
        help: "Bytes by prefix and kind: base, wals, orphan (a server that is not configured), \
               other; they add up to everything below the destination path.",
        unit: Some(Unit::Bytes),
        labels: &["prefix", "kind"],
        values: Values::ReportBy(|report| by_prefix(report, |sums| sums.bytes)),
    },
    Metric {
        name: "prefix_objects",
        help: "Objects by prefix and kind; they add up like the bytes.",
        unit: None,
        labels: &["prefix", "kind"],
        values: Values::ReportBy(|report| by_prefix(report, |sums| sums.objects)),
    },
    Metric {
        name: "storage_class",
        help: "Bytes by storage class.",
        unit: Some(Unit::Bytes),
        labels: &["storage_class"],
        values: Values::ReportBy(storage_classes),
    },
    Metric {
        name: "incomplete_uploads",
        help: "Multipart uploads begun and neither completed nor aborted, those of a backup under \
               way included; the server is empty for uploads outside of any.",
        unit: None,
        labels: &["server"],
        values: Values::ReportBy(|report| by_upload(report, |sums| Some(sums.count.into()))),
    },
    Metric {
        name: "incomplete_uploads",
        help: "Bytes that unfinished multipart uploads have stored: paid for, listed nowhere.",
        unit: Some(Unit::Bytes),
        labels: &["server"],
        values: Values::ReportBy(|report| by_upload(report, |sums| Some(sums.bytes?.into()))),
    },
    Metric {
        name: "incomplete_uploads_oldest_timestamp",
        help: "Begin of the oldest unfinished multipart upload.",
        unit: Some(Unit::Seconds),
        labels: &["server"],
        values: Values::ReportBy(|report| by_upload(report, |sums| Some(sums.oldest_at?.into()))),
    },
];

fn by_prefix(report: &Report, value: fn(&Sums) -> u64) -> Vec<Labelled> {
    let prefixes = report.prefixes.iter();
    prefixes
        .map(|one| (labels([&one.prefix, one.kind.as_label()]), value(&one.sums).into()))
        .collect()
}

fn storage_classes(report: &Report) -> Vec<Labelled> {
    let classes = report.storage_classes.iter();
    classes.map(|(class, bytes)| (vec![class.clone()], (*bytes).into())).collect()
}

fn by_upload(report: &Report, value: fn(&UploadSums) -> Option<Number>) -> Vec<Labelled> {
    let uploads = report.uploads.iter().flatten();
    uploads.filter_map(|(server, sums)| Some((vec![server.clone()], value(sums)?))).collect()
}
