//! Anomalies in a server's WAL.
//!
//! `docs/specification.md`, 18.4.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{SmallFiles, SomeNames, Sums, WalInventory, WalObjectKind};
use barman_archive::postgres::{SegmentName, SegmentSize, TimelineId};
use barman_archive::recovery::{TimelinesSeen, stray_timelines};

use crate::report::{ServerReport, WalAnomaly};

/// Maximum number of segments of a timeline that are examined for their names.
const MOST_OF_TIMELINE: usize = 20;

/// Counts the anomalies of every kind that can be judged.
pub(super) fn wal_anomalies(
    wal: &WalInventory,
    report: &ServerReport,
    files: &SmallFiles,
) -> BTreeMap<WalAnomaly, u64> {
    let sizes = segment_sizes(wal, report);
    let kinds = wal.kinds();
    let mut wrong_sizes = 0;
    let mut duplicates = 0;
    let mut overwritten = 0;
    for wal_dir in wal.dirs.values() {
        wrong_sizes += wal_dir.wrong_sizes(&sizes);
        duplicates += wal_dir.irregularities().duplicates;
        overwritten += wal_dir.irregularities().overwritten;
    }
    let mut anomalies = BTreeMap::from([
        (WalAnomaly::Duplicate, duplicates),
        (
            WalAnomaly::Misplaced,
            objects(&kinds, WalObjectKind::Misplaced),
        ),
        (WalAnomaly::Overwritten, overwritten),
        (WalAnomaly::Foreign, objects(&kinds, WalObjectKind::Foreign)),
    ]);
    // Without a readable file that states the segment size, there may be others.
    if wrong_sizes > 0 || !sizes.is_empty() || !report.refused_since(None) {
        anomalies.insert(WalAnomaly::Size, wrong_sizes);
    }
    if strays(wal, report, files).is_some() {
        anomalies.insert(
            WalAnomaly::StrayTimeline,
            report.recovery.stray.len() as u64,
        );
    }
    anomalies
}

fn objects(kinds: &BTreeMap<WalObjectKind, Sums>, kind: WalObjectKind) -> u64 {
    kinds.get(&kind).map_or(0, |sums| sums.objects)
}

/// Names of a few anomalies, by kind. Stray timelines have a list of their own.
pub(super) fn odd_names(
    wal: &WalInventory,
    report: &ServerReport,
) -> BTreeMap<WalAnomaly, SomeNames> {
    let mut names: BTreeMap<WalAnomaly, SomeNames> = BTreeMap::new();
    names.insert(WalAnomaly::Size, wrong_sizes(report));
    for (name, wal_dir) in &wal.dirs {
        let irregularities = wal_dir.irregularities();
        let duplicates = names.entry(WalAnomaly::Duplicate).or_default();
        for segment in &irregularities.duplicate_segments {
            duplicates.add(&name.segment(*segment).to_string());
        }
        let overwritten = names.entry(WalAnomaly::Overwritten).or_default();
        for segment in &irregularities.overwritten_segments {
            overwritten.add(&name.segment(*segment).to_string());
        }
        add_all(
            names.entry(WalAnomaly::Misplaced).or_default(),
            &irregularities.misplaced_keys,
        );
        add_all(
            names.entry(WalAnomaly::Foreign).or_default(),
            &irregularities.foreign_keys,
        );
    }
    add_all(
        names.entry(WalAnomaly::Misplaced).or_default(),
        &wal.outside_wal_dirs.misplaced_keys,
    );
    add_all(
        names.entry(WalAnomaly::Foreign).or_default(),
        &wal.outside_wal_dirs.foreign_keys,
    );
    names.retain(|_, names| !names.is_empty());
    names
}

fn add_all(names: &mut SomeNames, more: &SomeNames) {
    for name in more.iter() {
        names.add(name);
    }
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

/// Segment sizes of a server: as stated by its backups, otherwise as shown by uncompressed
/// segments.
///
/// A directory that was used for two databases may have two sizes.
pub(super) fn segment_sizes(wal: &WalInventory, report: &ServerReport) -> BTreeSet<SegmentSize> {
    let mut sizes = BTreeSet::new();
    for backup in &report.backups {
        sizes.extend(backup.info.as_ref().map(|info| info.segment_size));
    }
    if sizes.is_empty() {
        sizes.extend(
            wal.dirs
                .values()
                .find_map(|wal_dir| wal_dir.uncompressed_size()),
        );
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
    let newest = report.newest_done().and_then(|backup| backup.info.as_ref());
    let newest = newest.and_then(|info| info.done());
    let end = newest.and_then(|done| Some((done.end_wal.timeline, done.end_lsn?)));
    let mut seen = TimelinesSeen {
        newest_backup_end: end,
        ..TimelinesSeen::default()
    };
    for (timeline, file) in &wal.outside_wal_dirs.histories {
        if end.is_none_or(|(own, _)| *timeline > own) {
            seen.histories.insert(*timeline, files.history(file)?);
        }
    }
    for (_, backup) in report.done() {
        if let Some(done) = backup.info.as_ref().and_then(|info| info.done()) {
            seen.with_backups
                .extend([done.begin_wal.timeline, done.end_wal.timeline]);
        }
    }
    let is_judged = end.is_some() || seen.histories.is_empty();
    is_judged.then(|| stray_timelines(&seen))
}
