//! Database clusters that share one server's directory.
//!
//! After a major upgrade in place, or when a cluster is created anew, the new cluster archives to the
//! directory of the old one. A listing does not show which cluster wrote a segment, only when the
//! segment arrived. The creation time of a cluster is part of its system identifier.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::barman::WalKind;
use crate::inventory::{DirectoryInventory, LogInventory, WalInventory};
use crate::postgres::{LogName, Run, Runs, SegmentSize, TimelineId};
use crate::recovery::{ArchivedWal, SegmentSets};

use super::BackupReport;

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
    /// Where clusters began from which arrivals separate this one, if they began after its end.
    later: Vec<Beginning>,
    /// True if there is an earlier cluster from which arrivals separate this one.
    has_earlier: bool,
    /// Last segment that its first backup needs.
    first_end: Option<(TimelineId, u64)>,
    /// Last segment that any of its backups needs, by timeline.
    last_ends: BTreeMap<TimelineId, u64>,
    /// First segment that any of its backups needs, by timeline.
    first_begins: BTreeMap<TimelineId, u64>,
    /// First segments of the next cluster's backups, if arrivals cannot separate the two.
    ends_before: BTreeMap<TimelineId, u64>,
    /// Last segments of earlier clusters' backups, if arrivals cannot separate this one from them.
    begins_after: BTreeMap<TimelineId, u64>,
}

/// Beginning of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beginning {
    /// Creation of the cluster, or start of its first backup.
    at: DateTime<Utc>,
    first_backup_at: DateTime<Utc>,
    /// Last segment that its first backup needs.
    first_end: Option<(TimelineId, u64)>,
    segment_size: Option<SegmentSize>,
}

/// Largest number of clusters that are judged separately. More exist only in a directory that somebody
/// floods with backups.
const MOST_CLUSTERS: usize = 20;

/// Returns the clusters of a directory, at least one, in the order of their first backups.
pub(super) fn clusters(backups: &[BackupReport], directory: &DirectoryInventory) -> Vec<Cluster> {
    let mut by_identifier: BTreeMap<&str, Cluster> = BTreeMap::new();
    let mut unnamed = BTreeSet::new();
    for backup in backups {
        let identifier = backup.info.as_ref().and_then(|info| info.system_identifier.as_deref());
        match identifier {
            Some(identifier) => by_identifier.entry(identifier).or_default().add(backup, directory),
            None => drop(unnamed.insert(backup.id.clone())),
        }
    }
    if by_identifier.len() > MOST_CLUSTERS {
        let backups = backups.iter().map(|backup| backup.id.clone()).collect();
        return vec![Cluster { backups, ..Cluster::default() }];
    }
    for (identifier, cluster) in &mut by_identifier {
        let created_at = created_at(identifier);
        cluster.created_at = created_at.filter(|_| created_at <= cluster.first_backup_at);
    }
    let mut clusters: Vec<Cluster> = by_identifier.into_values().collect();
    clusters.sort_by_key(|cluster| cluster.first_backup_at);
    set_limits(&mut clusters, &directory.wal);
    if clusters.is_empty() {
        clusters.push(Cluster::default());
    }
    if let Some(newest) = clusters.last_mut() {
        newest.backups.extend(unnamed);
    }
    clusters
}

/// Largest difference between the clocks of a database and of a store.
const CLOCK_SKEW: TimeDelta = TimeDelta::hours(1);

/// Returns the creation time of a cluster from its system identifier.
///
/// Its upper half is the time in seconds (`BootStrapXLOG` in `PostgreSQL`'s `xlog.c`).
fn created_at(identifier: &str) -> Option<DateTime<Utc>> {
    let seconds = identifier.parse::<u64>().ok()? >> 32;
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}

/// Sets the period in which WAL of each cluster can arrive; clusters that take turns have no limit.
fn set_limits(clusters: &mut [Cluster], wal: &WalInventory) {
    let earliest_at = wal.logs.values().filter_map(|log| log.earliest_arrival()).min();
    let next_at = clusters.iter().skip(1).map(|next| next.first_backup_at);
    let pairs = clusters.iter().zip(next_at).enumerate();
    // Everything in a copy arrived when it was copied: nothing separates the clusters of before.
    let copied = pairs
        .filter(|(_, (cluster, next_at))| cluster.is_copied(*next_at, earliest_at))
        .map(|(place, _)| place + 2)
        .max()
        .unwrap_or_default();
    let (before_copy, _) = clusters.split_at_mut(copied);
    set_limits_by_position(before_copy);

    let ends: Vec<_> = clusters.iter().map(|cluster| cluster.ends_at).collect();
    for (place, cluster) in clusters.iter_mut().enumerate() {
        let separate = if place < copied { 0 } else { place };
        let earlier_ends = ends.iter().take(separate).copied().flatten();
        let earlier = earlier_ends.filter(|end| Some(*end) < cluster.first_backup_at).max();
        // One that was created elsewhere before may still be that of today.
        cluster.created_at = cluster.created_at.filter(|created_at| Some(*created_at) >= earlier);
        cluster.has_earlier = earlier.is_some();
        cluster.after = match (cluster.created_at, earlier) {
            (Some(created_at), Some(_)) => created_at.checked_sub_signed(TimeDelta::seconds(1)),
            (Some(created_at), None) => created_at.checked_sub_signed(CLOCK_SKEW),
            (None, earlier) => earlier,
        };
    }
    let beginnings: Vec<_> = clusters.iter().map(Cluster::beginning).collect();
    for (place, cluster) in clusters.iter_mut().enumerate() {
        let later = beginnings.iter().skip(copied.max(place + 1)).copied().flatten();
        cluster.later = later.filter(|later| Some(later.at) > cluster.ends_at).collect();
    }
}

