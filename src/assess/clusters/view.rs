//! WAL of a directory, as a restore of one cluster's backups finds it.

use std::collections::BTreeSet;

use barman_archive::barman::WalKind;
use barman_archive::inventory::{WalDirInventory, WalInventory};
use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineId, WalDir};
use barman_archive::recovery::{ArchivedWal, SegmentSets};
use chrono::{DateTime, Utc};

use super::Cluster;
use super::writer::Writer;

/// WAL of a directory, as a restore of one cluster's backups finds it.
pub(in crate::assess) struct View {
    pub(in crate::assess) wal: ArchivedWal,
    /// Segments among the foreign ones that may be of this cluster all the same.
    pub(in crate::assess) of_either: SegmentSets,
}

/// Segments that a cluster did not write, or may not have written.
#[derive(Default)]
struct Foreign {
    all: SegmentSets,
    of_either: SegmentSets,
}

/// Segments of a WAL directory, by their numbers within it, with their writer.
struct WrittenRun {
    run: Run,
    writer: Writer,
}

/// Maximum number of WAL directories that are listed again to tell whose their segments are. Clusters meet in a
/// few WAL directories; in more of them only if arrival times say nothing.
const MOST_MIXED_WAL_DIRS: usize = 64;

impl Cluster {
    /// Returns the WAL that a restore of this cluster's backups finds. Adds to `to_list` the WAL
    /// directories whose files must be listed again to tell whose they are.
    pub(in crate::assess) fn view(
        &self,
        wal: &ArchivedWal,
        inventory: &WalInventory,
        to_list: &mut BTreeSet<WalDir>,
    ) -> View {
        let mut view = View {
            wal: wal.clone(),
            of_either: SegmentSets::new(),
        };
        if self.is_alone() {
            return view;
        }
        let foreign = Foreign::of(self, inventory, wal.size, to_list);
        for sets in [
            &mut view.wal.segments,
            &mut view.wal.wrong_size,
            &mut view.wal.cold,
        ] {
            remove(sets, &foreign.all);
        }
        let own = own_partials(self, inventory, wal.size);
        view.wal.partials.retain(|partial| own.contains(partial));
        view.wal.foreign = foreign.all;
        view.of_either = foreign.of_either;
        end_at_holes(self, &mut view.wal);
        begin_after_earlier(self, &mut view.wal);
        end_at_next(self, &mut view.wal);
        view
    }
}

/// Partial segments that a cluster wrote.
fn own_partials(
    cluster: &Cluster,
    inventory: &WalInventory,
    size: SegmentSize,
) -> BTreeSet<(TimelineId, u64)> {
    let mut own = BTreeSet::new();
    for (name, partial) in inventory.partials() {
        let Some(number) = name.number(size) else {
            continue;
        };
        if cluster.writer_of(name.timeline, number, partial.arrived_at) == Writer::This {
            own.insert((name.timeline, number));
        }
    }
    own
}

impl Foreign {
    fn of(
        cluster: &Cluster,
        inventory: &WalInventory,
        size: SegmentSize,
        to_list: &mut BTreeSet<WalDir>,
    ) -> Self {
        let mut foreign = Self::default();
        let mut mixed = Vec::new();
        let per_wal_dir = u64::from(size.segments_per_wal_dir());
        for (name, wal_dir) in &inventory.dirs {
            let first = u64::from(name.high) * per_wal_dir;
            let Some(written) = written_by_others(cluster, *name, first, wal_dir) else {
                mixed.push(*name);
                continue;
            };
            for WrittenRun { run, writer } in written {
                let run = Run {
                    first: first + run.first,
                    last: first + run.last,
                };
                foreign
                    .all
                    .entry(name.timeline)
                    .or_default()
                    .insert_run(run);
                if writer == Writer::Either {
                    foreign
                        .of_either
                        .entry(name.timeline)
                        .or_default()
                        .insert_run(run);
                }
            }
        }
        to_list.extend(mixed.into_iter().take(MOST_MIXED_WAL_DIRS));
        foreign
    }
}

