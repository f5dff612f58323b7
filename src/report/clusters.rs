//! Database clusters that share one server's directory.
//!
//! After a major upgrade in place, or when a cluster is created anew, the new cluster archives to the
//! directory of the old one. A listing does not show which cluster wrote a segment, only when the
//! segment arrived. The creation time of a cluster is part of its system identifier.
//!
//! `docs/specification.md`, 11.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::barman::{BackupOrigin, WalKind};
use barman_archive::inventory::{DirectoryInventory, WalDirInventory, WalInventory};
use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineId, WalDir};
use barman_archive::recovery::{ArchivedWal, SegmentSets};
use chrono::{DateTime, TimeDelta, Utc};

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
    /// Beginnings of clusters that began after its last backup, if arrivals separate them.
    later: Vec<Beginning>,
    /// True if there is an earlier cluster from which arrivals separate this one.
    has_earlier: bool,
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

/// Beginning of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beginning {
    /// Creation of the cluster, or start of its first backup.
    at: DateTime<Utc>,
    first_backup_at: DateTime<Utc>,
    first_end: Option<FirstEnd>,
    segment_size: Option<SegmentSize>,
}

/// End of a cluster's first backup, among those of a primary that name a last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FirstEnd {
    began_at: DateTime<Utc>,
    /// Last segment that the backup names.
    segment: (TimelineId, u64),
}

/// Cluster that wrote a segment, from the point of view of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// This one.
    This,
    /// Another one.
    Other,
    /// This one or the one before or after it.
    Either,
}

/// WAL of a directory, as a restore of one cluster's backups finds it.
pub(super) struct View {
    pub(super) wal: ArchivedWal,
    /// Segments among the foreign ones that may be of this cluster all the same.
    pub(super) of_either: SegmentSets,
}

/// Segments that a cluster did not write, or may not have written.
#[derive(Default)]
struct Foreign {
    all: SegmentSets,
    of_either: SegmentSets,
}

/// Maximum number of WAL directories that are listed again to tell whose their segments are. Clusters meet in a
/// few WAL directories; in more of them only if arrival times say nothing.
const MOST_MIXED_WAL_DIRS: usize = 64;

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
    set_limits(&mut clusters);
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

/// Sets the period in which WAL of each cluster can arrive. Clusters that take turns have a common
/// one.
fn set_limits(clusters: &mut [Cluster]) {
    let pairs = clusters.iter().zip(clusters.iter().skip(1)).enumerate();
    // Everything in a copy arrived when it was copied: nothing separates the clusters of before.
    let copied = pairs
        .filter(|(_, (cluster, next))| cluster.is_copied(next))
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
            (Some(created_at), Some(_)) => created_at.checked_sub_signed(SMALL_SKEW),
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
    let mut earlier: BTreeMap<TimelineId, Run> = BTreeMap::new();
    for cluster in clusters {
        cluster.earlier = earlier.clone();
        for (timeline, last) in &cluster.last_ends {
            let first = cluster.first_begins.get(timeline).unwrap_or(last);
            let run = earlier.entry(*timeline).or_insert(Run { first: *first, last: *last });
            (run.first, run.last) = (run.first.min(*first), run.last.max(*last));
        }
    }
}

/// Largest difference between the clocks of a database and of a store where a moment of one decides
/// about a moment of the other.
const SMALL_SKEW: TimeDelta = TimeDelta::minutes(1);

impl Beginning {
    /// Returns whether the cluster cannot have written a segment: the segment lies beyond the end of
    /// a backup, but arrived before that backup began.
    ///
    /// `pg_upgrade` needs the new cluster to exist while the old one still runs and archives.
    fn rules_out(&self, segment: (TimelineId, u64), arrived_at: DateTime<Utc>) -> bool {
        self.first_end
            .is_some_and(|end| end.began_at - arrived_at > SMALL_SKEW && segment > end.segment)
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
        let ends_at = info.ended_at.or(info.began_at);
        self.ends_at = self.ends_at.max(ends_at);
        self.first_backup_at = self.first_backup_at.into_iter().chain(info.began_at).min();
        let end = info.end_wal.and_then(|name| Some((name.timeline, name.number(size)?)));
        // What a standby's backup begins with can be older than what the primary has archived.
        let is_of_standby = info.label.is_some_and(|label| label.origin == BackupOrigin::Standby);
        let first_end = info.began_at.zip(end.filter(|_| !is_of_standby));
        let first_end = first_end.map(|(began_at, segment)| FirstEnd { began_at, segment });
        let both = self.first_end.into_iter().chain(first_end);
        self.first_end = both.min_by_key(|first| first.began_at);
        let wal_dir = info.begin_wal.and_then(|name| directory.wal.dirs.get(&WalDir::from(name)));
        let wal_at = wal_dir.and_then(|wal_dir| wal_dir.earliest_arrival());
        self.wal_at = self.wal_at.into_iter().chain(wal_at).min();
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
        let created_at = next.created_at.filter(|created_at| Some(*created_at) > self.ends_at);
        let Some(next_at) = created_at.or(next.first_backup_at) else { return false };
        self.ends_at < Some(next_at)
            && self.written_at > Some(next_at)
            && self.wal_at.is_none_or(|at| at > next_at)
    }