/// Sets the limits of clusters that arrivals cannot separate.
fn set_limits_by_position(clusters: &mut [Cluster]) {
    let next_begins: Vec<_> =
        clusters.iter().skip(1).map(|next| next.first_begins.clone()).collect();
    for (cluster, next_begins) in clusters.iter_mut().zip(next_begins) {
        cluster.ends_before = next_begins;
    }
    let mut earlier_ends: BTreeMap<TimelineId, u64> = BTreeMap::new();
    for cluster in clusters {
        cluster.begins_after = earlier_ends.clone();
        for (timeline, last) in &cluster.last_ends {
            let end = earlier_ends.entry(*timeline).or_default();
            *end = last.max(end).to_owned();
        }
    }
}

impl Beginning {
    /// Returns whether the cluster cannot have written a segment: the segment lies beyond the end of
    /// the first backup, but arrived before that backup began.
    ///
    /// `pg_upgrade` needs the new cluster to exist while the old one still runs and archives.
    fn rules_out(&self, segment: (TimelineId, u64), arrived_at: DateTime<Utc>) -> bool {
        arrived_at < self.first_backup_at && self.first_end.is_some_and(|end| segment >= end)
    }
}

impl Cluster {
    fn add(&mut self, backup: &BackupReport, directory: &DirectoryInventory) {
        self.backups.insert(backup.id.clone());
        let Some(info) = &backup.info else { return };
        let size = info.segment_size;
        let file = directory.backups.get(&backup.id).and_then(|inventory| inventory.info.as_ref());
        let written_at = file.map(|file| file.object.last_modified);
        self.written_at = self.written_at.into_iter().chain(written_at).min();
        // The backups are in order of their ids, which begin with a time.
        self.segment_size = Some(size);
        let begin = info.begin_wal.and_then(|name| Some((name.timeline, name.number(size)?)));
        if let Some((timeline, number)) = begin {
            let first = self.first_begins.entry(timeline).or_insert(number);
            *first = number.min(*first);
        }
        let is_first = info.began_at.is_some()
            && self.first_backup_at.is_none_or(|first| info.began_at < Some(first));
        let ends_at = info.ended_at.or(info.began_at);
        self.ends_at = self.ends_at.max(ends_at);
        let end = info.end_wal.and_then(|name| Some((name.timeline, name.number(size)?)));
        if is_first {
            self.first_backup_at = info.began_at;
            self.first_end = end;
        }
        if let Some((timeline, number)) = end {
            let last = self.last_ends.entry(timeline).or_insert(number);
            *last = number.max(*last);
        }
    }