/// Returns the segments of a WAL directory that another cluster wrote or may have written. `None` if
/// its files are forgotten, and the ends of a run have different writers.
fn written_by_others(
    cluster: &Cluster,
    name: WalDir,
    first: u64,
    wal_dir: &WalDirInventory,
) -> Option<Vec<WrittenRun>> {
    // In nearly every WAL directory; to look at each of millions of segments takes long.
    let Some((earliest, latest)) = wal_dir.arrivals else {
        return Some(Vec::new());
    };
    if cluster.is_writer_between(earliest, latest) {
        return Some(Vec::new());
    }
    let writer_of = |segment: u32, arrived_at: DateTime<Utc>| {
        cluster.writer_of(name.timeline, first + u64::from(segment), arrived_at)
    };
    let mut written = Vec::new();
    if let Some(segments) = served_segments(wal_dir) {
        for (segment, arrived_at) in segments {
            let number = u64::from(segment);
            let run = Run {
                first: number,
                last: number,
            };
            written.push(WrittenRun {
                run,
                writer: writer_of(segment, arrived_at),
            });
        }
    } else {
        for run in wal_dir.segments.iter() {
            let first = u32::try_from(run.first).ok()?;
            let last = u32::try_from(run.last).ok()?;
            let writer = writer_of(first, wal_dir.arrived_at(first)?);
            if writer_of(last, wal_dir.arrived_at(last)?) != writer {
                return None;
            }
            written.push(WrittenRun { run, writer });
        }
    }
    written.retain(|written| written.writer != Writer::This);
    Some(written)
}

/// Returns the segments of a WAL directory with the arrival times of the objects that a restore
/// takes: if there are several endings, the first one in the order of keys. `None` if the files are
/// forgotten.
fn served_segments(wal_dir: &WalDirInventory) -> Option<Vec<(u32, DateTime<Utc>)>> {
    let mut segments = Vec::new();
    let mut last = None;
    for file in wal_dir.files()? {
        if matches!(file.kind, WalKind::Segment(_))
            && last.replace(file.segment) != Some(file.segment)
        {
            segments.push((file.segment, file.arrived_at));
        }
    }
    Some(segments)
}

/// Removes what the next cluster's backups need, if arrivals cannot separate the two.
fn end_at_next(cluster: &Cluster, view: &mut ArchivedWal) {
    for (timeline, begin) in &cluster.ends_before {
        let first = match cluster.last_ends.get(timeline) {
            Some(last) => *begin.max(&(last + 1)),
            None => *begin,
        };
        remove_run(
            view,
            *timeline,
            Run {
                first,
                last: u64::MAX,
            },
        );
    }
}

/// Removes what follows a gap behind the last backup, unless the creation time of the next cluster is
/// known: it may be that one's WAL from before its first backup.
fn end_at_holes(cluster: &Cluster, view: &mut ArchivedWal) {
    let is_vague = cluster
        .later
        .iter()
        .any(|later| later.at == later.first_backup_at);
    if cluster.ends_before.is_empty() && !is_vague {
        return;
    }
    let present = view.present();
    for (timeline, last_end) in &cluster.last_ends {
        let segments = present.get(timeline).cloned().unwrap_or_default();
        if let Some(hole) = segments.first_missing(*last_end, u64::MAX) {
            remove_run(
                view,
                *timeline,
                Run {
                    first: hole,
                    last: u64::MAX,
                },
            );
        }
    }
}

/// Removes what earlier clusters wrote, if arrivals cannot separate them from this one: behind a gap
/// after the last backup, and on timelines on which this one has no backup.
fn begin_after_earlier(cluster: &Cluster, view: &mut ArchivedWal) {
    let present = view.present();
    for (timeline, earlier) in &cluster.earlier {
        let segments = present.get(timeline).cloned().unwrap_or_default();
        match cluster.last_ends.get(timeline) {
            Some(last_end) => {
                let overlapping = segments.iter().find(|run| {
                    run.first > *last_end && run.last >= earlier.first && run.first <= earlier.last
                });
                if let Some(run) = overlapping {
                    remove_run(
                        view,
                        *timeline,
                        Run {
                            first: run.first,
                            last: u64::MAX,
                        },
                    );
                }
            }
            None => {
                for run in segments.iter().filter(|run| run.first <= earlier.last) {
                    remove_run(view, *timeline, run);
                }
            }
        }
    }
}

fn remove_run(view: &mut ArchivedWal, timeline: TimelineId, run: Run) {
    let removed = SegmentSets::from([(timeline, Runs::from_run(run))]);
    remove(&mut view.segments, &removed);
    remove(&mut view.wrong_size, &removed);
}

/// Removes segments from sets of them.
pub(in crate::assess) fn remove(sets: &mut SegmentSets, removed: &SegmentSets) {
    for (timeline, runs) in removed {
        if let Some(segments) = sets.get_mut(timeline) {
            *segments = segments.without(runs);
        }
    }
    sets.retain(|_, runs| !runs.is_empty());
}
