//! Metrics under "WAL".

use prometheus_client::registry::Unit;

use crate::inventory::Sums;
use crate::report::{ServerReport, TimelineWal};

use super::table::{Labelled, Metric, Number, Values, age, labels};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "wal_segments",
        help: "Whole WAL segments in the archive; one stored under two endings counts once.",
        unit: None,
        labels: &["timeline"],
        values: Values::ServerBy(|server| by_timeline(server, |wal| wal.segments)),
    },
    Metric {
        name: "wal",
        help: "Bytes of whole WAL segments in the archive.",
        unit: Some(Unit::Bytes),
        labels: &["timeline"],
        values: Values::ServerBy(|server| by_timeline(server, |wal| wal.stored.bytes)),
    },
    Metric {
        name: "wal_objects",
        help: "Objects below wals/ by kind: segment, partial, label, history, misplaced (where \
               nothing looks for it), foreign (no WAL file).",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |sums| sums.objects)),
    },
    Metric {
        name: "wal_objects",
        help: "Bytes of the objects below wals/, by the same kinds.",
        unit: Some(Unit::Bytes),
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |sums| sums.bytes)),
    },
    Metric {
        name: "wal_last_archived_timestamp",
        help: "When the newest WAL segment arrived.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.wal.newest_at?.into())),
    },
    Metric {
        name: "wal_age",
        help: "Time since WAL last arrived; an idle database lets it grow.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| Some(age(server.wal.newest_at?, now))),
    },
    Metric {
        name: "wal_anomalies",
        help: "What is odd about WAL, by kind: size (impossible for a segment), duplicate (stored \
               under two endings), misplaced, overwritten (uploaded once more), foreign, \
               stray_timeline (written by another cluster).",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(anomalies),
    },
];

fn by_timeline(server: &ServerReport, value: fn(&TimelineWal) -> u64) -> Vec<Labelled> {
    let timelines = server.wal.timelines.iter();
    timelines.map(|(id, wal)| (vec![id.to_string()], Number::Whole(value(wal)))).collect()
}

fn by_kind(server: &ServerReport, value: fn(&Sums) -> u64) -> Vec<Labelled> {
    let objects = &server.wal.objects;
    [
        ("segment", &objects.segments),
        ("partial", &objects.partials),
        ("label", &objects.labels),
        ("history", &objects.history),
        ("misplaced", &objects.misplaced),
        ("foreign", &objects.foreign),
    ]
    .map(|(kind, sums)| (labels([kind]), Number::Whole(value(sums))))
    .to_vec()
}

fn anomalies(server: &ServerReport) -> Vec<Labelled> {
    let anomalies = server.wal.anomalies.iter();
    anomalies.map(|(kind, count)| (labels([kind.as_label()]), (*count).into())).collect()
}
