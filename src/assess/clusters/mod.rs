//! Database clusters that share one server's directory.
//!
//! `docs/specification.md`, 11.
//!
//! After a major upgrade in place, or when a cluster is created anew, the new cluster archives to the
//! directory of the old one. A listing does not show which cluster wrote a segment, only when the
//! segment arrived. The creation time of a cluster is part of its system identifier.

mod limits;
mod view;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::{BackupInfo, BackupOrigin};
use barman_archive::inventory::DirectoryInventory;
use barman_archive::postgres::{Run, SegmentName, SegmentSize, TimelineId, WalDir};
use chrono::{DateTime, Utc};

use self::limits::{created_at, set_limits};
pub(super) use self::view::{View, remove};
use self::writer::{Beginning, FirstEnd, NumberedSegment};
use crate::report::BackupReport;

/// Database cluster, as its backups show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Ids of its backups.
    pub(super) backups: BTreeSet<String>,
    /// Creation time from its system identifier; `None` if that time cannot be right.
    created_at: Option<DateTime<Utc>>,
    /// Start of its first backup.
    first_backup_at: Option<DateTime<Utc>>,
    /// End of its last backup.
    ends_at: Option<DateTime<Utc>>,
    /// Earliest arrival of a `backup.info` of it; in a copied archive, the time of the copy.
    written_at: Option<DateTime<Utc>>,
    /// Segment size from its newest backup; `None` if no backup could be read.
    pub(super) segment_size: Option<SegmentSize>,
    /// Moment up to which everything that arrived belongs to another cluster.
    after: Option<DateTime<Utc>>,
    /// Beginnings of clusters that began after its last backup, if arrivals separate them.
    later: Vec<Beginning>,
    /// True if there is an earlier cluster from which arrivals separate this one.
    has_earlier: bool,
    /// End of its first backup of a primary.
    first_end: Option<FirstEnd>,
    /// Last segment that any of its backups names, by timeline.
    last_ends: BTreeMap<TimelineId, u64>,
    /// First segment that any of its backups names, by timeline.
    first_begins: BTreeMap<TimelineId, u64>,
    /// Earliest arrival in the WAL directories in which its backups begin.
    wal_at: Option<DateTime<Utc>>,
    /// First segments of the next cluster's backups, if arrivals cannot separate the two.
    ends_before: BTreeMap<TimelineId, u64>,
    /// Segments from the first to the last one that earlier clusters' backups name, if arrivals cannot
    /// separate this one from them.
    earlier: BTreeMap<TimelineId, Run>,
}

/// Largest number of clusters that are judged separately. More exist only in a directory that somebody
/// floods with backups.
const MOST_CLUSTERS: usize = 20;

/// Returns the clusters of a directory, at least one, in the order of their first backups.
pub(super) fn clusters(backups: &[BackupReport], directory: &DirectoryInventory) -> Vec<Cluster> {
    let mut by_identifier: BTreeMap<&str, Cluster> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for backup in backups {
        let info = backup.info.as_ref();
        if let Some(info) = info
            && let Some(identifier) = &info.system_identifier
        {
            by_identifier
                .entry(identifier)
                .or_default()
                .add(backup, info, directory);
        } else {
            unnamed.push(backup.id.clone());
        }
    }
    if by_identifier.len() > MOST_CLUSTERS {
        let backups = backups.iter().map(|backup| backup.id.clone()).collect();
        return vec![Cluster {
            backups,
            ..Cluster::default()
        }];
    }
    for (identifier, cluster) in &mut by_identifier {
        let created_at = created_at(identifier);
        cluster.created_at = created_at.filter(|_| created_at <= cluster.first_backup_at);
    }
    let mut clusters: Vec<Cluster> = by_identifier.into_values().collect();
    clusters.sort_by_key(|cluster| cluster.first_backup_at);
    set_limits(&mut clusters);
    if clusters.is_empty() {
        clusters.push(Cluster::default());
    }
    if let Some(newest) = clusters.last_mut() {
        newest.backups.extend(unnamed);
    }
    clusters
}

impl Cluster {
    /// Takes in a backup. The backups come in the order of their ids, which begin with a time.
    fn add(&mut self, backup: &BackupReport, info: &BackupInfo, directory: &DirectoryInventory) {
        self.backups.insert(backup.id.clone());
        self.segment_size = Some(info.segment_size);
        let file = directory
            .backups
            .get(&backup.id)
            .and_then(|inventory| inventory.info.as_ref());
        self.written_at = earliest(self.written_at, file.map(|file| file.object.last_modified));
        self.first_backup_at = earliest(self.first_backup_at, info.began_at());
        self.ends_at = self.ends_at.max(info.ended_at().or(info.began_at()));
        if let Some(begin) = info.begin_wal() {
            self.add_begin(begin, info.segment_size, directory);
        }
        if let Some(end) = info.end_wal() {
            self.add_end(end, info);
        }
    }

    fn add_begin(&mut self, begin: SegmentName, size: SegmentSize, directory: &DirectoryInventory) {
        let wal_dir = directory.wal.dirs.get(&WalDir::from(begin));
        let wal_at = wal_dir.and_then(|wal_dir| wal_dir.earliest_arrival());
        self.wal_at = earliest(self.wal_at, wal_at);
        if let Some(number) = begin.number(size) {
            let first = self.first_begins.entry(begin.timeline).or_insert(number);
            *first = number.min(*first);
        }
    }

    fn add_end(&mut self, end: SegmentName, info: &BackupInfo) {
        let Some(number) = end.number(info.segment_size) else {
            return;
        };
        let last = self.last_ends.entry(end.timeline).or_insert(number);
        *last = number.max(*last);
        // A standby's backup can begin with something older than what the primary has archived.
        let is_of_standby = info
            .label
            .is_some_and(|label| label.origin == BackupOrigin::Standby);
        let Some(began_at) = info.began_at() else {
            return;
        };
        if !is_of_standby && self.first_end.is_none_or(|first| began_at < first.began_at) {
            self.first_end = Some(FirstEnd {
                began_at,
                segment: NumberedSegment {
                    timeline: end.timeline,
                    number,
                },
            });
        }
    }

    /// Returns whether nothing separates it from another cluster.
    fn is_alone(&self) -> bool {
        self.after.is_none()
            && self.later.is_empty()
            && self.ends_before.is_empty()
            && self.earlier.is_empty()
    }

    fn beginning(&self) -> Option<Beginning> {
        let first_backup_at = self.first_backup_at?;
        Some(Beginning {
            at: self.created_at.unwrap_or(first_backup_at),
            first_backup_at,
            first_end: self.first_end,
            segment_size: self.segment_size,
        })
    }

    /// Returns whether the cluster began later than another one.
    pub(super) fn is_later_than(&self, other: &Self) -> bool {
        self.first_backup_at > other.first_backup_at
    }

    /// Returns whether each `backup.info` and its WAL arrived after the next cluster began, although
    /// its backups ended before: then the archive is a copy.
    fn is_copied(&self, next: &Self) -> bool {
        let created_at = next
            .created_at
            .filter(|created_at| Some(*created_at) > self.ends_at);
        let Some(next_at) = created_at.or(next.first_backup_at) else {
            return false;
        };
        self.ends_at < Some(next_at)
            && self.written_at > Some(next_at)
            && self.wal_at.is_none_or(|at| at > next_at)
    }
}

/// Earlier one of two moments, as far as they are known.
fn earliest(known: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    known.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests;
