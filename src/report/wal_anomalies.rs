//! What is odd about a server's WAL.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{Files, LogInventory, WalInventory};
use crate::postgres::SegmentSize;
use crate::recovery::{TimelinesSeen, stray_timelines};

use super::{ServerReport, WalAnomaly};

/// Counts what is odd, every kind of it.
pub(super) fn wal_anomalies(
    wal: &WalInventory,
    report: &ServerReport,
    files: &Files,
) -> BTreeMap<WalAnomaly, u64> {
    let sizes = segment_sizes(wal, report);
    let sum = |count: fn(&LogInventory) -> u64| wal.logs.values().map(count).sum::<u64>();
    let count = |anomaly| match anomaly {
        WalAnomaly::Size => wal.logs.values().map(|log| log.wrong_sizes(&sizes)).sum(),
        WalAnomaly::Duplicate => sum(|log| log.duplicates),
        WalAnomaly::Misplaced => wal.misplaced.objects,
        WalAnomaly::Overwritten => sum(|log| log.overwritten),
        WalAnomaly::Foreign => wal.foreign.objects,
        WalAnomaly::StrayTimeline => count_stray_timelines(wal, report, files),
    };
    WalAnomaly::ALL.into_iter().map(|anomaly| (anomaly, count(anomaly))).collect()
}

/// The sizes that a server's segments have: as its backups say, else as uncompressed ones show.
///
/// A directory that was used for two databases may have two.
fn segment_sizes(wal: &WalInventory, report: &ServerReport) -> BTreeSet<SegmentSize> {
    let infos = report.backups.iter().filter_map(|backup| backup.info.as_ref());
    let mut sizes: BTreeSet<_> = infos.map(|info| info.segment_size).collect();
    if sizes.is_empty() {
        sizes.extend(wal.logs.values().find_map(LogInventory::uncompressed_size));
    }
    sizes
}

fn count_stray_timelines(wal: &WalInventory, report: &ServerReport, files: &Files) -> u64 {
    let done = report.done();
    let infos = done.iter().filter_map(|(_, backup)| backup.info.as_ref());
    let histories = wal.histories.iter();
    let seen = TimelinesSeen {
        histories: histories
            .filter_map(|(timeline, file)| Some((*timeline, files.history(file)?)))
            .collect(),
        with_backups: infos
            .flat_map(|info| [info.begin_wal, info.end_wal])
            .flatten()
            .map(|segment| segment.timeline)
            .collect(),
        newest_backup_end: report.newest_done().and_then(|backup| {
            let info = backup.info.as_ref()?;
            Some((info.end_wal?.timeline, info.end_lsn?))
        }),
    };
    stray_timelines(&seen).len() as u64
}
