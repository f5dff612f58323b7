//! Metrics under "WAL".

use std::borrow::Cow;

use barman_archive::inventory::{Sums, WalObjectKind};
use prometheus_client::registry::Unit;
use smallvec::smallvec;

use super::table::{Labelled, Metric, Number, Values, age, labels};
use crate::report::{ServerReport, TimelineWal};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "wal_segments",
        help: "Whole WAL segments in the archive; a segment stored with two file extensions \
               counts once.",
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
        help: "Objects below wals/ by kind: segment, partial, label, history, misplaced (in a \
               directory where no restore looks for it), foreign (not a WAL file), marker (an empty \
               key that ends in a slash); they add up to everything there.",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |sums| sums.objects)),
    },
    Metric {
        name: "wal_objects",
        help: "Bytes of the objects below wals/, by kind as in barman_cloud_wal_objects.",
        unit: Some(Unit::Bytes),
        labels: &["kind"],
        values: Values::ServerBy(|server| by_kind(server, |sums| sums.bytes)),
    },
    Metric {
        name: "wal_last_archived_timestamp",
        help: "Arrival of the newest WAL segment: the last one, by position, of the current \
               timeline; without a current timeline, of the highest timeline that no other cluster \
               wrote.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, _| Some(server.wal.newest?.arrived_at.into())),
    },
    Metric {
        name: "wal_age",
        help: "Time since the newest WAL segment arrived; it grows while a database is idle, and \
               uploading an old segment again does not reset it.",
        unit: Some(Unit::Seconds),
        labels: &[],
        values: Values::Server(|server, now| Some(age(server.wal.newest?.arrived_at, now))),
    },
    Metric {
        name: "wal_arrival_interval",
        help: "Time from the arrival of a WAL segment to that of the next, over all segments in the \
               archive: median, p99 (99 % are shorter), max; gaps are left out, and times over a \
               minute are rounded by up to 2 %.",
        unit: Some(Unit::Seconds),
        labels: &["statistic"],
        values: Values::ServerBy(arrival_intervals),
    },
    Metric {
        name: "wal_anomalies",
        help: "Anomalies of WAL by kind: size (impossible for a segment), duplicate (stored with \
               two file extensions), misplaced, overwritten (uploaded again over an hour after \
               the segment that follows it), foreign, stray_timeline (probably created by a \
               restored copy; absent if history files and backups do not show it).",
        unit: None,
        labels: &["kind"],
        values: Values::ServerBy(anomalies),
    },
];

fn by_timeline(server: &ServerReport, value: fn(&TimelineWal) -> u64) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for (id, wal) in &server.wal.timelines {
        values.push((
            smallvec![Cow::Owned(id.to_string())],
            Number::Whole(value(wal)),
        ));
    }
    values
}

fn by_kind(server: &ServerReport, value: fn(&Sums) -> u64) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    for kind in WalObjectKind::ALL {
        let sums = server.wal.objects.get(&kind).copied().unwrap_or_default();
        values.push((labels([kind.as_label()]), value(&sums).into()));
    }
    values
}

fn arrival_intervals(server: &ServerReport) -> Vec<Labelled<'_>> {
    let mut values = Vec::new();
    // A label `quantile` is reserved for summaries.
    for (label, share) in [("median", 0.5), ("p99", 0.99), ("max", 1.0)] {
        if let Some(interval) = server.wal.intervals.quantile(share) {
            values.push((labels([label]), interval.into()));
        }
    }
    values
}

fn anomalies(server: &ServerReport) -> Vec<Labelled<'_>> {
    let anomalies = server.wal.anomalies.iter();
    anomalies
        .map(|(kind, count)| (labels([kind.as_label()]), (*count).into()))
        .collect()
}