    /// Returns the WAL that a restore of this cluster's backups finds. Adds to `lacking` the WAL
    /// directories whose files must be listed again to tell whose they are.
    pub(super) fn view(
        &self,
        wal: &ArchivedWal,
        inventory: &WalInventory,
        lacking: &mut BTreeSet<WalDir>,
    ) -> View {
        let mut view = View { wal: wal.clone(), of_either: SegmentSets::new() };
        if self.is_alone() {
            return view;
        }
        let foreign = self.foreign(inventory, wal.size, lacking);
        for sets in [&mut view.wal.segments, &mut view.wal.wrong_size, &mut view.wal.cold] {
            remove(sets, &foreign.all);
        }
        let partials = inventory.partials().filter_map(|(name, partial)| {
            let number = name.number(wal.size)?;
            let writer = self.writer_of(name.timeline, number, partial.arrived_at);
            (writer == Writer::This).then_some((name.timeline, number))
        });
        let own: BTreeSet<_> = partials.collect();
        view.wal.partials.retain(|partial| own.contains(partial));
        view.wal.foreign = foreign.all;
        view.of_either = foreign.of_either;
        self.end_at_holes(&mut view.wal);
        self.begin_after_earlier(&mut view.wal);
        self.end_at_next(&mut view.wal);
        view
    }

    /// Returns which cluster wrote a segment that arrived at a moment.
    fn writer_of(&self, timeline: TimelineId, number: u64, arrived_at: DateTime<Utc>) -> Writer {
        let segment = (timeline, number);
        let own = if self.has_earlier { self.beginning() } else { None };
        if self.after.is_some_and(|after| arrived_at <= after)
            || own.is_some_and(|own| own.rules_out(segment, arrived_at))
            || self.later.iter().any(|later| arrived_at >= later.first_backup_at)
        {
            return Writer::Other;
        }
        let may_be_of = |later: &Beginning| {
            let are_alike = later.segment_size == self.segment_size;
            arrived_at >= later.at && !(are_alike && later.rules_out(segment, arrived_at))
        };
        if self.later.iter().any(may_be_of) {
            return Writer::Either;
        }
        // Between the last backup of the one and the first backup of the other, WAL is of either.
        let is_before = |at: DateTime<Utc>| at - arrived_at > SMALL_SKEW;
        let is_early = self.after.is_some()
            && self.created_at.is_none()
            && self.first_backup_at.is_some_and(is_before);
        let is_beyond = match self.first_end {
            Some(FirstEnd { segment, .. }) => timeline != segment.0 || number > segment.1,
            None => !self.last_ends.contains_key(&timeline),
        };
        if is_early && is_beyond { Writer::Either } else { Writer::This }
    }

    /// Returns true if the cluster is the writer of every segment that arrived between these moments,
    /// whatever its name; otherwise each segment must be asked for.
    fn is_writer_between(&self, earliest: DateTime<Utc>, latest: DateTime<Utc>) -> bool {
        let has_begun = |at: DateTime<Utc>| at - earliest <= SMALL_SKEW;
        let first_end_at = self.first_end.map(|end| end.began_at);
        self.after.is_none_or(|after| earliest > after)
            && (!self.has_earlier
                || self.first_backup_at.into_iter().chain(first_end_at).all(has_begun))
            && self.later.iter().all(|later| latest < later.at.min(later.first_backup_at))
    }

    fn foreign(
        &self,
        inventory: &WalInventory,
        size: SegmentSize,
        lacking: &mut BTreeSet<WalDir>,
    ) -> Foreign {
        let mut foreign = Foreign::default();
        let mut mixed = Vec::new();
        let per_wal_dir = u64::from(size.segments_per_wal_dir());
        for (name, wal_dir) in &inventory.dirs {
            let first = u64::from(name.high) * per_wal_dir;
            let Some(others) = self.of_others(*name, first, wal_dir) else {
                mixed.push(*name);
                continue;
            };
            for (run, writer) in others {
                let run = Run { first: first + run.first, last: first + run.last };
                foreign.all.entry(name.timeline).or_default().insert_run(run);
                if writer == Writer::Either {
                    foreign.of_either.entry(name.timeline).or_default().insert_run(run);
                }
            }
        }
        lacking.extend(mixed.into_iter().take(MOST_MIXED_WAL_DIRS));
        foreign
    }

