//! Database clusters that share one server's directory.
//!
//! After a major upgrade in place, or when a cluster is created anew, the new cluster archives to the
//! directory of the old one. A listing does not show which cluster wrote a segment, only when the
//! segment arrived. The creation time of a cluster is part of its system identifier.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::barman::WalKind;
use crate::inventory::{DirectoryInventory, LogInventory, WalInventory};
use crate::postgres::{LogName, Run, Runs, SegmentName, SegmentSize, TimelineId};
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
    /// Moment from which on everything that arrives belongs to another cluster.
    before: Option<DateTime<Utc>>,
    /// Last segment that its first backup needs, by timeline.
    first_ends: BTreeMap<TimelineId, u64>,
    /// Last segment that any of its backups needs, by timeline.
    last_ends: BTreeMap<TimelineId, u64>,
    /// First segment that any of its backups needs, by timeline.
    first_begins: BTreeMap<TimelineId, u64>,
    /// First segments of the next cluster's backups, if arrivals cannot separate the two.
    ends_before: BTreeMap<TimelineId, u64>,
    /// Start of the next cluster's first backup.
    next_backup_at: Option<DateTime<Utc>>,
    /// First segments of the next cluster's backups, by timeline.
    next_begins: BTreeMap<TimelineId, u64>,
    /// Segments that it archived after the next cluster was created, by timeline.
    late: SegmentSets,
    /// Segments that the previous cluster archived after this one was created, by timeline.
    late_of_previous: SegmentSets,
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
    find_late_segments(&mut clusters, &directory.wal);
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
    let followers: Vec<_> = clusters
        .iter()
        .skip(1)
        .map(|next| (next.first_backup_at, next.first_begins.clone()))
        .collect();
    for (cluster, (next_backup_at, next_begins)) in clusters.iter_mut().zip(followers) {
        (cluster.next_backup_at, cluster.next_begins) = (next_backup_at, next_begins);
    }
    let earliest_at = wal.logs.values().filter_map(|log| log.earliest_arrival()).min();
    if clusters.iter().any(|cluster| cluster.is_copied(earliest_at)) {
        // Everything in a copy arrived when it was copied.
        for cluster in clusters {
            cluster.ends_before = std::mem::take(&mut cluster.next_begins);
        }
        return;
    }
    let mut ends_at = None;
    for cluster in clusters.iter_mut() {
        let earlier = ends_at.filter(|_| ends_at < cluster.first_backup_at);
        // One that was created elsewhere before may still be that of today.
        cluster.created_at = cluster.created_at.filter(|created_at| Some(*created_at) >= earlier);
        cluster.after = match (cluster.created_at, earlier) {
            (Some(created_at), Some(_)) => created_at.checked_sub_signed(TimeDelta::seconds(1)),
            (Some(created_at), None) => created_at.checked_sub_signed(CLOCK_SKEW),
            (None, earlier) => earlier,
        };
        ends_at = ends_at.max(cluster.ends_at);
    }
    let mut begins_at = None;
    for cluster in clusters.iter_mut().rev() {
        cluster.before = begins_at.filter(|_| begins_at > cluster.ends_at);
        let begins = cluster.created_at.or(cluster.first_backup_at);
        begins_at = begins_at.into_iter().chain(begins).min();
    }
}

