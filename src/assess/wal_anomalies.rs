//! Anomalies in a server's WAL.
//!
//! `docs/specification.md`, 18.4.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{
    Irregularities, SmallFiles, SomeNames, WalDirInventory, WalInventory, WalObjectKind,
};
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId};
use barman_archive::recovery::{TimelinesSeen, stray_timelines};

use crate::report::{ServerReport, WalAnomaly};

/// Counts the anomalies of every kind that can be judged.
pub(super) fn wal_anomalies(
    wal: &WalInventory,
    report: &ServerReport,
    files: &SmallFiles,
) -> BTreeMap<WalAnomaly, u64> {
    let (sizes, kinds) = (segment_sizes(wal, report), wal.kinds());
    let objects = |kind| kinds.get(&kind).map_or(0, |sums| sums.objects);
    let sum = |count: fn(&WalDirInventory) -> u64| {
        wal.dirs.values().map(|wal_dir| count(wal_dir)).sum::<u64>()
    };
    let count = |anomaly| match anomaly {
        WalAnomaly::Size => {
            let wrong: u64 = wal.dirs.values().map(|wal_dir| wal_dir.wrong_sizes(&sizes)).sum();
            // No readable file states the segment size.
            let is_unknown = wrong == 0 && sizes.is_empty() && report.refused_since(None);
            (!is_unknown).then_some(wrong)
        }
        WalAnomaly::Duplicate => Some(sum(|wal_dir| wal_dir.irregularities().duplicates)),
        WalAnomaly::Misplaced => Some(objects(WalObjectKind::Misplaced)),
        WalAnomaly::Overwritten => Some(sum(|wal_dir| wal_dir.irregularities().overwritten)),
        WalAnomaly::Foreign => Some(objects(WalObjectKind::Foreign)),
        WalAnomaly::StrayTimeline => {
            strays(wal, report, files).map(|_| report.recovery.stray.len() as u64)
        }
    };
    WalAnomaly::ALL.into_iter().filter_map(|anomaly| Some((anomaly, count(anomaly)?))).collect()
}

/// Names of a few anomalies, by kind.
pub(super) fn odd_names(
    wal: &WalInventory,
    report: &ServerReport,
) -> BTreeMap<WalAnomaly, SomeNames> {
    let names = |anomaly| match anomaly {
        WalAnomaly::Size => wrong_sizes(report),
        WalAnomaly::Duplicate => segments(wal, |irregularities| &irregularities.duplicate_segments),
        WalAnomaly::Overwritten => {
            segments(wal, |irregularities| &irregularities.overwritten_segments)
        }
        WalAnomaly::Misplaced => {
            let of_wal_dirs = wal
                .dirs
                .values()
                .flat_map(|wal_dir| wal_dir.irregularities().misplaced_keys.iter());
            of_wal_dirs.chain(wal.beside.misplaced_keys.iter()).collect()
        }
        WalAnomaly::Foreign => {
            let of_wal_dirs =
                wal.dirs.values().flat_map(|wal_dir| wal_dir.irregularities().foreign_keys.iter());
            of_wal_dirs.chain(wal.beside.foreign_keys.iter()).collect()
        }
        // Stray timelines have a list of their own.
        WalAnomaly::StrayTimeline => SomeNames::default(),
    };
    let all = WalAnomaly::ALL.into_iter().map(|anomaly| (anomaly, names(anomaly)));
    all.filter(|(_, names)| !names.is_empty()).collect()
}

/// Segments of an impossible size, at most the first [`MOST_OF_TIMELINE`] of each timeline.
fn wrong_sizes(report: &ServerReport) -> SomeNames {
    let (sizes, size) = (&report.recovery.wrong_size, report.recovery.segment_size);
    let mut names = SomeNames::default();
    for (timeline, runs) in sizes {
        let numbers = runs.iter().flat_map(|run| run.first..=run.last);
        for number in numbers.take(MOST_OF_TIMELINE) {
            names.add(&SegmentName::from_number(*timeline, number, size).to_string());
        }
    }
    names
}

/// Maximum number of segments of a timeline that are examined for their names.
const MOST_OF_TIMELINE: usize = 20;

fn segments(wal: &WalInventory, of: fn(&Irregularities) -> &BTreeSet<u32>) -> SomeNames {
    let of_wal_dirs = wal.dirs.iter().flat_map(|(name, wal_dir)| {
        of(wal_dir.irregularities()).iter().map(|segment| name.segment(*segment).to_string())
    });
    of_wal_dirs.collect()
}

/// Segment sizes of a server: as stated by its backups, otherwise as shown by uncompressed
/// segments.
///
/// A directory that was used for two databases may have two sizes.
pub(super) fn segment_sizes(wal: &WalInventory, report: &ServerReport) -> BTreeSet<SegmentSize> {
    let infos = report.backups.iter().filter_map(|backup| backup.info.as_ref());
    let mut sizes: BTreeSet<_> = infos.map(|info| info.segment_size).collect();
    if sizes.is_empty() {
        sizes.extend(wal.dirs.values().find_map(|wal_dir| wal_dir.uncompressed_size()));
    }
    sizes
}

/// Timelines that a restored copy may have written.
///
/// `None` if there are history files and the information needed to judge them is missing.
pub(super) fn strays(
    wal: &WalInventory,
    report: &ServerReport,
    files: &SmallFiles,
) -> Option<BTreeSet<TimelineId>> {
    let done = report.done();
    let infos = done.iter().filter_map(|(_, backup)| backup.info.as_ref());
    let newest = report.newest_done().and_then(|backup| backup.info.as_ref());
    let newest = newest.and_then(|info| info.done());
    let end = newest.and_then(|done| Some((done.end_wal.timeline, done.end_lsn?)));
    let above = wal.beside.histories.iter().filter(|(id, _)| end.is_none_or(|(own, _)| **id > own));
    let histories = above.map(|(timeline, file)| Some((*timeline, files.history(file)?)));
    let seen = TimelinesSeen {
        histories: histories.collect::<Option<_>>()?,
        with_backups: infos
            .flat_map(|info| [info.begin_wal(), info.end_wal()])
            .flatten()
            .map(|segment| segment.timeline)
            .collect(),
        newest_backup_end: end,
    };
    let is_judged = end.is_some() || seen.histories.is_empty();
    is_judged.then(|| stray_timelines(&seen))
}
