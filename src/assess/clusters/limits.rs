//! Limits between the clusters of a directory: moments, where arrivals separate them, and positions
//! otherwise.

use std::collections::BTreeMap;

use barman_archive::postgres::{Run, TimelineId};
use chrono::{DateTime, TimeDelta, Utc};

use super::Cluster;
use super::writer::SMALL_SKEW;

/// Largest difference between the clocks of a database and of a store.
const CLOCK_SKEW: TimeDelta = TimeDelta::hours(1);

/// Returns the creation time of a cluster from its system identifier.
///
/// Its upper half is the time in seconds (`BootStrapXLOG` in `PostgreSQL`'s `xlog.c`).
pub(super) fn created_at(identifier: &str) -> Option<DateTime<Utc>> {
    let seconds = identifier.parse::<u64>().ok()? >> 32;
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

/// Sets the period in which WAL of each cluster can arrive. Clusters that take turns have a common
/// one.
pub(super) fn set_limits(clusters: &mut [Cluster]) {
    // Everything in a copy arrived when it was copied: nothing separates the clusters of before.
    let mut copied = 0;
    for (place, (cluster, next)) in clusters.iter().zip(clusters.iter().skip(1)).enumerate() {
        if cluster.is_copied(next) {
            copied = place + 2;
        }
    }
    let (before_copy, _) = clusters.split_at_mut(copied);
    set_limits_by_position(before_copy);

    let ends: Vec<_> = clusters.iter().map(|cluster| cluster.ends_at).collect();
    for (place, cluster) in clusters.iter_mut().enumerate() {
        let separate = if place < copied { 0 } else { place };
        set_after(cluster, ends.iter().take(separate).copied().flatten());
    }
    let beginnings: Vec<_> = clusters.iter().map(Cluster::beginning).collect();
    for (place, cluster) in clusters.iter_mut().enumerate() {
        let next = copied.max(place + 1);
        for later in beginnings.iter().skip(next).copied().flatten() {
            if Some(later.at) > cluster.ends_at {
                cluster.later.push(later);
            }
        }
    }
}

/// Sets the moment up to which everything that arrived belongs to another cluster, given the ends of
/// the clusters before.
fn set_after(cluster: &mut Cluster, ends: impl Iterator<Item = DateTime<Utc>>) {
    let earlier = ends
        .filter(|end| Some(*end) < cluster.first_backup_at)
        .max();
    // One that was created elsewhere before may still be that of today.
    cluster.created_at = cluster
        .created_at
        .filter(|created_at| Some(*created_at) >= earlier);
    cluster.has_earlier = earlier.is_some();
    cluster.after = match (cluster.created_at, earlier) {
        (Some(created_at), Some(_)) => created_at.checked_sub_signed(SMALL_SKEW),
        (Some(created_at), None) => created_at.checked_sub_signed(CLOCK_SKEW),
        (None, earlier) => earlier,
    };
}

/// Sets the limits of clusters that arrivals cannot separate.
fn set_limits_by_position(clusters: &mut [Cluster]) {
    let mut next_begins = BTreeMap::new();
    for cluster in clusters.iter_mut().rev() {
        cluster.ends_before = next_begins;
        next_begins = cluster.first_begins.clone();
    }
    let mut earlier: BTreeMap<TimelineId, Run> = BTreeMap::new();
    for cluster in clusters {
        cluster.earlier = earlier.clone();
        for (timeline, last) in &cluster.last_ends {
            let first = cluster.first_begins.get(timeline).unwrap_or(last);
            let run = earlier.entry(*timeline).or_insert(Run {
                first: *first,
                last: *last,
            });
            run.first = run.first.min(*first);
            run.last = run.last.max(*last);
        }
    }
}
