//! Metrics under "Storage".

use barman_archive::inventory::Sums;
use prometheus_client::registry::Unit;

use super::table::{Labelled, Metric, Number, Values, labels};
use crate::report::{ReclaimReason, Report, UploadSums};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "prefix",
        help: "Bytes by prefix and kind: base, wals, orphan (a server that is not configured), \
               other (one of ignoreServers, too); they add up to everything below the destination path.",
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
        help: "Bytes by storage class; absent where only the configured servers can be listed.",
        unit: Some(Unit::Bytes),
        labels: &["storage_class"],
        values: Values::ReportBy(storage_classes),
    },
    Metric {
        name: "reclaimable",
        help: "Bytes that nobody needs, by reason: obsolete_wal (no done backup needs it), \
               obsolete_backup (by the retention policy), failed_backup, incomplete_backup, orphan (a \
               server that is not configured: then all of it), incomplete_upload (but for those of a \
               backup under way); absent where it is not known.",
        unit: Some(Unit::Bytes),
        labels: &["server", "reason"],
        values: Values::ReportBy(reclaimable),
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

fn by_prefix(report: &Report, value: fn(&Sums) -> u64) -> Vec<Labelled<'_>> {
    let prefixes = report.prefixes.iter();
    prefixes
        .map(|prefix| {
            (labels([&prefix.prefix, prefix.kind.as_label()]), value(&prefix.sums).into())
        })
        .collect()
}

fn storage_classes(report: &Report) -> Vec<Labelled<'_>> {
    // Sums of a part would look like sums of everything.
    let classes = report.usage.classes().filter(|_| report.is_whole);
    classes.map(|(class, bytes)| (labels([class.as_str()]), bytes.into())).collect()
}

fn reclaimable(report: &Report) -> Vec<Labelled<'_>> {
    let of_servers = report.servers.iter().flat_map(|(server, found)| {
        found.reclaimable.iter().map(move |(reason, bytes)| (server.as_str(), *reason, *bytes))
    });
    // Uploads outside of any server do not belong to a running backup.
    let outside = report.reclaimable_loose_uploads().flatten();
    let outside = outside.map(|bytes| ("", ReclaimReason::IncompleteUpload, bytes));
    let all = of_servers.chain(outside);
    all.map(|(server, reason, bytes)| (labels([server, reason.as_label()]), bytes.into())).collect()
}

fn by_upload(report: &Report, value: fn(&UploadSums) -> Option<Number>) -> Vec<Labelled<'_>> {
    let uploads = report.uploads.iter().flatten();
    uploads.filter_map(|(server, sums)| Some((labels([server]), value(sums)?))).collect()
}