    /// Returns the segments of a WAL directory, by their numbers within it, that another cluster wrote or may
    /// have written. `None` if its files are forgotten, and the ends of a run have different writers.
    fn of_others(
        &self,
        name: WalDir,
        first: u64,
        wal_dir: &WalDirInventory,
    ) -> Option<Vec<(Run, Writer)>> {
        // In nearly every WAL directory; to look at each of millions of segments takes long.
        if wal_dir
            .arrivals
            .is_none_or(|(earliest, latest)| self.is_writer_between(earliest, latest))
        {
            return Some(Vec::new());
        }
        let writer_of = |segment: u32, arrived_at: DateTime<Utc>| {
            self.writer_of(name.timeline, first + u64::from(segment), arrived_at)
        };
        let is_of_other = |(_, writer): &(Run, Writer)| *writer != Writer::This;
        if let Some(segments) = served_segments(wal_dir) {
            let writers = segments.map(|(segment, at)| {
                let number = u64::from(segment);
                (Run { first: number, last: number }, writer_of(segment, at))
            });
            return Some(writers.filter(is_of_other).collect());
        }
        let writer_of_end = |number: u64| {
            let segment = u32::try_from(number).ok()?;
            Some(writer_of(segment, wal_dir.arrived_at(segment)?))
        };
        let writers = wal_dir.segments.iter().map(|run| {
            let writer = writer_of_end(run.first)?;
            (writer_of_end(run.last)? == writer).then_some((run, writer))
        });
        writers.filter(|of_run| of_run.as_ref().is_none_or(is_of_other)).collect()
    }

    /// Removes what the next cluster's backups need, if arrivals cannot separate the two.
    fn end_at_next(&self, view: &mut ArchivedWal) {
        for (timeline, begin) in &self.ends_before {
            let first = self
                .last_ends
                .get(timeline)
                .map_or(*begin, |last| begin.max(&(last + 1)).to_owned());
            remove_run(view, *timeline, Run { first, last: u64::MAX });
        }
    }

    /// Removes what follows a gap behind the last backup, unless it is known when the next cluster was
    /// created: it may be that one's WAL from before its first backup.
    fn end_at_holes(&self, view: &mut ArchivedWal) {
        let is_vague = |later: &Beginning| later.at == later.first_backup_at;
        if self.ends_before.is_empty() && !self.later.iter().any(is_vague) {
            return;
        }
        let present = view.present();
        for (timeline, last_end) in &self.last_ends {
            let segments = present.get(timeline).cloned().unwrap_or_default();
            if let Some(hole) = segments.first_missing(*last_end, u64::MAX) {
                remove_run(view, *timeline, Run { first: hole, last: u64::MAX });
            }
        }
    }

    /// Removes what earlier clusters wrote, if arrivals cannot separate them from this one: behind a
    /// gap after the last backup, and on timelines on which this one has no backup.
    fn begin_after_earlier(&self, view: &mut ArchivedWal) {
        let present = view.present();
        for (timeline, earlier) in &self.earlier {
            let segments = present.get(timeline).cloned().unwrap_or_default();
            match self.last_ends.get(timeline) {
                Some(last_end) => {
                    let mut behind = segments.iter().filter(|run| run.first > *last_end);
                    let reaches =
                        |run: &Run| run.last >= earlier.first && run.first <= earlier.last;
                    if let Some(run) = behind.find(reaches) {
                        remove_run(view, *timeline, Run { first: run.first, last: u64::MAX });
                    }
                }
                None => segments
                    .iter()
                    .filter(|run| run.first <= earlier.last)
                    .for_each(|run| remove_run(view, *timeline, run)),
            }
        }
    }
}

/// Returns the segments of a WAL directory with the arrival times of the objects that a restore takes: if there
/// are several endings, the first one in the order of keys. `None` if the files are forgotten.
fn served_segments(
    wal_dir: &WalDirInventory,
) -> Option<impl Iterator<Item = (u32, DateTime<Utc>)>> {
    let files = wal_dir.files()?;
    let segments = files.filter(|file| matches!(file.kind, WalKind::Segment(_)));
    let mut last = None;
    let first = segments.filter(move |file| last.replace(file.segment) != Some(file.segment));
    Some(first.map(|file| (file.segment, file.arrived_at)))
}

fn remove_run(view: &mut ArchivedWal, timeline: TimelineId, run: Run) {
    let removed = SegmentSets::from([(timeline, Runs::from_run(run))]);
    remove(&mut view.segments, &removed);
    remove(&mut view.wrong_size, &removed);
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

#[cfg(test)]
mod tests;
