//! Objects and bytes of a set of a server's segments.

use std::collections::{BTreeMap, BTreeSet};

use barman_archive::inventory::{SomeObjects, WalInventory};
use barman_archive::postgres::{Run, Runs, SegmentSize, TimelineId, WalDir};

/// Objects and bytes of these segments, given by their numbers on their timelines; segments that
/// are not present count nothing. `None` if unknown: the WAL directories that must be listed again
/// are then added to `lacking`.
pub(super) fn stored_segments(
    wal: &WalInventory,
    size: SegmentSize,
    segments: &BTreeMap<TimelineId, Runs>,
    lacking: &mut BTreeSet<WalDir>,
) -> Option<SomeObjects> {
    let per_wal_dir = u64::from(size.segments_per_wal_dir());
    let mut sum = Some(SomeObjects::default());
    for (name, wal_dir) in &wal.dirs {
        let Some(runs) = segments.get(&name.timeline) else { continue };
        let first = u64::from(name.high) * per_wal_dir;
        let in_wal_dir = runs.within(first, first + per_wal_dir - 1);
        let in_wal_dir: Vec<Run> = in_wal_dir
            .iter()
            .map(|run| Run { first: run.first - first, last: run.last - first })
            .collect();
        let part = wal_dir.segments_in(&in_wal_dir);
        if part.is_none() {
            lacking.insert(*name);
        }
        sum = sum.zip(part).map(|(sum, part)| sum.plus(part));
    }
    sum
}