/// Finds the segments that a cluster archived after the next one was created: `pg_upgrade` needs the
/// new cluster to exist while the old one still runs.
///
/// Such segments continue the old cluster's WAL without a gap. If the new cluster's own segments
/// continue it as well, as after an upgrade on timeline 1, they count as the new cluster's.
fn find_late_segments(clusters: &mut [Cluster], wal: &WalInventory) {
    let late: Vec<_> = clusters.iter().map(|cluster| cluster.late_segments(wal)).collect();
    for (cluster, late) in clusters.iter_mut().skip(1).zip(&late) {
        cluster.late_of_previous = late.clone();
    }
    for (cluster, late) in clusters.iter_mut().zip(late) {
        cluster.late = late;
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
            self.first_ends = end.into_iter().collect();
        }
        if let Some((timeline, number)) = end {
            let last = self.last_ends.entry(timeline).or_insert(number);
            *last = number.max(*last);
        }
    }

    /// Returns whether nothing separates it from another cluster.
    fn is_alone(&self) -> bool {
        self.after.is_none() && self.before.is_none() && self.ends_before.is_empty()
    }

    /// Returns whether each `backup.info` and all WAL arrived after the next cluster's first backup
    /// started: then the archive is a copy.
    fn is_copied(&self, earliest_wal_at: Option<DateTime<Utc>>) -> bool {
        let is_over = self.ends_at < self.next_backup_at;
        let is_later = |at: Option<DateTime<Utc>>| {
            at.zip(self.next_backup_at).is_some_and(|(at, next)| at > next)
        };
        is_over && is_later(self.written_at) && is_later(earliest_wal_at)
    }

    /// Returns the segments that this cluster archived after the next one was created.
    fn late_segments(&self, wal: &WalInventory) -> SegmentSets {
        let mut late = SegmentSets::new();
        let (Some(size), Some(before)) = (self.segment_size, self.before) else { return late };
        let is_late = |at: DateTime<Utc>| at >= before;
        let mut segments: BTreeMap<TimelineId, (Runs, Runs)> = BTreeMap::new();
        for (name, log) in &wal.logs {
            let (present, early) = segments.entry(name.timeline).or_default();
            add_log(name.log, log, size, (present, early), |at| !is_late(at));
        }
        for (timeline, (present, early)) in segments {
            let arrived_at = |number: u64| {
                let name = SegmentName::from_number(timeline, number, size);
                wal.logs.get(&LogName::from(name))?.arrived_at(name.segment)
            };
            let next_begin = self.next_begins.get(&timeline).copied().unwrap_or(u64::MAX);
            for run in present.iter().filter(|run| run.last < next_begin) {
                let last_at = arrived_at(run.last);
                let is_before_next = last_at.is_some_and(is_late) && last_at < self.next_backup_at;
                let tip = early.within(run.first, run.last).last();
                if let Some(tip) = tip.filter(|_| is_before_next) {
                    let of_timeline = late.entry(timeline).or_default();
                    of_timeline.insert_run(Run { first: tip + 1, last: run.last });
                }
            }
        }
        late
    }

    /// Returns the WAL that a restore of this cluster's backups finds.
    pub(super) fn view(&self, wal: &ArchivedWal, inventory: &WalInventory) -> ArchivedWal {
        let mut view = wal.clone();
        if self.is_alone() {
            return view;
        }
        let foreign = self.foreign(inventory, wal.size);
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
        if self.before.is_some() || !self.ends_before.is_empty() {
            self.end_at_holes(&mut view);
        }
        self.end_at_next(&mut view);
        view
    }

    fn is_foreign(&self, timeline: TimelineId, number: u64, arrived_at: DateTime<Utc>) -> bool {
        let is_among = |late: &SegmentSets| {
            late.get(&timeline).is_some_and(|segments| segments.contains(number))
        };
        if is_among(&self.late) {
            return false;
        }
        if self.after.is_some_and(|after| arrived_at <= after)
            || self.before.is_some_and(|before| arrived_at >= before)
            || is_among(&self.late_of_previous)
        {
            return true;
        }
        // Between the last backup of the one and the first backup of the other, WAL is of either.
        let is_early = self.after.is_some()
            && self.created_at.is_none()
            && Some(arrived_at) < self.first_backup_at;
        let first_end = self.first_ends.get(&timeline);
        is_early && first_end.is_none_or(|end| number >= *end)
    }

    fn foreign(&self, inventory: &WalInventory, size: SegmentSize) -> SegmentSets {
        let mut foreign = SegmentSets::new();
        let per_log = u64::from(size.segments_per_log());
        for (name, log) in &inventory.logs {
            let first = u64::from(name.log) * per_log;
            let of_log = self.foreign_in(*name, first, log);
            let runs = foreign.entry(name.timeline).or_default();
            of_log.iter().for_each(|run| runs.insert_run(run));
        }
        foreign.retain(|_, runs| !runs.is_empty());
        foreign
    }

    /// Returns the segments of a log that belong to another cluster. If its files are forgotten, only
    /// runs whose two ends both do.
    fn foreign_in(&self, name: LogName, first: u64, log: &LogInventory) -> Runs {
        let is_foreign = |segment: u32, arrived_at: DateTime<Utc>| {
            self.is_foreign(name.timeline, first + u64::from(segment), arrived_at)
        };
        if let Some(segments) = served_segments(log) {
            let foreign = segments.filter(|(segment, at)| is_foreign(*segment, *at));
            return foreign.map(|(segment, _)| first + u64::from(segment)).collect();
        }
        let mut foreign = Runs::default();
        for run in log.segments.iter() {
            let edge_is_foreign = |number: u64| {
                let segment = u32::try_from(number).ok()?;
                Some(is_foreign(segment, log.arrived_at(segment)?))
            };
            if edge_is_foreign(run.first) == Some(true) && edge_is_foreign(run.last) == Some(true) {
                foreign.insert_run(Run { first: first + run.first, last: first + run.last });
            }
        }
        foreign
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

    /// Removes what follows a gap behind the last backup: it may be the next cluster's WAL from before
    /// its first backup.
    fn end_at_holes(&self, view: &mut ArchivedWal) {
        let present = view.present();
        for (timeline, last_end) in &self.last_ends {
            let segments = present.get(timeline).cloned().unwrap_or_default();
            let Some(hole) = segments.first_missing(*last_end, u64::MAX) else { continue };
            let behind = SegmentSets::from([(
                *timeline,
                Runs::from_run(Run { first: hole, last: u64::MAX }),
            )]);
            remove(&mut view.segments, &behind);
            remove(&mut view.wrong_size, &behind);
        }
    }
}

/// Adds the segments of a log to those that are present, and those that arrived early to `early`. If
/// its files are forgotten, only the ends of runs can be known to be early.
fn add_log(
    log_number: u32,
    log: &LogInventory,
    size: SegmentSize,
    (present, early): (&mut Runs, &mut Runs),
    is_early: impl Fn(DateTime<Utc>) -> bool,
) {
    let per_log = u64::from(size.segments_per_log());
    let first = u64::from(log_number) * per_log;
    let runs = log.segments.within(0, per_log - 1);
    for run in runs.iter() {
        present.insert_run(Run { first: first + run.first, last: first + run.last });
        for edge in [run.first, run.last] {
            let arrived_at = u32::try_from(edge).ok().and_then(|segment| log.arrived_at(segment));
            if arrived_at.is_some_and(&is_early) {
                early.insert(first + edge);
            }
        }
    }
    let segments = served_segments(log).into_iter().flatten();
    for (segment, _) in segments.filter(|(_, at)| is_early(*at)) {
        if u64::from(segment) < per_log {
            early.insert(first + u64::from(segment));
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

fn remove(sets: &mut SegmentSets, removed: &SegmentSets) {
    for (timeline, runs) in removed {
        if let Some(segments) = sets.get_mut(timeline) {
            *segments = segments.without(runs);
        }
    }
    sets.retain(|_, runs| !runs.is_empty());
}