    /// Returns whether nothing separates it from another cluster.
    fn is_alone(&self) -> bool {
        self.after.is_none()
            && self.later.is_empty()
            && self.ends_before.is_empty()
            && self.begins_after.is_empty()
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

    /// Returns whether each `backup.info` and all WAL arrived after the next cluster's first backup
    /// started: then the archive is a copy.
    fn is_copied(
        &self,
        next_at: Option<DateTime<Utc>>,
        earliest_wal_at: Option<DateTime<Utc>>,
    ) -> bool {
        let is_later =
            |at: Option<DateTime<Utc>>| at.zip(next_at).is_some_and(|(at, next)| at > next);
        self.ends_at < next_at && is_later(self.written_at) && is_later(earliest_wal_at)
    }

    /// Returns the WAL that a restore of this cluster's backups finds. Adds to `lacking` the WAL
    /// directories whose files must be listed again to tell whose they are.
    pub(super) fn view(
        &self,
        wal: &ArchivedWal,
        inventory: &WalInventory,
        lacking: &mut BTreeSet<LogName>,
    ) -> ArchivedWal {
        let mut view = wal.clone();
        if self.is_alone() {
            return view;
        }
        let foreign = self.foreign(inventory, wal.size, lacking);
        for sets in [&mut view.segments, &mut view.wrong_size, &mut view.cold] {
            remove(sets, &foreign);
        }
        let partials = inventory.partials().filter_map(|(name, partial)| {
            let number = name.number(wal.size)?;
            let is_own = !self.is_foreign(name.timeline, number, partial.arrived_at);
            is_own.then_some((name.timeline, number))
        });
        let own: BTreeSet<_> = partials.collect();
        view.partials.retain(|partial| own.contains(partial));
        view.foreign = foreign;
        self.end_at_holes(&mut view);
        self.end_at_next(&mut view);
        view
    }

    fn is_foreign(&self, timeline: TimelineId, number: u64, arrived_at: DateTime<Utc>) -> bool {
        let segment = (timeline, number);
        let is_of = |later: &Beginning| {
            let are_alike = later.segment_size == self.segment_size;
            arrived_at >= later.at && !(are_alike && later.rules_out(segment, arrived_at))
        };
        let own = self.beginning().filter(|_| self.has_earlier);
        if self.after.is_some_and(|after| arrived_at <= after)
            || self.later.iter().any(is_of)
            || own.is_some_and(|own| own.rules_out(segment, arrived_at))
        {
            return true;
        }
        // Between the last backup of the one and the first backup of the other, WAL is of either.
        let is_early = self.after.is_some()
            && self.created_at.is_none()
            && Some(arrived_at) < self.first_backup_at;
        is_early && self.first_end.is_none_or(|(of_end, _)| timeline != of_end)
    }

    fn foreign(
        &self,
        inventory: &WalInventory,
        size: SegmentSize,
        lacking: &mut BTreeSet<LogName>,
    ) -> SegmentSets {
        let mut foreign = SegmentSets::new();
        let per_log = u64::from(size.segments_per_log());
        for (name, log) in &inventory.logs {
            let first = u64::from(name.log) * per_log;
            let Some(of_log) = self.foreign_in(*name, first, log) else {
                lacking.insert(*name);
                continue;
            };
            let runs = foreign.entry(name.timeline).or_default();
            of_log.iter().for_each(|run| runs.insert_run(run));
        }
        foreign.retain(|_, runs| !runs.is_empty());
        foreign
    }

    /// Returns the segments of a log that belong to another cluster. `None` if its files are
    /// forgotten, and a run has only one end that belongs to another cluster.
    fn foreign_in(&self, name: LogName, first: u64, log: &LogInventory) -> Option<Runs> {
        let is_foreign = |segment: u32, arrived_at: DateTime<Utc>| {
            self.is_foreign(name.timeline, first + u64::from(segment), arrived_at)
        };
        if let Some(segments) = served_segments(log) {
            let foreign = segments.filter(|(segment, at)| is_foreign(*segment, *at));
            return Some(foreign.map(|(segment, _)| first + u64::from(segment)).collect());
        }
        let mut foreign = Runs::default();
        for run in log.segments.iter() {
            let end_is_foreign = |number: u64| {
                let segment = u32::try_from(number).ok()?;
                Some(is_foreign(segment, log.arrived_at(segment)?))
            };
            match (end_is_foreign(run.first)?, end_is_foreign(run.last)?) {
                (true, true) => {
                    foreign.insert_run(Run { first: first + run.first, last: first + run.last });
                }
                (false, false) => {}
                (true, false) | (false, true) => return None,
            }
        }
        Some(foreign)
    }

    /// Removes what the next cluster's backups need, if arrivals cannot separate the two.
    fn end_at_next(&self, view: &mut ArchivedWal) {
        for (timeline, begin) in &self.ends_before {
            let first = self
                .last_ends
                .get(timeline)
                .map_or(*begin, |last| begin.max(&(last + 1)).to_owned());
            let behind =
                SegmentSets::from([(*timeline, Runs::from_run(Run { first, last: u64::MAX }))]);
            remove(&mut view.segments, &behind);
            remove(&mut view.wrong_size, &behind);
        }
    }

    /// Removes what follows a gap behind the last backup if it may be another cluster's: the next
    /// one's WAL from before its first backup, or that of an earlier one that reached further.
    fn end_at_holes(&self, view: &mut ArchivedWal) {
        let has_next = !self.later.is_empty() || !self.ends_before.is_empty();
        let present = view.present();
        for (timeline, last_end) in &self.last_ends {
            let segments = present.get(timeline).cloned().unwrap_or_default();
            let Some(hole) = segments.first_missing(*last_end, u64::MAX) else { continue };
            if !has_next && self.begins_after.get(timeline) <= Some(&hole) {
                continue;
            }
            let behind = SegmentSets::from([(
                *timeline,
                Runs::from_run(Run { first: hole, last: u64::MAX }),
            )]);
            remove(&mut view.segments, &behind);
            remove(&mut view.wrong_size, &behind);
        }
    }
}

/// Returns the segments of a log with the arrival times of the objects that a restore takes: if there
/// are several endings, the first one in the order of keys. `None` if the files are forgotten.
fn served_segments(log: &LogInventory) -> Option<impl Iterator<Item = (u32, DateTime<Utc>)>> {
    let files = log.files()?.iter();
    let segments = files.filter(|file| matches!(file.kind, WalKind::Segment(_)));
    let mut last = None;
    let first = segments.filter(move |file| last.replace(file.segment) != Some(file.segment));
    Some(first.map(|file| (file.segment, file.arrived_at)))
}

/// Removes segments from sets of them.
pub(super) fn remove(sets: &mut SegmentSets, removed: &SegmentSets) {
    for (timeline, runs) in removed {
        if let Some(segments) = sets.get_mut(timeline) {
            *segments = segments.without(runs);
        }
    }
    sets.retain(|_, runs| !runs.is_empty());
}
